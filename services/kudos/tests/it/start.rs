//! How long a start takes after a kill.

use std::cell::Cell;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fastrand::Rng;
use futures::StreamExt;
use futures::stream;
use kudos_core::ports::PostStore;
use kudos_core::{Millis, Post, PostId, SystemClock};
use kudos_embedded::{Embedded, Options};

use crate::support::{Load, Shared, kudos, numbered_posts};

const POSTS: u64 = 100_000;
/// Posts with a long text, so that more is written than journals may hold.
const LONG_POSTS: u64 = 40_000;
const LONG_BYTES: usize = 8_000;
/// What a start may have to read again: a journal of 64 MiB in use and one that is being given up,
/// each with what was written while it was exchanged.
const JOURNAL_BYTES: u64 = 150 << 20;

/// The promise is about the product as it is run. Code that is not optimised takes thrice as long,
/// beside other tests on the same cores.
const LIMIT: Duration = Duration::from_secs(if cfg!(debug_assertions) { 6 } else { 2 });

/// Fills a folder through the store's own port, which is faster than over HTTP. Gives the most that
/// a start would have had to read again.
async fn fill(data: &Path) -> u64 {
    let backends = Embedded::open(data, &Options::default(), Arc::new(SystemClock)).unwrap();
    let (store, most) = (&backends.store, Cell::new(0));
    let stored = stream::iter(0..POSTS).for_each_concurrent(1000, async |i| {
        let long = if i < LONG_POSTS { LONG_BYTES } else { 0 };
        let post = Post {
            id: PostId::new(&format!("bulk-{i}")).unwrap(),
            title: format!("Title of post {i}"),
            body: format!("A few words about post {i} {}", noise(i, long)),
            author: format!("author-{}", i % 500),
            created_at: Millis(1_750_000_000_000 + i),
        };
        store.upsert(&post).await.unwrap();
        if i % 500 == 0 {
            most.set(journals(data).max(most.get()));
        }
    });
    stored.await;
    most.get()
}

/// Text that neither holds a word nor compresses well.
fn noise(seed: u64, bytes: usize) -> String {
    let signs = b"!#$%&()*+,-.:;<=>?@[]^_|~";
    let mut rng = Rng::with_seed(seed);
    let sign = |_| char::from(signs[rng.usize(0..signs.len())]);
    (0..bytes).map(sign).collect()
}

/// The size of all journals.
fn journals(data: &Path) -> u64 {
    let files = std::fs::read_dir(data.join("store")).unwrap().map(Result::unwrap);
    let journals = files.filter(|file| file.path().extension().is_some_and(|name| name == "jnl"));
    journals.map(|file| file.metadata().unwrap().len()).sum()
}

#[tokio::test]
async fn after_a_kill_under_load_a_hundred_thousand_posts_are_served_within_two_seconds() {
    let data = tempfile::tempdir().unwrap();
    let most = fill(data.path()).await;
    assert!(most <= JOURNAL_BYTES, "{most} bytes to read again");
    let server = kudos(data.path()).await;
    let (ledger, posts) = (Shared::default(), numbered_posts(200));
    ledger.publish(&server.api(), &posts).await;
    let (api, kill) = (server.api(), server.killer());
    let load = Load::new(&posts, &ledger, 32, usize::MAX, 1);
    let mut acknowledged = load.acknowledged();
    let killed = async {
        acknowledged.wait_for(|&count| count >= 2000).await.unwrap();
        kill();
    };
    tokio::join!(load.run(&api), killed);
    server.ended().await;

    let begun = Instant::now();
    let server = kudos(data.path()).await;
    let ready = server.api().get("/readyz").await;
    let took = begun.elapsed();
    assert_eq!(ready.status, 200);
    assert!(took <= LIMIT, "ready after {took:?}");
    println!("ready after {took:?}; at most {most} bytes to read again");
    ledger.check_survivors(&server.api()).await;
}
