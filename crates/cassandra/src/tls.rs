//! Encryption between this process and the nodes.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

use crate::error::ConnectError;
use crate::settings::TlsSettings;

/// The TLS of a session; none if it is not enabled.
pub(crate) fn client_config(tls: &TlsSettings) -> Result<Option<Arc<ClientConfig>>, ConnectError> {
    let (true, Some(ca_file)) = (tls.enabled, &tls.ca_file) else { return Ok(None) };
    let mut roots = RootCertStore::empty();
    for certificate in certificates("ca_file", ca_file)? {
        roots.add(certificate).map_err(|error| failed("ca_file", ca_file, error))?;
    }
    // The provider is named, so that another one linked into the process is not asked.
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| failed("ca_file", ca_file, error))?
        .with_root_certificates(roots);
    let config = match (&tls.cert_file, &tls.key_file) {
        (Some(cert_file), Some(key_file)) => {
            let key = PrivateKeyDer::from_pem_file(key_file)
                .map_err(|error| failed("key_file", key_file, error))?;
            let chain = certificates("cert_file", cert_file)?;
            let config = builder.with_client_auth_cert(chain, key);
            config.map_err(|error| failed("cert_file", cert_file, error))?
        }
        _ => builder.with_no_client_auth(),
    };
    Ok(Some(Arc::new(config)))
}

/// At least one certificate.
fn certificates(
    key: &'static str,
    path: &Path,
) -> Result<Vec<CertificateDer<'static>>, ConnectError> {
    let found = CertificateDer::pem_file_iter(path).map_err(|error| failed(key, path, error))?;
    let found: Vec<_> =
        found.collect::<Result<_, _>>().map_err(|error| failed(key, path, error))?;
    match found.is_empty() {
        true => Err(failed(key, path, "holds no PEM certificate")),
        false => Ok(found),
    }
}

fn failed(key: &'static str, path: &Path, cause: impl std::fmt::Display) -> ConnectError {
    ConnectError::Tls { key, path: path.to_owned(), cause: cause.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(ca_file: &Path) -> TlsSettings {
        TlsSettings { enabled: true, ca_file: Some(ca_file.to_owned()), ..TlsSettings::default() }
    }

    #[test]
    fn a_file_that_holds_no_certificate_is_named_with_its_setting() {
        let folder = tempfile::tempdir().unwrap();
        let (empty, missing) = (folder.path().join("empty.pem"), folder.path().join("none.pem"));
        std::fs::write(&empty, "").unwrap();
        for path in [&empty, &missing] {
            let error = client_config(&settings(path)).unwrap_err().to_string();
            assert!(error.starts_with("cassandra.tls.ca_file: "), "{error}");
            assert!(error.contains(&*path.to_string_lossy()), "{error}");
        }
    }

    #[test]
    fn without_tls_no_file_is_read() {
        let off = TlsSettings { enabled: false, ..settings(Path::new("/none")) };
        assert!(client_config(&off).unwrap().is_none());
    }
}
