//! An [`IndexQuery`] in the server's words.

use std::time::Duration;

use kudos_core::ports::{IndexOrder, IndexQuery, MAX_AMONG};
use kudos_core::{Millis, PostId};
use serde_json::{Value, json};

use crate::document::MAX_LONG;

/// The most hits: servers refuse more.
pub(crate) const MAX_HITS: usize = 10_000;
/// How much more a word weighs in the title.
const TITLE: &str = "title^2";
/// The most characters of a text that are looked at, which bounds its words.
const MAX_TEXT: usize = 512;

/// How coarse the clock is by which a server ends a search (`thread_pool.estimated_time_interval`,
/// 200 ms by default): a search of a moment may seem to have taken as long.
const SERVER_CLOCK: Duration = Duration::from_millis(200);

/// The body of a search whose caller waits for `budget`. A caller that gives up closes the
/// connection, at which the server stops; its own limit is for callers that vanish. It is longer by
/// a step of its clock, for with less than that one search in thirty was cut that took 12 ms.
///
/// A walk in time order goes on behind a key by `search_after`, without a point in time: the key
/// orders totally and does not change with counts, so nothing is repeated or skipped, and the
/// server keeps no state for a page that may never be asked for. The other orders move while
/// they are walked; there a walk carries what it has shown, see the caller.
pub(crate) fn body(query: &IndexQuery, budget: Duration) -> Value {
    let IndexQuery { text, since, among, order, limit } = query;
    let mut filter = vec![json!({ "term": { "hidden": false } })];
    filter.extend(since.map(|since| json!({ "range": { "created_at": { "gte": long(since) } } })));
    filter.extend(among.as_ref().map(|posts| {
        let posts: Vec<_> = posts.iter().take(MAX_AMONG).map(PostId::as_str).collect();
        json!({ "terms": { "post": posts } })
    }));
    let mut must = Vec::new();
    if !text.is_empty() {
        let scored = *order == IndexOrder::Relevance;
        if scored { &mut must } else { &mut filter }.push(words(text));
    }
    let mut body = json!({
        "query": { "bool": { "filter": filter, "must": must } },
        "sort": sort(order),
        "size": limit.min(&MAX_HITS),
        "timeout": format!("{}ms", (budget + SERVER_CLOCK).as_millis()),
        "track_total_hits": false,
        "_source": false,
        "stored_fields": "_none_",
        "docvalue_fields": ["post", "created_at", "reaction_count"],
    });
    if let IndexOrder::Recent(Some(key)) = order {
        body["search_after"] = json!([long(key.created_at), key.post.as_str()]);
    }
    body
}

/// All words in the title or the body, each in either. `match` has no syntax; text without a word
/// matches nothing.
fn words(text: &str) -> Value {
    json!({ "multi_match": {
        "query": bounded(text),
        "type": "cross_fields",
        "operator": "and",
        "fields": [TITLE, "body"],
    } })
}

/// The text, cut between words if it can be.
fn bounded(text: &str) -> &str {
    let Some((end, _)) = text.char_indices().nth(MAX_TEXT) else { return text };
    let cut = &text[..end];
    cut.rfind(char::is_whitespace).map_or(cut, |between| &cut[..between])
}

fn sort(order: &IndexOrder) -> Value {
    let newer_first = json!({ "created_at": "desc" });
    let lower_id_first = json!({ "post": "asc" });
    match order {
        IndexOrder::Relevance => json!([{ "_score": "desc" }, newer_first, lower_id_first]),
        IndexOrder::Popular => json!([{ "reaction_count": "desc" }, newer_first, lower_id_first]),
        IndexOrder::Recent(_) => json!([newer_first, lower_id_first]),
    }
}

fn long(time: Millis) -> u64 {
    time.0.min(MAX_LONG)
}

#[cfg(test)]
mod tests {
    use kudos_core::TimeKey;

    use super::*;

    fn query(text: &str, order: IndexOrder) -> IndexQuery {
        IndexQuery {
            text: text.to_owned(),
            since: Some(Millis(7)),
            among: None,
            order,
            limit: 20_000,
        }
    }

    #[test]
    fn a_popular_search_reads_columns_only_and_is_bounded() {
        let body = body(&query("apple", IndexOrder::Popular), Duration::from_millis(90));
        assert_eq!(body["size"], 10_000);
        assert_eq!(body["timeout"], "290ms", "a step of the server's clock may pass at once");
        assert_eq!(body["_source"], false);
        assert_eq!(body["track_total_hits"], false);
        assert_eq!(body["query"]["bool"]["must"], json!([]), "no score is computed");
        assert_eq!(body["query"]["bool"]["filter"].as_array().unwrap().len(), 3);
        let first = &body["sort"][0];
        assert_eq!(*first, json!({ "reaction_count": "desc" }));
    }

    #[test]
    fn a_walk_goes_on_behind_its_key() {
        let post = PostId::new("p").unwrap();
        let key = TimeKey { created_at: Millis(u64::MAX), post };
        let body = body(&query("", IndexOrder::Recent(Some(key))), Duration::ZERO);
        assert_eq!(body["search_after"], json!([i64::MAX, "p"]));
    }

    #[test]
    fn a_search_among_posts_names_them() {
        let among = Some(["a", "b"].map(|id| PostId::new(id).unwrap()).to_vec());
        let query = IndexQuery { among, ..query("", IndexOrder::Popular) };
        let body = body(&query, Duration::ZERO);
        assert_eq!(body["query"]["bool"]["filter"][2], json!({"terms": {"post": ["a", "b"]}}));
    }

    #[test]
    fn a_long_text_is_cut_between_words_or_at_least_between_characters() {
        assert_eq!(bounded("apple pie"), "apple pie");
        assert_eq!(bounded(&"é".repeat(MAX_TEXT + 1)), "é".repeat(MAX_TEXT));
        let words = "apple ".repeat(MAX_TEXT);
        assert!(bounded(&words).ends_with("apple"));
    }
}
