//! The names of keys and members.

use kudos_core::PostId;

use crate::settings::RedisSettings;
use crate::slot::{crc16, slot_of};
use crate::windows::Bucket;

/// Says that a sorted set lacks nothing. No post: those begin with [`POST`].
pub(crate) const COMPLETE: &str = "!complete";
/// Begins the member by which a loader knows that its sorted set was not emptied meanwhile.
pub(crate) const LOADING: &str = "!loading:";
const POST: &str = "post:";
/// Ends the name of a hash.
const HASH: &str = ":reactions";

/// A key and its slot.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Key {
    pub(crate) name: String,
    pub(crate) slot: u16,
}

impl From<String> for Key {
    fn from(name: String) -> Self {
        Self { slot: slot_of(&name), name }
    }
}

/// Makes the names of a deployment.
///
/// | key | slot |
/// |---|---|
/// | `post:<id>:reactions` | of the whole name |
/// | `posts:by_reactions`, `{posts:by_reactions}:h:<hour>`, `…:d:<day>` | all the same |
/// | `posts:by_time` | of the whole name |
/// | `posts:mark:{<number>}` | of the number |
/// | with several shards: `posts:by_reactions:{3}`, `…:{3}:h:<hour>`, `posts:by_time:{3}` | `3` |
#[derive(Debug, Clone)]
pub(crate) struct Keys {
    prefix: String,
    shards: u32,
}

impl Keys {
    pub(crate) fn new(settings: &RedisSettings) -> Self {
        Self { prefix: settings.prefix.clone(), shards: settings.shards }
    }

    pub(crate) fn shards(&self) -> u32 {
        self.shards
    }

    pub(crate) fn all_shards(&self) -> std::ops::Range<u32> {
        0..self.shards
    }

    /// The hash of a post.
    pub(crate) fn hash(&self, post: &PostId) -> Key {
        format!("{}{POST}{post}{HASH}", self.prefix).into()
    }

    /// A pattern that every hash matches.
    pub(crate) fn all_hashes(&self) -> String {
        let mut pattern = String::new();
        for character in self.prefix.chars() {
            if matches!(character, '*' | '?' | '[' | ']' | '^' | '-' | '\\') {
                pattern.push('\\');
            }
            pattern.push(character);
        }
        pattern + POST + "*" + HASH
    }

    /// The post whose hash has this name.
    pub(crate) fn post_of_hash(&self, name: &str) -> Option<PostId> {
        let id = name.strip_prefix(&self.prefix)?.strip_prefix(POST)?.strip_suffix(HASH)?;
        PostId::new(id).ok()
    }

    /// The shard of the ranks that lists a post.
    pub(crate) fn shard(&self, post: &PostId) -> u32 {
        u32::from(crc16(post.as_str())) % self.shards
    }

    /// A shard's posts by their reactions.
    pub(crate) fn popular(&self, shard: u32) -> Key {
        self.order("posts:by_reactions", shard)
    }

    /// A shard's posts by time.
    pub(crate) fn times(&self, shard: u32) -> Key {
        self.order("posts:by_time", shard)
    }

    /// The part of [`popular`](Self::popular) that was created within an hour or day.
    pub(crate) fn window(&self, shard: u32, bucket: Bucket) -> Key {
        let base = self.popular(shard);
        let base = if self.shards == 1 { format!("{{{}}}", base.name) } else { base.name };
        match bucket {
            Bucket::Hour(hour) => format!("{base}:h:{hour}"),
            Bucket::Day(day) => format!("{base}:d:{day}"),
        }
        .into()
    }

    /// A mark of the slot that the number has as a hash tag.
    pub(crate) fn mark(&self, tag: u32) -> Key {
        format!("{}posts:mark:{{{tag}}}", self.prefix).into()
    }

    fn order(&self, name: &str, shard: u32) -> Key {
        match self.shards {
            1 => format!("{}{name}", self.prefix),
            _ => format!("{}{name}:{{{shard}}}", self.prefix),
        }
        .into()
    }
}

/// How an order names a post.
pub(crate) fn member(post: &PostId) -> String {
    format!("{POST}{post}")
}

/// The post that a member names.
pub(crate) fn post_of(member: &str) -> Option<PostId> {
    member.strip_prefix(POST).and_then(|id| PostId::new(id).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(shards: u32) -> Keys {
        Keys::new(&RedisSettings { shards, ..RedisSettings::default() })
    }

    #[test]
    fn keys_have_the_names_that_operators_know() {
        let post = PostId::new("123").unwrap();
        let keys = keys(1);
        assert_eq!(keys.hash(&post), Key { name: "post:123:reactions".into(), slot: 10781 });
        assert_eq!(keys.popular(0), Key { name: "posts:by_reactions".into(), slot: 12488 });
        assert_eq!(keys.times(0), Key { name: "posts:by_time".into(), slot: 939 });
        assert_eq!(post_of(&member(&post)), Some(post));
        assert_eq!(post_of(COMPLETE), None);
    }

    #[test]
    fn a_post_is_known_by_the_name_of_its_hash_under_the_prefix_alone() {
        let prefix = "a*b:".to_owned();
        let keys = Keys::new(&RedisSettings { prefix, ..RedisSettings::default() });
        let post = PostId::new("x:reactions").unwrap();
        assert_eq!(keys.post_of_hash(&keys.hash(&post).name), Some(post));
        assert_eq!(keys.post_of_hash("post:1:reactions"), None);
        assert_eq!(keys.all_hashes(), "a\\*b:post:*:reactions");
    }

    #[test]
    fn windows_share_the_slot_of_their_order() {
        let bucket = Bucket::Hour(486_111);
        let one = keys(1);
        assert_eq!(one.window(0, bucket).name, "{posts:by_reactions}:h:486111");
        assert_eq!(one.window(0, bucket).slot, one.popular(0).slot);
        let eight = keys(8);
        assert_eq!(eight.window(3, bucket).name, "posts:by_reactions:{3}:h:486111");
        let slots = [eight.window(3, bucket), eight.popular(3), eight.times(3)].map(|k| k.slot);
        assert_eq!(slots, [slot_of("3"); 3]);
    }
}
