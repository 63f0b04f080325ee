//! Answers: each goes to whoever waits for it.

use super::{Model, Overlay, Tab};
use crate::domain::key::KeyKind;
use crate::domain::member::Permission;
use crate::tui::context::{Connection, RETRY_DELAY, ReplyTo};
use crate::tui::msg::{Reply, RequestError, Ticket};
use crate::tui::screens::{keys, sign_in};
use crate::wire::problem::ProblemType;

impl Model {
    pub(super) fn reply(&mut self, ticket: Ticket, result: Result<Reply, RequestError>) {
        let Some(owner) = self.context.recipient(ticket) else { return };
        let more = result.as_ref().is_ok_and(Reply::has_more);
        if !more {
            self.context.complete_request(ticket);
        }
        // Whatever the server answers, it can be reached again.
        if matches!(self.context.connection, Connection::Lost(_))
            && result.as_ref().is_ok_and(|reply| !matches!(reply, Reply::Done(_)))
        {
            self.context.connection = Connection::Connected;
        }
        // The role is another one now.
        if result.as_ref().is_err_and(|failure| failure.problem_type() == Some(ProblemType::NotPermitted)) {
            match owner {
                ReplyTo::Me => {}
                // These are asked for again when it is known who asks.
                ReplyTo::List(_) | ReplyTo::Changes(_) => self.context.recheck_role(),
                _ => self.context.request_me(),
            }
        }
        let signed_out = result.as_ref().is_err_and(RequestError::is_signed_out);
        match owner {
            ReplyTo::Me => self.heard_me(result),
            ReplyTo::List(kind) | ReplyTo::Changes(kind) => match result {
                Ok(Reply::Keys(page)) => {
                    let whole = matches!(owner, ReplyTo::List(_));
                    let changes = self.tables.of_mut(kind).heard(&mut self.context, page, whole);
                    self.keys_changed(kind, &changes);
                }
                Ok(_) => {}
                Err(failure) => self.tables.of_mut(kind).failed(&mut self.context, &failure),
            },
            ReplyTo::Daily(kind) => {
                // Without it the column stays empty; the next rest asks again.
                if let Ok(Reply::DailyUse(use_of)) = result {
                    self.tables.of_mut(kind).daily.heard(use_of);
                }
            }
            ReplyTo::Detail => self.tables.detail.heard(&mut self.context, result),
            ReplyTo::History
            | ReplyTo::Decide(_)
            | ReplyTo::Rotations
            | ReplyTo::Members
            | ReplyTo::Activity => {
                self.tab_heard(owner, result);
            }
            ReplyTo::Popup => self.with_popup(|popup, cx| popup.reply(cx, result)),
            ReplyTo::Create => self.heard_created(ticket, result),
            ReplyTo::Leaked(id) => self.heard_leaked(id, result),
            ReplyTo::Confirm => match result {
                Ok(Reply::Key(key)) => self.tables.heard_key(&self.context, *key),
                Ok(_) => {}
                Err(failure) => self.context.report_failure(&failure),
            },
            ReplyTo::Notice => match result {
                Ok(Reply::Done(said)) => self.context.notices.info(self.context.now, keys::sentence(&said)),
                Ok(_) => {}
                Err(failure) => self.context.report_failure(&failure),
            },
        }
        if signed_out && matches!(owner, ReplyTo::Popup | ReplyTo::Create) {
            self.sign_in_over();
        }
    }

    /// The popup whose request found the session ended waits below the one that signs in again, where text was typed into it.
    fn sign_in_over(&mut self) {
        let typed = |overlay: &mut Overlay| {
            matches!(
                overlay,
                Overlay::Create(_)
                    | Overlay::Edit(_)
                    | Overlay::Leak(_)
                    | Overlay::Invite(_)
                    | Overlay::Revoke(_)
            )
        };
        if let Some(under) = self.popup.take_if(typed) {
            self.popup = Some(Overlay::SignIn(sign_in::SignInPopup::over(Some(under))));
        }
    }

    fn heard_me(&mut self, result: Result<Reply, RequestError>) {
        match result {
            Ok(Reply::Me(me)) => {
                let first = self.context.me.is_none();
                let changed = self.context.me.as_ref().is_some_and(|before| before.role != me.role);
                self.context.record_server_time(me.as_of);
                self.context.connection = Connection::Connected;
                self.context.me = Some(*me);
                if first {
                    let admin = self.context.check_permission(Tab::Workspace.permission()).is_ok();
                    self.open_tab(if admin { Tab::Workspace } else { Tab::Personal });
                    self.open_pending();
                } else {
                    for kind in [KeyKind::Personal, KeyKind::Organization] {
                        if self.context.check_permission(Permission::ListKeys(kind)).is_ok() {
                            self.tables.of_mut(kind).refresh(&mut self.context);
                        }
                    }
                    if changed {
                        self.open_tab(self.tab);
                    }
                }
            }
            Ok(_) => {}
            Err(failure) => {
                self.context.report_failure(&failure);
                if failure.is_signed_out() && self.popup.is_none() {
                    self.popup = Some(Overlay::SignIn(sign_in::SignInPopup::over(None)));
                } else if self.context.me.is_none() {
                    self.retry_me_at = Some(self.context.now.plus(RETRY_DELAY));
                }
            }
        }
    }
}
