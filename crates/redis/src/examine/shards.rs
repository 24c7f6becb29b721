use kudos_runtime::finding::{Finding, Severity};

use crate::monitor::members::Member;
use crate::monitor::reading::Role;
use crate::settings::host_and_port;
use crate::slot::SLOTS;

/// Fewer masters have no majority once one is dead, and so no failover.
const FEWEST: usize = 3;

/// What the members of a cluster are to each other.
pub(super) fn judge(members: &[Member]) -> Vec<Finding> {
    let is_master = |member: &&Member| member.role == Role::Master && member.slots > 0;
    let masters: Vec<_> = members.iter().filter(is_master).collect();
    let mut findings = vec![of_slots(&masters), of_majority(masters.len())];
    findings.extend(members.iter().filter(|member| member.failed).map(|member| {
        let advice = "start it; if it is gone for good, CLUSTER FORGET it on every other node";
        Finding::ok(&member.address, "state, to the others", "failed").error(advice)
    }));
    findings.extend(masters.into_iter().map(|master| of_replicas(master, members)));
    findings
}

fn of_slots(masters: &[&Member]) -> Finding {
    let alive = masters.iter().filter(|master| !master.failed);
    let served = alive.map(|master| master.slots).sum::<u32>().min(SLOTS.into());
    let advice = "`redis-cli --cluster fix`, or start the masters that serve the others: counts of \
                  their posts come from the truth meanwhile";
    Finding::ok("cluster", "slots served", format!("{served} of {SLOTS}")).unless(
        served == u32::from(SLOTS),
        Severity::Error,
        advice,
    )
}

fn of_majority(masters: usize) -> Finding {
    let advice = "have three masters at least: without a majority of them nobody takes over";
    Finding::ok("cluster", "masters", masters).unless(masters >= FEWEST, Severity::Warning, advice)
}

fn of_replicas(master: &Member, members: &[Member]) -> Finding {
    let is_its = |member: &&Member| member.master.as_ref() == Some(&master.id) && !member.failed;
    let replicas: Vec<_> = members.iter().filter(is_its).collect();
    let elsewhere = |replica: &&Member| host(&replica.address) != host(&master.address);
    let apart = replicas.is_empty() || replicas.iter().any(elsewhere);
    Finding::ok(&master.address, "replicas", replicas.len())
        .unless(
            !replicas.is_empty(),
            Severity::Warning,
            "add one (`redis-cli --cluster add-node … --cluster-slave`): while this master is \
             dead, nobody serves its slots",
        )
        .unless(
            apart,
            Severity::Warning,
            "put one on another machine: all of them die with their master's",
        )
}

fn host(address: &str) -> &str {
    host_and_port(address).map_or(address, |(host, _)| host)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::monitor::members::members;

    const WELL: &str = "\
        a 10.0.0.1:1@9 master - 0 0 1 connected 0-5460\n\
        b 10.0.0.2:1@9 master - 0 0 1 connected 5461-10922\n\
        c 10.0.0.3:1@9 master - 0 0 1 connected 10923-16383\n\
        d 10.0.0.2:2@9 slave a 0 0 1 connected\n\
        e 10.0.0.3:2@9 slave b 0 0 1 connected\n\
        f 10.0.0.1:2@9 slave c 0 0 1 connected\n";

    fn bad(from: &str, to: &str) -> Vec<(String, String, Severity)> {
        let findings = judge(&members(&WELL.replace(from, to), "", false));
        let bad = findings.into_iter().filter(|finding| finding.severity != Severity::Ok);
        bad.map(|finding| (finding.about, finding.what, finding.severity)).collect()
    }

    fn one(about: &str, what: &str, severity: Severity) -> Vec<(String, String, Severity)> {
        vec![(about.to_owned(), what.to_owned(), severity)]
    }

    #[test]
    fn a_cluster_that_is_well_has_nothing_bad() {
        assert_eq!(bad("", ""), []);
    }

    #[test]
    fn what_a_death_would_cost_is_told_before_it() {
        let warned = one("10.0.0.1:1", "replicas", Severity::Warning);
        assert_eq!(bad("d 10.0.0.2:2@9 slave a 0 0 1 connected\n", ""), warned);
        assert_eq!(bad("d 10.0.0.2:2", "d 10.0.0.1:7"), warned);
    }

    #[test]
    fn slots_that_nobody_serves_are_an_error() {
        assert_eq!(bad(" 0-5460", " 1-5460"), one("cluster", "slots served", Severity::Error));
        let dead = bad("b 10.0.0.2:1@9 master", "b 10.0.0.2:1@9 master,fail");
        assert_eq!(dead[0], one("cluster", "slots served", Severity::Error)[0]);
        assert_eq!(dead[1], one("10.0.0.2:1", "state, to the others", Severity::Error)[0]);
    }
}
