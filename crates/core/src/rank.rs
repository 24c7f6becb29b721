//! The popular order: more reactions first, of equals the newer post first, then the lower id.

use std::cmp::{Ordering, Reverse};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::id::PostId;
use crate::time::Millis;

/// A post in the popular order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RankEntry {
    /// The post.
    pub post: PostId,
    /// Its reactions of all kinds.
    pub total: u64,
    /// When it was written.
    pub created_at: Millis,
}

impl Ord for RankEntry {
    /// The better-placed entry is the lesser one, so that a sort lists the popular first.
    fn cmp(&self, other: &Self) -> Ordering {
        let key = |e: &Self| (Reverse(e.total), Reverse(e.created_at));
        key(self).cmp(&key(other)).then_with(|| self.post.cmp(&other.post))
    }
}

impl PartialOrd for RankEntry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// A post's place in time order: newer first, then the lower id. It never changes while counts
/// do, so a page walk can continue behind it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimeKey {
    /// When the post was written.
    pub created_at: Millis,
    /// The post.
    pub post: PostId,
}

impl Ord for TimeKey {
    /// The newer post is the lesser key, so that a sort lists the newest first.
    fn cmp(&self, other: &Self) -> Ordering {
        let newer_first = Reverse(self.created_at).cmp(&Reverse(other.created_at));
        newer_first.then_with(|| self.post.cmp(&other.post))
    }
}

impl PartialOrd for TimeKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Which posts a ranking considers: those written within a span before now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Window {
    /// Every post.
    #[default]
    #[serde(rename = "all")]
    All,
    /// The last seven days.
    #[serde(rename = "7d")]
    Week,
    /// The last 24 hours.
    #[serde(rename = "24h")]
    Day,
    /// The last hour.
    #[serde(rename = "1h")]
    Hour,
}

impl Window {
    /// The longest span that is not [`Window::All`].
    pub const LONGEST: Duration = Duration::from_secs(7 * 24 * 3600);

    /// The oldest creation time that the window holds at `now`; none for all posts.
    pub fn since(self, now: Millis) -> Option<Millis> {
        let hours = match self {
            Self::All => return None,
            Self::Week => 7 * 24,
            Self::Day => 24,
            Self::Hour => 1,
        };
        Some(now.minus(Duration::from_secs(hours * 3600)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(post: &str, total: u64, created_at: u64) -> RankEntry {
        RankEntry { post: PostId::new(post).unwrap(), total, created_at: Millis(created_at) }
    }

    #[test]
    fn ties_go_to_the_newer_post_then_to_the_lower_id() {
        let mut ranks =
            [entry("old", 5, 1), entry("b", 5, 2), entry("top", 9, 0), entry("a", 5, 2)];
        ranks.sort();
        assert_eq!(ranks.map(|e| e.post.to_string()), ["top", "a", "b", "old"]);
    }

    #[test]
    fn a_window_reaches_back_from_now_and_no_further_than_the_epoch() {
        assert_eq!(Window::Hour.since(Millis(3_600_001)), Some(Millis(1)));
        assert_eq!(Window::Week.since(Millis(5)), Some(Millis(0)));
        assert_eq!(Window::All.since(Millis(5)), None);
    }
}
