//! The statements of a like by themselves: what Cassandra takes, whoever sends them.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use scylla::client::session::Session;
use scylla::client::session_builder::SessionBuilder;
use scylla::statement::Consistency;
use scylla::statement::batch::{Batch, BatchType};
use scylla::statement::prepared::PreparedStatement;
use scylla::value::{CqlTimestamp, Row};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use super::Fault;
use super::world::{Addresses, World};
use crate::likes::{Likes, post_name, user_name};

/// As long as the row of a user who reacted once is, in bytes.
const MEMORY: usize = 64;
/// As long as a window of the outage journal.
const WINDOW: Duration = Duration::from_secs(10);

/// A session, and the statements on the tables of a world that nothing else uses.
pub(crate) struct Bare {
    runtime: Runtime,
    sender: Arc<Sender>,
}

struct Sender {
    session: Session,
    note: PreparedStatement,
    read: PreparedStatement,
    set_head: PreparedStatement,
    set_row: PreparedStatement,
    add_nobody: PreparedStatement,
    begun: Instant,
}

impl Bare {
    pub(crate) fn open(world: &World, at: &Addresses) -> Result<Self, Fault> {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let sender = Arc::new(runtime.block_on(Sender::open(&world.name, &at.cassandra))?);
        Ok(Self { runtime, sender })
    }

    /// As many likes, from as many callers at once; a caller has posts of its own, so that no
    /// condition fails.
    pub(crate) fn send(
        &self,
        callers: u64,
        likes: Likes,
        first: u64,
        count: u64,
    ) -> Result<Duration, Fault> {
        let next = Arc::new(AtomicU64::new(first));
        let begun = Instant::now();
        self.runtime.block_on(async {
            let mut calls = JoinSet::new();
            for caller in 0..callers {
                let (sender, next) = (Arc::clone(&self.sender), Arc::clone(&next));
                calls.spawn(async move {
                    sender.call((caller, callers), likes, &next, first + count).await
                });
            }
            while let Some(ended) = calls.join_next().await {
                ended.map_err(Fault::of)??;
            }
            Ok::<(), Fault>(())
        })?;
        Ok(begun.elapsed())
    }
}

impl Sender {
    async fn open(keyspace: &str, contact: &str) -> Result<Self, Fault> {
        let session = SessionBuilder::new().known_node(contact).build().await.map_err(Fault::of)?;
        session.use_keyspace(keyspace, true).await.map_err(Fault::of)?;
        let prepare = async |cql: &str, consistency| {
            let mut prepared = session.prepare(cql).await.map_err(Fault::of)?;
            prepared.set_consistency(consistency);
            Ok::<_, Fault>(prepared)
        };
        let quorum = Consistency::LocalQuorum;
        let note = "INSERT INTO pending (instance, window, post_id) VALUES (?, ?, ?)";
        let read = "SELECT user_id, memory, seq, version, counts, as_of FROM reactions \
                    WHERE post_id = ? AND bucket = 0 AND user_id IN ?";
        let set_head = "UPDATE reactions SET seq = ?, version = ?, counts = ?, as_of = ? \
                        WHERE post_id = ? AND bucket = 0 IF seq = ?";
        let set_row = "UPDATE reactions SET kind = 'like', reacted_at = ?, memory = ? \
                       WHERE post_id = ? AND bucket = 0 AND user_id = ?";
        let add_nobody = "INSERT INTO reactions (post_id, bucket, user_id) VALUES (?, 0, '')";
        Ok(Self {
            note: prepare(note, quorum).await?,
            read: prepare(read, quorum).await?,
            set_head: prepare(set_head, quorum).await?,
            set_row: prepare(set_row, quorum).await?,
            add_nobody: prepare(add_nobody, quorum).await?,
            session,
            begun: Instant::now(),
        })
    }

    async fn call(
        &self,
        (caller, callers): (u64, u64),
        likes: Likes,
        next: &AtomicU64,
        end: u64,
    ) -> Result<(), Fault> {
        let (mut window, mut noted) = (0, HashSet::new());
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= end {
                return Ok(());
            }
            let any = likes.post(number);
            let own = any - any % callers + caller;
            let post = post_name(own);
            let now = self.begun.elapsed().as_secs() / WINDOW.as_secs();
            if now != window {
                (window, noted) = (now, HashSet::new());
            }
            let is_new = noted.insert(own);
            self.like(&post, &user_name(number), is_new.then_some(window)).await?;
        }
    }

    async fn like(&self, post: &str, user: &str, window: Option<u64>) -> Result<(), Fault> {
        let note = async {
            if let Some(window) = window {
                let values = ("bare", window as i64, post);
                self.session.execute_unpaged(&self.note, values).await.map_err(Fault::of)?;
            }
            Ok::<(), Fault>(())
        };
        let read = self.session.execute_unpaged(&self.read, (post, vec!["", user]));
        let (_, read) = tokio::try_join!(note, async { read.await.map_err(Fault::of) })?;
        let rows = read.into_rows_result().map_err(Fault::of)?;
        let seq = rows.maybe_first_row::<Row>().map_err(Fault::of)?;
        let seq = seq.and_then(|row| row.columns.get(2)?.as_ref()?.as_bigint());
        self.commit(post, user, seq).await
    }

    async fn commit(&self, post: &str, user: &str, seq: Option<i64>) -> Result<(), Fault> {
        let new = seq.unwrap_or(0) + 1;
        let counts = BTreeMap::from([("like", new)]);
        let now = CqlTimestamp(1_800_000_000_000);
        let head = (new, new, counts, now, post, seq);
        let row = (now, vec![7_u8; MEMORY], post, user);
        let mut batch = Batch::new(BatchType::Unlogged);
        batch.set_consistency(Consistency::LocalQuorum);
        batch.append_statement(self.set_head.clone());
        batch.append_statement(self.set_row.clone());
        let result = if seq.is_none() {
            batch.append_statement(self.add_nobody.clone());
            self.session.batch(&batch, (head, row, (post,))).await
        } else {
            self.session.batch(&batch, (head, row)).await
        };
        let rows = result.map_err(Fault::of)?.into_rows_result().map_err(Fault::of)?;
        let applied = rows.first_row::<Row>().map_err(Fault::of)?;
        match applied.columns.first().and_then(|value| value.as_ref()?.as_boolean()) {
            Some(true) => Ok(()),
            _ => Err(Fault::Lost),
        }
    }
}
