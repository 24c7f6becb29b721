//! Page walks while counts change under them.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::support::{Api, Load, Ranked, Shared, kudos, numbered_posts};

const POSTS: u64 = 150;

/// Every post of a walk, with how often it was shown.
fn shown(walk: &[Ranked]) -> BTreeMap<&str, usize> {
    let mut shown = BTreeMap::new();
    for row in walk {
        *shown.entry(row.post.as_str()).or_default() += 1;
    }
    shown
}

/// Walks pages of 7 over and over while 16 clients react.
async fn walk_under_load(queries: &[&str]) {
    let data = tempfile::tempdir().unwrap();
    let server = kudos(data.path()).await;
    let (api, ledger, posts) = (server.api(), Shared::default(), numbered_posts(POSTS));
    ledger.publish(&api, &posts).await;
    await_index(&api).await;
    let load = Load::new(&posts, &ledger, 16, usize::MAX, 1);
    let walks = async {
        let mut begun = load.acknowledged();
        begun.wait_for(|&count| count > 0).await.unwrap();
        for query in queries {
            for _ in 0..3 {
                // Behind each page, something has changed.
                let query = format!("{query}&limit=7");
                let walk = api.walk_and(&query, async || {
                    let seen = *begun.borrow_and_update();
                    begun.wait_for(|&count| count > seen).await.unwrap();
                });
                let walk = walk.await;
                let shown = shown(&walk);
                assert!(shown.values().all(|&times| times == 1), "{query}: {shown:?}");
                assert_eq!(shown.len() as u64, POSTS, "{query}");
            }
        }
        load.stop();
    };
    tokio::join!(load.run(&api), walks);
    ledger.check(&api).await;
}

/// Waits until the text index has every post. Each look is an answer that is waited for.
async fn await_index(api: &Api) {
    let begun = Instant::now();
    while api.walk("q=common&sort=relevance&limit=100").await.len() as u64 != POSTS {
        assert!(begun.elapsed() < Duration::from_secs(30), "the index does not follow");
    }
}

#[tokio::test]
async fn a_popular_walk_shows_every_post_once_while_counts_change() {
    walk_under_load(&["sort=popular", "q=common+title&sort=popular"]).await;
}

#[tokio::test]
async fn recent_and_relevance_walks_show_every_post_once_while_counts_change() {
    walk_under_load(&["sort=recent", "q=common&sort=recent", "q=common&sort=relevance"]).await;
}

#[tokio::test]
async fn a_walk_over_who_reacted_shows_every_user_once() {
    let data = tempfile::tempdir().unwrap();
    let server = kudos(data.path()).await;
    let (api, ledger, posts) = (server.api(), Shared::default(), numbered_posts(1));
    ledger.publish(&api, &posts).await;
    Load::new(&posts, &ledger, 16, 60, 1).run(&api).await;
    // 250 users or so: more than two pages.
    ledger.check(&api).await;
    let reactors = api.reactors(&posts[0].id).await;
    assert!(reactors.len() > 200, "{}", reactors.len());
    assert!(reactors.is_sorted_by(|a, b| a.0 < b.0));
}

#[tokio::test]
async fn a_window_holds_the_posts_written_within_it() {
    let data = tempfile::tempdir().unwrap();
    let server = kudos(data.path()).await;
    let (api, now) = (server.api(), kudos_core::Clock::now(&kudos_core::SystemClock));
    let hours = [("p000", 0), ("p001", 2), ("p002", 30), ("p003", 24 * 8)];
    for (mut post, (_, hours)) in numbered_posts(4).into_iter().zip(hours) {
        post.created_at = now.minus(Duration::from_secs(hours * 3600));
        assert_eq!(api.put_post(&post).await.status, 201);
    }
    for (window, expected) in [("1h", 1), ("24h", 2), ("7d", 3), ("all", 4)] {
        for sort in ["popular", "recent"] {
            let walk = api.walk(&format!("sort={sort}&window={window}")).await;
            let posts: Vec<_> = walk.iter().map(|row| row.post.as_str()).collect();
            let ids: Vec<_> = hours[..expected].iter().map(|(id, _)| *id).collect();
            assert_eq!(posts, ids, "{sort} {window}");
        }
    }
}
