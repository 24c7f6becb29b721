//! All settings of the one-machine product. `kudos.toml` beside the manifest explains each key.

use std::path::PathBuf;

use kudos_core::Kinds;
use kudos_embedded::Options;
use kudos_http::api::ApiSettings;
use kudos_http::auth::AuthSettings;
use kudos_http::limit::LimitSettings;
use kudos_http::sse::SseSettings;
use kudos_query::QuerySettings;
use kudos_runtime::config::InvalidSetting;
use kudos_runtime::settings::{
    self, Base, HttpSettings, LogFormat, LogSettings, ServiceSettings, TelemetrySettings,
};
use kudos_write::WriteSettings;
use serde::{Deserialize, Serialize};

/// Everything that can be set; nothing has to be.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Settings {
    /// The reaction kinds, in order. A folder's kinds can be appended to, never reordered.
    pub(crate) kinds: Kinds,
    pub(crate) data: DataSettings,
    pub(crate) http: HttpSettings,
    pub(crate) api: ApiSettings,
    pub(crate) auth: AuthSettings,
    pub(crate) limits: LimitSettings,
    pub(crate) events: SseSettings,
    pub(crate) write: WriteSettings,
    pub(crate) query: QuerySettings,
    pub(crate) log: LogSettings,
    pub(crate) telemetry: TelemetrySettings,
}

/// The data folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct DataSettings {
    /// Where everything is kept.
    pub(crate) path: PathBuf,
    /// Cached blocks of the store, in bytes.
    pub(crate) cache_bytes: u64,
    /// The event log, in bytes; older events are dropped.
    pub(crate) log_bytes: u64,
}

impl Default for DataSettings {
    fn default() -> Self {
        let Options { cache_bytes, log_bytes, .. } = Options::default();
        Self { path: PathBuf::from("kudos-data"), cache_bytes, log_bytes }
    }
}

impl Default for Settings {
    fn default() -> Self {
        // Somebody at a terminal reads them; a service under supervision asks for JSON.
        let level = "info,fjall=warn,lsm_tree=warn,tantivy=warn".to_owned();
        let log = LogSettings { format: LogFormat::Pretty, level };
        Self {
            kinds: Kinds::default(),
            data: DataSettings::default(),
            http: HttpSettings::default(),
            api: ApiSettings::default(),
            auth: AuthSettings::default(),
            limits: LimitSettings::default(),
            events: SseSettings::default(),
            write: WriteSettings::default(),
            query: QuerySettings::default(),
            log,
            telemetry: TelemetrySettings::default(),
        }
    }
}

impl Settings {
    pub(crate) fn store_options(&self) -> Options {
        let DataSettings { cache_bytes, log_bytes, .. } = self.data;
        Options { kinds: self.kinds.clone(), cache_bytes, log_bytes, ..Options::default() }
    }
}

impl settings::Settings for Settings {
    fn validate(&self) -> Result<(), InvalidSetting> {
        Ok(self.auth.validate(self.http.listen)?)
    }
}

impl ServiceSettings for Settings {
    fn base(&self) -> Base<'_> {
        Base { http: &self.http, log: &self.log, telemetry: &self.telemetry }
    }
}

#[cfg(test)]
mod tests {
    use kudos_runtime::config::check_sample;

    use super::*;

    #[test]
    fn the_sample_shows_the_defaults_and_explains_every_setting() {
        let checked = check_sample::<Settings>(include_str!("../kudos.toml"));
        checked.unwrap_or_else(|error| panic!("kudos.toml: {error}"));
    }
}
