//! What can be set.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use elasticsearch::http::Url;
use kudos_runtime::config::{InvalidSetting, Secret};
use serde::{Deserialize, Serialize};

/// The longest alias, in bytes: room for the suffix that makes it an index's name.
const MAX_INDEX_BYTES: usize = 200;
/// The least bulk body: the largest post, every character of it escaped, has to fit.
const LEAST_BULK_BYTES: usize = 512 << 10;

/// The search servers and how they are used. `[elastic]` in the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ElasticSettings {
    /// The nodes that are asked, in turn: `http://host:port` or `https://host:port`.
    pub urls: Vec<String>,
    /// The alias of the index that is written and searched. Indexes are called after it, with the
    /// number of their schema: `posts-v1`.
    pub index: String,
    /// Who asks, by name; with [`password`](Self::password).
    pub username: String,
    /// The password of `username`.
    pub password: Option<Secret>,
    /// An API key as the server gave it, in its encoded form; instead of a name and password.
    pub api_key: Option<Secret>,
    /// A file with the certificates, in PEM, of who signs the servers' certificates. They are
    /// trusted beside the public authorities.
    pub tls_ca: Option<PathBuf>,
    /// The most milliseconds that a search takes, a second node included.
    pub search_ms: u64,
    /// The most milliseconds that putting takes, retries included.
    pub bulk_ms: u64,
    /// The most milliseconds of each step of a migration, a check, a refresh or a walk.
    pub admin_ms: u64,
    /// The most documents of one bulk request.
    pub bulk_items: usize,
    /// The most bytes of one bulk request.
    pub bulk_bytes: usize,
    /// After how many milliseconds what was put is visible to searches. Set by the migration.
    pub refresh_interval_ms: u64,
    /// Primary shards. Set by the migration that makes an index, and fixed from then on.
    pub shards: u32,
    /// Copies of each shard. Set by the migration.
    pub replicas: u32,
}

impl Default for ElasticSettings {
    fn default() -> Self {
        Self {
            urls: vec!["http://127.0.0.1:9200".to_owned()],
            index: "posts".to_owned(),
            username: String::new(),
            password: None,
            api_key: None,
            tls_ca: None,
            search_ms: 150,
            bulk_ms: 10_000,
            admin_ms: 30_000,
            bulk_items: 500,
            bulk_bytes: 4 << 20,
            refresh_interval_ms: 1_000,
            shards: 1,
            replicas: 1,
        }
    }
}

impl ElasticSettings {
    /// Checks what can be checked without a server.
    ///
    /// # Errors
    /// The first setting that cannot work.
    pub fn validate(&self) -> Result<(), InvalidSetting> {
        self.nodes()?;
        self.validate_credentials()?;
        self.validate_index()?;
        let bounds = [
            ("search_ms", self.search_ms, 10, 60_000),
            ("bulk_ms", self.bulk_ms, 10, 600_000),
            ("admin_ms", self.admin_ms, 10, 600_000),
            ("bulk_items", self.bulk_items as u64, 1, 10_000),
            ("bulk_bytes", self.bulk_bytes as u64, LEAST_BULK_BYTES as u64, 64 << 20),
            ("refresh_interval_ms", self.refresh_interval_ms, 50, 600_000),
            ("shards", self.shards.into(), 1, 1_024),
            ("replicas", self.replicas.into(), 0, 16),
        ];
        for (key, value, least, most) in bounds {
            if !(least..=most).contains(&value) {
                return Err(invalid(key, format!("must be {least} to {most}, not {value}")));
            }
        }
        Ok(())
    }

    /// The addresses of the nodes.
    pub(crate) fn nodes(&self) -> Result<Vec<Url>, InvalidSetting> {
        if !(1..=64).contains(&self.urls.len()) {
            return Err(invalid("urls", "must name 1 to 64 nodes".to_owned()));
        }
        self.urls.iter().map(|url| self.node(url)).collect()
    }

