//! The promises of [`PostStore`], one by one.

use std::sync::Arc;

use kudos_core::ports::{PostMeta, PostStore, Upserted};
use kudos_core::post::{MAX_BODY_BYTES, MAX_TITLE_BYTES};
use kudos_core::{Millis, Post, PostId, TimeKey};

use super::HasPosts;
use crate::scope::{NOW, Scope};

/// Makes a test of each check of the post store; the backend has [`HasPosts`].
#[macro_export]
macro_rules! post_store_contract {
    ($backend:ty) => {
        $crate::__each_check! { $backend, post_store:
            an_upsert_tells_whether_it_created_updated_or_changed_nothing,
            a_post_is_kept_whole,
            posts_come_in_the_order_asked_and_missing_ones_are_none,
            a_hidden_post_is_not_shown_until_it_is_stored_again,
            meta_tells_when_a_post_was_created_and_whether_it_is_hidden,
            posts_are_listed_by_time_then_id_in_pages,
            a_listing_reaches_back_to_its_bound_and_includes_it,
            a_post_whose_time_changes_is_listed_once_at_its_new_place,
            posts_survive_a_restart,
        }
    };
}

async fn upsert(posts: &Arc<dyn PostStore>, post: &Post) -> Upserted {
    posts.upsert(post).await.expect("the post is stored")
}

async fn get(posts: &Arc<dyn PostStore>, post: &PostId) -> Option<Post> {
    let got = posts.get(std::slice::from_ref(post)).await;
    let mut got = got.expect("the store answers");
    assert_eq!(got.len(), 1, "one answer for one post");
    got.pop().flatten()
}

/// A scope's visible posts by time, read in pages of `limit`.
async fn by_time(
    posts: &Arc<dyn PostStore>,
    scope: &Scope,
    since: Option<Millis>,
    limit: usize,
) -> Vec<Post> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = posts.by_time(since, after.as_ref(), limit).await;
        let page = page.expect("the store answers");
        assert!(page.len() <= limit, "a page keeps its limit");
        let Some(last) = page.last() else { break };
        after = Some(TimeKey { created_at: last.created_at, post: last.id.clone() });
        all.extend(page);
    }
    all.retain(|post| scope.owns(&post.id));
    all
}

/// Each field counts.
pub async fn an_upsert_tells_whether_it_created_updated_or_changed_nothing<B: HasPosts>() {
    let (backend, scope) = (B::open().await, Scope::new());
    let (posts, mut post) = (backend.posts(), scope.written("p", "one", 0));
    assert_eq!(upsert(&posts, &post).await, Upserted::Created);
    let edits: [fn(&mut Post); 4] = [
        |post| post.title.push('!'),
        |post| post.body.push('!'),
        |post| post.author.push('!'),
        |post| post.created_at.0 += 1,
    ];
    for edit in edits {
        assert_eq!(upsert(&posts, &post).await, Upserted::Unchanged);
        edit(&mut post);
        assert_eq!(upsert(&posts, &post).await, Upserted::Updated);
        assert_eq!(get(&posts, &post.id).await.as_ref(), Some(&post));
    }
    posts.hide(&post.id).await.expect("the post is hidden");
    assert_eq!(upsert(&posts, &post).await, Upserted::Updated);
}

/// Empty fields, the longest, and any character.
pub async fn a_post_is_kept_whole<B: HasPosts>() {
    let (backend, scope) = (B::open().await, Scope::new());
    let posts = backend.posts();
    let long = Post {
        id: scope.post("long"),
        title: "é".repeat(MAX_TITLE_BYTES / 2),
        body: "\"🦀\n".repeat(MAX_BODY_BYTES / 6),
        author: "O'Neil; --".to_owned(),
        created_at: NOW,
    };
    let empty = Post {
        id: scope.post("ünïcode 東京"),
        title: String::new(),
        body: String::new(),
        author: String::new(),
        created_at: Millis(0),
    };
    for post in [long, empty] {
        upsert(&posts, &post).await;
        assert_eq!(get(&posts, &post.id).await, Some(post));
    }
}

/// Known, unknown, hidden and repeated.
pub async fn posts_come_in_the_order_asked_and_missing_ones_are_none<B: HasPosts>() {
    let (backend, scope) = (B::open().await, Scope::new());
    let posts = backend.posts();
    let [p, q, hidden] = ["p", "q", "hidden"].map(|name| scope.written(name, name, 0));
    for post in [&p, &q, &hidden] {
        upsert(&posts, post).await;
    }
    posts.hide(&hidden.id).await.expect("the post is hidden");
    let asked = [&q.id, &scope.post("none"), &p.id, &hidden.id, &q.id].map(PostId::clone);
    let got = posts.get(&asked).await;
    assert_eq!(got, Ok(vec![Some(q.clone()), None, Some(p), None, Some(q)]));
    assert_eq!(posts.get(&[]).await, Ok(vec![]));
}

