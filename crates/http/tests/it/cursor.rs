use kudos_http::Problem;
use kudos_http::cursor::{CursorError, CursorKey, MAX_CURSOR_BYTES};
use kudos_runtime::config::Secret;
use proptest::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Place {
    at: u64,
    post: String,
}

fn key() -> CursorKey {
    CursorKey::from_secret(&Secret::new("a secret of at least thirty-two bytes")).unwrap()
}

fn place() -> Place {
    Place { at: 7, post: "p".into() }
}

fn open(key: &CursorKey, purpose: &str, text: &str) -> Result<Place, CursorError> {
    key.open(purpose, text)
}

#[test]
fn a_cursor_opens_under_its_key_and_purpose_only() {
    let sealed = key().seal("search:popular", &place()).unwrap();
    assert_eq!(open(&key(), "search:popular", &sealed), Ok(place()));
    assert_eq!(open(&key(), "search:recent", &sealed), Err(CursorError::Invalid));
    let other = CursorKey::random().unwrap();
    assert_eq!(open(&other, "search:popular", &sealed), Err(CursorError::Invalid));
}

#[test]
fn processes_with_one_secret_open_each_others_cursors() {
    assert_eq!(open(&key().clone(), "p", &key().seal("p", &place()).unwrap()), Ok(place()));
    let (one, two) = (CursorKey::random().unwrap(), CursorKey::random().unwrap());
    assert!(open(&two, "p", &one.seal("p", &place()).unwrap()).is_err());
}

#[test]
fn a_cursor_changed_anywhere_is_refused() {
    let sealed = key().seal("p", &place()).unwrap();
    for i in 0..sealed.len() {
        let mut bytes = sealed.clone().into_bytes();
        bytes[i] = if bytes[i] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(bytes).unwrap();
        assert_eq!(open(&key(), "p", &changed), Err(CursorError::Invalid), "at {i}");
        assert_eq!(open(&key(), "p", &sealed[..i]), Err(CursorError::Invalid), "cut at {i}");
    }
    assert_eq!(open(&key(), "p", &format!("{sealed}A")), Err(CursorError::Invalid));
}

#[test]
fn a_purpose_does_not_run_into_the_payload() {
    let sealed = key().seal("ab", &"c").unwrap();
    assert_eq!(key().open::<String>("a", &sealed), Err(CursorError::Invalid));
}

#[test]
fn a_cursor_of_another_shape_is_refused() {
    let sealed = key().seal("p", &(1u64, 2u64)).unwrap();
    assert_eq!(key().open::<u64>("p", &sealed), Err(CursorError::Invalid));
}

#[test]
fn a_cursor_has_a_longest_length() {
    assert!(key().seal("p", &"x".repeat(6000)).is_ok());
    let too_long = key().seal("p", &"x".repeat(6200));
    assert_eq!(too_long, Err(CursorError::Unsealable));
    let long = "A".repeat(MAX_CURSOR_BYTES + 1);
    assert_eq!(open(&key(), "p", &long), Err(CursorError::Invalid));
    assert_eq!(Problem::from(CursorError::Invalid), Problem::InvalidCursor);
    assert_eq!(Problem::from(CursorError::Unsealable), Problem::Internal);
}

#[test]
fn a_short_secret_makes_no_key() {
    assert!(CursorKey::from_secret(&Secret::new("x".repeat(31))).is_err());
    assert!(!format!("{:?}", key()).contains("secret"));
}

proptest! {
    #[test]
    fn a_cursor_opens_as_sealed(at: u64, post in ".{0,128}", purpose in ".{0,20}") {
        let place = Place { at, post };
        let sealed = key().seal(&purpose, &place).unwrap();
        prop_assert_eq!(open(&key(), &purpose, &sealed), Ok(place));
    }

    #[test]
    fn any_text_is_refused(text in "[A-Za-z0-9_-]{0,200}|.{0,50}") {
        prop_assert_eq!(open(&key(), "p", &text), Err(CursorError::Invalid));
    }
}
