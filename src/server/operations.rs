//! Changes that several handlers make inside their transactions.

pub(super) mod guarded_revoke;
pub(super) mod key_fields;
pub(super) mod member_removal;
pub(super) mod sign_in_codes;
