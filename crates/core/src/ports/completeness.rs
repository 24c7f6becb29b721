use async_trait::async_trait;

use crate::error::PortError;

/// Names one loss of a projection: never loaded, flushed, or a node that came back empty. Opaque:
/// only the backend that gave it out can read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loss(pub String);

/// A projection that can lose what it held and can tell, so that all of it is loaded again.
#[async_trait]
pub trait Completeness: Send + Sync {
    /// What was lost and not loaded again since; none while everything is held. A loss keeps its
    /// name until it is marked; one that comes meanwhile has another.
    async fn missing(&self) -> Result<Option<Loss>, PortError>;

    /// Everything was loaded since [`missing`](Self::missing) named this loss. False if more was
    /// lost meanwhile: then nothing is marked.
    async fn mark_complete(&self, loss: &Loss) -> Result<bool, PortError>;
}
