//! Searches over HTTP.

use std::time::Duration;

use kudos_core::ports::{LiveCounts, PostStore};
use kudos_core::{Change, Kind};
use kudos_query::{Follower, QuerySettings};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::world::{Health, World, after};

async fn found(world: &World, query: &str) -> Vec<String> {
    let answer = world.get(&format!("/v1/search?{query}"), None).await;
    let json = answer.json();
    let posts = json["posts"].as_array().unwrap_or_else(|| panic!("{json}"));
    let prefix = format!("{}-", world.scope);
    let name = |post: &Value| post["post"].as_str().unwrap().trim_start_matches(&prefix).to_owned();
    posts.iter().map(name).collect()
}

#[tokio::test(start_paused = true)]
async fn a_page_has_the_documented_shape() {
    let world = World::new();
    world.add("a", "Cats & co", 0).await;
    world.like("a", 0..2).await;
    let answer = world.get("/v1/search?q=cats", None).await;
    let counts = json!({"like": 2, "love": 0, "haha": 0, "wow": 0, "sad": 0, "angry": 0});
    let post = json!({
        "post": world.post("a"), "title": "Cats & co", "author": "ann",
        "created_at": "2025-06-15T15:06:40.000Z", "counts": counts, "total": 2, "version": 2,
    });
    let expected = json!({
        "posts": [post], "source": "index", "as_of": "2025-06-15T15:06:38.000Z",
        "degraded": false, "next_cursor": null,
    });
    assert_eq!((answer.status.as_u16(), answer.json()), (200, expected));
}

#[tokio::test(start_paused = true)]
async fn without_an_order_words_rank_by_relevance_and_no_words_by_popularity() {
    let world = World::new();
    world.add("twice", "cats cats", 0).await;
    world.add("liked", "cats", 1).await;
    world.like("liked", 0..3).await;
    assert_eq!(found(&world, "q=cats").await, ["twice", "liked"]);
    assert_eq!(found(&world, "q=cats&sort=popular").await, ["liked", "twice"]);
    assert_eq!(found(&world, "").await, ["liked", "twice"]);
    assert_eq!(found(&world, "q=%20").await, ["liked", "twice"]);
    assert_eq!(found(&world, "sort=recent&limit=1").await, ["liked"]);
}

