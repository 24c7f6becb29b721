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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use kudos_runtime::config::{Sources, known_keys, render_effective};

    use super::*;

    const SAMPLE: &str = include_str!("../kudos.toml");

    /// The sample with its defaults in force, and with its examples too if asked.
    fn uncommented(examples: bool) -> String {
        let line = |line: &'static str| match line.strip_prefix("#: ") {
            Some(example) => {
                if examples {
                    example
                } else {
                    ""
                }
            }
            None => match line.strip_prefix('#') {
                Some(value) if value.starts_with(|c: char| c.is_ascii_lowercase()) => value,
                Some(_comment) => "",
                None => line,
            },
        };
        SAMPLE.lines().map(line).collect::<Vec<_>>().join("\n")
    }

    fn load(text: &str) -> Settings {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        Sources::none().file(file.path()).load().unwrap()
    }

    #[test]
    fn the_sample_shows_the_defaults() {
        let defaults = render_effective(&Settings::default()).unwrap();
        assert_eq!(render_effective(&load(&uncommented(false))).unwrap(), defaults);
        assert_eq!(render_effective(&load(SAMPLE)).unwrap(), defaults);
    }

    #[test]
    fn the_sample_explains_every_setting() {
        fn keys(table: &toml::Table, prefix: &str, found: &mut BTreeSet<String>) {
            for (name, value) in table {
                let key = format!("{prefix}{name}");
                if let toml::Value::Table(section) = value {
                    keys(section, &format!("{key}."), found);
                }
                found.insert(key);
            }
        }
        load(&uncommented(true));
        let mut shown = BTreeSet::new();
        keys(&uncommented(true).parse().unwrap(), "", &mut shown);
        assert_eq!(shown, known_keys::<Settings>().unwrap());
    }

    #[test]
    fn every_setting_of_the_sample_has_a_comment_above() {
        let mut before = "";
        for line in SAMPLE.lines() {
            let setting = line.starts_with("#: ")
                || line.starts_with('#') && line[1..].starts_with(|c: char| c.is_ascii_lowercase());
            assert!(!setting || before.starts_with("# "), "{line}");
            before = line;
        }
    }
}
