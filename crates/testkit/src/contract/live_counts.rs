//! The promises of [`LiveCounts`], one by one.

use std::collections::BTreeMap;
use std::sync::Arc;

use kudos_core::ports::LiveCounts;
use kudos_core::{Counts, Millis, Post, PostId, PostState, RankEntry, Snapshot, TimeKey, Version};
use proptest::prelude::*;

use super::HasLive;
use super::support::{EVERYTHING, for_all};
use crate::scope::{NOW, Scope};

/// Makes a test of each check of the live projection; the backend has [`HasLive`].
#[macro_export]
macro_rules! live_counts_contract {
    ($backend:ty) => {
        $crate::__each_check! { $backend, live_counts:
            what_was_never_merged_is_not_held,
            a_state_is_held_as_it_was_merged,
            a_newer_version_wins_and_an_older_one_is_ignored,
            any_order_and_repetition_of_states_converges,
            version_zero_introduces_a_post_and_moves_it_in_time,
            the_top_is_a_sort_with_ties_and_windows,
            the_top_follows_counts_up_and_down,
            a_hidden_post_leaves_both_orders_and_keeps_its_counts,
            the_newest_revision_decides_whether_a_post_is_hidden,
            restated_posts_are_held_as_the_truth_has_them,
            a_walk_through_time_repeats_and_skips_nothing_while_counts_change,
        }
    };
}

/// A post's state with one kind: the counts follow from the version, as they do in the truth.
fn state(post: &PostId, at: u64, version: u64, count: u64) -> PostState {
    PostState {
        post: post.clone(),
        created_at: Millis(NOW.0 + at),
        version: Version(version),
        counts: Counts::from_iter((count > 0).then_some(count)),
        as_of: Millis(NOW.0 + at + version),
    }
}

async fn merge(live: &Arc<dyn LiveCounts>, states: &[PostState]) {
    live.merge(states).await.expect("the projection takes it");
}

/// Version and total that are held of a post.
async fn held(live: &Arc<dyn LiveCounts>, post: &PostId) -> Option<(u64, u64)> {
    let states = live.states(std::slice::from_ref(post)).await;
    let states = states.expect("the projection answers");
    let state = states.into_iter().next().expect("one answer for one post");
    state.map(|state| (state.version.0, state.counts.total()))
}

/// The top of a scope's posts.
async fn top(live: &Arc<dyn LiveCounts>, scope: &Scope, since: Option<Millis>) -> Vec<RankEntry> {
    let ranks = live.top(since, EVERYTHING).await;
    let mut ranks = ranks.expect("the projection answers");
    ranks.retain(|entry| scope.owns(&entry.post));
    ranks
}

/// A scope's posts by time, read in pages of `limit`.
async fn recent(
    live: &Arc<dyn LiveCounts>,
    scope: &Scope,
    since: Option<Millis>,
    limit: usize,
) -> Vec<TimeKey> {
    let (mut all, mut after): (Vec<TimeKey>, Option<TimeKey>) = (Vec::new(), None);
    loop {
        let page = live.recent(since, after.as_ref(), limit).await;
        let page = page.expect("the projection answers");
        assert!(page.len() <= limit, "a page keeps its limit");
        let Some(last) = page.last() else { break };
        after = Some(last.clone());
        all.extend(page);
    }
    all.retain(|key| scope.owns(&key.post));
    all
}

/// Both orders of some states, by a plain sort.
fn sorted(states: &[PostState], since: Option<Millis>) -> (Vec<RankEntry>, Vec<TimeKey>) {
    let mut listed: Vec<_> = states.iter().collect();
    listed.retain(|state| since.is_none_or(|since| state.created_at >= since));
    let age = |state: &PostState| std::cmp::Reverse(state.created_at.0);
    listed.sort_by(|a, b| (age(a), a.post.as_str()).cmp(&(age(b), b.post.as_str())));
    let by_time = listed
        .iter()
        .map(|state| TimeKey { created_at: state.created_at, post: state.post.clone() });
    let by_time = by_time.collect();
    // A stable sort: ties stay in time order.
    listed.sort_by_key(|state| std::cmp::Reverse(state.counts.total()));
    let popular = listed.iter().map(|state| RankEntry {
        post: state.post.clone(),
        total: state.counts.total(),
        created_at: state.created_at,
    });
    (popular.collect(), by_time)
}

