//! A rank never stays behind its hash, however many writers race.

use std::sync::Arc;

use futures::future::join_all;
use kudos_core::ports::LiveCounts;
use kudos_core::{Counts, Kinds, Millis, RankEntry};
use kudos_redis::{RedisLive, RedisSettings};
use kudos_testkit::Scope;
use kudos_testkit::scope::NOW;

use crate::support::{Cluster, alone, complete, start, state};

const WRITERS: u64 = 32;
const POSTS: u64 = 5;
const VERSIONS: u64 = 60;

/// Each writer delivers all versions in an order of its own, some of them twice.
async fn race(live: &Arc<RedisLive>) {
    let scope = Scope::new();
    let writers = (0..WRITERS).map(|writer| {
        let (live, scope) = (Arc::clone(live), scope.clone());
        tokio::spawn(async move {
            let mut deliveries: Vec<_> = (0..POSTS)
                .flat_map(|post| (1..=VERSIONS).map(move |version| (post, version)))
                .filter(|(_, version)| (version + writer) % 3 != 0)
                .collect();
            deliveries.extend_from_within(..deliveries.len() / 3);
            fastrand::Rng::with_seed(writer).shuffle(&mut deliveries);
            for delivery in deliveries.chunks(4) {
                let states: Vec<_> =
                    delivery.iter().map(|&(post, v)| state(&scope.post(post), v)).collect();
                // A post that changes too fast is an error, and is delivered again.
                while let Err(error) = live.merge(&states).await {
                    assert!(error.reason() == "busy", "{error}");
                }
            }
        })
    });
    join_all(writers).await.into_iter().for_each(|writer| writer.expect("no writer fails"));
    let posts: Vec<_> = (0..POSTS).map(|post| scope.post(post)).collect();
    let newest: Vec<_> = posts.iter().map(|post| Some(state(post, VERSIONS))).collect();
    assert_eq!(live.states(&posts).await, Ok(newest));
    for since in [None, Some(NOW)] {
        let mut ranks = live.top(since, 10_000).await.expect("the ranks answer");
        ranks.retain(|rank| scope.owns(&rank.post));
        let expected: Vec<_> = posts
            .iter()
            .map(|post| RankEntry {
                post: post.clone(),
                total: state(post, VERSIONS).counts.total(),
                created_at: NOW,
            })
            .collect();
        assert_eq!(ranks, expected, "since {since:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ranks_are_as_hashes_after_32_writers_raced_on_a_cluster() {
    let _alone = alone().await;
    let cluster = Cluster::start(0, &[]);
    let live = Arc::new(complete(cluster.settings()).await);
    live.migrate().await.expect("the library can be loaded");
    race(&live).await;
    let shards = RedisSettings { shards: 4, prefix: "s:".into(), ..cluster.settings() };
    race(&Arc::new(complete(shards).await)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ranks_are_as_hashes_after_32_writers_raced_on_one_server() {
    let _alone = alone().await;
    let server = start(&[]);
    race(&Arc::new(complete(server.settings()).await)).await;
}

/// Some posts have more reactions than a score has room for beside the time.
#[tokio::test]
async fn creation_times_are_exact_beyond_what_a_score_holds() {
    let (server, cluster) = (start(&[]), Cluster::start(0, &[]));
    for settings in [server.settings(), cluster.settings()] {
        let live = complete(settings).await;
        let scope = Scope::new();
        let mut states: Vec<_> = (0..40_u64)
            .map(|i| {
                let mut state = state(&scope.post(i), 1);
                state.counts = Counts::from_iter([5_000_000 + i / 20]);
                state.created_at = Millis(NOW.0 + i * 37 % 40);
                state
            })
            .collect();
        live.merge(&states).await.expect("Redis takes it");
        states.sort_by_key(|state| std::cmp::Reverse((state.counts.total(), state.created_at)));
        for since in [None, Some(NOW), Some(Millis(NOW.0 + 20))] {
            let wanted = states.iter().filter(|s| since.is_none_or(|since| s.created_at >= since));
            let wanted: Vec<_> = wanted.map(|s| (s.post.clone(), s.created_at)).collect();
            for limit in [1, 7, 25, 40] {
                let top = live.top(since, limit).await.expect("the ranks answer");
                let top: Vec<_> = top.into_iter().map(|r| (r.post, r.created_at)).collect();
                assert_eq!(top, wanted[..limit.min(wanted.len())], "{since:?} {limit}");
            }
        }
    }
}

/// Ids whose order by bytes is not that of any language.
#[tokio::test]
async fn ties_are_in_order_of_bytes_however_pages_cut_them() {
    let server = start(&[]);
    let live = complete(server.settings()).await;
    let names = ["B", "a", "é", "z", "ä", "Z", "-", "_", "10", "9", "日本"];
    let mut posts: Vec<_> = names.map(|name| kudos_core::PostId::new(name).expect("valid")).into();
    let states: Vec<_> = posts.iter().map(|post| state(post, 1)).collect();
    live.merge(&states).await.expect("Redis takes it");
    posts.sort();
    for limit in 1..=names.len() {
        let top = live.top(None, limit).await.expect("the ranks answer");
        assert_eq!(top.into_iter().map(|r| r.post).collect::<Vec<_>>(), posts[..limit]);
        let (mut walked, mut after) = (Vec::new(), None);
        loop {
            let page = live.recent(None, after.as_ref(), limit).await.expect("they answer");
            let Some(last) = page.last().cloned() else { break };
            walked.extend(page.into_iter().map(|key| key.post));
            after = Some(last);
        }
        assert_eq!(walked, posts, "pages of {limit}");
        // The post that a page ended with is gone when the next one is asked for.
        let first = live.recent(None, None, 1).await.expect("they answer").remove(0);
        live.hide(&first.post, true, 1).await.expect("Redis takes it");
        let next = live.recent(None, Some(&first), 1).await.expect("they answer");
        assert_eq!(next.first().map(|key| &key.post), posts.get(1));
        live.hide(&first.post, false, 2).await.expect("Redis takes it");
    }
}

/// A crash between the hash and the ranks, then any later delivery.
#[tokio::test]
async fn a_post_that_was_moved_in_time_leaves_its_old_window_also_after_a_crash() {
    let server = start(&[]);
    let live = complete(server.settings()).await;
    let scope = Scope::new();
    let post = scope.post("p");
    live.merge(&[state(&post, 3)]).await.expect("Redis takes it");
    // What a writer does that dies before it writes ranks.
    let day = 24 * 3600 * 1000;
    let (key, old) = (format!("post:{post}:reactions"), (NOW.0 - day).to_string());
    live.migrate().await.expect("the library can be loaded");
    crate::support::cli(server.port, &["FCALL", "kudos_merge", "1", &key, "0", &old, "0"]);
    let listed = async || live.top(Some(NOW), 10).await.expect("the ranks answer").len();
    assert_eq!(listed().await, 1, "the ranks are not told yet");
    live.merge(&[state(&post, 3)]).await.expect("Redis takes it");
    assert_eq!(listed().await, 0);
    let fields = crate::support::cli(server.port, &["HKEYS", &key]);
    assert!(!fields.lines().any(|field| field == "P"), "{fields}");
}

#[tokio::test]
async fn a_kind_that_nobody_holds_any_more_and_a_lost_hash_leave_nothing_behind() {
    let server = start(&[]);
    let live = complete(server.settings()).await;
    let post = Scope::new().post("p");
    let with = |version, counts: &[u64]| {
        let mut state = state(&post, version);
        state.counts = counts.iter().copied().collect();
        state
    };
    live.merge(&[with(1, &[4, 4, 4])]).await.expect("Redis takes it");
    live.merge(&[with(2, &[0, 0, 1])]).await.expect("Redis takes it");
    assert_eq!(live.states(std::slice::from_ref(&post)).await, Ok(vec![Some(with(2, &[0, 0, 1]))]));
    crate::support::cli(server.port, &["DEL", &format!("post:{post}:reactions")]);
    assert_eq!(live.states(std::slice::from_ref(&post)).await, Ok(vec![None]));
    live.merge(&[with(7, &[9])]).await.expect("Redis takes it");
    assert_eq!(live.top(None, 1).await.expect("the ranks answer")[0].total, 9);
    assert_eq!(live.states(std::slice::from_ref(&post)).await, Ok(vec![Some(with(7, &[9]))]));
}

#[tokio::test]
async fn buckets_expire_and_are_kept_no_longer_than_windows_reach() {
    let server = start(&[]);
    let live = complete(server.settings()).await;
    let post = Scope::new().post("p");
    live.merge(&[state(&post, 1)]).await.expect("Redis takes it");
    let hour = format!("{{posts:by_reactions}}:h:{}", NOW.0 / 3_600_000);
    let ttl: u64 = crate::support::cli(server.port, &["TTL", &hour]).parse().expect("a number");
    // The clock of these tests is three days behind the post.
    let (least, most) = (4 * 24 * 3600, 4 * 24 * 3600 + 2 * 3600);
    assert!((least..=most).contains(&ttl), "{ttl}");
    let kinds: Arc<Kinds> = Arc::default();
    let today = RedisLive::new(server.settings(), kinds, Arc::new(())).expect("valid settings");
    crate::support::cli(server.port, &["DEL", &hour]);
    today.merge(&[state(&post, 2)]).await.expect("Redis takes it");
    assert_eq!(crate::support::cli(server.port, &["EXISTS", &hour]), "0");
}
