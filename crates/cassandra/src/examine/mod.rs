//! What is wrong with the cluster, in one list: every node is asked, whatever else fails. What it
//! has to be like is in `rules.rs`.

mod rules;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use kudos_core::Kinds;
use kudos_runtime::finding::{Asked, Finding};
use scylla::cluster::Node;
use scylla::policies::load_balancing::{NodeIdentifier, SingleTargetLoadBalancingPolicy};
use scylla::policies::retry::FallthroughRetryPolicy;
use scylla::response::query_result::QueryRowsResult;
use scylla::statement::{Consistency, Statement};
use scylla::value::CqlTimestamp;
use uuid::Uuid;

use crate::error::port_error;
use crate::schema;
use crate::session::{Db, into_rows};
use crate::settings::{CassandraSettings, Quorum};

/// How long the cluster may take to let this process in: every contact point may be dead.
const CONNECT: Duration = Duration::from_secs(8);
/// How long a node may take for one answer.
const PATIENCE: Duration = Duration::from_secs(2);

const LOCAL: &str =
    "SELECT release_version, schema_version, toTimestamp(now()) AS now FROM system.local";
const SETTINGS: &str = "SELECT name, value FROM system_views.settings \
                        WHERE name IN ('commitlog_sync', 'paxos_variant')";

/// Examines every node, the keyspace and its tables. Nothing is changed, and nothing is waited for
/// longer than some seconds.
pub async fn examine(settings: &CassandraSettings, kinds: &Kinds) -> Vec<Finding> {
    // The driver's futures are large.
    Box::pin(look(settings, kinds)).await
}

async fn look(settings: &CassandraSettings, kinds: &Kinds) -> Vec<Finding> {
    let points = settings.contact_points.join(", ");
    let db = match tokio::time::timeout(CONNECT, Db::connect(settings)).await {
        Ok(Ok(db)) => db,
        Ok(Err(error)) => return vec![Finding::unreachable(&points, error.to_string())],
        Err(_) => {
            let advice = "no connection in time: is the network or every node overloaded?";
            return vec![Finding::unreachable(&points, advice)];
        }
    };
    let nodes: Vec<_> = db.session.get_cluster_state().get_nodes_info().to_vec();
    let (each, keyspace) = futures::join!(
        join_all(nodes.iter().map(|node| of_node(&db, node))),
        of_keyspace(&db, settings, kinds, &nodes),
    );
    let versions = each.iter().filter_map(|(version, _)| *version).collect::<Vec<_>>();
    let mut findings = vec![rules::of_agreement(&versions)];
    findings.extend(each.into_iter().flat_map(|(_, findings)| findings));
    findings.extend(keyspace);
    findings
}

/// What a node says of itself, and the version of the schema that it has.
async fn of_node(db: &Db, node: &Arc<Node>) -> (Option<Uuid>, Vec<Finding>) {
    let address = node.address.to_string();
    let asked = Asked::now();
    let local = match ask(db, node, LOCAL).await {
        Ok(rows) => rows.single_row::<(String, Uuid, CqlTimestamp)>().map_err(|e| e.to_string()),
        Err(error) => Err(error),
    };
    let (release, schema, CqlTimestamp(now)) = match local {
        Ok(local) => local,
        Err(why) => {
            let advice = format!(
                "{why}; start it, or remove it from the cluster (`nodetool removenode`) if it is gone"
            );
            return (None, vec![Finding::unreachable(&address, advice)]);
        }
    };
    let mut findings = vec![
        rules::of_version(&address, &release),
        asked.clock(&address, u64::try_from(now).unwrap_or(0)),
    ];
    match ask(db, node, SETTINGS).await {
        Ok(rows) => findings.extend(rules::of_settings(&address, &pairs(&rows))),
        Err(why) => {
            let advice = format!(
                "{why}; GRANT SELECT ON KEYSPACE system_views to the role, or look at \
                 commitlog_sync and paxos_variant in cassandra.yaml"
            );
            findings.push(Finding::ok(&address, "settings", "not told").warning(advice));
        }
    }
    (Some(schema), findings)
}

fn pairs(rows: &QueryRowsResult) -> BTreeMap<String, String> {
    let rows = rows.rows::<(String, Option<String>)>().into_iter().flatten().flatten();
    rows.filter_map(|(name, value)| Some((name, value?))).collect()
}

/// Asks one node, and no other in its place.
async fn ask(db: &Db, node: &Arc<Node>, cql: &str) -> Result<QueryRowsResult, String> {
    let mut statement = Statement::new(cql);
    let only = SingleTargetLoadBalancingPolicy::new(NodeIdentifier::Node(Arc::clone(node)), None);
    statement.set_load_balancing_policy(Some(only));
    statement.set_retry_policy(Some(Arc::new(FallthroughRetryPolicy::new())));
    statement.set_consistency(Consistency::One);
    statement.set_request_timeout(Some(PATIENCE));
    let answer = db.session.query_unpaged(statement, ()).await;
    answer
        .map_err(|error| port_error(&error))
        .and_then(into_rows)
        .map_err(|error| error.to_string())
}

/// Copies, tables, and what was decided when the keyspace was made.
async fn of_keyspace(
    db: &Db,
    settings: &CassandraSettings,
    kinds: &Kinds,
    nodes: &[Arc<Node>],
) -> Vec<Finding> {
    let about = format!("keyspace {}", settings.keyspace);
    if let Err(error) = schema::use_keyspace(db, settings).await {
        return vec![Finding::ok(&about, "exists", "no").error(error.to_string())];
    }
    let mut centres = BTreeMap::<_, usize>::new();
    for node in nodes {
        *centres.entry(node.datacenter.clone().unwrap_or_default()).or_default() += 1;
    }
    let mut findings = match schema::replication(db, settings).await {
        Ok(found) => {
            let wanted =
                settings.datacenter.as_deref().filter(|_| settings.quorum == Quorum::Local);
            rules::of_replication(&about, &found, &centres, wanted)
        }
        Err(error) => {
            vec![Finding::ok(&about, "replication", "not told").warning(error.to_string())]
        }
    };
    let schema = schema::check_version(db, settings).await;
    let fits = schema.is_ok();
    findings.push(match schema {
        Ok(()) => Finding::ok(&about, "schema", "as this program needs it"),
        Err(error) => Finding::ok(&about, "schema", "another version").error(error.to_string()),
    });
    if fits {
        findings.push(match schema::check_decisions(db, settings, kinds).await {
            Ok(()) => Finding::ok(&about, "buckets and kinds", "as configured"),
            Err(error) => {
                Finding::ok(&about, "buckets and kinds", "differ").error(error.to_string())
            }
        });
    }
    findings
}
