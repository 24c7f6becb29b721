use kudos_core::{
    Change, Counts, Kind, Kinds, Millis, PostId, PostState, UserChange, UserId, Version,
};
use kudos_kafka::event::{EventError, decode, encode, event_type};
use serde_json::{Value, json};

const SCHEMA: &str = include_str!("../../schema/reaction-event.v1.json");
const ADDED: &str = include_str!("golden/added.json");
const CHANGED: &str = include_str!("golden/changed.json");
const POST: &str = include_str!("golden/post.json");

fn user(name: &str, from: Option<u8>, to: Option<u8>) -> UserChange {
    UserChange { user: UserId::new(name).unwrap(), from: from.map(Kind), to: to.map(Kind) }
}

fn change(
    post: &str,
    version: u64,
    counts: &[u64],
    at: [u64; 2],
    users: Vec<UserChange>,
) -> Change {
    let state = PostState {
        post: PostId::new(post).unwrap(),
        created_at: Millis(at[0]),
        version: Version(version),
        counts: counts.iter().copied().collect::<Counts>(),
        as_of: Millis(at[1]),
    };
    Change { state, users }
}

/// The events that version 1 has written, and what they say.
fn golden() -> [(&'static str, Change); 3] {
    let (created, first, second) = (1_749_990_000_000, 1_750_000_000_123, 1_750_000_000_456);
    let moved = vec![user("ann", Some(0), Some(1)), user("bob", Some(1), None)];
    [
        (ADDED, change("p1", 7, &[3, 1], [created, first], vec![user("ann", None, Some(0))])),
        (CHANGED, change("a post: with é and \"quotes\"", 8, &[2, 2], [0, second], moved)),
        (POST, change("p2", 0, &[], [created, created], Vec::new())),
    ]
}

fn edited(event: &str, edit: impl FnOnce(&mut Value)) -> Vec<u8> {
    let mut event: Value = serde_json::from_str(event).unwrap();
    edit(&mut event);
    serde_json::to_vec(&event).unwrap()
}

fn refusal(edit: impl FnOnce(&mut Value)) -> EventError {
    decode(&edited(ADDED, edit), &Kinds::default()).unwrap_err()
}

#[test]
fn events_of_version_1_are_read_for_ever() {
    for (event, change) in golden() {
        assert_eq!(decode(event.as_bytes(), &Kinds::default()), Ok(change));
    }
}

#[test]
fn events_are_written_as_version_1_has_written_them() {
    for (event, change) in golden() {
        let written = encode(&change, &Kinds::default()).unwrap();
        assert_eq!(String::from_utf8(written).unwrap(), event.trim_end());
    }
}

#[test]
fn the_type_is_what_the_last_user_did() {
    let types = golden().map(|(_, change)| event_type(&change));
    assert_eq!(types, ["reaction.added", "reaction.removed", "post.changed"]);
}

#[test]
fn the_schema_describes_each_field_and_requires_what_is_written() {
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    let check = |schema: &Value, object: &Value| {
        let described = schema["properties"].as_object().unwrap();
        let required = schema["required"].as_array().unwrap();
        for field in object.as_object().unwrap().keys() {
            assert!(described.contains_key(field), "{field} is not described");
            assert!(required.contains(&json!(field)), "{field} is not required");
        }
        assert_eq!(object.as_object().unwrap().len(), described.len());
    };
    for (event, _) in golden() {
        let event: Value = serde_json::from_str(event).unwrap();
        check(&schema, &event);
        for user in event["users"].as_array().unwrap() {
            check(&schema["properties"]["users"]["items"], user);
        }
    }
    assert_eq!(schema["properties"]["schema"]["const"], kudos_kafka::event::SCHEMA);
}

#[test]
fn unknown_fields_are_ignored() {
    let event = edited(ADDED, |event| {
        event["colour"] = json!({"deep": ["red"]});
        event["users"][0]["mood"] = json!("good");
    });
    let [(_, change), ..] = golden();
    assert_eq!(decode(&event, &Kinds::default()), Ok(change));
}

#[test]
fn an_older_set_of_kinds_is_read_by_a_newer_one() {
    let longer = Kinds::new(Kinds::default().names().chain(["meh"])).unwrap();
    let [(event, change), ..] = golden();
    assert_eq!(decode(event.as_bytes(), &longer), Ok(change));
}

#[test]
fn what_cannot_be_understood_whole_is_refused_with_the_reason() {
    let unknown = refusal(|event| event["counts"]["meh"] = json!(1));
    assert_eq!(unknown, EventError::Kind("meh".into()));
    let unknown = refusal(|event| event["users"][0]["to"] = json!("meh"));
    assert_eq!(unknown, EventError::Kind("meh".into()));
    let newer = refusal(|event| *event = json!({"schema": 2, "delta": 1}));
    assert_eq!(newer, EventError::Schema(2));
    let wrong = refusal(|event| event["total"] = json!(5));
    assert_eq!(wrong, EventError::Total { total: 5, sum: 4 });
    for field in ["schema", "post", "version", "counts", "total", "created_at", "as_of", "users"] {
        let lacking = refusal(|event| drop(event.as_object_mut().unwrap().remove(field)));
        assert!(lacking.to_string().contains(field), "{lacking}");
    }
    for post in ["", "a/b", &"x".repeat(129)] {
        assert!(matches!(refusal(|event| event["post"] = json!(post)), EventError::Malformed(_)));
    }
}

#[test]
fn what_is_no_event_is_refused() {
    let kinds = Kinds::default();
    assert_eq!(decode(b"", &kinds), Err(EventError::Empty));
    let deep = "[".repeat(100_000);
    for body in [b"\xff\xfe".as_slice(), b"null", b"{}", b"{\"schema\":", deep.as_bytes()] {
        assert!(matches!(decode(body, &kinds), Err(EventError::Malformed(_))));
    }
    let most = refusal(|event| {
        event["counts"] = json!({"like": u64::MAX, "love": u64::MAX});
    });
    assert_eq!(most, EventError::Total { total: 4, sum: u64::MAX });
}

#[test]
fn a_kind_that_is_not_configured_is_not_written() {
    let few = Kinds::new(["up"]).unwrap();
    let [(_, added), ..] = golden();
    assert_eq!(encode(&added, &few), Err(EventError::Kind("number 1".into())));
}
