use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use kudos_core::Millis;
use opentelemetry::metrics::{Counter, Gauge};

/// What the loader counts.
pub(super) struct Metrics {
    lost: Gauge<u64>,
    told: Counter<u64>,
    last_at: Gauge<f64>,
    last_posts: Gauge<u64>,
}

impl Metrics {
    pub(super) fn new() -> Self {
        let meter = opentelemetry::global::meter("kudos");
        let lost = meter
            .u64_gauge("kudos_lost_parts")
            .with_description("Parts of the live counts that lost writes and lack some of them");
        let told = meter
            .u64_counter("kudos_told_again_posts")
            .with_description("Posts that the live counts were told again after a loss");
        let last_at = meter
            .f64_gauge("kudos_last_rebuild_timestamp")
            .with_description("When a loss of the live counts was last made up for")
            .with_unit("s");
        let last_posts = meter
            .u64_gauge("kudos_last_rebuild_posts")
            .with_description("Posts that were told again when a loss was last made up for");
        Self {
            lost: lost.build(),
            told: told.build(),
            last_at: last_at.build(),
            last_posts: last_posts.build(),
        }
    }

    pub(super) fn lost(&self, parts: usize) {
        self.lost.record(parts as u64, &[]);
    }

    pub(super) fn told(&self, posts: usize) {
        self.told.add(posts as u64, &[]);
    }

    pub(super) fn rebuilt(&self, Rebuild { posts, at }: Rebuild) {
        self.last_posts.record(posts, &[]);
        self.last_at.record(Duration::from_millis(at.0).as_secs_f64(), &[]);
    }
}

/// A loss that was made up for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rebuild {
    /// How many posts were told again.
    pub posts: u64,
    /// When the last of them was.
    pub at: Millis,
}

/// How many posts one loss took to make up for: several are made up for side by side.
#[derive(Default)]
pub(super) struct Told(AtomicU64);

impl Told {
    pub(super) fn add(&self, posts: usize) {
        self.0.fetch_add(posts as u64, Ordering::Relaxed);
    }

    pub(super) fn posts(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Who has lost the lease knows of no losses: a figure that stood would say that they last.
pub(super) struct Looking<'a>(pub(super) &'a Metrics);

impl Drop for Looking<'_> {
    fn drop(&mut self) {
        self.0.lost(0);
    }
}

#[cfg(test)]
mod tests {
    use kudos_runtime::settings::{LogSettings, TelemetrySettings};
    use kudos_runtime::telemetry::Telemetry;

    use super::*;

    #[test]
    fn the_figures_say_what_was_told_again_in_all_and_last_and_when() {
        let log = LogSettings { level: "off".to_owned(), ..LogSettings::default() };
        let telemetry = Telemetry::start("loader", &log, &TelemetrySettings::default()).unwrap();
        let metrics = Metrics::new();
        metrics.told(5);
        metrics.told(33);
        metrics.rebuilt(Rebuild { posts: 33, at: Millis(1_750_000_000_500) });
        let looking = Looking(&metrics);
        metrics.lost(4);
        let shown = |name: &str| {
            let text = telemetry.metrics().render().unwrap();
            let line = text.lines().find_map(|line| line.strip_prefix(name));
            line.map(|value| value.trim().parse::<f64>().unwrap())
        };
        assert_eq!(shown("kudos_told_again_posts_total "), Some(38.0));
        assert_eq!(shown("kudos_last_rebuild_posts "), Some(33.0));
        assert_eq!(shown("kudos_last_rebuild_timestamp_seconds "), Some(1_750_000_000.5));
        assert_eq!(shown("kudos_lost_parts "), Some(4.0));
        drop(looking);
        assert_eq!(shown("kudos_lost_parts "), Some(0.0), "another projector looks now");
    }
}
