//! What each piece adds to a call while all is well: time, and allocations.
//!
//! `cargo bench -p kudos-degraded`. The call alone and the call behind a piece take turns, so that a
//! machine that drifts hits both; a figure is the median, and the range, of the differences of the
//! pairs. Fails if the call behind everything misses the target.
#![expect(clippy::print_stdout, reason = "a measurement shows its figures")]

use std::fmt;
use std::future::poll_fn;
use std::hint::black_box;
use std::pin::{Pin, pin};
use std::process::ExitCode;
use std::task::Poll;
use std::time::{Duration, Instant};

use kudos_degraded::layers::{BreakerLayer, BulkheadLayer, DeadlineLayer};
use kudos_degraded::{
    AnyError, BestEffort, Breaker, BreakerConfig, Breakers, Bulkhead, BulkheadConfig, CallError,
    ConfigError, Deadline, FallbackChain, Reason, RetryBudget, RetryPolicy, Source, retry,
};
use tokio::runtime::{Builder, Runtime};
use tower::{Service, ServiceBuilder, ServiceExt, service_fn};

type Failure = CallError<std::io::Error>;

/// Of `A B A B …`.
const PAIRS: usize = 21;
const CALLS: u32 = 20_000;
const BUDGET: Duration = Duration::from_millis(40);
const TARGET_NS: f64 = 2000.0;

/// How the innermost call behaves: the first kind never registers a timer, the second always does,
/// as a call over a network would.
#[derive(Clone, Copy)]
enum Node {
    Ready,
    Waits,
}

