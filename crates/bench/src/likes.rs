//! The likes that all measurements send: reproducible, each of another user, spread as asked.

use std::ops::Range;

use kudos_core::{Kind, Millis, OpId, Operation, PostId, UserId};

/// Users, each of whom likes once before any likes again.
pub(crate) const USERS: u64 = 10_000_000;
/// Coprime to [`USERS`], so that users come in an order far from that of their keys.
const STRIDE: u64 = 6_180_339;

/// A stream of likes over some posts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Likes {
    /// The number of the first post.
    first: u64,
    /// How many posts share them, in no order.
    pub(crate) posts: u64,
}

impl Likes {
    /// Likes over the posts 0 to `posts`.
    pub(crate) const fn over(posts: u64) -> Self {
        Self { first: 0, posts }
    }

    /// Likes on nothing but the post of this number.
    pub(crate) const fn on(post: u64) -> Self {
        Self { first: post, posts: 1 }
    }

    /// Likes over that many posts from number `first` on.
    #[cfg(feature = "stack")]
    pub(crate) const fn between(first: u64, posts: u64) -> Self {
        Self { first, posts }
    }

    /// The numbers of the posts.
    pub(crate) fn numbers(self) -> Range<u64> {
        self.first..self.first + self.posts
    }

    /// The number of the post that takes like `number`.
    pub(crate) fn post(self, number: u64) -> u64 {
        // The finalizer of SplitMix64: neighbours land far apart.
        let mut mixed = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        self.first + (mixed ^ (mixed >> 31)) % self.posts
    }

    /// Like `number` as an operation, made at `at`.
    pub(crate) fn operation(self, number: u64, at: Millis) -> Operation {
        let mut id = [0; 16];
        id[..8].copy_from_slice(&number.to_le_bytes());
        id[8..].copy_from_slice(&number.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_le_bytes());
        let post = post_id(self.post(number));
        Operation {
            id: OpId(id),
            issued_at: None,
            post,
            user: user_id(number),
            want: Some(Kind(0)),
            at,
        }
    }
}

/// The text of a post's id, always 9 bytes.
pub(crate) fn post_name(post: u64) -> String {
    format!("p{post:08}")
}

/// The text of the id of the user who sends like `number`, always 9 bytes.
pub(crate) fn user_name(number: u64) -> String {
    format!("u{:08}", number.wrapping_mul(STRIDE) % USERS)
}

/// The id of a post.
pub(crate) fn post_id(post: u64) -> PostId {
    PostId::new(&post_name(post)).expect("a letter and digits are an id")
}

fn user_id(number: u64) -> UserId {
    UserId::new(&user_name(number)).expect("a letter and digits are an id")
}
