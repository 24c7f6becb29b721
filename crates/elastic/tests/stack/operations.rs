//! What operators meet: migrations, missing and blocked indexes, dead nodes, walks.

use elasticsearch::http::Method;
use kudos_core::PortError;
use kudos_core::ports::{IndexOrder, IndexQuery, PostIndex, Projection, Put};
use kudos_core::{PostId, Snapshot};
use kudos_elastic::{CheckError, ElasticSettings, MigrateError, Stored, migrate};
use kudos_testkit::Scope;
use serde_json::json;

use crate::server::{admin, elastic, found, migrated, put, remove, shared, snapshot, unmigrated};

#[tokio::test]
async fn a_migration_run_twice_changes_nothing() {
    let settings = unmigrated().await;
    let index = format!("{}-v1", settings.index);
    let first = migrate(&settings).await.expect("it runs");
    let applied = [format!("template {}", settings.index), format!("index {index}")];
    assert_eq!((&first.index, &*first.applied), (&index, &applied[..]));
    let second = migrate(&settings).await.expect("it runs again");
    assert_eq!((second.index, second.applied), (index.clone(), vec![]));
    let checked = elastic(&settings).check().await.expect("all is in place");
    assert_eq!(checked.index, index);
    remove(&settings, &settings.index).await;
}

#[tokio::test]
async fn a_migration_sets_what_can_be_set_while_the_index_is_used() {
    let settings = migrated().await;
    let faster = ElasticSettings { refresh_interval_ms: 500, ..settings.clone() };
    let report = migrate(&faster).await.expect("it runs");
    let template = format!("template {}", settings.index);
    let expected = [template, "setting index.refresh_interval = 500ms".to_owned()];
    assert_eq!(report.applied, expected);
    assert_eq!(migrate(&faster).await.expect("it runs again").applied, [""; 0]);
    remove(&settings, &settings.index).await;
}

#[tokio::test]
async fn a_migration_refuses_an_index_of_a_newer_schema() {
    let settings = migrated().await;
    let newer = Some(json!({"_meta": {"schema": 2}}));
    let path = format!("{}/_mapping", settings.index);
    admin(&settings, Method::Put, &path, newer).await.expect("the server answers");
    let index = format!("{}-v1", settings.index);
    let error = migrate(&settings).await.expect_err("it is newer");
    assert_eq!(error, MigrateError::Newer { index: index.clone(), found: 2 });
    let error = elastic(&settings).check().await.expect_err("it is newer");
    assert_eq!(error, CheckError::Schema { index, found: 2 });
    remove(&settings, &settings.index).await;
}

#[tokio::test]
async fn a_missing_index_is_named_and_not_made_by_the_way() {
    let settings = unmigrated().await;
    let elastic = elastic(&settings);
    let error = elastic.check().await.expect_err("nothing is there");
    assert_eq!(error, CheckError::NoIndex(settings.index.clone()));
    let snapshots = [snapshot(&Scope::new().written("p", "apple", 0), 0)];
    let put = elastic.put(&snapshots).await.expect("the server answers");
    assert!(matches!(&*put, [Put::Retry(PortError::Unavailable(_))]), "{put:?}");
    let (text, order) = (String::new(), IndexOrder::Popular);
    let query = IndexQuery { text, since: None, among: None, order, limit: 1 };
    let error = elastic.search(&query).await.expect_err("nothing is there").to_string();
    assert!(error.contains("kudosctl migrate"), "{error}");
    let error = elastic.check().await.expect_err("still nothing is there");
    assert_eq!(error, CheckError::NoIndex(settings.index));
}

#[tokio::test]
async fn a_blocked_index_takes_nothing_and_says_so_until_it_is_open_again() {
    let (settings, scope) = (migrated().await, Scope::new());
    let elastic = elastic(&settings);
    let snapshots = [snapshot(&scope.written("p", "apple", 0), 0)];
    let path = format!("{}/_settings", settings.index);
    for block in ["index.blocks.read_only_allow_delete", "index.blocks.write"] {
        let set = async |blocked: bool| {
            let body = Some(json!({ block: blocked }));
            admin(&settings, Method::Put, &path, body).await.expect("the server answers")
        };
        set(true).await;
        let blocked = elastic.put(&snapshots).await.expect("the server answers");
        assert!(matches!(&*blocked, [Put::Retry(_)]), "{block}: {blocked:?}");
        set(false).await;
        put(&elastic, &snapshots).await;
    }
    remove(&settings, &settings.index).await;
}

#[tokio::test]
async fn a_dead_first_node_is_passed_over() {
    let (settings, scope) = (shared().await, Scope::new());
    let urls = vec!["http://127.0.0.1:9".to_owned(), settings.urls[0].clone()];
    let elastic = elastic(&ElasticSettings { urls, ..settings });
    put(&elastic, &[snapshot(&scope.written("p", "apple", 0), 0)]).await;
    elastic.refresh().await.expect("the other node answers");
    for _ in 0..10 {
        assert_eq!(found(&elastic, &scope.to_string()).await.len(), 1);
    }
}

#[tokio::test]
async fn a_walk_passes_every_copy_once_while_others_write() {
    let (settings, scope) = (migrated().await, Scope::new());
    let elastic = elastic(&settings);
    let posts: Vec<_> = (0..25).map(|n| scope.written(format!("{n:02}"), "apple", n)).collect();
    let snapshots: Vec<_> = posts
        .iter()
        .enumerate()
        .map(|(n, post)| Snapshot { hidden: n % 5 == 0, ..snapshot(post, n as u64) })
        .collect();
    put(&elastic, &snapshots).await;
    elastic.refresh().await.expect("the server answers");
    let mut walk = elastic.walk().await.expect("a walk begins");
    let mut passed: Vec<Stored> = Vec::new();
    loop {
        let page = walk.next(7).await.expect("the server answers");
        assert!(page.len() <= 7);
        if page.is_empty() {
            break;
        }
        passed.extend(page);
        // What is written now belongs to the next walk.
        put(&elastic, &[snapshot(&scope.written("zz", "apple", 0), 9)]).await;
        put(&elastic, &[snapshot(&posts[24], 999)]).await;
        elastic.refresh().await.expect("the server answers");
    }
    walk.close().await.expect("the server answers");
    let ids: Vec<&PostId> = passed.iter().map(|copy| &copy.post).collect();
    assert_eq!(ids, posts.iter().map(|post| &post.id).collect::<Vec<_>>());
    for (n, copy) in passed.iter().enumerate() {
        assert_eq!((copy.total, copy.hidden), (n as u64, n % 5 == 0));
        assert_eq!(copy.version, snapshots[n].version());
    }
    remove(&settings, &settings.index).await;
}
