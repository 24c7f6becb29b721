//! Whatever happens to the files of the index, it is whole again by itself.

use std::fs;
use std::path::Path;

use kudos_core::PortError;
use kudos_core::ports::{IndexOrder, IndexQuery, PostIndex, PostStore};
use kudos_embedded::Lag;
use tempfile::TempDir;

use super::{Machine, post_id};

#[tokio::test]
async fn an_index_that_was_stopped_at_any_time_catches_up() {
    let mut machine = Machine::new();
    for round in 0..5 {
        machine.upsert(&format!("r{round}"), "apple", "", round).await;
        machine = Machine::on(machine.stop());
        machine.upsert(&format!("s{round}"), "apple", "", round).await;
        if round % 2 == 0 {
            machine.index.refresh().await.unwrap();
        }
    }
    machine.index.refresh().await.unwrap();
    assert_eq!(machine.found("apple").await.len(), 10);
}

#[tokio::test]
async fn an_index_whose_folder_was_deleted_is_built_anew() {
    let machine = Machine::new();
    machine.upsert_many(300).await;
    machine.store.hide(&post_id("p007")).await.unwrap();
    machine.index.refresh().await.unwrap();
    let folder = machine.stop();
    fs::remove_dir_all(folder.path().join("index")).unwrap();
    let machine = Machine::on(folder);
    machine.index.refresh().await.unwrap();
    assert_eq!(machine.found("apple").await.len(), 299);
}

#[tokio::test]
async fn an_index_whose_folder_is_deleted_under_it_is_built_anew() {
    let machine = Machine::new();
    machine.upsert_many(5).await;
    machine.index.refresh().await.unwrap();
    fs::remove_dir_all(machine.index_folder()).unwrap();
    machine.upsert("new", "apple", "", 9).await;
    // The first try finds the folder gone, and may say so.
    let _ = machine.index.refresh().await;
    machine.index.refresh().await.unwrap();
    assert_eq!(machine.found("apple").await.len(), 6);
}

#[tokio::test]
async fn a_damaged_index_is_built_anew() {
    for damage in ["{", "", "{\"payload\":\"1 follow 99\"}"] {
        let machine = Machine::new();
        machine.upsert_many(3).await;
        machine.index.refresh().await.unwrap();
        let folder = machine.stop();
        fs::write(folder.path().join("index/meta.json"), damage).unwrap();
        let machine = Machine::on(folder);
        machine.index.refresh().await.unwrap();
        assert_eq!(machine.found("apple").await.len(), 3, "{damage:?}");
    }
}

#[tokio::test]
async fn a_truncated_segment_is_built_anew() {
    let machine = Machine::new();
    machine.upsert_many(3).await;
    machine.index.refresh().await.unwrap();
    let folder = machine.stop();
    for file in fs::read_dir(folder.path().join("index")).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "fast") {
            fs::write(path, "").unwrap();
        }
    }
    let machine = Machine::on(folder);
    machine.index.refresh().await.unwrap();
    assert_eq!(machine.found("apple").await.len(), 3);
}

#[tokio::test]
async fn an_index_from_before_the_outbox_was_trimmed_is_built_anew() {
    let machine = Machine::new();
    machine.upsert_many(3).await;
    machine.index.refresh().await.unwrap();
    let folder = machine.stop();
    let (index, old) = (folder.path().join("index"), folder.path().join("old"));
    copy(&index, &old);
    let machine = Machine::on(folder);
    for at in 0..5 {
        machine.upsert(&format!("new{at}"), "apple", "", at).await;
        machine.index.refresh().await.unwrap();
    }
    let folder = machine.stop();
    fs::remove_dir_all(&index).unwrap();
    fs::rename(&old, &index).unwrap();
    let machine = Machine::on(folder);
    machine.index.refresh().await.unwrap();
    assert_eq!(machine.found("apple").await.len(), 8);
}

#[tokio::test]
async fn an_index_that_is_ahead_of_its_store_is_built_anew() {
    let machine = Machine::new();
    machine.upsert_many(9).await;
    machine.index.refresh().await.unwrap();
    let folder = machine.stop();
    fs::remove_dir_all(folder.path().join("store")).unwrap();
    let machine = Machine::on(folder);
    machine.upsert("only", "apple", "", 1).await;
    machine.index.refresh().await.unwrap();
    assert_eq!(machine.found("apple").await, ["only"]);
}

#[tokio::test]
async fn an_index_that_cannot_be_opened_says_so_and_opens_when_it_can() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("index"), "in the way").unwrap();
    let machine = Machine::on(folder);
    machine.upsert_many(3).await;
    assert!(machine.index.refresh().await.is_err());
    let lag = machine.index.lag();
    assert!(lag.revisions == 3 && lag.since.is_some() && lag.failure.is_some(), "{lag:?}");
    let query = IndexQuery {
        text: "apple".into(),
        since: None,
        among: None,
        order: IndexOrder::Popular,
        limit: 10,
    };
    let refused = machine.index.search(&query).await;
    assert!(matches!(refused, Err(PortError::Unavailable(_))), "{refused:?}");
    fs::remove_file(machine.index_folder()).unwrap();
    machine.index.refresh().await.unwrap();
    assert_eq!(machine.found("apple").await.len(), 3);
    assert_eq!(machine.index.lag(), Lag::default());
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for file in fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), to.join(file.file_name())).unwrap();
    }
}
