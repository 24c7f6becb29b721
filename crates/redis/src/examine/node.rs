use std::collections::BTreeMap;

use kudos_runtime::finding::{Asked, Finding, Severity};
use redis::Value;

use super::rules;
use super::unanswered;
use crate::check::CheckError;
use crate::connect::Connector;
use crate::library::LIBRARY_VERSION;
use crate::server::Server;
use crate::settings::Mode;

/// Asks a server everything, and adds what is found: what was found before time ran out stays.
pub(super) async fn examine(
    connector: &Connector,
    address: &str,
    mode: Mode,
    findings: &mut Vec<Finding>,
) {
    let mut server = match Server::connect(connector, address).await {
        Ok(server) => server,
        Err(error) => return findings.push(unanswered(address, "login", &error)),
    };
    let asked = Asked::now();
    let info = match server.text(&["INFO"]).await {
        Ok(text) => Fields::read(&text),
        Err(error) => return findings.push(unanswered(address, "INFO", &error)),
    };
    if let Some(clock) = info.number("server_time_usec") {
        findings.push(asked.clock(address, clock / 1_000));
    }
    findings.extend(rules::of_info(address, mode, &info));
    if info.get("cluster_enabled") == Some("1") {
        cluster(&mut server, findings).await;
    }
    if info.get("role") == Some("master") {
        findings.push(library(&mut server).await);
    }
}

/// How the node sees its cluster, and what it does when a part of it is gone.
async fn cluster(server: &mut Server, findings: &mut Vec<Finding>) {
    let node = server.node.clone();
    match server.text(&["CLUSTER", "INFO"]).await {
        Ok(text) => findings.extend(rules::of_cluster(&node, &Fields::read(&text))),
        Err(error) => findings.push(unanswered(&node, "CLUSTER INFO", &error)),
    }
    for rule in rules::CONFIGURED {
        match config(server, rule.name).await {
            Ok(Some(value)) => findings.push(rule.judge(&node, &value)),
            // A server that has no such setting needs none.
            Ok(None) => {}
            Err(error) => {
                // The next setting would be refused as well.
                return findings.push(unanswered(&node, "CONFIG GET", &error));
            }
        }
    }
}

/// One setting by its name: all of them together would have passwords among them.
async fn config(server: &mut Server, name: &str) -> Result<Option<String>, CheckError> {
    let reply: Value = server.ask(redis::cmd("CONFIG").arg("GET").arg(name)).await?;
    let pairs = redis::from_redis_value::<BTreeMap<String, String>>(reply);
    let mut pairs = pairs.map_err(|error| server.other(error.to_string()))?;
    Ok(pairs.remove(name))
}

async fn library(server: &mut Server) -> Finding {
    let node = server.node.clone();
    let found = match server.library().await {
        Ok(found) => found,
        Err(error) => return unanswered(&node, "library kudos", &error),
    };
    let shown = found.map_or_else(|| "not loaded".to_owned(), |found| format!("version {found}"));
    let newer = "this program is older than the one that loaded it: update this program";
    let missing = "run `kudosctl migrate`: until then every call carries the text along";
    Finding::ok(&node, "library kudos", shown)
        .unless(found <= Some(LIBRARY_VERSION), Severity::Error, newer)
        .unless(found >= Some(LIBRARY_VERSION), Severity::Warning, missing)
}

/// The lines `name:value` of INFO and CLUSTER INFO.
pub(super) struct Fields(BTreeMap<String, String>);

impl Fields {
    pub(super) fn read(text: &str) -> Self {
        let pairs = text.lines().filter_map(|line| line.trim_end().split_once(':'));
        Self(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    pub(super) fn number(&self, name: &str) -> Option<u64> {
        self.get(name)?.parse().ok()
    }
}
