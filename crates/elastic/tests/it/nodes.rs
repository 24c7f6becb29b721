//! A sick node costs little, and is left alone.

use std::time::{Duration, Instant};

use kudos_core::PortError;
use kudos_core::ports::{IndexOrder, IndexQuery, PostIndex, Projection, Put};
use kudos_elastic::ElasticSettings;

use crate::stand_in::{StandIn, elastic, items, nothing_found, refusal, settings, snapshots};

fn anything() -> IndexQuery {
    let (text, order) = ("apple".to_owned(), IndexOrder::Popular);
    IndexQuery { text, since: None, among: None, order, limit: 10 }
}

#[tokio::test]
async fn a_node_that_hangs_costs_one_time_limit_and_is_then_skipped() {
    let hanging = StandIn::start(|_| None).await;
    let well = StandIn::start(|_| Some(nothing_found())).await;
    // Long enough that its rest does not end within the test.
    let settings = ElasticSettings { search_ms: 90, ..settings(&[&hanging, &well]) };
    let elastic = elastic(&settings);
    let begun = Instant::now();
    for _ in 0..20 {
        assert_eq!(elastic.search(&anything()).await, Ok(vec![]));
    }
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    // Once, and perhaps once more as a probe after its rest.
    assert!((1..=2).contains(&hanging.asked().len()), "{}", hanging.asked().len());
    assert!(well.asked().len() >= 20);
}

#[tokio::test]
async fn a_node_that_is_gone_fails_nothing() {
    let well = StandIn::start(|asked| {
        let search = asked.path.ends_with("_search");
        Some(if search { nothing_found() } else { items([(201, "")]) })
    })
    .await;
    let urls = vec!["http://127.0.0.1:9".to_owned(), well.url.clone()];
    let elastic = elastic(&ElasticSettings { urls, ..settings(&[]) });
    for _ in 0..4 {
        assert_eq!(elastic.search(&anything()).await, Ok(vec![]));
        assert_eq!(elastic.put(&snapshots(1)).await, Ok(vec![Put::Held]));
    }
}

#[tokio::test]
async fn a_node_cut_off_from_the_others_is_passed_over() {
    let cut_off = StandIn::start(|_| Some(refusal(503, "master_not_discovered_exception"))).await;
    let well = StandIn::start(|_| Some(nothing_found())).await;
    let elastic = elastic(&settings(&[&cut_off, &well]));
    for _ in 0..10 {
        assert_eq!(elastic.search(&anything()).await, Ok(vec![]));
    }
}

#[tokio::test]
async fn a_refusal_is_not_asked_for_twice() {
    let servers = [
        StandIn::start(|_| Some(refusal(400, "parsing_exception"))).await,
        StandIn::start(|_| Some(refusal(400, "parsing_exception"))).await,
    ];
    let elastic = elastic(&settings(&[&servers[0], &servers[1]]));
    assert!(elastic.search(&anything()).await.is_err());
    assert_eq!(servers[0].asked().len() + servers[1].asked().len(), 1);
}

#[tokio::test]
async fn with_every_node_hanging_a_search_ends_in_time_and_the_next_one_at_once() {
    let hanging = [StandIn::start(|_| None).await, StandIn::start(|_| None).await];
    let elastic = elastic(&settings(&[&hanging[0], &hanging[1]]));
    assert_eq!(elastic.search(&anything()).await, Err(PortError::Timeout));
    let next = elastic.search(&anything()).await;
    assert!(matches!(next, Err(PortError::Busy { .. })), "{next:?}");
}
