//! A change as a record of the topic: a CloudEvents 1.0 event in binary mode, whose attributes are
//! headers and whose data is the body, as `schema/reaction-event.v1.json` describes it.
//!
//! Readers of version 1 ignore fields that they do not know, so that fields can be added. What they
//! must not guess makes the record unusable, with the reason: another version of the schema, a kind
//! that is not configured (its count would be lost), a total that is not the sum of the counts.

mod body;
mod trace;

use kudos_core::{Change, Millis};
use rdkafka::message::{Header, OwnedHeaders};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

pub use body::{EventError, SCHEMA, decode, encode};
pub(crate) use trace::{inject, received};

/// The type of an event that tells of the post itself: it was stored or hidden.
const POST_CHANGED: &str = "post.changed";
/// Where all events come from.
const SOURCE: &str = "/kudos";

/// The event's type: what the last user in it did.
pub fn event_type(change: &Change) -> &'static str {
    change.users.last().map_or(POST_CHANGED, |user| user.event_type())
}

/// The event's id. One version of a post is one event, however often it is sent, so that a consumer
/// can leave out what it has seen. Events of the post itself share a version: each has its own id.
fn event_id(change: &Change) -> String {
    let (post, version) = (&change.state.post, change.state.version.0);
    match change.users.is_empty() {
        false => format!("{post}/{version}"),
        true => format!("{post}/{version}/{}", Uuid::new_v4().simple()),
    }
}

/// The attributes of the event, as headers.
pub(crate) fn headers(change: &Change) -> OwnedHeaders {
    let attributes = [
        ("ce_specversion", "1.0"),
        ("ce_id", &event_id(change)),
        ("ce_source", SOURCE),
        ("ce_type", event_type(change)),
        ("ce_time", &rfc3339(change.state.as_of)),
        ("ce_subject", change.state.post.as_str()),
        ("content-type", "application/json"),
    ];
    let headers = OwnedHeaders::new_with_capacity(attributes.len() + 1);
    let add =
        |headers: OwnedHeaders, (key, value)| headers.insert(Header { key, value: Some(value) });
    inject(attributes.into_iter().fold(headers, add))
}

fn rfc3339(at: Millis) -> String {
    let nanos = i128::from(at.0) * 1_000_000;
    // A moment past the year 9999 cannot be written: the attribute is optional, and may be wrong.
    let at = OffsetDateTime::from_unix_timestamp_nanos(nanos);
    at.ok().and_then(|at| at.format(&Rfc3339).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use kudos_core::{Counts, Kind, PostId, PostState, UserChange, UserId, Version};
    use rdkafka::message::Headers;

    fn change(users: Vec<UserChange>) -> Change {
        let state = PostState {
            post: PostId::new("p1").unwrap(),
            created_at: Millis(1),
            version: Version(7),
            counts: Counts::from_iter([1]),
            as_of: Millis(1_750_000_000_123),
        };
        Change { state, users }
    }

    fn like() -> UserChange {
        UserChange { user: UserId::new("u").unwrap(), from: None, to: Some(Kind(0)) }
    }

    fn attribute(change: &Change, name: &str) -> String {
        let headers = headers(change);
        let found = headers.iter().find(|header| header.key == name).unwrap();
        String::from_utf8(found.value.unwrap().to_vec()).unwrap()
    }

    #[test]
    fn a_change_sent_again_is_the_same_event() {
        let change = change(vec![like()]);
        assert_eq!(attribute(&change, "ce_id"), "p1/7");
        assert_eq!(attribute(&change, "ce_type"), "reaction.added");
        assert_eq!(attribute(&change, "ce_time"), "2025-06-15T15:06:40.123Z");
        assert_eq!(attribute(&change, "ce_subject"), "p1");
    }

    #[test]
    fn storing_and_then_hiding_a_post_are_two_events_of_one_version() {
        let change = change(Vec::new());
        assert_eq!(attribute(&change, "ce_type"), "post.changed");
        assert_ne!(attribute(&change, "ce_id"), attribute(&change, "ce_id"));
    }

    #[test]
    fn a_moment_beyond_all_calendars_is_left_out() {
        assert_eq!(rfc3339(Millis(u64::MAX)), "");
    }
}
