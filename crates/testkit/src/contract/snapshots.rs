//! The promises of [`Snapshots`], one by one.

use std::collections::BTreeSet;
use std::sync::Arc;

use kudos_core::ports::{PostStore, ReactionStore, Share, Snapshots};
use kudos_core::{Post, Snapshot};

use super::support::apply;
use super::{HasPosts, HasReactions, HasSnapshots};
use crate::scope::{LIKE, LOVE, Scope};

/// Makes a test of each check of snapshots; the backend has [`HasSnapshots`].
#[macro_export]
macro_rules! snapshots_contract {
    ($backend:ty) => {
        $crate::__each_check! { $backend, snapshots:
            a_snapshot_holds_the_text_the_visibility_and_the_counts,
            snapshots_come_in_the_order_asked,
            a_post_that_was_only_reacted_to_has_no_text,
            every_change_makes_a_newer_version,
            what_changes_nothing_makes_no_newer_version,
            a_settled_post_is_as_it_was_acknowledged,
            a_scan_shows_every_post_once,
            shares_cover_every_post_once,
            rows_counted_anew_are_the_counts,
        }
    };
}

type Ports = (Arc<dyn PostStore>, Arc<dyn ReactionStore>, Arc<dyn Snapshots>);

async fn open<B: HasSnapshots>() -> (B, Ports, Scope) {
    let backend = B::open().await;
    let ports = (
        HasPosts::posts(&backend),
        HasReactions::reactions(&backend),
        HasSnapshots::snapshots(&backend),
    );
    (backend, ports, Scope::new())
}

async fn store(posts: &Arc<dyn PostStore>, post: &Post) {
    posts.upsert(post).await.expect("the post is stored");
}

async fn read(truth: &Arc<dyn Snapshots>, scope: &Scope, name: &str) -> Option<Snapshot> {
    let read = truth.snapshots(&[scope.post(name)]).await.expect("the truth answers");
    let [snapshot] = read.try_into().expect("one answer for one post");
    snapshot
}

/// Stored, liked, hidden.
pub async fn a_snapshot_holds_the_text_the_visibility_and_the_counts<B: HasSnapshots>() {
    let (_backend, (posts, reactions, truth), scope) = open::<B>().await;
    let post = scope.written("p", "A title", 5);
    store(&posts, &post).await;
    let like = scope.op("a", "p", "u", Some(LIKE));
    let state = apply(&reactions, &like).await.state;
    let before = read(&truth, &scope, "p").await.expect("known");
    assert_eq!((&before.post, before.hidden, &before.state), (&post, false, &state));
    posts.hide(&post.id).await.expect("the post is hidden");
    let after = read(&truth, &scope, "p").await.expect("known");
    assert_eq!((after.hidden, &after.state), (true, &state));
    assert!(after.revision > before.revision);
}

/// With a gap, and twice the same.
pub async fn snapshots_come_in_the_order_asked<B: HasSnapshots>() {
    let (_backend, (posts, _, truth), scope) = open::<B>().await;
    for name in ["p", "q"] {
        store(&posts, &scope.written(name, name, 0)).await;
    }
    let asked = ["q", "none", "p", "q"].map(|name| scope.post(name));
    let read = truth.snapshots(&asked).await.expect("the truth answers");
    let titles = read.into_iter().map(|snapshot| snapshot.map(|s| s.post.title));
    let [p, q] = ["p", "q"].map(|title| Some(title.to_owned()));
    assert_eq!(titles.collect::<Vec<_>>(), [q.clone(), None, p, q]);
}

/// And gets one when it is stored.
pub async fn a_post_that_was_only_reacted_to_has_no_text<B: HasSnapshots>() {
    let (_backend, (posts, reactions, truth), scope) = open::<B>().await;
    apply(&reactions, &scope.op("a", "p", "u", Some(LIKE))).await;
    let before = read(&truth, &scope, "p").await.expect("known");
    assert_eq!((before.post.title.as_str(), before.state.counts.total()), ("", 1));
    let post = scope.written("p", "At last", 3);
    store(&posts, &post).await;
    let after = read(&truth, &scope, "p").await.expect("known");
    assert_eq!((after.post, after.state.counts.total()), (post.clone(), 1));
    assert_eq!(after.state.created_at, post.created_at);
}

