//! What opens a popup, and what becomes of a create.

use super::{Model, Overlay, Tab};
use crate::domain::id::Id;
use crate::domain::key::Key;
use crate::tui::context::{CreateInFlight, ReplyTo};
use crate::tui::keymap::{Action, KeyContext, TABLE};
use crate::tui::msg::{Effect, Reply, RequestError, Ticket};
use crate::tui::screens::{
    create, edit, help, menu, messages, palette, review, revoke, revoke_many, save_secret, sign_in,
    unfinished_creates,
};

impl Model {
    /// Opens the popup of an action, if it has one and it works here.
    pub(super) fn open_overlay(&mut self, action: Action) {
        if let Err(why) = self.available(action) {
            self.context.report_unavailable(&why);
            return;
        }
        if action == Action::Rotate {
            self.rotate(self.selected().map(|key| key.id));
        } else if let Some(overlay) = self.overlay_of(action) {
            self.popup = Some(overlay);
        }
    }

    fn overlay_of(&self, action: Action) -> Option<Overlay> {
        let context = &self.context;
        match action {
            Action::Help => Some(Overlay::Help(help::HelpPopup::new(
                &context.start.keymap,
                self.key_contexts(),
                context.theme(),
            ))),
            Action::Palette => {
                let key_contexts = self.key_contexts();
                Some(Overlay::Palette(palette::PalettePopup::new(key_contexts, |action| {
                    self.offered(key_contexts, action)
                })))
            }
            Action::Messages => Some(Overlay::Messages(messages::MessagesPopup::new(context))),
            Action::SignIn => Some(Overlay::SignIn(sign_in::SignInPopup::over(None))),
            Action::New => create::open(context, self.kind()?).ok().map(Overlay::Create),
            Action::Sort => Some(Overlay::Menu(menu::MenuPopup::sort(context, &self.tables, self.kind()?))),
            Action::Copy => Some(Overlay::Menu(menu::MenuPopup::copy(&self.marked_or_selected()))),
            Action::Command => Some(Overlay::Menu(menu::MenuPopup::commands(
                context,
                &self.tables,
                self.tab,
                self.selected()?,
            ))),
            Action::Edit => Some(Overlay::Edit(edit::EditPopup::new(self.selected()?.clone()))),
            Action::Revoke => Some(self.revoke()?),
            _ => None,
        }
    }

    fn revoke(&self) -> Option<Overlay> {
        let table = self.table()?;
        let seen = table.key_list.seen()?;
        let marked = self.marked_or_selected();
        if table.table.marks.is_empty() {
            return Some(Overlay::Revoke(revoke::RevokePopup::new(self.selected()?.clone(), seen)));
        }
        let keys: Vec<Key> = marked.into_iter().filter(|key| key.revoked_at.is_none()).cloned().collect();
        if let [key] = keys.as_slice() {
            return Some(Overlay::Revoke(revoke::RevokePopup::new(key.clone(), seen)));
        }
        (!keys.is_empty()).then(|| Overlay::RevokeMany(revoke_many::RevokeManyPopup::new(keys, seen)))
    }

    /// The marked keys in the order of the table, or the selected one where none is marked.
    pub fn marked_or_selected(&self) -> Vec<&Key> {
        let Some(table) = self.table() else { return Vec::new() };
        if table.table.marks.is_empty() {
            return self.selected().into_iter().collect();
        }
        table.key_list.keys().iter().filter(|key| table.table.marks.contains(&key.id)).collect()
    }

    /// Whether the palette offers an action as possible.
    fn offered(&self, key_contexts: &[KeyContext], action: Action) -> Result<(), String> {
        let known = TABLE.iter().any(|row| row.action == action && key_contexts.contains(&row.context));
        if known { self.available(action) } else { Err("not here".to_owned()) }
    }

