//! Who asks on the management plane: the session in `Authorization`, and the member behind it as they are at this moment.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Mutex, PoisonError};

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue};

use crate::clock::random_bytes;
use crate::domain::activity::Action;
use crate::domain::id::Id;
use crate::domain::key::ClientInfo;
use crate::domain::member::MemberStatus;
use crate::domain::secret::{Digest, SECRET_PREFIX, TokenKind};
use crate::domain::time::{DAY, MINUTE, SECOND, Timestamp};
use crate::server::Server;
use crate::server::error::ApiError;
use crate::server::http::rate_limits::ClientNetwork;
use crate::store::{self, NewActivity, SessionCutoffs, SignedInMember, StoredSession, Tx};

/// A session is marked as used when its mark is older than this, in milliseconds: half of what is promised.
const TOUCH_AFTER: i64 = 30 * SECOND;

/// A request with a session token. Whose it is, and what they may do, is read anew wherever it matters.
#[derive(Clone, Copy, Debug)]
pub struct SessionCredential {
    digest: Digest,
}

impl SessionCredential {
    /// The session token of a request.
    ///
    /// # Errors
    /// An API key, which is not looked up; no session; or what cannot be one.
    pub fn from_headers(headers: &HeaderMap) -> Result<Self, ApiError> {
        let values = || headers.get_all(AUTHORIZATION).iter().map(HeaderValue::as_bytes);
        // Told by its prefix also where `Bearer` was forgotten: the hint helps more than "not signed in".
        if values().any(|value| bearer(value).unwrap_or(value).starts_with(SECRET_PREFIX.as_bytes())) {
            return Err(ApiError::KeyNotAllowedHere);
        }
        let mut values = values();
        let (Some(value), None) = (values.next(), values.next()) else {
            return Err(ApiError::SessionMissing);
        };
        let token = bearer(value).ok_or(ApiError::SessionMissing)?;
        if !token.starts_with(TokenKind::Session.prefix().as_bytes()) {
            return Err(ApiError::SessionMissing);
        }
        let digest = std::str::from_utf8(token).ok().and_then(|text| TokenKind::Session.digest(text));
        digest.map(|digest| Self { digest }).ok_or(ApiError::SessionEnded)
    }

    /// Who is signed in. For what is only read, and to refuse early; a write asks again with [`SessionCredential::within`].
    ///
    /// # Errors
    /// The session ended, or the member was removed.
    pub async fn signed_in(&self, server: &Server) -> Result<SignedInMember, ApiError> {
        let now = server.clock.now();
        let found = server.store.reader().await?.session_by_token(&self.digest).await?;
        let found = standing(server, now, found)?;
        let id = found.session.id;
        if now.since(found.session.last_used_at) >= TOUCH_AFTER {
            let touched: Result<(), store::StoreError> =
                server.store.write(move |tx| Box::pin(async move { tx.touch_session(id, now).await })).await;
            if let Err(error) = touched {
                // Reading goes on when nothing can be written.
                tracing::warn!(%error, "the use of a session was not noted");
            }
        }
        Ok(found)
    }

    /// Who is signed in, read inside the transaction that acts on it, and held as they are until its end.
    ///
    /// # Errors
    /// The session ended, or the member was removed.
    pub async fn within(&self, server: &Server, tx: &mut Tx) -> Result<SignedInMember, ApiError> {
        let found = tx.session_by_token(&self.digest).await?;
        standing(server, server.clock.now(), found)
    }
}

/// What follows the scheme `Bearer`, in any case (RFC 9110, 11.1).
fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = value.split_at_checked(b"bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"bearer ").then(|| token.trim_ascii())
}

fn standing(
    server: &Server,
    now: Timestamp,
    found: Option<SignedInMember>,
) -> Result<SignedInMember, ApiError> {
    found
        .filter(|found| found.session.ended_at.is_none() && found.actor.member.status == MemberStatus::Active)
        .filter(|found| now < expires_at(server, &found.session))
        .ok_or(ApiError::SessionEnded)
}

/// Which sessions are not too old at `now`; agrees with [`expires_at`].
pub fn alive(server: &Server, now: Timestamp) -> SessionCutoffs {
    let limits = &server.settings.sessions;
    let days = |n: u32| now.minus(i64::from(n) * DAY);
    SessionCutoffs { created_after: days(limits.absolute_days), used_after: days(limits.idle_days) }
}

/// When a session ends if it is not used any more, or at the latest.
pub fn expires_at(server: &Server, session: &StoredSession) -> Timestamp {
    let limits = &server.settings.sessions;
    let idle = session.last_used_at.plus(i64::from(limits.idle_days) * DAY);
    idle.min(session.created_at.plus(i64::from(limits.absolute_days) * DAY))
}

/// Who was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RefusedParty {
    /// A member.
    Member(Id),
    /// Someone not signed in, told by the network and not by the address: of IPv6 everyone has more addresses than can be counted.
    ClientNetwork(ClientNetwork),
    /// Whoever comes when more are refused than are told apart.
    Others,
}

