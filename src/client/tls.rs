//! Trusted certificates: those of `--ca-cert` and of the system. If the system has none, a built-in list is used.

use std::sync::Once;

use reqwest::{Certificate, ClientBuilder};

use super::address::ServerAddress;
use super::error::ClientError;
use super::options::ClientOptions;

/// The source of the trusted certificates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrustedRoots {
    /// No certificates, since the address is plain `http`.
    NotNeeded,
    /// The system's certificates, and those of `--ca-cert` if given.
    System,
    /// Mozilla's list of certificates as of when keyward was built, since the system has none.
    BuiltIn,
}

/// Installs `ring` as the cryptography provider for TLS in this process. Repeated calls have no effect.
pub(crate) fn install_provider() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // Fails if another part of the process was first, which chose the same provider.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}

pub(super) fn build_http_client(
    plain: impl Fn() -> ClientBuilder,
    address: &ServerAddress,
    options: &ClientOptions,
) -> Result<(reqwest::Client, TrustedRoots), ClientError> {
    install_provider();
    if !address.is_tls() {
        let http = plain().tls_certs_only([]).build().map_err(|e| ClientError::cannot_send(address, &e))?;
        return Ok((http, TrustedRoots::NotNeeded));
    }
    let extra = extra_certificates(options)?;
    if let Ok(http) = plain().tls_certs_merge(extra.clone()).build() {
        return Ok((http, TrustedRoots::System));
    }
    let mut all = extra;
    for der in webpki_root_certs::TLS_SERVER_ROOT_CERTS {
        all.extend(Certificate::from_der(der));
    }
    let http = plain().tls_certs_only(all).build().map_err(|_| no_readable_certificate())?;
    Ok((http, TrustedRoots::BuiltIn))
}

fn extra_certificates(options: &ClientOptions) -> Result<Vec<Certificate>, ClientError> {
    let Some(pem) = &options.ca_certs else { return Ok(Vec::new()) };
    match Certificate::from_pem_bundle(pem) {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        _ => Err(no_readable_certificate()),
    }
}

fn no_readable_certificate() -> ClientError {
    ClientError::certificates(
        "The --ca-cert file contains no readable certificate. It must be a PEM file: \
         lines between -----BEGIN CERTIFICATE----- and -----END CERTIFICATE-----.",
    )
}
