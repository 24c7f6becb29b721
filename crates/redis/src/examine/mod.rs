//! What is wrong with the servers, in one list: everything is asked, whatever else fails.
//!
//! | question | file |
//! |---|---|
//! | what is asked of each server? | `node.rs` |
//! | what must its settings be? | `rules.rs` |
//! | who belongs together, and what does a death cost? | `shards.rs` |

mod node;
mod rules;
mod shards;

use std::collections::BTreeSet;
use std::time::Duration;

use futures::future::join_all;
use kudos_runtime::finding::{Finding, Severity};

use crate::check::CheckError;
use crate::connect::Connector;
use crate::monitor::members::{Member, members};
use crate::server::Server;
use crate::settings::{Mode, RedisSettings, host_and_port};

/// How long one server is asked, all questions together.
const PATIENCE: Duration = Duration::from_secs(6);

/// Examines every server: those of the settings, and those that they know. Nothing is changed, and
/// nothing is waited for longer than some seconds.
pub async fn examine(settings: &RedisSettings) -> Vec<Finding> {
    let connector = match settings.validate().and_then(|()| Connector::new(settings)) {
        Ok(connector) => connector,
        Err(invalid) => {
            return vec![Finding::ok("settings", &invalid.key, "invalid").error(invalid.problem)];
        }
    };
    let (members, mut findings) = match settings.mode {
        Mode::Cluster => who_belongs(&connector, settings).await,
        Mode::Single => (Vec::new(), Vec::new()),
    };
    if !members.is_empty() {
        findings.extend(shards::judge(&members));
    }
    let known = members.iter().map(|member| member.address.as_str());
    let all: BTreeSet<_> = settings.nodes.iter().map(String::as_str).chain(known).collect();
    let each = all.into_iter().map(|address| bounded(&connector, address, settings.mode));
    findings.extend(join_all(each).await.into_iter().flatten());
    findings
}

/// The members of the cluster as the first node knows them that can be asked. That none can is
/// told of each by itself, later.
async fn who_belongs(
    connector: &Connector,
    settings: &RedisSettings,
) -> (Vec<Member>, Vec<Finding>) {
    let ask = async |address: &String| {
        let mut server = Server::connect(connector, address).await.ok()?;
        let asked =
            tokio::time::timeout(PATIENCE, server.text(&["CLUSTER", "NODES"])).await.ok()?;
        Some((address.clone(), asked))
    };
    let views = join_all(settings.nodes.iter().map(ask)).await;
    let mut refused = Vec::new();
    for (address, view) in views.into_iter().flatten() {
        let host = host_and_port(&address).map_or("", |(host, _)| host);
        match view.map(|text| members(&text, host, settings.tls)) {
            Ok(members) if !members.is_empty() => return (members, Vec::new()),
            Err(error @ CheckError::Permission { .. }) => {
                refused = vec![unanswered(&address, "CLUSTER NODES", &error)];
            }
            // A server without a cluster; its own examination says so.
            _ => {}
        }
    }
    (Vec::new(), refused)
}

async fn bounded(connector: &Connector, address: &str, mode: Mode) -> Vec<Finding> {
    let mut findings = Vec::new();
    let examined = node::examine(connector, address, mode, &mut findings);
    if tokio::time::timeout(PATIENCE, examined).await.is_err() {
        let slow = format!("not within {} s", PATIENCE.as_secs());
        let advice = "see whether it, its machine or the network is overloaded";
        findings.push(Finding::ok(address, "answers", slow).error(advice));
    }
    findings
}

/// A question that was not answered as it should be.
fn unanswered(address: &str, question: &str, error: &CheckError) -> Finding {
    match error {
        CheckError::Unreachable(why) => Finding::unreachable(
            address,
            format!("{why}; start it, correct redis.nodes, or CLUSTER FORGET it if it is gone"),
        ),
        CheckError::Login { .. } => {
            Finding::ok(address, "login", "refused").error(error.to_string())
        }
        CheckError::Permission { why, .. } => Finding::ok(address, question, "not allowed").unless(
            false,
            Severity::Warning,
            format!("{why}; ask as kudos-admin of deploy/redis/users.acl"),
        ),
        other => Finding::ok(address, question, "no answer").warning(other.to_string()),
    }
}
