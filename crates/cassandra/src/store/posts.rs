//! Posts: stored, hidden, and looked up. A post changes by a conditional write on its revision.

use std::sync::Arc;
use std::time::Duration;

use futures::stream::{self, StreamExt, TryStreamExt};
use kudos_core::ports::{PostMeta, Upserted};
use kudos_core::{Clock, Millis, PortError, Post, PostId};
use quick_cache::sync::Cache;
use scylla::statement::prepared::PreparedStatement;
use scylla::value::CqlTimestamp;
use tokio::time::Instant;

use super::timeline::Timeline;
use crate::codec::{damaged, from_bigint, millis, timestamp};
use crate::error::ConnectError;
use crate::session::Db;
use crate::settings::CassandraSettings;

/// Point reads of one call that are under way at once.
const IN_PARALLEL: usize = 32;
/// How long a write that lost waits at most before it starts over.
const WAIT: Duration = Duration::from_millis(20);

/// What is stored of a post.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stored {
    /// The post; without texts if it was only reacted to.
    pub(crate) post: Post,
    /// Whether somebody stored it.
    pub(crate) has_text: bool,
    pub(crate) hidden: bool,
    pub(crate) revision: i64,
}

impl Stored {
    fn meta(&self) -> PostMeta {
        PostMeta { created_at: self.post.created_at, hidden: self.hidden }
    }

    pub(crate) fn visible(self) -> Option<Post> {
        (self.has_text && !self.hidden).then_some(self.post)
    }
}

/// A row of `posts`: its revision, and the post unless it is only a fence.
#[derive(Debug, Clone, Default)]
struct Row {
    revision: Option<i64>,
    stored: Option<Stored>,
}

pub(crate) type PostColumns = (
    Option<String>,
    Option<String>,
    Option<String>,
    Option<CqlTimestamp>,
    Option<bool>,
    Option<i64>,
);

/// The columns of [`PostColumns`].
pub(crate) const POST_COLUMNS: &str = "title, body, author, created_at, hidden, revision";

pub(crate) struct Posts {
    pub(crate) db: Arc<Db>,
    clock: Arc<dyn Clock>,
    timeline: Timeline,
    metas: Cache<PostId, (PostMeta, Instant)>,
    meta_ttl: Duration,
    timeout: Duration,
    select: PreparedStatement,
    settled_select: PreparedStatement,
    store: PreparedStatement,
    introduce: PreparedStatement,
    hide: PreparedStatement,
    set_revision: PreparedStatement,
}

impl Posts {
    pub(crate) async fn prepare(
        db: Arc<Db>,
        clock: Arc<dyn Clock>,
        settings: &CassandraSettings,
    ) -> Result<Self, ConnectError> {
        let select = format!("SELECT {POST_COLUMNS} FROM posts WHERE post_id = ?");
        let store = "UPDATE posts SET title = ?, body = ?, author = ?, created_at = ?, \
                     hidden = false, revision = ?, updated_at = ? WHERE post_id = ? \
                     IF revision = ?";
        let introduce = "UPDATE posts SET created_at = ?, revision = ?, updated_at = ? \
                         WHERE post_id = ? IF revision = ?";
        let hide = "UPDATE posts SET hidden = true, revision = ?, updated_at = ? \
                    WHERE post_id = ? IF revision = ?";
        let set_revision = "UPDATE posts SET revision = ? WHERE post_id = ? IF revision = ?";
        Ok(Self {
            timeline: Timeline::prepare(Arc::clone(&db), settings).await?,
            metas: Cache::new(settings.post_cache),
            meta_ttl: settings.post_ttl,
            timeout: settings.commit_timeout,
            select: db.read(&select, settings).await?,
            settled_select: db.settling_read(&select, settings).await?,
            store: db.conditional(store, settings).await?,
            introduce: db.conditional(introduce, settings).await?,
            hide: db.conditional(hide, settings).await?,
            set_revision: db.conditional(set_revision, settings).await?,
            clock,
            db,
        })
    }

