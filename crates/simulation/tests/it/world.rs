//! Everything at once: two writers, live counts, a log, a projector, sweepers, an auditor.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use kudos_core::ports::{Leases, OutageWindows, PostStore, Projection, Snapshots};
use kudos_degraded::Observer;
use kudos_projection::{
    Auditor, AuditorSettings, LiveSink, Loader, LoaderPorts, LoaderSettings, Projector,
    ProjectorSettings, Sweeper, SweeperSettings,
};
use kudos_testkit::checker::{
    Checker, Client, Drive, Ledger, LiveReader, ProjectionReader, Recorder, RecountReader,
    TruthReader, Verdict, Workload,
};
use kudos_testkit::scope::NOW;
use kudos_testkit::{
    Faults, Faulty, MemoryJournal, MemoryLeases, MemoryLive, MemoryProjection, MemoryTopic,
    TokioClock,
};
use tokio::task::JoinHandle;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::flaws::Flaw;
use crate::index::SearchIndex;
use crate::late::LateTruth;
use crate::reader::{Page, Readers};
use crate::writer::{Backends, Writer};

const NAMES: [&str; 2] = ["east", "west"];

pub(crate) struct World {
    pub(crate) backends: Arc<Backends>,
    pub(crate) writers: Vec<Arc<Writer>>,
    pub(crate) live: Arc<Faulty<MemoryLive>>,
    /// What a part of the live counts falls back to: a copy that is not always up to date.
    pub(crate) replica: Mutex<MemoryLive>,
    pub(crate) topic: MemoryTopic,
    pub(crate) index: Arc<Faulty<SearchIndex>>,
    readers: Arc<Readers>,
    pub(crate) rollup: Arc<Faulty<MemoryProjection>>,
    /// The truth as the projector, the sweepers and the auditor read it.
    pub(crate) read: Arc<Faulty<LateTruth>>,
    pub(crate) windows: Arc<Faulty<MemoryJournal<TokioClock>>>,
    pub(crate) leases: Arc<Faulty<MemoryLeases>>,
    /// Tasks that can be killed and started again, by name.
    tasks: Mutex<Vec<(Task, JoinHandle<()>)>>,
}

/// What runs beside the writers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Task {
    Projector(usize),
    Sweeper(usize),
    Auditor,
    Loader(usize),
    Windows,
    Readers,
}

impl Task {
    pub(crate) const ALL: [Self; 9] = [
        Self::Projector(0),
        Self::Projector(1),
        Self::Sweeper(0),
        Self::Sweeper(1),
        Self::Auditor,
        Self::Loader(0),
        Self::Loader(1),
        Self::Windows,
        Self::Readers,
    ];
}

impl World {
    pub(crate) async fn start(workload: &Workload) -> Arc<Self> {
        Self::flawed(workload, Flaw::None).await
    }

    pub(crate) async fn flawed(workload: &Workload, flaw: Flaw) -> Arc<Self> {
        let clock = TokioClock::start();
        let truth = Arc::new(LateTruth::new(workload.seed, flaw));
        for post in workload.stored(NOW) {
            truth.inner.upsert(&post).await.unwrap();
        }
        let live = Arc::new(Faulty::new(MemoryLive::new()));
        let topic = MemoryTopic::timed(4, Arc::new(clock));
        let journal = MemoryJournal::new(clock);
        let windows = Arc::new(Faulty::new(journal.writer("nobody")));
        let backends = Arc::new(Backends {
            truth: Arc::new(Faulty::around(truth.clone())),
            live: live.clone(),
            log: Arc::new(Faulty::new(topic.clone())),
            journal,
            clock,
            flaw,
        });
        // Their clocks are ten seconds apart.
        let writer = |(name, by)| Arc::new(Writer::start(backends.clone(), name, by));
        let writers = NAMES.into_iter().zip([-5_000, 5_000]).map(writer).collect();
        let read = Arc::new(Faulty::around(truth));
        let index = Arc::new(Faulty::new(SearchIndex::new()));
        let readers = Readers::new(&backends, read.clone(), index.clone());
        let world = Arc::new(Self {
            backends,
            writers,
            replica: Mutex::new(live.inner().fork()),
            live,
            topic,
            index,
            readers: Arc::new(readers),
            rollup: Arc::new(Faulty::new(MemoryProjection::new("rollup"))),
            read,
            windows,
            leases: Arc::new(Faulty::new(MemoryLeases::new())),
            tasks: Mutex::default(),
        });
        world.introduce(workload).await;
        Task::ALL.into_iter().for_each(|task| world.run(task));
        world
    }

    /// The copies know every post, as they do once it was stored.
    async fn introduce(&self, workload: &Workload) {
        let posts: Vec<_> = workload.stored(NOW).into_iter().map(|post| post.id).collect();
        let snapshots = self.read.inner().snapshots(&posts).await.unwrap();
        let snapshots: Vec<_> = snapshots.into_iter().flatten().collect();
        for sink in self.backends.sinks() {
            sink.restate(&snapshots).await.unwrap();
        }
    }

    /// Every port on which faults may happen.
    pub(crate) fn faults(&self) -> Vec<Faults> {
        let mut faults = vec![
            self.live.faults(),
            self.backends.log.faults(),
            self.index.faults(),
            self.rollup.faults(),
            self.read.faults(),
            self.windows.faults(),
            self.leases.faults(),
            self.backends.truth.faults(),
        ];
        faults.extend(self.writers.iter().map(|writer| writer.journal()));
        faults
    }

