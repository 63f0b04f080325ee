//! Which actions work here and now, and why the others do not.

use super::{Model, Tab};
use crate::domain::member::{MemberStatus, Permission};
use crate::tui::keymap::Action;

impl Model {
    /// Whether an action would do something now.
    ///
    /// # Errors
    /// The sentence that says why not.
    pub fn available(&self, action: Action) -> Result<(), String> {
        let Some(kind) = self.kind() else { return self.available_in_tab(action) };
        let selected = || self.selected().ok_or_else(|| "no key is selected".to_owned());
        let live = || {
            selected().and_then(|key| match key.revoked_at {
                Some(_) => Err("the key is revoked".to_owned()),
                None => Ok(()),
            })
        };
        match action {
            Action::New => self.context.check_permission(Permission::CreateKey(kind)),
            Action::Revoke => {
                self.context.check_permission(Permission::RevokeKey(kind)).and_then(|()| live())
            }
            Action::Edit => self.context.check_permission(Permission::EditKey(kind)).and_then(|()| live()),
            Action::Rotate => {
                self.context.check_permission(Permission::CreateKey(kind)).and_then(|()| live())
            }
            Action::Open | Action::Copy | Action::Command | Action::Mark | Action::MarkAll => {
                selected().map(drop)
            }
            Action::Filter | Action::Sort
                if self.context.check_permission(Permission::ListKeys(kind)).is_err() =>
            {
                self.context.check_permission(Permission::ListKeys(kind))
            }
            _ => self.available_anywhere(action),
        }
    }

    /// The same for what is the same in all tabs.
    fn available_anywhere(&self, action: Action) -> Result<(), String> {
        Tab::opened_by(action).map_or(Ok(()), |tab| self.context.check_permission(tab.permission()))
    }

    /// The same where the tab is no table of keys.
    fn available_in_tab(&self, action: Action) -> Result<(), String> {
        let selected = || self.selected().map(drop).ok_or_else(|| "no key is selected".to_owned());
        let drafts = &self.tables.review.drafts;
        match (self.tab, action) {
            (Tab::Review, Action::Sort) => Err("the queue is ordered by risk".to_owned()),
            (Tab::Review, Action::Apply | Action::Undo) if drafts.is_empty() => {
                Err("nothing is decided yet".to_owned())
            }
            (Tab::Review, Action::Keep | Action::MarkRevoke | Action::Rotate | Action::Skip) => {
                self.context.check_permission(Permission::Review).and_then(|()| selected())
            }
            (
                Tab::Review,
                Action::Open | Action::Edit | Action::Copy | Action::Command | Action::Mark | Action::MarkAll,
            ) => selected(),
            (Tab::Rotations, Action::Sort | Action::Mark | Action::MarkAll) => {
                Err("rotations are shown as they are urgent".to_owned())
            }
            (Tab::Activity, Action::Sort | Action::Mark | Action::MarkAll) => {
                Err("the log is in its order".to_owned())
            }
            (
                Tab::Rotations,
                Action::OpenRotation
                | Action::FinishRotation
                | Action::ReplaceReplacement
                | Action::CancelRotation
                | Action::LeakedKey,
            ) => match self.tables.rotations.selected() {
                None => Err("no rotation is selected".to_owned()),
                Some(_) if action == Action::OpenRotation => Ok(()),
                Some(rotation) => crate::tui::screens::rotate::possible(&self.context, rotation, action),
            },
            (Tab::Activity, Action::OpenActivity) => match self.tables.activity.selected() {
                Some(row) if row.key_id.is_some() => Ok(()),
                _ => Err("this row is about no key".to_owned()),
            },
            (Tab::Members, Action::Mark | Action::MarkAll) => {
                Err("members are changed one by one".to_owned())
            }
            (Tab::Members, Action::Invite) => self.context.check_permission(Permission::ManageMembers),
            (Tab::Members, Action::OpenMember) => {
                self.tables.members.selected().map(drop).ok_or_else(|| "no member is selected".to_owned())
            }
            (Tab::Members, Action::ChangeRole | Action::RemoveMember | Action::EndSessions) => {
                self.context.check_permission(Permission::ManageMembers)?;
                match self.tables.members.selected() {
                    None => Err("no member is selected".to_owned()),
                    Some(member) if member.status == MemberStatus::Removed => {
                        Err("this member is removed".to_owned())
                    }
                    Some(_) => Ok(()),
                }
            }
            _ => self.available_anywhere(action),
        }
    }
}
