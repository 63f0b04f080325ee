//! Explains failed TLS connections to users.

use rustls::CertificateError as C;
use rustls::pki_types::UnixTime;

use super::sanitize::sentence;
use crate::domain::time::Timestamp;

/// Explains why TLS failed and what to do: the end of a sentence, and another sentence.
pub(super) fn explain(error: &rustls::Error) -> String {
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
