//! Killed at random, in the middle of the load.

use crate::support::{Load, Shared, kudos, numbered_posts};

#[tokio::test]
async fn killed_at_random_under_load_everything_acknowledged_is_there_and_counted_once() {
    let data = tempfile::tempdir().unwrap();
    let (ledger, posts) = (Shared::default(), numbered_posts(60));
    let server = kudos(data.path()).await;
    ledger.publish(&server.api(), &posts).await;
    server.kill().await;

    for round in 1..=5 {
        let server = kudos(data.path()).await;
        let (api, kill) = (server.api(), server.killer());
        let load = Load::new(&posts, &ledger, 32, usize::MAX, round);
        let mut acknowledged = load.acknowledged();
        let enough = fastrand::usize(1..1500);
        let killed = async {
            acknowledged.wait_for(|&count| count >= enough).await.unwrap();
            kill();
        };
        let (ended, ()) = tokio::join!(load.run(&api), killed);
        assert!(ended.acknowledged >= enough && ended.lost > 0, "{ended:?}");
        assert_eq!(ended.refused, 0);
        server.ended().await;

        let server = kudos(data.path()).await;
        let api = server.api();
        ledger.check_survivors(&api).await;
        ledger.settle(&api).await;
        ledger.check(&api).await;
        server.kill().await;
    }
}
