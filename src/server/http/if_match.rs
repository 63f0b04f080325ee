//! The `If-Match` header: the key versions that the client permits the server to change (RFC 9110, 13.1.1).

use http::HeaderMap;
use http::header::IF_MATCH;

use crate::domain::key::Key;
use crate::server::error::ApiError;

/// A parsed `If-Match` header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::server) enum IfMatch {
    /// `*`, which matches any version.
    Any,
    /// A list of entity tags. Both lists may be empty, because tags that this server never issued are left out.
    OneOf {
        /// Versions given as strong tags (`"3"`).
        strong: Vec<i64>,
        /// Versions given as weak tags (`W/"3"`), which some proxies create when they compress a response. Weak tags never match
        /// (RFC 9110, 8.8.3.2), but the error message explains why.
        weak: Vec<i64>,
    },
}

impl IfMatch {
    /// Parses all `If-Match` headers; returns `None` if there are none.
    ///
    /// # Errors
    /// Fails with 400 for a malformed list, such as a version without quotes. If it were treated as a tag that never matches, the
    /// response would wrongly report a conflicting change.
    pub(super) fn parse(headers: &HeaderMap) -> Result<Option<Self>, ApiError> {
        let mut found = None;
        for line in headers.get_all(IF_MATCH) {
            let parsed = line.to_str().ok().and_then(parse_line);
            found = match (found, parsed) {
                (None, Some(parsed)) => Some(parsed),
                (Some(Self::OneOf { mut strong, mut weak }), Some(Self::OneOf { strong: s, weak: w })) => {
                    strong.extend(s);
                    weak.extend(w);
                    Some(Self::OneOf { strong, weak })
                }
                _ => {
                    return Err(ApiError::Malformed(
                        "Send the key's `ETag` in `If-Match` exactly as you received it, including the quotes, for example `\"3\"`."
                            .into(),
                    ));
                }
            };
        }
        Ok(found)
    }

    /// Checks that the header matches the key's version.
    ///
    /// # Errors
    /// Fails with 412 if the version does not match. The error contains the current state of the key.
    pub(in crate::server) fn check(&self, key: &Key) -> Result<(), ApiError> {
        match self {
            Self::Any => Ok(()),
            Self::OneOf { strong, .. } if strong.contains(&key.version) => Ok(()),
            Self::OneOf { weak, .. } if weak.contains(&key.version) => {
                Err(ApiError::TagWeak(Box::new(key.clone())))
            }
            Self::OneOf { .. } => Err(ApiError::VersionMismatch(Box::new(key.clone()))),
        }
    }
}

/// Parses the value of one header: `*`, or comma-separated entity tags.
fn parse_line(line: &str) -> Option<IfMatch> {
    let mut rest = line.trim();
    if rest == "*" {
        return Some(IfMatch::Any);
    }
    let (mut strong, mut weak) = (Vec::new(), Vec::new());
    loop {
        let weak_rest = rest.strip_prefix("W/");
        let (tag, after) = weak_rest.unwrap_or(rest).strip_prefix('"')?.split_once('"')?;
        if !tag.bytes().all(|b| b == b'!' || (b'#'..=b'~').contains(&b)) {
            return None;
        }
        // Only in the form that this server writes: `"+3"` is not the same tag as `"3"`.
        let version = tag.parse::<i64>().ok().filter(|version| version.to_string() == tag);
        if weak_rest.is_some() { &mut weak } else { &mut strong }.extend(version);
        rest = after.trim_start();
        if rest.is_empty() {
            return Some(IfMatch::OneOf { strong, weak });
        }
        rest = rest.strip_prefix(',')?.trim_start();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(lines: &[&str]) -> Result<Option<IfMatch>, u16> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(IF_MATCH, line.parse().unwrap());
        }
        IfMatch::parse(&headers).map_err(|error| error.into_problem().status)
    }

    #[test]
    fn if_match_is_parsed_as_defined_in_rfc_9110() {
        let both = |strong: &[i64], weak: &[i64]| {
            Ok(Some(IfMatch::OneOf { strong: strong.to_vec(), weak: weak.to_vec() }))
        };
        let one_of = |versions| both(versions, &[]);
        assert_eq!(parse(&[]), Ok(None));
        assert_eq!(parse(&["*"]), Ok(Some(IfMatch::Any)));
        assert_eq!(parse(&["\"3\""]), one_of(&[3]));
        assert_eq!(parse(&["\"3\", \"4\" ,\"x,y\""]), one_of(&[3, 4]));
        assert_eq!(parse(&["\"3\"", "\"4\""]), one_of(&[3, 4]));
        assert_eq!(parse(&["W/\"3\", \"4\"", "W/\"5\""]), both(&[4], &[3, 5]));
        assert_eq!(parse(&["\"+3\""]), one_of(&[]));
        assert_eq!(parse(&["\"\""]), one_of(&[]));
        for malformed in ["", "3", "\"3", "3\"", "\"3\" \"4\"", "\"3\",", "w/\"3\"", "*, \"3\"", "\"a b\""] {
            assert_eq!(parse(&[malformed]), Err(400), "{malformed}");
        }
        assert_eq!(parse(&["*", "\"3\""]), Err(400));
    }
}
