//! Parses the `Authorization` header of the data plane: one `Bearer` token, or an error that describes the mistake.
//!
//! Follows RFC 9110 (11.4) and RFC 6750 (2.1): a case-insensitive scheme, one or more spaces, one token. Common mistakes in setting up a
//! key are distinguished, because each needs a different correction.

use http::HeaderMap;
use http::header::AUTHORIZATION;

use crate::domain::secret::{SECRET_PREFIX, SecretError, check_secret};
use crate::server::error::ApiError;

const SCHEME: &[u8] = b"bearer";

const SEVERAL_CREDENTIALS: &str =
    "More than one credential was sent. Send exactly one `Authorization: Bearer sk_…`.";
const BARE_KEY: &str = "The `Bearer` prefix or the space after it is missing: the header contains only the key. \
                        Send `Authorization: Bearer sk_…`.";
const MISSING_SPACE: &str = "The `Bearer` prefix or the space after it is missing: `Bearer` must be followed by a space. \
                        Send `Authorization: Bearer sk_…`.";
const MISSING_TOKEN: &str = "The `Bearer` prefix or the space after it is missing, or no key follows. \
                        Send `Authorization: Bearer sk_…`.";
const UNSUPPORTED_SCHEME: &str = "The `Bearer` prefix or the space after it is missing, and other schemes are not supported. \
                            Send `Authorization: Bearer sk_…`.";

/// Returns the token in the `Authorization` header; `None` if the header is missing.
///
/// # Errors
/// Returns [`ApiError::AuthorizationMalformed`] with the mistake.
fn token(headers: &HeaderMap) -> Result<Option<&[u8]>, ApiError> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(ApiError::AuthorizationMalformed(SEVERAL_CREDENTIALS));
    }
    parse(value.as_bytes().trim_ascii_end()).map(Some).map_err(ApiError::AuthorizationMalformed)
}

fn parse(value: &[u8]) -> Result<&[u8], &'static str> {
    match value.split_at_checked(SCHEME.len()) {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case(SCHEME) => match rest {
            [] => Err(MISSING_TOKEN),
            // A comma: a proxy joined two headers into one.
            [b' ', token @ ..] if token.contains(&b',') => Err(SEVERAL_CREDENTIALS),
            [b' ', token @ ..] => Ok(token.trim_ascii_start()),
            _ => Err(MISSING_SPACE),
        },
        _ if value.starts_with(SECRET_PREFIX.as_bytes()) => Err(BARE_KEY),
        _ => Err(UNSUPPORTED_SCHEME),
    }
}

/// Step 2 of a verification: returns the well-formed secret of a data-plane request.
///
/// The secret is borrowed from the header, so that no copy of it stays in memory.
///
/// # Errors
/// Returns [`ApiError::CredentialsMissing`], [`ApiError::AuthorizationMalformed`] or [`ApiError::KeyMalformed`].
pub(in crate::server) fn key(headers: &HeaderMap) -> Result<&str, ApiError> {
    let token = token(headers)?.ok_or(ApiError::CredentialsMissing)?;
    let text = match std::str::from_utf8(token) {
        Ok(text) => text,
        Err(e) if e.valid_up_to() < SECRET_PREFIX.len() => {
            return Err(ApiError::KeyMalformed(SecretError::Prefix));
        }
        Err(e) => return Err(ApiError::KeyMalformed(SecretError::Alphabet(e.valid_up_to()))),
    };
    check_secret(text).map_err(ApiError::KeyMalformed)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;
    use crate::domain::secret::{SECRET_LENGTH, Secret};

    fn headers(values: &[&[u8]]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for value in values {
            map.append(AUTHORIZATION, HeaderValue::from_bytes(value).unwrap());
        }
        map
    }

    /// Returns the key in these `Authorization` headers, or the type and detail of the problem.
    fn parse_key(values: &[&[u8]]) -> Result<String, (&'static str, String)> {
        let headers = headers(values);
        key(&headers).map(str::to_owned).map_err(|error| {
            let problem = error.into_problem();
            (problem.kind.name(), problem.detail)
        })
    }

    #[test]
    fn common_mistakes_in_the_header_have_distinct_errors() {
        let secret = Secret::generate(|| [36; 64]);
        let s = secret.expose();
        for good in [
            format!("Bearer {s}"),
            format!("bearer {s}"),
            format!("BEARER {s}"),
            format!("Bearer  {s}"),
            format!("Bearer {s}  "),
        ] {
            assert_eq!(parse_key(&[good.as_bytes()]).as_deref(), Ok(s), "{good}");
        }
        let (header, key) = ("authorization-malformed", "key-malformed");
        let bad: Vec<(&str, Vec<u8>)> = vec![
            (header, s.into()),
            (header, format!("Bearer{s}").into()),
            (header, format!("Bearer\t{s}").into()),
            (header, format!("Bearer:{s}").into()),
            (header, "Bearer".into()),
            (header, "Bearer ".into()),
            (header, "".into()),
            (header, format!("Basic {s}").into()),
            (header, format!("Token {s}").into()),
            (header, format!("\"Bearer {s}\"").into()),
            (header, format!("\u{200b}Bearer {s}").into()),
            (header, format!("Bearer {s}, Bearer {s}").into()),
            (header, format!("Bearer {s},{s}").into()),
            (key, format!("Bearer \"{s}\"").into()),
            (key, format!("Bearer <{s}>").into()),
            (key, format!("Bearer Bearer {s}").into()),
            (key, format!("Bearer \u{200b}{s}").into()),
            (key, format!("Bearer {s}\u{200b}").into()),
            (key, format!("Bearer sk-{}", &s[3..]).into()),
            (key, format!("Bearer {} {}", &s[..20], &s[20..]).into()),
            (key, [b"Bearer ".as_slice(), s.as_bytes(), b"\xff"].concat()),
            (key, b"Bearer \xff\xfe".to_vec()),
            (key, format!("Bearer ses_{}", "0".repeat(64)).into()),
            (key, format!("Bearer {}", s.to_lowercase()).into()),
        ];
        for (kind, value) in bad {
            let (got, detail) = parse_key(&[&value]).unwrap_err();
            assert_eq!(got, kind, "{}", String::from_utf8_lossy(&value));
            assert!(!detail.contains(&s[3..20]), "the detail contains the credential: {detail}");
        }
        for cut in 1..SECRET_LENGTH {
            assert_eq!(parse_key(&[format!("Bearer {}", &s[..cut]).as_bytes()]).unwrap_err().0, key);
        }
        assert_eq!(parse_key(&[]).unwrap_err().0, "credentials-missing");
        let twice = format!("Bearer {s}");
        assert_eq!(parse_key(&[twice.as_bytes(), twice.as_bytes()]).unwrap_err().0, header);
    }
}
