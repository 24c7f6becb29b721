//! Whether the service lives, is ready, and works in full: three different questions.
//!
//! *Live* means that the process answers at all; a restart would help if not. *Ready* means that
//! requests should be sent here. *Degraded* means ready, with some answers older or poorer than
//! they should be. A dependency that the service can do without reports [`Status::Degraded`], never
//! [`Status::Down`]: only the source of truth may take a service out of rotation.

mod routes;

use std::{future::Future, sync::Arc, time::Duration};

use futures::future::{BoxFuture, join_all};
use parking_lot::RwLock;
use serde::Serialize;
use tokio::{sync::Mutex, time::Instant};

use crate::shutdown::Shutdown;

pub use routes::routes;

/// How long a check's result is given out again, so that probes cannot hammer a dependency.
pub const CACHE_FOR: Duration = Duration::from_secs(1);

/// What one check found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum Status {
    /// All is well.
    Up,
    /// The service answers without this, but not as well.
    Degraded {
        /// What is wrong, for an operator.
        why: String,
    },
    /// The service cannot do its work.
    Down {
        /// What is wrong, for an operator.
        why: String,
    },
}

/// All checks together: the worst of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Readiness {
    /// Every check is up.
    Ready,
    /// Some check is degraded and none is down.
    Degraded,
    /// Some check is down, or the service is stopping.
    NotReady,
}

/// The readiness and what every check said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The worst of the checks.
    pub readiness: Readiness,
    /// Whether the service is on its way out.
    pub stopping: bool,
    /// Every check, in the order of registration.
    pub checks: Vec<CheckReport>,
}

/// One check's result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CheckReport {
    /// The name that it was registered under.
    pub name: String,
    /// What it found.
    #[serde(flatten)]
    pub status: Status,
}

/// The readiness checks of a service. Clones share one registry.
#[derive(Clone)]
pub struct Health {
    shutdown: Shutdown,
    checks: Arc<RwLock<Vec<Arc<Check>>>>,
}

struct Check {
    name: String,
    limit: Duration,
    run: Box<dyn Fn() -> BoxFuture<'static, Status> + Send + Sync>,
    /// Held while the check runs: probes that come meanwhile wait for its result.
    last: Mutex<Option<(Instant, Status)>>,
}

impl Health {
    /// An empty registry, which is ready until `shutdown` begins.
    pub fn new(shutdown: Shutdown) -> Self {
        let checks = Arc::default();
        Self { shutdown, checks }
    }

    /// Adds a check. One that takes longer than `limit` counts as down. It is run for a probe only,
    /// at most once per [`CACHE_FOR`], and may be dropped half-way.
    pub fn register<F, Fut>(&self, name: impl Into<String>, limit: Duration, check: F)
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Status> + Send + 'static,
    {
        self.checks.write().push(Arc::new(Check {
            name: name.into(),
            limit,
            run: Box::new(move || Box::pin(check())),
            last: Mutex::new(None),
        }));
    }

    /// Runs all checks at the same time, or takes their cached results.
    pub async fn report(&self) -> Report {
        let checks = self.checks.read().clone();
        let checks = join_all(checks.iter().map(|check| check.report())).await;
        let stopping = self.shutdown.is_cancelled();
        let worst = checks.iter().map(|check| check.status.readiness()).max();
        let readiness = match worst {
            _ if stopping => Readiness::NotReady,
            Some(worst) => worst,
            None => Readiness::Ready,
        };
        Report { readiness, stopping, checks }
    }
}

impl Status {
    fn readiness(&self) -> Readiness {
        match self {
            Self::Up => Readiness::Ready,
            Self::Degraded { .. } => Readiness::Degraded,
            Self::Down { .. } => Readiness::NotReady,
        }
    }
}

impl Check {
    async fn report(&self) -> CheckReport {
        CheckReport { name: self.name.clone(), status: self.status().await }
    }

    async fn status(&self) -> Status {
        let mut last = self.last.lock().await;
        if let Some((at, status)) = &*last
            && at.elapsed() < CACHE_FOR
        {
            return status.clone();
        }
        let status = match tokio::time::timeout(self.limit, (self.run)()).await {
            Ok(status) => status,
            Err(_) => Status::Down {
                why: format!("no answer within {}", humantime::format_duration(self.limit)),
            },
        };
        self.log_transition(last.as_ref().map(|(_, status)| status), &status);
        *last = Some((Instant::now(), status.clone()));
        status
    }

    /// One line when a check gets better or worse, none while it stays as it is.
    fn log_transition(&self, before: Option<&Status>, now: &Status) {
        let before = before.map_or(Readiness::Ready, Status::readiness);
        if before == now.readiness() {
            return;
        }
        match now {
            Status::Up => tracing::info!(check = self.name, "readiness check is up again"),
            Status::Degraded { why } => {
                tracing::warn!(check = self.name, why, "readiness check is degraded");
            }
            Status::Down { why } => {
                tracing::warn!(check = self.name, why, "readiness check is down");
            }
        }
    }
}
