//! Aborted at each point of the commit. These tests need `--features failpoints`.

use std::path::Path;

use crate::support::{Launch, Load, Op, Server, Shared, Stopped, kudos, numbered_posts};

const POINTS: [&str; 3] = ["commit::before", "commit::after", "commit::before_answer"];

/// A server that aborts at a point, the first time or after some.
async fn doomed(data: &Path, point: &str, action: &str) -> Server {
    Launch::on(data).failpoint(point, action).start().await
}

fn assert_aborted(server: &Stopped) {
    let signal = std::os::unix::process::ExitStatusExt::signal(&server.status);
    assert_eq!(signal, Some(6), "not aborted:\n{}", server.log);
}

#[tokio::test]
async fn aborted_at_a_point_of_the_commit_the_like_is_there_whole_or_not_at_all() {
    for (point, survives) in POINTS.into_iter().zip([false, true, true]) {
        let data = tempfile::tempdir().unwrap();
        let server = kudos(data.path()).await;
        server.api().put_post(&numbered_posts(1)[0]).await;
        server.kill().await;

        let server = doomed(data.path(), point, "return").await;
        let like = Op::new("k", "p000", "ann", Some("like"));
        assert!(server.api().send(&like).await.is_err(), "{point}: answered before it was durable");
        assert_aborted(&server.ended().await);

        let server = kudos(data.path()).await;
        let api = server.api();
        let before = api.counts("p000", "ann").await;
        assert_eq!(
            (before["total"] == 1, before["mine"] == "like"),
            (survives, survives),
            "{point}"
        );
        // The client does not know; its retry does the rest, and says so in the same words.
        let retried = api.react(&like).await;
        assert_eq!((&retried["total"], &retried["changed"]), (&1.into(), &true.into()), "{point}");
    }
}

#[tokio::test]
async fn aborted_at_each_point_under_load_everything_acknowledged_is_counted_once() {
    let data = tempfile::tempdir().unwrap();
    let (ledger, posts) = (Shared::default(), numbered_posts(30));
    let server = kudos(data.path()).await;
    ledger.publish(&server.api(), &posts).await;
    server.kill().await;

    let runs =
        POINTS.into_iter().flat_map(|point| [(point, "4*off->return"), (point, "30*off->return")]);
    for (seed, (point, action)) in (1..).zip(runs) {
        let server = doomed(data.path(), point, action).await;
        let ended = Load::new(&posts, &ledger, 16, usize::MAX, seed).run(&server.api()).await;
        assert!(ended.lost > 0, "{point}: {ended:?}");
        assert_aborted(&server.ended().await);

        let server = kudos(data.path()).await;
        ledger.check_survivors(&server.api()).await;
        ledger.settle(&server.api()).await;
        ledger.check(&server.api()).await;
        server.kill().await;
    }
}
