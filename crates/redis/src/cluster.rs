//! The nodes that are known, and who serves what: asked again and again in the background.

use std::collections::HashMap;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Weak};
use std::time::Duration;

use futures::future::join_all;
use kudos_core::PortError;
use kudos_degraded::{Breakers, Bulkhead, Deadline, Observer};
use parking_lot::RwLock;
use tokio::sync::{Notify, watch};

use crate::connect::Connector;
use crate::failure::{Cause, Failure};
use crate::node::{Node, Shared, breaker_config};
use crate::settings::{Mode, ReadReplicas, RedisSettings, host_and_port};
use crate::topology::{Shard, Topology};

/// The most nodes that are known at once.
const MOST_NODES: usize = 2_000;
/// Nodes that are asked who serves what: enough that one is right, few enough that asking is cheap.
const ASKED: usize = 5;
/// The least time between two looks at who serves what.
const LEAST_GAP: Duration = Duration::from_millis(150);

/// How far the topology is known.
#[derive(Clone)]
enum View {
    /// Nobody was asked yet.
    Pending,
    /// Nobody answered yet.
    Unknown,
    Known(Arc<Topology>),
}

/// Nodes by address, and whether they are asked as replicas.
type Nodes = HashMap<(String, bool), Arc<Node>>;

/// The nodes of a deployment.
pub(crate) struct Cluster {
    pub(crate) shared: Arc<Shared>,
    pub(crate) observer: Arc<dyn Observer>,
    breakers: Breakers,
    nodes: RwLock<Nodes>,
    view: watch::Sender<View>,
    /// Told after each look at who serves what.
    looked: Notify,
}

impl Cluster {
    /// Knows nothing yet; [`keep`] makes it look.
    pub(crate) fn new(
        settings: RedisSettings,
        connector: Connector,
        observer: Arc<dyn Observer>,
    ) -> Arc<Self> {
        let breakers = Breakers::observed(breaker_config(), MOST_NODES, Arc::clone(&observer))
            .expect("the configuration of breakers is a constant that is valid");
        let view = match settings.mode {
            Mode::Single => View::Known(Arc::new(Topology::single(&settings.nodes[0]))),
            Mode::Cluster => View::Pending,
        };
        let shared = Arc::new(Shared { connector, settings, refresh: Notify::new() });
        Arc::new(Self {
            shared,
            observer,
            breakers,
            nodes: RwLock::default(),
            view: watch::Sender::new(view),
            looked: Notify::new(),
        })
    }

    pub(crate) fn settings(&self) -> &RedisSettings {
        &self.shared.settings
    }

    /// What is known now, without waiting.
    pub(crate) fn known(&self) -> Option<Arc<Topology>> {
        match &*self.view.borrow() {
            View::Known(topology) => Some(Arc::clone(topology)),
            View::Pending | View::Unknown => None,
        }
    }

    /// Who serves what. Waits only for the first look after the start: later, unknown means that
    /// nobody answers.
    pub(crate) async fn topology(&self, deadline: Deadline) -> Result<Arc<Topology>, Failure> {
        let mut view = self.view.subscribe();
        let first = view.wait_for(|view| !matches!(view, View::Pending));
        let _ = deadline.within(self.settings().connect() * 2).run(first).await;
        self.known().ok_or_else(|| {
            self.shared.refresh.notify_one();
            Failure::general(Cause::NoTopology)
        })
    }

    /// Looks at who serves what, and waits for it.
    pub(crate) async fn look_again(&self, deadline: Deadline) {
        let looked = self.looked.notified();
        self.shared.refresh.notify_one();
        let _ = deadline.within(self.settings().connect() + LEAST_GAP).run(looked).await;
    }

    /// The node of an address; `as_replica` for one that is asked for what its master serves.
    pub(crate) fn node(&self, address: &str, as_replica: bool) -> Arc<Node> {
        let key = (address.to_owned(), as_replica);
        if let Some(node) = self.nodes.read().get(&key) {
            return Arc::clone(node);
        }
        let mut nodes = self.nodes.write();
        let make = || {
            let limits = Node::limits(self.settings());
            let bulkhead = Bulkhead::observed("redis", limits, Arc::clone(&self.observer))
                .expect("validated settings make valid limits");
            let breaker = self.breakers.get(address);
            let shared = Arc::clone(&self.shared);
            Arc::new(Node::new(address, as_replica, shared, breaker, bulkhead))
        };
        Arc::clone(nodes.entry(key).or_insert_with(make))
    }

