//! Ordered sources for one answer, and where the answer came from.

use std::fmt;
use std::time::Duration;

use smallvec::SmallVec;

use crate::{Breaker, Deadline, Observer, Open, Permit, Reason};

/// One source of a chain: its name, what it may cost, and the breaker of the node behind it.
#[derive(Debug, Clone, Copy)]
pub struct Source<'b> {
    name: &'static str,
    budget: Duration,
    breaker: Option<&'b Breaker>,
}

impl<'b> Source<'b> {
    /// A source that is waited for no longer than `budget`.
    pub const fn new(name: &'static str, budget: Duration) -> Self {
        Self { name, budget, breaker: None }
    }

    /// Passes it over, at no cost, while `breaker` is open; its outcomes settle the breaker.
    ///
    /// An error counts against the node, so say "not found" with a value.
    #[must_use]
    pub const fn behind(mut self, breaker: &'b Breaker) -> Self {
        self.breaker = Some(breaker);
        self
    }

    fn permit(&self) -> Result<Option<Permit>, Open> {
        self.breaker.map(Breaker::try_acquire).transpose()
    }
}

/// What a source says that may know only a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reply<T> {
    /// All that was asked for.
    Whole(T),
    /// Less than was asked for, and how much less. A part too small to be of use is an error.
    Partial(T, Missing),
}

/// How much of an answer is not there: "2 of 6 shards".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Missing {
    /// The unit, in plural: "shards".
    pub unit: &'static str,
    /// How many did not answer.
    pub missing: u32,
    /// How many there are.
    pub of: u32,
}

/// A source that was passed over, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attempt {
    /// The source's name.
    pub source: &'static str,
    /// Why it did not answer.
    pub reason: Reason,
}

/// The sources that were passed over, in order. Three fit without allocating.
pub type Tried = SmallVec<[Attempt; 3]>;

/// A value and its provenance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer<T> {
    /// What was asked for.
    pub value: T,
    /// The source that answered.
    pub source: &'static str,
    /// Whether it is worse than a well system's: not from the first source, or not whole.
    pub degraded: bool,
    /// What is not in `value`, if its source knew only a part.
    pub missing: Option<Missing>,
    /// The sources before, and why they did not answer.
    pub tried: Tried,
}

impl<T> Answer<T> {
    /// The same provenance with another value.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Answer<U> {
        let Self { value, source, degraded, missing, tried } = self;
        Answer { value: f(value), source, degraded, missing, tried }
    }
}

/// No source answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChainError {
    /// Each source was asked or passed over, in time.
    #[error("no source of {chain} answered:{}", Reasons(tried))]
    AllFailed {
        /// The chain's name.
        chain: &'static str,
        /// Every source and why it did not answer.
        tried: Tried,
    },
    /// The chain's deadline passed first; the last sources may not have been asked.
    #[error("{chain} ran out of time:{}", Reasons(tried))]
    OutOfTime {
        /// The chain's name.
        chain: &'static str,
        /// Every source and why it did not answer.
        tried: Tried,
    },
}

struct Reasons<'a>(&'a Tried);

impl fmt::Display for Reasons<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut all = self.0.iter();
        all.try_for_each(|attempt| write!(f, " {}={}", attempt.source, attempt.reason))
    }
}

/// Asks sources in order until one answers, all under one deadline.
///
/// Each step is awaited in its place and costs next to nothing once there is an answer: nothing is
/// boxed, and the first source's answer allocates nothing.
///
/// ```
/// # use std::{convert::Infallible, time::Duration};
/// # use kudos_degraded::*;
/// # async fn cache(_: Deadline) -> Result<u8, Reason> { Err(Reason::Error) }
/// # async fn disk(_: Deadline) -> Result<u8, Reason> { Ok(7) }
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), ChainError> {
/// let answer = FallbackChain::new("lookup", Deadline::after(Duration::from_millis(400)))
///     .source(Source::new("cache", Duration::from_millis(40)), cache).await
///     .source(Source::new("disk", Duration::from_millis(150)), disk).await
///     .finish()?;
/// assert_eq!(answer.source, "disk");
/// # Ok(()) }
/// ```
#[must_use = "a chain answers when it is finished"]
pub struct FallbackChain<'o, T> {
    name: &'static str,
    deadline: Deadline,
    observer: &'o dyn Observer,
    found: Option<(&'static str, T, Option<Missing>)>,
    tried: Tried,
}

impl<T> FallbackChain<'static, T> {
    /// A chain with no source yet, to be answered by `deadline`.
    pub fn new(name: &'static str, deadline: Deadline) -> Self {
        Self { name, deadline, observer: &(), found: None, tried: SmallVec::new() }
    }
}

