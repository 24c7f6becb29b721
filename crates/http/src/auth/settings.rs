//! How callers are told apart, as configured.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Scope, Scopes};
use kudos_runtime::config::{InvalidSetting, Secret};

/// The shortest HS256 secret, in bytes: as long as the hash (RFC 7518, 3.2).
pub(super) const MIN_SECRET_BYTES: usize = 32;
const MAX_LEEWAY: Duration = Duration::from_secs(300);

/// Where the caller's name comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AuthMode {
    /// The `X-User-Id` header, which a trusted gateway sets.
    Header,
    /// A signed bearer token.
    Jwt,
}

/// How callers are told apart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AuthSettings {
    /// Where the caller's name comes from.
    pub mode: AuthMode,
    /// A gateway stands in front: it alone reaches this server, sets `X-User-Id` itself and
    /// appends the client's address to `X-Forwarded-For`.
    pub behind_gateway: bool,
    /// Whether reads need no caller.
    pub anonymous_reads: bool,
    /// Mode header: what every named user may do.
    pub header_scopes: Scopes,
    /// Mode jwt: what a token has to be like.
    pub jwt: JwtSettings,
}

impl Default for AuthSettings {
    fn default() -> Self {
        Self {
            mode: AuthMode::Header,
            behind_gateway: false,
            anonymous_reads: true,
            header_scopes: Scopes::of(&[Scope::React, Scope::PostsWrite]),
            jwt: JwtSettings::default(),
        }
    }
}

/// The algorithm that every token must be signed by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum JwtAlgorithm {
    /// HMAC-SHA256 under a shared secret.
    HS256,
    /// RSA PKCS#1 v1.5 with SHA-256, under a published key.
    RS256,
    /// ECDSA on P-256 with SHA-256, under a published key.
    ES256,
}

/// What a token has to be like.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct JwtSettings {
    /// The one algorithm that is taken.
    pub algorithm: JwtAlgorithm,
    /// HS256: the shared secret, of at least 32 bytes.
    pub secret: Secret,
    /// RS256, ES256: the file of the key set.
    pub jwks_file: Option<PathBuf>,
    /// RS256, ES256: where the key set is fetched; https, or http on loopback.
    pub jwks_url: Option<String>,
    /// The `aud` that a token must have. Needed with a key set, because its issuer signs tokens
    /// for others too.
    pub audience: Option<String>,
    /// The `iss` that a token must have.
    pub issuer: Option<String>,
    /// How far the issuer's clock may differ; at most 5 minutes.
    #[serde(with = "kudos_runtime::config::duration")]
    pub leeway: Duration,
    /// How old a key set grows before it is fetched again.
    #[serde(with = "kudos_runtime::config::duration")]
    pub refresh_after: Duration,
    /// The least time between two fetches, whatever tokens come.
    #[serde(with = "kudos_runtime::config::duration")]
    pub min_refresh_interval: Duration,
    /// The most time that a fetch takes.
    #[serde(with = "kudos_runtime::config::duration")]
    pub fetch_timeout: Duration,
    /// How many verified tokens are remembered, so that they are not verified for each request.
    pub cached_tokens: usize,
}

impl Default for JwtSettings {
    fn default() -> Self {
        Self {
            algorithm: JwtAlgorithm::HS256,
            secret: Secret::default(),
            jwks_file: None,
            jwks_url: None,
            audience: None,
            issuer: None,
            leeway: Duration::from_secs(30),
            refresh_after: Duration::from_secs(600),
            min_refresh_interval: Duration::from_secs(30),
            fetch_timeout: Duration::from_secs(3),
            cached_tokens: 10_000,
        }
    }
}

/// Why settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum AuthSettingsError {
    /// Anybody who reaches the address could claim to be anybody.
    #[error(
        "mode \"header\" on {0} would let every client name itself: listen on a loopback address, \
         use mode \"jwt\", or set behind_gateway = true if a gateway sets X-User-Id"
    )]
    HeaderOnOpenAddress(SocketAddr),
    /// The HS256 secret resists guessing too little.
    #[error("jwt.secret must have at least {MIN_SECRET_BYTES} bytes, and has {0}")]
    ShortSecret(usize),
    /// A secret beside a key set, or neither: which key a token is checked by must be beyond doubt.
    #[error("{0:?} needs {1}, and nothing else to check tokens by")]
    KeySource(JwtAlgorithm, &'static str),
    /// A key set without an audience.
    #[error("jwt.audience must be set: the issuer of the key set signs tokens for others too")]
    NoAudience,
    /// Keys fetched without encryption could be anybody's.
    #[error("jwt.jwks_url must be https, or http on a loopback address")]
    InsecureUrl,
    /// More leeway than clocks need.
    #[error("jwt.leeway must be at most {MAX_LEEWAY:?}")]
    Leeway,
    /// The key set's file does not help.
    #[error("the key set {path} cannot be used: {cause}")]
    KeyFile {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        cause: super::FetchError,
    },
    /// The HTTP client that fetches keys could not be made.
    #[error("no HTTP client to fetch keys: {0}")]
    Client(#[from] reqwest::Error),
}

impl From<AuthSettingsError> for InvalidSetting {
    fn from(error: AuthSettingsError) -> Self {
        Self { key: "auth".to_owned(), problem: error.to_string() }
    }
}

impl AuthSettings {
    /// Checks the settings for a server on `listen`.
    pub fn validate(&self, listen: SocketAddr) -> Result<(), AuthSettingsError> {
        let loopback = listen.ip().to_canonical().is_loopback();
        match self.mode {
            AuthMode::Header if loopback || self.behind_gateway => Ok(()),
            AuthMode::Header => Err(AuthSettingsError::HeaderOnOpenAddress(listen)),
            AuthMode::Jwt => self.jwt.validate(),
        }
    }
}

impl JwtSettings {
    fn validate(&self) -> Result<(), AuthSettingsError> {
        if self.leeway > MAX_LEEWAY {
            return Err(AuthSettingsError::Leeway);
        }
        let (file, url) = (self.jwks_file.is_some(), self.jwks_url.as_deref());
        if self.algorithm == JwtAlgorithm::HS256 {
            if file || url.is_some() {
                return Err(AuthSettingsError::KeySource(self.algorithm, "jwt.secret"));
            }
            let bytes = self.secret.expose_secret().len();
            return match bytes >= MIN_SECRET_BYTES {
                true => Ok(()),
                false => Err(AuthSettingsError::ShortSecret(bytes)),
            };
        }
        if file == url.is_some() || !self.secret.is_empty() {
            let needed = "either jwt.jwks_file or jwt.jwks_url";
            return Err(AuthSettingsError::KeySource(self.algorithm, needed));
        }
        if self.audience.as_deref().unwrap_or_default().is_empty() {
            return Err(AuthSettingsError::NoAudience);
        }
        match url {
            Some(url) if !is_protected(url) => Err(AuthSettingsError::InsecureUrl),
            _ => Ok(()),
        }
    }
}

/// Whether nobody on the way can replace what the URL answers.
fn is_protected(url: &str) -> bool {
    let Ok(url) = reqwest::Url::parse(url) else {
        return false;
    };
    let loopback = match url.host_str() {
        Some("localhost") => true,
        Some(host) => {
            let bare = host.trim_start_matches('[').trim_end_matches(']');
            bare.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.to_canonical().is_loopback())
        }
        None => false,
    };
    url.scheme() == "https" || (url.scheme() == "http" && loopback)
}
