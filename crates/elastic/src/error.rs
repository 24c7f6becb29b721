//! Why a call gave nothing, and what the ports make of it.

use std::time::Duration;

use kudos_core::PortError;
use kudos_degraded::Elapsed;
use serde::Deserialize;

/// When a caller may come back to a server that has too much to do.
const BUSY: Duration = Duration::from_millis(200);
/// The most characters of a server's words that are passed on.
const MAX_REASON: usize = 300;

/// No node gave an answer that can be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// No connection, or it broke.
    #[error("{node}: {cause}")]
    Unreachable {
        /// Its address.
        node: String,
        /// What the client says.
        cause: String,
    },
    /// Too slow.
    #[error("no answer in time")]
    Timeout,
    /// Each node failed a moment ago, and is left alone for now; nothing was sent.
    #[error("every node failed a moment ago and is left alone for {} ms", .0.as_millis())]
    Resting(Duration),
    /// The server answered that it will not.
    #[error("{0}")]
    Refused(Refusal),
    /// An answer of another shape than this client knows.
    #[error("unintelligible answer: {0}")]
    Unintelligible(String),
}

/// What a server says when it refuses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("HTTP {status} {kind}: {reason}")]
pub struct Refusal {
    /// The HTTP status, of the whole answer or of one item in it.
    pub status: u16,
    /// The server's word for the kind of error, such as `mapper_parsing_exception`.
    pub kind: String,
    /// Its explanation, cut to a line's length.
    pub reason: String,
}

impl From<Elapsed> for CallError {
    fn from(_: Elapsed) -> Self {
        Self::Timeout
    }
}

impl From<CallError> for PortError {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Timeout => Self::Timeout,
            CallError::Resting(retry_after) => Self::Busy { retry_after },
            CallError::Refused(refusal) => refusal.into(),
            CallError::Unreachable { .. } | CallError::Unintelligible(_) => {
                Self::Unavailable(error.to_string())
            }
        }
    }
}

impl From<Refusal> for PortError {
    fn from(refusal: Refusal) -> Self {
        match (refusal.status, &*refusal.kind) {
            // A full disk is the one block that comes as 429.
            (429, "cluster_block_exception") => Self::NoSpace,
            (429, _) => Self::Busy { retry_after: BUSY },
            (404, _) => Self::Unavailable(format!("{refusal} (run `kudosctl migrate`)")),
            _ => Self::Unavailable(refusal.to_string()),
        }
    }
}

impl Refusal {
    /// Reads the body of a refusal; one that is not of the server's form is quoted.
    pub(crate) fn read(status: u16, body: &[u8]) -> Self {
        let cause = serde_json::from_slice::<Body>(body).map(|body| body.error);
        match cause {
            Ok(Cause::Known(cause)) => cause.refusal(status),
            Ok(Cause::Text(reason)) => Self { status, kind: String::new(), reason: line(&reason) },
            Err(_) => {
                let reason = line(&String::from_utf8_lossy(body));
                Self { status, kind: String::new(), reason }
            }
        }
    }

    /// Whether the same request may succeed soon, without anybody's help.
    pub(crate) fn is_passing(&self) -> bool {
        let is_full = self.kind == "cluster_block_exception";
        matches!(self.status, 429 | 500..) && !is_full
    }
}

#[derive(Deserialize)]
struct Body {
    error: Cause,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Cause {
    Known(ItemCause),
    Text(String),
}

/// The error of an answer, or of one item of a bulk answer.
#[derive(Deserialize)]
pub(crate) struct ItemCause {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    reason: Option<String>,
}

impl ItemCause {
    pub(crate) fn refusal(self, status: u16) -> Refusal {
        let reason = line(&self.reason.unwrap_or_default());
        Refusal { status, kind: line(&self.kind), reason }
    }
}

/// One line of bounded length: servers quote what they were sent.
pub(crate) fn line(text: &str) -> String {
    let printable = |c: char| if c.is_control() { ' ' } else { c };
    text.chars().take(MAX_REASON).map(printable).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_read_in_every_form_that_servers_use() {
        let known = br#"{"error":{"type":"x_exception","reason":"no\nway","root_cause":[]}}"#;
        let read = Refusal::read(400, known);
        assert_eq!((&*read.kind, &*read.reason), ("x_exception", "no way"));
        assert_eq!(Refusal::read(400, br#"{"error":"no handler"}"#).reason, "no handler");
        assert_eq!(Refusal::read(502, b"<html>bad gateway").reason, "<html>bad gateway");
        assert_eq!(Refusal::read(500, &[b'x'; 100_000]).reason.len(), MAX_REASON);
    }

    #[test]
    fn a_full_disk_is_told_from_a_full_queue() {
        let refusal =
            |status, kind: &str| Refusal { status, kind: kind.to_owned(), reason: String::new() };
        let full = refusal(429, "cluster_block_exception");
        assert!(!full.is_passing());
        assert_eq!(PortError::from(full), PortError::NoSpace);
        let busy = refusal(429, "es_rejected_execution_exception");
        assert!(busy.is_passing());
        assert_eq!(PortError::from(busy), PortError::Busy { retry_after: BUSY });
        assert!(!refusal(403, "cluster_block_exception").is_passing());
    }
}
