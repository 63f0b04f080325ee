//! The result of a successful verification.

use crate::domain::id::Id;
use crate::domain::key::KeyKind;

/// A key that was accepted, and whose use was recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::server) struct AcceptedKey {
    pub id: Id,
    pub kind: KeyKind,
    /// `None` unless the caller requested the name.
    pub name: Option<Box<str>>,
}
