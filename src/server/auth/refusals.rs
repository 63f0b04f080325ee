//! Records refused requests in the activity log, at most one row per minute for each party and operation.
//!
//! Rows of the activity log are never deleted, so a script whose requests are refused repeatedly must not fill it.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Mutex, PoisonError};

use http::HeaderMap;

use super::sessions::{SessionCredential, Sessions};
use crate::clock::random_bytes;
use crate::domain::activity::Action;
use crate::domain::id::Id;
use crate::domain::key::ClientInfo;
use crate::domain::time::{MINUTE, TimeDelta, Timestamp};
use crate::server::network::ClientNetwork;
use crate::store::{self, NewActivity, Store};

/// The member or client network whose request was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::server) enum RefusedParty {
    Member(Id),
    /// The network of a client that is not signed in.
    Network(ClientNetwork),
    /// Represents all members and networks beyond the first [`TRACKED_PAIRS_MAX`].
    Others,
}

/// Limits how often refused requests are recorded in the activity log.
#[derive(Debug, Default)]
pub(in crate::server) struct RefusalLog {
    last_recorded: Mutex<HashMap<(RefusedParty, &'static str), Timestamp>>,
}

/// Maximum number of pairs of party and operation that are tracked separately.
const TRACKED_PAIRS_MAX: usize = 10_000;

impl RefusalLog {
    /// Returns whether to record this refusal: at most once per minute for the same party and operation.
    pub(in crate::server) fn should_record(
        &self,
        party: RefusedParty,
        operation: &'static str,
        now: Timestamp,
    ) -> bool {
        let mut last_recorded = self.last_recorded.lock().unwrap_or_else(PoisonError::into_inner);
        let is_recent = |at: &Timestamp| (TimeDelta::zero()..MINUTE).contains(&now.since(*at));
        if last_recorded.len() >= TRACKED_PAIRS_MAX {
            last_recorded.retain(|_, at| is_recent(at));
        }
        let is_full =
            last_recorded.len() >= TRACKED_PAIRS_MAX && !last_recorded.contains_key(&(party, operation));
        let last = last_recorded.entry((if is_full { RefusedParty::Others } else { party }, operation));
        match last {
            Entry::Occupied(last) if is_recent(last.get()) => return false,
            Entry::Occupied(mut last) => drop(last.insert(now)),
            Entry::Vacant(first) => drop(first.insert(now)),
        }
        true
    }
}

/// Records in the activity log that a member attempted an operation that their role does not permit.
pub(in crate::server) async fn record_denied(
    sessions: &Sessions,
    log: &RefusalLog,
    headers: &HeaderMap,
    operation: &'static str,
    client: &ClientInfo,
) {
    let Ok(credential) = SessionCredential::from_headers(headers) else { return };
    let Ok(signed_in) = credential.authenticate(sessions).await else { return };
    let now = sessions.clock.now();
    let member = signed_in.actor.member.id;
    if !log.should_record(RefusedParty::Member(member), operation, now) {
        return;
    }
    let event = NewActivity::new(Action::PermissionRefused, now, random_bytes()).by(member, client);
    record_refusal(&sessions.store, event.detail(format!("{operation}, as {}", signed_in.actor.role))).await;
}

/// Adds a refusal to the activity log, in a transaction of its own because nothing else was changed.
pub(in crate::server) async fn record_refusal(store: &Store, event: NewActivity) {
    let recorded: Result<(), store::StoreError> =
        store.write(move |tx| Box::pin(async move { tx.record_activity(event).await })).await;
    if let Err(error) = recorded {
        tracing::warn!(%error, "could not record a refused request");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::MILLISECOND;

    #[test]
    fn a_refusal_is_recorded_at_most_once_a_minute() {
        let log = RefusalLog::default();
        let member = RefusedParty::Member(Id::new(Timestamp(0), [1; 10]));
        assert!(log.should_record(member, "a", Timestamp(0)));
        assert!(!log.should_record(member, "a", Timestamp(0).plus(MINUTE - MILLISECOND)));
        assert!(log.should_record(member, "b", Timestamp(1)));
        assert!(log.should_record(member, "a", Timestamp(0).plus(MINUTE)));
        assert!(log.should_record(member, "a", Timestamp(5)), "a clock that went backward suppresses a row");
    }

    #[test]
    fn the_number_of_recorded_refused_parties_is_capped() {
        let log = RefusalLog::default();
        let network = |text: &str| RefusedParty::Network(ClientNetwork::from_address(text.parse().unwrap()));
        assert!(log.should_record(network("2001:db8::1"), "a", Timestamp(0)));
        assert!(
            !log.should_record(network("2001:db8::2"), "a", Timestamp(0)),
            "addresses of one network count separately"
        );
        let recorded = |at| {
            let addresses = (0..2 * TRACKED_PAIRS_MAX).map(|n| u32::try_from(n).unwrap());
            let parties = addresses.map(|n| network(&std::net::Ipv4Addr::from_bits(n).to_string()));
            parties.filter(|&party| log.should_record(party, "a", at)).count()
        };
        // One entry belongs to the network above; the parties beyond the limit share the last row.
        assert_eq!(recorded(Timestamp(1)), TRACKED_PAIRS_MAX);
        assert_eq!(recorded(Timestamp(2)), 0);
        assert_eq!(
            recorded(Timestamp(0).plus(MINUTE + MILLISECOND * 2)),
            TRACKED_PAIRS_MAX + 1,
            "old entries are not removed"
        );
    }
}
