//! Trusted certificates: those of `--ca-cert` and of the system. If the system has none, a built-in list is used.

use std::sync::Once;

use reqwest::{Certificate, ClientBuilder};

use super::address::ServerAddress;
use super::error::ClientError;
use super::options::ClientOptions;

/// The source of the trusted certificates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrustedRoots {
    /// None, since the address is plain `http`.
    NotNeeded,
    /// The system, and `--ca-cert` if given.
    System,
    /// Mozilla's list as it was when the program was built, since the system has none.
    BuiltIn,
}

/// Makes `ring` the TLS cryptography of this process. Repeated calls have no effect.
pub fn install_provider() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // Fails if another part of the process was first, which chose the same provider.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}

pub(super) fn build(
    plain: impl Fn() -> ClientBuilder,
    address: &ServerAddress,
    options: &ClientOptions,
) -> Result<(reqwest::Client, TrustedRoots), ClientError> {
    install_provider();
    if !address.is_tls() {
        let http = plain().tls_certs_only([]).build().map_err(|e| ClientError::cannot_send(address, &e))?;
        return Ok((http, TrustedRoots::NotNeeded));
    }
    let extra = extra(options)?;
    if let Ok(http) = plain().tls_certs_merge(extra.clone()).build() {
        return Ok((http, TrustedRoots::System));
    }
    let mut all = extra;
    for der in webpki_root_certs::TLS_SERVER_ROOT_CERTS {
        all.extend(Certificate::from_der(der));
    }
    let http = plain().tls_certs_only(all).build().map_err(|_| unreadable())?;
    Ok((http, TrustedRoots::BuiltIn))
}

fn extra(options: &ClientOptions) -> Result<Vec<Certificate>, ClientError> {
    let Some(pem) = &options.ca_certs else { return Ok(Vec::new()) };
    match Certificate::from_pem_bundle(pem) {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        _ => Err(unreadable()),
    }
}

fn unreadable() -> ClientError {
    ClientError::certificates(
        "The file of --ca-cert holds no certificate that can be read. It should be PEM: \
         lines between -----BEGIN CERTIFICATE----- and -----END CERTIFICATE-----.",
    )
}
