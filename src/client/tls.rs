//! Trusted certificates: those of `--ca-cert` and of the system. If the system has none, a built-in list is used.

use std::sync::Once;

use reqwest::{Certificate, ClientBuilder};
use rustls::CertificateError as C;
use rustls::pki_types::UnixTime;

use super::reply::sentence;
use super::{ClientError, ClientOptions, ServerAddress};
use crate::domain::time::Timestamp;

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

/// Explains why TLS failed and what to do: the end of a sentence, and another sentence.
pub(super) fn trouble(error: &rustls::Error) -> String {
    let day = |at: &UnixTime| {
        let ms = i64::try_from(at.as_secs()).unwrap_or(i64::MAX / 1_000).saturating_mul(1_000);
        Timestamp(ms).to_string().chars().take(10).collect::<String>()
    };
    let clock = "or set this machine's clock, if that is what is wrong";
    match error {
        rustls::Error::InvalidCertificate(wrong) => match wrong {
            C::ExpiredContext { not_after, .. } => {
                format!("its certificate expired on {}. Renew it on the server, {clock}.", day(not_after))
            }
            C::Expired => format!("its certificate has expired. Renew it on the server, {clock}."),
            C::NotValidYetContext { not_before, .. } => format!(
                "its certificate is good from {} only. Wait, replace it on the server, {clock}.",
                day(not_before)
            ),
            C::NotValidForNameContext { presented, .. } => {
                let names: Vec<&str> = presented.iter().map(|name| inside(name)).collect();
                format!(
                    "its certificate is for {}, not for this address. Use a name that it is for, or give the server a certificate \
                     for this one.",
                    if names.is_empty() { "no name at all".to_owned() } else { sentence(&names.join(", ")) }
                )
            }
            C::UnknownIssuer => "its certificate comes from an authority that is not trusted here. If that is an authority of your \
                                 own, name its certificate with --ca-cert FILE; if not, somebody may stand in between."
                .to_owned(),
            wrong => format!("its certificate is not accepted ({}). Replace it on the server.", sentence(&wrong.to_string())),
        },
        rustls::Error::InvalidMessage(_) => "what answers there does not speak TLS. Is it http:// and not https://, or another port?"
            .to_owned(),
        other => format!("{}. `keyward doctor` looks closer.", sentence(&other.to_string())),
    }
}

/// Extracts the name from `DnsName("keys.plant.example")`.
fn inside(presented: &str) -> &str {
    presented.split('"').nth(1).or_else(|| presented.split(['(', ')']).nth(1)).unwrap_or(presented)
}

fn unreadable() -> ClientError {
    ClientError::certificates(
        "The file of --ca-cert holds no certificate that can be read. It should be PEM: \
         lines between -----BEGIN CERTIFICATE----- and -----END CERTIFICATE-----.",
    )
}
