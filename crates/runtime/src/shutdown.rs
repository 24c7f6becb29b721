//! Stopping in order: one handle that everything with a life of its own listens to.

use std::{
    future::Future,
    io,
    sync::{Arc, OnceLock},
    time::Duration,
};

use thiserror::Error;
use tokio::{task::JoinHandle, time::Instant};
use tokio_util::{
    sync::{CancellationToken, WaitForCancellationFuture},
    task::TaskTracker,
};

/// Tells listeners that the service is stopping, and waits for the tasks that it spawned.
/// Clones share one state.
#[derive(Clone, Debug, Default)]
pub struct Shutdown {
    token: CancellationToken,
    tasks: TaskTracker,
    began: Arc<OnceLock<Instant>>,
}

/// Tasks that did not end in time.
#[derive(Debug, Error)]
#[error("{count} background tasks still run")]
pub struct StillRunning {
    /// How many.
    pub count: usize,
}

impl Shutdown {
    /// A handle of its own, stopped by [`Shutdown::begin`] alone.
    pub fn new() -> Self {
        Self::default()
    }

    /// Begins the stop at the first SIGTERM or SIGINT. The second one ends the process at once with
    /// exit code 128 + the signal's number. Call it inside of the runtime, once.
    ///
    /// # Errors
    /// If the system refuses a handler.
    pub fn begin_on_signals(&self) -> io::Result<()> {
        let mut signals = signals::Signals::new()?;
        let shutdown = self.clone();
        // Not tracked: this task ends with the process.
        tokio::spawn(async move {
            let first = signals.next().await;
            tracing::info!(signal = first.name, "stopping");
            shutdown.begin();
            let second = signals.next().await;
            tracing::error!(signal = second.name, "stopped at once by a second signal");
            std::process::exit(128 + second.number);
        });
        Ok(())
    }

    /// Begins the stop. Again is no different from once.
    pub fn begin(&self) {
        self.began.get_or_init(Instant::now);
        self.tasks.close();
        self.token.cancel();
    }

    /// Whether the stop has begun.
    pub fn is_cancelled(&self) -> bool {
        self.token.is_cancelled()
    }

    /// Waits until the stop begins. Streams and loops select on it.
    pub fn cancelled(&self) -> WaitForCancellationFuture<'_> {
        self.token.cancelled()
    }

    /// The same as a token, for code that knows nothing of this crate.
    pub fn token(&self) -> CancellationToken {
        self.token.clone()
    }

    /// Runs a task that the stop waits for. It has to end by itself when the stop begins.
    pub fn spawn<F>(&self, task: F) -> JoinHandle<F::Output>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        self.tasks.spawn(task)
    }

    /// What is left of `grace`, counted from the begin of the stop.
    pub fn remaining(&self, grace: Duration) -> Duration {
        match self.began.get() {
            Some(began) => grace.saturating_sub(began.elapsed()),
            None => grace,
        }
    }

    /// Waits for all spawned tasks, at most until `grace` after the begin of the stop.
    ///
    /// # Errors
    /// [`StillRunning`] if the time is over first.
    pub async fn drained(&self, grace: Duration) -> Result<(), StillRunning> {
        let all = tokio::time::timeout(self.remaining(grace), self.tasks.wait());
        all.await.map_err(|_| StillRunning { count: self.tasks.len() })
    }
}

struct Received {
    name: &'static str,
    number: i32,
}

const INTERRUPT: Received = Received { name: "SIGINT", number: 2 };

#[cfg(unix)]
mod signals {
    use std::io;

    use tokio::signal::unix::{Signal, SignalKind, signal};

    use super::{INTERRUPT, Received};

    pub(super) struct Signals {
        terminate: Signal,
        interrupt: Signal,
    }

    impl Signals {
        pub(super) fn new() -> io::Result<Self> {
            Ok(Self {
                terminate: signal(SignalKind::terminate())?,
                interrupt: signal(SignalKind::interrupt())?,
            })
        }

        pub(super) async fn next(&mut self) -> Received {
            tokio::select! {
                _ = self.terminate.recv() => Received { name: "SIGTERM", number: 15 },
                _ = self.interrupt.recv() => INTERRUPT,
            }
        }
    }
}

#[cfg(not(unix))]
mod signals {
    use std::io;

    use super::{INTERRUPT, Received};

    pub(super) struct Signals;

    impl Signals {
        #[allow(clippy::unnecessary_wraps, reason = "the same signature as on Unix")]
        pub(super) fn new() -> io::Result<Self> {
            Ok(Self)
        }

        pub(super) async fn next(&mut self) -> Received {
            if tokio::signal::ctrl_c().await.is_err() {
                std::future::pending::<()>().await;
            }
            INTERRUPT
        }
    }
}
