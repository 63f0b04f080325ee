//! Lists as streams of pages.

use std::collections::HashMap;
use std::sync::Arc;

use futures_util::{Stream, StreamExt as _, stream};

use super::{CallRequest, Client, ClientError};
use crate::domain::id::Id;
use crate::domain::key::{Key, KeyKind};
use crate::domain::member::MemberRef;
use crate::domain::time::Timestamp;
use crate::wire::Call;
use crate::wire::activity::ActivityQuery;
use crate::wire::keys::{KeysQuery, ListOrganizationKeys, ListPersonalKeys, RotationsQuery};
use crate::wire::page::{LIMIT_MAX, Page, PageQuery};
use crate::wire::reviews::ReviewsQuery;

/// Most keys that one list may bring. A server that sends more does not mean well, or needs other tools.
pub const KEYS_MAX: u64 = 500_000;
/// Most bytes of memory that one list may take where all of it is held: 100,000 usual keys take 40 MB. A server that does not
/// mean well can make each item a thousand times as large as it should be.
pub const HELD_MAX: usize = 56 * 1024 * 1024;
/// Bytes of members that are remembered to be shared; beyond, remembering begins anew.
const SHARED_MAX: usize = 1024 * 1024;
/// Most bytes of a page of keys: a thousand keys with the longest names, notes and reasons.
const PAGE_MAX: usize = 12 * 1024 * 1024;

/// A query that asks for a page.
pub trait PagedQuery: Clone + Send {
    /// The cursor that it carries.
    fn cursor(&mut self) -> &mut Option<String>;
    /// The number of items that it asks for.
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

/// A page of keys with how far the list has come.
#[derive(Clone, Debug)]
pub struct KeyPage {
    /// The keys of this page.
    pub keys: Vec<Key>,
    /// The server's time of the list's first page: the `changed_since` of the next refresh, since later pages are younger.
    pub as_of: Option<Timestamp>,
    /// Keys so far, this page included.
    pub loaded: u64,
    /// Keys of the whole list, where the server counted them.
    pub total: Option<u64>,
    /// Whether it is the last page.
    pub last: bool,
}

/// What its reader keeps of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retention {
    /// All keys, so that the list ends with an error when they become too many to be held.
    All,
    /// Each page until the next one comes: the length does not matter.
    Page,
}

/// Where a list stands between two pages.
enum NextPage {
    Page { cursor: Option<String>, seen: u64, bytes: usize },
    End,
}

impl Client {
    /// The pages of a list, one after the other, starting at the query's cursor. Ends after the first error.
    /// Where the query has no limit, the first page is small, so that something is on the screen at once, and the others large.
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
                // What was read takes about as much when it is understood.
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

    /// The keys of one kind as a stream of pages, newest first. Ends after the first error. What is kept is measured in memory,
    /// which is less than what was sent: the members that many keys name are kept once.
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

/// What is carried from one page of keys to the next.
#[derive(Default)]
struct KeyListProgress {
    as_of: Option<Timestamp>,
    loaded: u64,
    total: Option<u64>,
    /// One copy of each member, however many keys name them: a list of 100,000 keys has few creators.
    members: HashMap<Id, Arc<MemberRef>>,
    /// Bytes of those members.
    remembered: usize,
    /// Bytes of all keys so far.
    held: usize,
    /// The keys became too many.
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

/// Bytes of memory that a key takes, without its members.
fn weight(key: &Key) -> usize {
    let texts = [Some(&key.name), Some(&key.masked), key.note.as_ref(), key.revoke_reason.as_ref()];
    let client = key.last_used_by.as_ref().map_or(0, |by| by.agent.capacity() + by.address.capacity());
    size_of::<Key>() + texts.into_iter().flatten().map(String::capacity).sum::<usize>() + client
}

fn weight_of_member(member: &MemberRef) -> usize {
    size_of::<MemberRef>() + member.name.capacity() + member.email.capacity()
}
