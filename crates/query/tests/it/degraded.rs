//! Law 4: reads always answer, in time, and say what the answer is worth. Every combination of
//! sources that are up, fail or hang.

use std::time::Duration;

use kudos_core::{Change, Kind, PortError, Window};
use kudos_http::answer::Source;
use kudos_query::{Follower, QueryError, QuerySettings, SearchPage, SearchRequest, Sort};
use kudos_testkit::Call;
use kudos_testkit::scope::NOW;

use crate::world::{Health, World, all, timed, with_words};

const BUDGET: Duration = Duration::from_millis(400);
/// The reactions of each post, in time order.
const LIKES: [(&str, usize); 4] = [("d", 1), ("c", 4), ("b", 0), ("a", 3)];

/// Posts `a` (oldest) to `d`; all but `c` have the word in their title.
async fn world() -> World {
    world_with(QuerySettings::default()).await
}

async fn world_with(settings: QuerySettings) -> World {
    let world = World::with(settings);
    for (name, title, at) in
        [("a", "cats", 1), ("b", "Cats!", 2), ("c", "dogs", 3), ("d", "cats", 4)]
    {
        world.add(name, title, at).await;
    }
    for (name, users) in LIKES {
        world.like(name, 0..users).await;
    }
    world
}

struct Case {
    live: Health,
    index: Health,
    posts: Health,
    truth: Health,
}

impl Case {
    fn every() -> impl Iterator<Item = Self> {
        (0..81).map(|n: usize| {
            let health = |place: u32| Health::ALL[n / 3_usize.pow(place) % 3];
            Self { live: health(0), index: health(1), posts: health(2), truth: health(3) }
        })
    }

    fn names(&self) -> String {
        let Self { live, index, posts, truth } = self;
        format!("live {live:?}, index {index:?}, posts {posts:?}, truth {truth:?}")
    }

    /// Who has to rank, and who should have.
    fn ranked_by(&self, request: &SearchRequest) -> (Option<Source>, Source) {
        let text = !request.text.is_empty();
        let by_live = match request.sort {
            Sort::Popular => self.live.up() && (!text || self.index.up()),
            Sort::Recent => self.live.up() && !text,
            Sort::Relevance => false,
        };
        let best = match request.sort {
            Sort::Popular => Source::Live,
            Sort::Recent if !text => Source::Live,
            Sort::Recent | Sort::Relevance => Source::Index,
        };
        let source = match (by_live, self.index.up(), self.posts.up()) {
            (true, ..) => Some(Source::Live),
            (false, true, _) => Some(Source::Index),
            (false, false, true) => Some(Source::Time),
            (false, false, false) => None,
        };
        (source, best)
    }

    fn check(&self, world: &World, request: &SearchRequest, page: &SearchPage) {
        let (source, best) = self.ranked_by(request);
        let case = format!("{:?} {:?}: {}", request.sort, request.text, self.names());
        assert_eq!(Some(page.from.source), source, "{case}");
        let names = world.names(page).concat();
        let order = match (request.sort, request.text.is_empty(), page.from.source) {
            (Sort::Popular, true, Source::Live | Source::Index) => "cadb",
            (Sort::Popular, false, Source::Live | Source::Index) => "adb",
            (_, true, _) => "dcba",
            (_, false, _) => "dba",
        };
        assert_eq!(names, order, "{case}");
        let note = page.note.clone().unwrap_or_default();
        let says = |what: &str| note.contains(what);
        let well = source == Some(best) && self.posts.up() && self.live.up();
        assert_eq!((page.from.degraded, note.is_empty()), (!well, well), "{case}: {note}");
        assert_eq!(says("titles are not available"), !self.posts.up(), "{case}: {note}");
        let (live, truth) = (self.live.up(), self.truth.up());
        assert_eq!(says("counts are not live"), !live && truth, "{case}: {note}");
        assert_eq!(says("counts are not available"), !live && !truth, "{case}: {note}");
        assert_eq!(says("in time order"), source == Some(Source::Time), "{case}: {note}");
        for (at, (post, state)) in page.posts.iter().enumerate() {
            let name = &names[at..=at];
            let likes = LIKES.iter().find(|(n, _)| *n == name).unwrap().1 as u64;
            let shown = if live || truth { likes } else { 0 };
            assert_eq!(state.counts.total(), shown, "{case}: {name}");
            assert_eq!(!post.title.is_empty(), self.posts.up(), "{case}");
        }
        let lag = if page.from.source == Source::Index { 2_000 } else { 0 };
        assert_eq!(page.from.as_of, NOW.minus(Duration::from_millis(lag)), "{case}");
    }
}

