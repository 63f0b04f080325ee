//! The `If-Match` header: which versions of a key the client lets the server change (RFC 9110, 13.1.1).

use http::HeaderMap;
use http::header::IF_MATCH;

use crate::domain::key::Key;
use crate::server::error::ApiError;

/// What the client has seen, or that it does not mind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IfMatch {
    /// `*`: whatever the version is.
    Any,
    /// These versions. Tags of others match none, so that the lists may be empty.
    OneOf {
        /// As we gave them.
        strong: Vec<i64>,
        /// With `W/` before them, as some proxies make them when they compress an answer. They match nothing, but we say why.
        weak: Vec<i64>,
    },
}

impl IfMatch {
    /// The header's value, over several lines too; nothing where it was not sent.
    ///
    /// # Errors
    /// 400 for what is no list of entity tags, such as a version without its quotes: as a tag it would match nothing, and be taken for
    /// somebody else's change.
    pub(in crate::server) fn read(headers: &HeaderMap) -> Result<Option<Self>, ApiError> {
        let mut found = None;
        for line in headers.get_all(IF_MATCH) {
            let parsed = line.to_str().ok().and_then(parse);
            found = match (found, parsed) {
                (None, Some(parsed)) => Some(parsed),
                (Some(Self::OneOf { mut strong, mut weak }), Some(Self::OneOf { strong: s, weak: w })) => {
                    strong.extend(s);
                    weak.extend(w);
                    Some(Self::OneOf { strong, weak })
                }
                _ => {
                    return Err(ApiError::Malformed(
                        "`If-Match` takes the `ETag` of the key as it came, quotes included, like `\"3\"`."
                            .into(),
                    ));
                }
            };
        }
        Ok(found)
    }

    /// Lets the key as it is now be changed if it is what the client has seen.
    ///
    /// # Errors
    /// 412 with the key as it is now.
    pub fn check(&self, key: &Key) -> Result<(), ApiError> {
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

/// One line: `*`, or tags by commas.
fn parse(line: &str) -> Option<IfMatch> {
    let mut rest = line.trim();
    if rest == "*" {
        return Some(IfMatch::Any);
    }
    let (mut strong, mut weak) = (Vec::new(), Vec::new());
    loop {
        let is_weak = rest.strip_prefix("W/");
        let (tag, after) = is_weak.unwrap_or(rest).strip_prefix('"')?.split_once('"')?;
        if !tag.bytes().all(|b| b == b'!' || (b'#'..=b'~').contains(&b)) {
            return None;
        }
        // Only as it was written by us: `"+3"` is another tag than `"3"`.
        let version = tag.parse::<i64>().ok().filter(|version| version.to_string() == tag);
        if is_weak.is_some() { &mut weak } else { &mut strong }.extend(version);
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

    fn read(lines: &[&str]) -> Result<Option<IfMatch>, u16> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(IF_MATCH, line.parse().unwrap());
        }
        IfMatch::read(&headers).map_err(|refusal| refusal.problem().status)
    }

    #[test]
    fn it_is_read_as_the_rfc_has_it() {
        let both = |strong: &[i64], weak: &[i64]| {
            Ok(Some(IfMatch::OneOf { strong: strong.to_vec(), weak: weak.to_vec() }))
        };
        let one_of = |versions| both(versions, &[]);
        assert_eq!(read(&[]), Ok(None));
        assert_eq!(read(&["*"]), Ok(Some(IfMatch::Any)));
        assert_eq!(read(&["\"3\""]), one_of(&[3]));
        assert_eq!(read(&["\"3\", \"4\" ,\"x,y\""]), one_of(&[3, 4]));
        assert_eq!(read(&["\"3\"", "\"4\""]), one_of(&[3, 4]));
        assert_eq!(read(&["W/\"3\", \"4\"", "W/\"5\""]), both(&[4], &[3, 5]));
        assert_eq!(read(&["\"+3\""]), one_of(&[]));
        assert_eq!(read(&["\"\""]), one_of(&[]));
        for malformed in ["", "3", "\"3", "3\"", "\"3\" \"4\"", "\"3\",", "w/\"3\"", "*, \"3\"", "\"a b\""] {
            assert_eq!(read(&[malformed]), Err(400), "{malformed}");
        }
        assert_eq!(read(&["*", "\"3\""]), Err(400));
    }
}
