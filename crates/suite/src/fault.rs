//! Whether a failed check blames the settings or the moment.

use std::error::Error;

use kudos_cassandra::ConnectError;
use kudos_kafka::KafkaFault;

/// A failed check of an engine.
pub trait Fault: Error + Send + Sync + 'static {
    /// Whether it may go away without anybody changing a setting: nobody answers, or somebody who
    /// is not ready yet.
    fn may_pass(&self) -> bool;
}

impl Fault for ConnectError {
    fn may_pass(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Failed { .. })
    }
}

impl Fault for kudos_redis::CheckError {
    fn may_pass(&self) -> bool {
        // What a node says while it loads its data, or looks for its cluster, is none of the others.
        matches!(self, Self::Unreachable(_) | Self::Shard(_) | Self::Other { .. })
    }
}

impl Fault for KafkaFault {
    fn may_pass(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Other(_))
    }
}

impl Fault for kudos_elastic::CheckError {
    fn may_pass(&self) -> bool {
        matches!(self, Self::Unreachable(_))
    }
}
