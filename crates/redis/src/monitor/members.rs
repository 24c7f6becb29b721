//! Who belongs to a cluster, the dead too: CLUSTER NODES.

use super::reading::Role;

/// The most nodes that are watched.
const MOST_NODES: usize = 500;

/// A node, as another one knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Member {
    pub(crate) address: String,
    pub(crate) role: Role,
    /// What nodes call it among themselves; empty if nobody was asked.
    pub(crate) id: String,
    /// The id of its master, if it is a replica.
    pub(crate) master: Option<String>,
    /// Whether the cluster has agreed that it is dead.
    pub(crate) failed: bool,
    /// How many slots it serves.
    pub(crate) slots: u32,
    /// The first and the last of them.
    pub(crate) span: Option<(u16, u16)>,
}

impl Member {
    /// A node of the settings, of which nobody has said anything.
    pub(crate) fn named(address: &str) -> Self {
        let (id, address) = (String::new(), address.to_owned());
        let (master, span) = (None, None);
        Self { address, role: Role::Master, id, master, failed: false, slots: 0, span }
    }
}

/// Reads the answer of CLUSTER NODES. `asked` is the host that answered, for a node that does not
/// know its own; `by_name` takes the name that a node announces rather than its address. A line
/// that makes no sense counts for nothing.
pub(crate) fn members(text: &str, asked: &str, by_name: bool) -> Vec<Member> {
    text.lines().filter_map(|line| member(line, asked, by_name)).take(MOST_NODES).collect()
}

/// Reads `<id> <ip>:<port>@<bus port>[,<name>] <flags> <master> <ping> <pong> <epoch> <link> <slots>…`.
fn member(line: &str, asked: &str, by_name: bool) -> Option<Member> {
    let mut words = line.split(' ');
    let (id, place, flags) = (words.next()?, words.next()?, words.next()?);
    let has = |flag: &str| flags.split(',').any(|known| known == flag);
    // Nobody knows where these are, or whether they belong here.
    if has("noaddr") || has("handshake") {
        return None;
    }
    let role = match (has("master"), has("slave")) {
        (true, false) => Role::Master,
        (false, true) => Role::Slave,
        _ => return None,
    };
    let mut parts = place.split(',');
    let (ip, port) = parts.next()?.split('@').next()?.rsplit_once(':')?;
    let port: u16 = port.parse().ok()?;
    let name = parts.next().filter(|name| by_name && !name.is_empty());
    let ip = if ip.is_empty() { asked } else { ip };
    let master = words.next().filter(|_| role == Role::Slave).map(str::to_owned);
    let ranges: Vec<_> = words.skip(4).filter_map(range).collect();
    let first = ranges.iter().map(|&(first, _)| first).min();
    Some(Member {
        address: format!("{}:{port}", name.unwrap_or(ip)),
        role,
        id: id.to_owned(),
        master,
        failed: has("fail"),
        slots: ranges.iter().map(|&range| slots(range)).fold(0, u32::saturating_add),
        span: first.zip(ranges.iter().map(|&(_, last)| last).max()),
    })
}

/// The slots `0-5460` or `7`; none if they are on their way, as in `[93-<-2929]`.
fn range(text: &str) -> Option<(u16, u16)> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (first.parse().ok()?, last.parse().ok()?);
    (first <= last).then_some((first, last))
}

fn slots((first, last): (u16, u16)) -> u32 {
    u32::from(last - first) + 1
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NODES: &str = "\
        07c3 127.0.0.1:30004@31004,hostname4 slave e7d1 0 1426238317239 4 connected\n\
        67ed 127.0.0.1:30002@31002,hostname2 master - 0 1426238316232 2 connected 5461-10922\n\
        2929 127.0.0.1:30003@31003 master,fail - 0 1426238318243 3 disconnected 10923-16383\n\
        6ec2 127.0.0.1:30005@31005 slave,fail? 67ed 0 1426238316232 5 connected\n\
        e7d1 :30001@31001 myself,master - 0 0 1 connected 0-5460 [93-<-2929]\n\
        8888 :0@0 master,noaddr - 0 0 0 disconnected\n\
        9999 127.0.0.1:30009@31009 handshake - 0 0 0 connected\n\n";

    #[test]
    fn the_dead_belong_to_a_cluster_too() {
        let found = members(NODES, "seed", false);
        let found: Vec<_> = found.iter().map(|m| (m.address.as_str(), m.role)).collect();
        let expected = [
            ("127.0.0.1:30004", Role::Slave),
            ("127.0.0.1:30002", Role::Master),
            ("127.0.0.1:30003", Role::Master),
            ("127.0.0.1:30005", Role::Slave),
            ("seed:30001", Role::Master),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn a_replica_knows_its_master_and_a_master_its_slots() {
        let found = members(NODES, "seed", false);
        let of = |place: usize| (found[place].master.as_deref(), found[place].slots);
        assert_eq!(of(0), (Some("e7d1"), 0));
        assert_eq!(of(1), (None, 5_462));
        assert_eq!(of(4), (None, 5_461));
        assert_eq!(found[4].id, "e7d1");
        let failed: Vec<_> = found.iter().map(|member| member.failed).collect();
        assert_eq!(failed, [false, false, true, false, false]);
        let spans: Vec<_> = found.iter().map(|member| member.span).collect();
        let spanned = [(5_461, 10_922), (10_923, 16_383), (0, 5_460)].map(Some);
        assert_eq!(spans, [None, spanned[0], spanned[1], None, spanned[2]]);
        assert_eq!(range("7").map(slots), Some(1));
        assert_eq!([range("[93-<-2929]"), range("9-3"), range("x")], [None; 3]);
    }

    #[test]
    fn a_name_is_taken_where_certificates_are_for_names() {
        let found = members(NODES, "seed", true);
        assert_eq!(found[0].address, "hostname4:30004");
        assert_eq!(found[2].address, "127.0.0.1:30003");
    }

    #[test]
    fn there_are_never_too_many() {
        let line = |i| format!("id 10.0.0.1:{i}@1 master - 0 0 0 connected\n");
        let text: String = (1..=MOST_NODES + 9).map(line).collect();
        assert_eq!(members(&text, "seed", false).len(), MOST_NODES);
    }

    proptest! {
        #[test]
        fn no_text_is_too_strange(text in ".{0,200}", cut in 0..NODES.len(), noise in "[ :@,\n-]{0,9}") {
            members(&text, "seed", true);
            members(&format!("{}{noise}{}", &NODES[..cut], &NODES[cut..]), "seed", false);
        }
    }
}
