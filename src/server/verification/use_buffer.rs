//! Uses of one key that are accepted but not yet written to the database: counts by hour, and the most recent clients.
//!
//! Contains only counters, without locks and I/O. [`super::key_cache`] adds to buffers, [`super::use_writer`] writes them.

use std::net::IpAddr;

use crate::domain::id::Id;
use crate::domain::key::ClientInfo;
use crate::domain::text;
use crate::domain::time::{HOUR, Timestamp};
use crate::domain::usage::{AGENT_MAX, Bucket, CLIENTS_KEPT, ClientUse};
use crate::store::KeyUseUpdate;

/// The client of a data-plane request, with its `User-Agent` as received.
#[derive(Clone, Copy, Debug)]
pub(in crate::server) struct RawClient<'a> {
    /// Bytes of the `User-Agent` header; empty if the header is missing.
    pub agent: &'a [u8],
    /// The client's address. Behind a trusted proxy, this is the address that the proxy forwarded.
    pub address: IpAddr,
}

/// Maximum number of bytes that are read of a `User-Agent` header. Cleaning shortens the agent further, to [`AGENT_MAX`].
const RAW_AGENT_MAX: usize = 4 * AGENT_MAX;

impl<'a> RawClient<'a> {
    fn truncated_agent(&self) -> &'a [u8] {
        &self.agent[..self.agent.len().min(RAW_AGENT_MAX)]
    }

    /// Returns the client as it is stored and displayed, with a cleaned agent.
    fn to_client(self) -> ClientInfo {
        let agent = text::sanitize_agent(&String::from_utf8_lossy(self.truncated_agent()), AGENT_MAX);
        ClientInfo { agent, address: self.address.to_string() }
    }
}

/// The unwritten uses of one key. `last_used_at` never moves backward.
#[derive(Debug, Default)]
pub(in crate::server) struct UseBuffer {
    last_used_at: Option<Timestamp>,
    hours: Vec<Bucket>,
    /// The most recent clients, at most [`CLIENTS_KEPT`], from oldest to newest.
    clients: Vec<ClientCount>,
}

#[derive(Debug)]
struct ClientCount {
    agent: Box<[u8]>,
    address: IpAddr,
    first: Timestamp,
    last: Timestamp,
    count: i64,
}

impl UseBuffer {
    /// Counts one accepted request.
    pub(super) fn record_use(&mut self, client: RawClient<'_>, now: Timestamp) {
        self.last_used_at = self.last_used_at.max(Some(now));
        self.hour_bucket(now).count += 1;
        let agent = client.truncated_agent();
        let known = self.clients.iter().rposition(|c| c.address == client.address && *c.agent == *agent);
        match known {
            Some(at) => {
                let count = &mut self.clients[at];
                count.count += 1;
                count.last = count.last.max(now);
                if at + 1 < self.clients.len() {
                    self.clients[at..].rotate_left(1);
                }
            }
            None => self.push_client_count(ClientCount {
                agent: agent.into(),
                address: client.address,
                first: now,
                last: now,
                count: 1,
            }),
        }
    }

    /// Counts one request that was refused because the key is revoked.
    pub(super) fn record_refusal(&mut self, now: Timestamp) {
        self.hour_bucket(now).refused += 1;
    }

    fn hour_bucket(&mut self, now: Timestamp) -> &mut Bucket {
        let start = now.floor(HOUR);
        let at = self.hours.iter().rposition(|b| b.start == start).unwrap_or_else(|| {
            self.hours.push(Bucket { start, count: 0, refused: 0 });
            self.hours.len() - 1
        });
        &mut self.hours[at]
    }

    fn push_client_count(&mut self, client: ClientCount) {
        if self.clients.len() == CLIENTS_KEPT {
            self.clients.remove(0);
        }
        self.clients.push(client);
    }

    /// Merges `earlier` uses, which could not be written, into this buffer.
    pub(super) fn prepend(&mut self, earlier: Self) {
        self.last_used_at = self.last_used_at.max(earlier.last_used_at);
        for bucket in earlier.hours {
            let hour = self.hour_bucket(bucket.start);
            hour.count += bucket.count;
            hour.refused += bucket.refused;
        }
        let later = std::mem::replace(&mut self.clients, earlier.clients);
        for client in later {
            let known =
                self.clients.iter().position(|c| c.address == client.address && c.agent == client.agent);
            match known {
                Some(at) => {
                    let mut merged = self.clients.remove(at);
                    merged.count += client.count;
                    merged.last = merged.last.max(client.last);
                    self.clients.push(merged);
                }
                None => self.push_client_count(client),
            }
        }
    }

