//! Calls that degrade instead of failing.
//!
//! A service that leans on a cache, a search engine or a broker must go on when one of them is
//! slow, full or gone, and must say so. This crate holds the pieces for that, and knows nothing of
//! any particular product:
//!
//! | piece | what it promises |
//! |---|---|
//! | [`Deadline`] | a point in time that is passed down through calls and never moves back |
//! | [`Breaker`], [`Breakers`] | a node that fails is left alone, then probed by a few calls |
//! | [`retry`], [`RetryBudget`] | retries with full jitter, a bounded share of the calls, never late |
//! | [`Bulkhead`] | so many calls at once, so many waiting, the rest refused at once |
//! | [`best_effort`], [`BestEffort`] | a bounded wait that never fails its caller, and always leaves a record of a miss |
//! | [`FallbackChain`] | ordered sources, a budget each, and an answer that says where it came from |
//! | [`Observer`] | where a service plugs its metrics in |
//! | [`layers`] | deadline, breaker and bulkhead as tower layers |
//!
//! # Three rules shared by all pieces
//!
//! *Errors.* A piece refuses with its own small error ([`Elapsed`], [`Open`], [`Full`]), turned by
//! `From` into the error type of the call it wraps. So pieces stack without nesting error types:
//! use [`CallError`], an enum of your own, or a boxed error. Where only the cause matters, errors
//! become a [`Reason`]: a bounded set that is safe as a metric label.
//!
//! *Cancellation.* Every future here may be dropped at any point. A breaker's permit, a bulkhead's
//! slot and a best-effort record are guards that settle themselves.
//!
//! *Time.* All clocks are tokio's, so tests pause them; all chance comes from a [`Jitter`] that
//! tests replace.
//!
//! # A read with a fallback, a write with best effort
//!
//! ```
//! use std::time::Duration;
//! use kudos_degraded::{
//!     Answer, Breaker, BreakerConfig, CallError, Deadline, Delivery, FallbackChain, Reason, Source,
//!     best_effort,
//! };
//!
//! async fn from_cache(_: Deadline) -> Result<u64, CallError<std::io::Error>> {
//!     Err(CallError::Failed(std::io::ErrorKind::ConnectionRefused.into()))
//! }
//! async fn from_index(_: Deadline) -> Result<u64, CallError<std::io::Error>> {
//!     Ok(41)
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let cache = Breaker::new("cache-1:6379", BreakerConfig::default())?;
//! let deadline = Deadline::after(Duration::from_millis(400));
//!
//! // A read always answers, and the answer says which source it came from.
//! let answer: Answer<u64> = FallbackChain::new("counts", deadline)
//!     .source(Source::new("cache", Duration::from_millis(40)).behind(&cache), from_cache)
//!     .await
//!     .source(Source::new("index", Duration::from_millis(150)), from_index)
//!     .await
//!     .finish()?;
//! assert_eq!((answer.value, answer.source, answer.degraded), (41, "index", true));
//! assert_eq!(answer.tried[0].reason, Reason::Error);
//!
//! // A write waits for its sinks no longer than it can afford, and knows what they missed.
//! let mut missed = None;
//! let delivery = best_effort(
//!     deadline.within(Duration::from_millis(40)),
//!     async { cache.call(deadline, kudos_degraded::AnyError, from_cache(deadline)).await },
//!     |reason| missed = Some(reason),
//! )
//! .await;
//! assert_eq!(delivery, Delivery::Missed(Reason::Error));
//! assert_eq!(missed, Some(Reason::Error));
//! # Ok(())
//! # }
//! ```
//!
//! Under load, in tower's terms, outermost first: deadline, bulkhead, breaker, deadline of one
//! call, client; see [`layers`].

mod backoff;
mod best_effort;
mod breaker;
mod bulkhead;
mod deadline;
mod error;
mod fallback;
pub mod layers;
mod observe;
mod retry;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

pub use backoff::{Backoff, Jitter};
pub use best_effort::{BestEffort, Delivery, Record, best_effort};
pub use breaker::{AnyError, Breaker, BreakerConfig, Breakers, Classify, Open, Permit, State};
pub use bulkhead::{Bulkhead, BulkheadConfig, Full, Slot};
pub use deadline::{Deadline, Elapsed, InTime};
pub use error::{CallError, ConfigError};
pub use fallback::{Answer, Attempt, ChainError, FallbackChain, Missing, Reply, Source, Tried};
pub use observe::{Observer, Reason};
pub use retry::{RetryBudget, RetryPolicy, retry};
