//! What the runtime is asked to do elsewhere: requests to the server, and deliveries of a text or secret.

use std::sync::Arc;

use crate::domain::id::Id;
use crate::domain::key::KeyKind;
use crate::domain::time::Timestamp;
use crate::wire::activity::ActivityQuery;
use crate::wire::keys::{CreateKey, EditKey, RevokeKey, SecretString, UsageQuery};
use crate::wire::members::{ChangeRole, InviteMember};
use crate::wire::reviews::{ApplyDecision, RecordExport, ReviewsQuery};

/// A request for a list. One reply arrives for each page.
#[derive(Debug)]
pub enum ListRequest {
    /// Keys of a kind with revoked ones, newest first → [`Reply::Keys`].
    Keys(KeyKind),
    /// Keys that changed → [`Reply::Keys`].
    Changes {
        /// Kind of the keys.
        kind: KeyKind,
        /// The `as_of` of an earlier list; only later changes are returned.
        since: Timestamp,
    },
    /// Rotations of keys of a kind, with both keys' uses by hour → [`Reply::Rotations`].
    Rotations(KeyKind),
    /// Every member of the organization → [`Reply::Members`].
    Members,
    /// Applied review decisions → [`Reply::Reviews`].
    Reviews(ReviewsQuery),
}

/// A request to the server.
#[derive(Debug)]
pub enum ApiRequest {
    /// A list; see [`ListRequest`] for the replies.
    List(ListRequest),
    /// Get the signed-in member, role and policy → [`Reply::Me`].
    Me,
    /// Redeem a sign-in code, store the session in the profile, and use it from now on → [`Reply::Me`].
    SignIn(Arc<SecretString>),
    /// Redeem a sign-in code at this server and store the session in the profile named after the server → [`Reply::Me`].
    SignInAt {
        /// Address of the server, as typed.
        server: String,
        /// The sign-in code.
        code: Arc<SecretString>,
    },
    /// Create a key → [`Reply::Created`]. A [`UnfinishedCreate`] record is stored before the request is sent, and its `key_id` is
    /// set when the reply arrives. If the record cannot be stored, nothing is sent.
    Create {
        /// Kind of the key.
        kind: KeyKind,
        /// Sent again, it returns the same key instead of creating another one.
        idempotency_key: String,
        /// Name, note, and the key to be replaced.
        body: CreateKey,
        /// Why the replaced key must be revoked at once, if it leaked. Part of the record, so that it is revoked even after a crash.
        leaked: Option<String>,
    },
    /// Confirm that the secret is stored → [`Reply::Key`].
    Confirm(KeyKind, Id),
    /// Change name or note → [`Reply::Key`].
    Edit {
        /// Kind of the key.
        kind: KeyKind,
        /// Id of the key.
        id: Id,
        /// Version of the key that was edited, for `If-Match`.
        version: i64,
        /// The fields to change; others stay.
        body: EditKey,
    },
    /// Revoke a key → [`Reply::Key`], or a refusal with the current key.
    Revoke {
        /// Kind of the key.
        kind: KeyKind,
        /// Id of the key.
        id: Id,
        /// Conditions under which the key is revoked, and the reason.
        body: RevokeKey,
    },
    /// Get the use of a key over time → [`Reply::Usage`].
    Usage {
        /// Kind of the key.
        kind: KeyKind,
        /// Id of the key.
        id: Id,
        /// Range and width of the buckets.
        query: UsageQuery,
    },
    /// Get the daily use of at most 200 keys → [`Reply::DailyUse`].
    DailyUse {
        /// Kind of the key.
        kind: KeyKind,
        /// Ids of the keys.
        ids: Vec<Id>,
        /// Number of days, up to today.
        days: u32,
    },
    /// Look up the key of a secret → [`Reply::Found`].
    LookUp(Arc<SecretString>),
    /// Revoke a leaked key by its secret → [`Reply::Found`].
    RevokeLeaked {
        /// The secret of the key.
        secret: Arc<SecretString>,
        /// Reason for the activity log.
        reason: String,
    },
    /// Invite somebody, or create a sign-in code for a member → [`Reply::Invited`].
    Invite(InviteMember),
    /// Change the role of a member → [`Reply::RoleChanged`].
    ChangeRole(Id, ChangeRole),
    /// Remove a member, or find out what that would do → [`Reply::Removal`].
    Remove {
        /// Id of the member.
        id: Id,
        /// Change nothing; only return the consequences.
        dry_run: bool,
    },
    /// End the sessions of a member → [`Reply::Done`].
    EndSessions(Id),
    /// Apply a review decision → [`Reply::Decided`].
    Decide {
        /// Sent again, it returns the first result instead of deciding again.
        idempotency_key: String,
        /// The decision, and the key it is about.
        body: ApplyDecision,
    },
    /// Record in the activity log that decisions were exported → [`Reply::Done`].
    RecordExport(RecordExport),
    /// Get a page of the activity log → [`Reply::Activity`].
    Activity(ActivityQuery),
}

/// A text or secret and its destination. Reported as done only if it certainly was.
#[derive(Debug)]
pub enum Delivery {
    /// Copies a text to the clipboard of the terminal.
    Copy(String),
    /// Copies a secret to the clipboard of the terminal.
    CopySecret(Arc<SecretString>),
    /// Writes a secret to a new file, mode 0600, and syncs it. Never overwrites a file. `~/` is the home folder.
    SecretToFile {
        /// Path of the new file.
        path: String,
        /// The secret to be stored.
        secret: Arc<SecretString>,
    },
    /// Pipes a secret into the standard input of a command, which must exit with 0. The command line is split without a shell.
    SecretToCommand {
        /// The command line.
        command: String,
        /// The secret.
        secret: Arc<SecretString>,
    },
    /// Writes a text to a new file, mode 0600. Never overwrites a file.
    TextToFile {
        /// Path of the file.
        path: String,
        /// The text.
        text: String,
    },
}

/// A create whose secret may not have been stored, as recorded before its request was sent.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct UnfinishedCreate {
    /// Idempotency key of the create.
    pub idempotency_key: String,
    /// Kind of the key.
    pub kind: KeyKind,
    /// Name, note, and the key to be replaced.
    pub body: CreateKey,
    /// When the record was written.
    pub at: Timestamp,
    /// Id of the key; `None` if the reply never arrived.
    pub key_id: Option<Id>,
    /// The creator. Only the creator can have the secret issued again.
    pub member: Id,
    /// Why the replaced key is to be revoked at once; `None` unless it leaked.
    pub leaked: Option<String>,
}
