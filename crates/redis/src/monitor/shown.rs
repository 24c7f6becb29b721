//! The figures as metrics. What was not read in the last round is not shown: a figure that stands
//! still looks like a server that is well.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use kudos_runtime::metrics::meter;
use opentelemetry::KeyValue;
use parking_lot::Mutex;

use super::figures::{Kind, TABLE};
use super::members::Member;
use super::reading::{Link, Reading, Replica, Role};

/// What the last round has found.
pub(super) struct Shown {
    round: Mutex<Option<(Instant, Arc<[Node]>)>>,
    /// How long a round is shown if none follows.
    lasts: Duration,
}

/// A node and what it told; none if it did not answer.
pub(super) struct Node {
    pub(super) address: String,
    /// What it is, or was when somebody last knew.
    pub(super) role: Role,
    pub(super) reading: Option<Reading>,
    /// What the others say of it, which is known of the dead too; none without a cluster.
    pub(super) place: Option<Place>,
}

/// What a node is in its cluster.
pub(super) struct Place {
    pub(super) slots: u32,
    pub(super) span: Option<(u16, u16)>,
    /// The address of its master, if it is a replica.
    pub(super) master: Option<String>,
    pub(super) failed: bool,
}

impl Place {
    pub(super) fn of(member: &Member, members: &[Member]) -> Option<Self> {
        let Member { slots, span, failed, .. } = *member;
        let id = member.master.as_deref();
        let master = members.iter().find(|other| id == Some(other.id.as_str()));
        let master = master.map(|master| master.address.clone());
        (!member.id.is_empty()).then_some(Self { slots, span, master, failed })
    }
}

type Labels = Vec<KeyValue>;

impl Shown {
    /// Nothing yet; shown from now on, for as long as it is kept.
    pub(super) fn new(lasts: Duration) -> Arc<Self> {
        let shown = Arc::new(Self { round: Mutex::default(), lasts });
        for (place, figure) in TABLE.iter().enumerate() {
            let all = move |node: &Node| {
                let value = node.reading.as_ref().and_then(|reading| reading.figures[place]);
                value.map(|value| (value, node.labels())).into_iter().collect()
            };
            match figure.kind {
                Kind::Gauge => gauge(&shown, figure.name, figure.help, all),
                Kind::Counter => counter(&shown, figure.name, figure.help, all),
            }
        }
        gauge(&shown, "redis_up", "1 if the server answers", |node| {
            let role = KeyValue::new("instance_role", node.role.as_str());
            let up = if node.reading.is_some() { 1.0 } else { 0.0 };
            vec![(up, [node.labels(), vec![role]].concat())]
        });
        let help = "How far a replica has confirmed the stream of changes";
        replicas(&shown, "redis_connected_slave_offset_bytes", help, |replica| {
            Some(replica.offset)
        });
        let help = "Seconds since a replica last confirmed anything";
        replicas(&shown, "redis_connected_slave_lag_seconds", help, |replica| replica.lag);
        let help = "How far a replica has read the stream of changes";
        link(&shown, "redis_slave_repl_offset", help, |link| link.offset);
        let help = "1 if a replica is connected to its master";
        link(&shown, "redis_master_link_up", help, |link| Some(f64::from(u8::from(link.up))));
        let help = "Seconds since anything came from the master";
        link(&shown, "redis_master_last_io_seconds_ago", help, |link| link.last_io);
        show_places(&shown);
        shown
    }

    pub(super) fn show(&self, nodes: Vec<Node>) {
        *self.round.lock() = Some((Instant::now(), nodes.into()));
    }

    fn now(&self) -> Option<Arc<[Node]>> {
        let round = self.round.lock();
        let (at, nodes) = round.as_ref()?;
        (at.elapsed() <= self.lasts).then(|| Arc::clone(nodes))
    }
}

impl Node {
    fn labels(&self) -> Labels {
        vec![KeyValue::new("node", self.address.clone())]
    }
}

