//! Uses of one key that are answered and not yet written: counts by hour, and what used it.

use std::net::IpAddr;

use crate::domain::key::ClientInfo;
use crate::domain::text;
use crate::domain::time::{HOUR, Timestamp};
use crate::domain::usage::{AGENT_MAX, Bucket, CLIENTS_KEPT, ClientUse};

/// What used a key, straight from the request.
#[derive(Clone, Copy, Debug)]
pub struct RawClient<'a> {
    /// The bytes of `User-Agent`; empty where there is none.
    pub agent: &'a [u8],
    /// The client's address.
    pub address: IpAddr,
}

/// Bytes of a raw agent that are looked at; the cleaned one is shorter still.
const RAW_AGENT_MAX: usize = 4 * AGENT_MAX;

impl RawClient<'_> {
    /// The client as it is stored and shown.
    pub fn client(&self) -> ClientInfo {
        let raw = &self.agent[..self.agent.len().min(RAW_AGENT_MAX)];
        let agent = text::sanitize_agent(&String::from_utf8_lossy(raw), AGENT_MAX);
        ClientInfo { agent, address: self.address.to_string() }
    }
}

/// Uses that are not yet written. Times only move forward in it.
#[derive(Debug, Default)]
pub struct UseBuffer {
    /// The latest use.
    last: Option<Timestamp>,
    hours: Vec<Bucket>,
    /// The most recent last.
    clients: Vec<ClientCounts>,
}

#[derive(Debug)]
struct ClientCounts {
    agent: Box<[u8]>,
    address: IpAddr,
    first: Timestamp,
    last: Timestamp,
    count: i64,
}

impl UseBuffer {
    /// One use that was answered with success.
    pub fn add(&mut self, caller: RawClient<'_>, now: Timestamp) {
        self.last = self.last.max(Some(now));
        self.hour(now).count += 1;
        let raw = &caller.agent[..caller.agent.len().min(RAW_AGENT_MAX)];
        let known = self.clients.iter().rposition(|c| c.address == caller.address && *c.agent == *raw);
        match known {
            Some(at) => {
                let seen = &mut self.clients[at];
                seen.count += 1;
                seen.last = seen.last.max(now);
                if at + 1 < self.clients.len() {
                    self.clients[at..].rotate_left(1);
                }
            }
            None => self.push(ClientCounts {
                agent: raw.into(),
                address: caller.address,
                first: now,
                last: now,
                count: 1,
            }),
        }
    }

    /// One use that was refused because the key is revoked.
    pub fn refuse(&mut self, now: Timestamp) {
        self.hour(now).refused += 1;
    }

    fn hour(&mut self, now: Timestamp) -> &mut Bucket {
        let start = now.floor(HOUR);
        let at = self.hours.iter().rposition(|b| b.start == start).unwrap_or_else(|| {
            self.hours.push(Bucket { start, count: 0, refused: 0 });
            self.hours.len() - 1
        });
        &mut self.hours[at]
    }

    fn push(&mut self, seen: ClientCounts) {
        if self.clients.len() == CLIENTS_KEPT {
            self.clients.remove(0);
        }
        self.clients.push(seen);
    }

    /// Takes in uses that were gathered before these and could not be written.
    pub fn put_back(&mut self, earlier: Self) {
        self.last = self.last.max(earlier.last);
        for bucket in earlier.hours {
            let hour = self.hour(bucket.start);
            hour.count += bucket.count;
            hour.refused += bucket.refused;
        }
        let later = std::mem::replace(&mut self.clients, earlier.clients);
        for seen in later {
            let known = self.clients.iter().position(|c| c.address == seen.address && c.agent == seen.agent);
            match known {
                Some(at) => {
                    let mut merged = self.clients.remove(at);
                    merged.count += seen.count;
                    merged.last = merged.last.max(seen.last);
                    self.clients.push(merged);
                }
                None => self.push(seen),
            }
        }
    }

    /// The latest use.
    pub fn last(&self) -> Option<Timestamp> {
        self.last
    }

    /// How many uses were answered.
    pub fn count(&self) -> i64 {
        self.hours.iter().map(|b| b.count).sum()
    }

    /// The counts by hour.
    pub fn hours(&self) -> &[Bucket] {
        &self.hours
    }

    /// The clients as they are stored, the most recent last.
    pub fn clients(&self) -> Vec<ClientUse> {
        let stored = |seen: &ClientCounts| {
            let client = RawClient { agent: &seen.agent, address: seen.address }.client();
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
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    const NOW: Timestamp = Timestamp(1_795_000_000_000);

    fn from(agent: &str) -> RawClient<'_> {
        RawClient { agent: agent.as_bytes(), address: IpAddr::V4(Ipv4Addr::LOCALHOST) }
    }

    fn agents(gathered: &UseBuffer) -> Vec<(String, i64)> {
        gathered.clients().into_iter().map(|c| (c.agent, c.count)).collect()
    }

    #[test]
    fn the_last_use_never_moves_back() {
        let mut gathered = UseBuffer::default();
        gathered.add(from("a"), NOW);
        gathered.add(from("a"), NOW.minus(HOUR));
        assert_eq!(gathered.last(), Some(NOW));
        assert_eq!(gathered.count(), 2);
        assert_eq!(gathered.hours().len(), 2);
    }

    #[test]
    fn the_most_recent_clients_are_kept() {
        let mut gathered = UseBuffer::default();
        for agent in ["a", "b", "c", "d", "e", "a", "f"] {
            gathered.add(from(agent), NOW);
        }
        let expected = [("c", 1), ("d", 1), ("e", 1), ("a", 2), ("f", 1)].map(|(a, n)| (a.to_owned(), n));
        assert_eq!(agents(&gathered), expected);
    }

    #[test]
    fn what_could_not_be_written_is_not_lost() {
        let (mut earlier, mut later) = (UseBuffer::default(), UseBuffer::default());
        earlier.add(from("a"), NOW);
        earlier.add(from("b"), NOW);
        later.add(from("a"), NOW.plus(1));
        later.refuse(NOW);
        later.put_back(earlier);
        assert_eq!(later.last(), Some(NOW.plus(1)));
        assert_eq!((later.count(), later.hours()[0].refused), (3, 1));
        assert_eq!(agents(&later), [("b".to_owned(), 1), ("a".to_owned(), 2)]);
    }

    #[test]
    fn an_agent_is_cleaned_and_cut() {
        let caller = RawClient { agent: b"evil\x1b]52;c;\xff", address: IpAddr::V4(Ipv4Addr::LOCALHOST) };
        assert_eq!(caller.client().agent, "evil\u{fffd}]52;c;\u{fffd}");
        assert_eq!(from(&"x".repeat(5_000)).client().agent.len(), AGENT_MAX);
    }
}
