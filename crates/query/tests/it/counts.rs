//! Posts, counts and who reacted, over HTTP.

use kudos_core::Kind;
use kudos_core::ports::{LiveCounts, PostStore};
use serde_json::{Value, json};

use crate::world::World;

#[tokio::test(start_paused = true)]
async fn counts_have_the_documented_shape() {
    let world = World::new();
    world.add("a", "T", 0).await;
    world.like("a", 0..2).await;
    let path = format!("/v1/posts/{}/reactions", world.post("a"));
    let expected = json!({
        "post": world.post("a"),
        "counts": {"like": 2, "love": 0, "haha": 0, "wow": 0, "sad": 0, "angry": 0},
        "total": 2, "mine": "like", "version": 2, "source": "live",
        "as_of": "2025-06-15T15:06:40.000Z", "degraded": false,
    });
    assert_eq!(world.get(&path, Some(1)).await.json(), expected);
    assert_eq!(world.get(&path, Some(7)).await.json()["mine"], Value::Null);
}

#[tokio::test(start_paused = true)]
async fn a_post_is_shown_as_stored() {
    let world = World::new();
    world.add("a", "T", 0).await;
    let path = format!("/v1/posts/{}", world.post("a"));
    assert_eq!(world.get(&path, None).await.json()["title"], "T");
    assert_eq!(world.get("/v1/posts/nowhere", None).await.status, 404);
    assert_eq!(world.get("/v1/posts/nowhere/reactions", None).await.status, 404);
    assert_eq!(world.get("/v1/posts/nowhere/reactions/users", None).await.status, 404);
    let long = format!("/v1/posts/{}", "x".repeat(129));
    assert_eq!(world.get(&long, None).await.problem().1, "invalid-post-id");
}

