//! Signed tokens: verified once, then remembered.

use std::sync::Arc;

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use kudos_core::{Clock, UserId};
use quick_cache::sync::Cache;
use serde::Deserialize;

use super::keys::PublishedKeys;
use super::{AuthFailure, Caller, FetchKeys, JwtAlgorithm, JwtSettings, Scopes};
use crate::problem::Problem;

/// The longest token, in bytes.
pub(super) const MAX_TOKEN_BYTES: usize = 8192;
/// The longest that a verified token is remembered, so that a withdrawn key stops working.
const MAX_CACHED_SECONDS: u64 = 300;

enum Keys {
    Shared(Arc<DecodingKey>),
    Published(Arc<PublishedKeys>),
}

#[derive(Clone)]
struct Verified {
    caller: Caller,
    /// Seconds since the epoch.
    until: u64,
}

/// Verifies tokens of one algorithm.
pub(super) struct TokenVerifier {
    algorithm: Algorithm,
    validation: Validation,
    leeway: u64,
    keys: Keys,
    clock: Arc<dyn Clock>,
    cache: Cache<[u8; 32], Verified>,
}

#[derive(Deserialize)]
struct Claims {
    sub: String,
    exp: f64,
    nbf: Option<f64>,
    scope: Option<String>,
    scp: Option<OneOrMany>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl Claims {
    fn scopes(&self) -> Scopes {
        let list = match &self.scp {
            Some(OneOrMany::Many(names)) => names.as_slice(),
            Some(OneOrMany::One(names)) => std::slice::from_ref(names),
            None => &[],
        };
        let texts = self.scope.iter().chain(list);
        Scopes::known(texts.flat_map(|text| text.split_ascii_whitespace()))
    }
}

impl TokenVerifier {
    pub(super) fn new(
        settings: &JwtSettings,
        source: Option<Arc<dyn FetchKeys>>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let secret = settings.secret.expose_secret().as_bytes();
        let keys = match source {
            Some(source) => Keys::Published(PublishedKeys::new(settings, source)),
            None => Keys::Shared(Arc::new(DecodingKey::from_secret(secret))),
        };
        let algorithm = match settings.algorithm {
            JwtAlgorithm::HS256 => Algorithm::HS256,
            JwtAlgorithm::RS256 => Algorithm::RS256,
            JwtAlgorithm::ES256 => Algorithm::ES256,
        };
        Self {
            algorithm,
            validation: validation(algorithm, settings),
            leeway: settings.leeway.as_secs(),
            keys,
            clock,
            cache: Cache::new(settings.cached_tokens),
        }
    }

    /// The caller whom the token names.
    pub(super) async fn verify(&self, token: &str) -> Result<Caller, Problem> {
        let hash = *blake3::hash(token.as_bytes()).as_bytes();
        let now = self.clock.now().0 / 1000;
        if let Some(known) = self.cache.get(&hash)
            && now < known.until
        {
            return Ok(known.caller);
        }
        let key = self.key(token).await?;
        let claims = self.claims(token, &key, now)?;
        let user = UserId::new(&claims.sub).map_err(|e| Problem::user_id("sub", e))?;
        let caller = Caller::user(user, claims.scopes());
        let expires = whole_seconds(claims.exp).saturating_add(self.leeway);
        let verified = Verified {
            caller: caller.clone(),
            until: expires.min(now.saturating_add(MAX_CACHED_SECONDS)),
        };
        self.cache.insert(hash, verified);
        Ok(caller)
    }

    async fn key(&self, token: &str) -> Result<Arc<DecodingKey>, Problem> {
        let header = jsonwebtoken::decode_header(token)
            .map_err(|e| Problem::Unauthenticated(failure(e.kind())))?;
        if header.alg != self.algorithm {
            return Err(Problem::Unauthenticated(AuthFailure::Algorithm));
        }
        // An extension that must be understood is not.
        if header.crit.is_some() {
            return Err(Problem::Unauthenticated(AuthFailure::Malformed));
        }
        match &self.keys {
            Keys::Shared(key) => Ok(Arc::clone(key)),
            Keys::Published(keys) => keys.find(header.kid.as_deref()).await,
        }
    }

    fn claims(&self, token: &str, key: &DecodingKey, now: u64) -> Result<Claims, Problem> {
        let claims = jsonwebtoken::decode::<Claims>(token, key, &self.validation)
            .map_err(|error| {
                Problem::Unauthenticated(match error.kind() {
                    // The header was read before, so it is the claims that have other types.
                    ErrorKind::Json(_) => AuthFailure::Claims,
                    other => failure(other),
                })
            })?
            .claims;
        if now >= whole_seconds(claims.exp).saturating_add(self.leeway) {
            return Err(Problem::Unauthenticated(AuthFailure::Expired));
        }
        let begins = whole_seconds(claims.nbf.unwrap_or(0.0));
        if now.saturating_add(self.leeway) < begins {
            return Err(Problem::Unauthenticated(AuthFailure::NotYetValid));
        }
        Ok(claims)
    }
}

/// A NumericDate in whole seconds; what lies before the epoch is the epoch. (A cast of a float
/// saturates, and makes zero of NaN.)
fn whole_seconds(date: f64) -> u64 {
    date as u64
}

/// Signature, audience and issuer are checked by the library, times by our clock.
fn validation(algorithm: Algorithm, settings: &JwtSettings) -> Validation {
    let mut validation = Validation::new(algorithm);
    validation.validate_exp = false;
    validation.validate_nbf = false;
    let mut required = vec!["exp", "sub"];
    match &settings.audience {
        Some(audience) => {
            validation.set_audience(&[audience]);
            required.push("aud");
        }
        None => validation.validate_aud = false,
    }
    if let Some(issuer) = &settings.issuer {
        validation.set_issuer(&[issuer]);
        required.push("iss");
    }
    validation.set_required_spec_claims(&required);
    validation
}

fn failure(error: &ErrorKind) -> AuthFailure {
    match error {
        ErrorKind::InvalidSignature => AuthFailure::Signature,
        ErrorKind::InvalidAlgorithm | ErrorKind::UnsupportedAlgorithm => AuthFailure::Algorithm,
        ErrorKind::InvalidAudience => AuthFailure::Audience,
        ErrorKind::InvalidIssuer => AuthFailure::Issuer,
        ErrorKind::MissingRequiredClaim(_) | ErrorKind::InvalidClaimFormat(_) => {
            AuthFailure::Claims
        }
        _ => AuthFailure::Malformed,
    }
}