/// Nothing is invented.
pub async fn what_was_never_merged_is_not_held<B: HasLive>() {
    let (backend, scope) = (B::open().await, Scope::new());
    let (live, post) = (backend.live(), scope.post("p"));
    assert_eq!(held(&live, &post).await, None);
    assert_eq!(top(&live, &scope, None).await, []);
    assert_eq!(recent(&live, &scope, None, 10).await, []);
}

/// Several posts, asked for in another order.
pub async fn a_state_is_held_as_it_was_merged<B: HasLive>() {
    let (backend, scope) = (B::open().await, Scope::new());
    let live = backend.live();
    let [p, q, none] = ["p", "q", "none"].map(|name| scope.post(name));
    let mut states = [state(&p, 1, 3, 2), state(&q, 2, 1, 1)];
    states[0].counts = Counts::from_iter([0, 2, 0, 0, 0, 7]);
    merge(&live, &states).await;
    let asked = live.states(&[q.clone(), none, p, q]).await;
    let [p, q] = states;
    assert_eq!(asked, Ok(vec![Some(q.clone()), None, Some(p), Some(q)]));
}

/// Newer, older and equal.
pub async fn a_newer_version_wins_and_an_older_one_is_ignored<B: HasLive>() {
    let (backend, scope) = (B::open().await, Scope::new());
    let (live, post) = (backend.live(), scope.post("p"));
    for (version, count, expected) in [
        (5, 10, (5, 10)),
        (4, 99, (5, 10)),
        (6, 3, (6, 3)),
        (6, 3, (6, 3)),
        (1, 1, (6, 3)),
        (0, 0, (6, 3)),
    ] {
        merge(&live, &[state(&post, 0, version, count)]).await;
        assert_eq!(held(&live, &post).await, Some(expected));
        assert_eq!(top(&live, &scope, None).await[0].total, expected.1);
    }
}

/// Deliveries of a few posts' versions: which post, which version.
fn deliveries() -> impl Strategy<Value = Vec<Vec<(u8, u64)>>> {
    let batch = prop::collection::vec((0..4u8, 0..12u64), 1..8);
    prop::collection::vec(batch, 1..10)
}

/// Shuffled, repeated, with gaps.
pub async fn any_order_and_repetition_of_states_converges<B: HasLive>() {
    let backend = B::open().await;
    let live = backend.live();
    for_all(48, deliveries(), async |batches: Vec<Vec<(u8, u64)>>| {
        let scope = Scope::new();
        let mut newest: BTreeMap<PostId, PostState> = BTreeMap::new();
        for batch in batches {
            let states = batch.into_iter().map(|(post, version)| {
                let at = u64::from(post / 2);
                state(&scope.post(post), at, version, version * 7 % 5)
            });
            let states: Vec<_> = states.collect();
            for state in &states {
                let held = newest.entry(state.post.clone());
                let held = held.or_insert_with(|| state.clone());
                if state.version.0 > held.version.0 {
                    *held = state.clone();
                }
            }
            merge(&live, &states).await;
        }
        let newest: Vec<_> = newest.into_values().collect();
        let posts: Vec<_> = newest.iter().map(|state| state.post.clone()).collect();
        let expected: Vec<_> = newest.iter().cloned().map(Some).collect();
        assert_eq!(live.states(&posts).await, Ok(expected));
        let (popular, by_time) = sorted(&newest, None);
        assert_eq!(top(&live, &scope, None).await, popular);
        assert_eq!(recent(&live, &scope, None, EVERYTHING).await, by_time);
    });
}

