//! Creates: offers those that earlier runs left unfinished, and shows the secret of a new key whatever else is open.

use super::Model;
use crate::domain::id::Id;
use crate::tui::context::{CreateInFlight, ReplyTo};
use crate::tui::msg::{Effect, Reply, RequestError, Ticket};
use crate::tui::screens::save_secret::SaveSecretPopup;
use crate::tui::screens::unfinished_creates::UnfinishedCreatesPopup;

impl Model {
    /// Offers to resume key creations of earlier runs whose secret may not have been stored. Only the creator can have the secret
    /// reissued.
    pub(super) fn offer_unfinished_creates(&mut self) {
        let me = self.context.me.as_ref().map(|me| me.member.id);
        let mut creates = self.context.start.unfinished_creates.clone();
        creates.retain(|create| Some(create.member) == me);
        if !creates.is_empty() && self.popup.is_none() {
            self.popup = Some(Box::new(UnfinishedCreatesPopup::new(creates)));
        }
    }

    /// Applies the reply to a key creation. The new secret is shown whatever else is open, because it is stored nowhere else.
    pub(super) fn apply_created(&mut self, ticket: Ticket, result: Result<Reply, RequestError>) {
        let Some(CreateInFlight { idempotency_key, leak }) = self.context.take_create(ticket) else { return };
        match result {
            Ok(Reply::Created(created)) => {
                let created = *created;
                let kind = created.key.kind;
                if let Some(leak) = &leak {
                    self.context.revoke_leaked(ReplyTo::Leaked(leak.id), leak);
                }
                self.context.apply_key(created.key.clone());
                self.distribute_key_changes();
                self.screens.keys_mut(kind).select(&self.context, created.key.id);
                if let Some(secret) = created.secret {
                    let popup = SaveSecretPopup::new(created.key, secret, idempotency_key, leak);
                    self.popup = Some(Box::new(popup));
                } else {
                    self.context.effects.push(Effect::FinishCreate { idempotency_key });
                    self.popup = None;
                    let text = "The secret was already confirmed as stored, or the key was used: it cannot be shown again";
                    self.context.notices.error(self.context.now, text);
                }
            }
            Ok(_) => {}
            Err(failure) => {
                self.context.record_failure(&failure);
                if failure.is_not_applied() {
                    self.context.effects.push(Effect::FinishCreate { idempotency_key });
                }
                let is_shown = self.popup.as_mut().is_some_and(|popup| popup.show_create_failure(&failure));
                if !is_shown {
                    self.context.notices.error(self.context.now, failure.to_string());
                }
            }
        }
    }

    /// Applies the reply to the revocation of a leaked key. Shows the result in the popup with the replacement's secret, or in the
    /// footer if that popup is closed.
    pub(super) fn apply_leaked_revoke(&mut self, id: Id, result: Result<Reply, RequestError>) {
        let failure = match result {
            Ok(Reply::Key(key)) => {
                self.context.apply_key(*key);
                None
            }
            Ok(_) => return,
            Err(failure) => {
                self.context.record_failure(&failure);
                Some(failure.to_string())
            }
        };
        if let Some(popup) = &mut self.popup
            && popup.show_leaked_key_result(&mut self.context, id, failure.clone())
        {
            return;
        }
        match failure {
            None => self.context.notices.info(self.context.now, "The leaked key is revoked"),
            Some(why) => {
                let text = format!("The leaked key is NOT revoked: {why}");
                self.context.notices.error(self.context.now, text);
            }
        }
    }
}
