//! The function library: loaded, missing, newer.

use kudos_core::ports::LiveCounts;
use kudos_redis::{CheckError, LIBRARY, LIBRARY_VERSION, Migrated};
use kudos_testkit::Scope;

use crate::support::{Cluster, cli, complete, start, state};

#[tokio::test]
async fn the_migration_loads_every_master_once() {
    let cluster = Cluster::start(1, &[]);
    let live = complete(cluster.settings()).await;
    assert_eq!(live.check().await.expect("all is well").len(), 3);
    let done = live.migrate().await.expect("the library can be loaded");
    assert_eq!(done.len(), 3);
    assert!(done.iter().all(|(_, what)| *what == Migrated::Loaded { before: None }), "{done:?}");
    let again = live.migrate().await.expect("the library is there");
    assert!(again.iter().all(|(_, what)| *what == Migrated::Unchanged), "{again:?}");
    assert_eq!(live.check().await, Ok(vec![]));
}

#[tokio::test]
async fn a_newer_library_is_left_alone_and_reported_and_an_older_one_replaced() {
    let server = start(&[]);
    let live = complete(server.settings()).await;
    let as_version = |version: u64| {
        let (known, other) =
            (format!("VERSION = {LIBRARY_VERSION}"), format!("VERSION = {version}"));
        cli(server.port, &["FUNCTION", "LOAD", "REPLACE", &LIBRARY.replace(&known, &other)]);
    };
    as_version(LIBRARY_VERSION + 1);
    let newer = CheckError::NewerLibrary {
        node: server.address(),
        found: LIBRARY_VERSION + 1,
        known: LIBRARY_VERSION,
    };
    assert_eq!(live.check().await, Err(newer.clone()));
    assert_eq!(live.migrate().await, Err(newer));
    as_version(0);
    let done = live.migrate().await.expect("the library can be loaded");
    assert_eq!(done, [(server.address(), Migrated::Loaded { before: Some(0) })]);
}

#[tokio::test]
async fn all_works_without_the_library_and_while_it_comes_and_goes() {
    let server = start(&[]);
    let live = complete(server.settings()).await;
    let post = Scope::new().post("p");
    for version in 1..=6 {
        match version % 3 {
            0 => drop(live.migrate().await.expect("the library can be loaded")),
            1 => drop(cli(server.port, &["FUNCTION", "FLUSH"])),
            _ => drop(cli(server.port, &["SCRIPT", "FLUSH"])),
        }
        live.merge(&[state(&post, version)]).await.expect("Redis takes it");
        let top = live.top(None, 1).await.expect("the ranks answer");
        assert_eq!(top[0].total, state(&post, version).counts.total());
        assert_eq!(live.recent(None, None, 1).await.expect("they answer")[0].post, post);
    }
}
