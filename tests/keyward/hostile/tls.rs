//! The server's TLS from PEM files.

use std::path::Path;
use std::sync::Arc;

use keyward::server::settings::TlsFiles;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::start_with;
use crate::support::raw_http::{read_response, request};

#[tokio::test(flavor = "multi_thread")]
async fn the_server_answers_tls_clients_but_not_plain_http() {
    let files = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/keyward/support/tls");
    let tls = TlsFiles { certificate: files.join("localhost.pem"), key: files.join("localhost.key") };
    let (running, _folder) = start_with(|settings| settings.tls = Some(tls)).await;

    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(files.join("ca.pem")).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    for offered in [&[][..], &["http/1.1"], &["http/1.0"], &["h2", "http/1.1"]] {
        let mut config = config.clone();
        config.alpn_protocols = offered.iter().map(|name| name.as_bytes().to_vec()).collect();
        let stream = TcpStream::connect(running.addr).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await;
        let mut stream = stream.unwrap_or_else(|e| panic!("{offered:?}: {e}"));
        stream.write_all(request("GET", "/api/v2/sites", &[], "").as_bytes()).await.unwrap();
        assert_eq!(read_response(&mut stream).await.unwrap().problem(), "credentials-missing", "{offered:?}");
    }

    let mut plain = TcpStream::connect(running.addr).await.unwrap();
    plain.write_all(request("GET", "/api/v2/sites", &[], "").as_bytes()).await.unwrap();
    assert_eq!(read_response(&mut plain).await, None);
    running.shutdown().await;
}