    /// The nodes to ask about a shard, the first one first.
    pub(crate) fn candidates(&self, shard: &Shard, reads: bool) -> Vec<Arc<Node>> {
        let master = self.node(&shard.master, false);
        let replica = || {
            let replicas = &shard.replicas;
            let one = (!replicas.is_empty()).then(|| fastrand::usize(..replicas.len()))?;
            Some(self.node(&replicas[one], true))
        };
        match (reads, self.settings().read_replicas) {
            (false, _) | (true, ReadReplicas::Never) => vec![master],
            (true, ReadReplicas::Fallback) => {
                [Some(master), replica()].into_iter().flatten().collect()
            }
            (true, ReadReplicas::Prefer) => {
                [replica(), Some(master)].into_iter().flatten().collect()
            }
        }
    }

    async fn look(&self) {
        // What was missing may have been loaded.
        self.nodes.read().values().for_each(|node| node.lacks_library.store(false, Relaxed));
        if self.settings().mode == Mode::Cluster {
            self.ask_around().await;
        }
        self.looked.notify_waiters();
    }

    async fn ask_around(&self) {
        let deadline = Deadline::after(self.settings().connect() + self.settings().response());
        let mut addresses: Vec<String> = self.settings().nodes.clone();
        let known = self.known();
        addresses.extend(known.iter().flat_map(|known| known.addresses()).map(str::to_owned));
        addresses.sort_unstable();
        addresses.dedup();
        fastrand::shuffle(&mut addresses);
        let answers = addresses.iter().take(ASKED).map(|address| self.ask(address, deadline));
        let answers = join_all(answers).await.into_iter().flatten();
        match answers.max_by_key(|(standing, _)| *standing) {
            Some((_, topology)) => self.take_over(topology),
            None => {
                self.view.send_if_modified(|view| {
                    let pending = matches!(view, View::Pending);
                    if pending {
                        *view = View::Unknown;
                    }
                    pending
                });
            }
        }
    }

    /// A node's view of the cluster, and how much it is worth: whether the node sees the majority,
    /// its epoch, and how many slots it knows of.
    async fn ask(
        &self,
        address: &str,
        deadline: Deadline,
    ) -> Option<((bool, u64, usize), Topology)> {
        let mut pipeline = redis::pipe();
        pipeline.cmd("CLUSTER").arg("INFO").cmd("CLUSTER").arg("SLOTS");
        let replies = self.node(address, false).look(&pipeline, deadline).await.ok()?;
        let [info, slots] = replies.as_slice() else {
            return None;
        };
        let (host, _) = host_and_port(address)?;
        let topology = Topology::read(slots, host)?;
        let info: String = redis::from_redis_value_ref(info).ok()?;
        let field = |name: &str| info.lines().find_map(|line| line.strip_prefix(name));
        let sees_majority = field("cluster_state:") == Some("ok");
        let epoch = field("cluster_current_epoch:").and_then(|epoch| epoch.parse().ok());
        Some(((sees_majority, epoch.unwrap_or(0), topology.covered()), topology))
    }

    fn take_over(&self, topology: Topology) {
        let changed = self.known().is_none_or(|known| *known != topology);
        if !changed {
            return;
        }
        tracing::info!(
            masters = topology.shards().len(),
            slots = topology.covered(),
            "redis: who serves what has changed"
        );
        let seeds = &self.settings().nodes;
        let is_known = |address: &str| {
            topology.addresses().any(|known| known == address) || seeds.iter().any(|s| s == address)
        };
        self.nodes.write().retain(|(address, _), _| is_known(address));
        self.breakers.retain(is_known);
        self.view.send_replace(View::Known(Arc::new(topology)));
    }
}

/// Looks at who serves what: now, every so often, and soon after whatever asks for it. Ends with
/// the cluster.
pub(crate) async fn keep(cluster: Weak<Cluster>, shared: Arc<Shared>) {
    while let Some(cluster) = cluster.upgrade() {
        cluster.look().await;
        drop(cluster);
        tokio::time::sleep(LEAST_GAP).await;
        let _ = Deadline::after(shared.settings.refresh()).run(shared.refresh.notified()).await;
    }
}

impl From<Cause> for PortError {
    fn from(cause: Cause) -> Self {
        Failure::general(cause).into()
    }
}
