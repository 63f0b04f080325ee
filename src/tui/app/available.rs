//! Which actions work here and now, and why the others do not.

use super::{Model, Tab};
use crate::domain::member::Permission;
use crate::tui::keymap::Action;

impl Model {
    /// Whether an action would do something now.
    ///
    /// # Errors
    /// The sentence that says why not.
    pub fn available(&self, action: Action) -> Result<(), String> {
        let Some(kind) = self.kind() else { return Ok(()) };
        let selected = || self.selected().ok_or_else(|| "no key is selected".to_owned());
        let live = || {
            selected().and_then(|key| match key.revoked_at {
                Some(_) => Err("the key is revoked".to_owned()),
                None => Ok(()),
            })
        };
        match action {
            Action::New => self.shared.may(Permission::CreateKey(kind)),
            Action::Revoke => self.shared.may(Permission::RevokeKey(kind)).and_then(|()| live()),
            Action::Edit => self.shared.may(Permission::EditKey(kind)).and_then(|()| live()),
            Action::Rotate => self.shared.may(Permission::CreateKey(kind)).and_then(|()| live()),
            Action::Open | Action::Copy | Action::Command | Action::Mark | Action::MarkAll => {
                selected().map(drop)
            }
            Action::Filter | Action::Sort if self.shared.may(Permission::ListKeys(kind)).is_err() => {
                self.shared.may(Permission::ListKeys(kind))
            }
            Action::Tab1 | Action::Tab2 | Action::Tab3 | Action::Tab4 | Action::Tab5 | Action::Tab6 => {
                let at = match action {
                    Action::Tab1 => 0,
                    Action::Tab2 => 1,
                    Action::Tab3 => 2,
                    Action::Tab4 => 3,
                    Action::Tab5 => 4,
                    _ => 5,
                };
                match Tab::ALL.get(at) {
                    Some(tab) => self.shared.may(tab.permission()),
                    None => Err("there is no such tab".to_owned()),
                }
            }
            _ => Ok(()),
        }
    }
}
