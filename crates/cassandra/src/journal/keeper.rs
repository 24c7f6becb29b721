//! The background task of a journal.

use std::sync::Arc;
use std::time::Duration;

use kudos_core::PortError;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::Journal;

/// How often windows are looked at.
const EVERY: Duration = Duration::from_secs(1);
/// Signs of life in the time after which a writer without one counts as dead.
const SIGNS: u32 = 6;

/// Closes windows and gives signs of life, until it is stopped or dropped.
pub(crate) struct Keeper {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Keeper {
    pub(crate) fn start(journal: Arc<Journal>) -> Self {
        let (stop, stopped) = oneshot::channel();
        Self { stop, task: tokio::spawn(keep(journal, stopped)) }
    }

    /// Closes what can be closed, and ends.
    pub(crate) async fn stop(self) {
        if self.stop.send(()).is_ok() {
            // A task that panicked has said so; a sweeper delivers what it left open.
            let _ = self.task.await;
        }
    }
}

async fn keep(journal: Arc<Journal>, mut stopped: oneshot::Receiver<()>) {
    let mut ticks = tokio::time::interval(EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut failing = false;
    let stop = loop {
        tokio::select! {
            stop = &mut stopped => break stop,
            _ = ticks.tick() => {}
        }
        let tended = journal.tend(false).await;
        if let (Err(error), false) = (&tended, failing) {
            tracing::warn!(%error, "the outage journal cannot be written; windows stay open");
        }
        failing = tended.is_err();
    };
    // A journal that is dropped and not stopped ends like one whose process dies.
    if stop.is_ok()
        && let Err(error) = journal.tend(true).await
    {
        tracing::warn!(%error, "windows are left open for the sweeper");
    }
}

impl Journal {
    /// Closes the windows that are over and in which nobody is any more, as the background task
    /// does once a second.
    ///
    /// # Errors
    /// If what they have to deliver cannot be recorded: then they stay open.
    pub async fn close_windows(&self) -> Result<(), PortError> {
        self.tend(false).await
    }

    /// Closes what is over; with `finally` the present window too.
    async fn tend(&self, finally: bool) -> Result<(), PortError> {
        let Some(signed) = *self.signed.lock() else { return Ok(()) };
        let now = self.clock.now();
        if signed.plus(self.orphan_after / 2) < now {
            self.windows.lock().suspect_all();
        }
        let mut closed = false;
        while let Some((window, open)) = {
            let mut windows = self.windows.lock();
            windows.closable(now, finally)
        } {
            if !open.is_clean() {
                self.record(window, &open).await?;
            }
            self.windows.lock().close(window, &open);
            closed = true;
        }
        if closed || finally || signed.plus(self.orphan_after / SIGNS) <= now {
            self.sign().await?;
        }
        Ok(())
    }
}
