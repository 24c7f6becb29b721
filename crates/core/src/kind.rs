//! The configured set of reaction kinds.

use serde::{Deserialize, Serialize};

/// The most kinds that a deployment can have.
pub const MAX_KINDS: usize = 32;
/// The longest name of a kind, in bytes.
pub const MAX_KIND_BYTES: usize = 32;
/// The kinds of a deployment that configures none.
pub const DEFAULT_KINDS: [&str; 6] = ["like", "love", "haha", "wow", "sad", "angry"];

/// A reaction kind, as its place in the deployment's [`Kinds`].
///
/// Stored data carries the place and not the name, so a deployment may append kinds and must
/// never reorder them; backends record the set and refuse to start on another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Kind(pub u8);

impl Kind {
    /// The place of the kind in the configured set.
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// Why a list of names is not a set of kinds.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KindsError {
    /// No kind, or more than [`MAX_KINDS`].
    #[error("a deployment has 1 to {MAX_KINDS} kinds, not {0}")]
    Number(usize),
    /// A name that is empty, too long, or has other characters than a-z, 0-9, `_` and `-`.
    #[error("the kind {0:?} must have 1 to {MAX_KIND_BYTES} of a-z, 0-9, '_', '-'")]
    Name(String),
    /// A name given twice.
    #[error("the kind {0:?} is listed twice")]
    Twice(String),
}

/// The ordered set of kinds of a deployment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<String>", into = "Vec<String>")]
pub struct Kinds(Vec<String>);

impl Kinds {
    /// Checks the names and keeps their order.
    pub fn new<S: Into<String>>(names: impl IntoIterator<Item = S>) -> Result<Self, KindsError> {
        let names: Vec<String> = names.into_iter().map(Into::into).collect();
        if names.is_empty() || names.len() > MAX_KINDS {
            return Err(KindsError::Number(names.len()));
        }
        let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_-".contains(&b);
        for (i, name) in names.iter().enumerate() {
            if !(1..=MAX_KIND_BYTES).contains(&name.len()) || !name.bytes().all(allowed) {
                return Err(KindsError::Name(name.clone()));
            }
            if names[..i].contains(name) {
                return Err(KindsError::Twice(name.clone()));
            }
        }
        Ok(Self(names))
    }

    /// The kind of that name, if the deployment has it.
    pub fn find(&self, name: &str) -> Option<Kind> {
        let place = self.0.iter().position(|known| known == name)?;
        u8::try_from(place).ok().map(Kind)
    }

    /// The name of a kind; empty for a kind of another set.
    pub fn name(&self, kind: Kind) -> &str {
        self.0.get(kind.index()).map_or("", String::as_str)
    }

    /// All names, in their order.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// All kinds, in their order.
    pub fn all(&self) -> impl Iterator<Item = Kind> {
        (0..).take(self.0.len()).map(Kind)
    }

    /// How many kinds there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Never true: a set has at least one kind.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether data written under `older` can be read under this set: same order, kinds appended.
    pub fn extends(&self, older: &Kinds) -> bool {
        self.0.starts_with(&older.0)
    }
}

impl Default for Kinds {
    fn default() -> Self {
        Self(DEFAULT_KINDS.map(String::from).to_vec())
    }
}

impl TryFrom<Vec<String>> for Kinds {
    type Error = KindsError;
    fn try_from(names: Vec<String>) -> Result<Self, KindsError> {
        Self::new(names)
    }
}

impl From<Kinds> for Vec<String> {
    fn from(kinds: Kinds) -> Self {
        kinds.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_found_by_name_and_named_by_place() {
        let kinds = Kinds::default();
        let love = kinds.find("love").unwrap();
        assert_eq!((love, kinds.name(love)), (Kind(1), "love"));
        assert_eq!(kinds.find("Love"), None);
        assert_eq!(kinds.all().count(), 6);
    }

    #[test]
    fn a_bad_set_is_refused_by_name() {
        assert_eq!(Kinds::new(Vec::<String>::new()), Err(KindsError::Number(0)));
        assert_eq!(Kinds::new(["up", "up"]), Err(KindsError::Twice("up".into())));
        assert_eq!(Kinds::new(["Up"]), Err(KindsError::Name("Up".into())));
    }

    #[test]
    fn a_set_may_grow_at_its_end_only() {
        let old = Kinds::new(["up", "down"]).unwrap();
        assert!(Kinds::new(["up", "down", "meh"]).unwrap().extends(&old));
        assert!(!Kinds::new(["down", "up"]).unwrap().extends(&old));
    }
}
