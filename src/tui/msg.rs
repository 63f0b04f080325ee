//! The whole vocabulary between the model and the runtime: what happened ([`Msg`]) and what to do ([`Effect`]), as data.
//!
//! The runtime hands over all messages that wait, a [`Msg::Tick`] first, then draws one frame, then sends [`Msg::FrameWritten`].

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

/// Names one request, so that its answer finds back and a stale one is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ticket(pub u64);

/// What happened.
#[derive(Debug)]
pub enum Msg {
    /// The time. Sent before each batch of messages, and when [`Model::wake_at`](super::app::Model::wake_at) is reached.
    Tick {
        /// The present on the monotonic clock.
        now: UiTime,
    },
    /// A key was pressed.
    KeyPress(KeyCombination),
    /// Text was pasted, as the terminal's bracketed paste delivers it.
    Paste(Zeroizing<String>),
    /// The window has this size now.
    Resize {
        /// Columns.
        columns: u16,
        /// Rows.
        rows: u16,
    },
    /// The frame drawn after all earlier messages was written to the terminal. Needs no new frame.
    FrameWritten {
        /// The frame's [`FrameInfo::max_scroll`](super::frame::FrameInfo::max_scroll).
        max_scroll: usize,
    },
    /// The terminal is about to be given back (quit, suspend, a signal): the next frame must hold no secret.
    HideSecrets,
    /// An answer. A list arrives as several answers to one ticket.
    Reply {
        /// Of the effect that asked.
        ticket: Ticket,
        /// What came of it.
        result: Result<Reply, RequestError>,
    },
}

/// What to do.
#[derive(Debug)]
pub enum Effect {
    /// Sends a request to the server; the reply arrives as [`Msg::Reply`] with the ticket.
    Request {
        /// Comes back with the answer.
        ticket: Ticket,
        /// The question.
        request: ApiRequest,
    },
    /// Stop what runs under the ticket, if it still does (a list that nobody waits for any more).
    CancelRequest(Ticket),
    /// Take a text or secret somewhere; [`Reply::Done`] says in words what was done with it.
    Deliver {
        /// Comes back with the answer.
        ticket: Ticket,
        /// What and where to.
        delivery: Delivery,
    },
    /// Drop the record of a create: its secret is stored, or the key is gone.
    FinishCreate {
        /// The create's `Idempotency-Key`.
        idempotency_key: String,
    },
    /// Keep the review's drafts for the next start, instead of all that was kept before; a line that only the model reads.
    SaveDrafts(String),
    /// Append a change of the drafts to what is kept; a line that only the model reads.
    AppendDrafts(String),
    /// Give the terminal back and stop this process group, as Ctrl-Z does.
    Suspend,
    /// End the UI.
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
    /// Members → [`Reply::Members`].
    Members,
    /// Applied review decisions → [`Reply::Reviews`].
    Reviews(ReviewsQuery),
}

/// A request to the server.
#[derive(Debug)]
pub enum ApiRequest {
    /// A list; see [`ListRequest`] for the replies.
    List(ListRequest),
    /// Who is signed in → [`Reply::Me`].
    Me,
    /// Redeem a sign-in code, keep the session in the profile, and use it from now on → [`Reply::Me`].
    SignIn(Arc<SecretString>),
    /// Redeem a sign-in code at this server and keep the session in the profile that is named after it → [`Reply::Me`].
    SignInAt {
        /// The server's address, as it was typed.
        server: String,
        /// The code.
        code: Arc<SecretString>,
    },
    /// Create a key → [`Reply::Created`]. A [`UnfinishedCreate`] record is stored before the request is sent, and its `key_id` filled in
    /// when the answer arrives; where it cannot be stored, nothing is sent.
    Create {
        /// The kind.
        kind: KeyKind,
        /// Makes a repeat the same create.
        idempotency_key: String,
        /// Name, note, what it replaces.
        body: CreateKey,
        /// Why the key that it replaces must die at once; part of the record, so that no interruption leaves that key alive.
        leaked: Option<String>,
    },
    /// The secret is stored → [`Reply::Key`].
    Confirm(KeyKind, Id),
    /// Change name or note → [`Reply::Key`].
    Edit {
        /// The kind.
        kind: KeyKind,
        /// The key.
        id: Id,
        /// The version that was seen, for `If-Match`.
        version: i64,
        /// The changed fields.
        body: EditKey,
    },
    /// Revoke → [`Reply::Key`], or the refusal with the key as it is now.
    Revoke {
        /// The kind.
        kind: KeyKind,
        /// The key.
        id: Id,
        /// How.
        body: RevokeKey,
    },
    /// A key's use over time → [`Reply::Usage`].
    Usage {
        /// The kind.
        kind: KeyKind,
        /// The key.
        id: Id,
        /// Which part.
        query: UsageQuery,
    },
    /// Compact use of at most 200 keys → [`Reply::DailyUse`].
    DailyUse {
        /// The kind.
        kind: KeyKind,
        /// The keys.
        ids: Vec<Id>,
        /// How many days.
        days: u32,
    },
    /// Whose key is this secret? → [`Reply::Found`].
    LookUp(Arc<SecretString>),
    /// Revoke a leaked key by its secret → [`Reply::Found`].
    RevokeLeaked {
        /// The secret.
        secret: Arc<SecretString>,
        /// Why.
        reason: String,
    },
    /// Invite, or make a sign-in code → [`Reply::Invited`].
    Invite(InviteMember),
    /// Change a role → [`Reply::RoleChanged`].
    ChangeRole(Id, ChangeRole),
    /// Remove a member, or see what that would do → [`Reply::Removal`].
    Remove {
        /// The member.
        id: Id,
        /// Only see.
        dry_run: bool,
    },
    /// End a member's sessions → [`Reply::Done`].
    EndSessions(Id),
    /// Apply a decision → [`Reply::Decided`].
    Decide {
        /// Makes a repeat the same decision.
        idempotency_key: String,
        /// The decision.
        body: ApplyDecision,
    },
    /// Record that decisions were exported → [`Reply::Done`].
    RecordExport(RecordExport),
    /// A page of the activity log → [`Reply::Activity`].
    Activity(ActivityQuery),
}

