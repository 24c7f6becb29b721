//! Packets that are lost between processes. `make test-faults` gives the stack and its tests a
//! network of their own, so that no rule reaches beyond them.

use std::process::Command;

/// What `stack` gives each node of Redis as its group, less its number.
const STACK_GROUP: u32 = 7447;
/// From a node's port to that of its cluster bus.
const BUS: u16 = 10_000;

/// Rules of the packet filter, taken back when dropped.
pub(crate) struct Cut(Vec<Vec<String>>);

impl Cut {
    /// Packets that match any of these are lost.
    pub(crate) fn packets(rules: &[String]) -> Self {
        let own = std::env::var("KUDOS_FAULTS_NETWORK").is_ok();
        assert!(own, "packets are lost in a network of its own only: `make test-faults`, as root");
        let mut cut = Self(Vec::new());
        for rule in rules {
            let rule: Vec<String> = rule.split_whitespace().map(str::to_owned).collect();
            filter("-A", &rule);
            cut.0.push(rule);
        }
        cut
    }

    /// From now on they pass again.
    pub(crate) fn heal(self) {
        drop(self);
    }
}

impl Drop for Cut {
    fn drop(&mut self) {
        self.0.iter().for_each(|rule| filter("-D", rule));
    }
}

fn filter(what: &str, rule: &[String]) {
    let mut command = Command::new("iptables");
    command.args([what, "OUTPUT", "-p", "tcp"]).args(rule).args(["-j", "DROP"]);
    let status = command.status().expect("iptables");
    assert!(status.success(), "{command:?}");
}

/// A node of Redis as packet filters know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Peer {
    pub(crate) port: u16,
    pub(crate) group: u32,
}

impl Peer {
    /// The node of that name and address.
    pub(crate) fn of(name: &str, address: &str) -> Self {
        let number: u32 = name.rsplit('-').next().unwrap().parse().unwrap();
        Self { port: port_of(address), group: STACK_GROUP + number }
    }

    /// The ports of its clients and of its bus.
    pub(crate) fn ports(self) -> [u16; 2] {
        [self.port, self.port + BUS]
    }
}

pub(crate) fn port_of(address: &str) -> u16 {
    address.rsplit(':').next().unwrap().parse().unwrap()
}

/// A list of ports as the packet filter takes it.
pub(crate) fn list(ports: impl IntoIterator<Item = u16>) -> String {
    ports.into_iter().map(|port| port.to_string()).collect::<Vec<_>>().join(",")
}
