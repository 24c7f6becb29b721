//! A deployment under load: writers, projectors and a reader of its own on the engines of the stack.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use futures::{StreamExt, stream};
use kudos_core::ports::Snapshots;
use kudos_core::{Clock, Millis, PostId, PostState, SystemClock};
use kudos_testkit::Scope;
use kudos_testkit::checker::{
    Checker, Client, Drive, Ledger, LiveReader, RecountReader, Reply, Request, TruthReader,
    Verdict, Workload,
};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use crate::report::Row;
use crate::support::{Api, IndexReader, Launch, RollupReader, Service, World, eventually};

/// Callers at a time: few enough that two cores are not the fault.
const CALLERS: usize = 4;
/// A read comes after the one before it and this.
const BETWEEN_READS: Duration = Duration::from_millis(20);
/// What a read may take on the way to the service and back.
const WAY: Duration = Duration::from_millis(50);

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

    /// How often it has said so since it was started.
    async fn said(&self, words: &str) -> usize {
        let running = self.running.lock().await;
        running.as_ref().map_or(0, |service| service.log().matches(words).count())
    }
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

/// What became of requests: when each was sent, how long it took, and whether it was answered.
#[derive(Default)]
pub(crate) struct Seen(Mutex<Vec<(Instant, Duration, bool)>>);

impl Seen {
    fn add(&self, sent: Instant, is_good: bool) {
        self.0.lock().unwrap().push((sent, sent.elapsed(), is_good));
    }

    /// The good ones, and all.
    pub(crate) fn share(&self) -> (usize, usize) {
        let seen = self.0.lock().unwrap();
        (seen.iter().filter(|(.., good)| *good).count(), seen.len())
    }

    /// The longest that one took.
    pub(crate) fn longest(&self) -> Duration {
        let seen = self.0.lock().unwrap();
        seen.iter().map(|&(_, took, _)| took).max().unwrap_or_default()
    }
}

/// A way to one writer, wherever it is started.
struct Writer {
    slot: Arc<Slot>,
    seen: Arc<Seen>,
}

#[async_trait]
impl Client for Writer {
    async fn react(&self, request: &Request) -> Reply {
        let sent = Instant::now();
        let reply = match self.slot.api() {
            Some(api) => Client::react(&api, request).await,
            None => Reply::Unknown,
        };
        self.seen.add(sent, matches!(reply, Reply::Acknowledged(_) | Reply::Stale));
        reply
    }
}

/// The deployment, and what users do with it.
pub(crate) struct Rig {
    pub(crate) world: World,
    pub(crate) writers: Vec<Arc<Slot>>,
    pub(crate) projectors: Vec<Arc<Slot>>,
    _search: Arc<Slot>,
    pub(crate) writes: Arc<Seen>,
    pub(crate) reads: Arc<Seen>,
    pub(crate) workload: Workload,
    drive: Drive,
    reading: JoinHandle<()>,
}

impl Rig {
    /// As it is deployed, with the default bounds; the workload is the table's, which is the default.
    pub(crate) async fn open() -> Self {
        Self::with([Odd::default(), Odd::default()], Workload::default()).await
    }

    /// With these two writers, and a workload of which the table may ask for another.
    pub(crate) async fn with([a, b]: [Odd; 2], workload: Workload) -> Self {
        let (world, scope) = (as_deployed(World::open("faults").await), Scope::new());
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
        let (writes, reads): (Arc<Seen>, Arc<Seen>) = Default::default();
        let writers = vec![a, b];
        let way = |slot: &Arc<Slot>| {
            Arc::new(Writer { slot: slot.clone(), seen: writes.clone() }) as Arc<dyn Client>
        };
        let clients = writers.iter().map(way).collect();
        let drive = Drive::new(clients, Ledger::new(&posts), Duration::from_secs(60));
        let reading = tokio::spawn(read(search.clone(), reads.clone(), workload.clone()));
        let projectors = vec![one, other];
        Self {
            world,
            writers,
            projectors,
            _search: search,
            writes,
            reads,
            workload,
            drive,
            reading,
        }
    }

    /// The workload goes on while a fault is made and healed; then it has to become exact within
    /// `limit`. What was seen goes into the row.
    pub(crate) async fn during(
        &self,
        row: &mut Row,
        limit: Duration,
        fault: impl Future<Output = ()>,
    ) {
        futures::join!(self.drive.run(&self.workload, CALLERS), fault);
        let settled = self.drive.settle().await;
        row.must("every operation answered", settled, settled);
        let ended = Instant::now();
        let verdict = self.verdict(limit).await;
        let took = ended.elapsed();
        row.must(
            &format!("EXACT within {limit:?}"),
            if verdict.is_exact() { format!("after {took:.1?}") } else { verdict.to_string() },
            verdict.is_exact(),
        );
        self.reading.abort();
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

    async fn verdict(&self, limit: Duration) -> Verdict {
        let truth = self.world.cassandra().await;
        let checker = Checker::new()
            .copy("truth", TruthReader(truth.store.clone()))
            .copy("recount", RecountReader(truth.store.clone()))
            .copy("redis", LiveReader(self.world.redis()))
            .copy("index", IndexReader(self.world.elastic()))
            .copy("rollup", RollupReader(truth.rollup.clone()));
        checker.exact_within(limit, &self.drive.ledger()).await.expect("every copy answers")
    }

    /// Ends a row whose fault may be noticed by hardly any write and by no read.
    pub(crate) fn went_on(&self, mut row: Row) {
        row.share("writes", 0.999, self.writes.share());
        self.reads_in_time(&mut row);
        row.end();
    }

    /// Whether reads were all answered in time.
    pub(crate) fn reads_in_time(&self, row: &mut Row) {
        row.share("reads", 1.0, self.reads.share());
        row.within("slowest read", Duration::from_millis(400) + WAY, self.reads.longest());
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.reading.abort();
    }
}

/// Reads the popular page and the counts of the first post again and again.
async fn read(search: Arc<Slot>, seen: Arc<Seen>, workload: Workload) {
    let counts = format!("/v1/posts/{}/reactions", workload.post(0));
    loop {
        for path in ["/v1/search?sort=popular&limit=10", &counts] {
            if let Some(api) = search.api() {
                let sent = Instant::now();
                let answer = api.get(path).await;
                if answer.status != 200 {
                    println!("{path} after {:.0?}: {answer:?}", sent.elapsed());
                }
                seen.add(sent, answer.status == 200);
            }
            sleep(BETWEEN_READS).await;
        }
    }
}

/// Worlds of tests wait longer than services do, for machines that are too small: not here.
fn as_deployed(world: World) -> World {
    world
        .with("write.sinks_ms", 40)
        .with("write.truth_ms", 1_500)
        .with("query.truth_ms", 150)
        .with("query.total_ms", 400)
}
