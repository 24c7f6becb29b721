//! Encryption between this process and the nodes.

use std::path::Path;

use openssl::ssl::{SslConnector, SslConnectorBuilder, SslFiletype, SslMethod, SslVersion};
use openssl::x509::X509;
use openssl::x509::store::{X509Store, X509StoreBuilder};

use crate::error::ConnectError;
use crate::settings::TlsSettings;

/// The TLS of a session; none if it is not enabled. The driver adds to it that a node's certificate
/// has to name the node's address.
pub(crate) fn connector(tls: &TlsSettings) -> Result<Option<SslConnectorBuilder>, ConnectError> {
    let (true, Some(ca_file)) = (tls.enabled, &tls.ca_file) else { return Ok(None) };
    let fail = |error| failed("ca_file", ca_file, error);
    let mut builder = SslConnector::builder(SslMethod::tls_client()).map_err(fail)?;
    builder.set_min_proto_version(Some(SslVersion::TLS1_2)).map_err(fail)?;
    // In place of the authorities that the machine trusts.
    builder.set_cert_store(authorities(ca_file)?);
    if let (Some(cert_file), Some(key_file)) = (&tls.cert_file, &tls.key_file) {
        let cert = builder.set_certificate_chain_file(cert_file);
        cert.map_err(|error| failed("cert_file", cert_file, error))?;
        let key = builder.set_private_key_file(key_file, SslFiletype::PEM);
        key.and_then(|()| builder.check_private_key())
            .map_err(|error| failed("key_file", key_file, error))?;
    }
    Ok(Some(builder))
}

/// At least one certificate.
fn authorities(path: &Path) -> Result<X509Store, ConnectError> {
    let pem = std::fs::read(path).map_err(|error| failed("ca_file", path, error))?;
    let fail = |error| failed("ca_file", path, error);
    let (found, mut store) =
        (X509::stack_from_pem(&pem).map_err(fail)?, X509StoreBuilder::new().map_err(fail)?);
    if found.is_empty() {
        return Err(failed("ca_file", path, "holds no PEM certificate"));
    }
    for certificate in found {
        store.add_cert(certificate).map_err(fail)?;
    }
    Ok(store.build())
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
            let error = connector(&settings(path)).err().unwrap().to_string();
            assert!(error.starts_with("cassandra.tls.ca_file: "), "{error}");
            assert!(error.contains(&*path.to_string_lossy()), "{error}");
        }
    }

    #[test]
    fn without_tls_no_file_is_read() {
        let off = TlsSettings { enabled: false, ..settings(Path::new("/none")) };
        assert!(connector(&off).unwrap().is_none());
    }
}
