//! Ranks of the posts of one hour or day, of which a window is a merge.

use std::time::Duration;

use kudos_core::{Millis, Window};

const HOUR: u64 = 3_600_000;
const DAY: u64 = 24 * HOUR;
/// How much longer than the longest window a bucket is kept: the time that a page walk may take,
/// and by which clocks may differ.
const MARGIN: u64 = HOUR;
/// More hours than this of a day are read from the day's bucket, passing over what is too old.
const MOST_HOURS: u64 = 12;
/// Days from tomorrow on that a window looks into, for clocks that are fast.
const DAYS_AHEAD: u64 = 2;

/// The posts that were created within one hour or day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Bucket {
    /// An hour, counted from the epoch.
    Hour(u64),
    /// A day, counted from the epoch.
    Day(u64),
}

impl Bucket {
    /// The two buckets that a post belongs to.
    pub(crate) fn of(created_at: Millis) -> [Self; 2] {
        [Self::Hour(created_at.0 / HOUR), Self::Day(created_at.0 / DAY)]
    }

    /// Every bucket that is kept, but for those of posts from further ahead than a window looks.
    pub(crate) fn kept(now: Millis) -> impl Iterator<Item = Self> {
        let oldest = now.minus(Window::LONGEST + Duration::from_millis(MARGIN)).0;
        let newest = now.0.saturating_add(DAYS_AHEAD * DAY);
        let hours = (oldest / HOUR..=newest / HOUR).map(Self::Hour);
        let days = (oldest / DAY..=newest / DAY).map(Self::Day);
        hours.chain(days).filter(move |bucket| bucket.time_left(now).is_some())
    }

    /// How long it has still to be kept; none if no window reaches it any more.
    pub(crate) fn time_left(self, now: Millis) -> Option<Duration> {
        let end = match self {
            Self::Hour(hour) => hour.saturating_add(1).saturating_mul(HOUR),
            Self::Day(day) => day.saturating_add(1).saturating_mul(DAY),
        };
        let kept_until = Millis(end).plus(Window::LONGEST).0.saturating_add(MARGIN);
        let left = kept_until.checked_sub(now.0).filter(|&left| left > 0)?;
        Some(Duration::from_millis(left))
    }
}

/// The buckets that together hold every post created at `since` or later (and maybe some from
/// before); none if so old ones are not kept. Posts dated further ahead of `now` than clocks may
/// differ are in no window yet.
pub(crate) fn cover(since: Millis, now: Millis) -> Option<Vec<Bucket>> {
    let oldest = now.minus(Window::LONGEST + Duration::from_millis(MARGIN / 2));
    if since < oldest {
        return None;
    }
    let first_day = since.0 / DAY;
    let last_day = (now.0 / DAY + DAYS_AHEAD).max(first_day);
    let hours = since.0 / HOUR..(first_day + 1).saturating_mul(DAY / HOUR);
    let days = first_day + 1..=last_day.min(first_day + 32);
    let first: Vec<_> = if hours.end - hours.start > MOST_HOURS {
        vec![Bucket::Day(first_day)]
    } else {
        hours.map(Bucket::Hour).collect()
    };
    Some(first.into_iter().chain(days.map(Bucket::Day)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: Millis = Millis(1_750_000_000_000);

    #[test]
    fn the_last_hour_is_a_few_buckets() {
        let cover = cover(Window::Hour.since(NOW).unwrap(), NOW).unwrap();
        assert!(cover.len() <= 16, "{cover:?}");
        assert!(matches!(cover[0], Bucket::Hour(_)));
    }

    #[test]
    fn what_no_window_reaches_is_not_kept() {
        let old = NOW.minus(Window::LONGEST + Duration::from_secs(3 * 24 * 3600));
        assert_eq!(Bucket::of(old).map(|bucket| bucket.time_left(NOW)), [None, None]);
        assert_eq!(cover(old, NOW), None);
        let [hour, day] = Bucket::of(NOW).map(|bucket| bucket.time_left(NOW).unwrap());
        assert!(Window::LONGEST < hour && hour <= day);
    }

    #[test]
    fn what_is_kept_is_every_bucket_that_a_window_may_read() {
        let kept: Vec<_> = Bucket::kept(NOW).collect();
        for window in [Window::Hour, Window::Day, Window::Week] {
            let cover = cover(window.since(NOW).unwrap(), NOW).unwrap();
            assert!(cover.iter().all(|bucket| kept.contains(bucket)), "{window:?}: {cover:?}");
        }
        assert!(kept.len() < 256, "{}", kept.len());
        assert!(kept.iter().all(|bucket| bucket.time_left(NOW).is_some()));
    }

    proptest! {
        #[test]
        fn every_post_of_a_window_is_in_exactly_one_bucket_that_is_kept(
            ago in 0..7 * DAY, later in 0..8 * DAY
        ) {
            let since = Millis(NOW.0 - ago);
            let cover = cover(since, NOW).unwrap();
            prop_assert!(cover.len() <= 24);
            let created_at = Millis(since.0 + later);
            prop_assume!(created_at.0 < NOW.0 + DAY);
            let holding: Vec<_> =
                Bucket::of(created_at).into_iter().filter(|b| cover.contains(b)).collect();
            prop_assert_eq!(holding.len(), 1);
            prop_assert!(holding[0].time_left(NOW).is_some());
        }
    }
}