/// A new post, and one whose time is corrected.
pub async fn version_zero_introduces_a_post_and_moves_it_in_time<B: HasLive>() {
    let (backend, scope) = (B::open().await, Scope::new());
    let live = backend.live();
    let [p, q] = ["p", "q"].map(|name| scope.post(name));
    let day = 24 * 3600 * 1000;
    merge(&live, &[state(&p, 0, 0, 0), state(&q, day, 0, 0)]).await;
    let posts = |keys: Vec<TimeKey>| keys.into_iter().map(|key| key.post).collect::<Vec<_>>();
    assert_eq!(posts(recent(&live, &scope, None, 10).await), [q.clone(), p.clone()]);
    assert_eq!(top(&live, &scope, None).await.len(), 2);

    merge(&live, &[state(&p, 0, 3, 2)]).await;
    merge(&live, &[state(&p, 3 * day, 0, 0), state(&q, 2 * day, 0, 0)]).await;
    assert_eq!(held(&live, &p).await, Some((3, 2)));
    assert_eq!(posts(recent(&live, &scope, None, 10).await), [p.clone(), q.clone()]);
    let since = Some(Millis(NOW.0 + 2 * day));
    let totals = top(&live, &scope, since).await.into_iter();
    assert_eq!(totals.map(|e| (e.post, e.total)).collect::<Vec<_>>(), [(p, 2), (q, 0)]);
}

/// Counts, creation time and visibility together: on nothing, on what is older, on what is newer.
pub async fn restated_posts_are_held_as_the_truth_has_them<B: HasLive>() {
    let (backend, scope) = (B::open().await, Scope::new());
    let live = backend.live();
    let [p, q, r] = ["p", "q", "r"].map(|name| scope.post(name));
    let snapshot = |state: PostState, hidden, revision| {
        let (title, body, author) = (String::new(), String::new(), String::new());
        let (id, created_at) = (state.post.clone(), state.created_at);
        Snapshot { post: Post { id, title, body, author, created_at }, hidden, revision, state }
    };
    let restate = async |snapshots: &[Snapshot]| {
        live.restate(snapshots).await.expect("the projection takes it");
    };
    let hidden = snapshot(state(&q, 1, 2, 2), true, 2);
    restate(&[
        snapshot(state(&p, 0, 3, 2), false, 1),
        hidden,
        snapshot(state(&r, 2, 0, 0), false, 1),
    ])
    .await;
    let totals = async || {
        let ranks = top(&live, &scope, None).await.into_iter();
        ranks.map(|entry| (entry.post, entry.total, entry.created_at.0 - NOW.0)).collect::<Vec<_>>()
    };
    assert_eq!(totals().await, [(p.clone(), 2, 0), (r.clone(), 0, 2)]);
    assert_eq!(held(&live, &q).await, Some((2, 2)), "a hidden post keeps its counts");

    merge(&live, &[state(&p, 0, 9, 7)]).await;
    let moved = snapshot(state(&r, 5, 1, 1), false, 2);
    restate(&[
        snapshot(state(&p, 0, 8, 6), false, 1),
        snapshot(state(&q, 1, 4, 4), false, 3),
        moved,
    ])
    .await;
    assert_eq!(totals().await, [(p, 7, 0), (q, 4, 1), (r, 1, 5)]);
}

/// Few totals and few times over many posts, so that both tie-breaks decide.
pub async fn the_top_is_a_sort_with_ties_and_windows<B: HasLive>() {
    let (backend, scope) = (B::open().await, Scope::new());
    let live = backend.live();
    let hour = 3600 * 1000;
    let states: Vec<_> = (0..60u64)
        .map(|i| {
            let post = scope.post(format!("{:02}", i * 37 % 60));
            state(&post, i * i % 7 * hour, 1 + i, i * 11 % 4)
        })
        .collect();
    merge(&live, &states).await;
    let times = [0, 1, 2, 3, 6, 7].map(|h| Some(Millis(NOW.0 + h * hour)));
    let between = [Some(Millis(NOW.0 + hour + 1)), Some(Millis(NOW.0 + hour - 1)), None];
    for since in times.into_iter().chain(between) {
        let (popular, by_time) = sorted(&states, since);
        assert_eq!(top(&live, &scope, since).await, popular);
        assert_eq!(recent(&live, &scope, since, 7).await, by_time);
        for limit in [0, 1, 5, 59].into_iter().filter(|_| !B::SHARED) {
            let expected = popular.iter().take(limit).cloned().collect();
            assert_eq!(live.top(since, limit).await, Ok(expected));
        }
    }
}

