//! The model of the whole UI and its update: a message goes in, effects come out.
//!
//! `tabs` is the list of tabs. `input` finds the action of a key press, `actions` runs it on the popup or on the open tab's screen,
//! `replies` and `creates` apply what the server returns, `ticks` follows the time. Nothing here draws.

use crokey::KeyCombination;

use super::context::{Context, ReplyTo, StartOptions};
use super::detail_pane::{DetailPane, SelectedKey};
use super::frame::body_area;
use super::key_list::LoadState;
use super::keymap::KeyContext;
use super::msg::{ApiRequest, Effect, Msg, UiTime, sanitize_result};
use super::popup::Popup;
use super::screen::Viewport;
use crate::domain::key::Key;

mod actions;
mod creates;
mod input;
mod replies;
mod tabs;
mod ticks;

pub use tabs::{Screens, Tab};

/// State of the whole UI.
#[derive(Debug)]
pub struct Model {
    /// State shared by screens and popups.
    pub context: Context,
    /// One screen for each tab.
    pub screens: Screens,
    /// The pane with the details of the selected key.
    pub detail_pane: DetailPane,
    /// The open tab. A popup may cover it.
    pub tab: Tab,
    /// The popup that covers the open tab, if any.
    pub popup: Option<Box<dyn Popup>>,
    /// First key press of a two-press binding, while the second press is awaited.
    key_prefix: Option<KeyCombination>,
    interrupted_at: Option<UiTime>,
    /// When to request the signed-in member again after a failure; `None` if no retry is due.
    retry_me_at: Option<UiTime>,
    /// Tab whose rows could not be loaded, and when to load them again.
    retry_tab_at: Option<(Tab, UiTime)>,
}

impl Model {
    /// Creates the model and returns it with its first effects.
    pub fn new(start: StartOptions) -> (Self, Vec<Effect>) {
        let mut model = Self {
            screens: Screens::new(&start),
            context: Context::new(start),
            detail_pane: DetailPane::default(),
            tab: Tab::Personal,
            popup: None,
            key_prefix: None,
            interrupted_at: None,
            retry_me_at: None,
            retry_tab_at: None,
        };
        model.context.request(ReplyTo::Me, ApiRequest::Me);
        model.update_dependents();
        let effects = std::mem::take(&mut model.context.effects);
        (model, effects)
    }

    /// Returns the key contexts that apply now, innermost first.
    pub fn key_contexts(&self) -> &'static [KeyContext] {
        match &self.popup {
            Some(popup) => popup.key_contexts(),
            None if self.is_typing_filter() => super::keymap::stack::TEXT,
            None => self.screens.get(self.tab).key_contexts(),
        }
    }

    /// Returns whether key presses go to the filter of the open tab.
    pub fn is_typing_filter(&self) -> bool {
        self.popup.is_none() && self.screens.get(self.tab).table().is_typing()
    }

    /// Returns the selected key of the open tab; `None` if no row is selected or the rows are not keys.
    pub fn selected_key(&self) -> Option<&Key> {
        self.screens.get(self.tab).selected_key(&self.context)
    }

    /// Returns whether the frame after this message may be deferred: the message only brings list updates that the user did not ask
    /// for.
    pub fn is_deferrable(&self, msg: &Msg) -> bool {
        let Msg::Reply { ticket, .. } = msg else { return false };
        matches!(
            self.context.recipient(*ticket),
            Some(ReplyTo::List(_) | ReplyTo::Changes(_) | ReplyTo::Daily(_))
        )
    }

    /// Step 2 of "From a key press to the HTTP request": handles a message and returns the effects to carry out.
    pub fn update(&mut self, msg: Msg) -> Vec<Effect> {
        match msg {
            Msg::Tick { now } => self.tick(now),
            Msg::Resize { columns, rows } => self.context.size = (columns, rows),
            Msg::KeyPress(key) => self.handle_key(key),
            Msg::Paste(text) => self.paste(&text),
            Msg::FrameWritten { max_scroll } => {
                self.frame_written(max_scroll);
                return Vec::new();
            }
            Msg::HideSecrets => {
                if let Some(popup) = &mut self.popup {
                    popup.hide_secrets();
                }
            }
            Msg::Reply { ticket, result } => self.apply_reply(ticket, sanitize_result(result)),
        }
        self.update_dependents();
        std::mem::take(&mut self.context.effects)
    }

    fn frame_written(&mut self, max_scroll: usize) {
        match &mut self.popup {
            Some(popup) => {
                popup.mark_shown();
                popup.clamp_scroll(max_scroll);
            }
            None => self.detail_pane.clamp_scroll(max_scroll),
        }
    }

    /// Notifies all screens of added and changed keys.
    fn distribute_key_changes(&mut self) {
        for (kind, changes) in self.context.take_key_changes() {
            for &tab in Tab::ALL {
                self.screens.get_mut(tab).keys_changed(&mut self.context, kind, &changes);
            }
        }
    }

    /// Runs after each message: updates the tables and the detail pane, and opens popups that open without a key press.
    fn update_dependents(&mut self) {
        self.distribute_key_changes();
        let body = body_area(self.context.size);
        let has_pane = self.detail_pane.is_open;
        for &tab in Tab::ALL {
            let viewport = Viewport { body, is_open: tab == self.tab, has_pane };
            self.screens.get_mut(tab).update_layout(&mut self.context, viewport);
        }
        self.keep_rotations_current();
        self.open_next_popup();
        let key = self.selected_key().map(SelectedKey::from);
        self.detail_pane.set_key(&mut self.context, key);
    }

    /// Reloads the rotations after keys changed, since a use may move a rotation to its next phase. Does nothing while no rotation
    /// is visible.
    fn keep_rotations_current(&mut self) {
        let is_visible =
            self.tab == Tab::Rotations || self.popup.as_ref().is_some_and(|popup| popup.shows_rotation());
        let rotations = &self.context.rotations;
        if is_visible && rotations.is_outdated && *rotations.load_state() == LoadState::Complete {
            self.context.load_rotations();
        }
    }

    fn open_next_popup(&mut self) {
        for &tab in Tab::ALL {
            let is_free = self.popup.is_none() && tab == self.tab && !self.is_typing_filter();
            if let Some(popup) = self.screens.get_mut(tab).next_popup(&mut self.context, is_free) {
                self.popup = Some(popup);
            }
        }
    }
}
