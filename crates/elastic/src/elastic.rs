//! The adapter's one handle.

use std::sync::Arc;
use std::time::Duration;

use kudos_core::Kinds;
use kudos_degraded::Observer;
use kudos_runtime::config::InvalidSetting;

use crate::bulk::Bounds;
use crate::cluster::Cluster;
use crate::settings::ElasticSettings;

/// Posts in Elasticsearch or OpenSearch: searched as a [`PostIndex`](kudos_core::ports::PostIndex),
/// written as a [`Projection`](kudos_core::ports::Projection).
#[derive(Debug)]
pub struct Elastic {
    pub(crate) cluster: Cluster,
    pub(crate) kinds: Kinds,
    pub(crate) index: String,
    pub(crate) bulk: Bounds,
    pub(crate) search_budget: Duration,
    pub(crate) bulk_budget: Duration,
    pub(crate) admin_budget: Duration,
}

impl Elastic {
    /// Prepares clients, and sends nothing: the servers may be down, and are asked when they are
    /// needed. [`check`](Self::check) asks them at once. `observer` hears of retries, and of nodes
    /// that are left alone.
    ///
    /// # Errors
    /// A setting that cannot work, or a file of certificates that cannot be read.
    pub fn new(
        settings: &ElasticSettings,
        kinds: Kinds,
        observer: Arc<dyn Observer>,
    ) -> Result<Self, InvalidSetting> {
        Ok(Self {
            cluster: Cluster::new(settings, observer)?,
            kinds,
            index: settings.index.clone(),
            bulk: Bounds { items: settings.bulk_items, bytes: settings.bulk_bytes },
            search_budget: settings.search_budget(),
            bulk_budget: settings.bulk_budget(),
            admin_budget: settings.admin_budget(),
        })
    }
}
