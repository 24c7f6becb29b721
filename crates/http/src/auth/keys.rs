//! Published key sets (JWKS), kept fresh in the background.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use futures::future::BoxFuture;
use jsonwebtoken::DecodingKey;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, PublicKeyUse};
use parking_lot::RwLock;
use serde::Deserialize;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::{AuthFailure, JwtAlgorithm, JwtSettings};
use crate::problem::Problem;

/// The most keys of a set that are kept.
const MAX_KEYS: usize = 64;
/// The least RSA modulus: 2048 bits in base64url (RFC 7518, 3.3).
const MIN_MODULUS_CHARS: usize = 2048 / 6;

/// Why a key set could not be had.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The file cannot be read.
    #[error(transparent)]
    File(#[from] std::io::Error),
    /// The server did not give it.
    #[error(transparent)]
    Http(#[from] reqwest::Error),
    /// It is larger than a key set is.
    #[error("it has more than {0} bytes")]
    TooLarge(usize),
    /// It is not JSON of a key set.
    #[error("it is no key set: {0}")]
    NotKeys(#[from] serde_json::Error),
    /// No key of it is for the configured algorithm.
    #[error("it has no usable key for {0:?}")]
    NoKey(JwtAlgorithm),
}

/// Where a key set comes from.
pub trait FetchKeys: Send + Sync {
    /// The JSON of the key set, within a bounded time and size.
    fn fetch(&self) -> BoxFuture<'_, Result<Bytes, FetchError>>;
}

/// The keys of one algorithm, by id.
#[derive(Default)]
pub(super) struct KeySet {
    by_id: HashMap<String, Arc<DecodingKey>>,
    /// The key for tokens that name none: only if there is exactly one.
    only: Option<Arc<DecodingKey>>,
}

impl KeySet {
    /// Reads a key set; keys for other uses and algorithms are passed over.
    pub(super) fn parse(json: &[u8], algorithm: JwtAlgorithm) -> Result<Self, FetchError> {
        #[derive(Deserialize)]
        struct Published {
            keys: Vec<serde_json::Value>,
        }
        let published: Published = serde_json::from_slice(json)?;
        let usable: Vec<(Option<String>, Arc<DecodingKey>)> = published
            .keys
            .into_iter()
            .filter_map(|key| serde_json::from_value::<Jwk>(key).ok())
            .filter(|key| fits(key, algorithm))
            .filter_map(|key| {
                let usable = DecodingKey::from_jwk(&key).ok()?;
                Some((key.common.key_id, Arc::new(usable)))
            })
            .take(MAX_KEYS)
            .collect();
        let only = match usable.as_slice() {
            [] => return Err(FetchError::NoKey(algorithm)),
            [(_, key)] => Some(Arc::clone(key)),
            _ => None,
        };
        let by_id = usable.into_iter().filter_map(|(id, key)| Some((id?, key)));
        Ok(Self { by_id: by_id.collect(), only })
    }

    fn find(&self, id: Option<&str>) -> Option<Arc<DecodingKey>> {
        match id {
            Some(id) => self.by_id.get(id).cloned(),
            None => self.only.clone(),
        }
    }

    fn is_empty(&self) -> bool {
        self.by_id.is_empty() && self.only.is_none()
    }
}

fn fits(key: &Jwk, algorithm: JwtAlgorithm) -> bool {
    let signs = matches!(key.common.public_key_use, None | Some(PublicKeyUse::Signature));
    let (declared, family) = match (&key.algorithm, algorithm) {
        (AlgorithmParameters::RSA(rsa), JwtAlgorithm::RS256) => {
            (KeyAlgorithm::RS256, rsa.n.len() >= MIN_MODULUS_CHARS)
        }
        (AlgorithmParameters::EllipticCurve(ec), JwtAlgorithm::ES256) => {
            (KeyAlgorithm::ES256, ec.curve == EllipticCurve::P256)
        }
        _ => return false,
    };
    signs && family && key.common.key_algorithm.is_none_or(|named| named == declared)
}

/// A key set that is fetched again when it is old or lacks a key, at most once per interval.
/// When that fails, the keys at hand serve on.
pub(super) struct PublishedKeys {
    algorithm: JwtAlgorithm,
    source: Arc<dyn FetchKeys>,
    refresh_after: Duration,
    min_interval: Duration,
    current: RwLock<(Arc<KeySet>, Option<Instant>)>,
    /// When a fetch was last begun. Held while fetching, so that there is one at a time.
    attempted: Mutex<Option<Instant>>,
}

impl PublishedKeys {
    pub(super) fn new(settings: &JwtSettings, source: Arc<dyn FetchKeys>) -> Arc<Self> {
        Arc::new(Self {
            algorithm: settings.algorithm,
            source,
            refresh_after: settings.refresh_after,
            min_interval: settings.min_refresh_interval,
            current: RwLock::default(),
            attempted: Mutex::default(),
        })
    }

    /// The key of that id. An old set is refreshed behind the caller's back; for an unknown id the
    /// caller waits for one refresh, since a new key may just have been published.
    pub(super) async fn find(
        self: &Arc<Self>,
        id: Option<&str>,
    ) -> Result<Arc<DecodingKey>, Problem> {
        let (set, fetched) = self.current.read().clone();
        if let Some(key) = set.find(id) {
            if fetched.is_some_and(|at| at.elapsed() >= self.refresh_after) {
                // Nobody waits for it: the task runs on without its handle.
                drop(self.begin_refresh());
            }
            return Ok(key);
        }
        // A task of its own: a client that goes away must not break off what others wait for.
        if let Some(refreshing) = self.begin_refresh() {
            let _ = refreshing.await;
        }
        let set = Arc::clone(&self.current.read().0);
        match set.find(id) {
            Some(key) => Ok(key),
            None if set.is_empty() => Err(Problem::Unavailable { retry_after: self.min_interval }),
            None => Err(Problem::Unauthenticated(AuthFailure::UnknownKey)),
        }
    }

    /// Begins a refresh, or joins the one under way; none if the last was a moment ago.
    fn begin_refresh(self: &Arc<Self>) -> Option<JoinHandle<()>> {
        let resting = self.attempted.try_lock().is_ok_and(|last| !self.is_due(*last));
        if resting {
            return None;
        }
        let keys = Arc::clone(self);
        Some(tokio::spawn(async move { keys.refresh().await }))
    }

    fn is_due(&self, last: Option<Instant>) -> bool {
        last.is_none_or(|at| at.elapsed() >= self.min_interval)
    }

    async fn refresh(&self) {
        let mut last = self.attempted.lock().await;
        if !self.is_due(*last) {
            return;
        }
        *last = Some(Instant::now());
        let fetched = self.source.fetch().await;
        match fetched.and_then(|json| KeySet::parse(&json, self.algorithm)) {
            Ok(set) => *self.current.write() = (Arc::new(set), Some(Instant::now())),
            Err(error) => {
                let serving = !self.current.read().0.is_empty();
                tracing::warn!(%error, serving, "the key set for tokens could not be refreshed");
            }
        }
    }
}
