//! A circuit breaker for one node.

mod call;
mod classify;
mod config;
mod machine;
mod registry;
mod window;

pub use classify::{AnyError, Classify};
pub use config::BreakerConfig;
pub use registry::Breakers;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::{ConfigError, Deadline, Elapsed, Observer};
use call::Call;
use machine::{Machine, Outcome, Phase};

/// Where a breaker stands.
///
/// ```text
///            `failures` of the last `window` calls
///   Closed ─────────────────────────────────────────► Open ◄──────────────┐
///     ▲                                                 │                 │
///     │                                    rest is over │                 │ a probe fails,
///     │                                                 ▼                 │ or hangs
///     └────────── `probes` calls succeed ──────────── HalfOpen ───────────┘
/// ```
///
/// *Closed*: all calls pass, their outcomes enter the window. *Open*: none passes; each time it
/// opens again the rest is twice as long, up to a cap, minus jitter. *HalfOpen*: at most `probes`
/// calls pass, the others are refused. An outcome counts only in the state that its call began in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// Calls pass.
    Closed,
    /// Calls are refused.
    Open,
    /// A few calls pass, to see whether the node is back.
    HalfOpen,
}

impl State {
    /// The label: lower case, one word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half_open",
        }
    }
}

/// The breaker is open: nothing was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[error("the breaker is open")]
pub struct Open {
    /// How long to wait before a call has a chance of passing.
    pub retry_after: Duration,
}

/// A circuit breaker for one node; see [`State`] for what it does.
///
/// A cheap handle: clones share the state. While the node is well, a call costs a few atomic reads,
/// no lock and no allocation; refusing while open costs the same.
#[derive(Clone)]
pub struct Breaker(Arc<Machine>);

impl Breaker {
    /// A closed breaker for the node called `name`.
    ///
    /// # Errors
    /// A setting that makes no sense; see [`BreakerConfig`].
    pub fn new(name: &str, config: BreakerConfig) -> Result<Self, ConfigError> {
        Self::observed(name, config, Arc::new(()))
    }

    /// The same, telling `observer` of each transition.
    ///
    /// # Errors
    /// As [`Breaker::new`].
    pub fn observed(
        name: &str,
        config: BreakerConfig,
        observer: Arc<dyn Observer>,
    ) -> Result<Self, ConfigError> {
        config.validate()?;
        Ok(Self::with_valid(name, config, observer))
    }

    fn with_valid(name: &str, config: BreakerConfig, observer: Arc<dyn Observer>) -> Self {
        Self(Arc::new(Machine::new(name.into(), config, observer)))
    }

    /// The node's name.
    pub fn name(&self) -> &str {
        self.0.name()
    }

    /// Where it stands. It stays [`State::Open`] after its rest until a call comes to probe.
    pub fn state(&self) -> State {
        self.0.state()
    }

    /// Leave to make one call, to be settled with its outcome.
    ///
    /// # Errors
    /// [`Open`] if the node is left alone for now, or enough probes are under way.
    pub fn try_acquire(&self) -> Result<Permit, Open> {
        let since = Instant::now();
        let phase = self.0.acquire(since)?;
        Ok(Permit { breaker: self.clone(), phase, since, settled: false })
    }

    /// Makes `call` until `deadline`, and settles the permit by what `classify` says of its result.
    ///
    /// A call cut by the deadline counts against the node if it had been given
    /// [`BreakerConfig::patience`]. `call` is not polled while the breaker is open.
    ///
    /// # Errors
    /// The call's own error, [`Open`] or [`Elapsed`].
    pub fn call<T, E>(
        &self,
        deadline: Deadline,
        classify: impl Classify<T, E>,
        call: impl Future<Output = Result<T, E>>,
    ) -> impl Future<Output = Result<T, E>>
    where
        E: From<Open> + From<Elapsed>,
    {
        Call { breaker: self, permit: None, classify, call: deadline.run(call) }
    }
}

impl fmt::Debug for Breaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Breaker")
            .field("name", &self.name())
            .field("state", &self.state())
            .finish_non_exhaustive()
    }
}

/// Leave to make one call.
///
/// Dropped unsettled, as when the caller is cancelled, it never blocks the breaker: it counts as a
/// failure if the node had been given [`BreakerConfig::patience`] to answer, and as nothing if not.
#[derive(Debug)]
#[must_use = "settle the permit with the outcome of the call"]
pub struct Permit {
    breaker: Breaker,
    phase: Phase,
    since: Instant,
    settled: bool,
}

impl Permit {
    /// The node answered.
    pub fn success(self) {
        self.settle(Outcome::Success);
    }

    /// The node did not answer, or answered that it is not well.
    pub fn failure(self) {
        self.settle(Outcome::Failure);
    }

    /// The outcome says nothing about the node: for instance, the call was never sent.
    pub fn release(self) {
        self.settle(Outcome::Unknown);
    }

    /// Settles by what `classify` says of `result`.
    pub(crate) fn settle_by<T, E>(self, classify: &impl Classify<T, E>, result: &Result<T, E>) {
        if classify.is_failure(result) { self.failure() } else { self.success() }
    }

    fn settle(mut self, outcome: Outcome) {
        self.settled = true;
        self.breaker.0.settle(self.phase, outcome);
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if self.settled {
            return;
        }
        let given = self.since.elapsed();
        let outcome =
            if given >= self.breaker.0.patience() { Outcome::Failure } else { Outcome::Unknown };
        self.breaker.0.settle(self.phase, outcome);
    }
}