    /// Offers creates of earlier runs whose secret may not have been stored.
    pub(super) fn open_pending(&mut self) {
        // Only who asked for a key can have its secret issued anew.
        let me = self.context.me.as_ref().map(|me| me.member.id);
        let mut left = self.context.start.unfinished_creates.clone();
        left.retain(|pending| Some(pending.member) == me);
        if !left.is_empty() && self.popup.is_none() {
            self.popup =
                Some(Overlay::UnfinishedCreate(unfinished_creates::UnfinishedCreatesPopup::new(left)));
        }
    }

    /// A create was answered: its secret is shown whatever else is open, since it exists nowhere else.
    pub(super) fn heard_created(&mut self, ticket: Ticket, result: Result<Reply, RequestError>) {
        let Some(CreateInFlight { idempotency_key, leak }) = self.context.take_create(ticket) else { return };
        match result {
            Ok(Reply::Created(created)) => {
                let created = *created;
                let kind = created.key.kind;
                if let Some(leak) = &leak {
                    self.context.revoke_leaked(ReplyTo::Leaked(leak.id), leak);
                }
                self.tables.heard_key(&self.context, created.key.clone());
                self.tables.of_mut(kind).select(created.key.id);
                if let Some(secret) = created.secret {
                    let reveal =
                        save_secret::SaveSecretPopup::new(created.key, secret, idempotency_key, leak);
                    self.popup = Some(Overlay::Reveal(reveal));
                } else {
                    self.context.effects.push(Effect::FinishCreate { idempotency_key });
                    self.popup = None;
                    let text = "This key was stored or used meanwhile: its secret is not shown again";
                    self.context.notices.error(self.context.now, text);
                }
            }
            Ok(_) => {}
            Err(failure) => {
                self.context.record_failure(&failure);
                if failure.is_not_applied() {
                    self.context.effects.push(Effect::FinishCreate { idempotency_key });
                }
                match &mut self.popup {
                    Some(Overlay::Create(create)) => create.refused(&failure),
                    Some(Overlay::Leak(leak)) => leak.refused(&failure),
                    _ => self.context.notices.error(self.context.now, failure.to_string()),
                }
            }
        }
    }

    /// Opens the popup that applies the review's drafts, or says why not.
    pub(super) fn open_apply(&mut self) {
        match review::ApplyPopup::new(&self.context, &self.tables) {
            Ok(apply) => self.popup = Some(Overlay::Apply(apply)),
            Err(why) => {
                self.tables.review.apply_asked = !self.tables.review.drafts.is_empty()
                    && review::ApplyPopup::is_ready(&self.tables) == Some(false);
                self.context.notices.info(self.context.now, why);
            }
        }
    }

    /// Opens it as soon as it can, where it was asked for before and nothing else was opened.
    pub(super) fn apply_if_asked(&mut self) {
        let ready = review::ApplyPopup::is_ready(&self.tables);
        let free = self.popup.is_none() && self.tab == Tab::Review && !self.types_in_tab();
        if ready != Some(false)
            && std::mem::take(&mut self.tables.review.apply_asked)
            && ready.is_some()
            && free
        {
            self.open_apply();
        }
    }

    /// The revoke of a leaked key was answered: the popup of its replacement's secret says so, else a message does.
    pub(super) fn heard_leaked(&mut self, id: Id, result: Result<Reply, RequestError>) {
        let failed = match result {
            Ok(Reply::Key(key)) => {
                self.tables.heard_key(&self.context, *key);
                None
            }
            Ok(_) => return,
            Err(failure) => {
                self.context.record_failure(&failure);
                Some(failure.to_string())
            }
        };
        match (&mut self.popup, failed) {
            (Some(Overlay::Reveal(reveal)), failed) if reveal.leaks(id) => {
                reveal.heard_leaked(&mut self.context, failed);
            }
            (_, None) => self.context.notices.info(self.context.now, "The leaked key is revoked"),
            (_, Some(why)) => {
                self.context.notices.error(self.context.now, format!("The leaked key is NOT revoked: {why}"));
            }
        }
    }
}
