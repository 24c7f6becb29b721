//! What each server has to be like, and why. What a deployment may well mean otherwise is a notice.

use kudos_runtime::finding::{Finding, Severity};

use super::node::Fields;
use crate::settings::Mode;

/// The first version with functions and their read-only forms.
const OLDEST: u64 = 7;
/// A share of `maxmemory` from which on there is little time left to act, in percent.
const NEARLY_FULL: u64 = 90;
/// Milliseconds within which a dead master has to be noticed for its slots to be back in 8 s.
const SOON: u64 = 5_000;
/// Shorter silences happen without a death.
const TOO_SOON: u64 = 1_000;

const ADD_MEMORY: &str = "raise maxmemory or move slots away: at the limit writes are refused";

/// What INFO says of any server.
pub(super) fn of_info(node: &str, mode: Mode, info: &Fields) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut add =
        |name, judge: &dyn Fn(&str) -> Finding| findings.extend(info.get(name).map(judge));
    add("redis_version", &|version| of_version(node, version));
    add("cluster_enabled", &|enabled| of_mode(node, mode, enabled == "1"));
    add("maxmemory_policy", &|policy| {
        let advice = "CONFIG SET maxmemory-policy noeviction, in its file too: evicted ranks are \
                      posts that nobody misses";
        Finding::ok(node, "maxmemory-policy", policy).unless(
            policy == "noeviction",
            Severity::Error,
            advice,
        )
    });
    findings.extend(of_memory(node, info));
    findings.extend(of_persistence(node, info));
    findings.extend(of_link(node, info));
    findings
}

fn of_version(node: &str, version: &str) -> Finding {
    let major = version.split('.').next().and_then(|major| major.parse::<u64>().ok());
    let advice = "install Redis 7 or newer: functions are needed";
    Finding::ok(node, "version", version).unless(major >= Some(OLDEST), Severity::Error, advice)
}

fn of_mode(node: &str, mode: Mode, is_cluster: bool) -> Finding {
    let found = if is_cluster { "cluster" } else { "single server" };
    let advice = "set redis.mode to what the servers are, or cluster-enabled in Redis";
    let wanted = is_cluster == (mode == Mode::Cluster);
    Finding::ok(node, "mode", found).unless(wanted, Severity::Error, advice)
}

fn of_memory(node: &str, info: &Fields) -> Option<Finding> {
    let (used, most) = (info.number("used_memory")?, info.number("maxmemory")?);
    if most == 0 {
        let advice = "set maxmemory below what the machine has: without it the system kills the \
                      server when memory is short";
        return Some(Finding::ok(node, "maxmemory", "no limit").warning(advice));
    }
    let percent = used.saturating_mul(100) / most;
    let found =
        if percent < NEARLY_FULL { "has room".to_owned() } else { format!("{percent} % used") };
    Some(Finding::ok(node, "maxmemory", found).unless(
        percent < NEARLY_FULL,
        Severity::Warning,
        ADD_MEMORY,
    ))
}

/// Snapshots that are never due are told by a time of the last one only, which is no setting: so a
/// server without an append-only file is taken to have at most these.
fn of_persistence(node: &str, info: &Fields) -> Option<Finding> {
    let appends = info.get("aof_enabled")? == "1";
    let found = if appends { "append-only file" } else { "no append-only file" };
    let advice = "a restart loses what came after the last snapshot, or everything without `save`; \
                  it is told again from the truth. For less of that: appendonly yes";
    let failed = ["aof_last_write_status", "rdb_last_bgsave_status", "aof_last_bgrewrite_status"]
        .into_iter()
        .find(|status| info.get(status).is_some_and(|status| status != "ok"));
    let finding = Finding::ok(node, "persistence", found).unless(appends, Severity::Notice, advice);
    Some(match failed {
        Some(status) => Finding::ok(node, "persistence", format!("{status} is not ok"))
            .error("look at the server's log and the space on its disk"),
        None => finding,
    })
}

fn of_link(node: &str, info: &Fields) -> Option<Finding> {
    let link = info.get("master_link_status")?;
    let advice = "it cannot reach its master, or copies it whole: see the logs of both";
    Some(Finding::ok(node, "link to its master", link).unless(
        link == "up",
        Severity::Error,
        advice,
    ))
}

/// What CLUSTER INFO says.
pub(super) fn of_cluster(node: &str, info: &Fields) -> Option<Finding> {
    let state = info.get("cluster_state")?;
    let advice = "it sees slots without a master, or no majority of masters: start what is down, \
                  then `redis-cli --cluster check`";
    Some(Finding::ok(node, "cluster_state", state).unless(state == "ok", Severity::Error, advice))
}

