//! The requests that are not fully answered yet, by ticket, and the recipients of their replies.

use std::collections::HashMap;

use super::msg::{Ticket, UiTime};
use crate::domain::id::Id;
use crate::domain::key::KeyKind;

/// Recipient of a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReplyTo {
    /// The header: who is signed in.
    Me,
    /// The list of all keys of a kind.
    List(KeyKind),
    /// The same list, for changes since it was loaded.
    Changes(KeyKind),
    /// The sparklines of a table of keys.
    Daily(KeyKind),
    /// The detail pane.
    Detail,
    /// The review, for earlier decisions.
    History,
    /// The rotations.
    Rotations,
    /// The members.
    Members,
    /// The activity log.
    Activity,
    /// The review, for the decision on this key that is being applied. Never cancelled.
    Decide(Id),
    /// The model, for a key that is being created. Never cancelled.
    Create,
    /// The model, for the revoke of this leaked key. Never cancelled.
    Leaked(Id),
    /// The model, for the confirmation that a secret was stored.
    Confirm,
    /// The open popup. Cancelled when it closes.
    Popup,
    /// The footer: only the outcome is shown.
    Notice,
}

/// A create whose reply has not arrived.
#[derive(Clone, Debug)]
pub struct CreateInFlight {
    /// Its idempotency key.
    pub idempotency_key: String,
    /// The key to be revoked as soon as the new one exists, because it leaked.
    pub leak: Option<Leak>,
}

/// A leaked key that has to be revoked even though it is in use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leak {
    /// Kind of the key.
    pub kind: KeyKind,
    /// Id of the key.
    pub id: Id,
    /// Reason for the activity log.
    pub reason: String,
}

/// Requests that are not fully answered, and the counters that name new ones.
#[derive(Debug, Default)]
pub(super) struct PendingRequests {
    recipients: HashMap<Ticket, ReplyTo>,
    pub(super) creates_in_flight: HashMap<Ticket, CreateInFlight>,
    pub(super) me_requested_at: Option<UiTime>,
    pub(super) idempotency_keys: u64,
    tickets: u64,
}

impl PendingRequests {
    /// Issues a ticket for a request of this recipient.
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
