//! What a post's hash holds, and how a state is written into it. The fields are explained in
//! `migrations/redis/kudos.lua`.

use kudos_core::{Counts, Kinds, Millis, PostId, PostState, Version};
use redis::Value;

/// A post as its hash has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) state: PostState,
    pub(crate) hidden: bool,
    /// Earlier creation times, whose windows may still list the post, each followed by a comma.
    pub(crate) moved_from: String,
}

impl Held {
    /// What a place in the orders follows from.
    pub(crate) fn place(&self) -> (Version, Millis, bool) {
        (self.state.version, self.state.created_at, self.hidden)
    }

    /// Earlier creation times.
    pub(crate) fn earlier(&self) -> impl Iterator<Item = Millis> {
        self.moved_from.split(',').filter_map(|at| at.parse().ok()).map(Millis)
    }

    /// Reads the answer of HGETALL. None if the hash does not exist or lacks what every hash has:
    /// then it is loaded from the truth as if it did not exist.
    pub(crate) fn read(post: &PostId, kinds: &Kinds, reply: &Value) -> Option<Self> {
        let Value::Array(pairs) = reply else { return None };
        let (mut version, mut created_at, mut as_of) = (None, None, None);
        let (mut counts, mut hidden, mut moved_from) = (Counts::new(), false, String::new());
        for pair in pairs.chunks_exact(2) {
            let (field, value) = (text(&pair[0])?, text(&pair[1])?);
            match field {
                "V" => version = value.parse().ok(),
                "C" => created_at = value.parse().ok(),
                "A" => as_of = value.parse().ok(),
                "H" => hidden = true,
                "P" => value.clone_into(&mut moved_from),
                name => {
                    if let (Some(kind), Ok(count)) = (kinds.find(name), value.parse()) {
                        counts.set(kind, count);
                    }
                }
            }
        }
        let state = PostState {
            post: post.clone(),
            created_at: Millis(created_at?),
            version: Version(version?),
            counts,
            as_of: Millis(as_of?),
        };
        Some(Self { state, hidden, moved_from })
    }
}

fn text(value: &Value) -> Option<&str> {
    match value {
        Value::BulkString(bytes) => std::str::from_utf8(bytes).ok(),
        Value::SimpleString(text) => Some(text),
        _ => None,
    }
}

/// The arguments of `kudos_merge`: kinds that nobody holds have no field.
pub(crate) fn merge_args(state: &PostState, kinds: &Kinds) -> Vec<String> {
    let head = [state.version.0, state.created_at.0, state.as_of.0];
    let held = kinds.all().filter(|&kind| state.counts.get(kind) > 0);
    let counts =
        held.flat_map(|kind| [kinds.name(kind).to_owned(), state.counts.get(kind).to_string()]);
    head.iter().map(u64::to_string).chain(counts).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(fields: &[(&str, &str)]) -> Value {
        let bulk = |text: &str| Value::BulkString(text.as_bytes().to_vec());
        Value::Array(fields.iter().flat_map(|(field, value)| [bulk(field), bulk(value)]).collect())
    }

    fn read(fields: &[(&str, &str)]) -> Option<Held> {
        Held::read(&PostId::new("p").unwrap(), &Kinds::default(), &reply(fields))
    }

    #[test]
    fn a_hash_is_read_as_it_was_written() {
        let fields = [("V", "7"), ("C", "5"), ("A", "9"), ("love", "2"), ("H", "1"), ("P", "3,4,")];
        let held = read(&fields).unwrap();
        assert_eq!(held.place(), (Version(7), Millis(5), true));
        assert_eq!(held.state.counts.as_slice(), [0, 2]);
        assert_eq!(held.earlier().collect::<Vec<_>>(), [Millis(3), Millis(4)]);
        let args = merge_args(&held.state, &Kinds::default());
        assert_eq!(args, ["7", "5", "9", "love", "2"]);
    }

    #[test]
    fn a_missing_or_damaged_hash_holds_nothing() {
        assert_eq!(read(&[]), None);
        assert_eq!(read(&[("like", "5")]), None);
        assert_eq!(read(&[("V", "x"), ("C", "1"), ("A", "1")]), None);
    }

    #[test]
    fn a_kind_that_the_deployment_does_not_have_is_left_out() {
        let held = read(&[("V", "1"), ("C", "1"), ("A", "1"), ("meh", "4")]).unwrap();
        assert_eq!(held.state.counts.total(), 0);
    }
}
