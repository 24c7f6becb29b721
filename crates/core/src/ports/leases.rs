use std::time::Duration;

use async_trait::async_trait;

use crate::error::PortError;

/// Work that one of several instances does at a time. A lease is a way to save work, not a lock:
/// an instance that was stopped for longer than its lease may overlap with the next holder for a
/// moment, so what is done under it has to be safe to do twice.
#[async_trait]
pub trait Leases: Send + Sync {
    /// Takes or renews the lease `name` for `holder`; false if another holds it. It ends by
    /// itself after `span`, so that another takes over from a holder that died.
    async fn hold(&self, name: &str, holder: &str, span: Duration) -> Result<bool, PortError>;

    /// Ends the lease if `holder` has it.
    async fn release(&self, name: &str, holder: &str) -> Result<(), PortError>;
}
