//! Post and user identifiers.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The longest identifier, in bytes of UTF-8.
pub const MAX_ID_BYTES: usize = 128;

/// Why a text is not an identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// The text has no bytes.
    #[error("must have 1 to {MAX_ID_BYTES} bytes, and is empty")]
    Empty,
    /// The text is longer than [`MAX_ID_BYTES`].
    #[error("must have 1 to {MAX_ID_BYTES} bytes, and has {bytes}")]
    TooLong {
        /// Its length in bytes.
        bytes: usize,
    },
    /// A character that would break a key, a URL or a log line.
    #[error("must not contain {character:?} (at byte {at})")]
    Forbidden {
        /// The first such character.
        character: char,
        /// Its byte offset.
        at: usize,
    },
}

/// Checks the rule that all identifiers share: 1 to [`MAX_ID_BYTES`] bytes, no control characters,
/// braces (they are Redis Cluster hash tags) or slashes (they split URLs).
fn check(text: &str) -> Result<(), IdError> {
    if text.is_empty() {
        return Err(IdError::Empty);
    }
    if text.len() > MAX_ID_BYTES {
        return Err(IdError::TooLong { bytes: text.len() });
    }
    let forbidden = |c: char| c.is_control() || matches!(c, '{' | '}' | '/' | '\\');
    match text.char_indices().find(|&(_, c)| forbidden(c)) {
        Some((at, character)) => Err(IdError::Forbidden { character, at }),
        None => Ok(()),
    }
}

macro_rules! identifier {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Checks `text` and keeps it.
            pub fn new(text: &str) -> Result<Self, IdError> {
                check(text).map(|()| Self(text.into()))
            }

            /// The identifier as it was given.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                Self::new(text)
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                Self::new(&text).map_err(de::Error::custom)
            }
        }
    };
}

identifier! {
    /// Names a post. Cheap to clone.
    PostId
}
identifier! {
    /// Names a user. Cheap to clone.
    UserId
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_limits_are_inclusive() {
        assert_eq!(PostId::new(""), Err(IdError::Empty));
        assert!(PostId::new(&"x".repeat(MAX_ID_BYTES)).is_ok());
        assert_eq!(
            PostId::new(&"x".repeat(MAX_ID_BYTES + 1)),
            Err(IdError::TooLong { bytes: MAX_ID_BYTES + 1 })
        );
    }

    #[test]
    fn the_length_counts_bytes_not_characters() {
        assert!(UserId::new(&"é".repeat(64)).is_ok());
        assert!(UserId::new(&"é".repeat(65)).is_err());
    }

    #[test]
    fn what_breaks_a_key_or_a_url_is_refused_where_it_stands() {
        for c in ['{', '}', '/', '\\', '\0', '\n', '\u{7f}', '\u{85}'] {
            let refused = UserId::new(&format!("ab{c}"));
            assert_eq!(refused, Err(IdError::Forbidden { character: c, at: 2 }));
        }
    }

    proptest! {
        #[test]
        fn any_text_is_kept_whole_or_refused(text in ".{0,200}") {
            if let Ok(id) = PostId::new(&text) {
                prop_assert_eq!(id.as_str(), text.as_str());
            }
        }
    }
}
