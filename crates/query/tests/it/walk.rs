//! Page walks: nothing twice, nothing skipped, whatever counts and sources do meanwhile.

use std::collections::BTreeSet;

use kudos_core::Operation;
use kudos_core::Window;
use kudos_query::{QueryError, SearchPage, SearchRequest, Sort};
use kudos_testkit::Model;
use kudos_testkit::scope::{LIKE, NOW};
use proptest::prelude::*;

use crate::world::{Health, World, all, behind, with_words};

fn paused<T>(work: impl Future<Output = T>) -> T {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().start_paused(true).build().unwrap().block_on(work)
}

/// Every page of a walk; `between` happens before each page but the first.
async fn walk(
    world: &World,
    request: SearchRequest,
    mut between: impl AsyncFnMut(usize),
) -> Vec<SearchPage> {
    let (mut pages, mut next) = (Vec::new(), Some(request.clone()));
    while let Some(request) = next {
        if !pages.is_empty() {
            between(pages.len()).await;
        }
        let page = world.page(&request).await.unwrap();
        assert!(page.posts.len() <= request.limit);
        next = behind(&request, &page);
        pages.push(page);
    }
    pages
}

fn shown(world: &World, pages: &[SearchPage]) -> Vec<String> {
    pages.iter().flat_map(|page| world.names(page)).collect()
}

/// Posts `0` to `posts`, of a few different times, liked by as many users as told.
async fn populated(likes: &[usize]) -> World {
    let world = World::new();
    for (post, &users) in likes.iter().enumerate() {
        world.add(&post.to_string(), "cats", post as u64 % 3).await;
        world.like(&post.to_string(), 0..users).await;
    }
    world
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..Default::default() })]

    #[test]
    fn the_popular_order_is_that_of_a_recount(
        likes in prop::collection::vec(0..4usize, 0..40), limit in 1..9usize, words in any::<bool>(),
    ) {
        paused(async {
            let world = populated(&likes).await;
            let mut model = Model::new();
            for (post, &users) in likes.iter().enumerate() {
                model.upsert(&world.scope.written(post, "cats", post as u64 % 3));
                for user in 0..users {
                    let (post, user) = (world.post(post), world.scope.user(user));
                    model.apply(&Operation::unkeyed(post, user, Some(LIKE), NOW));
                }
            }
            let request = SearchRequest {
                text: if words { "cats".into() } else { String::new() },
                ..all(Sort::Popular, limit)
            };
            let pages = walk(&world, request, async |_| {}).await;
            let found = pages.iter().flat_map(|page| page.posts.iter().map(|(post, _)| post.id.clone()));
            let expected = model.popular(None).into_iter().map(|entry| entry.post);
            assert_eq!(found.collect::<Vec<_>>(), expected.collect::<Vec<_>>());
            assert!(pages.iter().all(|page| !page.from.degraded && page.note.is_none()));
        });
    }

    #[test]
    fn a_walk_shows_every_post_once_while_counts_change(
        likes in prop::collection::vec(0..4usize, 1..40),
        changes in prop::collection::vec((any::<prop::sample::Index>(), 4..12usize), 0..60),
        limit in 1..9usize,
        words in any::<bool>(),
    ) {
        paused(async {
            let world = populated(&likes).await;
            let text = if words { "cats".to_owned() } else { String::new() };
            let request = SearchRequest { text, ..all(Sort::Popular, limit) };
            let pages = walk(&world, request, async |page| {
                for (post, users) in changes.iter().skip((page - 1) * 4).take(4) {
                    world.like(&post.index(likes.len()).to_string(), 4..*users).await;
                }
            });
            let names = shown(&world, &pages.await);
            assert_eq!(names.len(), likes.len());
            assert_eq!(names.into_iter().collect::<BTreeSet<_>>().len(), likes.len());
        });
    }

    #[test]
    fn a_failover_in_the_middle_of_a_walk_neither_repeats_nor_skips(
        likes in prop::collection::vec(0..4usize, 1..30),
        outages in prop::collection::vec((any::<bool>(), any::<bool>()), 0..30),
        limit in 1..6usize,
        recent in any::<bool>(),
    ) {
        paused(async {
            let world = populated(&likes).await;
            let sort = if recent { Sort::Recent } else { Sort::Popular };
            let pages = walk(&world, all(sort, limit), async |page| {
                let (live, index) = outages.get(page).copied().unwrap_or_default();
                let health = |out| if out { Health::Fails } else { Health::Up };
                world.set(health(live), health(index), Health::Up, Health::Up);
            })
            .await;
            for two in pages.windows(2) {
                let moved = two[0].from.source != two[1].from.source;
                let says = two[1].note.as_deref().unwrap_or_default().contains("another source");
                assert_eq!((says, two[1].from.degraded || !says), (moved, true));
            }
            let names = shown(&world, &pages);
            assert_eq!(names.len(), likes.len());
            assert_eq!(names.into_iter().collect::<BTreeSet<_>>().len(), likes.len());
        });
    }
}

