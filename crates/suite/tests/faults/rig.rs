//! A deployment under load: writers, projectors and a reader of its own on the engines of the stack.

use std::cell::Cell;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use futures::{StreamExt, stream};
use kudos_core::ports::Snapshots;
use kudos_core::{Clock, Counts, Kinds, Millis, PostId, PostState, SystemClock, Version};
use kudos_testkit::Scope;
use kudos_testkit::checker::{
    Checker, Client, Converged, Drive, Figures, Freshness, Ledger, LiveReader, Recorder,
    RecountReader, Reply, Request, Shown, TruthReader, Workload,
};
use serde_json::Value;
use tokio::sync::oneshot;
use tokio::sync::oneshot::error::TryRecvError;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use crate::report::Row;
use crate::support::{Api, IndexReader, Launch, RollupReader, Service, World, eventually};

/// Callers at a time: few enough that two cores are not the fault.
const CALLERS: usize = if cfg!(debug_assertions) { 2 } else { 4 };
/// A read comes after the one before it and this.
const BETWEEN_READS: Duration = Duration::from_millis(20);
/// What a read may take in the service.
const READ: Duration = Duration::from_millis(400);
/// And on the way there and back, on cores that are never idle; longer if nothing is optimised.
const WAY: Duration = Duration::from_millis(if cfg!(debug_assertions) { 200 } else { 50 });

/// Operations of the workload each time that it goes on, as its fault is not over yet.
const MORE: usize = 2_000;
/// What is read of the order.
const POPULAR: &str = "/v1/search?sort=popular&limit=10";
/// How far an answer may lag behind that does not say that it is degraded: as long as any copy may
/// take to become exact.
const LAG: Duration = Duration::from_secs(120);

/// How long most faults last, and how long most copies may take to become exact after them.
pub(crate) const MINUTE: Duration = Duration::from_secs(60);

/// A service that is started anew when it died.
pub(crate) struct Slot {
    world: World,
    program: &'static str,
    running: tokio::sync::Mutex<Option<Service>>,
    api: Mutex<Option<Api>>,
}

impl Slot {
    async fn start(world: World, program: &'static str, launch: Launch) -> Arc<Self> {
        let slot =
            Self { world, program, running: tokio::sync::Mutex::default(), api: Mutex::default() };
        slot.start_as(&launch).await;
        Arc::new(slot)
    }

    /// Killed where it stands, and started again.
    pub(crate) async fn start_anew(&self) {
        self.start_as(&Launch::default()).await;
    }

    /// The same in another way.
    pub(crate) async fn start_as(&self, launch: &Launch) {
        let mut running = self.running.lock().await;
        self.api.lock().unwrap().take();
        // Killed by being dropped.
        running.take();
        let service = Service::start_as(self.program, self.world.flags(self.program), launch).await;
        self.api.lock().unwrap().replace(service.api());
        *running = Some(service);
    }

    /// Whether it has died by itself.
    pub(crate) async fn died(&self) -> bool {
        let mut running = self.running.lock().await;
        running.as_mut().is_none_or(|service| !service.runs())
    }

    pub(crate) fn api(&self) -> Option<Api> {
        self.api.lock().unwrap().clone()
    }

    async fn held(&self) -> Held {
        let running = self.running.lock().await;
        let service = running.as_ref();
        Held {
            program: self.program,
            memory: service.map_or(0, Service::memory),
            files: service.map_or(0, Service::files),
        }
    }

    /// How often it has said so since it was started.
    async fn said(&self, words: &str) -> usize {
        let running = self.running.lock().await;
        running.as_ref().map_or(0, |service| service.log().matches(words).count())
    }
}

/// What a service holds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Held {
    pub(crate) program: &'static str,
    /// Bytes that are resident.
    pub(crate) memory: u64,
    /// Open files, sockets among them.
    pub(crate) files: usize,
}