/// A post rises to the top and falls again.
pub async fn the_top_follows_counts_up_and_down<B: HasLive>() {
    let (backend, scope) = (B::open().await, Scope::new());
    let live = backend.live();
    let [p, q] = ["p", "q"].map(|name| scope.post(name));
    merge(&live, &[state(&p, 0, 1, 1), state(&q, 0, 1, 5)]).await;
    for (version, count, first) in [(2, 9, &p), (3, 2, &q), (4, 5, &p), (5, 0, &q)] {
        merge(&live, &[state(&p, 0, version, count)]).await;
        let ranks = top(&live, &scope, None).await;
        assert_eq!((ranks.len(), &ranks[0].post), (2, first));
    }
}

/// Hidden, changed meanwhile, and back.
pub async fn a_hidden_post_leaves_both_orders_and_keeps_its_counts<B: HasLive>() {
    let (backend, scope) = (B::open().await, Scope::new());
    let live = backend.live();
    let [p, q] = ["p", "q"].map(|name| scope.post(name));
    merge(&live, &[state(&p, 0, 1, 1), state(&q, 0, 1, 1)]).await;
    for _ in 0..2 {
        live.hide(&p, true, 1).await.expect("the projection takes it");
    }
    merge(&live, &[state(&p, 0, 2, 8)]).await;
    assert_eq!(held(&live, &p).await, Some((2, 8)));
    let (popular, by_time) = sorted(&[state(&q, 0, 1, 1)], None);
    assert_eq!(top(&live, &scope, None).await, popular);
    assert_eq!(recent(&live, &scope, None, 10).await, by_time);

    live.hide(&p, false, 2).await.expect("the projection takes it");
    let (popular, by_time) = sorted(&[state(&p, 0, 2, 8), state(&q, 0, 1, 1)], None);
    assert_eq!(top(&live, &scope, None).await, popular);
    assert_eq!(recent(&live, &scope, None, 10).await, by_time);
}

/// A hide that was under way for long arrives after the post is back, and the other way round.
pub async fn the_newest_revision_decides_whether_a_post_is_hidden<B: HasLive>() {
    let (backend, scope) = (B::open().await, Scope::new());
    let live = backend.live();
    let p = scope.post("p");
    live.hide(&p, true, 9).await.expect("of a post that is not held, nothing is taken");
    merge(&live, &[state(&p, 0, 1, 1)]).await;
    for (hidden, revision, expected) in
        [(true, 2, true), (false, 3, false), (true, 2, false), (true, 5, true), (false, 4, true)]
    {
        live.hide(&p, hidden, revision).await.expect("the projection takes it");
        let entries = live.entries(std::slice::from_ref(&p)).await.expect("it answers");
        let held = entries.into_iter().flatten().next().expect("the post is held");
        assert_eq!((held.hidden, held.state.counts.total()), (expected, 1), "{revision}");
        let listed = top(&live, &scope, None).await.len();
        assert_eq!(listed, usize::from(!expected), "{revision}");
    }
}

/// Between two pages every count changes.
pub async fn a_walk_through_time_repeats_and_skips_nothing_while_counts_change<B: HasLive>() {
    let (backend, scope) = (B::open().await, Scope::new());
    let live = backend.live();
    let states = |version| -> Vec<_> {
        let state = |i: u64| state(&scope.post(i), i % 5, version, i * version % 7);
        (0..20).map(state).collect()
    };
    merge(&live, &states(1)).await;
    let (_, expected) = sorted(&states(1), None);
    let (mut walked, mut after): (Vec<TimeKey>, Option<TimeKey>) = (Vec::new(), None);
    for version in 2.. {
        let page = live.recent(None, after.as_ref(), 3).await;
        let page = page.expect("the projection answers");
        let Some(last) = page.last() else { break };
        after = Some(last.clone());
        walked.extend(page.into_iter().filter(|key| scope.owns(&key.post)));
        merge(&live, &states(version)).await;
    }
    assert_eq!(walked, expected);
}