    /// Stores a post.
    pub(crate) async fn upsert(&self, post: &Post) -> Result<Upserted, PortError> {
        self.change(&post.id, Edit::Store(post)).await
    }

    /// Hides a post; false if it was not visible or is not known.
    pub(crate) async fn hide(&self, id: &PostId) -> Result<bool, PortError> {
        Ok(self.change(id, Edit::Hide).await? == Upserted::Updated)
    }

    /// Since when a post counts as created. One that was only reacted to becomes known, as of `at`.
    /// Of those who ask at once one looks it up: else the first likes of a post that many see would
    /// hinder each other in making it known.
    pub(crate) async fn created_at(&self, id: &PostId, at: Millis) -> Result<Millis, PortError> {
        if let Some(meta) = self.held(id) {
            return Ok(meta.created_at);
        }
        self.metas.remove_if(id, |(_, read)| read.elapsed() >= self.meta_ttl);
        let looked_up = async {
            let read = Instant::now();
            let mut stored = self.get(id, false).await?;
            if stored.is_none() {
                self.change(id, Edit::Introduce(at)).await?;
                // Another writer may have been first.
                stored = self.get(id, false).await?;
            }
            let unseen = PostMeta { created_at: at, hidden: false };
            Ok((stored.map_or(unseen, |stored| stored.meta()), read))
        };
        let (meta, _) = self.metas.get_or_insert_async(id, looked_up).await?;
        Ok(meta.created_at)
    }

    /// Raises the revision of a post and nothing else, so that no write that expects the old one
    /// can be applied any more.
    pub(crate) async fn fence(&self, id: &PostId) -> Result<(), PortError> {
        self.change(id, Edit::Fence).await.map(drop)
    }

    /// What is known of a post, possibly a few seconds old.
    pub(crate) async fn meta(&self, id: &PostId) -> Result<Option<PostMeta>, PortError> {
        if let Some(meta) = self.held(id) {
            return Ok(Some(meta));
        }
        let read = Instant::now();
        let meta = self.get(id, false).await?.map(|stored| stored.meta());
        if let Some(meta) = meta {
            self.metas.insert(id.clone(), (meta, read));
        }
        Ok(meta)
    }

    fn held(&self, id: &PostId) -> Option<PostMeta> {
        let (meta, read) = self.metas.get(id)?;
        (read.elapsed() < self.meta_ttl).then_some(meta)
    }

    /// One post, hidden or not; with `settled`, after finishing whatever is under way.
    pub(crate) async fn get(
        &self,
        id: &PostId,
        settled: bool,
    ) -> Result<Option<Stored>, PortError> {
        Ok(self.row(id, settled).await?.stored)
    }

    /// Posts in the order asked.
    pub(crate) async fn get_all(&self, ids: &[PostId]) -> Result<Vec<Option<Stored>>, PortError> {
        let reads: Vec<_> = ids.iter().map(|id| self.get(id, false)).collect();
        stream::iter(reads).buffered(IN_PARALLEL).try_collect().await
    }

    pub(crate) fn timeline(&self) -> &Timeline {
        &self.timeline
    }

    async fn row(&self, id: &PostId, settled: bool) -> Result<Row, PortError> {
        let select = if settled { &self.settled_select } else { &self.select };
        let rows = self.db.rows(select, (id.as_str(),)).await?;
        let row = rows.maybe_first_row::<PostColumns>().map_err(|e| damaged("post", e))?;
        Ok(row.map_or_else(Row::default, |columns| Row {
            revision: columns.5,
            stored: stored(id, columns),
        }))
    }

