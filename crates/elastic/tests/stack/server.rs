//! The server, and an index of this run's own.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use elasticsearch::http::Method;
use elasticsearch::http::headers::HeaderMap;
use elasticsearch::http::transport::Transport;
use kudos_core::ports::{IndexHit, IndexOrder, IndexQuery, PostIndex, Projection, Put};
use kudos_core::{Clock, Counts, Kind, Kinds, Post, PostState, Snapshot, SystemClock, Version};
use kudos_elastic::{Elastic, ElasticSettings, migrate};
use serde_json::Value;
use tokio::sync::OnceCell;
use uuid::Uuid;

/// What earlier runs left behind is removed once it is so old, in milliseconds.
const OLD: u64 = 15 * 60 * 1000;
const PREFIX: &str = "kudos-test-";

/// Settings for the server and a name that no index has, nothing made yet.
pub(crate) async fn unmigrated() -> ElasticSettings {
    let url = std::env::var("KUDOS_STACK_ELASTIC");
    let url = url.unwrap_or_else(|_| "http://127.0.0.1:9200".to_owned());
    let name = format!("{PREFIX}{}-{}", SystemClock.now().0, Uuid::new_v4().simple());
    let settings = ElasticSettings {
        urls: vec![url.clone()],
        index: name,
        // A debug build beside everything else on few cores.
        search_ms: 10_000,
        replicas: 0,
        refresh_interval_ms: 600_000,
        ..ElasticSettings::default()
    };
    let health = admin(&settings, Method::Get, "_cluster/health", None).await;
    assert!(health.is_ok(), "{url}: {health:?}: start it with `make stack-up`");
    settings
}

/// The same, with an index of its own.
pub(crate) async fn migrated() -> ElasticSettings {
    let settings = unmigrated().await;
    migrate(&settings).await.expect("the migration runs");
    settings
}

/// The index that the tests of this run share.
pub(crate) async fn shared() -> ElasticSettings {
    static SHARED: OnceCell<ElasticSettings> = OnceCell::const_new();
    let make = || async {
        let settings = migrated().await;
        remove_old(&settings).await;
        settings
    };
    SHARED.get_or_init(make).await.clone()
}

pub(crate) fn elastic(settings: &ElasticSettings) -> Elastic {
    Elastic::new(settings, Kinds::default(), Arc::new(())).expect("the settings are valid")
}

/// Asks the server directly.
pub(crate) async fn admin(
    settings: &ElasticSettings,
    method: Method,
    path: &str,
    body: Option<Value>,
) -> Result<String, String> {
    let transport = Transport::single_node(&settings.urls[0]).expect("a valid URL");
    let body = body.map(|body| body.to_string());
    let sent = transport.send(method, path, HeaderMap::new(), None::<&()>, body, None).await;
    let answer = sent.map_err(|error| error.to_string())?;
    let status = answer.status_code();
    let text = answer.text().await.map_err(|error| error.to_string())?;
    if status.is_success() { Ok(text) } else { Err(text) }
}

/// Removes an index and its template.
pub(crate) async fn remove(settings: &ElasticSettings, name: &str) {
    // What is gone already needs no removing.
    let _ = admin(settings, Method::Delete, &format!("{name}-v1"), None).await;
    let _ = admin(settings, Method::Delete, &format!("_index_template/{name}"), None).await;
}

async fn remove_old(settings: &ElasticSettings) {
    let path = format!("_cat/indices/{PREFIX}*?h=index");
    let names = admin(settings, Method::Get, &path, None).await.expect("a list of indexes");
    let now = SystemClock.now().0;
    for name in names.lines().filter_map(|name| name.trim().strip_suffix("-v1")) {
        let made = name.strip_prefix(PREFIX).and_then(|name| name.split('-').next());
        let made = made.and_then(|made| made.parse::<u64>().ok());
        if made.is_some_and(|made| made + OLD < now) {
            remove(settings, name).await;
        }
    }
}

/// A snapshot newer than all that were made before.
pub(crate) fn snapshot(post: &Post, total: u64) -> Snapshot {
    static REVISION: AtomicU64 = AtomicU64::new(1);
    at_revision(post, total, REVISION.fetch_add(1, SeqCst))
}

/// A snapshot of that revision, with as many likes as `total`.
pub(crate) fn at_revision(post: &Post, total: u64, revision: u64) -> Snapshot {
    let mut counts = Counts::new();
    counts.set(Kind(0), total);
    let (version, as_of) = (Version(0), post.created_at);
    let state =
        PostState { post: post.id.clone(), created_at: post.created_at, version, counts, as_of };
    Snapshot { post: post.clone(), hidden: false, revision, state }
}

/// Puts snapshots that must all be taken.
pub(crate) async fn put(elastic: &Elastic, snapshots: &[Snapshot]) {
    let put = elastic.put(snapshots).await.expect("the server answers");
    assert!(put.iter().all(|put| *put == Put::Held), "{put:?}");
}

/// What a text finds, most popular first.
pub(crate) async fn found(elastic: &Elastic, text: &str) -> Vec<IndexHit> {
    let (text, order) = (text.to_owned(), IndexOrder::Popular);
    let query = IndexQuery { text, since: None, among: None, order, limit: 100 };
    elastic.search(&query).await.expect("the server answers")
}
