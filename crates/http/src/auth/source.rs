//! Where key sets are read: a file, or a URL.

use std::path::PathBuf;
use std::sync::Arc;

use axum::body::Bytes;
use futures::future::BoxFuture;

use super::{AuthSettingsError, FetchError, FetchKeys, JwtSettings};

/// A key set of 64 RSA keys with certificates has less.
const MAX_BYTES: usize = 512 * 1024;

struct KeyFile(PathBuf);

impl FetchKeys for KeyFile {
    fn fetch(&self) -> BoxFuture<'_, Result<Bytes, FetchError>> {
        Box::pin(async {
            let length = tokio::fs::metadata(&self.0).await?.len();
            if length > MAX_BYTES as u64 {
                return Err(FetchError::TooLarge(MAX_BYTES));
            }
            Ok(tokio::fs::read(&self.0).await?.into())
        })
    }
}

struct KeyUrl {
    client: reqwest::Client,
    url: String,
}

impl FetchKeys for KeyUrl {
    fn fetch(&self) -> BoxFuture<'_, Result<Bytes, FetchError>> {
        Box::pin(async {
            let mut response = self.client.get(&self.url).send().await?.error_for_status()?;
            let mut body = Vec::new();
            while let Some(chunk) = response.chunk().await? {
                if body.len() + chunk.len() > MAX_BYTES {
                    return Err(FetchError::TooLarge(MAX_BYTES));
                }
                body.extend_from_slice(&chunk);
            }
            Ok(body.into())
        })
    }
}

/// The configured source; none where a secret is configured instead.
pub(super) fn source(
    settings: &JwtSettings,
) -> Result<Option<Arc<dyn FetchKeys>>, AuthSettingsError> {
    if let Some(path) = &settings.jwks_file {
        check(path, settings)?;
        return Ok(Some(Arc::new(KeyFile(path.clone()))));
    }
    let Some(url) = settings.jwks_url.clone() else {
        return Ok(None);
    };
    // Another part of the process may have installed a provider: then that one is used.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder()
        .timeout(settings.fetch_timeout)
        // A redirect could lead from https to http.
        .redirect(reqwest::redirect::Policy::none())
        .build()?;
    Ok(Some(Arc::new(KeyUrl { client, url })))
}

/// A file that is wrong at start is a mistake in the configuration, unlike a server that is down.
fn check(path: &PathBuf, settings: &JwtSettings) -> Result<(), AuthSettingsError> {
    let read = || -> Result<(), FetchError> {
        if std::fs::metadata(path)?.len() > MAX_BYTES as u64 {
            return Err(FetchError::TooLarge(MAX_BYTES));
        }
        super::keys::KeySet::parse(&std::fs::read(path)?, settings.algorithm).map(drop)
    };
    read().map_err(|cause| AuthSettingsError::KeyFile { path: path.clone(), cause })
}