    /// Returns the time of the latest use; `None` if all requests were refused.
    pub(super) fn last_used_at(&self) -> Option<Timestamp> {
        self.last_used_at
    }

    /// Returns the number of uses, not counting refused requests.
    pub(super) fn use_count(&self) -> i64 {
        self.hours.iter().map(|b| b.count).sum()
    }

    /// Returns the clients as they are stored, from oldest to newest.
    pub(super) fn clients(&self) -> Vec<ClientUse> {
        let stored = |seen: &ClientCount| {
            let client = RawClient { agent: &seen.agent, address: seen.address }.to_client();
            ClientUse {
                agent: client.agent,
                address: client.address,
                first_seen_at: seen.first,
                last_seen_at: seen.last,
                count: seen.count,
            }
        };
        self.clients.iter().map(stored).collect()
    }

    /// Returns the buffered uses as an update of the key `id` in the store.
    pub(super) fn to_key_use(&self, id: Id) -> KeyUseUpdate {
        let clients = self.clients();
        let last = self.last_used_at.zip(clients.last()).map(|(at, client)| {
            (at, ClientInfo { agent: client.agent.clone(), address: client.address.clone() })
        });
        KeyUseUpdate { id, last, hours: self.hours.clone(), clients }
    }
}

/// Sorts uses by key id. All processes lock rows in this order, which prevents deadlocks.
pub(super) fn sorted_by_id(mut uses: Vec<KeyUseUpdate>) -> Vec<KeyUseUpdate> {
    uses.sort_unstable_by_key(|used| used.id);
    uses
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;
    use crate::domain::time::MILLISECOND;

    const NOW: Timestamp = Timestamp(1_795_000_000_000);

    fn client(agent: &str) -> RawClient<'_> {
        RawClient { agent: agent.as_bytes(), address: IpAddr::V4(Ipv4Addr::LOCALHOST) }
    }

    fn agents(buffer: &UseBuffer) -> Vec<(String, i64)> {
        buffer.clients().into_iter().map(|c| (c.agent, c.count)).collect()
    }

    #[test]
    fn the_last_use_never_moves_backward() {
        let mut buffer = UseBuffer::default();
        buffer.record_use(client("a"), NOW);
        buffer.record_use(client("a"), NOW.minus(HOUR));
        assert_eq!(buffer.last_used_at(), Some(NOW));
        assert_eq!(buffer.use_count(), 2);
        assert_eq!(buffer.hours.len(), 2);
    }

    #[test]
    fn only_the_most_recent_clients_are_kept() {
        let mut buffer = UseBuffer::default();
        for agent in ["a", "b", "c", "d", "e", "a", "f"] {
            buffer.record_use(client(agent), NOW);
        }
        let expected = [("c", 1), ("d", 1), ("e", 1), ("a", 2), ("f", 1)].map(|(a, n)| (a.to_owned(), n));
        assert_eq!(agents(&buffer), expected);
    }

    #[test]
    fn uses_that_could_not_be_written_are_not_lost() {
        let (mut earlier, mut later) = (UseBuffer::default(), UseBuffer::default());
        earlier.record_use(client("a"), NOW);
        earlier.record_use(client("b"), NOW);
        later.record_use(client("a"), NOW.plus(MILLISECOND));
        later.record_refusal(NOW);
        later.prepend(earlier);
        assert_eq!(later.last_used_at(), Some(NOW.plus(MILLISECOND)));
        assert_eq!((later.use_count(), later.hours[0].refused), (3, 1));
        assert_eq!(agents(&later), [("b".to_owned(), 1), ("a".to_owned(), 2)]);
    }

    #[test]
    fn a_user_agent_is_cleaned_and_truncated() {
        let raw = RawClient { agent: b"evil\x1b]52;c;\xff", address: IpAddr::V4(Ipv4Addr::LOCALHOST) };
        assert_eq!(raw.to_client().agent, "evil\u{fffd}]52;c;\u{fffd}");
        assert_eq!(client(&"x".repeat(5_000)).to_client().agent.len(), AGENT_MAX);
    }
}