/// Remembers which refusals were recorded in the last minute, so that a refused script does not fill the log, which nothing is
/// ever deleted from.
#[derive(Debug, Default)]
pub struct RefusalThrottle {
    recorded: Mutex<HashMap<(RefusedParty, &'static str), Timestamp>>,
}

/// More refused ones and operations within a minute than this are not told apart.
const TOLD_APART: usize = 10_000;

impl RefusalThrottle {
    /// Whether this refusal is to be recorded; it then counts as recorded.
    pub fn is_due(&self, who: RefusedParty, operation: &'static str, now: Timestamp) -> bool {
        let mut recorded = self.recorded.lock().unwrap_or_else(PoisonError::into_inner);
        let recent = |at: &Timestamp| (0..MINUTE).contains(&now.since(*at));
        if recorded.len() >= TOLD_APART {
            recorded.retain(|_, at| recent(at));
        }
        let full = recorded.len() >= TOLD_APART && !recorded.contains_key(&(who, operation));
        let last = recorded.entry((if full { RefusedParty::Others } else { who }, operation));
        match last {
            Entry::Occupied(last) if recent(last.get()) => return false,
            Entry::Occupied(mut last) => drop(last.insert(now)),
            Entry::Vacant(first) => drop(first.insert(now)),
        }
        true
    }
}

/// Records that a member tried what their role does not allow.
pub async fn record_denied(
    server: &Server,
    headers: &HeaderMap,
    operation: &'static str,
    client: &ClientInfo,
) {
    let Ok(caller) = SessionCredential::from_headers(headers) else { return };
    let Ok(found) = caller.signed_in(server).await else { return };
    let now = server.clock.now();
    let member = found.actor.member.id;
    if !server.refusals.is_due(RefusedParty::Member(member), operation, now) {
        return;
    }
    let event = NewActivity::new(Action::PermissionRefused, now, random_bytes()).by(member, client);
    record(server, event.detail(format!("{operation}, as {}", found.actor.role))).await;
}

/// Writes a row about something that was not done, in a transaction of its own.
pub async fn record(server: &Server, event: NewActivity) {
    let recorded: Result<(), store::StoreError> =
        server.store.write(move |tx| Box::pin(async move { tx.record_activity(event).await })).await;
    if let Err(error) = recorded {
        tracing::warn!(%error, "a refusal was not recorded");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::secret::Token;
    use crate::wire::problem::ProblemType;

    fn read(values: &[&str]) -> Option<ProblemType> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(AUTHORIZATION, value.parse().unwrap());
        }
        SessionCredential::from_headers(&headers).err().map(|refusal| refusal.problem().kind)
    }

    #[test]
    fn what_may_stand_in_the_header() {
        let session = Token::new(TokenKind::Session, [7; 32]);
        let good = format!("Bearer {}", session.expose());
        assert_eq!(read(&[&good]), None);
        assert_eq!(read(&[&good.replace("Bearer", "bearer")]), None);
        let missing = Some(ProblemType::SessionMissing);
        assert_eq!(read(&[]), missing);
        assert_eq!(read(&[&good, &good]), missing);
        assert_eq!(read(&["Basic YTpi"]), missing);
        assert_eq!(read(&[session.expose()]), missing);
        assert_eq!(read(&["Bearer inv_0"]), missing);
        assert_eq!(read(&[&good[..good.len() - 1]]), Some(ProblemType::SessionEnded));
    }

    #[test]
    fn a_key_is_told_by_its_prefix_wherever_it_stands() {
        let refused = Some(ProblemType::KeyNotAllowedHere);
        for value in ["Bearer sk_", "Bearer sk_0123", "bearer  sk_x", "sk_bare"] {
            assert_eq!(read(&[value]), refused, "{value}");
        }
        assert_eq!(read(&["Bearer ses_0", "Bearer sk_1"]), refused);
    }

    #[test]
    fn a_refusal_is_recorded_once_a_minute() {
        let refusals = RefusalThrottle::default();
        let who = RefusedParty::Member(Id::new(Timestamp(0), [1; 10]));
        assert!(refusals.is_due(who, "a", Timestamp(0)));
        assert!(!refusals.is_due(who, "a", Timestamp(MINUTE - 1)));
        assert!(refusals.is_due(who, "b", Timestamp(1)));
        assert!(refusals.is_due(who, "a", Timestamp(MINUTE)));
        assert!(refusals.is_due(who, "a", Timestamp(5)), "a clock that went back silences nothing");
    }

    #[test]
    fn however_many_are_refused_the_log_grows_slowly() {
        let refusals = RefusalThrottle::default();
        let from = |text: &str| RefusedParty::ClientNetwork(ClientNetwork::of(text.parse().unwrap()));
        assert!(refusals.is_due(from("2001:db8::1"), "a", Timestamp(0)));
        assert!(!refusals.is_due(from("2001:db8::2"), "a", Timestamp(0)), "a network has many addresses");
        let due = |at| {
            let all = (0..2 * TOLD_APART).map(|n| u32::try_from(n).unwrap());
            let all = all.map(|n| from(&std::net::Ipv4Addr::from_bits(n).to_string()));
            all.filter(|&who| refusals.is_due(who, "a", at)).count()
        };
        assert_eq!(due(Timestamp(1)), TOLD_APART, "those told apart, and the others as one");
        assert_eq!(due(Timestamp(2)), 0);
        assert_eq!(due(Timestamp(MINUTE + 2)), TOLD_APART + 1, "who is over is forgotten");
    }
}
