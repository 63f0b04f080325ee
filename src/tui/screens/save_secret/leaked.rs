//! Revocation of the leaked key that a new key replaces. Its progress is shown above the new secret.

use ratatui::text::Line;

use crate::domain::text;
use crate::tui::context::{Context, Leak, ReplyTo};
use crate::tui::keymap::Action;
use crate::tui::text_layout::wrap_paragraph;
use crate::tui::theme::StyleRole;

/// Leaked key and the progress of its revocation.
#[derive(Debug)]
pub(super) struct LeakedKey {
    pub(super) leak: Leak,
    state: LeakedRevokeState,
}

/// Progress of the request that revokes the leaked key.
#[derive(Debug)]
enum LeakedRevokeState {
    Sent,
    Done,
    Failed(String),
}

impl LeakedKey {
    /// Creates the value for a leaked key whose revocation is in flight.
    pub(super) fn sent(leak: Leak) -> Self {
        Self { leak, state: LeakedRevokeState::Sent }
    }

    /// Records whether the leaked key was revoked: `None` if it was, else the reason for the failure.
    pub(super) fn record_result(&mut self, failed: Option<String>) {
        self.state = failed.map_or(LeakedRevokeState::Done, LeakedRevokeState::Failed);
    }

    pub(super) fn is_done(&self) -> bool {
        matches!(self.state, LeakedRevokeState::Done)
    }

    pub(super) fn has_failed(&self) -> bool {
        matches!(self.state, LeakedRevokeState::Failed(_))
    }

    /// Retries the revocation if it failed.
    pub(super) fn retry(&mut self, context: &mut Context) {
        if self.has_failed() {
            self.state = LeakedRevokeState::Sent;
            context.revoke_leaked(ReplyTo::Leaked(self.leak.id), &self.leak);
        }
    }

    /// Lays out a sentence about the progress of the revocation.
    pub(super) fn layout_status(&self, context: &Context, columns: usize) -> Vec<Line<'static>> {
        let theme = context.theme();
        let (text, role) = match &self.state {
            LeakedRevokeState::Sent => ("Revoking the leaked key.".to_owned(), StyleRole::Muted),
            LeakedRevokeState::Done => (
                "The leaked key is revoked. Enter the new secret wherever it was used.".to_owned(),
                StyleRole::InUse,
            ),
            LeakedRevokeState::Failed(why) => (
                format!(
                    "The leaked key is NOT revoked: {} Press {} to retry.",
                    text::sanitize_line(why),
                    context.key_press(Action::RetryRevoke)
                ),
                StyleRole::Danger,
            ),
        };
        wrap_paragraph(&theme.text(&text), theme.style(role), columns)
    }
}
