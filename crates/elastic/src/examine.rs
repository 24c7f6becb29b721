//! What is wrong with the servers and the index, in one list: every node is asked, whatever else
//! fails.

use std::collections::BTreeMap;
use std::sync::Arc;

use elasticsearch::http::Method;
use futures::future::join_all;
use kudos_core::Kinds;
use kudos_runtime::finding::{Asked, Finding, Severity};
use serde::Deserialize;
use serde_json::Value;

use crate::check::CheckError;
use crate::elastic::Elastic;
use crate::node::Request;
use crate::schema;
use crate::settings::ElasticSettings;

/// The most milliseconds of one question.
const PATIENCE_MS: u64 = 2_000;

/// Examines every node of the settings, and the index behind the alias. Nothing is changed, and
/// nothing is waited for longer than some seconds.
pub async fn examine(settings: &ElasticSettings) -> Vec<Finding> {
    let settings = ElasticSettings { admin_ms: PATIENCE_MS, ..settings.clone() };
    // Kinds matter to documents only.
    let open = |urls: Vec<String>| {
        Elastic::new(&ElasticSettings { urls, ..settings.clone() }, Kinds::default(), Arc::new(()))
    };
    let nodes: Result<Vec<_>, _> =
        settings.urls.iter().map(|url| open(vec![url.clone()])).collect();
    let (nodes, all) = match (nodes, open(settings.urls.clone())) {
        (Ok(nodes), Ok(all)) => (nodes, all),
        (Err(invalid), _) | (_, Err(invalid)) => {
            return vec![Finding::ok("settings", &invalid.key, "invalid").error(invalid.problem)];
        }
    };
    let mut findings = Vec::new();
    let mut answered = false;
    let each = settings.urls.iter().zip(&nodes).map(|(url, node)| of_node(url, node));
    for (well, found) in join_all(each).await {
        answered |= well;
        findings.extend(found);
    }
    if answered {
        findings.extend(of_cluster(&all).await);
        findings.extend(of_index(&all, &settings).await);
    }
    findings
}

/// Its version and its clock; false if it does not answer.
async fn of_node(url: &str, node: &Elastic) -> (bool, Vec<Finding>) {
    let mut findings = match node.check_version().await {
        Ok((product, version)) => vec![Finding::ok(url, "version", format!("{product} {version}"))],
        Err(error @ CheckError::Version { .. }) => {
            vec![Finding::ok(url, "version", "too old").error(error.to_string())]
        }
        Err(error) => return (false, vec![Finding::unreachable(url, error.to_string())]),
    };
    let asked = Asked::now();
    let request = Request::new(Method::Get, "_nodes/_local/stats/jvm")
        .query("filter_path", "nodes.*.timestamp");
    let told = node.cluster.ask::<Stats>(&request, node.admin_deadline()).await;
    findings.push(match told.map(|stats| stats.nodes.into_values().next()) {
        Ok(Some(told)) => asked.clock(url, told.timestamp),
        Ok(None) => unanswered(url, "clock", "no node in the answer"),
        Err(error) => unanswered(url, "clock", &error.to_string()),
    });
    (true, findings)
}

async fn of_cluster(all: &Elastic) -> Vec<Finding> {
    let request = Request::new(Method::Get, "_cluster/health");
    match all.cluster.ask::<Health>(&request, all.admin_deadline()).await {
        Ok(health) => health.judge(),
        Err(error) => vec![unanswered("cluster", "health", &error.to_string())],
    }
}

async fn of_index(all: &Elastic, settings: &ElasticSettings) -> Vec<Finding> {
    let about = format!("index {}", settings.index);
    let index = match all.check_index().await {
        Ok(index) => index,
        Err(error) => {
            return vec![Finding::ok(&about, "schema", "not fit").error(error.to_string())];
        }
    };
    let mut findings = vec![Finding::ok(&about, "schema", &index)];
    let template = schema::template(settings);
    let deadline = all.admin_deadline();
    findings.push(
        match schema::has_template(&all.cluster, &settings.index, &template, deadline).await {
            Ok(current) => {
                let found = if current { "as this program makes it" } else { "another, or none" };
                let advice = "run `kudosctl migrate`: the next index would be made by it";
                Finding::ok(&about, "template", found).unless(current, Severity::Warning, advice)
            }
            Err(error) => unanswered(&about, "template", &error.to_string()),
        },
    );
    match schema::settings_of(&all.cluster, &index, all.admin_deadline()).await {
        Ok(held) => findings.extend(of_settings(&about, settings, &held)),
        Err(error) => findings.push(unanswered(&about, "settings", &error.to_string())),
    }
    findings
}

