//! Runs actions: on the open popup, on the open tab's screen, or on the model. Every action is dispatched in [`Model::run_action`], and
//! only if [`Model::check_available`] allows it.

use std::time::Duration;

use super::{Model, Tab};
use crate::domain::id::Id;
use crate::domain::key::KeyKind;
use crate::tui::context::{Context, ReplyTo};
use crate::tui::keymap::{Action, Binding, TABLE};
use crate::tui::msg::Effect;
use crate::tui::popup::{Popup, PopupAction};
use crate::tui::screen::ScreenAction;
use crate::tui::screens::help::HelpPopup;
use crate::tui::screens::messages::MessagesPopup;
use crate::tui::screens::palette::PalettePopup;
use crate::tui::screens::sign_in::SignInPopup;

/// A second Ctrl-C within this time quits.
const QUIT_WITHIN: Duration = Duration::from_secs(2);

impl Model {
    /// Runs an action. Returns `true` if it was handled, even if only by showing why the action is not available.
    pub fn run_action(&mut self, action: Action) -> bool {
        if action == Action::Interrupt {
            self.interrupt();
        } else if action == Action::Suspend {
            self.context.effects.push(Effect::Suspend);
        } else if self.popup.is_some() {
            let action = if action == Action::ClosePopup { Action::Cancel } else { action };
            self.update_popup(|popup, context| popup.run_action(context, action));
        } else {
            return self.run_action_on_tab(action);
        }
        true
    }

    /// Checks whether an action is available on the open tab. The footer, the help, the palette and the dispatch of key presses all
    /// use this check.
    ///
    /// # Errors
    /// Returns a sentence that says why the action is not available.
    pub fn check_available(&self, action: Action) -> Result<(), String> {
        if let Some(tab) = Tab::opened_by(action) {
            return self.context.check_permission(tab.permission());
        }
        self.screens.get(self.tab).check_available(&self.context, action)
    }

    /// Returns whether the member may see the rows of the open tab. Read-only mode hides no rows.
    fn is_tab_usable(&self) -> bool {
        self.context.start.read_only || self.context.check_permission(self.tab.permission()).is_ok()
    }

    fn run_action_on_tab(&mut self, action: Action) -> bool {
        let is_end_of_typing = matches!(action, Action::Submit | Action::Cancel | Action::NextField);
        if self.is_typing_filter() && is_end_of_typing {
            let screen = self.screens.get_mut(self.tab);
            screen.table_mut().finish_typing(action == Action::Cancel);
            screen.refilter(&self.context);
            return true;
        }
        let has_key = self.selected_key().is_some();
        if has_key && self.detail_pane.run_action(action) {
            return true;
        }
        // A tab opens even without permission; its screen then shows the reason.
        if let Err(why) = self.check_available(action)
            && Tab::opened_by(action).is_none()
        {
            if !is_quiet(action) {
                self.context.report_unavailable(&why);
            }
            return true;
        }
        if self.is_tab_usable() {
            match self.screens.get_mut(self.tab).run_action(&mut self.context, action) {
                ScreenAction::Unhandled => {}
                ScreenAction::Done => return true,
                ScreenAction::Open(popup) => {
                    self.popup = Some(popup);
                    return true;
                }
                ScreenAction::ShowKey(id) => {
                    self.show_key(id);
                    return true;
                }
            }
        }
        self.run_global_action(action)
    }

    fn run_global_action(&mut self, action: Action) -> bool {
        match action {
            Action::Quit | Action::Cancel => self.go_back(action == Action::Quit),
            Action::PreviousTab => self.open_tab(self.tab.offset_by(Tab::ALL.len() - 1)),
            Action::NextTab => self.open_tab(self.tab.offset_by(1)),
            Action::Times => self.context.exact_times = !self.context.exact_times,
            Action::Refresh => self.context.request_me(),
            Action::Open => {
                let is_open = !self.detail_pane.is_open && self.selected_key().is_some();
                self.detail_pane.set_open(is_open);
            }
            Action::ShorterChart => self.detail_pane.change_range(false),
            Action::LongerChart => self.detail_pane.change_range(true),
            Action::Help => {
                let (keymap, theme) = (&self.context.start.keymap, self.context.theme());
                self.popup = Some(Box::new(HelpPopup::new(keymap, self.key_contexts(), theme)));
            }
            Action::Palette => self.open_palette(),
            Action::Messages => self.popup = Some(Box::new(MessagesPopup::new(&self.context))),
            Action::SignIn => self.popup = Some(Box::new(SignInPopup::over(None))),
            // There is no text field to leave.
            Action::NextField | Action::PreviousField => {}
            _ => match Tab::opened_by(action) {
                Some(tab) => self.open_tab(tab),
                None => return false,
            },
        }
        true
    }

