//! The vocabulary between the model and the runtime, as data: messages ([`Msg`]) go into the model, effects ([`Effect`]) come out.
//!
//! The runtime hands over every waiting message, a [`Msg::Tick`] first, then draws one frame, then sends [`Msg::FrameWritten`].

use crokey::KeyCombination;
use zeroize::Zeroizing;

mod reply;
mod request;
mod sanitize;
mod ui_time;

pub use reply::{Reply, RequestError};
pub use request::{ApiRequest, Delivery, ListRequest, UnfinishedCreate};
pub use sanitize::sanitize_result;
pub use ui_time::UiTime;

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
