//! Key presses and pasted text: finds the action that is bound to a key press, or gives the text to the field that has the focus.

use crokey::KeyCombination;
use crokey::crossterm::event::{KeyCode, KeyModifiers};

use super::Model;
use crate::tui::keymap::KeyMatch;

impl Model {
    /// Step 3 of "From a key press to the HTTP request": looks up the action bound to a key press, and runs it.
    pub(super) fn handle_key(&mut self, key: KeyCombination) {
        self.context.notices.key_pressed();
        let prefix = self.key_prefix.take();
        match self.context.start.keymap.find(self.key_contexts(), prefix, key) {
            KeyMatch::Action(action) => {
                self.run_action(action);
            }
            KeyMatch::Prefix => self.key_prefix = Some(key),
            KeyMatch::NoMatch if self.type_key(key) => {}
            // A terminal sends Esc followed by a key as Alt with that key.
            KeyMatch::NoMatch if key.modifiers.contains(KeyModifiers::ALT) => {
                self.handle_key(KeyCode::Esc.into());
                self.handle_key(KeyCombination { modifiers: key.modifiers - KeyModifiers::ALT, ..key });
            }
            KeyMatch::NoMatch => {}
        }
    }

    /// Passes a key press that is not bound to an action to the focused text field. Returns `false` if no text field has the focus.
    fn type_key(&mut self, key: KeyCombination) -> bool {
        if key.modifiers.contains(KeyModifiers::ALT) && !matches!(key.codes.first(), KeyCode::Backspace) {
            return false;
        }
        if self.popup.is_some() {
            self.update_popup(|popup, context| popup.handle_key(context, key));
            return true;
        }
        if !self.is_typing_filter() {
            return false;
        }
        let screen = self.screens.get_mut(self.tab);
        if screen.table_mut().handle_key(key) {
            screen.refilter(&self.context);
        }
        true
    }

    /// Inserts pasted text into the focused text field.
    pub(super) fn paste(&mut self, text: &str) {
        if let Some(popup) = &mut self.popup {
            popup.paste(&mut self.context, text);
        } else if self.is_typing_filter() {
            let screen = self.screens.get_mut(self.tab);
            screen.table_mut().paste(text);
            screen.refilter(&self.context);
        }
    }
}
