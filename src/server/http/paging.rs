//! Pages of lists, with keyset cursors, so that no row is skipped when the list changes between two pages.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::domain::id::Id;
use crate::domain::time::Timestamp;
use crate::server::error::ApiError;
use crate::wire::page::{LIMIT_DEFAULT, LIMIT_MAX, Page, PageMetadata};

/// The requested page of a list.
///
/// A cursor identifies the last row of the previous page, and is only valid for the list that it was issued for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::server) struct PageRequest {
    list: String,
    limit: u32,
    after: Option<Id>,
}

impl PageRequest {
    /// Parses the query parameters `limit` and `cursor`.
    ///
    /// `list` identifies the list, including every filter that affects which rows it has.
    ///
    /// # Errors
    /// Fails with 422 if the limit is out of range, and with 400 if the cursor belongs to another list.
    pub(in crate::server) fn parse(
        list: impl Into<String>,
        limit: Option<u32>,
        cursor: Option<&str>,
    ) -> Result<Self, ApiError> {
        let list = list.into();
        let limit = limit.unwrap_or(LIMIT_DEFAULT);
        if !(1..=LIMIT_MAX).contains(&limit) {
            return Err(ApiError::field("limit", format!("must be between 1 and {LIMIT_MAX}")));
        }
        let after = cursor.map(|text| decode(&list, text).ok_or(ApiError::CursorInvalid)).transpose()?;
        Ok(Self { list, limit, after })
    }

    /// Returns the id of the last row on the previous page; `None` for the first page.
    pub(in crate::server) fn after(&self) -> Option<Id> {
        self.after
    }

    /// Returns the number of rows to fetch: one more than the page has, to find out whether there is a next page.
    pub(in crate::server) fn fetch_limit(&self) -> u32 {
        self.limit + 1
    }

    /// Builds the requested page from the fetched rows.
    pub(in crate::server) fn page<R, T>(
        &self,
        mut rows: Vec<R>,
        id: impl Fn(&R) -> Id,
        as_of: Timestamp,
        convert: impl FnMut(R) -> T,
    ) -> Page<T> {
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let has_next = rows.len() > limit;
        rows.truncate(limit);
        let next_cursor = rows.last().filter(|_| has_next).map(|row| encode(&self.list, id(row)));
        Page {
            metadata: PageMetadata { next_cursor, as_of: Some(as_of), total: None },
            data: rows.into_iter().map(convert).collect(),
        }
    }
}

/// Returns a checksum that detects cursors that are damaged or belong to another list. It is not a signature, because a forged
/// cursor does no harm.
fn checksum(list: &str, id: &[u8]) -> [u8; 4] {
    let mut hash = crc32fast::Hasher::new();
    hash.update(list.as_bytes());
    hash.update(&[0]);
    hash.update(id);
    hash.finalize().to_be_bytes()
}

fn encode(list: &str, id: Id) -> String {
    let mut bytes = id.bytes().to_vec();
    bytes.extend(checksum(list, id.bytes()));
    URL_SAFE_NO_PAD.encode(bytes)
}

fn decode(list: &str, text: &str) -> Option<Id> {
    let bytes: [u8; 20] = URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()?;
    let (id, check) = bytes.split_first_chunk::<16>()?;
    if check != checksum(list, id) {
        return None;
    }
    uuid::Uuid::from_bytes(*id).to_string().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: u8) -> Id {
        Id::new(Timestamp(i64::from(n)), [n; 10])
    }

    #[test]
    fn each_page_except_the_last_has_a_cursor_for_the_next_page() {
        let request = PageRequest::parse("members", Some(2), None).unwrap();
        let page = request.page((1..=3).map(id).collect(), |&id| id, Timestamp(0), |id| id);
        assert_eq!(page.data, [id(1), id(2)]);
        let next = PageRequest::parse("members", Some(2), page.metadata.next_cursor.as_deref()).unwrap();
        assert_eq!(next.after(), Some(id(2)));
        let last = next.page(vec![id(3)], |&id| id, Timestamp(0), |id| id);
        assert_eq!(last.metadata.next_cursor, None);
    }

    #[test]
    fn damaged_cursors_and_cursors_of_other_lists_are_refused() {
        let cursor = encode("members", id(7));
        let refused = |list, cursor: &str| {
            matches!(PageRequest::parse(list, None, Some(cursor)), Err(ApiError::CursorInvalid))
        };
        assert!(!refused("members", &cursor));
        assert!(refused("activity", &cursor));
        assert!(refused("members", ""));
        assert!(refused("members", &cursor[1..]));
        for at in 0..cursor.len() {
            let mut flipped = cursor.clone().into_bytes();
            flipped[at] = if flipped[at] == b'A' { b'B' } else { b'A' };
            assert!(refused("members", std::str::from_utf8(&flipped).unwrap()), "position {at}");
        }
        for limit in [0, 1001, u32::MAX] {
            assert!(matches!(PageRequest::parse("members", Some(limit), None), Err(ApiError::Field(..))));
        }
    }
}
