//! The promises of [`PostIndex`], one by one.

use std::sync::Arc;

use kudos_core::ports::{IndexHit, IndexOrder, IndexQuery, PostIndex};
use kudos_core::{Millis, Post, PostId, TimeKey};

use super::HasIndex;
use super::support::EVERYTHING;
use crate::scope::{NOW, Scope};

/// Makes a test of each check of the text search; the backend has [`HasIndex`].
#[macro_export]
macro_rules! post_index_contract {
    ($backend:ty) => {
        $crate::__each_check! { $backend, post_index:
            a_post_is_found_by_words_of_its_title_and_of_its_body,
            all_words_must_occur,
            case_does_not_matter_in_any_script,
            text_without_a_word_finds_nothing,
            empty_text_finds_every_post,
            no_character_has_a_special_meaning,
            a_hit_carries_the_time_of_its_post,
            only_posts_since_the_bound_are_found,
            of_equally_good_matches_the_newer_comes_first_then_the_lower_id,
            recent_hits_are_walked_in_time_order,
            popular_hits_come_by_their_reactions,
            putting_a_post_again_replaces_it_whole,
            a_removed_post_is_not_found_until_it_is_put_again,
            a_limit_is_kept,
            a_search_among_posts_finds_only_those_of_them_that_match,
        }
    };
}

async fn put<B: HasIndex>(backend: &B, posts: &[Post]) {
    backend.put(posts).await;
    backend.index().refresh().await.expect("the index refreshes");
}

/// The scope's posts that match a text, best first.
async fn find(index: &Arc<dyn PostIndex>, scope: &Scope, text: &str) -> Vec<PostId> {
    let hits = hits(index, scope, text, None, IndexOrder::Relevance).await;
    hits.into_iter().map(|hit| hit.post).collect()
}

async fn hits(
    index: &Arc<dyn PostIndex>,
    scope: &Scope,
    text: &str,
    since: Option<Millis>,
    order: IndexOrder,
) -> Vec<IndexHit> {
    let query = IndexQuery { text: text.to_owned(), since, among: None, order, limit: EVERYTHING };
    let hits = index.search(&query).await;
    let mut hits = hits.expect("no text is an error");
    hits.retain(|hit| scope.owns(&hit.post));
    hits
}

fn post(scope: &Scope, name: &str, title: &str, body: &str) -> Post {
    Post { body: body.to_owned(), ..scope.written(name, title, 0) }
}

/// One word of each.
pub async fn a_post_is_found_by_words_of_its_title_and_of_its_body<B: HasIndex>() {
    let (backend, scope) = (B::open().await, Scope::new());
    let index = backend.index();
    let text = "It's 7:30, don't be late";
    put(&backend, &[post(&scope, "p", "An apple, fallen.", text)]).await;
    let found = [scope.post("p")];
    for text in ["apple", "late", "fallen late", "30", text, "An apple, fallen."] {
        assert_eq!(find(&index, &scope, text).await, found, "{text}");
    }
    for text in ["app", "apples", "fal"] {
        assert_eq!(find(&index, &scope, text).await, [], "{text} is no word of it");
    }
}

/// Across title and body too.
pub async fn all_words_must_occur<B: HasIndex>() {
    let (backend, scope) = (B::open().await, Scope::new());
    let index = backend.index();
    let posts = [post(&scope, "p", "apple", "pear"), post(&scope, "q", "apple", "plum")];
    put(&backend, &posts).await;
    let [p, q] = posts.map(|post| post.id);
    let apples = find(&index, &scope, "apple").await;
    assert_eq!(apples.len(), 2);
    assert_eq!(find(&index, &scope, "pear apple").await, [p]);
    assert_eq!(find(&index, &scope, "plum, apple apple").await, [q]);
    assert_eq!(find(&index, &scope, "pear plum").await, []);
}

/// Latin with accents, Greek, Cyrillic; and a script without case.
pub async fn case_does_not_matter_in_any_script<B: HasIndex>() {
    let (backend, scope) = (B::open().await, Scope::new());
    let index = backend.index();
    let body = "École ΔΕΛΤΑ привет";
    put(&backend, &[post(&scope, "p", "Rust 東京タワー", body)]).await;
    for text in ["RUST", "école", "ÉCOLE", "δελτα", "ПРИВЕТ", "東京タワー"] {
        assert_eq!(find(&index, &scope, text).await, [scope.post("p")], "{text}");
    }
}

/// Punctuation only.
pub async fn text_without_a_word_finds_nothing<B: HasIndex>() {
    let (backend, scope) = (B::open().await, Scope::new());
    let index = backend.index();
    put(&backend, &[post(&scope, "p", "* - !", "apple")]).await;
    for text in ["*", "!?", "\"\"", "- + ~", "*:*", "()"] {
        assert_eq!(find(&index, &scope, text).await, [], "{text:?}");
    }
}

