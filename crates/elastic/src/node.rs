//! One node: its own client, its own connections, its own breaker.

use std::error::Error;
use std::fmt;
use std::fs;
use std::path::Path;

use bytes::Bytes;
use elasticsearch::auth::Credentials;
use elasticsearch::cert::{Certificate, CertificateValidation};
use elasticsearch::http::headers::{CONTENT_TYPE, HeaderMap, HeaderValue};
use elasticsearch::http::transport::{SingleNodeConnectionPool, Transport, TransportBuilder};
use elasticsearch::http::{Method, Url};
use kudos_degraded::Breaker;
use kudos_runtime::config::{InvalidSetting, Secret};

use crate::error::{CallError, Refusal};
use crate::settings::{ElasticSettings, invalid};

/// What is asked. It may be sent twice: every request of this crate is idempotent.
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) query: Vec<(&'static str, &'static str)>,
    pub(crate) body: Option<Bytes>,
}

impl Request {
    pub(crate) fn new(method: Method, path: impl Into<String>) -> Self {
        Self { method, path: path.into(), query: Vec::new(), body: None }
    }

    pub(crate) fn query(mut self, key: &'static str, value: &'static str) -> Self {
        self.query.push((key, value));
        self
    }

    pub(crate) fn json(self, body: &serde_json::Value) -> Self {
        self.body(body.to_string())
    }

    pub(crate) fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = Some(body.into());
        self
    }
}

/// A node that can be asked. The client's own pools are not used: they neither notice a dead node
/// nor try another one.
pub(crate) struct Node {
    name: String,
    transport: Transport,
    pub(crate) breaker: Breaker,
}

impl Node {
    /// Sends nothing yet.
    pub(crate) fn new(
        url: Url,
        settings: &ElasticSettings,
        breaker: Breaker,
    ) -> Result<Self, InvalidSetting> {
        let name = breaker.name().to_owned();
        // Proxies are for the way out to the world, not for one's own servers.
        let builder = TransportBuilder::new(SingleNodeConnectionPool::new(url)).disable_proxy();
        let builder = match credentials(settings) {
            Some(credentials) => builder.auth(credentials),
            None => builder,
        };
        let builder = match &settings.tls_ca {
            Some(path) => builder.cert_validation(CertificateValidation::Full(authorities(path)?)),
            None => builder,
        };
        let transport = builder
            .enable_meta_header(false)
            .build()
            .map_err(|error| invalid("tls_ca", format!("no TLS client: {}", causes(&error))))?;
        Ok(Self { name, transport, breaker })
    }

    /// One attempt, without a time limit: the caller has it.
    pub(crate) async fn send(&self, request: &Request) -> Result<Bytes, CallError> {
        let mut headers = HeaderMap::new();
        if request.path.ends_with("_bulk") {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"));
        }
        let Request { method, path, query, body } = request;
        let query = (!query.is_empty()).then_some(query);
        let sent = self.transport.send(*method, path, headers, query, body.clone(), None).await;
        let answer = sent.map_err(|error| self.unreachable(&error))?;
        let status = answer.status_code();
        let body = answer.bytes().await.map_err(|error| self.unreachable(&error))?;
        if status.is_success() {
            return Ok(body);
        }
        Err(CallError::Refused(Refusal::read(status.as_u16(), &body)))
    }

    fn unreachable(&self, error: &dyn Error) -> CallError {
        CallError::Unreachable { node: self.name.clone(), cause: causes(error) }
    }
}

/// Without the client, whose `Debug` shows credentials.
impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node").field("breaker", &self.breaker).finish_non_exhaustive()
    }
}

fn credentials(settings: &ElasticSettings) -> Option<Credentials> {
    let exposed = |secret: &Secret| secret.expose_secret().to_owned();
    let key = settings.api_key.as_ref().map(|key| Credentials::EncodedApiKey(exposed(key)));
    let basic = |password| Credentials::Basic(settings.username.clone(), exposed(password));
    key.or_else(|| settings.password.as_ref().map(basic))
}

fn authorities(path: &Path) -> Result<Certificate, InvalidSetting> {
    let refused = |cause: String| invalid("tls_ca", format!("{}: {cause}", path.display()));
    let pem = fs::read(path).map_err(|error| refused(error.to_string()))?;
    Certificate::from_pem(&pem).map_err(|error| refused(causes(&error)))
}

/// The error and what caused it: the client's own words stop at "error sending request".
fn causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let words = cause.to_string();
        if !text.contains(&words) {
            text = format!("{text}: {words}");
        }
        next = cause.source();
    }
    crate::error::line(&text)
}
