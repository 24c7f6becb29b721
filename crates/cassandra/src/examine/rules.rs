//! What each node and the keyspace have to be like, and why.

use std::collections::BTreeMap;

use kudos_runtime::finding::{Finding, Severity};
use uuid::Uuid;

/// The first version whose Paxos v2 is sound.
const OLDEST: (u32, u32, u32) = (4, 1, 6);
/// With fewer copies a quorum needs all of them.
const COPIES: usize = 3;

pub(super) fn of_version(node: &str, release: &str) -> Finding {
    let (major, minor, patch) = OLDEST;
    let advice = format!(
        "install Cassandra {major}.{minor}.{patch} or newer: before it, conditional writes of \
         Paxos v2 can be lost"
    );
    Finding::ok(node, "version", release).unless(
        version(release) >= OLDEST,
        Severity::Error,
        advice,
    )
}

/// Reads `5.0.8` and `5.0-beta1-SNAPSHOT`; what is missing counts as 0.
fn version(release: &str) -> (u32, u32, u32) {
    let plain = release.split(['-', '+', '~']).next().unwrap_or_default();
    let mut parts = plain.split('.').map(|part| part.parse().unwrap_or(0));
    let mut next = || parts.next().unwrap_or(0);
    (next(), next(), next())
}

pub(super) fn of_settings(node: &str, settings: &BTreeMap<String, String>) -> Vec<Finding> {
    let told = |name: &str| settings.get(name).map(|value| value.to_ascii_lowercase());
    let unknown = || "not told".to_owned();
    let sync = told("commitlog_sync");
    let synced = matches!(sync.as_deref(), Some("batch" | "group"));
    let sync_advice = "set commitlog_sync: batch, or group with commitlog_sync_group_window: 2ms, \
                       and restart the node: with periodic, kill -9 or a power cut loses likes that \
                       were acknowledged";
    let paxos = told("paxos_variant");
    let is_v2 = paxos.as_deref() == Some("v2");
    let paxos_advice = "set paxos_variant: v2 on every node (and paxos_state_purging: repaired, \
                        with `nodetool repair --paxos-only` run regularly): counts were shown to be \
                        exact with v2 only, and v1 costs more round trips a like";
    vec![
        Finding::ok(node, "commitlog_sync", sync.clone().unwrap_or_else(unknown)).unless(
            synced,
            Severity::Error,
            sync_advice,
        ),
        Finding::ok(node, "paxos_variant", paxos.clone().unwrap_or_else(unknown)).unless(
            is_v2,
            Severity::Error,
            paxos_advice,
        ),
    ]
}

/// Whether all nodes have the same tables.
pub(super) fn of_agreement(versions: &[Uuid]) -> Finding {
    let agree = versions.windows(2).all(|pair| pair[0] == pair[1]);
    let found = if agree { "all nodes the same" } else { "nodes differ" };
    let advice = "wait a minute; if `nodetool describecluster` still shows several versions, \
                  restart the nodes of the smaller side, one after the other";
    Finding::ok("cluster", "schema agreement", found).unless(agree, Severity::Warning, advice)
}

/// Copies by data center, against its nodes. `writers` is the data center in which a quorum is
/// taken, if one is configured.
pub(super) fn of_replication(
    about: &str,
    found: &BTreeMap<String, String>,
    nodes: &BTreeMap<String, usize>,
    writers: Option<&str>,
) -> Vec<Finding> {
    let class = found.get("class").map_or("", |class| class.rsplit('.').next().unwrap_or_default());
    if class != "NetworkTopologyStrategy" {
        let copies = found.get("replication_factor").and_then(|copies| copies.parse().ok());
        let all = nodes.values().sum();
        let advice = "ALTER KEYSPACE … WITH replication = {'class': 'NetworkTopologyStrategy', …}: \
                      this strategy knows no racks and no data centers";
        return vec![
            Finding::ok(about, "replication", class).warning(advice),
            of_copies(about, "copies", copies.unwrap_or(0), all),
        ];
    }
    let centres = found.iter().filter(|(name, _)| *name != "class");
    let mut findings: Vec<_> = centres
        .map(|(centre, copies)| {
            let copies = copies.split('/').next().and_then(|copies| copies.parse().ok());
            let there = nodes.get(centre).copied().unwrap_or(0);
            of_copies(about, &format!("copies in {centre}"), copies.unwrap_or(0), there)
        })
        .collect();
    if let Some(centre) = writers.filter(|centre| !found.contains_key(*centre)) {
        let advice = "set cassandra.datacenter to one of the keyspace's, or ALTER KEYSPACE";
        findings.push(Finding::ok(about, &format!("copies in {centre}"), 0).error(advice));
    }
    findings
}