/// In every order, within the bound.
pub async fn empty_text_finds_every_post<B: HasIndex>() {
    let (backend, scope) = (B::open().await, Scope::new());
    let index = backend.index();
    let mut posts = vec![scope.written("new", "plum", 2), scope.written("old", "", 1)];
    put(&backend, &posts).await;
    for order in [IndexOrder::Relevance, IndexOrder::Popular, IndexOrder::Recent(None)] {
        let hits = hits(&index, &scope, "", None, order).await;
        let found: Vec<_> = hits.into_iter().map(|hit| hit.post).collect();
        assert_eq!(found, ids(&posts));
    }
    let since = Some(posts.remove(0).created_at);
    let hits = hits(&index, &scope, "", since, IndexOrder::Recent(None)).await;
    assert_eq!(hits.len(), 1);
}

/// What query languages would understand otherwise, or refuse.
pub async fn no_character_has_a_special_meaning<B: HasIndex>() {
    let (backend, scope) = (B::open().await, Scope::new());
    let index = backend.index();
    let posts = [post(&scope, "p", "apple pie", ""), post(&scope, "q", "pear", "")];
    put(&backend, &posts).await;
    let [found, _] = posts.map(|post| [post.id]);
    for text in [
        "-apple",
        "+apple",
        "apple*",
        "(apple",
        "apple)",
        "\"apple",
        "apple~",
        "apple:",
        "[apple",
        "{apple}",
        "^apple",
        "apple\\",
        "/apple/",
        "apple!",
        "\"pie apple\"",
        "apple && pie",
        "pie || apple",
        "<apple>",
        "apple=",
        "'apple",
        "*:* apple",
        "${apple}",
    ] {
        assert_eq!(find(&index, &scope, text).await, found, "{text}");
    }
    for text in [
        "apple OR pear",
        "apple NOT pear",
        "title:pear",
        "appl?",
        "ap*",
        "[a TO z]",
        "title:apple AND (",
        "NOT",
        "AND OR",
        "apple~2",
        "apple^4",
        "\\u0061pple",
        "%",
        "\0",
        "apple\u{0}pear",
        "{\"match_all\":{}}",
    ] {
        assert_eq!(find(&index, &scope, text).await, [], "{text}: all its words must occur");
    }
    let many = "apple ".repeat(100);
    assert_eq!(find(&index, &scope, &many).await, found);
}

/// For the walk and for windows.
pub async fn a_hit_carries_the_time_of_its_post<B: HasIndex>() {
    let (backend, scope) = (B::open().await, Scope::new());
    let index = backend.index();
    put(&backend, &[scope.written("p", "apple", 7)]).await;
    let hits = hits(&index, &scope, "apple", None, IndexOrder::Relevance).await;
    assert_eq!(hits.len(), 1);
    assert_eq!((hits[0].created_at, hits[0].total), (Millis(NOW.0 + 7), 0));
}

/// Posts of the same text; the names in the order in which ties must be broken.
async fn put_equals<B: HasIndex>(backend: &B, scope: &Scope) -> Vec<Post> {
    let places = [("z", 3), ("a", 2), ("b", 2), ("c", 2), ("y", 1), ("a-old", 0), ("b-old", 0)];
    let posts = places.map(|(name, at)| scope.written(name, "apple", at * 1000));
    let mut shuffled = posts.to_vec();
    shuffled.reverse();
    shuffled.swap(1, 4);
    put(backend, &shuffled).await;
    posts.to_vec()
}

fn ids<'a>(posts: impl IntoIterator<Item = &'a Post>) -> Vec<PostId> {
    posts.into_iter().map(|post| post.id.clone()).collect()
}

/// In every order.
pub async fn only_posts_since_the_bound_are_found<B: HasIndex>() {
    let (backend, scope) = (B::open().await, Scope::new());
    let index = backend.index();
    let posts = put_equals(&backend, &scope).await;
    for (since, expected) in [(0, 7), (1, 5), (1999, 4), (2000, 4), (2001, 1), (3001, 0)] {
        let since = Some(Millis(NOW.0 + since));
        for order in [IndexOrder::Relevance, IndexOrder::Popular, IndexOrder::Recent(None)] {
            let hits = hits(&index, &scope, "apple", since, order).await;
            let found: Vec<_> = hits.into_iter().map(|hit| hit.post).collect();
            assert_eq!(found, ids(&posts[..expected]));
        }
    }
}

/// Equal texts.
pub async fn of_equally_good_matches_the_newer_comes_first_then_the_lower_id<B: HasIndex>() {
    let (backend, scope) = (B::open().await, Scope::new());
    let index = backend.index();
    let posts = put_equals(&backend, &scope).await;
    assert_eq!(find(&index, &scope, "apple").await, ids(&posts));
}

/// From any key on; the key's own post may be gone.
pub async fn recent_hits_are_walked_in_time_order<B: HasIndex>() {
    let (backend, scope) = (B::open().await, Scope::new());
    let index = backend.index();
    let posts = put_equals(&backend, &scope).await;
    backend.put(&[scope.written("other", "pear", 2000)]).await;
    backend.remove(&[posts[2].id.clone()]).await;
    index.refresh().await.expect("the index refreshes");
    for place in 0..posts.len() {
        let after = TimeKey { created_at: posts[place].created_at, post: posts[place].id.clone() };
        let order = IndexOrder::Recent(Some(after));
        let hits = hits(&index, &scope, "apple", None, order).await;
        let found: Vec<_> = hits.into_iter().map(|hit| hit.post).collect();
        let behind = posts[place + 1..].iter();
        let expected = ids(behind.filter(|post| post.id != posts[2].id));
        assert_eq!(found, expected, "behind {place}");
    }
}

