//! Answers: each goes to whoever waits for it.

use super::{Model, Overlay, Tab};
use crate::domain::key::Kind;
use crate::domain::member::Permission;
use crate::tui::msg::{Failure, Reply, Ticket};
use crate::tui::screens::{keys, sign_in};
use crate::tui::shared::{Link, Owner, RETRY_MS};
use crate::wire::problem::ProblemType;

impl Model {
    pub(super) fn reply(&mut self, ticket: Ticket, result: Result<Reply, Failure>) {
        let Some(owner) = self.shared.owner(ticket) else { return };
        let more = result.as_ref().is_ok_and(Reply::has_more);
        if !more {
            self.shared.answered(ticket);
        }
        // Whatever the server answers, it can be reached again.
        if matches!(self.shared.link, Link::Lost(_))
            && result.as_ref().is_ok_and(|reply| !matches!(reply, Reply::Done(_)))
        {
            self.shared.link = Link::Live;
        }
        // The role is another one now.
        if result.as_ref().is_err_and(|failure| failure.problem() == Some(ProblemType::NotPermitted)) {
            match owner {
                Owner::Me => {}
                // These are asked for again when it is known who asks.
                Owner::List(_) | Owner::Changes(_) => self.shared.doubt_who(),
                _ => self.shared.ask_who(),
            }
        }
        let signed_out = result.as_ref().is_err_and(Failure::is_signed_out);
        match owner {
            Owner::Me => self.heard_me(result),
            Owner::List(kind) | Owner::Changes(kind) => match result {
                Ok(Reply::Keys(page)) => {
                    let whole = matches!(owner, Owner::List(_));
                    let changes = self.tables.of_mut(kind).heard(&mut self.shared, page, whole);
                    self.keys_changed(kind, &changes);
                }
                Ok(_) => {}
                Err(failure) => self.tables.of_mut(kind).failed(&mut self.shared, &failure),
            },
            Owner::Daily(kind) => {
                // Without it the column stays empty; the next rest asks again.
                if let Ok(Reply::DailyUse(use_of)) = result {
                    self.tables.of_mut(kind).daily.heard(use_of);
                }
            }
            Owner::Detail => self.tables.detail.heard(&mut self.shared, result),
            Owner::History | Owner::Decide(_) | Owner::Rotations | Owner::Members | Owner::Activity => {
                self.tab_heard(owner, result);
            }
            Owner::Overlay => self.with_popup(|popup, cx| popup.reply(cx, result)),
            Owner::Create => self.heard_created(ticket, result),
            Owner::Leaked(id) => self.heard_leaked(id, result),
            Owner::Confirm => match result {
                Ok(Reply::Key(key)) => self.tables.heard_key(&self.shared, *key),
                Ok(_) => {}
                Err(failure) => self.shared.failed(&failure),
            },
            Owner::Notice => match result {
                Ok(Reply::Done(said)) => self.shared.notices.info(self.shared.now, keys::sentence(&said)),
                Ok(_) => {}
                Err(failure) => self.shared.failed(&failure),
            },
        }
        if signed_out && matches!(owner, Owner::Overlay | Owner::Create) {
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
        if let Some(under) = self.overlay.take_if(typed) {
            self.overlay = Some(Overlay::SignIn(sign_in::State::over(Some(under))));
        }
    }

    fn heard_me(&mut self, result: Result<Reply, Failure>) {
        match result {
            Ok(Reply::Me(me)) => {
                let first = self.shared.me.is_none();
                let changed = self.shared.me.as_ref().is_some_and(|before| before.role != me.role);
                self.shared.heard_time(me.as_of);
                self.shared.link = Link::Live;
                self.shared.me = Some(*me);
                if first {
                    let admin = self.shared.may(Tab::Workspace.permission()).is_ok();
                    self.open_tab(if admin { Tab::Workspace } else { Tab::Personal });
                    self.open_pending();
                } else {
                    for kind in [Kind::Personal, Kind::Organization] {
                        if self.shared.may(Permission::ListKeys(kind)).is_ok() {
                            self.tables.of_mut(kind).refresh(&mut self.shared);
                        }
                    }
                    if changed {
                        self.open_tab(self.tab);
                    }
                }
            }
            Ok(_) => {}
            Err(failure) => {
                self.shared.failed(&failure);
                if failure.is_signed_out() && self.overlay.is_none() {
                    self.overlay = Some(Overlay::SignIn(sign_in::State::over(None)));
                } else if self.shared.me.is_none() {
                    self.again = Some(self.shared.now.plus(RETRY_MS));
                }
            }
        }
    }
}
