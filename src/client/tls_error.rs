//! Explains failed TLS connections to users.

use rustls::CertificateError as C;
use rustls::pki_types::UnixTime;

use super::sanitize::sentence;
use crate::domain::time::Timestamp;

/// Explains a TLS failure: returns the end of a sentence that gives the cause, and a sentence that says what to do.
pub(super) fn explain(error: &rustls::Error) -> String {
    let day = |at: &UnixTime| {
        let ms = i64::try_from(at.as_secs()).unwrap_or(i64::MAX / 1_000).saturating_mul(1_000);
        Timestamp(ms).to_string().chars().take(10).collect::<String>()
    };
    let clock = "or correct this machine's clock if it is wrong";
    match error {
        rustls::Error::InvalidCertificate(wrong) => match wrong {
            C::ExpiredContext { not_after, .. } => {
                format!("its certificate expired on {}. Renew it on the server, {clock}.", day(not_after))
            }
            C::Expired => format!("its certificate has expired. Renew it on the server, {clock}."),
            C::NotValidYetContext { not_before, .. } => format!(
                "its certificate is not valid before {}. Wait until then, replace it on the server, {clock}.",
                day(not_before)
            ),
            C::NotValidForNameContext { presented, .. } => {
                let names: Vec<&str> = presented.iter().map(|name| presented_name(name)).collect();
                format!(
                    "its certificate is valid for {}, but not for this address. Use an address that the certificate covers, or \
                     install a certificate for this address on the server.",
                    if names.is_empty() { "no name at all".to_owned() } else { sentence(&names.join(", ")) }
                )
            }
            C::UnknownIssuer => "its certificate was issued by an authority that this machine does not trust. If it is your own \
                                 authority, pass its certificate with --ca-cert FILE; if not, someone may be intercepting the connection."
                .to_owned(),
            wrong => format!("its certificate is not accepted ({}). Replace it on the server.", sentence(&wrong.to_string())),
        },
        rustls::Error::InvalidMessage(_) => "the server does not speak TLS. Check whether the address should begin with http:// or use another port."
            .to_owned(),
        other => format!("{}. `keyward doctor` shows details.", sentence(&other.to_string())),
    }
}

/// Extracts the name from `DnsName("keys.plant.example")`.
fn presented_name(presented: &str) -> &str {
    presented.split('"').nth(1).or_else(|| presented.split(['(', ')']).nth(1)).unwrap_or(presented)
}