    /// Kills a task where it stands, and starts it again.
    pub(crate) fn restart(self: &Arc<Self>, task: Task) {
        let mut tasks = self.tasks.lock().unwrap();
        if let Some(place) = tasks.iter().position(|(running, _)| *running == task) {
            tasks.swap_remove(place).1.abort();
        }
        drop(tasks);
        self.run(task);
    }

    /// Reads all the while, until it is dropped.
    pub(crate) async fn ask(&self, rng: fastrand::Rng, recorder: Recorder) {
        self.readers.ask(rng, recorder).await;
    }

    /// The copy that live counts may fall back to is up to date now.
    pub(crate) fn replicate(&self) {
        *self.replica.lock().unwrap() = self.live.inner().fork();
    }

    /// A part of the live counts loses what the copy does not have.
    pub(crate) fn fail_over(&self, part: usize) {
        self.live.inner().roll_back(part, &self.replica.lock().unwrap());
    }

    fn run(self: &Arc<Self>, task: Task) {
        let handle = match task {
            Task::Projector(_) => tokio::spawn(run_projector(self.clone())),
            Task::Sweeper(n) => tokio::spawn(run_sweeper(self.clone(), n)),
            Task::Auditor => tokio::spawn(run_auditor(self.clone())),
            Task::Loader(_) if self.backends.flaw == Flaw::LosesSilently => return,
            Task::Loader(n) => tokio::spawn(run_loader(self.clone(), n)),
            Task::Readers => {
                let readers = self.readers.clone();
                tokio::spawn(async move { readers.run().await })
            }
            Task::Windows => tokio::spawn(close_windows(self.clone())),
        };
        self.tasks.lock().unwrap().push((task, handle));
    }

    pub(crate) fn drive(&self, workload: &Workload) -> Drive {
        let clients = self.writers.iter().map(|writer| writer.clone() as Arc<dyn Client>);
        let ledger = Ledger::new(&workload.stored(NOW));
        Drive::new(clients.collect(), ledger, Duration::from_secs(20))
    }

    /// Whether every copy becomes exact within a minute after the faults.
    pub(crate) async fn verdict(&self, ledger: &Ledger) -> Verdict {
        let truth = self.read.inner().clone();
        let checker = Checker::new()
            .copy("truth", TruthReader(truth.clone()))
            .copy("recount", RecountReader(truth))
            .copy("live", LiveReader(self.live.inner().clone()))
            .copy("index", ProjectionReader(self.index.inner().documents.clone()))
            .copy("rollup", ProjectionReader(self.rollup.inner().clone()));
        sleep(Duration::from_secs(20)).await;
        let verdict = checker.exact_within(Duration::from_secs(40), ledger).await.unwrap();
        if !verdict.is_exact() {
            return verdict;
        }
        // Only now: readers have mended what they find to be behind.
        checker.copy("readers", Page(self.readers.clone())).check(ledger).await.unwrap()
    }
}

async fn run_projector(world: Arc<World>) {
    let truth: Arc<dyn Snapshots> = world.read.clone();
    let projections: Vec<Arc<dyn Projection>> = vec![world.index.clone(), world.rollup.clone()];
    let settings = ProjectorSettings { batch: 20, ..ProjectorSettings::default() };
    let (feed, clock) = (world.topic.join(), Arc::new(world.backends.clock));
    Projector::new(Arc::new(feed), truth, projections, clock, settings)
        .run(CancellationToken::new())
        .await;
}

async fn run_sweeper(world: Arc<World>, number: usize) {
    let windows: Arc<dyn OutageWindows> = world.windows.clone();
    let (truth, leases): (Arc<dyn Snapshots>, Arc<dyn Leases>) =
        (world.read.clone(), world.leases.clone());
    let (observer, sinks): (Arc<dyn Observer>, _) = (Arc::new(()), world.backends.sinks());
    let settings = SweeperSettings { page: 7, ..SweeperSettings::default() };
    let name = NAMES[number];
    let sweeper = Sweeper::new(windows, &truth, sinks, leases, name, &observer, settings);
    sweeper.unwrap().run(CancellationToken::new()).await;
}

/// It repairs nothing here: what it mends nobody else would have to.
async fn run_auditor(world: Arc<World>) {
    let (truth, leases): (Arc<dyn Snapshots>, Arc<dyn Leases>) =
        (world.read.clone(), world.leases.clone());
    let observer: Arc<dyn Observer> = Arc::new(());
    let settings = AuditorSettings { repair: false, rest_s: 10, ..AuditorSettings::default() };
    let live = world.live.clone();
    let auditor = Auditor::new(truth, live, Vec::new(), leases, "a", &observer, settings);
    auditor.unwrap().run(CancellationToken::new()).await;
}

async fn close_windows(world: Arc<World>) {
    loop {
        sleep(Duration::from_secs(1)).await;
        world.writers.iter().for_each(|writer| writer.close_windows());
    }
}

async fn run_loader(world: Arc<World>, number: usize) {
    let ports = LoaderPorts {
        truth: world.read.clone(),
        sink: Arc::new(LiveSink(world.live.clone())),
        completeness: world.live.inner().clone(),
        marks: world.live.clone(),
        log: world.backends.log.clone(),
        windows: world.windows.clone(),
        leases: world.leases.clone(),
        clock: Arc::new(world.backends.clock),
    };
    let observer: Arc<dyn Observer> = Arc::new(());
    let settings = LoaderSettings { page: 5, ..LoaderSettings::default() };
    let loader = Loader::new(ports, NAMES[number], &observer, settings);
    loader.unwrap().run(CancellationToken::new()).await;
}
