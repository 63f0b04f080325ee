//! Carries out effects beside the loop, each under its ticket, and brings what came of them back as a message.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt as _;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use super::api::{Api, ReplySender};
use super::delivery::{BackgroundDelivery, Deliveries};
use super::drafts::{DraftWrite, Drafts};
use super::saved_state::SavedState;
use crate::tui::msg::{ApiRequest, Msg, Reply, RequestError, Ticket};

/// Said where an effect met a fault of ours. What it was stands in the log.
const FAULT: &str = "A fault in keyward itself; the log names the place. Try again.";
/// Above this many running effects, those that ended are forgotten.
const TIDY_ABOVE: usize = 64;

/// The running effects.
pub(super) struct Effects {
    handle: Handle,
    line: Arc<Api>,
    deliveries: Arc<Deliveries>,
    messages: mpsc::Sender<Msg>,
    running: HashMap<Ticket, AbortHandle>,
    drafts: Drafts,
}

impl Effects {
    pub(super) fn new(
        handle: Handle,
        line: Arc<Api>,
        deliveries: Arc<Deliveries>,
        messages: mpsc::Sender<Msg>,
    ) -> Self {
        let drafts = Drafts::new(line.clone());
        Self { handle, line, deliveries, messages, running: HashMap::new(), drafts }
    }

    pub(super) fn deliveries(&self) -> &Deliveries {
        &self.deliveries
    }

    pub(super) fn records(&self) -> &SavedState {
        self.line.saved_state()
    }

    /// Asks the server. Before a decision is sent, all drafts are on the disk, however slow it is: whatever becomes of this program,
    /// the next one knows what is left.
    pub(super) fn ask(&mut self, ticket: Ticket, ask: ApiRequest) {
        let line = self.line.clone();
        let drafts = matches!(ask, ApiRequest::Decide { .. }).then(|| self.drafts.clone());
        self.spawn(ticket, |mailbox| async move {
            if let Some(drafts) = drafts {
                // It only fails by a panic, which was reported.
                let _ = tokio::task::spawn_blocking(move || drafts.flush()).await;
            }
            line.send(ask, &mailbox).await;
        });
    }

    /// Finishes a delivery in a task and replies.
    pub(super) fn finish_delivery(&mut self, ticket: Ticket, delivery: BackgroundDelivery) {
        let deliveries = self.deliveries.clone();
        self.spawn(ticket, |mailbox| async move { mailbox.send(deliveries.finish(delivery).await).await });
    }

    /// Answers at once.
    pub(super) fn answer(&mut self, ticket: Ticket, result: Result<Reply, RequestError>) {
        self.spawn(ticket, |mailbox| async move { mailbox.send(result).await });
    }

    /// Stops what runs under a ticket.
    pub(super) fn forget(&mut self, ticket: Ticket) {
        if let Some(running) = self.running.remove(&ticket) {
            running.abort();
        }
    }

    fn spawn<F>(&mut self, ticket: Ticket, work: impl FnOnce(ReplySender) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let mailbox = ReplySender::new(self.messages.clone(), ticket);
        let work = AssertUnwindSafe(work(mailbox.clone())).catch_unwind();
        let task = self.handle.spawn(async move {
            if work.await.is_err() {
                mailbox.send(Err(RequestError::Local(FAULT.to_owned()))).await;
            }
        });
        if self.running.len() > TIDY_ABOVE {
            self.running.retain(|_, running| !running.is_finished());
        }
        self.running.insert(ticket, task.abort_handle());
    }

    /// Keeps drafts beside the loop.
    pub(super) fn save_drafts(&self, write: DraftWrite) {
        self.drafts.push(write, &self.handle);
    }

    /// Before the end: what must not be lost is on the disk when this returns.
    pub(super) fn flush(&mut self) {
        self.drafts.flush();
        for (_, running) in self.running.drain() {
            running.abort();
        }
    }
}
