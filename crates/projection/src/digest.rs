//! What a part of the log comes to.

use std::collections::{BTreeMap, BTreeSet};

use kudos_core::{Change, PostId};

/// Of each post in a part of the log what has to be told: one thing, however often it changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Digest {
    /// The newest change of each post, whose state is absolute.
    pub changes: Vec<Change>,
    /// Posts that were stored or hidden: only the truth knows how they are now.
    pub restated: Vec<PostId>,
}

impl Digest {
    /// That of these changes, in any order.
    pub fn of(changes: impl IntoIterator<Item = Change>) -> Self {
        let (mut newest, mut restated) = (BTreeMap::<PostId, Change>::new(), BTreeSet::new());
        for change in changes {
            let post = &change.state.post;
            if change.users.is_empty() {
                restated.insert(post.clone());
            } else if newest.get(post).is_none_or(|held| change.state.replaces(held.state.version))
            {
                newest.insert(post.clone(), change);
            }
        }
        newest.retain(|post, _| !restated.contains(post));
        Self { changes: newest.into_values().collect(), restated: restated.into_iter().collect() }
    }
}