    fn open_palette(&mut self) {
        let key_contexts = self.key_contexts();
        let check = |action| {
            let is_bound_here = |row: &Binding| row.action == action && key_contexts.contains(&row.context);
            if TABLE.iter().any(is_bound_here) {
                self.check_available(action)
            } else {
                Err("not here".to_owned())
            }
        };
        self.popup = Some(Box::new(PalettePopup::new(key_contexts, check)));
    }

    /// Returns whether the footer shows the key press that goes back: it would leave a text field or a popup.
    pub fn is_back_hinted(&self) -> bool {
        self.popup.is_some() || self.is_typing_filter()
    }

    /// Undoes one step: closes the detail pane, or removes the filter or the marks. If there is nothing to undo, quits if `quits`
    /// is set.
    fn go_back(&mut self, quits: bool) {
        if self.detail_pane.is_open {
            self.detail_pane.set_open(false);
        } else if !self.screens.get_mut(self.tab).go_back(&self.context) && quits {
            self.context.effects.push(Effect::Quit);
        }
    }

    /// Opens a tab and loads its rows. If the member's role lacks the permission, requests the role again instead, since it may
    /// have changed.
    pub fn open_tab(&mut self, tab: Tab) {
        self.tab = tab;
        if self.context.check_permission(tab.permission()).is_err() {
            self.context.request_me();
            return;
        }
        self.screens.get_mut(tab).open(&mut self.context);
    }

    fn show_key(&mut self, id: Id) {
        let has_key = |kind: &KeyKind| self.context.keys(*kind).get(id).is_some();
        match [KeyKind::Organization, KeyKind::Personal].into_iter().find(has_key) {
            Some(kind) => {
                self.open_tab(Tab::of_kind(kind));
                self.screens.keys_mut(kind).show_key(&self.context, id);
            }
            None => {
                self.context.report_unavailable("that key belongs to another member, or is not loaded yet");
            }
        }
    }

    fn interrupt(&mut self) {
        let now = self.context.now;
        match self.interrupted_at.replace(now) {
            Some(before) if now.since(before) < QUIT_WITHIN => self.context.effects.push(Effect::Quit),
            _ => {
                if self.popup.is_some() {
                    self.update_popup(|popup, context| popup.run_action(context, Action::Cancel));
                } else {
                    self.run_action_on_tab(Action::Cancel);
                }
                let key = self.context.key_press(Action::Interrupt);
                self.context.notices.info(now, format!("press {key} again to quit"));
            }
        }
    }

    /// Passes the open popup to `update` and carries out the action that `update` returns.
    pub(super) fn update_popup(&mut self, update: impl FnOnce(&mut dyn Popup, &mut Context) -> PopupAction) {
        let Some(mut popup) = self.popup.take() else { return };
        let action = update(popup.as_mut(), &mut self.context);
        let stays = matches!(action, PopupAction::Stay | PopupAction::Unmark(_))
            || matches!(&action, PopupAction::ApplyDrafts { applied, .. } if !applied.is_empty());
        if stays {
            self.popup = Some(popup);
        } else {
            self.context.cancel_requests(ReplyTo::Popup);
        }
        self.distribute_key_changes();
        match action {
            PopupAction::Stay | PopupAction::Close => {}
            PopupAction::Open(next) => self.popup = Some(next),
            PopupAction::Run(action) => {
                self.run_action(action);
            }
            PopupAction::Sort(column) => self.screens.get_mut(self.tab).sort_by(&self.context, column),
            PopupAction::Unmark(id) => self.screens.get_mut(self.tab).table_mut().unmark(id),
            PopupAction::Keep { until, note } => self.screens.review.keep(&mut self.context, until, note),
            PopupAction::ApplyDrafts { dropped, applied } => {
                self.screens.review.apply_drafts(&mut self.context, dropped, applied);
            }
            PopupAction::Review { filter } => {
                self.context.refresh_keys(KeyKind::Organization);
                self.screens.review.set_filter(&filter);
                self.run_action(Action::Tab3);
            }
        }
    }
}

/// Returns whether the footer gives no reason when this action is not available, because the screen already shows that there are no
/// rows.
fn is_quiet(action: Action) -> bool {
    matches!(action, Action::Open | Action::Mark | Action::MarkAll)
}
