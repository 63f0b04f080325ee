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
    /// All keys of this kind, including revoked ones, newest first → `Reply::Keys`.
    Keys(KeyKind),
    /// Keys that changed since an earlier list → `Reply::Keys`.
    Changes {
        /// Whether personal or organization keys are requested.
        kind: KeyKind,
        /// The `as_of` of the earlier list.
        since: Timestamp,
    },
    /// Rotations of keys of this kind, with the hourly usage of both keys → `Reply::Rotations`.
    Rotations(KeyKind),
    /// All members of the organization → `Reply::Members`.
    Members,
    /// Applied review decisions → `Reply::Reviews`.
    Reviews(ReviewsQuery),
}

/// A request to the server.
#[derive(Debug)]
pub enum ApiRequest {
    /// A list; see [`ListRequest`] for the replies.
    List(ListRequest),
    /// Gets the signed-in member, the role and the policy → `Reply::Me`.
    Me,
    /// Redeems a sign-in code, stores the new session in the profile, and uses it for all later requests → `Reply::Me`.
    SignIn(Arc<SecretString>),
    /// Redeems a sign-in code at the given server and stores the new session in the profile named after that server →
    /// `Reply::Me`.
    SignInAt {
        /// Address of the server, as typed.
        server: String,
        /// The sign-in code.
        code: Arc<SecretString>,
    },
    /// Creates a key → `Reply::Created`. An [`UnfinishedCreate`] record is stored before the request is sent, and its `key_id` is
    /// set when the reply arrives. If the record cannot be stored, no request is sent.
    Create {
        /// Whether this is a personal or an organization key.
        kind: KeyKind,
        /// A retry with the same idempotency key returns the same key instead of creating another one.
        idempotency_key: String,
        /// Name and note, and the id of the key that the new key replaces, if any.
        body: CreateKey,
        /// Why the replaced key must be revoked at once; `None` unless it leaked. Stored in the record, so that the key is revoked
        /// even after a crash.
        leaked: Option<String>,
    },
    /// Confirms that the secret of a new key is stored → `Reply::Key`.
    Confirm(KeyKind, Id),
    /// Changes the name or note of a key → `Reply::Key`.
    Edit {
        /// Whether this is a personal or an organization key.
        kind: KeyKind,
        /// Id of the key.
        id: Id,
        /// Version of the key that the user edited, sent as `If-Match`.
        version: i64,
        /// The fields to change. Absent fields stay as they are.
        body: EditKey,
    },
    /// Revokes a key → `Reply::Key`, or a refusal that contains the current key.
    Revoke {
        /// Whether this is a personal or an organization key.
        kind: KeyKind,
        /// Id of the key.
        id: Id,
        /// Reason for the revocation, and the conditions under which it is refused.
        body: RevokeKey,
    },
    /// Gets the usage of a key over time → `Reply::Usage`.
    Usage {
        /// Whether this is a personal or an organization key.
        kind: KeyKind,
        /// Id of the key.
        id: Id,
        /// Time range and bucket width.
        query: UsageQuery,
    },
    /// Gets the daily usage of at most 200 keys → `Reply::DailyUse`.
    DailyUse {
        /// Whether this is a personal or an organization key.
        kind: KeyKind,
        /// Keys to get daily counts for.
        ids: Vec<Id>,
        /// Number of days, ending with today.
        days: u32,
    },
    /// Finds the key that a secret belongs to → `Reply::Found`.
    LookUp(Arc<SecretString>),
    /// Revokes the key that a leaked secret belongs to → `Reply::Found`.
    RevokeLeaked {
        /// The leaked secret.
        secret: Arc<SecretString>,
        /// Reason that the activity log records.
        reason: String,
    },
    /// Invites a person, or creates a sign-in code for an existing member → `Reply::Invited`.
    Invite(InviteMember),
    /// Changes the role of a member → `Reply::RoleChanged`.
    ChangeRole(Id, ChangeRole),
    /// Removes a member, or finds out what the removal would do → `Reply::Removal`.
    Remove {
        /// The member to remove.
        id: Id,
        /// If set, nothing is changed; the reply only lists the consequences.
        dry_run: bool,
    },
    /// Ends all sessions of a member → `Reply::Done`.
    EndSessions(Id),
    /// Applies a review decision → `Reply::Decided`.
    Decide {
        /// A retry with the same idempotency key returns the first result instead of applying the decision twice.
        idempotency_key: String,
        /// The decision, and the id of the key that it is about.
        body: ApplyDecision,
    },
    /// Records an export of review decisions in the activity log → `Reply::Done`.
    RecordExport(RecordExport),
    /// Gets a page of the activity log → `Reply::Activity`.
    Activity(ActivityQuery),
}

/// A text or secret to deliver, and its destination. Success is reported only if the delivery certainly succeeded.
#[derive(Debug)]
pub enum Delivery {
    /// Copies a text to the clipboard, through the terminal.
    Copy(String),
    /// Copies a secret to the clipboard, through the terminal.
    CopySecret(Arc<SecretString>),
    /// Writes a secret to a new file with mode 0600 and syncs the file to disk. An existing file is never overwritten.
    SecretToFile {
        /// Path of the new file; `~/` is the home folder.
        path: String,
        /// The secret to write.
        secret: Arc<SecretString>,
    },
    /// Pipes a secret into the standard input of a command, which must exit with code 0. The command runs without a shell.
    SecretToCommand {
        /// Command and arguments, as typed.
        command: String,
        /// The secret to pipe.
        secret: Arc<SecretString>,
    },
    /// Writes a text to a new file with mode 0600. An existing file is never overwritten.
    TextToFile {
        /// Path of the new file; `~/` is the home folder.
        path: String,
        /// The text to write.
        text: String,
    },
}

/// Record of a key creation whose secret may not have been stored. It is written before the request is sent.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct UnfinishedCreate {
    /// Idempotency key of the creation.
    pub idempotency_key: String,
    /// Whether this is a personal or an organization key.
    pub kind: KeyKind,
    /// Name and note, and the id of the key that the new key replaces, if any.
    pub body: CreateKey,
    /// When the record was written.
    pub at: Timestamp,
    /// Id of the created key; `None` if the reply never arrived.
    pub key_id: Option<Id>,
    /// The creator, the only member for whom the secret can be reissued.
    pub member: Id,
    /// Why the replaced key must be revoked at once; `None` unless it leaked.
    pub leaked: Option<String>,
}
