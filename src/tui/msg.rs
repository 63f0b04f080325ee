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

/// Identifies a request. Each reply carries the ticket of its request; a reply to a cancelled request is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ticket(pub u64);

/// An event that the model handles.
#[derive(Debug)]
pub enum Msg {
    /// Time has passed. Sent before each batch of messages, and when [`Model::wake_at`](super::app::Model::wake_at) is reached.
    Tick {
        /// Current time on the UI's clock.
        now: UiTime,
    },
    /// A key was pressed.
    KeyPress(KeyCombination),
    /// Text was pasted into the terminal (bracketed paste).
    Paste(Zeroizing<String>),
    /// The size of the window changed.
    Resize {
        /// Width in columns.
        columns: u16,
        /// Height in rows.
        rows: u16,
    },
    /// The frame drawn after all earlier messages was written to the terminal. This message causes no new frame.
    FrameWritten {
        /// The frame's [`FrameInfo::max_scroll`](super::frame::FrameInfo::max_scroll).
        max_scroll: usize,
    },
    /// The UI is about to leave the terminal (quit, suspend or a signal): the next frame must not show a secret.
    HideSecrets,
    /// A reply to a request or delivery. A list arrives as several replies with the same ticket.
    Reply {
        /// Ticket of the request or delivery.
        ticket: Ticket,
        /// The reply, or why the request failed.
        result: Result<Reply, RequestError>,
    },
}

/// A side effect that the runtime carries out for the model.
#[derive(Debug)]
pub enum Effect {
    /// Sends a request to the server; the reply arrives as [`Msg::Reply`] with the ticket.
    Request {
        /// Identifies the request in each reply.
        ticket: Ticket,
        /// What to request.
        request: ApiRequest,
    },
    /// Cancels the request with this ticket if it is still running.
    CancelRequest(Ticket),
    /// Delivers a text or secret. The reply, [`Reply::Done`], says where the content went.
    Deliver {
        /// Identifies the delivery in the reply.
        ticket: Ticket,
        /// What to deliver, and where.
        delivery: Delivery,
    },
    /// Removes the record of a key creation, because its secret is stored or its key is revoked.
    FinishCreate {
        /// Idempotency key of the creation.
        idempotency_key: String,
    },
    /// Stores the review drafts for the next run, replacing all stored drafts. The string is one line in a format that only the
    /// model reads.
    SaveDrafts(String),
    /// Appends a change to the stored review drafts. The string is one line in a format that only the model reads.
    AppendDrafts(String),
    /// Leaves the terminal and stops this process group, as Ctrl-Z does in other programs.
    Suspend,
    /// Ends the UI and restores the terminal.
    Quit,
}
