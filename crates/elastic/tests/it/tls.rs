//! Certificates are checked.

use std::fs;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::serve::Listener;
use kudos_elastic::{CheckError, ElasticSettings};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::server::TlsStream;

use crate::stand_in::{app, elastic};

struct TlsListener(TcpListener, TlsAcceptor);

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, SocketAddr) {
        loop {
            let Ok((stream, peer)) = self.0.accept().await else { continue };
            // A client that does not trust us breaks off.
            let Ok(stream) = self.1.accept(stream).await else { continue };
            return (stream, peer);
        }
    }

    fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// A server on loopback with a certificate of that authority, which knows nobody.
async fn start(authority: &CertifiedIssuer<'static, KeyPair>) -> String {
    kudos_runtime::tls::install();
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    let certificate = params.signed_by(&key, authority).unwrap();
    let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let listener = TlsListener(listener, TlsAcceptor::from(Arc::new(config)));
    let app = app(Arc::default(), Arc::new(|_| Some((401, json!({})))));
    tokio::spawn(async move { axum::serve(listener, app).await });
    url
}

#[tokio::test]
async fn a_server_is_trusted_if_the_named_authority_signed_it_and_only_then() {
    let ours = authority();
    let urls = vec![start(&ours).await];
    let folder = tempfile::tempdir().unwrap();
    let (ours_pem, other_pem) = (folder.path().join("ours.pem"), folder.path().join("other.pem"));
    fs::write(&ours_pem, ours.pem()).unwrap();
    fs::write(&other_pem, authority().pem()).unwrap();
    let check = async |tls_ca| {
        let settings = ElasticSettings { urls: urls.clone(), tls_ca, ..ElasticSettings::default() };
        elastic(&settings).check().await.expect_err("it knows nobody")
    };
    assert_eq!(check(Some(ours_pem)).await, CheckError::Unauthenticated);
    for other in [None, Some(other_pem)] {
        let error = check(other).await;
        assert!(matches!(&error, CheckError::Unreachable(_)), "{error}");
        assert!(error.to_string().contains("certificate"), "{error}");
    }
}