/// With ties.
pub async fn popular_hits_come_by_their_reactions<B: HasIndex>() {
    let (backend, scope) = (B::open().await, Scope::new());
    let index = backend.index();
    let posts = put_equals(&backend, &scope).await;
    let totals = [0, 5, 0, 5, 9, 5, 0];
    let known: Vec<_> = ids(&posts).into_iter().zip(totals).collect();
    if !backend.set_totals(&known).await {
        return;
    }
    index.refresh().await.expect("the index refreshes");
    let hits = hits(&index, &scope, "apple", None, IndexOrder::Popular).await;
    let found: Vec<_> = hits.into_iter().map(|hit| (hit.post, hit.total)).collect();
    let expected = [4, 1, 3, 5, 0, 2, 6].map(|place| known[place].clone());
    assert_eq!(found, expected);
}

/// Old words and the old time are gone.
pub async fn putting_a_post_again_replaces_it_whole<B: HasIndex>() {
    let (backend, scope) = (B::open().await, Scope::new());
    let index = backend.index();
    put(&backend, &[post(&scope, "p", "apple", "pear")]).await;
    put(&backend, &[scope.written("p", "plum", 5), scope.written("p", "plum", 6)]).await;
    assert_eq!(find(&index, &scope, "apple").await, []);
    assert_eq!(find(&index, &scope, "pear").await, []);
    let hits = hits(&index, &scope, "plum", None, IndexOrder::Recent(None)).await;
    let found: Vec<_> = hits.iter().map(|hit| hit.created_at.0 - NOW.0).collect();
    assert_eq!(found, [6], "once, as put last");
}

/// Removed, removed again, and back.
pub async fn a_removed_post_is_not_found_until_it_is_put_again<B: HasIndex>() {
    let (backend, scope) = (B::open().await, Scope::new());
    let index = backend.index();
    let [p, q] = ["p", "q"].map(|name| scope.written(name, "apple", 0));
    put(&backend, &[p.clone(), q.clone()]).await;
    for _ in 0..2 {
        let gone = [p.id.clone(), scope.post("none")];
        backend.remove(&gone).await;
        index.refresh().await.expect("the index refreshes");
        assert_eq!(find(&index, &scope, "apple").await, ids([&q]));
    }
    put(&backend, std::slice::from_ref(&p)).await;
    assert_eq!(find(&index, &scope, "apple").await, [p.id, q.id]);
}

/// The scope's own name is a word of its posts, so nobody else's are found.
pub async fn a_limit_is_kept<B: HasIndex>() {
    let (backend, scope) = (B::open().await, Scope::new());
    let index = backend.index();
    let posts = put_equals(&backend, &scope).await;
    for limit in [0, 1, 3, 7, 100] {
        for order in [IndexOrder::Relevance, IndexOrder::Popular, IndexOrder::Recent(None)] {
            let query =
                IndexQuery { text: scope.to_string(), since: None, among: None, order, limit };
            let hits = index.search(&query).await.expect("the index answers");
            let found: Vec<_> = hits.into_iter().map(|hit| hit.post).collect();
            assert_eq!(found, ids(posts.iter().take(limit)));
        }
    }
}

/// In every order; posts that do not exist among them.
pub async fn a_search_among_posts_finds_only_those_of_them_that_match<B: HasIndex>() {
    let (backend, scope) = (B::open().await, Scope::new());
    let index = backend.index();
    let posts = [("a", "apple", 3), ("b", "apple", 2), ("c", "pear", 1), ("d", "apple", 0)];
    put(&backend, &posts.map(|(name, title, at)| scope.written(name, title, at))).await;
    let among = ["d", "c", "b", "never stored"].map(|name| scope.post(name)).to_vec();
    for order in [IndexOrder::Relevance, IndexOrder::Popular, IndexOrder::Recent(None)] {
        for (text, expected) in [("apple", vec!["b", "d"]), ("", vec!["b", "c", "d"])] {
            let among = Some(among.clone());
            let (text, order) = (text.to_owned(), order.clone());
            let query = IndexQuery { text, since: None, among, order, limit: EVERYTHING };
            let hits = index.search(&query).await.expect("no list is an error");
            let found: Vec<_> = hits.into_iter().map(|hit| hit.post).collect();
            let expected: Vec<_> = expected.iter().map(|name| scope.post(name)).collect();
            assert_eq!(found, expected, "{query:?}");
        }
    }
    let (text, order) = ("apple".to_owned(), IndexOrder::Popular);
    let query = IndexQuery { text, since: None, among: Some(Vec::new()), order, limit: EVERYTHING };
    assert_eq!(index.search(&query).await.expect("an empty list is no error"), []);
}
