//! Which certificates are trusted: those of `--ca-cert`, then the system's, and where it has none those built in.

use std::sync::Once;

use reqwest::{Certificate, ClientBuilder};

use super::{Address, Error, Options};

/// Where the trusted certificates came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Roots {
    /// None are needed: the address is plain `http`.
    NotNeeded,
    /// The system's, and those of `--ca-cert` if given.
    System,
    /// The system has none, so Mozilla's, as they were when this program was built.
    BuiltIn,
}

/// Makes `ring` the cryptography of all TLS in this process. Repeating it does nothing.
pub fn install_provider() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // Another part of the process may have been first; it chose the same.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}

pub(super) fn build(
    plain: impl Fn() -> ClientBuilder,
    address: &Address,
    options: &Options,
) -> Result<(reqwest::Client, Roots), Error> {
    install_provider();
    if !address.is_tls() {
        let http = plain().tls_certs_only([]).build().map_err(|e| Error::unsendable(address, &e))?;
        return Ok((http, Roots::NotNeeded));
    }
    let extra = extra(options)?;
    if let Ok(http) = plain().tls_certs_merge(extra.clone()).build() {
        return Ok((http, Roots::System));
    }
    let mut all = extra;
    for der in webpki_root_certs::TLS_SERVER_ROOT_CERTS {
        all.extend(Certificate::from_der(der));
    }
    let http = plain().tls_certs_only(all).build().map_err(|_| unreadable())?;
    Ok((http, Roots::BuiltIn))
}

fn extra(options: &Options) -> Result<Vec<Certificate>, Error> {
    let Some(pem) = &options.ca_certs else { return Ok(Vec::new()) };
    match Certificate::from_pem_bundle(pem) {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        _ => Err(unreadable()),
    }
}

fn unreadable() -> Error {
    Error::certificates(
        "The file of --ca-cert holds no certificate that can be read. It should be PEM: \
         lines between -----BEGIN CERTIFICATE----- and -----END CERTIFICATE-----.",
    )
}
