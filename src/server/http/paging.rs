//! Pages of lists: where one ends and the next begins, so that a list stays complete while it changes.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::domain::id::Id;
use crate::domain::time::Timestamp;
use crate::server::error::ApiError;
use crate::wire::page::{LIMIT_DEFAULT, LIMIT_MAX, Page, PageMetadata};

/// Which page of a list is asked for. A cursor names the last row of the page before, and fits the list that it came from only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageRequest {
    list: String,
    limit: u32,
    after: Option<Id>,
}

impl PageRequest {
    /// Reads `limit` and `cursor`. `list` names the list with everything that tells its rows from those of others.
    ///
    /// # Errors
    /// 422 for a limit out of its bounds, 400 for a cursor that is none of this list's.
    pub fn read(list: impl Into<String>, limit: Option<u32>, cursor: Option<&str>) -> Result<Self, ApiError> {
        let list = list.into();
        let limit = limit.unwrap_or(LIMIT_DEFAULT);
        if !(1..=LIMIT_MAX).contains(&limit) {
            return Err(ApiError::field("limit", format!("must be between 1 and {LIMIT_MAX}")));
        }
        let after = cursor.map(|text| decode(&list, text).ok_or(ApiError::CursorInvalid)).transpose()?;
        Ok(Self { list, limit, after })
    }

    /// The last row of the page before.
    pub fn after(&self) -> Option<Id> {
        self.after
    }

    /// How many rows to fetch: one more than is shown, which tells whether there is another page.
    pub fn fetch(&self) -> u32 {
        self.limit + 1
    }

    /// The page of the fetched rows.
    pub fn page<R, T>(
        &self,
        mut rows: Vec<R>,
        id: impl Fn(&R) -> Id,
        as_of: Timestamp,
        show: impl FnMut(R) -> T,
    ) -> Page<T> {
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next_cursor = rows.last().filter(|_| more).map(|row| encode(&self.list, id(row)));
        Page {
            metadata: PageMetadata { next_cursor, as_of: Some(as_of), total: None },
            data: rows.into_iter().map(show).collect(),
        }
    }
}

/// Not a secret and no proof of anything: the sum only tells a cursor of another list, or a damaged one, from a good one.
fn sum(list: &str, id: &[u8]) -> [u8; 4] {
    let mut hash = crc32fast::Hasher::new();
    hash.update(list.as_bytes());
    hash.update(&[0]);
    hash.update(id);
    hash.finalize().to_be_bytes()
}

fn encode(list: &str, id: Id) -> String {
    let mut bytes = id.bytes().to_vec();
    bytes.extend(sum(list, id.bytes()));
    URL_SAFE_NO_PAD.encode(bytes)
}

fn decode(list: &str, text: &str) -> Option<Id> {
    let bytes: [u8; 20] = URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()?;
    let (id, check) = bytes.split_first_chunk::<16>()?;
    if check != sum(list, id) {
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
    fn a_page_leads_to_the_next_one_until_the_last() {
        let paging = PageRequest::read("members", Some(2), None).unwrap();
        let page = paging.page((1..=3).map(id).collect(), |&id| id, Timestamp(0), |id| id);
        assert_eq!(page.data, [id(1), id(2)]);
        let next = PageRequest::read("members", Some(2), page.metadata.next_cursor.as_deref()).unwrap();
        assert_eq!(next.after(), Some(id(2)));
        let last = next.page(vec![id(3)], |&id| id, Timestamp(0), |id| id);
        assert_eq!(last.metadata.next_cursor, None);
    }

    #[test]
    fn foreign_and_damaged_cursors_are_refused() {
        let cursor = encode("members", id(7));
        let refused = |list, cursor: &str| {
            matches!(PageRequest::read(list, None, Some(cursor)), Err(ApiError::CursorInvalid))
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
            assert!(matches!(PageRequest::read("members", Some(limit), None), Err(ApiError::Field(..))));
        }
    }
}