#[tokio::test(start_paused = true)]
async fn a_ranked_walk_ends_at_a_thousand_posts_and_says_so() {
    let world = populated(&[0; 1_030]).await;
    let pages = walk(&world, all(Sort::Popular, 70), async |_| {}).await;
    let names = shown(&world, &pages);
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), 1_000);
    assert_eq!(names.len(), 1_000);
    let last = pages.last().unwrap();
    assert!(last.note.as_deref().unwrap().contains("end here"));
    assert!(!last.from.degraded);
    assert!(pages[..pages.len() - 1].iter().all(|page| page.note.is_none()));
}

#[tokio::test(start_paused = true)]
async fn a_ranked_walk_of_exactly_a_thousand_posts_just_ends() {
    let world = populated(&[0; 1_000]).await;
    let pages = walk(&world, all(Sort::Popular, 100), async |_| {}).await;
    assert_eq!((shown(&world, &pages).len(), pages.len()), (1_000, 10));
    assert_eq!(pages.last().unwrap().note, None);
}

#[tokio::test(start_paused = true)]
async fn a_recent_walk_has_no_end_but_the_last_post() {
    let world = populated(&[0; 1_230]).await;
    let names = shown(&world, &walk(&world, all(Sort::Recent, 100), async |_| {}).await);
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), 1_230);
    assert_eq!(names.len(), 1_230);
}

#[tokio::test(start_paused = true)]
async fn a_cursor_that_is_not_of_this_listing_is_refused() {
    let world = populated(&[2, 1, 0]).await;
    let page = world.page(&all(Sort::Popular, 1)).await.unwrap();
    let cursor = page.next_cursor.unwrap();
    let path = |query: &str, cursor: &str| format!("/v1/search?limit=1{query}&cursor={cursor}");
    assert_eq!(world.get(&path("", &cursor), None).await.status, 200);
    let mut tampered = cursor.clone().into_bytes();
    let middle = tampered.len() / 2;
    tampered[middle] = if tampered[middle] == b'A' { b'B' } else { b'A' };
    let tampered = String::from_utf8(tampered).unwrap();
    let long = "A".repeat(8_193);
    let refused = [
        path("", &tampered),
        path("", &long),
        path("", ""),
        path("", "nonsense"),
        path("&sort=recent", &cursor),
        path("&window=24h", &cursor),
        path("&q=cats&sort=popular", &cursor),
    ];
    for path in refused {
        let problem = world.get(&path, None).await.problem();
        assert_eq!(problem, (400, "invalid-cursor".into(), "cursor".into()), "{path}");
    }
    let elsewhere = World::new();
    let request = SearchRequest { cursor: Some(cursor), ..all(Sort::Popular, 1) };
    assert_eq!(elsewhere.page(&request).await, Err(QueryError::InvalidCursor));
}

#[tokio::test(start_paused = true)]
async fn a_window_stands_still_during_a_walk() {
    let world = World::new();
    for hours in 0..4_u64 {
        world.add(&hours.to_string(), "cats", 0).await;
    }
    let request = SearchRequest { window: Window::Hour, ..all(Sort::Popular, 1) };
    let pages = walk(&world, request, async |_| {
        world.clock.advance(std::time::Duration::from_secs(1_800));
    });
    assert_eq!(shown(&world, &pages.await).len(), 4);
    let request = SearchRequest { window: Window::Hour, ..with_words("cats", Sort::Relevance, 9) };
    assert_eq!(world.page(&request).await.unwrap().posts, []);
}
