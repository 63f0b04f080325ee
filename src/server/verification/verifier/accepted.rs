//! The result of a successful verification.

use crate::domain::id::Id;
use crate::domain::key::KeyKind;

/// A key that was accepted, after its use was recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::server) struct AcceptedKey {
    pub id: Id,
    pub kind: KeyKind,
    /// The key's name; `None` unless the caller requested it.
    pub name: Option<Box<str>>,
}
