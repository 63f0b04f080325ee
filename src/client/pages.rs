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
pub const KEYS_MAX: u64 = 500_000;
/// Memory limit in bytes for a list that is kept as a whole. 100,000 typical keys take 40 MB, but a faulty server can send items
/// that are a thousand times larger.
pub const HELD_MAX: usize = 56 * 1024 * 1024;
/// Memory limit in bytes for the map of shared members. It is cleared when the limit is exceeded.
const SHARED_MAX: usize = 1024 * 1024;
/// Size limit in bytes for a page of keys: a thousand keys with the longest names, notes and reasons.
const PAGE_MAX: usize = 12 * 1024 * 1024;

/// A query of a paginated list.
pub trait PagedQuery: Clone + Send {
    /// Returns the cursor of the page to fetch.
    fn cursor(&mut self) -> &mut Option<String>;
    /// Returns the number of items per page.
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

/// A page of keys and the progress of the list.
#[derive(Clone, Debug)]
pub struct KeyPage {
    /// The keys of this page.
    pub keys: Vec<Key>,
    /// Server time of the first page. The next refresh uses it as `changed_since`, so that it also covers changes while later
    /// pages were fetched.
    pub as_of: Option<Timestamp>,
    /// Number of keys so far, including this page.
    pub loaded: u64,
    /// Number of keys in the list, if the server counted them.
    pub total: Option<u64>,
    /// Set on the last page.
    pub last: bool,
}

/// The part of a list that its consumer keeps in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retention {
    /// The whole list. It ends with an error when it exceeds [`HELD_MAX`].
    All,
    /// One page at a time, so that the length of the list does not matter.
    Page,
}

/// The position between two pages.
enum NextPage {
    Page { cursor: Option<String>, seen: u64, bytes: usize },
    End,
}

impl Client {
    /// Fetches a list page by page, beginning at the cursor of the query. The stream ends after the first error.
    ///
    /// If the query has no limit, the first page is small, so that it arrives quickly, and the others are large.
    pub fn pages<C, T>(
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
                let request = CallRequest::<C>::plain(query).reply_max(PAGE_MAX);
                let (page, length) = match client.send_measured(request).await {
                    Ok(page) => page,
                    Err(error) => return Some((Err(error), NextPage::End)),
                };
                let seen = seen + page.data.len() as u64;
                // The size of the JSON approximates the size in memory.
                let bytes = bytes + length;
                if keep == Retention::All && bytes > HELD_MAX {
                    return Some((Err(ClientError::too_much(&client.address, seen)), NextPage::End));
                }
                let next = match &page.metadata.next_cursor {
                    None => NextPage::End,
                    Some(_) if page.data.is_empty() || page.metadata.next_cursor == cursor => {
                        return Some((
                            Err(ClientError::endless(&client.address, "turns in a circle")),
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
    /// Memory is measured after members are shared between keys, so it is less than the size of the replies.
    pub fn key_pages(
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
            if progress.over {
                return std::future::ready(None);
            }
            let page = page.map(|page| progress.take(page));
            progress.over = keep == Retention::All && progress.held > HELD_MAX;
            let page =
                if progress.over { Err(ClientError::too_much(&address, progress.loaded)) } else { page };
            std::future::ready(Some(page))
        })
    }
}

/// Progress between two pages of keys.
#[derive(Default)]
struct KeyListProgress {
    as_of: Option<Timestamp>,
    loaded: u64,
    total: Option<u64>,
    /// One shared copy of each member, since 100,000 keys have few creators.
    members: HashMap<Id, Arc<MemberRef>>,
    /// Size of the shared members in bytes.
    remembered: usize,
    /// Size of the keys so far in bytes.
    held: usize,
    /// Set once the keys exceed the memory limit.
    over: bool,
}

impl KeyListProgress {
    fn take(&mut self, page: Page<Key>) -> KeyPage {
        let mut keys = page.data;
        for key in &mut keys {
            self.share(&mut key.created_by);
            if let Some(by) = &mut key.revoked_by {
                self.share(by);
            }
            self.held += weight(key);
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

    fn share(&mut self, member: &mut Arc<MemberRef>) {
        if self.remembered > SHARED_MAX {
            self.members.clear();
            self.remembered = 0;
        }
        match self.members.get(&member.id) {
            Some(known) if known == member => *member = known.clone(),
            Some(_) => self.held += weight_of_member(member),
            None => {
                let weight = weight_of_member(member);
                self.held += weight;
                self.remembered += weight;
                self.members.insert(member.id, member.clone());
            }
        }
    }
}

/// Returns the size of a key in bytes, without its members.
fn weight(key: &Key) -> usize {
    let texts = [Some(&key.name), Some(&key.masked), key.note.as_ref(), key.revoke_reason.as_ref()];
    let client = key.last_used_by.as_ref().map_or(0, |by| by.agent.capacity() + by.address.capacity());
    size_of::<Key>() + texts.into_iter().flatten().map(String::capacity).sum::<usize>() + client
}

fn weight_of_member(member: &MemberRef) -> usize {
    size_of::<MemberRef>() + member.name.capacity() + member.email.capacity()
}
