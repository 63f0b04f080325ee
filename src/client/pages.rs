//! Lists as streams of pages, with limits on their length and memory.
//!
//! Step 4 of the flow from a database row to a table cell: [`Client::key_pages`] fetches page by page, the first one small.

use std::collections::HashMap;
use std::sync::Arc;

use futures_util::{Stream, StreamExt as _, stream};

use super::api_client::Client;
use super::error::ClientError;
use super::request::CallRequest;
use crate::domain::id::Id;
use crate::domain::key::{Key, KeyKind};
use crate::domain::member::MemberRef;
use crate::domain::time::Timestamp;
use crate::wire::Call;
use crate::wire::activity::ActivityQuery;
use crate::wire::keys::{KeysQuery, ListOrganizationKeys, ListPersonalKeys, RotationsQuery};
use crate::wire::page::{LIMIT_MAX, Page, PageQuery};
use crate::wire::reviews::ReviewsQuery;

/// Maximum number of keys in a list. Longer lists are treated as a server fault.
pub(crate) const KEYS_MAX: u64 = 500_000;
/// Memory limit in bytes for a list that is kept completely in memory. 100,000 typical keys take 40 MB, but a faulty server could
/// send items that are a thousand times larger.
pub(crate) const LIST_BYTES_MAX: usize = 56 * 1024 * 1024;
/// Memory limit in bytes for [`KeyListProgress::members`]. The map is cleared when it exceeds the limit.
const SHARED_MAX: usize = 1024 * 1024;
/// Size limit in bytes for a page of keys: a thousand keys with the longest names, notes and reasons.
const PAGE_MAX: usize = 12 * 1024 * 1024;

/// Query parameters of a paginated list.
pub trait PagedQuery: Clone + Send {
    /// Returns the parameter that says where the page begins.
    fn cursor(&mut self) -> &mut Option<String>;
    /// Returns the parameter that limits the number of items per page.
    fn limit(&mut self) -> &mut Option<u32>;
}

macro_rules! paged {
    ($($query:ty),+) => {$(
        impl PagedQuery for $query {
            fn cursor(&mut self) -> &mut Option<String> {
                &mut self.cursor
            }
            fn limit(&mut self) -> &mut Option<u32> {
                &mut self.limit
            }
        }
    )+};
}
paged!(PageQuery, KeysQuery, RotationsQuery, ReviewsQuery, ActivityQuery);

/// One page of a key list, and how much of the list has been loaded.
#[derive(Clone, Debug)]
pub struct KeyPage {
    pub(crate) keys: Vec<Key>,
    /// Server time when the first page was read. The next refresh passes it as `changed_since`, so that it includes changes that were
    /// made while later pages were being fetched.
    pub(crate) as_of: Option<Timestamp>,
    /// Number of keys in this page and all earlier pages.
    pub(crate) loaded: u64,
    /// Number of keys in the whole list; `None` if the server did not count them.
    pub(crate) total: Option<u64>,
    /// Whether this is the last page.
    pub(crate) last: bool,
}

/// How much of a list the consumer of the stream keeps in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retention {
    /// The whole list. The stream ends with an error if the list exceeds [`LIST_BYTES_MAX`].
    All,
    /// One page at a time, so that the length of the list does not matter.
    Page,
}

/// State of [`Client::pages`] between two pages.
enum NextPage {
    Page { cursor: Option<String>, seen: u64, bytes: usize },
    End,
}

impl Client {
    /// Fetches a list page by page, beginning at the query's cursor. The stream ends after the first error.
    ///
    /// If the query has no limit, the first page is small, so that it arrives quickly, and later pages are large.
    pub(crate) fn pages<C, T>(
        &self,
        _: C,
        query: C::Query,
        keep: Retention,
    ) -> impl Stream<Item = Result<Page<T>, ClientError>> + Send + use<C, T>
    where
        C: Call<Body = (), Reply = Page<T>>,
        C::Query: PagedQuery,
        T: Send,
    {
        let client = self.clone();
        let cursor = query.clone().cursor().take();
        stream::unfold(NextPage::Page { cursor, seen: 0, bytes: 0 }, move |next| {
            let (client, mut query) = (client.clone(), query.clone());
            async move {
                let NextPage::Page { cursor, seen, bytes } = next else { return None };
                query.cursor().clone_from(&cursor);
                if seen > 0 && query.limit().is_none() {
                    *query.limit() = Some(LIMIT_MAX);
                }
                let request = CallRequest::<C>::from_query(query).reply_max(PAGE_MAX);
                let (page, length) = match client.send_sized(request).await {
                    Ok(page) => page,
                    Err(error) => return Some((Err(error), NextPage::End)),
                };
                let seen = seen + page.data.len() as u64;
                // The size of the JSON approximates the size in memory.
                let bytes = bytes + length;
                if keep == Retention::All && bytes > LIST_BYTES_MAX {
                    return Some((Err(ClientError::too_much(&client.address, seen)), NextPage::End));
                }
                let next = match &page.metadata.next_cursor {
                    None => NextPage::End,
                    Some(_) if page.data.is_empty() || page.metadata.next_cursor == cursor => {
                        return Some((
                            Err(ClientError::endless(&client.address, "repeats itself")),
                            NextPage::End,
                        ));
                    }
                    Some(_) if seen > KEYS_MAX => {
                        return Some((
                            Err(ClientError::endless(&client.address, "does not end")),
                            NextPage::End,
                        ));
                    }
                    Some(cursor) => NextPage::Page { cursor: Some(cursor.clone()), seen, bytes },
                };
                Some((Ok(page), next))
            }
        })
    }

