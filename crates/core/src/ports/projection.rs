use async_trait::async_trait;

use crate::error::PortError;
use crate::snapshot::Snapshot;

/// What became of one snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Put {
    /// The projection holds it now, or held a newer one already.
    Held,
    /// Not now; sending it again may help.
    Retry(PortError),
    /// Never: the projection says why. It is to be set aside.
    Refused(String),
}

impl Put {
    /// Whether nothing of what was put has to be sent again; else why the first of it does.
    pub fn all(puts: Vec<Self>) -> Result<(), PortError> {
        puts.into_iter().try_for_each(|put| match put {
            Self::Retry(error) => Err(error),
            Self::Held | Self::Refused(_) => Ok(()),
        })
    }
}

/// A copy of whole posts with their counts that follows the truth: the search index, the rollup.
///
/// Promises: of each post the snapshot with the highest [`version`](Snapshot::version) that was
/// ever put is kept, in whatever order and however often they come. A hidden post is not shown.
#[async_trait]
pub trait Projection: Send + Sync {
    /// A short, constant name for metrics and logs.
    fn name(&self) -> &'static str;

    /// Takes over each snapshot that is newer than the one held, and says of each, in the order
    /// given, what became of it. An error means that nothing is known of any.
    async fn put(&self, snapshots: &[Snapshot]) -> Result<Vec<Put>, PortError>;
}
