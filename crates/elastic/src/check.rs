//! Asking at start what would otherwise fail later, and saying which setting to change.

use std::collections::BTreeMap;

use elasticsearch::http::Method;
use kudos_degraded::Deadline;
use serde::Deserialize;

use crate::elastic::Elastic;
use crate::error::CallError;
use crate::node::Request;
use crate::schema::{self, Found, SCHEMA};

/// The oldest major versions that this crate is tested against.
const OLDEST_ELASTICSEARCH: u32 = 8;
const OLDEST_OPENSEARCH: u32 = 2;

/// What a healthy check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// `Elasticsearch` or `OpenSearch`.
    pub product: &'static str,
    /// The version of the node that was asked.
    pub version: String,
    /// The index behind the alias.
    pub index: String,
}

/// What stands in the way, and the setting to look at.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckError {
    /// Nobody answers.
    #[error("no search server can be used: {0}. Is elastic.urls right, and does one of them run?")]
    Unreachable(CallError),
    /// The server does not know who asks.
    #[error(
        "the search server does not accept the credentials: check elastic.api_key, or \
         elastic.username and elastic.password"
    )]
    Unauthenticated,
    /// The server knows who asks, and does not allow it.
    #[error("the credentials (elastic.api_key or elastic.username) lack a right: {0}")]
    Forbidden(CallError),
    /// Too old.
    #[error(
        "{product} {version} is too old: elastic.urls must lead to Elasticsearch \
         {OLDEST_ELASTICSEARCH} or OpenSearch {OLDEST_OPENSEARCH}, or later ones"
    )]
    Version {
        /// `Elasticsearch` or `OpenSearch`.
        product: &'static str,
        /// What it says.
        version: String,
    },
    /// No index.
    #[error("there is no index {0}: run `kudosctl migrate`, or correct elastic.index")]
    NoIndex(String),
    /// What has the name is not what a migration makes.
    #[error("elastic.index: {0}")]
    NotOurs(String),
    /// An index of another schema.
    #[error(
        "the index {index} has schema {found}, and this program needs {SCHEMA}: run `kudosctl \
         migrate` if it is older, or a newer version of this program"
    )]
    Schema {
        /// The index behind the alias.
        index: String,
        /// Its schema.
        found: u64,
    },
}

impl From<CallError> for CheckError {
    fn from(error: CallError) -> Self {
        match &error {
            CallError::Refused(refusal) if refusal.status == 401 => Self::Unauthenticated,
            CallError::Refused(refusal) if refusal.status == 403 => Self::Forbidden(error),
            _ => Self::Unreachable(error),
        }
    }
}

#[derive(Deserialize)]
struct Nodes {
    nodes: BTreeMap<String, NodeInfo>,
}

/// Only Elasticsearch has flavours of its builds.
#[derive(Deserialize)]
struct NodeInfo {
    version: String,
    build_flavor: Option<String>,
}

impl Elastic {
    /// Whether the servers can be used as they are set up.
    ///
    /// # Errors
    /// The first thing that stands in the way; its text says what to do.
    pub async fn check(&self) -> Result<Checked, CheckError> {
        let (product, version) = self.check_version().await?;
        let index = self.check_index().await?;
        Ok(Checked { product, version, index })
    }

    /// The index behind the alias.
    pub(crate) async fn check_index(&self) -> Result<String, CheckError> {
        let alias = &self.index;
        match schema::find(&self.cluster, alias, self.admin_deadline()).await? {
            Found::Index { name: index, schema: SCHEMA } => Ok(index),
            Found::Index { name: index, schema: found } => Err(CheckError::Schema { index, found }),
            Found::Nothing => Err(CheckError::NoIndex(alias.clone())),
            Found::NoAlias => {
                Err(CheckError::NotOurs(format!("{alias} is an index, and not an alias of one")))
            }
            Found::Several(names) => {
                let names = names.join(", ");
                Err(CheckError::NotOurs(format!("{alias} is an alias of several: {names}")))
            }
            Found::Foreign(name) => {
                Err(CheckError::NotOurs(format!("{alias} leads to {name}, not made by Kudos")))
            }
        }
    }

    pub(crate) async fn check_version(&self) -> Result<(&'static str, String), CheckError> {
        // Not `GET /`: the smallest distribution does not have it.
        let request = Request::new(Method::Get, "_nodes/_local")
            .query("filter_path", "nodes.*.version,nodes.*.build_flavor");
        let nodes: Nodes = self.cluster.ask(&request, self.admin_deadline()).await?;
        let nobody = || CallError::Unintelligible("no node in the answer".to_owned());
        let NodeInfo { version, build_flavor } =
            nodes.nodes.into_values().next().ok_or_else(nobody)?;
        let (product, oldest) = match build_flavor {
            Some(_) => ("Elasticsearch", OLDEST_ELASTICSEARCH),
            None => ("OpenSearch", OLDEST_OPENSEARCH),
        };
        let major = version.split('.').next().and_then(|major| major.parse::<u32>().ok());
        if major.is_some_and(|major| major >= oldest) {
            Ok((product, version))
        } else {
            Err(CheckError::Version { product, version })
        }
    }

    pub(crate) fn admin_deadline(&self) -> Deadline {
        Deadline::after(self.admin_budget)
    }
}