/// A writer that is not as the others are.
#[derive(Default)]
pub(crate) struct Odd {
    /// How it is started.
    pub(crate) launch: Launch,
    /// Settings of its own.
    pub(crate) settings: Vec<(&'static str, String)>,
}

impl Odd {
    async fn start(self, world: &World) -> Arc<Slot> {
        let set = |world: World, (key, value): (&str, String)| world.with(key, value);
        let world = self.settings.into_iter().fold(world.clone(), set);
        Slot::start(world, "reaction-write", self.launch).await
    }
}

/// A way to one writer, wherever it is started.
struct Writer(Arc<Slot>);

#[async_trait]
impl Client for Writer {
    async fn react(&self, request: &Request) -> Reply {
        match self.0.api() {
            Some(api) => Client::react(&api, request).await,
            None => Reply::Unknown,
        }
    }
}

/// The deployment, and what users do with it.
pub(crate) struct Rig {
    pub(crate) world: World,
    pub(crate) writers: Vec<Arc<Slot>>,
    pub(crate) projectors: Vec<Arc<Slot>>,
    search: Arc<Slot>,
    pub(crate) workload: Workload,
    /// How many send operations side by side.
    pub(crate) callers: usize,
    drive: Drive,
    reading: Mutex<Option<Reading>>,
}

/// What reads until it is told to stop.
struct Reading {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Rig {
    /// As it is deployed, with the default bounds; the workload is the table's, which is the default.
    pub(crate) async fn open() -> Self {
        Self::with([Odd::default(), Odd::default()], Workload::default()).await
    }

    /// With these two writers, and a workload of which the table may ask for another.
    pub(crate) async fn with(writers: [Odd; 2], workload: Workload) -> Self {
        Self::of(world().await, writers, workload).await
    }

    /// The same where all services have other settings.
    pub(crate) async fn of(world: World, [a, b]: [Odd; 2], workload: Workload) -> Self {
        let scope = Scope::new();
        let start = |program| Slot::start(world.clone(), program, Launch::default());
        let (a, b, one, other, search) = futures::join!(
            a.start(&world),
            b.start(&world),
            start("projector"),
            start("projector"),
            start("search"),
        );
        let operations = std::env::var("KUDOS_FAULTS_OPERATIONS");
        let operations = operations.map_or(workload.operations, |text| text.parse().unwrap());
        let workload = Workload { prefix: scope.to_string(), operations, ..workload };
        let posts = workload.stored(Millis(SystemClock.now().0 - 3_600_000));
        let store = a.api().unwrap().patient();
        stream::iter(&posts).for_each_concurrent(8, |post| store.put_post(post)).await;
        let writers = vec![a, b];
        let way = |slot: &Arc<Slot>| Arc::new(Writer(slot.clone())) as Arc<dyn Client>;
        let clients = writers.iter().map(way).collect();
        let drive = Drive::new(clients, Ledger::new(&posts), Duration::from_secs(60));
        let (stop, stopped) = oneshot::channel();
        let reads = read(search.clone(), drive.recorder(), workload.post(0), stopped);
        let reading = Mutex::new(Some(Reading { stop, task: tokio::spawn(reads) }));
        let projectors = vec![one, other];
        let callers = CALLERS;
        Self { world, writers, projectors, search, workload, callers, drive, reading }
    }

    /// The workload goes on while a fault is made and healed, again and again for as long as that
    /// takes; then it has to become exact within `limit`. What was seen goes into the row.
    pub(crate) async fn during(
        &self,
        row: &mut Row,
        limit: Duration,
        fault: impl Future<Output = ()>,
    ) {
        let is_over = Cell::new(false);
        let fault = async {
            fault.await;
            is_over.set(true);
        };
        let load = async {
            let mut workload = self.workload.clone();
            loop {
                self.drive.run(&workload, self.callers).await;
                if is_over.get() {
                    return;
                }
                workload.seed += 1;
                workload.operations = workload.operations.min(MORE);
            }
        };
        futures::join!(load, fault);
        let settled = self.drive.settle().await;
        row.must("every operation answered", settled, settled);
        let Converged { verdict, took } = self.converge(limit).await;
        row.must(
            &format!("EXACT within {limit:?}"),
            if verdict.is_exact() { format!("after {took:.1?}") } else { verdict.to_string() },
            verdict.is_exact(),
        );
        let lost = verdict.false_acknowledgements.len();
        row.must("false acknowledgements 0", lost, lost == 0);
        let reading = self.reading.lock().unwrap().take();
        if let Some(Reading { stop, task }) = reading {
            // The read that is under way is read to its end: it counts.
            let _ = stop.send(());
            task.await.expect("the reader does not panic");
        }
    }

