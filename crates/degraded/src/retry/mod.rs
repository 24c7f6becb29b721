//! Retries that help one caller without drowning the node.

mod budget;

pub use budget::RetryBudget;

use std::time::Duration;

use crate::{Backoff, Deadline, Elapsed, Jitter};

/// How often, and how far apart.
#[derive(Debug, Clone, Copy)]
pub struct RetryPolicy {
    /// Calls in all, the first one included; 0 means 1.
    pub attempts: u32,
    /// The pauses between attempts, before jitter.
    pub backoff: Backoff,
    /// Spreads each pause over nothing to its whole length ("full jitter").
    pub jitter: Jitter,
}

impl Default for RetryPolicy {
    /// 3 attempts, pauses up to 5 ms, then 10 ms.
    fn default() -> Self {
        Self {
            attempts: 3,
            backoff: Backoff::new(Duration::from_millis(5), Duration::from_millis(100)),
            jitter: Jitter::RANDOM,
        }
    }
}

/// Calls `op`, and again while it fails with an error that `is_retryable`, until the policy, the
/// shared budget or the deadline says stop.
///
/// Only for operations that may be repeated: an attempt that failed may have had its effect. A
/// pause that would outlast the deadline is not begun. Dropping the future stops everything.
///
/// # Errors
/// The last attempt's error; [`Elapsed`] if the deadline passed during an attempt.
pub async fn retry<T, E, Fut>(
    policy: &RetryPolicy,
    budget: &RetryBudget,
    deadline: Deadline,
    is_retryable: impl Fn(&E) -> bool,
    mut op: impl FnMut() -> Fut,
) -> Result<T, E>
where
    Fut: Future<Output = Result<T, E>>,
    E: From<Elapsed>,
{
    budget.deposit();
    let mut retries = 0;
    loop {
        let error = match deadline.run(op()).await? {
            Ok(value) => return Ok(value),
            Err(error) => error,
        };
        let pause = policy.backoff.full_jitter(retries, policy.jitter);
        retries += 1;
        let may_go_on = retries < policy.attempts
            && is_retryable(&error)
            && pause < deadline.remaining()
            && budget.try_withdraw();
        if !may_go_on {
            return Err(error);
        }
        if !pause.is_zero() {
            tokio::time::sleep(pause).await;
        }
    }
}