#[tokio::test(start_paused = true)]
async fn every_search_answers_in_time_from_the_best_source_that_is_left() {
    // Without a page of a case before.
    let world = world_with(QuerySettings { page_keep_ms: 0, ..QuerySettings::default() }).await;
    let requests = [
        all(Sort::Popular, 10),
        with_words("cats", Sort::Popular, 10),
        all(Sort::Recent, 10),
        with_words("cats", Sort::Recent, 10),
        with_words("cats", Sort::Relevance, 10),
    ];
    for case in Case::every() {
        world.set(case.live, case.index, case.posts, case.truth);
        for request in &requests {
            let (page, took) = timed(world.page(request)).await;
            assert!(took <= BUDGET, "{took:?}: {}", case.names());
            match page {
                Ok(page) => case.check(&world, request, &page),
                Err(error) => {
                    assert!(matches!(error, QueryError::Port(PortError::Unavailable(_))));
                    assert_eq!(case.ranked_by(request).0, None, "{}", case.names());
                }
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn counts_answer_in_time_and_say_where_they_come_from() {
    let world = world().await;
    let path = format!("/v1/posts/{}/reactions", world.post("c"));
    for case in Case::every() {
        world.set(case.live, case.index, case.posts, case.truth);
        let (live, truth, names) = (case.live.up(), case.truth.up(), case.names());
        for user in [None, Some(0)] {
            let (answer, took) = timed(world.get(&path, user)).await;
            assert!(took <= BUDGET, "{took:?}: {names}");
            if !live && !truth {
                assert_eq!(answer.problem(), (503, "unavailable".into(), "".into()), "{names}");
                assert!(answer.headers.contains_key("retry-after"));
                continue;
            }
            let json = answer.json();
            let source = if live { "live" } else { "truth" };
            assert_eq!((&json["source"], &json["counts"]["like"]), (&source.into(), &4.into()));
            let mine_known = truth || user.is_none();
            assert_eq!(json["degraded"], !(live && mine_known), "{names}");
            let mine =
                if user.is_some() && truth { "like".into() } else { serde_json::Value::Null };
            assert_eq!(json["mine"], mine, "{names}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_batch_answers_in_time_and_is_degraded_where_it_has_to_be() {
    let world = world().await;
    let ids = ["a", "b", "c", "d"].map(|name| world.post(name));
    for case in Case::every() {
        world.set(case.live, case.index, case.posts, case.truth);
        let (answer, took) = timed(world.batch(&serde_json::json!({"posts": ids}))).await;
        assert!(took <= BUDGET, "{took:?}: {}", case.names());
        let (live, truth) = (case.live.up(), case.truth.up());
        if !live && !truth {
            assert_eq!(answer.status, 503, "{}", case.names());
            continue;
        }
        let json = answer.json();
        let totals: Vec<_> = (0..4).map(|at| json["results"][at]["total"].as_u64()).collect();
        assert_eq!(totals, [Some(3), Some(0), Some(4), Some(1)], "{}", case.names());
        assert_eq!(json["degraded"], !(live && truth), "{}", case.names());
    }
}

/// Nobody else is left, so that a page which comes late is better than none.
#[tokio::test(start_paused = true)]
async fn the_time_order_has_all_the_time_that_is_left() {
    let world = world().await;
    world.set(Health::Fails, Health::Fails, Health::Up, Health::Up);
    world.on_posts.delay(Duration::from_millis(190));
    let (page, took) = timed(world.page(&all(Sort::Popular, 10))).await;
    let page = page.unwrap();
    assert_eq!((page.from.source, world.names(&page).concat().as_str()), (Source::Time, "dcba"));
    assert!(took <= BUDGET, "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_count_that_live_lost_is_completed_from_the_truth() {
    let world = world().await;
    world.live.lose(&world.post("c"));
    let path = format!("/v1/posts/{}/reactions", world.post("c"));
    let json = world.get(&path, Some(0)).await.json();
    assert_eq!((&json["total"], &json["mine"]), (&4.into(), &"like".into()));
    assert_eq!((&json["source"], &json["degraded"]), (&"live".into(), &false.into()));
}

#[tokio::test(start_paused = true)]
async fn a_count_that_nobody_can_tell_is_neither_unknown_nor_zero() {
    for health in [Health::Fails, Health::Hangs] {
        let world = world().await;
        world.live.lose(&world.post("c"));
        health.set(&world.on_truth);
        let path = format!("/v1/posts/{}/reactions", world.post("c"));
        let (answer, took) = timed(world.get(&path, None)).await;
        assert_eq!((answer.status.as_u16(), took <= BUDGET), (503, true), "{health:?}");
        let ids = ["a", "c", "d"].map(|name| world.post(name));
        let (answer, took) = timed(world.batch(&serde_json::json!({"posts": ids}))).await;
        let json = answer.json();
        let known: Vec<_> =
            json["results"].as_array().unwrap().iter().map(|r| &r["post"]).collect();
        assert_eq!(known, [ids[0].as_str(), ids[2].as_str()]);
        assert_eq!((&json["degraded"], took <= BUDGET), (&true.into(), true));
        let page = world.page(&with_words("dogs", Sort::Relevance, 10)).await.unwrap();
        assert_eq!((world.names(&page).concat().as_str(), page.from.degraded), ("c", true));
        assert_eq!(page.note.unwrap(), "counts are not available");
    }
}

#[tokio::test(start_paused = true)]
async fn a_ranking_of_counts_that_live_lost_uses_the_truth_or_is_not_called_fresh() {
    let world = world().await;
    // The index has not heard of `b` yet, and live has forgotten it.
    for user in 0..9 {
        world.react("b", user, Some(Kind(0))).await;
    }
    world.live.lose(&world.post("b"));
    let request = with_words("cats", Sort::Popular, 10);
    let page = world.page(&request).await.unwrap();
    assert_eq!(world.names(&page).concat(), "bad");
    assert_eq!((page.from.source, page.from.degraded), (Source::Live, false));
    assert!(world.mender.taken().iter().all(|lost| *lost == world.post("b")));
    Health::Fails.set(&world.on_truth);
    let page = world.page(&request).await.unwrap();
    assert!(page.from.degraded);
    assert!(page.note.unwrap().contains("1 of 3 posts are not ranked by live counts"));
}

#[tokio::test(start_paused = true)]
async fn what_live_missed_is_shown_as_the_log_told_it_and_told_to_live() {
    let world = world().await;
    let post = world.post("b");
    // The last page may expect the post: its counts are then read in another way.
    world.page(&all(Sort::Popular, 10)).await.unwrap();
    for user in 0..9 {
        world.react("b", user, Some(Kind(0))).await;
    }
    let state = world.true_state(&post).await;
    let older = kudos_core::PostState { version: kudos_core::Version(1), ..state.clone() };
    for state in [state, older] {
        world.newest.changed(&[Change { state, users: Vec::new() }]);
    }
    let read = world.get(&format!("/v1/posts/{post}/reactions"), None).await.json();
    assert_eq!((&read["total"], &read["source"]), (&9.into(), &"live".into()));
    assert_eq!(world.mender.taken(), std::slice::from_ref(&post));
    let page = world.page(&all(Sort::Popular, 10)).await.unwrap();
    let shown = page.posts.iter().find(|(found, _)| found.id == post).unwrap();
    assert_eq!(shown.1.counts.total(), 9);
    world.project(&post).await;
    world.mender.taken();
    world.get(&format!("/v1/posts/{post}/reactions"), None).await.json();
    assert_eq!(world.mender.taken(), [], "live is not behind any more");
}

#[tokio::test(start_paused = true)]
async fn a_truth_that_answers_at_a_walk_still_gives_titles_and_counts_when_all_else_hangs() {
    let world = world().await;
    world.set(Health::Hangs, Health::Hangs, Health::Up, Health::Up);
    let slow = Duration::from_millis(50);
    world.on_posts.delay(slow);
    world.on_truth.delay(slow);
    let every: (_, &[u64]) = (all(Sort::Popular, 10), &[1, 4, 0, 3]);
    let some: (_, &[u64]) = (with_words("cats", Sort::Popular, 10), &[1, 0, 3]);
    for (request, likes) in [every, some] {
        let (page, took) = timed(world.page(&request)).await;
        let page = page.unwrap();
        assert!(took <= BUDGET, "{took:?}");
        assert_eq!(page.from.source, Source::Time);
        assert!(page.posts.iter().all(|(post, _)| !post.title.is_empty()));
        let totals: Vec<_> = page.posts.iter().map(|(_, state)| state.counts.total()).collect();
        assert_eq!(totals, *likes);
    }
}

#[tokio::test(start_paused = true)]
async fn posts_that_could_not_be_looked_up_are_left_out_by_name() {
    let world = world().await;
    // Known by a reaction only.
    world.like("e", 0..9).await;
    let page = world.page(&all(Sort::Popular, 10)).await.unwrap();
    assert_eq!((world.names(&page).concat().as_str(), page.from.degraded), ("ecadb", false));
    world.on_posts.on(Call::Meta).fail_with(PortError::Timeout);
    let page = world.page(&all(Sort::Popular, 10)).await.unwrap();
    assert_eq!((world.names(&page).concat().as_str(), page.from.degraded), ("cadb", true));
    assert!(page.note.unwrap().contains("left out"));
}

#[tokio::test(start_paused = true)]
async fn a_scan_for_words_that_runs_out_of_time_gives_what_it_found_and_says_so() {
    let world = World::new();
    for at in 0..600 {
        let title = if at % 100 == 0 { "cats" } else { "dogs" };
        let post = world.scope.written(at, title, at);
        kudos_core::ports::PostStore::upsert(&*world.store, &post).await.unwrap();
    }
    Health::Fails.set(&world.on_index);
    world.on_posts.on(Call::ByTime).delay(Duration::from_millis(200));
    let request = with_words("cats", Sort::Relevance, 20);
    let (page, took) = timed(world.page(&request)).await;
    let page = page.unwrap();
    assert!(took <= BUDGET, "{took:?}");
    assert_eq!(world.names(&page), ["500", "400"]);
    assert!(page.note.unwrap().contains("only the newest posts"));
}

#[tokio::test(start_paused = true)]
async fn text_without_a_word_finds_nothing_whoever_answers() {
    let world = world().await;
    let request = SearchRequest { window: Window::All, ..with_words("!?", Sort::Relevance, 10) };
    assert_eq!(world.page(&request).await.unwrap().posts, []);
    Health::Fails.set(&world.on_index);
    assert_eq!(world.page(&request).await.unwrap().posts, []);
}

#[tokio::test(start_paused = true)]
async fn a_first_page_is_as_it_was_for_a_while_if_no_source_answers() {
    let world = world().await;
    let request = all(Sort::Popular, 2);
    let well = world.page(&request).await.unwrap();
    world.clock.advance(Duration::from_secs(5));
    world.set(Health::Hangs, Health::Hangs, Health::Fails, Health::Fails);
    let (kept, took) = timed(world.page(&request)).await;
    let kept = kept.unwrap();
    assert!(took <= BUDGET, "{took:?}");
    assert_eq!((&kept.posts, kept.from.as_of), (&well.posts, well.from.as_of));
    assert!(kept.from.degraded && kept.note.unwrap().contains("as it was"));
    // Nobody has asked for these.
    assert!(world.page(&all(Sort::Recent, 2)).await.is_err());
    assert!(world.page(&with_words("cats", Sort::Popular, 2)).await.is_err());
    tokio::time::advance(Duration::from_secs(10)).await;
    assert!(world.page(&request).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn readers_who_wait_for_one_page_share_its_failure_in_time() {
    let settings = QuerySettings { page_cache_ms: 200, ..Default::default() };
    let world = World::with(settings);
    for health in [Health::Hangs, Health::Fails] {
        world.set(health, health, health, health);
        let request = all(Sort::Popular, 10);
        let readers = (0..50).map(|_| timed(world.page(&request)));
        for (page, took) in futures::future::join_all(readers).await {
            assert!(page.is_err());
            assert!(took <= BUDGET, "{took:?}");
        }
    }
}
