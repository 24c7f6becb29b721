//! Figures of a recording: how available, how fast, how soon.

use std::sync::Arc;
use std::time::Duration;

use kudos_core::ports::PostStore;
use kudos_core::{Counts, PostId, UserId, Version};
use kudos_testkit::MemoryTruth;
use kudos_testkit::checker::{
    Ack, Checker, Figures, Ledger, Recording, Reply, Request, Second, TruthReader, Workload,
    noticed,
};
use kudos_testkit::scope::NOW;
use tokio::time::{advance, sleep};

fn request(n: usize) -> Request {
    let (post, user) = (PostId::new("p").unwrap(), UserId::new("u").unwrap());
    Request { key: n.to_string(), post, user, want: None }
}

fn acknowledged() -> Reply {
    let (version, counts) = (Version(0), Counts::new());
    Reply::Acknowledged(Ack { mine: None, changed: false, version, counts })
}

const MS: Duration = Duration::from_millis(1);

#[tokio::test(start_paused = true)]
async fn the_share_that_is_answered_is_told_by_the_second() {
    let mut recording = Recording::new();
    for n in 0..40 {
        let sent = recording.sent(&request(n));
        advance(MS * 10).await;
        // The second second answers half of what is sent, the third says nothing at all.
        match n {
            10..20 if n % 2 == 0 => recording.answered(sent, &Reply::Unknown),
            20..30 => drop(sent),
            _ => recording.answered(sent, &acknowledged()),
        }
        advance(MS * 90).await;
    }
    let writes = Figures::of(&recording).writes;
    let second = |answered| Second { answered, sent: 10 };
    assert_eq!(writes.seconds, [second(10), second(5), second(0), second(10)]);
    assert_eq!(writes.all(), Second { answered: 25, sent: 40 });
    assert_eq!(writes.worst(), Some((2, second(0))));
}

#[tokio::test(start_paused = true)]
async fn latency_is_told_by_its_percentiles() {
    let mut recording = Recording::new();
    for n in 1..=1_000 {
        let asked = recording.asked();
        advance(MS * if n == 1_000 { 900 } else { n / 10 }).await;
        recording.shown(asked, (n % 2 == 0).then(Vec::new));
    }
    let reads = Figures::of(&recording).reads;
    let near = |found: Duration, ms: u32| found.abs_diff(MS * ms) <= MS;
    let latency = reads.latency;
    assert!(near(latency.p50, 50) && near(latency.p99, 99), "{latency:?}");
    assert!(near(latency.p999, 99) && near(latency.max, 900), "{latency:?}");
    assert_eq!(reads.all(), Second { answered: 500, sent: 1_000 });
    assert!(reads.to_string().starts_with("500 of 1000 answered, "), "{reads}");
}

#[tokio::test(start_paused = true)]
async fn nothing_sent_is_no_second_without_answer() {
    let figures = Figures::of(&Recording::new());
    assert_eq!(figures.writes.worst(), None);
    assert_eq!(figures.writes.all().share(), 1.0);
}

#[tokio::test(start_paused = true)]
async fn the_time_to_notice_is_told_unless_it_is_too_long() {
    let begun = tokio::time::Instant::now();
    let limit = Duration::from_secs(5);
    let took = noticed(limit, async || begun.elapsed() >= MS * 1_500).await;
    assert_eq!(took, Some(MS * 1_500));
    assert_eq!(noticed(limit, async || false).await, None);
    assert_eq!(begun.elapsed(), MS * 6_500);
}

#[tokio::test(start_paused = true)]
async fn the_time_to_converge_is_told() {
    let workload = Workload { posts: 2, ..Workload::default() };
    let posts = workload.stored(NOW);
    let truth = Arc::new(MemoryTruth::new());
    let checker = Checker::new().copy("truth", TruthReader(truth.clone()));
    let ledger = Ledger::new(&posts);
    let storing = async {
        sleep(MS * 250).await;
        for post in &posts {
            truth.upsert(post).await.unwrap();
        }
    };
    let (converged, ()) = tokio::join!(checker.converge(MS * 1_000, &ledger), storing);
    let converged = converged.unwrap();
    assert!(converged.verdict.is_exact(), "{}", converged.verdict);
    assert_eq!(converged.took, MS * 300);
}
