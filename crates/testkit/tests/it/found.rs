//! What the truth is found to hold at the end is the end of the history.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use kudos_core::ports::{PostStore, ReactionStore};
use kudos_core::{Kind, Version};
use kudos_testkit::MemoryTruth;
use kudos_testkit::checker::{
    Ack, Checker, Client, Drive, Ledger, Reply, Request, TruthReader, Verdict, Workload,
};
use kudos_testkit::scope::NOW;

/// What a writer says.
#[derive(Clone, Copy)]
enum Answers {
    Well,
    Never,
    /// With one version for everything, as sums of parts may be.
    OneVersion,
}

struct Writer(Arc<MemoryTruth>, Answers);

#[async_trait]
impl Client for Writer {
    async fn react(&self, request: &Request) -> Reply {
        let applied = self.0.apply(request.operation(NOW)).await.unwrap();
        let ack = Ack::from(applied.outcome);
        match self.1 {
            Answers::Well => Reply::Acknowledged(ack),
            Answers::Never => Reply::Unknown,
            Answers::OneVersion => Reply::Acknowledged(Ack { version: Version(9), ..ack }),
        }
    }
}

/// One user on one post, who likes and so on.
fn workload(operations: usize) -> Workload {
    let (posts, users, kinds, repeated) = (1, 1, 1, 0.0);
    Workload { posts, users, operations, kinds, repeated, changes: 1.0, ..Workload::default() }
}

async fn empty(workload: &Workload) -> Arc<MemoryTruth> {
    let truth = Arc::new(MemoryTruth::new());
    for post in workload.stored(NOW) {
        truth.upsert(&post).await.unwrap();
    }
    truth
}

async fn driven(workload: &Workload, answers: Answers) -> (Arc<MemoryTruth>, Drive) {
    let truth = empty(workload).await;
    let mut ledger = Ledger::new(&workload.stored(NOW));
    if matches!(answers, Answers::OneVersion) {
        ledger = ledger.partitioned();
    }
    let writer: Arc<dyn Client> = Arc::new(Writer(truth.clone(), answers));
    let drive = Drive::new(vec![writer], ledger, Duration::ZERO);
    drive.run(workload, 1).await;
    (truth, drive)
}

async fn checked(truth: Arc<MemoryTruth>, drive: &Drive) -> Verdict {
    let checker = Checker::new().copy("truth", TruthReader(truth));
    checker.check(&drive.ledger()).await.unwrap()
}

fn keys(workload: &Workload) -> Vec<String> {
    workload.lanes(1).remove(0).into_iter().map(|request| request.key).collect()
}

/// Rows and counts are as they must be: only the version tells.
#[tokio::test]
async fn a_like_that_is_lost_with_its_unlike_is_missed() {
    let workload = (0..).map(|seed| Workload { seed, ..workload(2) });
    let unliked = |it: &Workload| it.lanes(1)[0][1].want.is_none();
    let workload = workload.take(100).find(unliked).unwrap();
    let (truth, drive) = driven(&workload, Answers::Well).await;
    assert!(checked(truth, &drive).await.is_exact());
    let verdict = checked(empty(&workload).await, &drive).await;
    assert!(verdict.blames("history") && !verdict.blames("truth"), "{verdict}");
    assert!(verdict.false_acknowledgements.iter().eq(keys(&workload).iter()), "{verdict}");
}

#[tokio::test]
async fn the_versions_of_a_post_in_parts_are_not_its_order_and_its_rows_are_judged() {
    let workload = workload(1);
    let (truth, drive) = driven(&workload, Answers::OneVersion).await;
    let verdict = checked(truth, &drive).await;
    assert!(verdict.is_exact(), "{verdict}");
    let verdict = checked(empty(&workload).await, &drive).await;
    assert!(verdict.blames("history") && verdict.blames("truth"), "{verdict}");
    assert!(verdict.false_acknowledgements.iter().eq(keys(&workload).iter()), "{verdict}");
}

#[tokio::test]
async fn what_an_operation_without_an_answer_did_not_leave_is_not_its_doing() {
    let workload = workload(1);
    let (truth, drive) = driven(&workload, Answers::Never).await;
    for truth in [truth, empty(&workload).await] {
        let verdict = checked(truth, &drive).await;
        assert!(verdict.is_exact(), "{verdict}");
    }
    let other = empty(&workload).await;
    let request = Request { want: Some(Kind(3)), ..workload.lanes(1).remove(0).remove(0) };
    other.apply(request.operation(NOW)).await.unwrap();
    let verdict = checked(other, &drive).await.to_string();
    for judged in ["expected an order of the user's operations", "at the last version"] {
        assert!(verdict.contains(judged), "{judged}: {verdict}");
    }
}