fn of_settings(
    about: &str,
    settings: &ElasticSettings,
    held: &BTreeMap<String, Value>,
) -> Vec<Finding> {
    let text = |key: &str| match held.get(key) {
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => "not set".to_owned(),
    };
    let mut findings = Vec::new();
    for (key, wanted) in schema::dynamic(settings) {
        let found = text(&format!("index.{key}"));
        let advice = format!("run `kudosctl migrate`: the settings say {wanted}");
        let finding = Finding::ok(about, key, &found);
        findings.push(finding.unless(found == wanted, Severity::Warning, advice).unless(
            key != "number_of_replicas" || found != "0",
            Severity::Warning,
            "set elastic.replicas = 1 with two nodes or more, and run `kudosctl migrate`: when this \
             node's disk is lost, the index has to be filled again",
        ));
    }
    let (key, wanted) = ("number_of_shards", settings.shards.to_string());
    let found = text(&format!("index.{key}"));
    let advice = format!("set elastic.shards = {found}: it is fixed from when the index was made");
    findings.push(Finding::ok(about, key, &found).unless(
        found == wanted,
        Severity::Notice,
        advice,
    ));
    findings.extend(of_blocks(about, held));
    findings
}

fn of_blocks(about: &str, held: &BTreeMap<String, Value>) -> Vec<Finding> {
    let is_set = |value: &Value| *value == Value::Bool(true) || value == "true";
    let blocks =
        held.iter().filter(|(key, value)| key.starts_with("index.blocks.") && is_set(value));
    let advice = "make room on the nodes' disks, then set it to null: what is refused meanwhile is \
                  kept and put later";
    blocks.map(|(key, _)| Finding::ok(about, key, true).error(advice)).collect()
}

fn unanswered(about: &str, question: &str, why: &str) -> Finding {
    let advice = format!("{why}; is it overloaded, or is the user not allowed to ask (monitor)?");
    Finding::ok(about, question, "no answer").warning(advice)
}

#[derive(Deserialize)]
struct Stats {
    nodes: BTreeMap<String, NodeStats>,
}

#[derive(Deserialize)]
struct NodeStats {
    /// Milliseconds since 1970, by the node's clock.
    timestamp: u64,
}

#[derive(Deserialize)]
struct Health {
    status: String,
    number_of_nodes: u64,
    #[serde(default)]
    unassigned_shards: u64,
}

impl Health {
    fn judge(&self) -> Vec<Finding> {
        let missing = format!("{} copies of shards have no node", self.unassigned_shards);
        let yellow = format!("{missing}: add nodes, or ask for fewer copies (elastic.replicas)");
        let red = format!("{missing}, and some are the only ones: start the nodes that have them");
        vec![
            Finding::ok("cluster", "health", &self.status)
                .unless(self.status != "red", Severity::Error, red)
                .unless(self.status == "green", Severity::Warning, yellow),
            Finding::ok("cluster", "nodes", self.number_of_nodes).unless(
                self.number_of_nodes >= 3,
                Severity::Notice,
                "have three nodes: with fewer, one death leaves no majority or no copy",
            ),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(change: &[(&str, &str)]) -> Vec<(String, Severity)> {
        let well = [
            ("index.refresh_interval", "1000ms"),
            ("index.number_of_replicas", "1"),
            ("index.number_of_shards", "1"),
        ];
        let pairs = well.iter().chain(change);
        let held = pairs.map(|&(key, value)| (key.to_owned(), Value::from(value))).collect();
        let findings = of_settings("index posts", &ElasticSettings::default(), &held);
        let bad = findings.into_iter().filter(|finding| finding.severity != Severity::Ok);
        bad.map(|finding| (finding.what, finding.severity)).collect()
    }

    #[test]
    fn settings_of_the_index_are_those_of_the_migration() {
        let one = |what: &str, severity| vec![(what.to_owned(), severity)];
        assert_eq!(held(&[]), []);
        let slow = [("index.refresh_interval", "30s")];
        assert_eq!(held(&slow), one("refresh_interval", Severity::Warning));
        let alone = [("index.number_of_replicas", "0")];
        assert_eq!(held(&alone), one("number_of_replicas", Severity::Warning));
        let spread = [("index.number_of_shards", "5")];
        assert_eq!(held(&spread), one("number_of_shards", Severity::Notice));
        let full = [("index.blocks.read_only_allow_delete", "true")];
        assert_eq!(held(&full), one("index.blocks.read_only_allow_delete", Severity::Error));
    }

    #[test]
    fn health_is_by_what_is_missing() {
        let judged = |status: &str, number_of_nodes| {
            let health =
                Health { status: status.to_owned(), number_of_nodes, unassigned_shards: 1 };
            let findings = health.judge();
            [findings[0].severity, findings[1].severity]
        };
        assert_eq!(judged("green", 3), [Severity::Ok, Severity::Ok]);
        assert_eq!(judged("yellow", 1), [Severity::Warning, Severity::Notice]);
        assert_eq!(judged("red", 3), [Severity::Error, Severity::Ok]);
    }
}
