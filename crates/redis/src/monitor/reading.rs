//! What a server tells of itself: INFO and CLUSTER INFO, read without ever failing halfway.

use super::figures::{FIGURES, Kind, TABLE, place};

/// The most replicas of a master that are shown.
const MOST_REPLICAS: usize = 16;

/// What a node is to the others, as Redis spells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Master,
    Slave,
}

impl Role {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Master => "master",
            Self::Slave => "slave",
        }
    }
}

/// The figures of one node at one moment.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Reading {
    pub(super) role: Role,
    /// In the order of [`TABLE`]; none for what the server did not tell, or not as a number.
    pub(super) figures: [Option<f64>; FIGURES],
    /// Of a master.
    pub(super) replicas: Vec<Replica>,
    /// Of a replica.
    pub(super) link: Option<Link>,
}

/// A replica, as its master sees it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Replica {
    pub(super) ip: String,
    pub(super) port: u16,
    pub(super) state: &'static str,
    /// How far it has confirmed the stream of changes.
    pub(super) offset: f64,
    /// Seconds since it last confirmed anything.
    pub(super) lag: Option<f64>,
}

/// The master of a replica, as the replica sees it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Link {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) up: bool,
    pub(super) offset: Option<f64>,
    /// Seconds since anything came from it; none while it is gone.
    pub(super) last_io: Option<f64>,
}

impl Reading {
    /// Reads the answers of INFO and, on a node of a cluster, CLUSTER INFO. None if they are not
    /// of a Redis that says what it is. A line that makes no sense counts for nothing.
    pub(super) fn read(info: &str, cluster: &str) -> Option<Self> {
        let mut role = None;
        let mut figures = [None; FIGURES];
        let mut replicas = Vec::new();
        let (mut host, mut port) = (None, None);
        let (mut up, mut offset, mut last_io) = (false, None, None);
        let lines = info.lines().chain(cluster.lines());
        for (field, value) in lines.filter_map(|line| line.trim_end().split_once(':')) {
            match field {
                "role" => role = role_of(value),
                "master_host" => host = plain(value),
                "master_port" => port = value.parse().ok(),
                "master_link_status" => up = value == "up",
                "master_last_io_seconds_ago" => last_io = number(value).filter(|&ago| ago >= 0.0),
                "slave_repl_offset" => offset = number(value),
                _ => match place(field) {
                    Some(place) => figures[place] = figure(TABLE[place].kind, value),
                    None if replicas.len() < MOST_REPLICAS => {
                        replicas.extend(replica(field, value))
                    }
                    None => {}
                },
            }
        }
        let link = host.zip(port).map(|(host, port)| Link { host, port, up, offset, last_io });
        let link = link.filter(|_| role == Some(Role::Slave));
        Some(Self { role: role?, figures, replicas, link })
    }
}

fn role_of(value: &str) -> Option<Role> {
    match value {
        "master" => Some(Role::Master),
        "slave" => Some(Role::Slave),
        _ => None,
    }
}

fn figure(kind: Kind, value: &str) -> Option<f64> {
    match value {
        "ok" => Some(1.0),
        "fail" | "err" => Some(0.0),
        _ => number(value).filter(|&number| kind == Kind::Gauge || number >= 0.0),
    }
}

fn number(value: &str) -> Option<f64> {
    value.parse().ok().filter(|number: &f64| number.is_finite())
}

/// An address as a label: short, and without anything that an address has not.
fn plain(value: &str) -> Option<String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | ':' | '-' | '_');
    let plain = !value.is_empty() && value.len() <= 253 && value.chars().all(fits);
    plain.then(|| value.to_owned())
}