#[tokio::test(start_paused = true)]
async fn an_unchanged_answer_costs_no_body_and_any_change_does() {
    let world = World::new();
    world.add("a", "T", 0).await;
    let path = format!("/v1/posts/{}/reactions", world.post("a"));
    let first = world.get(&path, None).await;
    let tag = first.headers["etag"].to_str().unwrap().to_owned();
    let again = world.get_if_changed(&path, &tag).await;
    assert_eq!((again.status.as_u16(), again.body.len()), (304, 0));
    assert_eq!(again.headers["etag"].to_str().unwrap(), tag);
    world.like("a", 0..1).await;
    let changed = world.get_if_changed(&path, &tag).await;
    assert_eq!((changed.status.as_u16(), &changed.json()["total"]), (200, &json!(1)));
    let mine = world.get(&path, Some(0)).await.headers["etag"].clone();
    assert_ne!(mine, changed.headers["etag"]);
    world.on_live.fail_with(kudos_core::PortError::Timeout);
    let tag = changed.headers["etag"].to_str().unwrap();
    assert_eq!(world.get_if_changed(&path, tag).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn a_batch_keeps_the_order_asked_and_leaves_out_what_is_unknown() {
    let world = World::new();
    for (name, users) in [("a", 1), ("b", 2)] {
        world.add(name, "T", 0).await;
        world.like(name, 0..users).await;
    }
    let (a, b) = (world.post("a"), world.post("b"));
    let answer = world.batch(&json!({"posts": [b, "nowhere", a, b]})).await.json();
    let rows: Vec<_> = answer["results"].as_array().unwrap().iter().collect();
    let posts: Vec<_> = rows.iter().map(|row| row["post"].as_str().unwrap()).collect();
    assert_eq!(posts, [b.as_str(), a.as_str(), b.as_str()]);
    assert_eq!((&rows[0]["total"], &rows[1]["mine"]), (&json!(2), &json!("like")));
    assert_eq!((&answer["source"], &answer["degraded"]), (&json!("live"), &json!(false)));
}

#[tokio::test(start_paused = true)]
async fn a_batch_is_limited_and_names_what_is_wrong() {
    let world = World::new();
    let many = |n: usize| json!({"posts": vec!["p"; n]});
    assert_eq!(world.batch(&many(100)).await.status, 200);
    let cases = [
        (many(0), "posts"),
        (many(101), "posts"),
        (json!({"posts": ["p", "a/b"]}), "posts[1]"),
        (json!({"posts": ["p", 7]}), "posts[1]"),
        (json!({"ids": ["p"]}), "ids"),
    ];
    for (body, field) in cases {
        let problem = world.batch(&body).await.problem();
        assert_eq!(problem, (400, "invalid-body".into(), field.into()), "{body}");
    }
}

#[tokio::test(start_paused = true)]
async fn who_reacted_is_paged_by_user_and_filtered_by_kind() {
    let world = World::new();
    world.add("a", "T", 0).await;
    for user in 0..7 {
        world.react("a", user, Some(Kind(user % 2))).await;
    }
    world.react("a", 3, None).await;
    let (all, loves) = (users(&world, "limit=2").await, users(&world, "limit=1&kind=love").await);
    let named = |users: &[usize]| -> Vec<String> {
        users.iter().map(|user| world.scope.user(user).as_str().to_owned()).collect()
    };
    assert_eq!((all, loves), (named(&[0, 1, 2, 4, 5, 6]), named(&[1, 5])));
}

#[tokio::test(start_paused = true)]
async fn who_reacted_to_a_post_hidden_a_moment_ago_is_told_by_nobody() {
    let world = World::keeping_posts();
    world.add("a", "T", 0).await;
    world.like("a", 0..3).await;
    let post = world.post("a");
    // Now it is kept.
    world.get(&format!("/v1/posts/{post}"), None).await.json();
    world.store.hide(&post).await.unwrap();
    let reactors = world.get(&format!("/v1/posts/{post}/reactions/users"), None).await;
    assert_eq!(reactors.problem().1, "unknown-post");
}

#[tokio::test(start_paused = true)]
async fn a_post_that_live_knows_to_be_hidden_is_shown_by_no_copy_kept_of_it() {
    let world = World::keeping_posts();
    for name in ["a", "b"] {
        world.add(name, "cats", 0).await;
        world.like(name, 0..3).await;
    }
    let post = world.post("a");
    // Now it is kept.
    world.get("/v1/search?q=cats&sort=popular", None).await.json();
    world.store.hide(&post).await.unwrap();
    world.live.hide(&post, true, 2).await.unwrap();
    for path in ["", "/reactions"] {
        let problem = world.get(&format!("/v1/posts/{post}{path}"), None).await.problem();
        assert_eq!(problem.1, "unknown-post", "{path}");
    }
    let batch = world.batch(&json!({"posts": [post, world.post("b")]})).await.json();
    assert_eq!(batch["results"].as_array().unwrap().len(), 1);
    let page = world.get("/v1/search?q=cats&sort=popular", None).await.json();
    let found: Vec<_> = page["posts"].as_array().unwrap().iter().map(|row| &row["post"]).collect();
    assert_eq!(found, [world.post("b").as_str()]);
}

/// Every page of who reacted to post `a`.
async fn users(world: &World, query: &str) -> Vec<String> {
    let base = format!("/v1/posts/{}/reactions/users?{query}", world.post("a"));
    let (mut found, mut path) = (Vec::new(), base.clone());
    loop {
        let page = world.get(&path, None).await.json();
        let users = page["users"].as_array().unwrap().iter();
        found.extend(users.map(|row| row["user"].as_str().unwrap().to_owned()));
        match page["next_cursor"].as_str() {
            Some(cursor) => path = format!("{base}&cursor={cursor}"),
            None => return found,
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_cursor_of_reactors_belongs_to_its_post_and_kind() {
    let world = World::new();
    for name in ["a", "b"] {
        world.add(name, "T", 0).await;
        world.like(name, 0..3).await;
    }
    let path =
        |name: &str, query: &str| format!("/v1/posts/{}/reactions/users?{query}", world.post(name));
    let page = world.get(&path("a", "limit=1"), None).await.json();
    let cursor = page["next_cursor"].as_str().unwrap();
    for (name, kind) in [("b", ""), ("a", "kind=like&")] {
        let query = format!("{kind}cursor={cursor}");
        assert_eq!(world.get(&path(name, &query), None).await.problem().1, "invalid-cursor");
    }
    assert_eq!(world.get(&path("a", "kind=Like"), None).await.problem().1, "unknown-kind");
    assert_eq!(world.get(&path("a", "limit=101"), None).await.problem().2, "limit");
}

#[tokio::test(start_paused = true)]
async fn who_reacted_is_known_by_the_truth_alone() {
    let world = World::new();
    world.add("a", "T", 0).await;
    let path = format!("/v1/posts/{}/reactions/users", world.post("a"));
    world.on_truth.hang();
    let (answer, took) = crate::world::timed(world.get(&path, None)).await;
    assert_eq!((answer.problem().1.as_str(), took.as_millis()), ("timeout", 400));
}
