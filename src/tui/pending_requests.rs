//! The requests that are not fully answered yet, by ticket, and the recipients of their replies.

use std::collections::HashMap;

use super::msg::{Ticket, UiTime};
use crate::domain::id::Id;
use crate::domain::key::KeyKind;

/// The part of the UI that a reply is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReplyTo {
    /// The header, for the signed-in member.
    Me,
    /// The list of keys of this kind, for all keys.
    List(KeyKind),
    /// The list of keys of this kind, for keys that changed after the list was loaded.
    Changes(KeyKind),
    /// The table of keys of this kind, for its sparklines.
    Daily(KeyKind),
    /// The detail pane, for the usage of the selected key.
    Detail,
    /// The review, for the decisions of earlier reviews.
    History,
    /// The list of rotations.
    Rotations,
    /// The list of members.
    Members,
    /// The activity log.
    Activity,
    /// The review, for the result of the decision about this key. Never cancelled.
    Decide(Id),
    /// The model, for a newly created key. Never cancelled.
    Create,
    /// The model, for the revocation of this leaked key. Never cancelled.
    Leaked(Id),
    /// The model, for the confirmation that a secret was stored.
    Confirm,
    /// The open popup. Cancelled when the popup closes.
    Popup,
    /// The footer, which shows only whether the request succeeded.
    Notice,
}

/// A key creation whose reply has not arrived yet.
#[derive(Clone, Debug)]
pub struct CreateInFlight {
    /// Idempotency key of the creation.
    pub idempotency_key: String,
    /// The leaked key to revoke as soon as its replacement exists, if any.
    pub leak: Option<Leak>,
}

/// A leaked key that must be revoked even if it is in use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leak {
    /// Whether the leaked key is a personal or an organization key.
    pub kind: KeyKind,
    /// Id of the leaked key.
    pub id: Id,
    /// Reason that the activity log records.
    pub reason: String,
}

/// Requests that still wait for a reply, and the counters for new tickets and idempotency keys.
#[derive(Debug, Default)]
pub(super) struct PendingRequests {
    recipients: HashMap<Ticket, ReplyTo>,
    pub(super) creates_in_flight: HashMap<Ticket, CreateInFlight>,
    pub(super) me_requested_at: Option<UiTime>,
    pub(super) idempotency_keys: u64,
    tickets: u64,
}

impl PendingRequests {
    /// Issues a ticket for a request whose replies go to this recipient.
    pub(super) fn issue(&mut self, reply_to: ReplyTo) -> Ticket {
        self.tickets += 1;
        let ticket = Ticket(self.tickets);
        self.recipients.insert(ticket, reply_to);
        ticket
    }

    pub(super) fn recipient(&self, ticket: Ticket) -> Option<ReplyTo> {
        self.recipients.get(&ticket).copied()
    }

    pub(super) fn complete(&mut self, ticket: Ticket) {
        self.recipients.remove(&ticket);
    }

    pub(super) fn is_waiting_for(&self, reply_to: ReplyTo) -> bool {
        self.recipients.values().any(|&waiting| waiting == reply_to)
    }

    /// Forgets the requests of this recipient and returns their tickets.
    pub(super) fn cancel(&mut self, reply_to: ReplyTo) -> Vec<Ticket> {
        let cancelled = self.recipients.extract_if(|_, waiting| *waiting == reply_to);
        cancelled.map(|(ticket, _)| ticket).collect()
    }
}
