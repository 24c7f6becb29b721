use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// Work that must not go faster than so many posts a second, nor take more than its share of time.
pub(crate) struct Rate {
    per_second: u32,
    rest: u32,
    free_at: Instant,
}

impl Rate {
    pub(crate) fn new(per_second: u32) -> Self {
        Self { per_second: per_second.max(1), rest: 0, free_at: Instant::now() }
    }

    /// Waits after each piece of work for `rest` times as long as it took: where others keep the
    /// engines busy, work takes longer, and is done less often.
    pub(crate) fn resting(self, rest: u32) -> Self {
        Self { rest, ..self }
    }

    /// So many posts were done in a time: waits until the next may begin. Time that was lost is not
    /// made up.
    pub(crate) async fn spend(&mut self, posts: usize, took: Duration) {
        let posts = u32::try_from(posts).unwrap_or(u32::MAX);
        let cost = Duration::from_secs(1).saturating_mul(posts) / self.per_second;
        let rested = Instant::now() + took.saturating_mul(self.rest);
        self.free_at = (self.free_at + cost).max(rested);
        sleep_until(self.free_at).await;
    }
}
