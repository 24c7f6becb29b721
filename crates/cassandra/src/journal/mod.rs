//! The outage journal: what sinks may have missed, by writer and window.
//!
//! A writer has one row, its sign of life, that also says which of its windows are open. While all
//! goes well that row and the noted posts are all that is written: a clean window leaves nothing
//! to delete. A window with something to deliver gets a row of its own when it is closed. Of a
//! writer that gives no sign of life any more, the windows that its row calls open count as well.
//!
//! A writer that was stopped for so long that others may have taken it for dead, and then goes on,
//! takes all its open windows for missed.
//!
//! | question | file |
//! |---|---|
//! | what is open, and when is it closed? | `windows.rs` |
//! | who closes it? | `keeper.rs` |
//! | what is there to deliver? | `sweep.rs` |

mod keeper;
mod sweep;
mod windows;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use kudos_core::ports::{OutageJournal, Ticket};
use kudos_core::{Clock, Millis, PortError, PostId};
use parking_lot::Mutex;
use scylla::statement::prepared::PreparedStatement;

use crate::codec::{timestamp, to_bigint};
use crate::error::ConnectError;
use crate::session::Db;
use crate::settings::CassandraSettings;
pub(crate) use keeper::Keeper;
use sweep::Sweep;
use windows::{Entry, Open, Sign, Windows};

/// The journal of one writer, and the view of all writers' journals.
pub struct Journal {
    db: Arc<Db>,
    clock: Arc<dyn Clock>,
    instance: String,
    orphan_after: Duration,
    windows: Mutex<Windows>,
    /// When the last sign of life was written; none before the first.
    signed: Mutex<Option<Millis>>,
    note: PreparedStatement,
    sign: PreparedStatement,
    record: PreparedStatement,
    sweep: Sweep,
}

impl Journal {
    pub(crate) async fn prepare(
        db: Arc<Db>,
        clock: Arc<dyn Clock>,
        settings: &CassandraSettings,
    ) -> Result<Self, ConnectError> {
        let note = "INSERT INTO pending (instance, window, post_id) VALUES (?, ?, ?)";
        let sign = "INSERT INTO instances (part, instance, heartbeat, first_open, last_open) \
                    VALUES (0, ?, ?, ?, ?) USING TIMESTAMP ?";
        let record = "INSERT INTO windows (instance, window, missed, any_sink, in_doubt) \
                      VALUES (?, ?, ?, ?, ?)";
        Ok(Self {
            // Never the name of a writer that died: its windows are others' to deliver.
            instance: uuid::Uuid::now_v7().to_string(),
            orphan_after: settings.orphan_after,
            windows: Mutex::new(Windows::new(settings.window)),
            signed: Mutex::new(None),
            note: db.write(note, settings).await?,
            sign: db.write(sign, settings).await?,
            record: db.write(record, settings).await?,
            sweep: Sweep::prepare(&db, settings).await?,
            clock,
            db,
        })
    }

    /// The name of this writer in the journal: another one at each start.
    pub fn instance(&self) -> &str {
        &self.instance
    }

    /// Writes the sign of life.
    async fn sign(&self) -> Result<(), PortError> {
        let Sign { first_open, last_open, heartbeat, stamp } =
            self.windows.lock().sign(self.clock.now());
        let range = (to_bigint(first_open), to_bigint(last_open));
        let row = (&self.instance, timestamp(heartbeat), range.0, range.1, stamp);
        self.db.run(&self.sign, row).await?;
        let mut signed = self.signed.lock();
        *signed = (*signed).max(Some(heartbeat));
        Ok(())
    }

    async fn note(&self, window: u64, post: &PostId) -> Result<(), PortError> {
        let row = (&self.instance, to_bigint(window), post.as_str());
        self.db.run(&self.note, row).await
    }

    /// Writes what a window has to deliver.
    async fn record(&self, window: u64, open: &Open) -> Result<(), PortError> {
        let missed: Vec<&str> = open.missed.iter().copied().collect();
        let row = (&self.instance, to_bigint(window), missed, open.any_sink, open.in_doubt);
        self.db.run(&self.record, row).await
    }
}

#[async_trait]
impl OutageJournal for Journal {
    async fn cover(&self, post: &PostId) -> Result<Ticket, PortError> {
        let Entry { window, registered, noted } = self.windows.lock().enter(self.clock.now(), post);
        let entered = Entered { journal: self, ticket: Ticket(window), kept: false };
        let registered = registered.get_or_try_init(|| self.sign());
        let noted = noted.get_or_try_init(|| self.note(window, post));
        tokio::try_join!(registered, noted)?;
        Ok(entered.keep())
    }

    fn missed(&self, ticket: Ticket, sink: &'static str) {
        self.windows.lock().missed(ticket, sink);
    }

    fn in_doubt(&self, ticket: Ticket) {
        self.windows.lock().in_doubt(ticket);
    }

    fn end(&self, ticket: Ticket) {
        self.windows.lock().end(ticket);
    }
}

/// A window that was entered by a caller that may leave before it has its ticket.
struct Entered<'a> {
    journal: &'a Journal,
    ticket: Ticket,
    kept: bool,
}

impl Entered<'_> {
    fn keep(mut self) -> Ticket {
        self.kept = true;
        self.ticket
    }
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        if !self.kept {
            self.journal.end(self.ticket);
        }
    }
}
