use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// Work that must not go faster than so many posts a second.
pub(crate) struct Rate {
    per_second: u32,
    free_at: Instant,
}

impl Rate {
    pub(crate) fn new(per_second: u32) -> Self {
        Self { per_second: per_second.max(1), free_at: Instant::now() }
    }

    /// So many posts were done: waits until the next may begin. Time that was lost is not made up.
    pub(crate) async fn spend(&mut self, posts: usize) {
        let posts = u32::try_from(posts).unwrap_or(u32::MAX);
        let cost = Duration::from_secs(1).saturating_mul(posts) / self.per_second;
        self.free_at = (self.free_at + cost).max(Instant::now());
        sleep_until(self.free_at).await;
    }
}
