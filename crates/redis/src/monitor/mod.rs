//! Asks every server for its figures and shows them as metrics, under the names that
//! `redis_exporter` has made common, so that nothing else has to run for that.
//!
//! | question | file |
//! |---|---|
//! | which figures are there, and how are they called? | `figures.rs` |
//! | how is INFO read? | `reading.rs` |
//! | who belongs to the cluster, the dead too? | `members.rs` |
//! | how is a server asked? | `probe.rs` |
//! | how do the figures of a dead server vanish? | `shown.rs` |

mod figures;
pub(crate) mod members;
mod probe;
pub(crate) mod reading;
mod settings;
mod shown;

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::future::join_all;
use kudos_degraded::Deadline;
use kudos_runtime::config::InvalidSetting;
use redis::{Pipeline, Value};
use tokio::time::MissedTickBehavior;

use crate::connect::Connector;
use crate::settings::{Mode, RedisSettings, host_and_port};
use members::{Member, members};
use probe::Probe;
use reading::Reading;
use shown::{Node, Place, Shown};

pub use settings::MonitorSettings;

/// Nodes that are asked who belongs to the cluster: enough that one is right.
const ASKED: usize = 5;

/// Watches the servers of a deployment. Their figures are shown for as long as it runs.
pub struct Monitor {
    connector: Connector,
    redis: RedisSettings,
    settings: MonitorSettings,
    shown: Arc<Shown>,
    probes: BTreeMap<String, Probe>,
    /// Who is watched, and what each was when somebody last knew.
    watched: Vec<Member>,
    /// Whether it was said that the user may not ask who belongs to the cluster.
    refused: bool,
}

impl Monitor {
    /// A monitor that is idle until [`run`](Self::run). Make it after telemetry has started.
    ///
    /// # Errors
    /// Settings that make no sense, or name a file that cannot be read.
    pub fn new(redis: &RedisSettings, settings: MonitorSettings) -> Result<Self, InvalidSetting> {
        redis.validate()?;
        settings.validate()?;
        let connector = Connector::new(redis)?.patient(settings.timeout());
        let shown = Shown::new(settings.every() * 3);
        let watched = redis.nodes.iter().map(|address| Member::named(address)).collect();
        let (redis, probes) = (redis.clone(), BTreeMap::new());
        Ok(Self { connector, redis, settings, shown, probes, watched, refused: false })
    }

    /// Asks again and again; never returns. Dropping the future ends it and what is shown.
    pub async fn run(mut self) {
        let mut ticks = tokio::time::interval(self.settings.every());
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            if self.redis.mode == Mode::Cluster {
                self.learn().await;
            }
            self.round().await;
        }
    }

    /// Asks some who belongs to the cluster. Who is not known any more is not watched any more.
    async fn learn(&mut self) {
        let mut asked: Vec<_> = self.watched.iter().map(|member| member.address.clone()).collect();
        asked.extend(self.redis.nodes.iter().cloned());
        asked.sort_unstable();
        asked.dedup();
        fastrand::shuffle(&mut asked);
        asked.truncate(ASKED);
        let mut questions = redis::pipe();
        questions.cmd("CLUSTER").arg("INFO").cmd("CLUSTER").arg("NODES");
        let answers = self.ask(&asked, &questions).await;
        for refused in answers.iter().filter_map(|(_, answers)| refusal(answers.as_deref()?)) {
            if !std::mem::replace(&mut self.refused, true) {
                tracing::warn!(
                    refused,
                    "redis: only the nodes of redis.nodes are watched: see deploy/redis/users.acl"
                );
            }
        }
        let views = answers.iter().filter_map(|(address, answers)| {
            view(answers.as_deref()?, host_and_port(address)?.0, self.redis.tls)
        });
        if let Some((_, best)) = views.max_by_key(|(worth, _)| *worth) {
            self.watched = best;
        }
    }

    /// Asks everyone for their figures, and shows them.
    async fn round(&mut self) {
        let addresses: Vec<_> = self.watched.iter().map(|member| member.address.clone()).collect();
        let mut questions = redis::pipe();
        questions.cmd("INFO");
        if self.redis.mode == Mode::Cluster {
            questions.cmd("CLUSTER").arg("INFO");
        }
        let mut answers: BTreeMap<_, _> =
            self.ask(&addresses, &questions).await.into_iter().collect();
        let places: Vec<_> =
            self.watched.iter().map(|member| Place::of(member, &self.watched)).collect();
        let nodes = self.watched.iter_mut().zip(places).map(|(member, place)| {
            let answers = answers.remove(&member.address).flatten();
            let reading = answers.and_then(|answers| reading(&answers));
            // The others may not know yet what a node has become.
            member.role = reading.as_ref().map_or(member.role, |reading| reading.role);
            Node { address: member.address.clone(), role: member.role, reading, place }
        });
        self.shown.show(nodes.collect());
    }

    /// Asks all of them at once, each for a bounded time.
    async fn ask(
        &mut self,
        addresses: &[String],
        questions: &Pipeline,
    ) -> Vec<(String, Option<Vec<Value>>)> {
        let (watched, seeds) = (&self.watched, &self.redis.nodes);
        self.probes.retain(|address, _| {
            watched.iter().any(|member| member.address == *address) || seeds.contains(address)
        });
        for address in addresses {
            self.probes.entry(address.clone()).or_insert_with(|| Probe::new(address));
        }
        let deadline = Deadline::after(self.settings.timeout());
        let connector = &self.connector;
        let probes = self.probes.iter_mut().filter(|(address, _)| addresses.contains(address));
        let asked = probes.map(|(address, probe)| async move {
            (address.clone(), probe.ask(connector, questions, deadline).await)
        });
        join_all(asked).await
    }
}

impl std::fmt::Debug for Monitor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Monitor").field("settings", &self.settings).finish_non_exhaustive()
    }
}

fn text(answer: &Value) -> Option<String> {
    redis::from_redis_value_ref(answer).ok()
}

fn reading(answers: &[Value]) -> Option<Reading> {
    let (info, cluster) = answers.split_first()?;
    let cluster = cluster.first().and_then(text).unwrap_or_default();
    Reading::read(&text(info)?, &cluster)
}

/// What was said to a user who may not ask.
fn refusal(answers: &[Value]) -> Option<&str> {
    answers.iter().find_map(|answer| match answer {
        Value::ServerError(error) if error.code() == "NOPERM" => error.details(),
        _ => None,
    })
}

/// Who belongs to the cluster to one node, and how much that is worth: whether the node sees the
/// majority, its epoch, and how many it knows.
fn view(
    answers: &[Value],
    asked: &str,
    by_name: bool,
) -> Option<((bool, u64, usize), Vec<Member>)> {
    let [info, nodes] = answers else { return None };
    let (info, nodes) = (text(info)?, text(nodes)?);
    let members = members(&nodes, asked, by_name);
    let field = |name: &str| info.lines().find_map(|line| line.strip_prefix(name));
    let sees_majority = field("cluster_state:") == Some("ok");
    let epoch = field("cluster_current_epoch:").and_then(|epoch| epoch.parse().ok());
    let worth = (sees_majority, epoch.unwrap_or(0), members.len());
    (!members.is_empty()).then_some((worth, members))
}
