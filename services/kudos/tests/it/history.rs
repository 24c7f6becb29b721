//! Random histories against the model.

use crate::support::{Load, Shared, kudos, numbered_posts};

const CLIENTS: usize = 32;

#[tokio::test]
async fn a_random_history_of_32_clients_ends_as_the_model_says() {
    let data = tempfile::tempdir().unwrap();
    let server = kudos(data.path()).await;
    let (api, ledger, posts) = (server.api(), Shared::default(), numbered_posts(200));
    ledger.publish(&api, &posts).await;
    let ended = Load::new(&posts, &ledger, CLIENTS, 250, 1).run(&api).await;
    assert_eq!((ended.acknowledged, ended.refused, ended.lost), (CLIENTS * 250, 0, 0));
    ledger.check(&api).await;
}

#[tokio::test]
async fn a_restart_in_good_order_changes_nothing() {
    let data = tempfile::tempdir().unwrap();
    let server = kudos(data.path()).await;
    let (ledger, posts) = (Shared::default(), numbered_posts(40));
    ledger.publish(&server.api(), &posts).await;
    Load::new(&posts, &ledger, 8, 60, 2).run(&server.api()).await;
    assert!(server.stop().await.status.success());
    let server = kudos(data.path()).await;
    ledger.check(&server.api()).await;
    // The operations are remembered too, so that a retry is still one.
    Load::new(&posts, &ledger, 8, 60, 3).run(&server.api()).await;
    ledger.check(&server.api()).await;
}