/// Of texts, of visibility, of counts.
pub async fn every_change_makes_a_newer_version<B: HasSnapshots>() {
    let (_backend, (posts, reactions, truth), scope) = open::<B>().await;
    let mut last = 0;
    for step in 0..6 {
        match step {
            0 => store(&posts, &scope.written("p", "one", 0)).await,
            1 => drop(apply(&reactions, &scope.op("a", "p", "u", Some(LIKE))).await),
            2 => store(&posts, &scope.written("p", "two", 0)).await,
            3 => drop(apply(&reactions, &scope.op("b", "p", "u", Some(LOVE))).await),
            4 => drop(posts.hide(&scope.post("p")).await.expect("the post is hidden")),
            _ => store(&posts, &scope.written("p", "two", 0)).await,
        }
        let version = read(&truth, &scope, "p").await.expect("known").version();
        assert!(version > last, "step {step}: {version} after {last}");
        last = version;
    }
}

/// The same post, the same wish, a retry.
pub async fn what_changes_nothing_makes_no_newer_version<B: HasSnapshots>() {
    let (_backend, (posts, reactions, truth), scope) = open::<B>().await;
    let (post, like) = (scope.written("p", "one", 0), scope.op("a", "p", "u", Some(LIKE)));
    store(&posts, &post).await;
    apply(&reactions, &like).await;
    let before = read(&truth, &scope, "p").await;
    store(&posts, &post).await;
    for op in [&like, &scope.op("b", "p", "u", Some(LIKE))] {
        reactions.apply(op.clone()).await.expect("the operation is applied");
    }
    assert_eq!(read(&truth, &scope, "p").await, before);
}

/// Nothing is lost by settling, and nothing is made up.
pub async fn a_settled_post_is_as_it_was_acknowledged<B: HasSnapshots>() {
    let (_backend, (posts, reactions, truth), scope) = open::<B>().await;
    assert_eq!(truth.settle(&scope.post("p")).await, Ok(None));
    store(&posts, &scope.written("p", "one", 0)).await;
    for i in 0..5 {
        apply(&reactions, &scope.op("a", "p", &i.to_string(), Some(LIKE))).await;
        let settled = truth.settle(&scope.post("p")).await;
        assert_eq!(settled, Ok(read(&truth, &scope, "p").await));
    }
}

/// The scope's posts of a share, read in pages.
async fn scan(
    truth: &Arc<dyn Snapshots>,
    scope: &Scope,
    share: Share,
    page: usize,
) -> Vec<Snapshot> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = truth.scan(share, after.as_ref(), page).await.expect("the truth answers");
        all.extend(page.snapshots.into_iter().filter(|s| scope.owns(&s.post.id)));
        assert!(page.next.is_none() || page.next != after, "a walk moves on");
        after = page.next;
        if after.is_none() {
            return all;
        }
    }
}

/// Hidden ones and never stored ones too, as they are read one by one.
pub async fn a_scan_shows_every_post_once<B: HasSnapshots>() {
    let (_backend, (posts, reactions, truth), scope) = open::<B>().await;
    for i in 0..20 {
        store(&posts, &scope.written(i, "", i)).await;
        apply(&reactions, &scope.op("a", &format!("{}", i + 5), "u", Some(LIKE))).await;
    }
    posts.hide(&scope.post(3)).await.expect("the post is hidden");
    for page in [3, 1_000] {
        let found = scan(&truth, &scope, Share::ALL, page).await;
        let ids: BTreeSet<_> = found.iter().map(|snapshot| snapshot.post.id.clone()).collect();
        assert_eq!((ids.len(), found.len()), (25, 25));
        for snapshot in found {
            let single = truth.snapshots(std::slice::from_ref(&snapshot.post.id)).await;
            assert_eq!(single, Ok(vec![Some(snapshot)]));
        }
    }
}

/// None is in two of them.
pub async fn shares_cover_every_post_once<B: HasSnapshots>() {
    let (_backend, (posts, _, truth), scope) = open::<B>().await;
    for i in 0..30 {
        store(&posts, &scope.written(i, "", 0)).await;
    }
    for of in [2, 5] {
        let mut all = Vec::new();
        for part in 0..of {
            let share = scan(&truth, &scope, Share { part, of }, 7).await;
            all.extend(share.into_iter().map(|snapshot| snapshot.post.id));
        }
        let unique: BTreeSet<_> = all.iter().cloned().collect();
        assert_eq!((all.len(), unique.len()), (30, 30), "{of} shares");
    }
}

/// Adds, changes and unlikes.
pub async fn rows_counted_anew_are_the_counts<B: HasSnapshots>() {
    let (_backend, (posts, reactions, truth), scope) = open::<B>().await;
    store(&posts, &scope.written("p", "", 0)).await;
    for i in 0..12u8 {
        let user = (i % 5).to_string();
        let want = [Some(LIKE), Some(LOVE), None][usize::from(i % 3)];
        let applied = apply(&reactions, &scope.op(&i.to_string(), "p", &user, want)).await;
        let counted = truth.recount(&scope.post("p")).await;
        assert_eq!(counted, Ok(applied.state.counts));
    }
}
