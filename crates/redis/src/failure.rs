//! How a command may fail, and what a failure is to the callers of the port.

use std::sync::Arc;
use std::time::Duration;

use kudos_core::PortError;
use kudos_degraded::Reason;

/// When a caller should come back to what is busy.
const RETRY_AFTER: Duration = Duration::from_millis(100);

/// Why a node gave no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Cause {
    #[error("no answer in time")]
    Timeout,
    #[error("its breaker is open")]
    Open,
    #[error("too many requests are under way")]
    Full,
    #[error("cannot connect: {0}")]
    Connect(String),
    #[error("the connection was lost: {0}")]
    Lost(String),
    #[error("user or password refused: {0}")]
    Login(String),
    #[error("refused: {0}")]
    Refused(String),
    #[error("out of memory")]
    NoSpace,
    #[error("the key holds something else: {0}")]
    WrongType(String),
    #[error("nobody serves slot {0}")]
    Unserved(u16),
    #[error("the cluster is not known yet")]
    NoTopology,
    #[error("others change the post faster than its rank can follow")]
    Contended,
    #[error("not rebuilt: the ranks lack posts until they are loaded from the truth")]
    NotRebuilt,
    #[error("so many posts would have to be passed over that nobody should wait for it")]
    TooFarBack,
    #[error("an answer that cannot be read")]
    Unreadable,
}

/// A failure, and of which node (empty if of none).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{node}: {cause}")]
pub(crate) struct Failure {
    pub(crate) node: Arc<str>,
    pub(crate) cause: Cause,
}

impl Failure {
    pub(crate) fn new(node: &Arc<str>, cause: Cause) -> Self {
        Self { node: Arc::clone(node), cause }
    }

    /// A failure of no node.
    pub(crate) fn general(cause: Cause) -> Self {
        Self { node: "cluster".into(), cause }
    }

    pub(crate) fn reason(&self) -> Reason {
        match self.cause {
            Cause::Timeout => Reason::Timeout,
            Cause::Open => Reason::Open,
            Cause::Full | Cause::Contended => Reason::Full,
            _ => Reason::Error,
        }
    }
}

impl From<Failure> for PortError {
    fn from(failure: Failure) -> Self {
        match failure.cause {
            Cause::Timeout => Self::Timeout,
            Cause::Full | Cause::Contended => Self::Busy { retry_after: RETRY_AFTER },
            Cause::NoSpace => Self::NoSpace,
            Cause::WrongType(_) | Cause::Unreadable => Self::Corrupt(failure.to_string()),
            _ => Self::Unavailable(failure.to_string()),
        }
    }
}

/// Several failures as one that names every node once; none if there are none.
pub(crate) fn summary(mut failures: Vec<Failure>) -> Result<(), PortError> {
    failures.sort_by(|a, b| a.node.cmp(&b.node));
    failures.dedup();
    let Some(first) = failures.first() else {
        return Ok(());
    };
    if failures.iter().all(|failure| failure.cause == first.cause) && failures.len() == 1 {
        return Err(failures.remove(0).into());
    }
    if let Some(full) = failures.iter().find(|failure| failure.cause == Cause::NoSpace) {
        return Err(full.clone().into());
    }
    if failures.iter().all(|failure| failure.cause == Cause::Timeout) {
        return Err(PortError::Timeout);
    }
    let all: Vec<_> = failures.iter().map(ToString::to_string).collect();
    Err(PortError::Unavailable(all.join("; ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(node: &str, cause: Cause) -> Failure {
        Failure::new(&node.into(), cause)
    }

    #[test]
    fn a_summary_names_each_node_once() {
        let open = || failure("b:1", Cause::Open);
        let failures = vec![open(), failure("a:1", Cause::Timeout), open()];
        let expected = "a:1: no answer in time; b:1: its breaker is open";
        assert_eq!(summary(failures), Err(PortError::Unavailable(expected.into())));
        assert_eq!(summary(Vec::new()), Ok(()));
    }

    #[test]
    fn what_all_failures_share_is_what_failed() {
        let timeouts = ["a", "b"].map(|node| failure(node, Cause::Timeout));
        assert_eq!(summary(timeouts.into()), Err(PortError::Timeout));
        let full = vec![failure("a", Cause::Timeout), failure("b", Cause::NoSpace)];
        assert_eq!(summary(full), Err(PortError::NoSpace));
    }
}
