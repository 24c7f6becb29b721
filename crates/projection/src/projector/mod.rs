//! From the log to whole copies of posts: the search index, the rollup.

mod aside;
mod course;
mod flight;
mod lane;
mod metrics;
mod offsets;
mod pace;

use std::sync::Arc;

use kudos_core::Clock;
use kudos_core::ports::{ChangeFeed, Projection, Record, Snapshots};
use kudos_degraded::Deadline;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::settings::ProjectorSettings;
use course::Course;
use metrics::Metrics;
use pace::Pace;

/// Keeps projections up to date with the truth.
///
/// The feed only tells which posts changed; what they are now is read from the truth and put whole.
/// A cold post is put at once, a hot one once in `pace_ms`. What the feed told is committed once
/// every projection holds it: a projector that dies at any moment is told again. A projection that
/// is sick delays the others only when as much is pending as the settings allow.
pub struct Projector {
    feed: Arc<dyn ChangeFeed>,
    truth: Arc<dyn Snapshots>,
    projections: Vec<Arc<dyn Projection>>,
    clock: Arc<dyn Clock>,
    settings: ProjectorSettings,
    metrics: Metrics,
}

impl Projector {
    /// A projector that is idle until [`run`](Self::run).
    pub fn new(
        feed: Arc<dyn ChangeFeed>,
        truth: Arc<dyn Snapshots>,
        projections: Vec<Arc<dyn Projection>>,
        clock: Arc<dyn Clock>,
        settings: ProjectorSettings,
    ) -> Self {
        Self { feed, truth, projections, clock, settings, metrics: Metrics::new() }
    }

    /// Works until `stop`; then puts what it was told of, for at most `stop_ms`, and commits.
    /// Dropping the future at any moment loses nothing.
    pub async fn run(&self, stop: CancellationToken) {
        let mut course = Course::new(self);
        let mut intake = Intake::new(self);
        loop {
            let wake = course.launch();
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                () = course.land() => {}
                records = intake.next(), if course.has_room() => course.arrive(records),
                () = until(wake) => {}
            }
        }
        self.finish(course).await;
    }

    async fn finish(&self, mut course: Course<'_>) {
        course.hurry();
        let deadline = Deadline::after(self.settings.stop_limit());
        let flushed = deadline.run(async {
            loop {
                let wake = course.launch();
                if course.is_done() {
                    return;
                }
                tokio::select! {
                    biased;
                    () = course.land() => {}
                    () = until(wake) => {}
                }
            }
        });
        if flushed.await.is_err() {
            tracing::warn!("stopped before all posts were put: they will be told again");
        }
        let commit = Deadline::after(self.settings.call_limit()).run(course.commit_now());
        if commit.await.is_err() {
            tracing::warn!("stopped without a commit: posts will be told again");
        }
    }
}

async fn until(instant: Option<Instant>) {
    match instant {
        Some(instant) => sleep_until(instant).await,
        None => std::future::pending().await,
    }
}

/// The feed, asked again after pauses while it fails.
struct Intake<'a> {
    projector: &'a Projector,
    failures: u32,
    rests_until: Option<Instant>,
}

impl<'a> Intake<'a> {
    fn new(projector: &'a Projector) -> Self {
        Self { projector, failures: 0, rests_until: None }
    }

    /// The next records, as soon as there are any.
    async fn next(&mut self) -> Vec<Record> {
        let Projector { feed, settings, .. } = self.projector;
        loop {
            if let Some(rest) = self.rests_until {
                sleep_until(rest).await;
            }
            match feed.next(settings.batch).await {
                Ok(records) => {
                    if self.failures > 0 {
                        tracing::info!("the feed answers again");
                    }
                    (self.failures, self.rests_until) = (0, None);
                    return records;
                }
                Err(error) => {
                    if self.failures == 0 {
                        tracing::warn!(%error, "the feed does not answer");
                    }
                    let pause = Pace::of(settings).after_failure(self.failures + 1);
                    self.failures = self.failures.saturating_add(1);
                    self.rests_until = Some(Instant::now() + pause);
                }
            }
        }
    }
}