impl Node {
    async fn call(self) -> Result<u64, Failure> {
        let mut left = match self {
            Self::Ready => 0,
            Self::Waits => 1,
        };
        poll_fn(|cx| {
            if left == 0 {
                return Poll::Ready(());
            }
            left -= 1;
            cx.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
        black_box(Ok(42))
    }
}

/// One of each piece, all closed, empty and within their budgets.
struct Pieces {
    breaker: Breaker,
    breakers: Breakers,
    bulkhead: Bulkhead,
    budget: RetryBudget,
    policy: RetryPolicy,
    sink: BestEffort,
}

impl Pieces {
    fn new() -> Result<Self, ConfigError> {
        Ok(Self {
            breaker: Breaker::new("10.0.0.1:6379", BreakerConfig::default())?,
            breakers: Breakers::new(BreakerConfig::default(), 64)?,
            bulkhead: Bulkhead::new("node", BulkheadConfig::default())?,
            budget: RetryBudget::new("node", 10, 10)?,
            policy: RetryPolicy::default(),
            sink: BestEffort::new("sink", BUDGET),
        })
    }

    async fn guarded(&self, node: Node, deadline: Deadline) -> Result<u64, Failure> {
        let _slot = self.bulkhead.enter(deadline).await?;
        self.breaker.call(deadline, AnyError, node.call()).await
    }

    async fn retried(&self, node: Node, deadline: Deadline) -> Result<u64, Failure> {
        let once = || self.guarded(node, deadline);
        retry(&self.policy, &self.budget, deadline, |_| true, once).await
    }

    async fn everything(&self, node: Node) {
        let deadline = Deadline::after(BUDGET);
        let answered = async {
            let live = Source::new("live", BUDGET);
            let index = Source::new("index", BUDGET);
            FallbackChain::new("counts", deadline)
                .source(live, |deadline| self.retried(node, deadline))
                .await
                .source(index, |deadline| self.retried(node, deadline))
                .await
                .finish()
                .map(black_box)
                .map_err(|_| Reason::Error)
        };
        let _ = black_box(self.sink.deliver(deadline, answered, |_| ()).await);
    }
}

/// The median of a few measurements, and the range that it was taken from.
struct Spread(Vec<f64>);

impl Spread {
    fn of(mut values: Vec<f64>) -> Self {
        values.sort_unstable_by(f64::total_cmp);
        Self(values)
    }

    fn median(&self) -> f64 {
        self.0[self.0.len() / 2]
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (least, most) = (self.0[0], self.0[self.0.len() - 1]);
        write!(f, "{:.0} ({least:.0}–{most:.0})", self.median())
    }
}

/// What a piece adds to the call alone.
struct Added {
    ns: Spread,
    allocations: f64,
}

struct Bench {
    runtime: Runtime,
    node: Node,
}

impl Bench {
    /// Nanoseconds a call of one turn.
    fn turn(&self, call: &mut impl AsyncFnMut()) -> f64 {
        let begun = Instant::now();
        self.calls(CALLS, call);
        begun.elapsed().as_nanos() as f64 / f64::from(CALLS)
    }

    fn calls(&self, count: u32, call: &mut impl AsyncFnMut()) {
        let all: Pin<&mut dyn Future<Output = ()>> = pin!(async {
            for _ in 0..count {
                call().await;
            }
        });
        self.runtime.block_on(all);
    }

    fn added_by(&self, mut call: impl AsyncFnMut()) -> Added {
        let mut alone = async || drop(black_box(self.node.call().await));
        // Warm, and the runtime and the thread have what they allocate once.
        self.turn(&mut alone);
        self.turn(&mut call);
        let pair = |_| {
            let alone = self.turn(&mut alone);
            self.turn(&mut call) - alone
        };
        let ns = Spread::of((0..PAIRS).map(pair).collect());
        let counted = allocation_counter::measure(|| self.calls(CALLS, &mut call));
        Added { ns, allocations: counted.count_total as f64 / f64::from(CALLS) }
    }

    /// A row each; the last is the call behind everything.
    fn rows(&self, pieces: &Pieces) -> Result<Vec<(&'static str, Added)>, ConfigError> {
        let Pieces { breaker, breakers, bulkhead, budget, policy, sink } = pieces;
        let node = self.node;
        let soon = || Deadline::after(BUDGET);
        let mut layers = ServiceBuilder::new()
            .layer(DeadlineLayer::new(BUDGET))
            .layer(BulkheadLayer::new(bulkhead.clone()))
            .layer(BreakerLayer::new(breaker.clone()))
            .layer(DeadlineLayer::new(BUDGET))
            .service(service_fn(async |node: Node| node.call().await));
        // Set once outside of the calls whose piece does not make it itself.
        let hour = Deadline::after(Duration::from_secs(3600));
        Ok(vec![
            (
                "`Deadline`: made, and a call run until it",
                self.added_by(async || drop(black_box(soon().run(node.call()).await))),
            ),
            (
                "`Breaker`: acquired and settled, without a deadline",
                self.added_by(async || {
                    let permit = breaker.try_acquire();
                    let result = black_box(node.call().await);
                    match (permit, result) {
                        (Ok(permit), Ok(_)) => permit.success(),
                        (permit, _) => drop(permit),
                    }
                }),
            ),
            (
                "`Breaker::call`: with a deadline",
                self.added_by(async || {
                    drop(black_box(breaker.call(hour, AnyError, node.call()).await));
                }),
            ),
            (
                "`Breakers::get`: one of 64 nodes looked up",
                self.added_by(async || {
                    drop(black_box(breakers.get("10.0.0.32:6379")));
                    drop(black_box(node.call().await));
                }),
            ),
            (
                "`Bulkhead`: entered and left",
                self.added_by(async || {
                    let _slot = bulkhead.enter(hour).await;
                    drop(black_box(node.call().await));
                }),
            ),
            (
                "`retry`: the first attempt succeeds",
                self.added_by(async || {
                    let once = || node.call();
                    drop(black_box(retry(policy, budget, hour, |_| true, once).await));
                }),
            ),
            (
                "`FallbackChain`: the first of two sources answers",
                self.added_by(async || {
                    let (live, index) = (Source::new("live", BUDGET), Source::new("index", BUDGET));
                    let chain = FallbackChain::new("counts", hour);
                    let asked = chain.source(live, |_| node.call()).await;
                    drop(black_box(asked.source(index, |_| node.call()).await.finish()));
                }),
            ),
            (
                "`BestEffort`: confirmed",
                self.added_by(async || {
                    let _ = black_box(sink.deliver(hour, node.call(), |_| ()).await);
                }),
            ),
            (
                "four tower layers: deadline, bulkhead, breaker, deadline",
                self.added_by(async || {
                    if let Ok(ready) = layers.ready().await {
                        drop(black_box(ready.call(node).await));
                    }
                }),
            ),
            ("**everything**", self.added_by(async || pieces.everything(node).await)),
        ])
    }
}

fn main() -> Result<ExitCode, Box<dyn std::error::Error>> {
    let pieces = Pieces::new()?;
    for node in 0..64 {
        pieces.breakers.get(&format!("10.0.0.{node}:6379"));
    }
    let mut measured = Vec::new();
    for node in [Node::Ready, Node::Waits] {
        let runtime = Builder::new_current_thread().enable_time().build()?;
        measured.push(Bench { runtime, node }.rows(&pieces)?);
    }
    let waits = measured.pop().unwrap_or_default();
    let ready = measured.pop().unwrap_or_default();

    println!("| added to the call by | it answers at once, ns | it waits once, ns | allocations |");
    println!("|---|---|---|---|");
    let mut held = true;
    for ((piece, ready), (_, waits)) in ready.iter().zip(&waits) {
        let allocations = ready.allocations.max(waits.allocations);
        println!("| {piece} | {} | {} | {allocations} |", ready.ns, waits.ns);
        held &= allocations == 0.0 && waits.ns.median().max(ready.ns.median()) <= TARGET_NS;
    }
    let verdict = if held { "held" } else { "missed" };
    println!("\nThe target, {TARGET_NS} ns and no allocation, is {verdict}.");
    Ok(if held { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