    /// Step 4: fetches the keys of one kind page by page, newest first. The stream ends after the first error.
    ///
    /// A member to whom several keys refer counts only once towards the memory limit.
    pub(crate) fn key_pages(
        &self,
        kind: KeyKind,
        query: KeysQuery,
        keep: Retention,
    ) -> impl Stream<Item = Result<KeyPage, ClientError>> + Send + use<> {
        let address = self.address.clone();
        let pages = match kind {
            KeyKind::Personal => self.pages(ListPersonalKeys, query, Retention::Page).left_stream(),
            KeyKind::Organization => self.pages(ListOrganizationKeys, query, Retention::Page).right_stream(),
        };
        pages.scan(KeyListProgress::default(), move |progress, page| {
            if progress.is_too_large {
                return std::future::ready(None);
            }
            let page = page.map(|page| progress.add_page(page));
            progress.is_too_large = keep == Retention::All && progress.keys_size > LIST_BYTES_MAX;
            let page = if progress.is_too_large {
                Err(ClientError::too_much(&address, progress.loaded))
            } else {
                page
            };
            std::future::ready(Some(page))
        })
    }
}

/// State of [`Client::key_pages`] between two pages.
#[derive(Default)]
struct KeyListProgress {
    as_of: Option<Timestamp>,
    loaded: u64,
    total: Option<u64>,
    /// One copy of each member, shared by the keys: 100,000 keys have few creators.
    members: HashMap<Id, Arc<MemberRef>>,
    /// Total size of `members` in bytes.
    members_size: usize,
    /// Total size in bytes of the keys loaded so far, including their members.
    keys_size: usize,
    /// Whether the keys have exceeded [`LIST_BYTES_MAX`].
    is_too_large: bool,
}

impl KeyListProgress {
    fn add_page(&mut self, page: Page<Key>) -> KeyPage {
        let mut keys = page.data;
        for key in &mut keys {
            self.share_member(&mut key.created_by);
            if let Some(by) = &mut key.revoked_by {
                self.share_member(by);
            }
            self.keys_size += key_size(key);
        }
        self.loaded += keys.len() as u64;
        self.as_of = self.as_of.or(page.metadata.as_of);
        self.total = self.total.or(page.metadata.total);
        KeyPage {
            keys,
            as_of: self.as_of,
            loaded: self.loaded,
            total: self.total,
            last: page.metadata.next_cursor.is_none(),
        }
    }

    fn share_member(&mut self, member: &mut Arc<MemberRef>) {
        if self.members_size > SHARED_MAX {
            self.members.clear();
            self.members_size = 0;
        }
        match self.members.get(&member.id) {
            Some(known) if known == member => *member = known.clone(),
            Some(_) => self.keys_size += member_size(member),
            None => {
                let weight = member_size(member);
                self.keys_size += weight;
                self.members_size += weight;
                self.members.insert(member.id, member.clone());
            }
        }
    }
}

/// Returns the memory that a key uses, in bytes, without its creator and revoker.
fn key_size(key: &Key) -> usize {
    let texts = [Some(&key.name), Some(&key.masked), key.note.as_ref(), key.revoke_reason.as_ref()];
    let client = key.last_used_by.as_ref().map_or(0, |by| by.agent.capacity() + by.address.capacity());
    size_of::<Key>() + texts.into_iter().flatten().map(String::capacity).sum::<usize>() + client
}

fn member_size(member: &MemberRef) -> usize {
    size_of::<MemberRef>() + member.name.capacity() + member.email.capacity()
}