/// Hidden once, and again, and back.
pub async fn a_hidden_post_is_not_shown_until_it_is_stored_again<B: HasPosts>() {
    let (backend, scope) = (B::open().await, Scope::new());
    let (posts, post) = (backend.posts(), scope.written("p", "one", 0));
    assert_eq!(posts.hide(&post.id).await, Ok(false), "there is none yet");
    upsert(&posts, &post).await;
    assert_eq!(posts.hide(&post.id).await, Ok(true));
    assert_eq!(posts.hide(&post.id).await, Ok(false));
    assert_eq!(get(&posts, &post.id).await, None);
    assert_eq!(by_time(&posts, &scope, None, 10).await, []);
    upsert(&posts, &post).await;
    assert_eq!(get(&posts, &post.id).await.as_ref(), Some(&post));
    assert_eq!(by_time(&posts, &scope, None, 10).await, [post]);
}

/// Unknown, stored, moved, hidden.
pub async fn meta_tells_when_a_post_was_created_and_whether_it_is_hidden<B: HasPosts>() {
    let (backend, scope) = (B::open().await, Scope::new());
    let (posts, mut post) = (backend.posts(), scope.written("p", "one", 0));
    assert_eq!(posts.meta(&post.id).await, Ok(None));
    for at in [5, 3] {
        post.created_at = Millis(NOW.0 + at);
        upsert(&posts, &post).await;
        let (created_at, hidden) = (post.created_at, false);
        let meta = PostMeta { created_at, hidden };
        assert_eq!(posts.meta(&post.id).await, Ok(Some(meta)));
    }
    posts.hide(&post.id).await.expect("the post is hidden");
    let (created_at, hidden) = (post.created_at, true);
    let meta = PostMeta { created_at, hidden };
    assert_eq!(posts.meta(&post.id).await, Ok(Some(meta)));
}

/// Posts of few times, in the order in which they must be listed.
async fn store_many(posts: &Arc<dyn PostStore>, scope: &Scope) -> Vec<Post> {
    let written = |i: u64| scope.written(format!("{:02}", i * 7 % 20), "post", i / 5 * 1000);
    let mut written: Vec<_> = (0..20).map(written).collect();
    for post in &written {
        upsert(posts, post).await;
    }
    written.sort_by(|a, b| {
        let by_age = b.created_at.0.cmp(&a.created_at.0);
        by_age.then(a.id.as_str().cmp(b.id.as_str()))
    });
    written
}

/// Ties lie on page boundaries.
pub async fn posts_are_listed_by_time_then_id_in_pages<B: HasPosts>() {
    let (backend, scope) = (B::open().await, Scope::new());
    let posts = backend.posts();
    let mut expected = store_many(&posts, &scope).await;
    let hidden = expected.remove(7);
    posts.hide(&hidden.id).await.expect("the post is hidden");
    for limit in [1, 3, 19, 100] {
        assert_eq!(by_time(&posts, &scope, None, limit).await, expected);
    }
}

/// At, before and after a time that posts have.
pub async fn a_listing_reaches_back_to_its_bound_and_includes_it<B: HasPosts>() {
    let (backend, scope) = (B::open().await, Scope::new());
    let posts = backend.posts();
    let written = store_many(&posts, &scope).await;
    for (since, expected) in [(0, 20), (1999, 10), (2000, 10), (2001, 5), (3001, 0)] {
        let listed = by_time(&posts, &scope, Some(Millis(NOW.0 + since)), 4).await;
        assert_eq!(listed, written[..expected]);
    }
}

/// The old place is left.
pub async fn a_post_whose_time_changes_is_listed_once_at_its_new_place<B: HasPosts>() {
    let (backend, scope) = (B::open().await, Scope::new());
    let posts = backend.posts();
    let mut expected = store_many(&posts, &scope).await;
    for new_place in [0, 19] {
        let mut post = expected.remove(10);
        post.created_at = Millis(NOW.0 + 9000 - new_place as u64 * 1000);
        upsert(&posts, &post).await;
        expected.insert(new_place, post);
        assert_eq!(by_time(&posts, &scope, None, 6).await, expected);
    }
}

/// Stored, moved and hidden before the end.
pub async fn posts_survive_a_restart<B: HasPosts>() {
    let (backend, scope) = (B::open().await, Scope::new());
    let posts = backend.posts();
    let mut expected = store_many(&posts, &scope).await;
    let hidden = expected.remove(3);
    posts.hide(&hidden.id).await.expect("the post is hidden");
    drop(posts);
    let backend = backend.restart().await;
    let posts = backend.posts();
    assert_eq!(by_time(&posts, &scope, None, 6).await, expected);
    assert_eq!(get(&posts, &hidden.id).await, None);
    assert_eq!(upsert(&posts, &expected[0]).await, Upserted::Unchanged);
    assert_eq!(upsert(&posts, &hidden).await, Upserted::Updated);
}
