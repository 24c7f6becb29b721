//! Checks at the start.

use std::time::Duration;

use kudos_runtime::start::{Chain, Misconfigured};

use crate::fault::Fault;

/// How long a start waits for the answer of an engine that it can do without.
const PATIENCE: Duration = Duration::from_secs(3);

/// Checks an engine that the service can start without. If nobody answers, the start goes on.
///
/// # Errors
/// [`Misconfigured`], if waiting would not help.
pub async fn check<T, E: Fault>(
    engine: &'static str,
    checked: impl Future<Output = Result<T, E>>,
) -> Result<(), Misconfigured> {
    match tokio::time::timeout(PATIENCE, checked).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(fault)) if fault.may_pass() => {
            tracing::warn!(engine, why = %Chain(&fault), "starting without it");
            Ok(())
        }
        Ok(Err(fault)) => Err(Misconfigured(fault.into())),
        Err(_) => {
            tracing::warn!(engine, why = "no answer in time", "starting without it");
            Ok(())
        }
    }
}

/// The name of this process among those that share work: no two have the same.
pub fn instance_name(service: &str) -> String {
    let started = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let started = started.unwrap_or_default().as_nanos();
    format!("{service}-{}-{started:x}", std::process::id())
}
