//! Bulk requests: cut to size on the way out, read item by item on the way back.

use bytes::Bytes;
use kudos_core::ports::Put;
use kudos_core::{Kinds, PortError, Snapshot};
use serde::{Deserialize, Serialize};

use crate::document::{Document, version};
use crate::error::{CallError, ItemCause, Refusal};

/// The most that one request carries.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) items: usize,
    pub(crate) bytes: usize,
}

/// Errors of status 400 that blame the index and not the document: an alias of several indexes, a
/// mapping of another schema. Setting the documents aside would lose them all.
const OF_THE_INDEX: [&str; 2] = ["illegal_argument_exception", "strict_dynamic_mapping_exception"];

/// The body of one request, and how many snapshots are in it.
pub(crate) struct Chunk {
    pub(crate) body: Bytes,
    pub(crate) items: usize,
}

#[derive(Serialize)]
struct Action<'a> {
    index: Target<'a>,
}

/// `external_gte` lets the same version in again, so that a repeated request succeeds.
#[derive(Serialize)]
struct Target<'a> {
    _id: &'a str,
    version: u64,
    version_type: &'static str,
}

impl Chunk {
    /// The first snapshots, as many as the bounds let in, and at least one.
    pub(crate) fn of<'a>(
        snapshots: impl Iterator<Item = &'a Snapshot>,
        kinds: &Kinds,
        bounds: Bounds,
    ) -> Self {
        let (mut body, mut items) = (Vec::new(), 0);
        for snapshot in snapshots.take(bounds.items) {
            let fits = body.len();
            append(&mut body, snapshot, kinds);
            if items > 0 && body.len() > bounds.bytes {
                body.truncate(fits);
                break;
            }
            items += 1;
        }
        Self { body: body.into(), items }
    }
}

fn append(body: &mut Vec<u8>, snapshot: &Snapshot, kinds: &Kinds) {
    let (_id, version) = (snapshot.post.id.as_str(), version(snapshot));
    let action = Action { index: Target { _id, version, version_type: "external_gte" } };
    line(body, &action);
    line(body, &Document::new(snapshot, kinds));
}

fn line(body: &mut Vec<u8>, value: &impl Serialize) {
    let written = serde_json::to_writer(&mut *body, value);
    written.expect("memory takes every byte, and all keys are strings");
    body.push(b'\n');
}

/// What became of one snapshot.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Item {
    /// It, or a newer one, is there.
    Held,
    /// Not yet; it may work in a moment.
    Soon(PortError),
    /// Not until somebody has done something about it.
    Later(PortError),
    /// Never.
    Refused(String),
}

impl From<Item> for Put {
    fn from(item: Item) -> Self {
        match item {
            Item::Held => Self::Held,
            Item::Soon(error) | Item::Later(error) => Self::Retry(error),
            Item::Refused(reason) => Self::Refused(reason),
        }
    }
}

/// All items of a request that failed as a whole fail for its reason.
impl From<CallError> for Item {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Refused(refusal) => Self::retry(refusal),
            error => Self::Soon(error.into()),
        }
    }
}

impl Item {
    fn retry(refusal: Refusal) -> Self {
        if refusal.is_passing() { Self::Soon(refusal.into()) } else { Self::Later(refusal.into()) }
    }

    fn of(status: u16, error: Option<ItemCause>) -> Self {
        match (status, error) {
            // Conflict: the document is of a newer version.
            (200..300, None) | (409, _) => Self::Held,
            (status, None) => Self::Later(PortError::Unavailable(format!("HTTP {status}"))),
            // A block, a missing right or a missing index concerns the server, not the snapshot.
            (401 | 403 | 404 | 429 | 500.., Some(cause)) => Self::retry(cause.refusal(status)),
            (status, Some(cause)) => match cause.refusal(status) {
                refusal if OF_THE_INDEX.contains(&&*refusal.kind) => Self::retry(refusal),
                refusal => Self::Refused(refusal.to_string()),
            },
        }
    }
}

/// The part of an answer that is asked for.
pub(crate) const ANSWER: &str = "items.*.status,items.*.error.type,items.*.error.reason";

#[derive(Deserialize)]
struct Answer {
    items: Vec<ItemAnswer>,
}

#[derive(Deserialize)]
struct ItemAnswer {
    index: Outcome,
}

#[derive(Deserialize)]
struct Outcome {
    status: u16,
    #[serde(default)]
    error: Option<ItemCause>,
}

/// The items of an answer, in order.
///
/// # Errors
/// An answer that does not speak of as many items as were sent: nobody knows which it means.
pub(crate) fn read(body: &[u8], sent: usize) -> Result<Vec<Item>, CallError> {
    let answer: Answer = serde_json::from_slice(body)
        .map_err(|error| CallError::Unintelligible(error.to_string()))?;
    if answer.items.len() != sent {
        let told = answer.items.len();
        let problem = format!("{told} items in the answer to a bulk of {sent}");
        return Err(CallError::Unintelligible(problem));
    }
    let items = answer.items.into_iter();
    Ok(items.map(|ItemAnswer { index }| Item::of(index.status, index.error)).collect())
}