/// Something to put somewhere outside. Each is confirmed only when it surely happened.
#[derive(Debug)]
pub enum Delivery {
    /// A text into the clipboard, by way of the terminal.
    Copy(String),
    /// A secret into the clipboard, by way of the terminal.
    CopySecret(Arc<SecretString>),
    /// A secret into a new file, 0600, synced; an existing file is left alone. `~/` is the home folder.
    SecretToFile {
        /// The file.
        path: String,
        /// The secret.
        secret: Arc<SecretString>,
    },
    /// A secret into a command's standard input; done when it exits with 0. The line is split into words without a shell.
    SecretToCommand {
        /// The command line.
        command: String,
        /// The secret.
        secret: Arc<SecretString>,
    },
    /// A text into a new file, 0600; an existing file is left alone.
    TextToFile {
        /// The file.
        path: String,
        /// The text.
        text: String,
    },
}

/// An answer.
#[derive(Debug)]
pub enum Reply {
    /// Who is signed in.
    Me(Box<Me>),
    /// A page of keys; the last one has no `next_cursor`.
    Keys(Page<Key>),
    /// A created key, with its secret unless it was confirmed or used meanwhile.
    Created(Box<CreatedKey>),
    /// A key as it is now.
    Key(Box<Key>),
    /// A key's use.
    Usage(Usage),
    /// Compact use.
    DailyUse(Vec<DailyUse>),
    /// A page of rotations.
    Rotations(Page<Rotation>),
    /// Whose key it is.
    Found(Box<FoundKey>),
    /// A page of members.
    Members(Page<Member>),
    /// An invitation.
    Invited(Box<Invitation>),
    /// A changed role.
    RoleChanged(Box<ChangedRole>),
    /// A removal, done or tried.
    Removal(Box<MemberRemoval>),
    /// A page of decisions.
    Reviews(Page<crate::domain::review::ReviewRecord>),
    /// An applied decision.
    Decided(Box<AppliedDecision>),
    /// A page of the log.
    Activity(Page<crate::domain::activity::Activity>),
    /// It was done; the sentence says what: `sent to your terminal`, `written to ~/grafana.key`.
    Done(String),
}

impl Reply {
    /// Whether more answers come to the same ticket: lists that arrive whole, a page at a time.
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

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RequestError {
    /// The server was not reached, or did not answer in time. What happened, why, and what to do.
    Unreachable(String),
    /// The server said no.
    Refused(Box<Problem>),
    /// What answered is no keyward server, or speaks another version.
    InvalidReply(String),
    /// Something on this machine: a file, a command, the clipboard.
    Local(String),
}

impl RequestError {
    /// Whether signing in again is the way on.
    pub fn is_signed_out(&self) -> bool {
        matches!(self.problem_type(), Some(ProblemType::SessionEnded | ProblemType::SessionMissing))
    }

    /// Whether it is certain that nothing was done.
    pub fn is_not_applied(&self) -> bool {
        match self {
            Self::Refused(problem) => {
                problem.status < 500 && problem.kind != ProblemType::IdempotencyInProgress
            }
            Self::Local(_) => true,
            Self::Unreachable(_) | Self::InvalidReply(_) => false,
        }
    }

    /// Whether asking again may be answered: the server was not reached, or is in trouble itself.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Refused(problem) => problem.status >= 500 || problem.status == 429,
            Self::Unreachable(_) | Self::InvalidReply(_) => true,
            Self::Local(_) => false,
        }
    }

    /// The type of the server's problem, if it was one.
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
    /// The create's `Idempotency-Key`.
    pub idempotency_key: String,
    /// The kind.
    pub kind: KeyKind,
    /// What was asked for.
    pub body: CreateKey,
    /// When the record was made.
    pub at: Timestamp,
    /// The key, where the answer arrived.
    pub key_id: Option<Id>,
    /// Who created it: only they can issue its secret anew.
    pub member: Id,
    /// Why the key that it replaces is to be revoked at once, where that leaked.
    pub leaked: Option<String>,
}
