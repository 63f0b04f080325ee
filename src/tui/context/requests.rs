//! Requests on behalf of a recipient, and the matching of replies to them.

use std::fmt::Write as _;

use super::{Context, RETRY_DELAY};
use crate::domain::key::KeyKind;
use crate::tui::msg::{ApiRequest, Delivery, Effect, Ticket};
use crate::tui::pending_requests::{CreateInFlight, Leak, ReplyTo};
use crate::wire::keys::{CreateKey, RevokeKey};

impl Context {
    /// Step 4 of "From a key press to the HTTP request": queues a request to the server and returns its ticket.
    pub fn request(&mut self, reply_to: ReplyTo, request: ApiRequest) -> Ticket {
        let ticket = self.requests.issue(reply_to);
        self.effects.push(Effect::Request { ticket, request });
        ticket
    }

    /// Requests the signed-in member and the role, which may change while the UI is running.
    pub fn request_me(&mut self) {
        if !self.is_waiting_for(ReplyTo::Me) {
            self.requests.me_requested_at = Some(self.now);
            self.request(ReplyTo::Me, ApiRequest::Me);
        }
    }

    /// Requests the member's role again because a reply contradicts the known role. At most once per [`RETRY_DELAY`], in case the
    /// replies keep contradicting each other.
    pub fn recheck_role(&mut self) {
        if self.requests.me_requested_at.is_none_or(|at| self.now.since(at) >= RETRY_DELAY) {
            self.request_me();
        }
    }

    /// Creates a key. If `leaked` gives a reason, the replaced key is revoked for it as soon as the new key exists.
    pub fn create_key(
        &mut self,
        kind: KeyKind,
        idempotency_key: String,
        body: CreateKey,
        leaked: Option<String>,
    ) {
        let leak = body.replaces.zip(leaked.clone()).map(|(id, reason)| Leak { kind, id, reason });
        let create = CreateInFlight { idempotency_key: idempotency_key.clone(), leak };
        let ticket =
            self.request(ReplyTo::Create, ApiRequest::Create { kind, idempotency_key, body, leaked });
        self.requests.creates_in_flight.insert(ticket, create);
    }

    /// Removes and returns the key creation with this ticket; `None` if there is none.
    pub fn take_create(&mut self, ticket: Ticket) -> Option<CreateInFlight> {
        self.requests.creates_in_flight.remove(&ticket)
    }

    /// Revokes a leaked key even if it is in use.
    pub fn revoke_leaked(&mut self, reply_to: ReplyTo, leak: &Leak) {
        let reason = Some(leak.reason.clone());
        let body = RevokeKey { even_if_used: Some(true), reason, ..RevokeKey::default() };
        self.request(reply_to, ApiRequest::Revoke { kind: leak.kind, id: leak.id, body });
    }

    /// Queues a delivery of a text or secret and returns its ticket.
    pub fn deliver(&mut self, reply_to: ReplyTo, delivery: Delivery) -> Ticket {
        let ticket = self.requests.issue(reply_to);
        self.effects.push(Effect::Deliver { ticket, delivery });
        ticket
    }

    /// Returns the recipient of replies with this ticket; `None` if the request was cancelled or its last reply has arrived.
    pub fn recipient(&self, ticket: Ticket) -> Option<ReplyTo> {
        self.requests.recipient(ticket)
    }

    /// Records that the last reply with this ticket has arrived.
    pub fn complete_request(&mut self, ticket: Ticket) {
        self.requests.complete(ticket);
    }

    /// Returns whether this recipient is waiting for a reply.
    pub fn is_waiting_for(&self, reply_to: ReplyTo) -> bool {
        self.requests.is_waiting_for(reply_to)
    }

    /// Cancels all requests of this recipient.
    pub fn cancel_requests(&mut self, reply_to: ReplyTo) {
        self.effects.extend(self.requests.cancel(reply_to).into_iter().map(Effect::CancelRequest));
    }

    /// Generates a new idempotency key.
    pub fn idempotency_key(&mut self) -> String {
        self.requests.idempotency_keys += 1;
        let mut key = String::from("tui-");
        for byte in self.start.seed {
            write!(key, "{byte:02x}").expect("writing to a String cannot fail");
        }
        write!(key, "-{}", self.requests.idempotency_keys).expect("writing to a String cannot fail");
        key
    }
}
