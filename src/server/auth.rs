//! Member sessions, and the log of refused requests on the management plane.
//!
//! Start reading with [`sessions::SessionCredential`]. Authentication of API keys is in [`verification`](super::verification).

pub(super) mod refusals;
pub(super) mod sessions;

pub(super) use refusals::{RefusalLog, RefusedParty};
pub(super) use sessions::{SessionCredential, Sessions};
