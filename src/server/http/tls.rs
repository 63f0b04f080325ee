//! TLS from PEM files, by rustls.

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use crate::server::StartError;
use crate::server::settings::TlsFiles;

/// What turns a connection into one that speaks TLS.
pub(in crate::server) fn acceptor(files: &TlsFiles) -> Result<TlsAcceptor, StartError> {
    let bad = |path: &std::path::Path, why: String| StartError::Tls { path: path.to_owned(), why };
    let chain = CertificateDer::pem_file_iter(&files.certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|e| bad(&files.certificate, e.to_string()))?;
    if chain.is_empty() {
        return Err(bad(&files.certificate, "it holds no certificate in PEM form".into()));
    }
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(|e| bad(&files.key, e.to_string()))?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|config| config.with_no_client_auth().with_single_cert(chain, key))
        .map_err(|e| bad(&files.key, e.to_string()))?;
    // A client that is asked for HTTP/1.0 offers nothing else.
    config.alpn_protocols = vec![b"http/1.1".to_vec(), b"http/1.0".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}
