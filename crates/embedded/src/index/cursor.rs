//! How far the index has followed the store. It is committed together with the documents, so
//! that the two cannot disagree.

use std::fmt;

use kudos_core::PostId;

/// Counts up when the same posts would be indexed in another way: older indexes are rebuilt.
const FORMAT: &str = "1";

/// A place in the work of following the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Cursor {
    /// All posts are being read; those up to `after` were. What changed meanwhile lies behind
    /// revision `from` of the outbox.
    Scanning {
        /// The newest revision when the scan began.
        from: u64,
        /// The last post that was read.
        after: Option<PostId>,
    },
    /// Everything up to this revision of the outbox is in the index.
    Following(u64),
}

impl Cursor {
    /// The revision up to which the outbox is not needed any more.
    pub(super) fn revision(&self) -> u64 {
        match *self {
            Self::Scanning { from, .. } => from,
            Self::Following(at) => at,
        }
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.splitn(4, ' ');
        let (FORMAT, step, revision) = (parts.next()?, parts.next()?, parts.next()?) else {
            return None;
        };
        let revision = revision.parse().ok()?;
        match (step, parts.next()) {
            ("follow", None) => Some(Self::Following(revision)),
            ("scan", None) => Some(Self::Scanning { from: revision, after: None }),
            ("scan", Some(after)) => {
                Some(Self::Scanning { from: revision, after: Some(PostId::new(after).ok()?) })
            }
            _ => None,
        }
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scanning { from, after: None } => write!(f, "{FORMAT} scan {from}"),
            Self::Scanning { from, after: Some(post) } => write!(f, "{FORMAT} scan {from} {post}"),
            Self::Following(at) => write!(f, "{FORMAT} follow {at}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_as_it_was_written() {
        let post = PostId::new("a b  c").unwrap();
        for cursor in [
            Cursor::Following(0),
            Cursor::Following(u64::MAX),
            Cursor::Scanning { from: 7, after: None },
            Cursor::Scanning { from: 7, after: Some(post) },
        ] {
            assert_eq!(Cursor::parse(&cursor.to_string()), Some(cursor));
        }
    }

    #[test]
    fn anything_else_is_no_cursor() {
        for text in ["", "1", "1 follow", "1 follow x", "2 follow 1", "1 follow 1 x", "1 scan 1 "] {
            assert_eq!(Cursor::parse(text), None, "{text}");
        }
    }
}