#[cfg(test)]
mod tests {
    use kudos_core::{Counts, Kind, Millis, Post, PostId, PostState, Version};
    use serde_json::{Value, json};

    use super::*;

    fn snapshot(id: &str, body: &str) -> Snapshot {
        let id = PostId::new(id).unwrap();
        let (title, author) = ("a \"title\"\n".to_owned(), "ann".to_owned());
        let post =
            Post { id: id.clone(), title, body: body.to_owned(), author, created_at: Millis(7) };
        let mut counts = Counts::new();
        counts.set(Kind(1), 3);
        let (version, as_of) = (Version(5), Millis(9));
        let state = PostState { post: id, created_at: Millis(7), version, counts, as_of };
        Snapshot { post, hidden: false, revision: 2, state }
    }

    fn lines(chunk: &Chunk) -> Vec<Value> {
        let text = std::str::from_utf8(&chunk.body).unwrap();
        assert!(text.ends_with('\n'));
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn a_document_is_whole_and_says_its_version() {
        let chunk = Chunk::of(
            [&snapshot("p", "x")].into_iter(),
            &Kinds::default(),
            Bounds { items: 9, bytes: 999 },
        );
        let action = json!({"index": {"_id": "p", "version": 7, "version_type": "external_gte"}});
        let document = json!({
            "post": "p", "title": "a \"title\"\n", "body": "x", "author": "ann", "created_at": 7,
            "counts": {"love": 3}, "reaction_count": 3, "version": 7, "hidden": false,
        });
        assert_eq!(lines(&chunk), [action, document]);
    }

    #[test]
    fn a_hidden_post_leaves_no_text_behind() {
        let hidden = Snapshot { hidden: true, ..snapshot("p", "secret") };
        let document = serde_json::to_value(Document::new(&hidden, &Kinds::default())).unwrap();
        assert_eq!(document["hidden"], true);
        for field in ["title", "body", "author"] {
            assert_eq!(document[field], "", "{field}");
        }
    }

    #[test]
    fn a_version_beyond_the_servers_numbers_is_its_greatest() {
        let newest = Snapshot { revision: u64::MAX, ..snapshot("p", "") };
        assert_eq!(version(&newest), i64::MAX as u64);
    }

    #[test]
    fn a_request_is_bounded_in_items_and_in_bytes_but_never_empty() {
        let snapshots = ["a", "b", "c"].map(|id| snapshot(id, &"x".repeat(400)));
        let items = |items, bytes| {
            let chunk = Chunk::of(snapshots.iter(), &Kinds::default(), Bounds { items, bytes });
            assert_eq!(lines(&chunk).len(), 2 * chunk.items);
            chunk.items
        };
        assert_eq!(items(2, 100_000), 2);
        assert_eq!(items(9, 100_000), 3);
        assert_eq!(items(9, 1_300), 2);
        assert_eq!(items(9, 10), 1);
    }

    #[test]
    fn each_item_of_an_answer_has_its_own_outcome() {
        let error = |kind: &str| json!({"type": kind, "reason": "why"});
        let answer = json!({"items": [
            {"index": {"status": 200}},
            {"index": {"status": 409, "error": error("version_conflict_engine_exception")}},
            {"index": {"status": 429, "error": error("es_rejected_execution_exception")}},
            {"index": {"status": 429, "error": error("cluster_block_exception")}},
            {"index": {"status": 403, "error": error("cluster_block_exception")}},
            {"index": {"status": 404, "error": error("index_not_found_exception")}},
            {"index": {"status": 503, "error": error("unavailable_shards_exception")}},
            {"index": {"status": 400, "error": error("strict_dynamic_mapping_exception")}},
            {"index": {"status": 400, "error": error("document_parsing_exception")}},
        ]});
        let items = read(answer.to_string().as_bytes(), 9).unwrap();
        use Item::{Held, Later, Refused, Soon};
        assert!(matches!(
            &*items,
            [
                Held,
                Held,
                Soon(PortError::Busy { .. }),
                Later(PortError::NoSpace),
                Later(PortError::Unavailable(_)),
                Later(PortError::Unavailable(_)),
                Soon(PortError::Unavailable(_)),
                Later(PortError::Unavailable(_)),
                Refused(_)
            ]
        ));
        assert_eq!(items[8], Refused("HTTP 400 document_parsing_exception: why".into()));
    }

    #[test]
    fn an_answer_about_fewer_items_than_were_sent_is_no_answer() {
        let answer = json!({"items": [{"index": {"status": 200}}]}).to_string();
        assert!(read(answer.as_bytes(), 2).is_err());
        assert!(read(b"{}", 1).is_err());
    }
}