fn of_copies(about: &str, what: &str, copies: usize, nodes: usize) -> Finding {
    let finding = Finding::ok(about, what, copies);
    if copies > nodes {
        let advice =
            format!("add nodes: there are {nodes}, and a quorum counts copies that nobody has");
        return finding.error(advice);
    }
    let advice = match copies {
        0 | 1 => {
            "ALTER KEYSPACE to 3 copies on 3 nodes, then `nodetool repair -full`: one node's death \
             stops likes, and one disk's loses them"
        }
        _ => {
            "ALTER KEYSPACE to 3 copies on 3 nodes, then `nodetool repair -full`: a quorum of 2 is \
             2, so one node's death stops likes"
        }
    };
    finding.unless(copies >= COPIES, Severity::Warning, advice)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    #[test]
    fn versions_compare_by_their_numbers() {
        assert_eq!(version("5.0.8"), (5, 0, 8));
        assert_eq!(version("5.0-beta1-SNAPSHOT"), (5, 0, 0));
        assert_eq!(version("nonsense"), (0, 0, 0));
        let severity = |release| of_version("a", release).severity;
        assert_eq!(severity("4.1.6"), Severity::Ok);
        assert_eq!(severity("4.1.10"), Severity::Ok);
        assert_eq!(severity("4.1.5"), Severity::Error);
    }

    #[test]
    fn what_loses_acknowledged_writes_is_an_error() {
        let judged = |sync: &str, paxos: &str| {
            let settings = map(&[("commitlog_sync", sync), ("paxos_variant", paxos)]);
            let findings = of_settings("a", &settings);
            [findings[0].severity, findings[1].severity]
        };
        assert_eq!(judged("batch", "v2"), [Severity::Ok, Severity::Ok]);
        assert_eq!(
            judged("group", "v2_without_linearizable_reads"),
            [Severity::Ok, Severity::Error]
        );
        assert_eq!(judged("periodic", "v1"), [Severity::Error, Severity::Error]);
        let untold = of_settings("a", &BTreeMap::new());
        assert!(untold.iter().all(|finding| finding.severity == Severity::Error));
    }

    #[test]
    fn copies_are_counted_by_data_center() {
        let judged = |copies: &str, nodes: usize, writers: Option<&str>| {
            let class = "org.apache.cassandra.locator.NetworkTopologyStrategy";
            let found = map(&[("class", class), ("dc1", copies)]);
            let nodes = BTreeMap::from([("dc1".to_owned(), nodes)]);
            let findings = of_replication("keyspace k", &found, &nodes, writers);
            findings.into_iter().map(|finding| finding.severity).max().unwrap()
        };
        assert_eq!(judged("3", 3, Some("dc1")), Severity::Ok);
        assert_eq!(judged("3/1", 5, None), Severity::Ok);
        assert_eq!(judged("2", 3, None), Severity::Warning);
        assert_eq!(judged("1", 3, None), Severity::Warning);
        assert_eq!(judged("3", 2, None), Severity::Error);
        assert_eq!(judged("3", 3, Some("dc2")), Severity::Error);
    }

    #[test]
    fn nodes_that_have_other_tables_are_told() {
        let [one, other] = [1, 2].map(Uuid::from_u128);
        assert_eq!(of_agreement(&[one, one, one]).severity, Severity::Ok);
        assert_eq!(of_agreement(&[one, one, other]).severity, Severity::Warning);
    }
}
