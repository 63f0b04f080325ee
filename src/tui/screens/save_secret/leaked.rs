//! The leaked key that a new one replaces: what became of its revoke, said beside the new secret.

use ratatui::text::Line;

use crate::domain::text;
use crate::tui::context::{Context, Leak, ReplyTo};
use crate::tui::keymap::Action;
use crate::tui::text_layout::wrap_paragraph;
use crate::tui::theme::StyleRole;

/// A leaked key on its way out.
#[derive(Debug)]
pub(super) struct LeakedKey {
    pub(super) leak: Leak,
    fate: LeakedRevokeState,
}

/// How far its revoke has come.
#[derive(Debug)]
enum LeakedRevokeState {
    Sent,
    Done,
    Failed(String),
}

impl LeakedKey {
    /// Its revoke is on its way.
    pub(super) fn sent(leak: Leak) -> Self {
        Self { leak, fate: LeakedRevokeState::Sent }
    }

    /// Its revoke was answered.
    pub(super) fn heard(&mut self, failed: Option<String>) {
        self.fate = failed.map_or(LeakedRevokeState::Done, LeakedRevokeState::Failed);
    }

    pub(super) fn is_done(&self) -> bool {
        matches!(self.fate, LeakedRevokeState::Done)
    }

    pub(super) fn has_failed(&self) -> bool {
        matches!(self.fate, LeakedRevokeState::Failed(_))
    }

    /// Sends the revoke once more, if it has failed.
    pub(super) fn again(&mut self, context: &mut Context) {
        if self.has_failed() {
            self.fate = LeakedRevokeState::Sent;
            context.revoke_leaked(ReplyTo::Leaked(self.leak.id), &self.leak);
        }
    }

    /// What is to be said about it.
    pub(super) fn said(&self, context: &Context, columns: usize) -> Vec<Line<'static>> {
        let theme = context.theme();
        let (text, role) = match &self.fate {
            LeakedRevokeState::Sent => ("Revoking the leaked key.".to_owned(), StyleRole::Muted),
            LeakedRevokeState::Done => (
                "The leaked key is revoked. Enter the new secret wherever it was.".to_owned(),
                StyleRole::InUse,
            ),
            LeakedRevokeState::Failed(why) => (
                format!(
                    "The leaked key is NOT revoked: {} {} tries again.",
                    text::sanitize_line(why),
                    context.key_press(Action::RetryRevoke)
                ),
                StyleRole::Danger,
            ),
        };
        wrap_paragraph(&theme.text(&text), theme.style(role), columns)
    }
}