/// A setting that only CONFIG GET tells.
pub(super) struct Configured {
    pub(super) name: &'static str,
    judge: fn(&str) -> Option<(Severity, &'static str)>,
}

impl Configured {
    pub(super) fn judge(&self, node: &str, value: &str) -> Finding {
        let finding = Finding::ok(node, self.name, value);
        match (self.judge)(value) {
            Some((severity, advice)) => finding.unless(false, severity, advice),
            None => finding,
        }
    }
}

/// Those of a node of a cluster.
pub(super) const CONFIGURED: [Configured; 4] = [
    Configured {
        name: "cluster-require-full-coverage",
        judge: |value| {
            let advice = "CONFIG SET cluster-require-full-coverage no, in its file too: one dead \
                          slot stops all of them";
            (value != "no").then_some((Severity::Error, advice))
        },
    },
    Configured {
        name: "cluster-node-timeout",
        judge: |value| match value.parse::<u64>() {
            Ok(ms) if ms < TOO_SOON => {
                Some((Severity::Warning, "set 5000: shorter pauses are taken for deaths"))
            }
            Ok(ms) if ms > SOON => {
                let advice = "set 5000: a dead master is replaced only after this and about 2 s";
                Some((Severity::Warning, advice))
            }
            _ => None,
        },
    },
    Configured {
        name: "cluster-allow-reads-when-down",
        judge: |value| {
            let advice = "set no: a node cut off from the majority answers with old counts as if \
                          they were fresh";
            (value != "no").then_some((Severity::Warning, advice))
        },
    },
    Configured {
        name: "cluster-replica-validity-factor",
        judge: |value| {
            let advice = "set 0: a replica that lags refuses to take over, and its slots stay \
                          unserved; what it lacks is told again anyway";
            (value != "0").then_some((Severity::Notice, advice))
        },
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    const WELL: &str = "redis_version:7.0.15\r\ncluster_enabled:1\r\nused_memory:10\r\n\
        maxmemory:100\r\nmaxmemory_policy:noeviction\r\naof_enabled:1\r\n\
        aof_last_write_status:ok\r\nmaster_link_status:up\r\n";

    fn worst(change: &[(&str, &str)]) -> Vec<(String, Severity)> {
        let text = change.iter().fold(WELL.to_owned(), |text, (from, to)| text.replace(from, to));
        let findings = of_info("a:1", Mode::Cluster, &Fields::read(&text));
        let bad = findings.into_iter().filter(|finding| finding.severity != Severity::Ok);
        bad.map(|finding| (finding.what, finding.severity)).collect()
    }

    #[test]
    fn each_fault_is_named_by_its_setting() {
        let one = |what: &str, severity| vec![(what.to_owned(), severity)];
        assert_eq!(worst(&[]), []);
        assert_eq!(worst(&[("7.0.15", "6.2.1")]), one("version", Severity::Error));
        assert_eq!(
            worst(&[("enabled:1\r\nused", "enabled:0\r\nused")]),
            one("mode", Severity::Error)
        );
        assert_eq!(
            worst(&[("noeviction", "allkeys-lru")]),
            one("maxmemory-policy", Severity::Error)
        );
        assert_eq!(worst(&[("memory:100", "memory:0")]), one("maxmemory", Severity::Warning));
        assert_eq!(worst(&[("memory:10\r", "memory:90\r")]), one("maxmemory", Severity::Warning));
        assert_eq!(
            worst(&[("aof_enabled:1", "aof_enabled:0")]),
            one("persistence", Severity::Notice)
        );
        assert_eq!(worst(&[("status:ok", "status:err")]), one("persistence", Severity::Error));
        assert_eq!(
            worst(&[("status:up", "status:down")]),
            one("link to its master", Severity::Error)
        );
    }

    #[test]
    fn settings_of_a_cluster_have_bounds() {
        let judged = |name: &str, value: &str| {
            let rule = CONFIGURED.iter().find(|rule| rule.name == name).unwrap();
            rule.judge("a:1", value).severity
        };
        assert_eq!(judged("cluster-require-full-coverage", "no"), Severity::Ok);
        assert_eq!(judged("cluster-require-full-coverage", "yes"), Severity::Error);
        assert_eq!(judged("cluster-node-timeout", "5000"), Severity::Ok);
        assert_eq!(judged("cluster-node-timeout", "15000"), Severity::Warning);
        assert_eq!(judged("cluster-node-timeout", "999"), Severity::Warning);
        assert_eq!(judged("cluster-allow-reads-when-down", "yes"), Severity::Warning);
        assert_eq!(judged("cluster-replica-validity-factor", "10"), Severity::Notice);
    }

    #[test]
    fn a_server_that_says_nothing_is_judged_by_nothing() {
        assert_eq!(of_info("a:1", Mode::Cluster, &Fields::read("")), []);
        assert_eq!(of_cluster("a:1", &Fields::read("nonsense")), None);
    }
}