    /// How often a projector has said so.
    pub(crate) async fn projectors_said(&self, words: &str) -> usize {
        let said = self.projectors.iter().map(|projector| projector.said(words));
        futures::future::join_all(said).await.into_iter().sum()
    }

    /// How long it takes until one has said so more often than `before`.
    pub(crate) async fn until_projectors_say(&self, words: &str, before: usize) -> Duration {
        let since = Instant::now();
        eventually(words, MINUTE, async || {
            (self.projectors_said(words).await > before).then(|| since.elapsed())
        })
        .await
    }

    /// What the truth holds of posts.
    pub(crate) async fn truth(&self, posts: &[PostId]) -> Vec<PostState> {
        let snapshots = self.world.cassandra().await.store.snapshots(posts).await;
        let snapshots = snapshots.expect("Cassandra answers").into_iter().flatten();
        snapshots.map(|snapshot| snapshot.state).collect()
    }

    async fn converge(&self, limit: Duration) -> Converged {
        let truth = self.world.cassandra().await;
        let checker = Checker::new()
            .copy("truth", TruthReader(truth.store.clone()))
            .copy("recount", RecountReader(truth.store.clone()))
            .copy("redis", LiveReader(self.world.redis()))
            .copy("index", IndexReader(self.world.elastic()))
            .copy("rollup", RollupReader(truth.rollup.clone()));
        checker.converge(limit, &self.drive.ledger()).await.expect("every copy answers")
    }

    /// How available and how fast it was so far.
    pub(crate) fn figures(&self) -> Figures {
        self.drive.figures()
    }

    /// Ends a row whose fault may be noticed by hardly any write and by no read.
    pub(crate) fn went_on(&self, row: Row) {
        self.answered(row, 0.999);
    }

    /// Ends a row in which this share of writes has to be answered, and every read in time.
    pub(crate) fn answered(&self, mut row: Row, writes: f64) {
        let figures = self.figures();
        row.share("writes", writes, &figures.writes);
        row.share("reads", 1.0, &figures.reads);
        row.within("slowest read", READ + WAY, figures.reads.latency.max);
        row.end();
    }

    /// Whether the popular page comes from Redis, and is not degraded.
    pub(crate) async fn is_live(&self) -> bool {
        let Some(api) = self.search.api() else { return false };
        let answer = api.get(POPULAR).await;
        answer.status == 200 && answer.json()["degraded"] == false
    }

    /// What every service holds now.
    pub(crate) async fn held(&self) -> Vec<Held> {
        let services = self.writers.iter().chain(&self.projectors).chain([&self.search]);
        futures::future::join_all(services.map(|service| service.held())).await
    }
}

/// Reads the popular page and the counts of a post again and again.
async fn read(
    search: Arc<Slot>,
    recorder: Recorder,
    post: PostId,
    mut stopped: oneshot::Receiver<()>,
) {
    let counts = format!("/v1/posts/{post}/reactions");
    let get = async |path: &str| {
        let begun = Instant::now();
        let answer = search.api()?.get(path).await;
        if answer.status != 200 {
            println!("{path} after {:.0?}: {answer:?}", begun.elapsed());
        }
        (answer.status == 200).then(|| answer.json())
    };
    while let Err(TryRecvError::Empty) = stopped.try_recv() {
        let page = async { get(POPULAR).await.map(|_| Vec::new()) };
        recorder.read(page).await;
        sleep(BETWEEN_READS).await;
        recorder.read(async { Some(vec![shown(&post, &get(&counts).await?)]) }).await;
        sleep(BETWEEN_READS).await;
    }
}

fn shown(post: &PostId, answer: &Value) -> Shown {
    let kinds = Kinds::default();
    let count = |name| answer["counts"][name].as_u64();
    let counts = kinds.names().map(count).collect::<Option<Counts>>().expect("a count each");
    let version = Version(answer["version"].as_u64().expect("a version"));
    let freshness = match answer["degraded"].as_bool() {
        Some(false) => Freshness::Within(LAG),
        _ => Freshness::Old,
    };
    Shown { post: post.clone(), version, counts, freshness }
}

/// Worlds of tests wait longer than services do, for machines that are too small: not here.
pub(crate) async fn world() -> World {
    let world = World::open("faults").await;
    world
        .with("write.sinks_ms", 40)
        .with("write.truth_ms", 1_500)
        .with("query.truth_ms", 150)
        .with("query.total_ms", 400)
}
