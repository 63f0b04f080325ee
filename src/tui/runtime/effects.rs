//! Runs effects as tasks on the other runtime, each under its ticket, and sends their replies to the event loop.

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

/// Reply to a request whose task panicked. The panic itself is logged.
const PANICKED: &str = "An internal error occurred in keyward; the log has the details. Try again.";
/// When more tasks than this are listed, finished tasks are removed from the list.
const CLEAN_UP_ABOVE: usize = 64;

/// The running tasks of effects, and what the tasks share.
pub(super) struct Effects {
    handle: Handle,
    api: Arc<Api>,
    deliveries: Arc<Deliveries>,
    messages: mpsc::Sender<Msg>,
    running: HashMap<Ticket, AbortHandle>,
    drafts: Drafts,
}

impl Effects {
    pub(super) fn new(
        handle: Handle,
        api: Arc<Api>,
        deliveries: Arc<Deliveries>,
        messages: mpsc::Sender<Msg>,
    ) -> Self {
        let drafts = Drafts::new(api.clone());
        Self { handle, api, deliveries, messages, running: HashMap::new(), drafts }
    }

    pub(super) fn deliveries(&self) -> &Deliveries {
        &self.deliveries
    }

    pub(super) fn saved_state(&self) -> &SavedState {
        self.api.saved_state()
    }

    /// Sends a request to the server. All drafts are written to disk before a review decision is sent: if this process ends early,
    /// the next run knows which decisions are left.
    pub(super) fn send_request(&mut self, ticket: Ticket, request: ApiRequest) {
        let api = self.api.clone();
        let drafts = matches!(request, ApiRequest::Decide { .. }).then(|| self.drafts.clone());
        self.spawn(ticket, |replies| async move {
            if let Some(drafts) = drafts {
                // Fails only by a panic, which is in the log.
                let _ = tokio::task::spawn_blocking(move || drafts.flush()).await;
            }
            api.send(request, &replies).await;
        });
    }

    /// Carries out a delivery in a task and sends the reply.
    pub(super) fn finish_delivery(&mut self, ticket: Ticket, delivery: BackgroundDelivery) {
        let deliveries = self.deliveries.clone();
        self.spawn(ticket, |replies| async move { replies.send(deliveries.finish(delivery).await).await });
    }

    /// Sends a reply for which no task is needed.
    pub(super) fn reply(&mut self, ticket: Ticket, result: Result<Reply, RequestError>) {
        self.spawn(ticket, |replies| async move { replies.send(result).await });
    }

    /// Aborts the task with this ticket if it is still running.
    pub(super) fn cancel(&mut self, ticket: Ticket) {
        if let Some(running) = self.running.remove(&ticket) {
            running.abort();
        }
    }

    fn spawn<F>(&mut self, ticket: Ticket, work: impl FnOnce(ReplySender) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let replies = ReplySender::new(self.messages.clone(), ticket);
        let work = AssertUnwindSafe(work(replies.clone())).catch_unwind();
        let task = self.handle.spawn(async move {
            if work.await.is_err() {
                replies.send(Err(RequestError::Local(PANICKED.to_owned()))).await;
            }
        });
        if self.running.len() > CLEAN_UP_ABOVE {
            self.running.retain(|_, running| !running.is_finished());
        }
        self.running.insert(ticket, task.abort_handle());
    }

    /// Stores drafts in the background.
    pub(super) fn save_drafts(&self, write: DraftWrite) {
        self.drafts.push(write, &self.handle);
    }

    /// Writes pending drafts to disk, then aborts all tasks. Called when the UI ends.
    pub(super) fn flush(&mut self) {
        self.drafts.flush();
        for (_, running) in self.running.drain() {
            running.abort();
        }
    }
}
