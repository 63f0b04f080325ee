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
    Reviews(Page<ReviewRecord>),
    /// A review decision that was applied.
    Decided(Box<AppliedDecision>),
    /// A page of the activity log.
    Activity(Page<Activity>),
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
