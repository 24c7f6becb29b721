//! A writer that can be killed between any two of its steps, and is started again.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use kudos_core::ports::{LiveCounts, ReactionStore, Snapshots};
use kudos_core::{Applied, ApplyError, Clock, PortError};
use kudos_degraded::{Deadline, Observer};
use kudos_projection::{Covered, Deliveries, LiveSink, LogSink, Sink};
use kudos_testkit::checker::{Ack, Client, Reply, Request};
use kudos_testkit::{Faulty, MemoryJournal, MemoryTopic};
use tokio_util::sync::CancellationToken;

use super::flaws::{Flaw, Forgetful};
use super::late::LateTruth;
use crate::support::TokioClock;

/// What a write may take, as in the service.
const TRUTH: Duration = Duration::from_millis(1_500);
const SINKS: Duration = Duration::from_millis(40);

/// What all writers share.
pub(crate) struct Backends {
    pub(crate) truth: Arc<Faulty<LateTruth>>,
    pub(crate) live: Arc<dyn LiveCounts>,
    pub(crate) log: Arc<Faulty<MemoryTopic>>,
    pub(crate) journal: MemoryJournal<TokioClock>,
    pub(crate) clock: TokioClock,
    pub(crate) flaw: Flaw,
}

impl Backends {
    pub(crate) fn sinks(&self) -> Vec<Arc<dyn Sink>> {
        vec![Arc::new(LiveSink(self.live.clone())), Arc::new(LogSink(self.log.clone()))]
    }
}

/// One process after the other, under one address.
pub(crate) struct Writer {
    backends: Arc<Backends>,
    name: &'static str,
    process: Mutex<Arc<Process>>,
}

struct Process {
    number: u32,
    deliveries: Deliveries,
    journal: Arc<Faulty<MemoryJournal<TokioClock>>>,
    dead: CancellationToken,
}

impl Writer {
    pub(crate) fn start(backends: Arc<Backends>, name: &'static str) -> Self {
        let process = Mutex::new(Arc::new(Process::start(&backends, name, 0)));
        Self { backends, name, process }
    }

    fn process(&self) -> Arc<Process> {
        self.process.lock().unwrap().clone()
    }

    /// Dies as it stands, and is started again.
    pub(crate) fn crash(&self) {
        let mut process = self.process.lock().unwrap();
        // Whatever its futures say when they are dropped is not said by a process that is dead.
        process.journal.inner().crash();
        process.dead.cancel();
        *process = Arc::new(Process::start(&self.backends, self.name, process.number + 1));
    }

    /// Looks at its windows, as it does every second.
    pub(crate) fn close_windows(&self) {
        self.process().journal.inner().close_windows();
    }

    pub(crate) fn journal(&self) -> kudos_testkit::Faults {
        self.process().journal.faults()
    }
}

#[async_trait]
impl Client for Writer {
    async fn react(&self, request: &Request) -> Reply {
        let process = self.process();
        tokio::select! {
            biased;
            () = process.dead.cancelled() => Reply::Unknown,
            reply = process.react(&self.backends, request) => reply,
        }
    }
}

impl Process {
    fn start(backends: &Backends, name: &str, number: u32) -> Self {
        let journal = Arc::new(Faulty::new(backends.journal.writer(&format!("{name}.{number}"))));
        let truth: Arc<dyn Snapshots> = backends.truth.clone();
        let observer: Arc<dyn Observer> = Arc::new(());
        let sinks = backends.sinks();
        let told = Forgetful { inner: journal.clone(), flaw: backends.flaw };
        let deliveries = Deliveries::new(sinks, Arc::new(told), truth, SINKS, &observer);
        Self { number, deliveries, journal, dead: CancellationToken::new() }
    }

    /// The steps of the write service.
    async fn react(&self, backends: &Backends, request: &Request) -> Reply {
        let work = self.write(backends, request);
        let written = Deadline::after(TRUTH).run(work).await;
        let (applied, covered) = match written {
            Ok(Ok(written)) => written,
            Ok(Err(ApplyError::Stale)) => return Reply::Stale,
            Ok(Err(ApplyError::KeyReused)) => return Reply::Wrong("the key was reused".into()),
            Ok(Err(ApplyError::Port(PortError::Busy { .. }))) => return Reply::Busy,
            Ok(Err(ApplyError::Port(_))) | Err(_) => return Reply::Unknown,
        };
        if let Some(change) = applied.change(&request.user) {
            covered.tell_change(&change).await;
        }
        let (mine, changed) = (applied.outcome.mine, applied.outcome.changed);
        Reply::Acknowledged(Ack { mine, changed })
    }

    async fn write(
        &self,
        backends: &Backends,
        request: &Request,
    ) -> Result<(Applied, Covered<'_>), ApplyError> {
        let mut covered = self.deliveries.cover(&request.post).await?;
        covered.doubt();
        let outcome = backends.truth.apply(request.operation(backends.clock.now())).await;
        if !matches!(&outcome, Err(ApplyError::Port(error)) if !is_busy(error)) {
            covered.settle();
        }
        Ok((outcome?, covered))
    }
}

fn is_busy(error: &PortError) -> bool {
    matches!(error, PortError::Busy { .. })
}