    fn node(&self, text: &str) -> Result<Url, InvalidSetting> {
        // What cannot be read is not repeated: it may hold a password.
        let url = Url::parse(text).map_err(|error| invalid("urls", format!("no URL: {error}")))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(invalid("urls", format!("http or https, not {}", url.scheme())));
        }
        if !url.username().is_empty() || url.password().is_some() {
            let problem = "must not hold credentials: use elastic.username and elastic.password";
            return Err(invalid("urls", problem.to_owned()));
        }
        let has_secret = self.password.is_some() || self.api_key.is_some();
        if has_secret && url.scheme() == "http" && !is_loopback(&url) {
            let problem = format!("credentials would be sent in the clear to {url}: use https");
            return Err(invalid("urls", problem));
        }
        Ok(url)
    }

    fn validate_credentials(&self) -> Result<(), InvalidSetting> {
        if self.api_key.is_some() && self.password.is_some() {
            let problem = "cannot be used together with elastic.password: remove one of them";
            return Err(invalid("api_key", problem.to_owned()));
        }
        if self.username.is_empty() != self.password.is_none() {
            let problem = "must be set together with elastic.password, or not at all";
            return Err(invalid("username", problem.to_owned()));
        }
        Ok(())
    }

    fn validate_index(&self) -> Result<(), InvalidSetting> {
        let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_-".contains(&b);
        let name = &self.index;
        let first_is_letter = name.bytes().next().is_some_and(|b| b.is_ascii_lowercase());
        if !first_is_letter || name.len() > MAX_INDEX_BYTES || !name.bytes().all(allowed) {
            let problem =
                format!("must have 1 to {MAX_INDEX_BYTES} of a-z, 0-9, '_', '-', a letter first");
            return Err(invalid("index", problem));
        }
        Ok(())
    }

    pub(crate) fn search_budget(&self) -> Duration {
        Duration::from_millis(self.search_ms)
    }

    pub(crate) fn bulk_budget(&self) -> Duration {
        Duration::from_millis(self.bulk_ms)
    }

    pub(crate) fn admin_budget(&self) -> Duration {
        Duration::from_millis(self.admin_ms)
    }
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

pub(crate) fn invalid(key: &str, problem: String) -> InvalidSetting {
    InvalidSetting { key: format!("elastic.{key}"), problem }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(change: impl FnOnce(&mut ElasticSettings)) -> String {
        let mut settings = ElasticSettings::default();
        change(&mut settings);
        settings.validate().expect_err("cannot work").key
    }

    fn secret() -> Option<Secret> {
        Some(Secret::new("hush"))
    }

    #[test]
    fn the_defaults_are_valid() {
        assert_eq!(ElasticSettings::default().validate().ok(), Some(()));
    }

    #[test]
    fn what_cannot_work_is_refused_by_name() {
        assert_eq!(refused(|s| s.urls.clear()), "elastic.urls");
        assert_eq!(refused(|s| s.urls[0] = "127.0.0.1:9200".into()), "elastic.urls");
        assert_eq!(refused(|s| s.index = "Posts".into()), "elastic.index");
        assert_eq!(refused(|s| s.index = "posts,other".into()), "elastic.index");
        assert_eq!(refused(|s| s.bulk_bytes = 1000), "elastic.bulk_bytes");
        assert_eq!(refused(|s| s.shards = 0), "elastic.shards");
        assert_eq!(refused(|s| s.username = "ann".into()), "elastic.username");
        assert_eq!(refused(|s| s.password = secret()), "elastic.username");
        let both = |s: &mut ElasticSettings| {
            (s.username, s.password, s.api_key) = ("ann".into(), secret(), secret());
        };
        assert_eq!(refused(both), "elastic.api_key");
    }

    #[test]
    fn credentials_never_travel_in_the_clear() {
        let keyed = |url: &str| {
            let urls = vec![url.to_owned()];
            ElasticSettings { urls, api_key: secret(), ..ElasticSettings::default() }.validate()
        };
        assert!(keyed("http://search.example:9200").is_err());
        assert!(keyed("https://search.example:9200").is_ok());
        assert!(keyed("http://127.0.0.1:9200").is_ok());
        assert!(keyed("http://[::1]:9200").is_ok());
    }

    #[test]
    fn a_password_in_a_url_is_refused_and_not_repeated() {
        let urls = vec!["https://ann:hush@search.example:x".to_owned()];
        let settings = ElasticSettings { urls, ..ElasticSettings::default() };
        let problem = settings.validate().expect_err("refused").problem;
        assert!(!problem.contains("hush"), "{problem}");
    }
}
