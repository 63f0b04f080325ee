//! The only SQL.

/// The database.
pub struct Store;
