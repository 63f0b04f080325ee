//! Keys and pastes: what they mean where one is, and what is done.

use std::time::Duration;

use crokey::KeyCombination;
use crokey::crossterm::event::{KeyCode, KeyModifiers};

use super::{Model, Tab};
use crate::domain::member::Permission;
use crate::tui::context::ReplyTo;
use crate::tui::key_list::LoadState;
use crate::tui::keymap::{Action, KeyContext, KeyMatch, stack};
use crate::tui::msg::Effect;
use crate::tui::popup::{Popup, PopupAction, PopupContext};
use crate::tui::search::Typing as _;

/// How long a second Ctrl-C counts as the second one.
const QUIT_WITHIN: Duration = Duration::from_secs(2);

impl Model {
    /// The contexts of the keyboard, the nearest first.
    pub fn key_contexts(&self) -> &'static [KeyContext] {
        if let Some(overlay) = &self.popup {
            return overlay.popup().key_contexts();
        }
        match self.table() {
            Some(table) if table.search.typing => stack::TEXT,
            _ => self.tab_contexts(),
        }
    }

    pub(super) fn press(&mut self, key: KeyCombination) {
        self.context.notices.pressed();
        let half = self.key_prefix.take();
        match self.context.start.keymap.find(self.key_contexts(), half, key) {
            KeyMatch::Action(action) => self.act(action),
            KeyMatch::Prefix => self.key_prefix = Some(key),
            KeyMatch::NoMatch if self.type_key(key) => {}
            // Alt and a key is what a terminal sends for Esc followed by that key.
            KeyMatch::NoMatch if key.modifiers.contains(KeyModifiers::ALT) => {
                self.press(KeyCode::Esc.into());
                self.press(KeyCombination { modifiers: key.modifiers - KeyModifiers::ALT, ..key });
            }
            KeyMatch::NoMatch => {}
        }
    }

    /// Gives a key that is no action to the text field that has the focus.
    fn type_key(&mut self, key: KeyCombination) -> bool {
        if key.modifiers.contains(KeyModifiers::ALT) && !matches!(key.codes.first(), KeyCode::Backspace) {
            return false;
        }
        if self.popup.is_some() {
            self.with_popup(|popup, cx| popup.press(cx, key));
            return true;
        }
        let Some(kind) = self.kind() else { return self.type_in_tab(key) };
        let table = self.tables.of_mut(kind);
        if !table.search.typing {
            return false;
        }
        if table.search.press(key) {
            table.refilter(&self.context);
        }
        true
    }

    pub(super) fn paste(&mut self, text: &str) {
        if let Some(overlay) = &mut self.popup {
            overlay
                .popup_mut()
                .paste(&mut PopupContext { context: &mut self.context, tables: &mut self.tables }, text);
        } else if let Some(kind) = self.kind() {
            let table = self.tables.of_mut(kind);
            if table.search.typing {
                table.search.paste(text);
                table.refilter(&self.context);
            }
        } else {
            self.paste_in_tab(text);
        }
    }

    fn act(&mut self, action: Action) {
        if action == Action::Interrupt {
            self.interrupt();
        } else if action == Action::Suspend {
            self.context.effects.push(Effect::Suspend);
        } else if self.popup.is_some() {
            let action = if action == Action::ClosePopup { Action::Cancel } else { action };
            self.with_popup(|popup, cx| popup.act(cx, action));
        } else {
            self.act_below(action);
        }
    }

    /// Does what an action asks where no popup is open.
    fn act_below(&mut self, action: Action) {
        if let Some(kind) = self.kind() {
            let allowed = self.context.check_permission(Permission::ListKeys(kind)).is_ok();
            let table = self.tables.of_mut(kind);
            if table.search.typing && matches!(action, Action::Submit | Action::Cancel | Action::NextField) {
                table.search.leave(action == Action::Cancel);
                table.refilter(&self.context);
                return;
            }
            if self.tables.detail.act(action) {
                return;
            }
            let table = self.tables.of_mut(kind);
            if allowed && table.act(&mut self.context, action) {
                return;
            }
        } else if self.act_in_tab(action) {
            return;
        }
        match action {
            Action::Quit | Action::Cancel => self.back(action == Action::Quit),
            Action::PreviousTab => self.open_tab(self.tab.beside(Tab::ALL.len() - 1)),
            Action::NextTab => self.open_tab(self.tab.beside(1)),
            Action::Times => self.context.exact_times = !self.context.exact_times,
            Action::Refresh => self.context.request_me(),
            Action::Open => {
                let open = !self.tables.detail.open && self.selected().is_some();
                self.tables.detail.toggle(open);
            }
            Action::ShorterChart => self.tables.detail.show(false),
            Action::LongerChart => self.tables.detail.show(true),
            _ => match Tab::opened_by(action) {
                Some(tab) => self.open_tab(tab),
                None => self.open_overlay(action),
            },
        }
    }

    /// Whether Esc is worth a hint: it leaves a text field or a popup.
    pub fn unwinds(&self) -> bool {
        self.popup.is_some() || self.table().is_some_and(|table| table.search.typing) || self.types_in_tab()
    }

    /// Unwinds one step; quits where there is none and `quits`.
    fn back(&mut self, quits: bool) {
        if self.tables.detail.open {
            self.tables.detail.toggle(false);
            return;
        }
        if let Some(kind) = self.kind() {
            let table = self.tables.of_mut(kind);
            if !table.search.is_empty() {
                table.search.clear();
                table.refilter(&self.context);
                return;
            }
            if !table.table.marks.is_empty() {
                table.table.marks.clear();
                return;
            }
        } else if self.back_in_tab() {
            return;
        }
        if quits {
            self.context.effects.push(Effect::Quit);
        }
    }

    /// Opens a tab, and loads what it shows if that never happened.
    pub fn open_tab(&mut self, tab: Tab) {
        self.tab = tab;
        if self.context.check_permission(tab.permission()).is_err() {
            // It may be another role by now.
            self.context.request_me();
            return;
        }
        if let Some(kind) = self.kind() {
            let table = self.tables.of_mut(kind);
            if table.key_list.load_state == LoadState::NotLoaded {
                table.load(&mut self.context);
            }
        }
        self.opened_tab();
    }

    fn interrupt(&mut self) {
        let now = self.context.now;
        match self.interrupted_at.replace(now) {
            Some(before) if now.since(before) < QUIT_WITHIN => self.context.effects.push(Effect::Quit),
            _ => {
                if self.popup.is_some() {
                    self.with_popup(|popup, cx| popup.act(cx, Action::Cancel));
                } else {
                    self.act_below(Action::Cancel);
                }
                self.context.notices.info(now, "Ctrl-C once more quits");
            }
        }
    }

    /// Lets the popup do something, and does what becomes of it.
    pub(super) fn with_popup(
        &mut self,
        what: impl FnOnce(&mut dyn Popup, &mut PopupContext<'_>) -> PopupAction,
    ) {
        let Some(mut overlay) = self.popup.take() else { return };
        let then = what(
            overlay.popup_mut(),
            &mut PopupContext { context: &mut self.context, tables: &mut self.tables },
        );
        match then {
            PopupAction::Stay => self.popup = Some(overlay),
            PopupAction::Close => self.context.cancel_requests(ReplyTo::Popup),
            PopupAction::Open(next) => {
                self.context.cancel_requests(ReplyTo::Popup);
                self.popup = Some(*next);
            }
            PopupAction::Act(action) => {
                self.context.cancel_requests(ReplyTo::Popup);
                self.act(action);
            }
        }
    }
}
