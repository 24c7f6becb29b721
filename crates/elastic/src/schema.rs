//! What the index must look like, and what it looks like.

use std::collections::BTreeMap;

use elasticsearch::http::Method;
use kudos_degraded::Deadline;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::error::CallError;
use crate::node::Request;
use crate::settings::ElasticSettings;

/// The schema that this program writes and reads; the number of the newest file below
/// `migrations/elasticsearch`.
pub(crate) const SCHEMA: u64 = 1;
const NEWEST: &str = include_str!("../../../migrations/elasticsearch/0001_posts.json");
/// Above the templates that servers bring along.
const PRIORITY: u64 = 200;

/// The index's own name, behind the alias.
pub(crate) fn index_name(settings: &ElasticSettings) -> String {
    format!("{}-v{SCHEMA}", settings.index)
}

/// The template of all indexes behind the alias. It carries a digest of itself, by which a
/// migration sees that there is nothing to do.
pub(crate) fn template(settings: &ElasticSettings) -> Value {
    let mut template: Value =
        serde_json::from_str(NEWEST).expect("the migration is part of the program, and is JSON");
    template["settings"]["index"]["number_of_shards"] = json!(settings.shards);
    for (key, value) in dynamic(settings) {
        template["settings"]["index"][key] = json!(value);
    }
    let body = json!({
        "index_patterns": [format!("{}-v*", settings.index)],
        "priority": PRIORITY,
        "version": SCHEMA,
        "template": template,
    });
    let digest = blake3::hash(body.to_string().as_bytes()).to_hex();
    let mut body = body;
    body["_meta"] = json!({ "digest": digest.as_str() });
    body
}

/// The settings that can change while the index is in use, as the server spells them.
pub(crate) fn dynamic(settings: &ElasticSettings) -> [(&'static str, String); 2] {
    [
        ("refresh_interval", format!("{}ms", settings.refresh_interval_ms)),
        ("number_of_replicas", settings.replicas.to_string()),
    ]
}

/// What stands behind the alias.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// Nothing of that name.
    Nothing,
    /// An index of that name, and no alias.
    NoAlias,
    /// More than one index.
    Several(Vec<String>),
    /// An index that no migration of Kudos made.
    Foreign(String),
    /// An index of this schema.
    Index {
        /// Its own name.
        name: String,
        /// Its schema.
        schema: u64,
    },
}

#[derive(Deserialize)]
struct Index {
    mappings: Mappings,
}

#[derive(Deserialize)]
struct Mappings {
    #[serde(default, rename = "_meta")]
    meta: Meta,
}

#[derive(Default, Deserialize)]
struct Meta {
    schema: Option<u64>,
    #[serde(default)]
    digest: Value,
}

#[derive(Default, Deserialize)]
struct Templates {
    index_templates: Vec<Template>,
}

#[derive(Deserialize)]
struct Template {
    index_template: TemplateBody,
}

#[derive(Deserialize)]
struct TemplateBody {
    #[serde(default, rename = "_meta")]
    meta: Meta,
}

#[derive(Default, Deserialize)]
struct Settings {
    settings: BTreeMap<String, Value>,
}

/// Whether the servers hold this very template.
pub(crate) async fn has_template(
    cluster: &Cluster,
    name: &str,
    wanted: &Value,
    deadline: Deadline,
) -> Result<bool, CallError> {
    let request = Request::new(Method::Get, format!("_index_template/{name}"));
    let held = match cluster.ask::<Templates>(&request, deadline).await {
        Err(CallError::Refused(refusal)) if refusal.status == 404 => Templates::default(),
        held => held?,
    };
    let mut held = held.index_templates.into_iter();
    Ok(held.any(|held| held.index_template.meta.digest == wanted["_meta"]["digest"]))
}

/// The settings of an index by their full names, such as `index.refresh_interval`.
pub(crate) async fn settings_of(
    cluster: &Cluster,
    index: &str,
    deadline: Deadline,
) -> Result<BTreeMap<String, Value>, CallError> {
    let request = Request::new(Method::Get, format!("{index}/_settings"));
    let request = request.query("flat_settings", "true");
    let held: BTreeMap<String, Settings> = cluster.ask(&request, deadline).await?;
    Ok(held.into_values().next().unwrap_or_default().settings)
}

/// Looks behind the alias.
pub(crate) async fn find(
    cluster: &Cluster,
    alias: &str,
    deadline: Deadline,
) -> Result<Found, CallError> {
    let request = Request::new(Method::Get, format!("{alias}/_mapping"));
    let indexes = match cluster.ask::<BTreeMap<String, Index>>(&request, deadline).await {
        Err(CallError::Refused(refusal)) if refusal.status == 404 => return Ok(Found::Nothing),
        indexes => indexes?,
    };
    let mut indexes = indexes.into_iter();
    Ok(match (indexes.next(), indexes.next()) {
        (None, _) => Found::Nothing,
        (Some((name, _)), None) if name == alias => Found::NoAlias,
        (Some((name, index)), None) => match index.mappings.meta.schema {
            Some(schema) => Found::Index { name, schema },
            None => Found::Foreign(name),
        },
        (Some((first, _)), Some((second, _))) => {
            let rest = indexes.map(|(name, _)| name);
            Found::Several([first, second].into_iter().chain(rest).collect())
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_migration_says_its_number() {
        let template = template(&ElasticSettings::default());
        assert_eq!(template["template"]["mappings"]["_meta"]["schema"], SCHEMA);
        assert_eq!(template["template"]["settings"]["index"]["refresh_interval"], "1000ms");
    }

    #[test]
    fn the_digest_changes_with_the_settings_only() {
        let digest = |settings: &ElasticSettings| template(settings)["_meta"]["digest"].clone();
        let settings = ElasticSettings::default();
        let other = ElasticSettings { replicas: 2, ..settings.clone() };
        assert_eq!(digest(&settings), digest(&settings));
        assert_ne!(digest(&settings), digest(&other));
    }
}
