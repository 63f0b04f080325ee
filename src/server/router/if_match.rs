//! The `If-Match` header: which versions of a key the client lets the server change (RFC 9110, 13.1.1).

use http::HeaderMap;
use http::header::IF_MATCH;

use super::super::Refusal;

/// What the client has seen, or that it does not mind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IfMatch {
    /// `*`: whatever the version is.
    Any,
    /// These versions. Tags of others match none, so that the list may be empty.
    OneOf(Vec<i64>),
}

impl IfMatch {
    /// The header's value, over several lines too; nothing where it was not sent.
    ///
    /// # Errors
    /// 400 for what is no list of entity tags, such as a version without its quotes: as a tag it would match nothing, and be taken for
    /// somebody else's change.
    pub(super) fn read(headers: &HeaderMap) -> Result<Option<Self>, Refusal> {
        let mut found = None;
        for line in headers.get_all(IF_MATCH) {
            let parsed = line.to_str().ok().and_then(parse);
            found = match (found, parsed) {
                (None, Some(parsed)) => Some(parsed),
                (Some(Self::OneOf(mut all)), Some(Self::OneOf(more))) => {
                    all.extend(more);
                    Some(Self::OneOf(all))
                }
                _ => {
                    return Err(Refusal::Malformed(
                        "`If-Match` takes the `ETag` of the key as it came, quotes included, like `\"3\"`."
                            .into(),
                    ));
                }
            };
        }
        Ok(found)
    }

    /// Whether a key of this version may be changed.
    pub fn admits(&self, version: i64) -> bool {
        match self {
            Self::Any => true,
            Self::OneOf(versions) => versions.contains(&version),
        }
    }
}

/// One line: `*`, or tags by commas. A weak tag is one, but matches nothing here.
fn parse(line: &str) -> Option<IfMatch> {
    let mut rest = line.trim();
    if rest == "*" {
        return Some(IfMatch::Any);
    }
    let mut versions = Vec::new();
    loop {
        let weak = rest.strip_prefix("W/");
        let (tag, after) = weak.unwrap_or(rest).strip_prefix('"')?.split_once('"')?;
        if !tag.bytes().all(|b| b == b'!' || (b'#'..=b'~').contains(&b)) {
            return None;
        }
        // Only as it was written by us: `"+3"` is another tag than `"3"`.
        let version = tag.parse::<i64>().ok().filter(|version| version.to_string() == tag);
        versions.extend(version.filter(|_| weak.is_none()));
        rest = after.trim_start();
        if rest.is_empty() {
            return Some(IfMatch::OneOf(versions));
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
        let one_of = |versions: &[i64]| Ok(Some(IfMatch::OneOf(versions.to_vec())));
        assert_eq!(read(&[]), Ok(None));
        assert_eq!(read(&["*"]), Ok(Some(IfMatch::Any)));
        assert_eq!(read(&["\"3\""]), one_of(&[3]));
        assert_eq!(read(&["\"3\", \"4\" ,\"x,y\""]), one_of(&[3, 4]));
        assert_eq!(read(&["\"3\"", "\"4\""]), one_of(&[3, 4]));
        assert_eq!(read(&["W/\"3\""]), one_of(&[]), "a weak tag never matches");
        assert_eq!(read(&["\"+3\""]), one_of(&[]));
        assert_eq!(read(&["\"\""]), one_of(&[]));
        for malformed in ["", "3", "\"3", "3\"", "\"3\" \"4\"", "\"3\",", "w/\"3\"", "*, \"3\"", "\"a b\""] {
            assert_eq!(read(&[malformed]), Err(400), "{malformed}");
        }
        assert_eq!(read(&["*", "\"3\""]), Err(400));
    }

    #[test]
    fn only_what_was_seen_may_be_changed() {
        assert!(IfMatch::Any.admits(7));
        assert!(IfMatch::OneOf(vec![3, 7]).admits(7));
        assert!(!IfMatch::OneOf(vec![3]).admits(7));
        assert!(!IfMatch::OneOf(vec![]).admits(7));
    }
}
