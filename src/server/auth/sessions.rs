//! Authenticates members by the session token in `Authorization`, and decides when a session has expired.
//!
//! Nothing is cached: session, role and status are read again for each request, and again in the transaction of a write.

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue};

use crate::clock::Clock;
use crate::domain::member::MemberStatus;
use crate::domain::secret::{Digest, SECRET_PREFIX, TokenKind};
use crate::domain::time::{TimeDelta, Timestamp};
use crate::server::error::ApiError;
use crate::server::settings::SessionLifetimes;
use crate::store::{self, SessionCutoffs, SignedInMember, Store, StoredSession, Tx};

/// How old a session's stored last use may be before the next request updates it.
const LAST_USE_LAG_MAX: TimeDelta = TimeDelta::seconds(30);

/// Looks up members by their session tokens, and decides when a session expires.
pub(in crate::server) struct Sessions {
    pub(super) store: Store,
    pub(super) clock: Clock,
    lifetimes: SessionLifetimes,
}

/// Digest of a session token that a request contains. The session is not yet authenticated.
#[derive(Clone, Copy, Debug)]
pub(in crate::server) struct SessionCredential {
    digest: Digest,
}

impl SessionCredential {
    /// Reads the session token from the `Authorization` header.
    ///
    /// # Errors
    /// - [`ApiError::KeyNotAllowedHere`] for an API key, which is recognized by its prefix without a lookup
    /// - [`ApiError::SessionMissing`] if there is no session token
    /// - [`ApiError::SessionEnded`] for a malformed token
    pub(in crate::server) fn from_headers(headers: &HeaderMap) -> Result<Self, ApiError> {
        let values = || headers.get_all(AUTHORIZATION).iter().map(HeaderValue::as_bytes);
        // Also without `Bearer`: the hint about keys helps more than "not signed in".
        if values().any(|value| bearer_token(value).unwrap_or(value).starts_with(SECRET_PREFIX.as_bytes())) {
            return Err(ApiError::KeyNotAllowedHere);
        }
        let mut values = values();
        let (Some(value), None) = (values.next(), values.next()) else {
            return Err(ApiError::SessionMissing);
        };
        let token = bearer_token(value).ok_or(ApiError::SessionMissing)?;
        if !token.starts_with(TokenKind::Session.prefix().as_bytes()) {
            return Err(ApiError::SessionMissing);
        }
        let digest = std::str::from_utf8(token).ok().and_then(|text| TokenKind::Session.digest(text));
        digest.map(|digest| Self { digest }).ok_or(ApiError::SessionEnded)
    }

    /// Returns the session and its member. This is enough for a read; a write also calls [`authenticate_in`](Self::authenticate_in)
    /// in its transaction.
    ///
    /// # Errors
    /// Returns [`ApiError::SessionEnded`] if the session has ended or expired, or if the member is not active.
    pub(in crate::server) async fn authenticate(
        &self,
        sessions: &Sessions,
    ) -> Result<SignedInMember, ApiError> {
        let now = sessions.clock.now();
        let signed_in = sessions.store.reader().await?.session_by_token(&self.digest).await?;
        let signed_in = sessions.require_active(now, signed_in)?;
        let id = signed_in.session.id;
        if now.since(signed_in.session.last_used_at) >= LAST_USE_LAG_MAX {
            let written: Result<(), store::StoreError> = sessions
                .store
                .write(move |tx| Box::pin(async move { tx.touch_session(id, now).await }))
                .await;
            if let Err(error) = written {
                // Reads continue when nothing can be written.
                tracing::warn!(%error, "could not record the use of a session");
            }
        }
        Ok(signed_in)
    }

    /// Returns the session and its member, and keeps both from changing until the transaction ends.
    ///
    /// # Errors
    /// Returns [`ApiError::SessionEnded`] if the session has ended or expired, or if the member is not active.
    pub(in crate::server) async fn authenticate_in(
        &self,
        sessions: &Sessions,
        tx: &mut Tx,
    ) -> Result<SignedInMember, ApiError> {
        let signed_in = tx.session_by_token(&self.digest).await?;
        sessions.require_active(sessions.clock.now(), signed_in)
    }
}

/// Returns the token that follows the case-insensitive scheme `Bearer` (RFC 9110, 11.1); `None` if the scheme is a different one.
fn bearer_token(value: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = value.split_at_checked(b"bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"bearer ").then(|| token.trim_ascii())
}

impl Sessions {
    pub(in crate::server) fn new(store: Store, clock: Clock, lifetimes: SessionLifetimes) -> Self {
        Self { store, clock, lifetimes }
    }

    fn require_active(
        &self,
        now: Timestamp,
        signed_in: Option<SignedInMember>,
    ) -> Result<SignedInMember, ApiError> {
        signed_in
            .filter(|signed_in| {
                signed_in.session.ended_at.is_none() && signed_in.actor.member.status == MemberStatus::Active
            })
            .filter(|signed_in| now < self.expires_at(&signed_in.session))
            .ok_or(ApiError::SessionEnded)
    }

    /// Returns the cutoffs that select the sessions that are unexpired at `now`, by the same rules as
    /// [`expires_at`](Self::expires_at).
    pub(in crate::server) fn cutoffs_for_unexpired(&self, now: Timestamp) -> SessionCutoffs {
        let days = |n: u32| now.minus(TimeDelta::days(i64::from(n)));
        SessionCutoffs {
            created_after: days(self.lifetimes.absolute_days),
            used_after: days(self.lifetimes.idle_days),
        }
    }

    /// Returns when the session expires if it is not used again.
    pub(in crate::server) fn expires_at(&self, session: &StoredSession) -> Timestamp {
        let idle = session.last_used_at.plus(TimeDelta::days(i64::from(self.lifetimes.idle_days)));
        idle.min(session.created_at.plus(TimeDelta::days(i64::from(self.lifetimes.absolute_days))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::secret::Token;
    use crate::wire::problem::ProblemType;

    fn problem(values: &[&str]) -> Option<ProblemType> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(AUTHORIZATION, value.parse().unwrap());
        }
        SessionCredential::from_headers(&headers).err().map(|error| error.into_problem().kind)
    }

    #[test]
    fn the_header_must_have_exactly_one_session_token() {
        let session = Token::new(TokenKind::Session, [7; 32]);
        let valid = format!("Bearer {}", session.expose());
        assert_eq!(problem(&[&valid]), None);
        assert_eq!(problem(&[&valid.replace("Bearer", "bearer")]), None);
        let missing = Some(ProblemType::SessionMissing);
        assert_eq!(problem(&[]), missing);
        assert_eq!(problem(&[&valid, &valid]), missing);
        assert_eq!(problem(&["Basic YTpi"]), missing);
        assert_eq!(problem(&[session.expose()]), missing);
        assert_eq!(problem(&["Bearer inv_0"]), missing);
        assert_eq!(problem(&[&valid[..valid.len() - 1]]), Some(ProblemType::SessionEnded));
    }

    #[test]
    fn an_api_key_is_recognized_by_its_prefix() {
        let refused = Some(ProblemType::KeyNotAllowedHere);
        for value in ["Bearer sk_", "Bearer sk_0123", "bearer  sk_x", "sk_bare"] {
            assert_eq!(problem(&[value]), refused, "{value}");
        }
        assert_eq!(problem(&["Bearer ses_0", "Bearer sk_1"]), refused);
    }
}
