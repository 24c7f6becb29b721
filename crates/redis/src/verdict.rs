//! What to do about an error that a node answered with.

use redis::{ServerError, Value};

use crate::failure::Cause;

/// What an error answer asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The slot is served by the node of this address from now on.
    Moved(String),
    /// The slot is on its way to the node of this address, which has this key already.
    Ask(String),
    /// Not at this moment: keys of the command are on both sides of a migration.
    Again,
    /// Not this node, now: who serves the slot has to be found out anew.
    Elsewhere(Cause),
    /// Nobody serves the slot: find out who does, and give up meanwhile.
    Down(Cause),
    /// The node lacks the library.
    NoFunction,
    /// The node has not seen the script yet.
    NoScript,
    /// Nothing that sending it again would help.
    GiveUp(Cause),
}

/// Reads an answer; none if it is no error.
pub(crate) fn verdict(reply: &Value) -> Option<Verdict> {
    let Value::ServerError(error) = reply else {
        return None;
    };
    let refused = || Cause::Refused(text(error));
    Some(match error.code() {
        "MOVED" => redirected(error).map_or(Verdict::GiveUp(refused()), Verdict::Moved),
        "ASK" => redirected(error).map_or(Verdict::GiveUp(refused()), Verdict::Ask),
        "TRYAGAIN" => Verdict::Again,
        // A master that was demoted, a replica without its master, a node that is starting.
        "READONLY" | "MASTERDOWN" | "LOADING" => Verdict::Elsewhere(refused()),
        "CLUSTERDOWN" => Verdict::Down(refused()),
        "NOSCRIPT" => Verdict::NoScript,
        "OOM" => Verdict::GiveUp(Cause::NoSpace),
        "WRONGTYPE" => Verdict::GiveUp(Cause::WrongType(text(error))),
        "NOAUTH" | "WRONGPASS" | "NOPERM" => Verdict::GiveUp(Cause::Login(text(error))),
        "ERR" if error.details().is_some_and(|text| text.contains("Function not found")) => {
            Verdict::NoFunction
        }
        // NOREPLICAS and MISCONF: it takes no writes now. BUSY: a script runs too long.
        _ => Verdict::GiveUp(refused()),
    })
}

/// Whether the node itself is not well, as opposed to the request or the cluster.
pub(crate) fn blames_the_node(reply: &Value) -> bool {
    let Value::ServerError(error) = reply else {
        return false;
    };
    matches!(error.code(), "LOADING" | "MASTERDOWN" | "BUSY" | "MISCONF")
}

fn text(error: &ServerError) -> String {
    format!("{} {}", error.code(), error.details().unwrap_or_default())
}

/// The address of `<slot> <host>:<port>`. A node that does not know its own host leaves it out.
fn redirected(error: &ServerError) -> Option<String> {
    let (_, address) = error.details()?.split_once(' ')?;
    crate::settings::host_and_port(address).map(|_| address.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Option<Verdict> {
        verdict(&redis::parse_redis_value(format!("{line}\r\n").as_bytes()).unwrap())
    }

    #[test]
    fn an_answer_is_no_error() {
        assert_eq!(read("+OK"), None);
        assert_eq!(read(":5"), None);
    }

    #[test]
    fn redirections_name_a_node() {
        let to = || "10.0.0.7:7003".to_owned();
        assert_eq!(read("-MOVED 3999 10.0.0.7:7003"), Some(Verdict::Moved(to())));
        assert_eq!(read("-ASK 3999 10.0.0.7:7003"), Some(Verdict::Ask(to())));
        let nameless = read("-MOVED 3999 :7003");
        assert!(matches!(nameless, Some(Verdict::GiveUp(Cause::Refused(_)))), "{nameless:?}");
    }

    #[test]
    fn each_error_is_handled_as_it_asks_for() {
        let refused = |line: &str| Cause::Refused(line[1..].to_owned());
        let again = "-TRYAGAIN Multiple keys request during rehashing of slot";
        assert_eq!(read(again), Some(Verdict::Again));
        for line in [
            "-READONLY You can't write against a read only replica.",
            "-MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
            "-LOADING Redis is loading the dataset in memory",
        ] {
            assert_eq!(read(line), Some(Verdict::Elsewhere(refused(line))));
        }
        let down = "-CLUSTERDOWN Hash slot not served";
        assert_eq!(read(down), Some(Verdict::Down(refused(down))));
        for line in [
            "-NOREPLICAS Not enough good replicas to write.",
            "-MISCONF Redis is configured to save RDB snapshots",
            "-BUSY Redis is busy running a script.",
            "-ERR unknown command",
        ] {
            assert_eq!(read(line), Some(Verdict::GiveUp(refused(line))));
        }
        let oom = "-OOM command not allowed when used memory > 'maxmemory'.";
        assert_eq!(read(oom), Some(Verdict::GiveUp(Cause::NoSpace)));
        let login = read("-NOPERM this user has no permissions to run the 'fcall' command");
        assert!(matches!(login, Some(Verdict::GiveUp(Cause::Login(_)))));
        let other = read("-WRONGTYPE Operation against a key holding the wrong kind of value");
        assert!(matches!(other, Some(Verdict::GiveUp(Cause::WrongType(_)))));
    }

    #[test]
    fn a_missing_library_and_script_are_told_apart() {
        assert_eq!(read("-ERR Function not found"), Some(Verdict::NoFunction));
        let script = read("-NOSCRIPT No matching script. Please use EVAL.");
        assert_eq!(script, Some(Verdict::NoScript));
    }
}
