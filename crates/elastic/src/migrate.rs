//! Making the index, and bringing its settings up to date.

use std::sync::Arc;

use elasticsearch::http::Method;
use kudos_degraded::Deadline;
use kudos_runtime::config::InvalidSetting;
use serde_json::json;

use crate::cluster::Cluster;
use crate::error::CallError;
use crate::node::Request;
use crate::schema::{self, Found, SCHEMA};
use crate::settings::ElasticSettings;

/// What a migration found and did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The index behind the alias, such as `posts-v1`.
    pub index: String,
    /// Its schema.
    pub schema: u64,
    /// What was changed, a line each, such as `index posts-v1`; nothing if all was in place.
    pub applied: Vec<String>,
}

/// A migration could not be completed. It can be started again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MigrateError {
    /// A setting that cannot work.
    #[error("{0}")]
    Setting(InvalidSetting),
    /// A server could not be asked, or refused.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The index was made by a later version of this program.
    #[error(
        "the index {index} has schema {found}, and this program knows schemas up to {SCHEMA}: \
         use a newer version, or set elastic.index to another name"
    )]
    Newer {
        /// The index behind the alias.
        index: String,
        /// Its schema.
        found: u64,
    },
    /// Something else has the name.
    #[error("{0}: set elastic.index to another name, or remove what has this one")]
    Taken(String),
}

/// Makes the template, the index and its alias if they are not there, and sets what can be set
/// while they are used. Running it again changes nothing.
///
/// # Errors
/// See [`MigrateError`].
pub async fn migrate(settings: &ElasticSettings) -> Result<Report, MigrateError> {
    let cluster = Cluster::new(settings, Arc::new(())).map_err(MigrateError::Setting)?;
    let mut migration = Migration { cluster, settings, applied: Vec::new() };
    let index = migration.run().await?;
    Ok(Report { index, schema: SCHEMA, applied: migration.applied })
}

struct Migration<'a> {
    cluster: Cluster,
    settings: &'a ElasticSettings,
    applied: Vec<String>,
}

impl Migration<'_> {
    async fn run(&mut self) -> Result<String, MigrateError> {
        let alias = &self.settings.index;
        match schema::find(&self.cluster, alias, self.deadline()).await? {
            Found::Nothing => {
                self.put_template().await?;
                self.make_index().await
            }
            Found::Index { name, schema } if schema <= SCHEMA => {
                self.put_template().await?;
                self.set_dynamic(&name).await?;
                Ok(name)
            }
            Found::Index { name: index, schema: found } => {
                Err(MigrateError::Newer { index, found })
            }
            Found::NoAlias => {
                Err(MigrateError::Taken(format!("{alias} is an index, not an alias")))
            }
            Found::Several(names) => {
                let names = names.join(", ");
                Err(MigrateError::Taken(format!("{alias} is an alias of several: {names}")))
            }
            Found::Foreign(name) => {
                Err(MigrateError::Taken(format!("{alias} is an alias of {name}, not of Kudos")))
            }
        }
    }

    async fn put_template(&mut self) -> Result<(), MigrateError> {
        let (name, wanted) = (&self.settings.index, schema::template(self.settings));
        if schema::has_template(&self.cluster, name, &wanted, self.deadline()).await? {
            return Ok(());
        }
        let path = format!("_index_template/{name}");
        self.call(Request::new(Method::Put, path).json(&wanted)).await?;
        self.applied.push(format!("template {name}"));
        Ok(())
    }

    /// The index comes with its alias in one step.
    async fn make_index(&mut self) -> Result<String, MigrateError> {
        let name = schema::index_name(self.settings);
        let alias = &self.settings.index;
        let request = Request::new(Method::Put, &*name).json(&json!({ "aliases": { alias: {} } }));
        match self.call(request).await {
            Ok(()) => self.applied.push(format!("index {name}")),
            // Made at the same time by somebody else, or left without its alias.
            Err(CallError::Refused(refusal))
                if refusal.kind == "resource_already_exists_exception" =>
            {
                self.call(Request::new(Method::Put, format!("{name}/_alias/{alias}"))).await?;
                self.applied.push(format!("alias {alias}"));
            }
            Err(error) => return Err(error.into()),
        }
        Ok(name)
    }

    async fn set_dynamic(&mut self, index: &str) -> Result<(), MigrateError> {
        let path = format!("{index}/_settings");
        let held = schema::settings_of(&self.cluster, index, self.deadline()).await?;
        for (key, value) in schema::dynamic(self.settings) {
            let key = format!("index.{key}");
            if held.get(&key).is_some_and(|held| *held == value) {
                continue;
            }
            let request = Request::new(Method::Put, &*path).json(&json!({ &*key: value }));
            self.call(request).await?;
            self.applied.push(format!("setting {key} = {value}"));
        }
        Ok(())
    }

    async fn call(&self, request: Request) -> Result<(), CallError> {
        self.cluster.call(&request, self.deadline()).await.map(drop)
    }

    fn deadline(&self) -> Deadline {
        Deadline::after(self.settings.admin_budget())
    }
}
