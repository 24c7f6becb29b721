//! A writer that can be killed between any two of its steps, and is started again.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use kudos_core::ports::{LiveCounts, Snapshots};
use kudos_core::{ApplyError, Kinds, PortError};
use kudos_degraded::Observer;
use kudos_projection::{Deliveries, LiveSink, LogSink, Sink};
use kudos_testkit::checker::{Client, Reply, Request};
use kudos_testkit::{Faulty, MemoryJournal, MemoryTopic, MemoryTruth, TokioClock};
use kudos_write::{WriteError, WriteService, WriteSettings};
use tokio_util::sync::CancellationToken;

use crate::flaws::{Flaw, Forgetful};
use crate::late::LateTruth;

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

/// The posts, of the same server as the reactions.
pub(crate) fn posts_of(truth: &Faulty<LateTruth>) -> Arc<Faulty<MemoryTruth>> {
    Arc::new(truth.beside(truth.inner().inner.clone()))
}

/// One process after the other, under one address.
pub(crate) struct Writer {
    backends: Arc<Backends>,
    name: &'static str,
    clock: TokioClock,
    process: Mutex<Arc<Process>>,
}

struct Process {
    number: u32,
    service: WriteService,
    journal: Arc<Faulty<MemoryJournal<TokioClock>>>,
    dead: CancellationToken,
}

impl Writer {
    /// On a machine whose clock is wrong by so many milliseconds.
    pub(crate) fn start(backends: Arc<Backends>, name: &'static str, wrong_by: i64) -> Self {
        let clock = backends.clock.wrong_by(wrong_by);
        let process = Mutex::new(Arc::new(Process::start(&backends, name, 0, clock)));
        Self { backends, name, clock, process }
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
        let number = process.number + 1;
        *process = Arc::new(Process::start(&self.backends, self.name, number, self.clock));
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
            reply = process.react(request) => reply,
        }
    }
}

impl Process {
    fn start(backends: &Backends, name: &str, number: u32, clock: TokioClock) -> Self {
        let journal = Arc::new(Faulty::new(backends.journal.writer(&format!("{name}.{number}"))));
        let truth: Arc<dyn Snapshots> = backends.truth.clone();
        let (observer, settings): (Arc<dyn Observer>, _) = (Arc::new(()), WriteSettings::default());
        let told = Arc::new(Forgetful { inner: journal.clone(), flaw: backends.flaw });
        let (sinks, budget) = (backends.sinks(), settings.sinks_budget());
        let deliveries = Deliveries::new(sinks, told, truth, budget, &observer);
        let (truth, posts) = (backends.truth.clone(), posts_of(&backends.truth));
        let (kinds, clock) = (Arc::new(Kinds::default()), Arc::new(clock));
        let service = WriteService::new(truth, posts, deliveries, kinds, clock, settings);
        Self { number, service, journal, dead: CancellationToken::new() }
    }

    async fn react(&self, request: &Request) -> Reply {
        let written = self.service.react(request.operation(self.service.clock().now())).await;
        let outcome = match written {
            Ok(applied) => applied.outcome,
            Err(WriteError::Apply(ApplyError::Stale)) => return Reply::Stale,
            Err(WriteError::Apply(ApplyError::Port(PortError::Busy { .. }))) => return Reply::Busy,
            Err(WriteError::Apply(ApplyError::Port(_))) => return Reply::Unknown,
            Err(error) => return Reply::Wrong(format!("{error:?}")),
        };
        Reply::Acknowledged(outcome.into())
    }
}
