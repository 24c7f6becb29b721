//! Every item of a bulk answer is looked at.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use kudos_core::PortError;
use kudos_core::ports::{Projection, Put};
use kudos_elastic::ElasticSettings;

use crate::stand_in::{Asked, StandIn, elastic, items, refusal, settings, snapshots};

#[tokio::test]
async fn only_the_items_that_a_busy_server_put_off_are_sent_again() {
    let round = AtomicUsize::new(0);
    let server = StandIn::start(move |_| {
        Some(match round.fetch_add(1, SeqCst) {
            0 => items([(201, ""), (429, "es_rejected_execution_exception"), (409, "conflict")]),
            _ => items([(200, "")]),
        })
    })
    .await;
    let held = elastic(&settings(&[&server])).put(&snapshots(3)).await.unwrap();
    assert_eq!(held, [Put::Held, Put::Held, Put::Held]);
    let sent: Vec<_> = server.asked().iter().map(Asked::ids).collect();
    assert_eq!(sent, [vec!["p0", "p1", "p2"], vec!["p1"]]);
}

#[tokio::test]
async fn a_server_that_stays_busy_is_not_asked_for_ever() {
    let server = StandIn::start(|_| Some(items([(429, "es_rejected_execution_exception")]))).await;
    let put = elastic(&settings(&[&server])).put(&snapshots(1)).await.unwrap();
    assert!(matches!(&*put, [Put::Retry(PortError::Busy { .. })]), "{put:?}");
    assert!((2..=5).contains(&server.asked().len()));
}

#[tokio::test]
async fn a_refused_document_is_set_aside_alone() {
    let answer = || items([(201, ""), (400, "document_parsing_exception"), (201, "")]);
    let server = StandIn::start(move |_| Some(answer())).await;
    let put = elastic(&settings(&[&server])).put(&snapshots(3)).await.unwrap();
    assert!(matches!(&*put, [Put::Held, Put::Refused(_), Put::Held]), "{put:?}");
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn a_blocked_index_is_no_success_and_is_not_hammered() {
    let server = StandIn::start(|_| Some(items([(403, "cluster_block_exception")]))).await;
    let put = elastic(&settings(&[&server])).put(&snapshots(1)).await.unwrap();
    assert!(matches!(&*put, [Put::Retry(PortError::Unavailable(_))]), "{put:?}");
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn a_request_refused_for_the_sake_of_one_document_is_halved_until_it_is_alone() {
    let server = StandIn::start(|asked| {
        let ids = asked.ids();
        Some(if ids.iter().any(|id| id == "p5") {
            refusal(400, "action_request_validation_exception")
        } else {
            items(ids.iter().map(|_| (201, "")))
        })
    })
    .await;
    let put = elastic(&settings(&[&server])).put(&snapshots(8)).await.unwrap();
    let refused: Vec<_> = (0..8).filter(|&place| matches!(put[place], Put::Refused(_))).collect();
    assert_eq!(refused, [5]);
    assert_eq!(put.iter().filter(|put| **put == Put::Held).count(), 7);
}

#[tokio::test]
async fn an_answer_of_another_length_says_nothing_of_any() {
    let server = StandIn::start(|_| Some(items([(201, "")]))).await;
    let put = elastic(&settings(&[&server])).put(&snapshots(2)).await;
    assert!(matches!(put, Err(PortError::Unavailable(_))), "{put:?}");
}

#[tokio::test]
async fn large_batches_are_split_and_answered_in_order() {
    let server = StandIn::start(|asked| {
        let outcome = |id: &String| if id == "p7" { (400, "parsing") } else { (201, "") };
        Some(items(asked.ids().iter().map(outcome)))
    })
    .await;
    let settings = ElasticSettings { bulk_items: 3, ..settings(&[&server]) };
    let put = elastic(&settings).put(&snapshots(10)).await.unwrap();
    assert!(matches!(put[7], Put::Refused(_)));
    assert_eq!(put.iter().filter(|put| **put == Put::Held).count(), 9);
    let sizes: Vec<_> = server.asked().iter().map(|asked| asked.ids().len()).collect();
    assert_eq!(sizes, [3, 3, 3, 1]);
}

#[tokio::test]
async fn a_part_that_failed_does_not_hide_what_became_of_the_rest() {
    let server = StandIn::start(|asked| {
        let ids = asked.ids();
        Some(if ids[0] == "p0" {
            items(ids.iter().map(|_| (201, "")))
        } else {
            refusal(403, "security_exception")
        })
    })
    .await;
    let settings = ElasticSettings { bulk_items: 2, ..settings(&[&server]) };
    let put = elastic(&settings).put(&snapshots(4)).await.unwrap();
    assert!(matches!(&*put, [Put::Held, Put::Held, Put::Retry(_), Put::Retry(_)]), "{put:?}");
}

#[tokio::test]
async fn nothing_to_put_asks_nobody() {
    let server = StandIn::start(|_| None).await;
    assert_eq!(elastic(&settings(&[&server])).put(&[]).await.unwrap(), []);
    assert!(server.asked().is_empty());
}
