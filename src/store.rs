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

pub use activity::ActivityFilter;
pub use backup::BackupError;
pub use database::Store;
pub use error::{OpenStoreError, StoreError};
pub use keys::{KeyScope, NewKey, RevokeGuard};
pub use location::{DatabaseLocation, OpenMode};
pub use members::NewMember;
pub use organization::{AdminInvitation, SetUpError};
pub use reviews::ReviewFilter;
pub use revoked_log::RestorePending;
pub use sessions::NewSession;
pub use tx::{TransactionOutcome, Tx};

pub(crate) use activity::NewActivity;
pub(crate) use dialect::Dialect;
pub(crate) use idempotency::{EarlierRequest, IdempotentRequest};
pub(crate) use keys::{KeyListFilter, StoredKey};
pub(crate) use members::{MemberKeyRow, StoredMember};
pub(crate) use organization::StoredOrganization;
pub(crate) use seed::{Seed, SeedKey, SeedMember};
pub(crate) use sessions::{NewCode, SessionCutoffs, SignedInMember, StoredSession};
pub(crate) use sites::{StoredMachine, StoredSite};
pub(crate) use usage::Verification;
pub(crate) use uses::KeyUseUpdate;