impl<T> FallbackChain<'_, T> {
    /// Tells `observer` of each source passed over.
    pub fn observed_by<'o>(self, observer: &'o dyn Observer) -> FallbackChain<'o, T> {
        let Self { name, deadline, found, tried, .. } = self;
        FallbackChain { name, deadline, observer, found, tried }
    }

    /// Asks `source`, unless there is an answer already.
    ///
    /// `ask` is called with the source's own deadline, to pass down: its budget, within the
    /// chain's. It is not called at all while the source's breaker is open, once time is up, or
    /// without a budget. An error counts against the breaker, except for a [`Reason::Open`] or
    /// [`Reason::Full`] of something further down.
    pub async fn source<E, Fut>(self, source: Source<'_>, ask: impl FnOnce(Deadline) -> Fut) -> Self
    where
        Fut: Future<Output = Result<T, E>>,
        E: Into<Reason>,
    {
        if self.found.is_some() {
            return self;
        }
        let value = attempt(self.deadline, source, ask).await;
        self.after(source.name, value.map(Reply::Whole))
    }

    /// Like [`FallbackChain::source`], for a source that may know only a part. The part is taken,
    /// and makes the answer degraded.
    pub async fn partial_source<E, Fut>(
        self,
        source: Source<'_>,
        ask: impl FnOnce(Deadline) -> Fut,
    ) -> Self
    where
        Fut: Future<Output = Result<Reply<T>, E>>,
        E: Into<Reason>,
    {
        if self.found.is_some() {
            return self;
        }
        let reply = attempt(self.deadline, source, ask).await;
        self.after(source.name, reply)
    }

    /// The chain once the source called `name` was asked.
    fn after(mut self, name: &'static str, reply: Result<Reply<T>, Reason>) -> Self {
        match reply {
            Ok(Reply::Whole(value)) => self.found = Some((name, value, None)),
            Ok(Reply::Partial(value, missing)) => {
                self.observer.fallback_taken(self.name, name, Reason::Partial);
                self.found = Some((name, value, Some(missing)));
            }
            Err(reason) => {
                self.observer.fallback_taken(self.name, name, reason);
                self.tried.push(Attempt { source: name, reason });
            }
        }
        self
    }

    /// The answer.
    ///
    /// # Errors
    /// [`ChainError`] with every source's reason if none answered.
    pub fn finish(self) -> Result<Answer<T>, ChainError> {
        let Self { name: chain, deadline, found, tried, .. } = self;
        match found {
            Some((source, value, missing)) => {
                let degraded = !tried.is_empty() || missing.is_some();
                Ok(Answer { value, source, degraded, missing, tried })
            }
            None if deadline.is_past() => Err(ChainError::OutOfTime { chain, tried }),
            None => Err(ChainError::AllFailed { chain, tried }),
        }
    }
}

impl<T> fmt::Debug for FallbackChain<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FallbackChain")
            .field("name", &self.name)
            .field("deadline", &self.deadline)
            .field("answered", &self.found.is_some())
            .field("tried", &self.tried)
            .finish_non_exhaustive()
    }
}

async fn attempt<T, E, Fut>(
    overall: Deadline,
    source: Source<'_>,
    ask: impl FnOnce(Deadline) -> Fut,
) -> Result<T, Reason>
where
    Fut: Future<Output = Result<T, E>>,
    E: Into<Reason>,
{
    let own = overall.within(source.budget);
    // Before the permit: a node that is not asked is not to blame.
    if own.is_past() {
        return Err(Reason::Timeout);
    }
    let permit = source.permit()?;
    let result = match own.run(ask(own)).await {
        Ok(result) => result.map_err(Into::into),
        Err(elapsed) => {
            // Cut short by the chain's deadline, the node may not be to blame: the dropped permit
            // judges by the time that it was given.
            if let Some(permit) = permit.filter(|_| own < overall) {
                permit.failure();
            }
            return Err(elapsed.into());
        }
    };
    if let Some(permit) = permit {
        match &result {
            Ok(_) => permit.success(),
            Err(reason) if reason.blames_the_node() => permit.failure(),
            Err(_) => permit.release(),
        }
    }
    result
}
