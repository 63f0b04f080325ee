//! Validates key names and notes, and decides which keys an actor can access.

use crate::domain::key::{self, KeyKind};
use crate::domain::permission::Actor;
use crate::server::error::ApiError;
use crate::store::KeyScope;

/// Returns which keys of this kind the actor can access: their own personal keys, or all organization keys.
pub(in crate::server) fn scope_for(kind: KeyKind, actor: &Actor) -> KeyScope {
    match kind {
        KeyKind::Personal => KeyScope::PersonalOf(actor.member.id),
        KeyKind::Organization => KeyScope::Organization,
    }
}

/// Validates a key name, and returns it as it is stored.
pub(in crate::server) fn validate_name(text: &str) -> Result<String, ApiError> {
    key::normalize_name(text).map_err(|reason| ApiError::field("name", reason))
}

/// Validates a note or a reason, and returns it as it is stored; `None` if it is blank. Errors refer to it as `field`.
pub(in crate::server) fn validate_note(field: &str, text: &str) -> Result<Option<String>, ApiError> {
    key::normalize_note(text).map_err(|reason| ApiError::field(field, reason))
}
