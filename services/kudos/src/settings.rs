//! All settings of the one-machine product. `kudos.toml` beside the manifest explains each key.

use std::path::PathBuf;

use kudos_core::Kinds;
use kudos_embedded::Options;
use kudos_http::auth::AuthSettings;
use kudos_http::limit::LimitSettings;
use kudos_http::sse::SseSettings;
use kudos_http::stack::StackSettings;
use kudos_query::QuerySettings;
use kudos_runtime::config::{InvalidSetting, Secret};
use kudos_runtime::settings::{
    HttpSettings, LogFormat, LogSettings, ServiceSettings, TelemetrySettings,
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

/// What concerns browsers and page walks.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct ApiSettings {
    /// Origins whose pages may call the API from a browser; none by default, `*` for any.
    pub(crate) cors_origins: Vec<String>,
    /// Signs page cursors, 32 bytes or more. Without it each start draws a key, and page walks
    /// that began before the start begin anew.
    pub(crate) cursor_secret: Option<Secret>,
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

    pub(crate) fn stack(&self) -> StackSettings {
        StackSettings {
            body_limit_bytes: self.http.max_body_bytes,
            request_timeout: self.http.request_timeout,
            cors_origins: self.api.cors_origins.clone(),
        }
    }
}

impl ServiceSettings for Settings {
    fn log(&self) -> &LogSettings {
        &self.log
    }

    fn telemetry(&self) -> &TelemetrySettings {
        &self.telemetry
    }

    fn http(&self) -> &HttpSettings {
        &self.http
    }

    fn validate(&self) -> Result<(), InvalidSetting> {
        let invalid = |key: &str, problem: String| InvalidSetting { key: key.into(), problem };
        let auth = self.auth.validate(self.http.listen);
        auth.map_err(|error| invalid("auth", error.to_string()))
    }
}
