//! The results of requests and deliveries.

use std::fmt;

use crate::domain::activity::Activity;
use crate::domain::key::Key;
use crate::domain::review::ReviewRecord;
use crate::domain::usage::{DailyUse, Usage};
use crate::wire::keys::{CreatedKey, FoundKey, Rotation};
use crate::wire::members::{ChangedRole, Invitation, Member, MemberRemoval};
use crate::wire::page::Page;
use crate::wire::problem::{Problem, ProblemType};
use crate::wire::reviews::AppliedDecision;
use crate::wire::sessions::Me;

/// The result of a successful request or delivery.
#[derive(Debug)]
pub enum Reply {
    /// The signed-in member, with role and organization.
    Me(Box<Me>),
    /// A page of keys; the last one has no `next_cursor`.
    Keys(Page<Key>),
    /// A created key. The secret is missing if it was already confirmed as stored, or if the key was already used.
    Created(Box<CreatedKey>),
    /// The current state of a key.
    Key(Box<Key>),
    /// Usage of a key over time.
    Usage(Usage),
    /// Daily usage of several keys.
    DailyUse(Vec<DailyUse>),
    /// A page of rotations.
    Rotations(Page<Rotation>),
    /// The key that belongs to a secret.
    Found(Box<FoundKey>),
    /// A page of members.
    Members(Page<Member>),
    /// A sign-in code for an invited or existing member.
    Invited(Box<Invitation>),
    /// The member with the new role, and the keys that were revoked because of the change.
    RoleChanged(Box<ChangedRole>),
    /// Consequences of removing a member, whether the member was removed or only a dry run was requested.
    Removal(Box<MemberRemoval>),
    /// A page of applied review decisions.
    Reviews(Page<ReviewRecord>),
    /// A review decision that was applied.
    Decided(Box<AppliedDecision>),
    /// A page of the activity log.
    Activity(Page<Activity>),
    /// The request or delivery succeeded. The phrase says what was done, such as `written to ~/grafana.key`.
    Done(String),
}

impl Reply {
    /// Returns whether more replies with the same ticket follow: further pages of a list.
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
    /// The server could not be reached or did not reply in time. The sentence names the cause and the next step.
    Unreachable(String),
    /// The server refused the request.
    Refused(Box<Problem>),
    /// The reply is not from a keyward server, or from an incompatible version.
    InvalidReply(String),
    /// Something on this machine failed: a file, a command or the clipboard.
    Local(String),
}

impl RequestError {
    /// Returns whether the session is missing or has ended, so that signing in again helps.
    pub fn is_signed_out(&self) -> bool {
        matches!(self.problem_type(), Some(ProblemType::SessionEnded | ProblemType::SessionMissing))
    }

    /// Returns `true` if the request certainly changed nothing on the server.
    pub fn is_not_applied(&self) -> bool {
        match self {
            Self::Refused(problem) => {
                problem.status < 500 && problem.kind != ProblemType::IdempotencyInProgress
            }
            Self::Local(_) => true,
            Self::Unreachable(_) | Self::InvalidReply(_) => false,
        }
    }

    /// Returns whether a retry may succeed: the server was not reached, is overloaded, or had an internal error.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Refused(problem) => problem.status >= 500 || problem.status == 429,
            Self::Unreachable(_) | Self::InvalidReply(_) => true,
            Self::Local(_) => false,
        }
    }

    /// Returns the problem type if the server refused the request; `None` for other errors.
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