#[tokio::test(start_paused = true)]
async fn a_post_just_liked_to_the_top_is_found_although_the_index_ranks_it_last() {
    let world = World::new();
    world.add("risen", "cats", 0).await;
    for n in 0..250 {
        world.add(&format!("p{n}"), "cats", n + 1).await;
        world.index.set_total(&world.post(format!("p{n}")), 1);
    }
    // Live knows, the index does not.
    for user in 0..9 {
        world.react("risen", user, Some(Kind(0))).await;
    }
    let state = world.true_state(&world.post("risen")).await;
    world.live.merge(std::slice::from_ref(&state)).await.unwrap();
    assert_ne!(found(&world, "q=cats&sort=popular&limit=1").await, ["risen"]);
    world.recent.changed(&[Change { state, users: Vec::new() }]);
    assert_eq!(found(&world, "q=cats&sort=popular&limit=1").await, ["risen"]);
    assert!(found(&world, "q=dogs&sort=popular").await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_page_is_given_again_for_its_span_and_says_of_when_it_is() {
    let world =
        World::with(QuerySettings { page_cache_ms: 200, events_ms: 100, ..Default::default() });
    world.add("a", "cats", 0).await;
    world.add("b", "cats", 1).await;
    assert_eq!(found(&world, "").await, ["b", "a"]);
    world.like("a", 0..1).await;
    world.clock.set(after(60_000));
    let held = world.get("/v1/search", None).await.json();
    assert_eq!(held["as_of"], "2025-06-15T15:06:40.000Z");
    assert_eq!(found(&world, "").await, ["b", "a"]);
    assert_eq!(found(&world, "limit=1").await, ["a"]);
    assert_eq!(found(&world, "q=cats&sort=popular").await, ["a", "b"]);
    tokio::time::advance(Duration::from_millis(200)).await;
    assert_eq!(found(&world, "").await, ["a", "b"]);
}

#[tokio::test(start_paused = true)]
async fn a_first_page_that_shows_the_same_posts_again_takes_one_round_trip() {
    let world = World::new();
    world.add("a", "cats", 0).await;
    world.add("b", "cats", 1).await;
    let trip = Duration::from_millis(10);
    world.on_live.delay(trip);
    let timed = async |query: &str| {
        let begun = Instant::now();
        (found(&world, query).await, begun.elapsed())
    };
    assert_eq!(timed("").await, (vec!["b".into(), "a".into()], 2 * trip));
    assert_eq!(timed("").await, (vec!["b".into(), "a".into()], trip));
    // Counts and order are those of now, also while other posts are expected.
    world.like("a", 0..1).await;
    assert_eq!(timed("").await, (vec!["a".into(), "b".into()], trip));
    world.add("c", "cats", 2).await;
    world.like("c", 0..2).await;
    assert_eq!(timed("").await, (vec!["c".into(), "a".into(), "b".into()], 2 * trip));
    let answer = world.get("/v1/search", None).await.json();
    assert_eq!(
        (&answer["posts"][0]["total"], &answer["posts"][1]["total"]),
        (&json!(2), &json!(1))
    );
    assert_eq!(answer["degraded"], false);
}

#[tokio::test(start_paused = true)]
async fn a_degraded_page_is_not_given_again() {
    let world = World::with(QuerySettings { page_cache_ms: 200, ..Default::default() });
    world.add("a", "cats", 0).await;
    Health::Fails.set(&world.on_live);
    assert_eq!(world.get("/v1/search", None).await.json()["degraded"], true);
    Health::Up.set(&world.on_live);
    assert_eq!(world.get("/v1/search", None).await.json()["degraded"], false);
}

#[tokio::test(start_paused = true)]
async fn a_window_holds_the_posts_written_within_it_whoever_answers() {
    let world = World::new();
    const HOUR: u64 = 3_600_000;
    for (name, hours) in [("week", 0), ("day", 160), ("hour", 183), ("now", 184)] {
        world.add(name, "cats", hours * HOUR).await;
    }
    world.clock.set(after(184 * HOUR));
    let windows = [
        ("all", vec!["now", "hour", "day", "week"]),
        ("7d", vec!["now", "hour", "day"]),
        ("24h", vec!["now", "hour", "day"]),
        ("1h", vec!["now", "hour"]),
    ];
    for (live, index) in
        [(Health::Up, Health::Up), (Health::Fails, Health::Up), (Health::Fails, Health::Fails)]
    {
        world.set(live, index, Health::Up, Health::Up);
        for (window, names) in &windows {
            for query in ["sort=popular", "sort=recent", "q=cats&sort=popular", "q=cats"] {
                let query = format!("{query}&window={window}");
                assert_eq!(found(&world, &query).await, *names, "{query} {live:?} {index:?}");
            }
        }
    }
    world.clock.advance(Duration::from_millis(1));
    world.set(Health::Up, Health::Up, Health::Up, Health::Up);
    assert_eq!(found(&world, "window=1h").await, ["now"]);
    assert_eq!(found(&world, "window=24h").await, ["now", "hour"]);
}

#[tokio::test(start_paused = true)]
async fn a_hidden_post_is_in_no_listing_and_has_no_page() {
    let world = World::new();
    for name in ["a", "b"] {
        world.add(name, "cats", 0).await;
        world.like(name, 0..1).await;
    }
    let hidden = world.post("a");
    // Only the truth knows yet: live counts and index still list it.
    world.store.hide(&hidden).await.unwrap();
    for query in ["", "sort=recent", "q=cats", "q=cats&sort=popular"] {
        assert_eq!(found(&world, query).await, ["b"], "{query}");
    }
    world.set(Health::Hangs, Health::Hangs, Health::Up, Health::Up);
    assert_eq!(found(&world, "").await, ["b"]);
    world.set(Health::Up, Health::Up, Health::Up, Health::Up);
    for path in ["", "/reactions", "/reactions/users"] {
        let problem = world.get(&format!("/v1/posts/{hidden}{path}"), Some(0)).await.problem();
        assert_eq!(problem, (404, "unknown-post".into(), "post".into()), "{path}");
    }
    let batch = world.batch(&json!({"posts": [hidden, world.post("b")]})).await.json();
    assert_eq!(batch["results"].as_array().unwrap().len(), 1);
    world.live.hide(&hidden, true, 1).await.unwrap();
    world.index.remove(&[hidden]);
    assert_eq!(found(&world, "").await, ["b"]);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_searched_is_refused_by_parameter() {
    let world = World::new();
    let long = format!("q={}", "x".repeat(257));
    let cases = [
        ("sort=relevance", "sort"),
        ("sort=best", "sort"),
        ("window=2h", "window"),
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=x", "limit"),
        (&long, "q"),
        ("page=2", "page"),
    ];
    for (query, field) in cases {
        let problem = world.get(&format!("/v1/search?{query}"), None).await.problem();
        assert_eq!(problem, (400, "invalid-parameter".into(), field.into()), "{query}");
    }
}
