//! Finds out who is calling.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use kudos_core::{Clock, SystemClock, UserId};

use super::source::source;
use super::token::{MAX_TOKEN_BYTES, TokenVerifier};
use super::{AuthFailure, AuthMode, AuthSettings, AuthSettingsError, Caller, FetchKeys, Scopes};
use crate::extract::single;
use crate::problem::{Problem, UserIdFault};

/// Tells who is calling, by the configured rules. Cheap to clone.
#[derive(Clone)]
pub struct Authenticator(Arc<Inner>);

struct Inner {
    rule: Rule,
    anonymous_reads: bool,
    behind_gateway: bool,
}

enum Rule {
    Header(Scopes),
    Jwt(Box<TokenVerifier>),
}

impl Authenticator {
    /// Checks the settings for a server on `listen` and keeps them. A key set behind a URL is
    /// fetched when it is first needed: a server starts while its issuer is down.
    pub fn new(settings: &AuthSettings, listen: SocketAddr) -> Result<Self, AuthSettingsError> {
        settings.validate(listen)?;
        let source = match settings.mode {
            AuthMode::Jwt => source(&settings.jwt)?,
            AuthMode::Header => None,
        };
        Ok(Self::build(settings, source, Arc::new(SystemClock)))
    }

    /// The same with a clock and a source of keys from outside, for tests.
    pub fn with_parts(
        settings: &AuthSettings,
        listen: SocketAddr,
        source: Option<Arc<dyn FetchKeys>>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, AuthSettingsError> {
        settings.validate(listen)?;
        Ok(Self::build(settings, source, clock))
    }

    fn build(
        settings: &AuthSettings,
        source: Option<Arc<dyn FetchKeys>>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let rule = match settings.mode {
            AuthMode::Header => Rule::Header(settings.header_scopes),
            AuthMode::Jwt => Rule::Jwt(Box::new(TokenVerifier::new(&settings.jwt, source, clock))),
        };
        Self(Arc::new(Inner {
            rule,
            anonymous_reads: settings.anonymous_reads,
            behind_gateway: settings.behind_gateway,
        }))
    }

    /// The caller of a request with these headers: a user, or nobody if none is named. A name or
    /// token that is wrong is refused, even where none is needed.
    pub async fn authenticate(&self, headers: &HeaderMap) -> Result<Caller, Problem> {
        match &self.0.rule {
            Rule::Header(scopes) => by_header(headers, *scopes),
            Rule::Jwt(verifier) => match bearer(headers)? {
                Some(token) => verifier.verify(token).await,
                None => Ok(Caller::anonymous(AuthFailure::NoToken)),
            },
        }
    }

    /// Whether reads need no caller.
    pub fn anonymous_reads(&self) -> bool {
        self.0.anonymous_reads
    }

    /// Whether forwarded addresses can be believed.
    pub fn behind_gateway(&self) -> bool {
        self.0.behind_gateway
    }
}

fn by_header(headers: &HeaderMap, scopes: Scopes) -> Result<Caller, Problem> {
    const NAME: &str = "X-User-Id";
    let value =
        single(headers, "x-user-id").map_err(|_| Problem::user_id(NAME, UserIdFault::Repeated))?;
    let Some(value) = value else {
        return Ok(Caller::anonymous(AuthFailure::NoUser));
    };
    let text = std::str::from_utf8(value.as_bytes())
        .map_err(|_| Problem::user_id(NAME, UserIdFault::NotText))?;
    let user = UserId::new(text).map_err(|error| Problem::user_id(NAME, error))?;
    Ok(Caller::user(user, scopes))
}

fn bearer(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let refused = || Problem::Unauthenticated(AuthFailure::NotBearer);
    let Some(value) = single(headers, AUTHORIZATION).map_err(|_| refused())? else {
        return Ok(None);
    };
    let text = value.to_str().map_err(|_| refused())?;
    let (scheme, token) = text.split_once(' ').ok_or_else(refused)?;
    let token = token.trim();
    if !scheme.eq_ignore_ascii_case("bearer") || !(1..=MAX_TOKEN_BYTES).contains(&token.len()) {
        return Err(refused());
    }
    Ok(Some(token))
}
