//! Applies replies: each goes to the recipient of its ticket.

use super::{Model, Tab};
use crate::domain::key::KeyKind;
use crate::domain::permission::Permission;
use crate::tui::context::{Connection, RETRY_DELAY, ReplyTo};
use crate::tui::msg::{Reply, RequestError, Ticket};
use crate::tui::screens::sign_in::SignInPopup;
use crate::tui::text_layout::as_sentence;
use crate::wire::problem::ProblemType;

impl Model {
    /// Step 7 of "From a key press to the HTTP request": passes a reply to the recipient of its ticket. A reply whose request was
    /// cancelled has no recipient and is dropped.
    pub(super) fn apply_reply(&mut self, ticket: Ticket, result: Result<Reply, RequestError>) {
        let Some(reply_to) = self.context.recipient(ticket) else { return };
        if !result.as_ref().is_ok_and(Reply::has_more) {
            self.context.complete_request(ticket);
        }
        self.record_reply(reply_to, &result);
        let is_signed_out = result.as_ref().is_err_and(RequestError::is_signed_out);
        match reply_to {
            ReplyTo::Me => self.apply_me(result),
            ReplyTo::Detail => self.detail_pane.apply_reply(&mut self.context, result),
            ReplyTo::Popup => self.update_popup(|popup, context| popup.apply_reply(context, result)),
            ReplyTo::Create => self.apply_created(ticket, result),
            ReplyTo::Leaked(id) => self.apply_leaked_revoke(id, result),
            ReplyTo::Confirm | ReplyTo::Notice => self.apply_outcome(result),
            ReplyTo::List(_)
            | ReplyTo::Changes(_)
            | ReplyTo::Daily(_)
            | ReplyTo::History
            | ReplyTo::Decide(_)
            | ReplyTo::Rotations
            | ReplyTo::Members
            | ReplyTo::Activity => self.apply_to_screen(reply_to, result),
        }
        if is_signed_out && matches!(reply_to, ReplyTo::Popup | ReplyTo::Create) {
            self.sign_in_over_popup();
        }
    }

    /// Updates the connection state. Requests the member's role again if the reply shows that the role has changed.
    fn record_reply(&mut self, reply_to: ReplyTo, result: &Result<Reply, RequestError>) {
        // A delivery is answered without the server.
        let is_from_server = result.as_ref().is_ok_and(|reply| !matches!(reply, Reply::Done(_)));
        if is_from_server && matches!(self.context.connection, Connection::Lost(_)) {
            self.context.connection = Connection::Connected;
        }
        let is_denied =
            result.as_ref().is_err_and(|failure| failure.problem_type() == Some(ProblemType::NotPermitted));
        if is_denied {
            match reply_to {
                ReplyTo::Me => {}
                // Lists are requested again after each reply about the role.
                ReplyTo::List(_) | ReplyTo::Changes(_) => self.context.recheck_role(),
                _ => self.context.request_me(),
            }
        }
    }

    fn apply_to_screen(&mut self, reply_to: ReplyTo, result: Result<Reply, RequestError>) {
        let awaits = |tab: &Tab| self.screens.get(*tab).awaits(reply_to);
        let Some(tab) = Tab::ALL.iter().copied().find(awaits) else { return };
        // Lists of keys schedule their own retries, and a decision that failed is retried by hand.
        let is_retried =
            matches!(reply_to, ReplyTo::History | ReplyTo::Rotations | ReplyTo::Members | ReplyTo::Activity);
        if is_retried && result.as_ref().is_err_and(RequestError::is_transient) {
            self.retry_tab_at = Some((tab, self.context.now.plus(RETRY_DELAY)));
        }
        self.screens.get_mut(tab).apply_reply(&mut self.context, reply_to, result);
    }

    /// Shows the result of a request in the footer, because no screen or popup waits for it.
    fn apply_outcome(&mut self, result: Result<Reply, RequestError>) {
        match result {
            Ok(Reply::Done(outcome)) => self.context.notices.info(self.context.now, as_sentence(&outcome)),
            Ok(Reply::Key(key)) => self.context.apply_key(*key),
            Ok(_) => {}
            Err(failure) => self.context.report_failure(&failure),
        }
    }

    /// Opens the sign-in popup over the open one. A popup with typed text is shown again after the sign-in.
    fn sign_in_over_popup(&mut self) {
        if let Some(popup) = self.popup.take_if(|popup| popup.survives_sign_in()) {
            self.popup = Some(Box::new(SignInPopup::over(Some(popup))));
        }
    }

    fn apply_me(&mut self, result: Result<Reply, RequestError>) {
        match result {
            Ok(Reply::Me(me)) => {
                let is_first = self.context.me.is_none();
                let role_changed = self.context.me.as_ref().is_some_and(|before| before.role != me.role);
                self.context.record_server_time(me.as_of);
                self.context.connection = Connection::Connected;
                self.context.me = Some(*me);
                if is_first {
                    let sees_workspace = self.context.check_permission(Tab::Workspace.permission()).is_ok();
                    self.open_tab(if sees_workspace { Tab::Workspace } else { Tab::Personal });
                    self.offer_unfinished_creates();
                    return;
                }
                for kind in [KeyKind::Personal, KeyKind::Organization] {
                    if self.context.check_permission(Permission::ListKeys(kind)).is_ok() {
                        self.context.refresh_keys(kind);
                    }
                }
                if role_changed {
                    self.open_tab(self.tab);
                }
            }
            Ok(_) => {}
            Err(failure) => {
                self.context.report_failure(&failure);
                if failure.is_signed_out() && self.popup.is_none() {
                    self.popup = Some(Box::new(SignInPopup::over(None)));
                } else if self.context.me.is_none() {
                    self.retry_me_at = Some(self.context.now.plus(RETRY_DELAY));
                }
            }
        }
    }
}
