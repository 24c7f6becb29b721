//! Names that no other test uses, so that suites can share a server.

use kudos_core::{Kind, Millis, Operation, Post, PostId, UserId};
use uuid::Uuid;

/// When tests take place.
pub const NOW: Millis = Millis(1_750_000_000_000);
/// The first kind of a deployment.
pub const LIKE: Kind = Kind(0);
/// The second kind of a deployment.
pub const LOVE: Kind = Kind(1);

/// A namespace of posts and users. Within one, ids sort as their names do.
#[derive(Debug, Clone)]
pub struct Scope(String);

impl Default for Scope {
    fn default() -> Self {
        Self::new()
    }
}

impl Scope {
    /// A namespace that nobody has used.
    pub fn new() -> Self {
        Self(format!("t{}", Uuid::new_v4().simple()))
    }

    /// The post of that name.
    pub fn post(&self, name: impl std::fmt::Display) -> PostId {
        PostId::new(&format!("{self}-{name}")).expect("tests name posts by valid ids")
    }

    /// The user of that name.
    pub fn user(&self, name: impl std::fmt::Display) -> UserId {
        UserId::new(&format!("{self}-{name}")).expect("tests name users by valid ids")
    }

    /// A post with a text, created at [`NOW`] plus `at` milliseconds.
    pub fn written(&self, name: impl std::fmt::Display, title: &str, at: u64) -> Post {
        Post {
            id: self.post(name),
            title: title.to_owned(),
            body: format!("{self} {title}"),
            author: "ann".to_owned(),
            created_at: Millis(NOW.0 + at),
        }
    }

    /// The request of user `user` to hold `want` on post `post`, under an idempotency key.
    pub fn op(&self, key: &str, post: &str, user: &str, want: Option<Kind>) -> Operation {
        Operation::keyed(key, self.post(post), self.user(user), want, NOW)
    }

    /// Whether a post is of this namespace.
    pub fn owns(&self, post: &PostId) -> bool {
        post.as_str().starts_with(&self.0)
    }
}

impl std::fmt::Display for Scope {
    /// The prefix of all names: one word of letters and digits.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}
