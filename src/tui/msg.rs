//! The vocabulary between the model and the runtime, as data: messages ([`Msg`]) go into the model, effects ([`Effect`]) come out.
//!
//! The runtime hands over every waiting message, a [`Msg::Tick`] first, then draws one frame, then sends [`Msg::FrameWritten`].

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crokey::KeyCombination;
use zeroize::Zeroizing;

use crate::domain::id::Id;
use crate::domain::key::{Key, KeyKind};
use crate::domain::time::Timestamp;
use crate::domain::usage::{DailyUse, Usage};
use crate::wire::activity::ActivityQuery;
use crate::wire::keys::{
    CreateKey, CreatedKey, EditKey, FoundKey, RevokeKey, Rotation, SecretString, UsageQuery,
};
use crate::wire::members::{ChangeRole, ChangedRole, Invitation, InviteMember, Member, MemberRemoval};
use crate::wire::page::Page;
use crate::wire::problem::{Problem, ProblemType};
use crate::wire::reviews::{AppliedDecision, ApplyDecision, RecordExport, ReviewsQuery};
use crate::wire::sessions::Me;

/// A point in time on the UI's monotonic clock, counted from the start of the UI. For deadlines and spans; never shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct UiTime(Duration);

impl UiTime {
    /// The point in time `elapsed` after the start of the UI.
    pub const fn after_start(elapsed: Duration) -> Self {
        Self(elapsed)
    }

    /// Time since the start of the UI.
    pub const fn since_start(self) -> Duration {
        self.0
    }

    /// The point in time `delay` later.
    #[must_use]
    pub const fn plus(self, delay: Duration) -> Self {
        Self(self.0.saturating_add(delay))
    }

