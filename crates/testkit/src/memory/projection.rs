use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use kudos_core::ports::{Projection, Put};
use kudos_core::{PortError, PostId, Snapshot};
use parking_lot::Mutex;

/// A projection in memory: keeps of each post the newest snapshot, and what a test wants to know.
#[derive(Debug)]
pub struct MemoryProjection {
    name: &'static str,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    snapshots: BTreeMap<PostId, Snapshot>,
    puts: BTreeMap<PostId, usize>,
    refused: BTreeSet<PostId>,
    busy: usize,
}

impl Held {
    fn put(&mut self, snapshot: &Snapshot) -> Put {
        let post = &snapshot.post.id;
        *self.puts.entry(post.clone()).or_default() += 1;
        if self.refused.contains(post) {
            return Put::Refused("the post does not fit the mapping".into());
        }
        if self.busy > 0 {
            self.busy -= 1;
            return Put::Retry(PortError::Unavailable("too many requests".into()));
        }
        let held = self.snapshots.get(post);
        if held.is_none_or(|held| held.version() < snapshot.version()) {
            self.snapshots.insert(post.clone(), snapshot.clone());
        }
        Put::Held
    }
}

impl MemoryProjection {
    /// An empty projection of that name.
    pub fn new(name: &'static str) -> Self {
        Self { name, held: Mutex::default() }
    }

    /// What is held of a post, hidden or not.
    pub fn held(&self, post: &PostId) -> Option<Snapshot> {
        self.held.lock().snapshots.get(post).cloned()
    }

    /// How often a post was put, or tried to.
    pub fn puts(&self, post: &PostId) -> usize {
        self.held.lock().puts.get(post).copied().unwrap_or(0)
    }

    /// Refuses a post for ever.
    pub fn refuse(&self, post: &PostId) {
        self.held.lock().refused.insert(post.clone());
    }

    /// The next snapshots have to be sent again: so many of them.
    pub fn busy_for(&self, snapshots: usize) {
        self.held.lock().busy = snapshots;
    }
}

#[async_trait]
impl Projection for MemoryProjection {
    fn name(&self) -> &'static str {
        self.name
    }

    async fn put(&self, snapshots: &[Snapshot]) -> Result<Vec<Put>, PortError> {
        let mut held = self.held.lock();
        Ok(snapshots.iter().map(|snapshot| held.put(snapshot)).collect())
    }
}