/// Reads `slave0:ip=10.0.0.1,port=6379,state=online,offset=1751844676,lag=0`.
fn replica(field: &str, value: &str) -> Option<Replica> {
    field.strip_prefix("slave")?.parse::<u32>().ok()?;
    let part = |name: &str| {
        let mut parts = value.split(',').filter_map(|part| part.split_once('='));
        parts.find(|(key, _)| *key == name).map(|(_, value)| value)
    };
    let state = match part("state")? {
        "online" => "online",
        "wait_bgsave" => "wait_bgsave",
        "send_bulk" => "send_bulk",
        _ => "other",
    };
    Some(Replica {
        ip: plain(part("ip")?)?,
        port: part("port")?.parse().ok()?,
        state,
        offset: number(part("offset")?)?,
        lag: part("lag").and_then(number).filter(|&lag| lag >= 0.0),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MASTER: &str = "# Server\r\nredis_version:7.0.15\r\nuptime_in_seconds:77\r\n\
        # Clients\r\nconnected_clients:1250\r\nmaxclients:10000\r\n\
        # Memory\r\nused_memory:30064771072\r\nmaxmemory:34359738368\r\n\
        mem_fragmentation_ratio:1.20\r\nmaxmemory_policy:noeviction\r\n\
        # Persistence\r\nloading:0\r\nrdb_changes_since_last_save:45231\r\n\
        rdb_last_save_time:1736937000\r\nrdb_last_bgsave_status:ok\r\naof_last_write_status:err\r\n\
        # Stats\r\ntotal_commands_processed:9000\r\ninstantaneous_ops_per_sec:125000\r\n\
        evicted_keys:3\r\n# Replication\r\nrole:master\r\nconnected_slaves:2\r\n\
        slave0:ip=10.0.0.2,port=7003,state=online,offset=99,lag=1\r\n\
        slave1:ip=::1,port=7004,state=wait_bgsave,offset=0\r\nmaster_repl_offset:100\r\n";
    const CLUSTER: &str = "cluster_state:fail\r\ncluster_slots_ok:10923\r\n\
        cluster_slots_pfail:0\r\ncluster_slots_fail:5461\r\ncluster_known_nodes:6\r\n";

    fn of(reading: &Reading, field: &str) -> Option<f64> {
        reading.figures[place(field).unwrap()]
    }

    #[test]
    fn a_master_tells_its_figures() {
        let reading = Reading::read(MASTER, CLUSTER).unwrap();
        assert_eq!(reading.role, Role::Master);
        for (field, figure) in [
            ("connected_clients", 1250.0),
            ("used_memory", 30_064_771_072.0),
            ("maxmemory", 34_359_738_368.0),
            ("mem_fragmentation_ratio", 1.2),
            ("rdb_changes_since_last_save", 45_231.0),
            ("rdb_last_save_time", 1_736_937_000.0),
            ("rdb_last_bgsave_status", 1.0),
            ("aof_last_write_status", 0.0),
            ("instantaneous_ops_per_sec", 125_000.0),
            ("evicted_keys", 3.0),
            ("master_repl_offset", 100.0),
            ("cluster_state", 0.0),
            ("cluster_slots_ok", 10_923.0),
            ("cluster_slots_fail", 5_461.0),
        ] {
            assert_eq!(of(&reading, field), Some(figure), "{field}");
        }
        assert_eq!(of(&reading, "blocked_clients"), None);
        let replica = |ip: &str, port, state, offset, lag| Replica {
            ip: ip.to_owned(),
            port,
            state,
            offset,
            lag,
        };
        let online = replica("10.0.0.2", 7003, "online", 99.0, Some(1.0));
        let waiting = replica("::1", 7004, "wait_bgsave", 0.0, None);
        assert_eq!(reading.replicas, [online, waiting]);
        assert_eq!(reading.link, None);
    }

    #[test]
    fn a_replica_tells_of_its_master() {
        let info = "role:slave\r\nmaster_host:10.0.0.1\r\nmaster_port:7000\r\n\
            master_link_status:down\r\nmaster_last_io_seconds_ago:-1\r\nslave_repl_offset:98\r\n";
        let reading = Reading::read(info, "").unwrap();
        let host = "10.0.0.1".to_owned();
        let link = Link { host, port: 7000, up: false, offset: Some(98.0), last_io: None };
        assert_eq!((reading.role, reading.link), (Role::Slave, Some(link)));
    }

    #[test]
    fn a_line_that_makes_no_sense_counts_for_nothing() {
        let info = "role:master\nused_memory:lots\nmaxmemory:NaN\nconnected_clients:inf\n\
            evicted_keys:-1\nused_memory_rss\n:7\nblocked_clients:\n\
            slave0:ip=a b,port=1,state=online,offset=1\nslave1:ip=a,port=70000,state=online,offset=1\n\
            slave2:port=1\nslaves:ip=a,port=1,state=online,offset=1\nslave3:\n";
        let reading = Reading::read(info, "").unwrap();
        assert_eq!((reading.figures, reading.replicas), ([None; FIGURES], Vec::new()));
    }

    #[test]
    fn who_does_not_say_what_it_is_is_no_redis() {
        for info in ["", "role:", "role:sentinel", "used_memory:1", "<html>", "HTTP/1.1 400"] {
            assert_eq!(Reading::read(info, CLUSTER), None, "{info}");
        }
    }

    #[test]
    fn a_master_with_countless_replicas_shows_some() {
        let line = |i| format!("slave{i}:ip=a,port=1,state=weird,offset=1,lag=0\n");
        let info: String = (0..100).map(line).collect();
        let reading = Reading::read(&format!("role:master\n{info}"), "").unwrap();
        assert_eq!(reading.replicas.len(), MOST_REPLICAS);
        assert_eq!(reading.replicas[0].state, "other");
    }

    proptest! {
        #[test]
        fn no_text_is_too_strange(info in ".{0,200}", cut in 0..MASTER.len(), noise in "[:=,\r\n-]{0,9}") {
            let torn = format!("{}{noise}{}", &MASTER[..cut], &MASTER[cut..]);
            for text in [&info, &torn] {
                if let Some(reading) = Reading::read(text, &info) {
                    prop_assert!(reading.figures.iter().flatten().all(|figure| figure.is_finite()));
                }
            }
        }
    }
}
