//! The database. This is the only module with SQL; each query exists once for SQLite and PostgreSQL.
//!
//! Start reading with [`Store::write`]. A caller composes the named queries of [`Tx`] in one transaction: reads the actor, asks
//! the domain for a grant, changes rows with the guard in the `WHERE` clause, and records the activity. The store never checks
//! permissions and never reads the time.

mod activity;
mod backup;
mod database;
mod dialect;
mod error;
#[cfg(feature = "fault-injection")]
mod fault_injection;
mod file;
mod idempotency;
mod keys;
mod location;
mod members;
mod open;
mod organization;
mod restore;
mod reviews;
mod revoked_log;
mod rotations;
mod row;
mod schema;
mod seed;
mod sessions;
mod sites;
mod statement;
mod tx;
mod usage;
mod uses;

pub use activity::{ActivityFilter, NewActivity};
pub use backup::BackupError;
pub use database::Store;
pub use dialect::Dialect;
pub use error::{OpenStoreError, StoreError};
pub use idempotency::{EarlierRequest, IDEMPOTENCY_RETENTION, IdempotentRequest};
pub use keys::{KeyCacheRow, KeyListFilter, KeyScope, NewKey, RevokeGuard, StoredKey};
pub use location::{DatabaseLocation, OpenMode};
pub use members::{MemberKeyRow, NewMember, StoredMember};
pub use organization::{AdminInvitation, SetUpError, StoredOrganization};
pub use restore::AcceptedRestore;
pub use reviews::ReviewFilter;
pub use revoked_log::RestorePending;
pub use seed::{Seed, SeedKey, SeedMember};
pub use sessions::{NewCode, NewSession, RedeemedCode, SessionCutoffs, SignedInMember, StoredSession};
pub use sites::{StoredMachine, StoredSite};
pub use tx::{TransactionOutcome, Tx};
pub use usage::{Verification, VerifiedKey};
pub use uses::KeyUseUpdate;
