//! Validates the texts of a key, and decides which keys an actor can see.

use crate::domain::key::{self, KeyKind};
use crate::domain::permission::Actor;
use crate::server::error::ApiError;
use crate::store::KeyScope;

/// Returns the keys of this kind that exist for the actor: their own personal keys, or the organization's keys.
pub(in crate::server) fn scope_for(kind: KeyKind, actor: &Actor) -> KeyScope {
    match kind {
        KeyKind::Personal => KeyScope::PersonalOf(actor.member.id),
        KeyKind::Organization => KeyScope::Organization,
    }
}

/// Returns the name as it is stored.
pub(in crate::server) fn validate_name(text: &str) -> Result<String, ApiError> {
    key::normalize_name(text).map_err(|reason| ApiError::field("name", reason))
}

/// Returns a note or reason as it is stored; `None` if it is blank. `field` is its name in errors.
pub(in crate::server) fn validate_note(field: &str, text: &str) -> Result<Option<String>, ApiError> {
    key::normalize_note(text).map_err(|reason| ApiError::field(field, reason))
}