    /// Writes an edit on condition that the row is as it was read. A post's place in time is
    /// written before it: an entry there counts only once the post says the same.
    async fn write(&self, id: &PostId, edit: Edit<'_>, row: &Row) -> Result<bool, PortError> {
        let (next, id, held) = (row.revision.unwrap_or(0) + 1, id.as_str(), row.revision);
        let now = timestamp(self.clock.now());
        match edit {
            Edit::Store(post) => {
                self.timeline.enter(post, next).await?;
                let at = timestamp(post.created_at);
                let text = (&post.title, &post.body, &post.author);
                let values = (text.0, text.1, text.2, at, next, now, id, held);
                let written = self.db.run_if(&self.store, values).await?;
                if let (true, Some(old)) = (written, &row.stored) {
                    self.timeline.leave(&old.post, post.created_at, next).await;
                }
                Ok(written)
            }
            Edit::Introduce(at) => {
                self.db.run_if(&self.introduce, (timestamp(at), next, now, id, held)).await
            }
            Edit::Hide => self.db.run_if(&self.hide, (next, now, id, held)).await,
            Edit::Fence => self.db.run_if(&self.set_revision, (next, id, held)).await,
        }
    }

    /// Reads a post and changes it on condition, until no other change comes first. Whether a
    /// write in doubt was applied shows a settling read: if there is nothing left to change, it
    /// was; if there is, a new write has the same condition, so that only one of the two is
    /// applied.
    async fn change(&self, id: &PostId, edit: Edit<'_>) -> Result<Upserted, PortError> {
        let deadline = Instant::now() + self.timeout;
        let mut in_doubt = None;
        loop {
            let row = self.row(id, in_doubt.is_some()).await?;
            let outcome = edit.outcome(&row);
            let failed = match outcome {
                Upserted::Unchanged => {
                    self.metas.remove(id);
                    return Ok(in_doubt.unwrap_or(outcome));
                }
                _ => match self.write(id, edit, &row).await {
                    Ok(true) => {
                        self.metas.remove(id);
                        return Ok(outcome);
                    }
                    Ok(false) => PortError::Busy { retry_after: WAIT },
                    Err(error) => {
                        in_doubt = Some(outcome);
                        error
                    }
                },
            };
            if Instant::now() >= deadline {
                return Err(if in_doubt.is_some() { PortError::Timeout } else { failed });
            }
            tokio::time::sleep(WAIT.mul_f64(fastrand::f64())).await;
        }
    }
}

/// What is to be done with a post.
#[derive(Clone, Copy)]
enum Edit<'a> {
    Store(&'a Post),
    Hide,
    Introduce(Millis),
    Fence,
}

impl Edit<'_> {
    /// What the edit will have done to a post as it is.
    fn outcome(self, row: &Row) -> Upserted {
        match (self, &row.stored) {
            (Self::Fence, _) => Upserted::Updated,
            (Self::Store(post), Some(held)) if held.has_text => {
                let same = held.post == *post && !held.hidden;
                if same { Upserted::Unchanged } else { Upserted::Updated }
            }
            (Self::Store(_), _) | (Self::Introduce(_), None) => Upserted::Created,
            (Self::Hide, Some(held)) if !held.hidden => Upserted::Updated,
            (Self::Hide, _) | (Self::Introduce(_), Some(_)) => Upserted::Unchanged,
        }
    }
}

/// None for a row that holds only a revision: a fence where no post is.
pub(crate) fn stored(id: &PostId, columns: PostColumns) -> Option<Stored> {
    let (title, body, author, created_at, hidden, revision) = columns;
    let has_text = title.is_some();
    let post = Post {
        id: id.clone(),
        title: title.unwrap_or_default(),
        body: body.unwrap_or_default(),
        author: author.unwrap_or_default(),
        created_at: millis(created_at?),
    };
    let hidden = hidden.unwrap_or(false);
    Some(Stored { post, has_text, hidden, revision: revision.unwrap_or(0) })
}

/// How often a post was stored or hidden.
pub(crate) fn revision(stored: &Stored) -> u64 {
    from_bigint(stored.revision)
}
