//! An answer that is not whole is no answer.

use kudos_core::PortError;
use kudos_core::ports::{IndexOrder, IndexQuery, PostIndex};
use serde_json::{Value, json};

use crate::stand_in::{StandIn, elastic, settings};

async fn answered(answer: Value) -> Result<usize, PortError> {
    let server = StandIn::start(move |_| Some((200, answer.clone()))).await;
    let (text, order) = ("apple".to_owned(), IndexOrder::Relevance);
    let query = IndexQuery { text, since: None, among: None, order, limit: 10 };
    elastic(&settings(&[&server])).search(&query).await.map(|hits| hits.len())
}

fn found(timed_out: bool, failed: u32, created_at: &str) -> Value {
    let hit = json!({"fields": {
        "post": ["p"], "created_at": [created_at], "reaction_count": [3],
    }});
    json!({
        "timed_out": timed_out, "_shards": {"total": 2, "failed": failed}, "hits": {"hits": [hit]},
    })
}

#[tokio::test]
async fn what_the_server_cut_short_or_some_shards_lack_is_not_shown() {
    assert_eq!(answered(found(false, 0, "7")).await, Ok(1));
    assert_eq!(answered(found(true, 0, "7")).await, Err(PortError::Timeout));
    let part = answered(found(false, 1, "7")).await;
    assert!(matches!(part, Err(PortError::Unavailable(_))), "{part:?}");
}

#[tokio::test]
async fn an_answer_of_another_shape_is_an_error() {
    for answer in [json!({}), json!([]), json!("<html>"), found(false, 0, "yesterday")] {
        let answer = answered(answer).await;
        assert!(matches!(answer, Err(PortError::Unavailable(_))), "{answer:?}");
    }
}