    /// Time since `earlier`; zero if `earlier` is in fact later.
    pub const fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

/// Identifies a request, so that its reply finds the recipient, and the reply to a cancelled request is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ticket(pub u64);

/// An event for the model.
#[derive(Debug)]
pub enum Msg {
    /// The present. Sent before each batch of messages, and when [`Model::wake_at`](super::app::Model::wake_at) is reached.
    Tick {
        /// The present on the UI's clock.
        now: UiTime,
    },
    /// A key was pressed.
    KeyPress(KeyCombination),
    /// Text was pasted (bracketed paste of the terminal).
    Paste(Zeroizing<String>),
    /// The size of the window changed.
    Resize {
        /// Width in columns.
        columns: u16,
        /// Height in rows.
        rows: u16,
    },
    /// The frame drawn after all earlier messages was written to the terminal. Needs no new frame.
    FrameWritten {
        /// The frame's [`FrameInfo::max_scroll`](super::frame::FrameInfo::max_scroll).
        max_scroll: usize,
    },
    /// The terminal is about to be left (quit, suspend, a signal): the next frame must show no secret.
    HideSecrets,
    /// A reply to a request or delivery. A list arrives as several replies with the same ticket.
    Reply {
        /// Ticket of the request or delivery.
        ticket: Ticket,
        /// The reply, or why there is none.
        result: Result<Reply, RequestError>,
    },
}

/// Something that the runtime does for the model.
#[derive(Debug)]
pub enum Effect {
    /// Sends a request to the server; the reply arrives as [`Msg::Reply`] with the ticket.
    Request {
        /// Comes back with each reply.
        ticket: Ticket,
        /// The request.
        request: ApiRequest,
    },
    /// Cancel the request of the ticket, if it still runs.
    CancelRequest(Ticket),
    /// Deliver a text or secret; [`Reply::Done`] says where it went.
    Deliver {
        /// Comes back with the reply.
        ticket: Ticket,
        /// The text or secret, and its destination.
        delivery: Delivery,
    },
    /// Remove the record of a create: its secret is stored, or its key is revoked.
    FinishCreate {
        /// Idempotency key of the create.
        idempotency_key: String,
    },
    /// Store the review's drafts for the next start, replacing those stored before. One line, which only the model reads.
    SaveDrafts(String),
    /// Append a change of the drafts to those stored. One line, which only the model reads.
    AppendDrafts(String),
    /// Leave the terminal and stop this process group, as Ctrl-Z does elsewhere.
    Suspend,
    /// End the UI and restore the terminal.
    Quit,
}

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

/// The reply to a request or delivery.
#[derive(Debug)]
pub enum Reply {
    /// The signed-in member, with role and organization.
    Me(Box<Me>),
    /// A page of keys; the last one has no `next_cursor`.
    Keys(Page<Key>),
    /// A created key. Without its secret if that was already confirmed as stored, or used.
    Created(Box<CreatedKey>),
    /// The current state of a key.
    Key(Box<Key>),
    /// The use of a key over time.
    Usage(Usage),
    /// The daily use of some keys.
    DailyUse(Vec<DailyUse>),
    /// A page of rotations.
    Rotations(Page<Rotation>),
    /// The key that belongs to a secret.
    Found(Box<FoundKey>),
    /// A page of members.
    Members(Page<Member>),
    /// A sign-in code for a new or known member.
    Invited(Box<Invitation>),
    /// The member with the new role, and the keys revoked because of it.
    RoleChanged(Box<ChangedRole>),
    /// The consequences of removing a member, whether done or a dry run.
    Removal(Box<MemberRemoval>),
    /// A page of applied review decisions.
    Reviews(Page<crate::domain::review::ReviewRecord>),
    /// A review decision that was applied.
    Decided(Box<AppliedDecision>),
    /// A page of the activity log.
    Activity(Page<crate::domain::activity::Activity>),
    /// The delivery or request succeeded, as this phrase says: `sent to your terminal`, `written to ~/grafana.key`.
    Done(String),
}

impl Reply {
    /// Returns whether more replies follow with the same ticket: further pages of a list.
    pub fn has_more(&self) -> bool {
        let next = match self {
            Self::Keys(page) => &page.metadata.next_cursor,
            Self::Rotations(page) => &page.metadata.next_cursor,
            Self::Members(page) => &page.metadata.next_cursor,
            Self::Reviews(page) => &page.metadata.next_cursor,
            _ => return false,
        };
        next.is_some()
    }
}

/// Why a request or delivery failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RequestError {
    /// The server was not reached, or did not answer in time; a sentence with the cause and the next step.
    Unreachable(String),
    /// The server refused the request.
    Refused(Box<Problem>),
    /// The reply is not from a keyward server, or from an incompatible version.
    InvalidReply(String),
    /// A file, a command or the clipboard on this machine failed.
    Local(String),
}

impl RequestError {
    /// Returns whether the session has ended, so that signing in again helps.
    pub fn is_signed_out(&self) -> bool {
        matches!(self.problem_type(), Some(ProblemType::SessionEnded | ProblemType::SessionMissing))
    }

    /// Returns whether the request certainly changed nothing.
    pub fn is_not_applied(&self) -> bool {
        match self {
            Self::Refused(problem) => {
                problem.status < 500 && problem.kind != ProblemType::IdempotencyInProgress
            }
            Self::Local(_) => true,
            Self::Unreachable(_) | Self::InvalidReply(_) => false,
        }
    }

    /// Returns whether the same request may succeed later: the server was not reached, is overloaded, or has an internal error.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Refused(problem) => problem.status >= 500 || problem.status == 429,
            Self::Unreachable(_) | Self::InvalidReply(_) => true,
            Self::Local(_) => false,
        }
    }

    /// The problem type of a refusal.
    pub fn problem_type(&self) -> Option<ProblemType> {
        match self {
            Self::Refused(problem) => Some(problem.kind),
            _ => None,
        }
    }
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable(why) | Self::InvalidReply(why) | Self::Local(why) => f.write_str(why),
            Self::Refused(problem) => problem.fmt(f),
        }
    }
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