fn gauge(
    shown: &Arc<Shown>,
    name: &'static str,
    help: &'static str,
    all: impl Fn(&Node) -> Vec<(f64, Labels)> + Send + Sync + 'static,
) {
    let shown = Arc::downgrade(shown);
    let callback = move |observer: &dyn opentelemetry::metrics::AsyncInstrument<f64>| {
        each(&shown, &all, |value, labels| observer.observe(value, labels));
    };
    meter().f64_observable_gauge(name).with_description(help).with_callback(callback).build();
}

fn counter(
    shown: &Arc<Shown>,
    name: &'static str,
    help: &'static str,
    all: impl Fn(&Node) -> Vec<(f64, Labels)> + Send + Sync + 'static,
) {
    let shown = Arc::downgrade(shown);
    let callback = move |observer: &dyn opentelemetry::metrics::AsyncInstrument<f64>| {
        each(&shown, &all, |value, labels| observer.observe(value, labels));
    };
    meter().f64_observable_counter(name).with_description(help).with_callback(callback).build();
}

fn each(
    shown: &Weak<Shown>,
    all: impl Fn(&Node) -> Vec<(f64, Labels)>,
    observe: impl Fn(f64, &[KeyValue]),
) {
    let nodes = shown.upgrade().and_then(|shown| shown.now());
    for (value, labels) in nodes.iter().flat_map(|nodes| nodes.iter()).flat_map(all) {
        observe(value, &labels);
    }
}

/// What the cluster says of each node, so that it can be drawn, the dead too.
fn show_places(shown: &Arc<Shown>) {
    let help = "Slots that the node serves, to the others";
    place(shown, "redis_cluster_node_slots", help, |place| Some(place.slots.into()));
    let help = "The first slot that the node serves, to the others";
    place(shown, "redis_cluster_node_first_slot", help, |place| Some(place.span?.0.into()));
    let help = "The last slot that the node serves, to the others";
    place(shown, "redis_cluster_node_last_slot", help, |place| Some(place.span?.1.into()));
    let help = "1 if the others have agreed that the node is dead";
    place(shown, "redis_cluster_node_failed", help, |place| {
        Some(f64::from(u8::from(place.failed)))
    });
    let help = "1 for a replica and its master";
    gauge(shown, "redis_cluster_node_follows", help, |node| {
        let master = node.place.as_ref().and_then(|place| place.master.clone());
        let master = master.filter(|_| node.role == Role::Slave);
        let labelled = |master| [node.labels(), vec![KeyValue::new("master", master)]].concat();
        master.map(|master| (1.0, labelled(master))).into_iter().collect()
    });
}

/// A figure of what the cluster says of each node.
fn place(
    shown: &Arc<Shown>,
    name: &'static str,
    help: &'static str,
    figure: fn(&Place) -> Option<f64>,
) {
    gauge(shown, name, help, move |node| {
        let value = node.place.as_ref().and_then(figure);
        value.map(|value| (value, node.labels())).into_iter().collect()
    });
}

/// A figure of each replica that a master knows.
fn replicas(
    shown: &Arc<Shown>,
    name: &'static str,
    help: &'static str,
    figure: fn(&Replica) -> Option<f64>,
) {
    gauge(shown, name, help, move |node| {
        let replicas = node.reading.iter().flat_map(|reading| &reading.replicas);
        let labelled = |replica: &Replica| {
            let more = [
                KeyValue::new("slave_ip", replica.ip.clone()),
                KeyValue::new("slave_port", replica.port.to_string()),
                KeyValue::new("slave_state", replica.state),
            ];
            Some((figure(replica)?, [node.labels(), more.to_vec()].concat()))
        };
        replicas.filter_map(labelled).collect()
    });
}

/// A figure of what a replica knows of its master.
fn link(
    shown: &Arc<Shown>,
    name: &'static str,
    help: &'static str,
    figure: fn(&Link) -> Option<f64>,
) {
    gauge(shown, name, help, move |node| {
        let link = node.reading.as_ref().and_then(|reading| reading.link.as_ref());
        let labelled = |link: &Link| {
            let more = [
                KeyValue::new("master_host", link.host.clone()),
                KeyValue::new("master_port", link.port.to_string()),
            ];
            Some((figure(link)?, [node.labels(), more.to_vec()].concat()))
        };
        link.and_then(labelled).into_iter().collect()
    });
}
