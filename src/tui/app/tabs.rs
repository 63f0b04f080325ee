//! The tabs that are no tables of keys: what keys mean there, and what the tabs hear.

use crokey::KeyCombination;
use ratatui::layout::Rect;

use super::{Model, Overlay, Tab, Tables};
use crate::domain::id::Id;
use crate::domain::key::KeyKind;
use crate::domain::member::Permission;
use crate::tui::context::{RETRY_DELAY, ReplyTo};
use crate::tui::key_list::{Changes, LoadState};
use crate::tui::keymap::{Action, KeyContext, stack};
use crate::tui::msg::{Reply, RequestError};
use crate::tui::screens::{members, menu, review, rotate, rotations};
use crate::tui::search::Typing;

/// Where one is in a table, for the footer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TablePosition {
    /// The selected row, from 1; 0 where there is none.
    pub at: usize,
    /// How many rows are shown.
    pub shown: usize,
    /// Whether a filter holds.
    pub filtered: bool,
    /// How many rows are marked.
    pub marked: usize,
}

impl Model {
    /// The filter of the open tab, where it is no table of keys.
    fn search(&mut self) -> Option<&mut dyn Typing> {
        match self.tab {
            Tab::Personal | Tab::Workspace => None,
            Tab::Rotations => Some(&mut self.tables.rotations.search),
            Tab::Review => Some(&mut self.tables.review.search),
            Tab::Members => Some(&mut self.tables.members.search),
            Tab::Activity => Some(&mut self.tables.activity.search),
        }
    }

    /// Whether keys go to the filter of such a tab.
    pub(super) fn types_in_tab(&self) -> bool {
        match self.tab {
            Tab::Personal | Tab::Workspace => false,
            Tab::Rotations => self.tables.rotations.search.typing,
            Tab::Review => self.tables.review.search.typing,
            Tab::Members => self.tables.members.search.typing,
            Tab::Activity => self.tables.activity.search.typing,
        }
    }

    /// The contexts of the keyboard while no popup is open.
    pub(super) fn tab_contexts(&self) -> &'static [KeyContext] {
        match self.tab {
            _ if self.types_in_tab() => stack::TEXT,
            Tab::Personal | Tab::Workspace => stack::KEYS,
            Tab::Review => stack::REVIEW,
            Tab::Rotations => stack::ROTATIONS,
            Tab::Members => stack::MEMBERS,
            Tab::Activity => stack::ACTIVITY,
        }
    }

    /// Where one is in the table of such a tab.
    pub fn place_in_tab(&self) -> Option<TablePosition> {
        let of = |table: &crate::tui::table::Table, filtered| {
            let shown = table.shown_rows().len();
            TablePosition {
                at: if shown == 0 { 0 } else { table.selected_index() + 1 },
                shown,
                filtered,
                marked: table.marks.len(),
            }
        };
        match self.tab {
            Tab::Personal | Tab::Workspace => None,
            Tab::Review => Some(of(&self.tables.review.table, !self.tables.review.search.is_empty())),
            Tab::Rotations => {
                Some(of(&self.tables.rotations.table, !self.tables.rotations.search.is_empty()))
            }
            Tab::Members => Some(of(&self.tables.members.table, !self.tables.members.search.is_empty())),
            Tab::Activity => Some(of(&self.tables.activity.table, !self.tables.activity.search.is_empty())),
        }
    }

    /// The filter of the tab is another now.
    fn refilter_tab(&mut self) {
        let Tables { workspace, review, .. } = &mut self.tables;
        match self.tab {
            Tab::Personal | Tab::Workspace => {}
            Tab::Rotations => self.tables.rotations.arrange(&self.context),
            Tab::Review => review.refilter(&workspace.key_list),
            Tab::Members => self.tables.members.arrange(&self.context),
            Tab::Activity => self.tables.activity.arrange(&self.context),
        }
    }

    pub(super) fn type_in_tab(&mut self, key: KeyCombination) -> bool {
        if !self.types_in_tab() {
            return false;
        }
        if self.search().is_some_and(|search| search.press(key)) {
            self.refilter_tab();
        }
        true
    }

    pub(super) fn paste_in_tab(&mut self, text: &str) {
        if self.types_in_tab()
            && let Some(search) = self.search()
        {
            search.paste(text);
            self.refilter_tab();
        }
    }

    /// Does what an action asks of such a tab; says whether it was one of the tab's own.
    pub(super) fn act_in_tab(&mut self, action: Action) -> bool {
        if self.types_in_tab() && matches!(action, Action::Submit | Action::Cancel | Action::NextField) {
            if let Some(search) = self.search() {
                search.leave(action == Action::Cancel);
            }
            self.refilter_tab();
            return true;
        }
        if self.context.check_permission(self.tab.permission()).is_err() && !self.context.start.read_only {
            return false;
        }
        match self.tab {
            Tab::Personal | Tab::Workspace => false,
            Tab::Review => self.act_in_review(action),
            Tab::Rotations => self.act_in_rotations(action),
            Tab::Members => self.act_in_members(action),
            Tab::Activity => self.act_in_activity(action),
        }
    }

    fn act_in_review(&mut self, action: Action) -> bool {
        let decides = matches!(
            action,
            Action::Keep | Action::MarkRevoke | Action::Rotate | Action::Skip | Action::Undo | Action::Apply
        );
        if decides && let Err(why) = self.context.check_permission(Permission::Review) {
            self.context.report_unavailable(&why);
            return true;
        }
        let Tables { workspace, review, .. } = &mut self.tables;
        if review.act(&mut self.context, &workspace.key_list, action) {
            return true;
        }
        let overlay = match action {
            Action::Keep => review::KeepPopup::new(&self.context, &self.tables).map(Overlay::Keep),
            Action::Export => {
                Some(Overlay::Export(review::ExportPopup::new(&mut self.context, &self.tables)))
            }
            Action::Apply => {
                self.open_apply();
                None
            }
            Action::Refresh => {
                workspace.refresh(&mut self.context);
                review.load(&mut self.context);
                None
            }
            _ => return false,
        };
        if overlay.is_some() {
            self.popup = overlay;
        }
        true
    }

    fn act_in_rotations(&mut self, action: Action) -> bool {
        if self.tables.rotations.act(&mut self.context, action) {
            return true;
        }
        let Some(rotation) = self.tables.rotations.selected() else { return false };
        match action {
            Action::OpenRotation => {
                self.popup = Some(Overlay::Rotate(rotate::RotatePopup::on(&mut self.context, rotation)));
            }
            Action::FinishRotation
            | Action::ReplaceReplacement
            | Action::CancelRotation
            | Action::LeakedKey => {
                match rotate::step(&mut self.context, rotation, self.tables.rotations.seen, action) {
                    Ok(overlay) => self.popup = Some(overlay),
                    Err(why) => self.context.report_unavailable(&why),
                }
            }
            _ => return false,
        }
        true
    }

    fn act_in_members(&mut self, action: Action) -> bool {
        if self.tables.members.act(&mut self.context, action) {
            return true;
        }
        let asked = matches!(
            action,
            Action::OpenMember
                | Action::Invite
                | Action::ChangeRole
                | Action::RemoveMember
                | Action::EndSessions
                | Action::Sort
        );
        if !asked {
            return false;
        }
        if let Err(why) = self.available(action) {
            self.context.report_unavailable(&why);
            return true;
        }
        let selected = self.tables.members.selected().cloned();
        if action == Action::Sort {
            self.popup = Some(Overlay::Menu(menu::MenuPopup::sort_members(&self.context, &self.tables)));
            return true;
        }
        if action == Action::Invite {
            self.popup = Some(Overlay::Invite(members::InvitePopup::new(selected.as_ref())));
            return true;
        }
        let Some(member) = selected else { return true };
        self.popup = match action {
            Action::OpenMember => Some(Overlay::MemberDetails(members::Details::new(member))),
            Action::ChangeRole => Some(Overlay::ChangeRole(members::ChangeRolePopup::new(member))),
            Action::RemoveMember => {
                Some(Overlay::RemoveMember(members::RemoveMemberPopup::new(&mut self.context, member)))
            }
            _ => Some(Overlay::EndSessions(members::EndSessionsPopup::new(member))),
        };
        true
    }

    fn act_in_activity(&mut self, action: Action) -> bool {
        if self.tables.activity.act(&mut self.context, action) {
            return true;
        }
        if action != Action::OpenActivity {
            return false;
        }
        let row = self.tables.activity.selected();
        let Some(id) = row.and_then(|row| row.key_id) else {
            self.context.report_unavailable("this row is about no key");
            return true;
        };
        let kinds = [(KeyKind::Organization, Tab::Workspace), (KeyKind::Personal, Tab::Personal)];
        let found = kinds.into_iter().find(|&(kind, _)| self.tables.of(kind).key_list.get(id).is_some());
        match found {
            Some((kind, tab)) => {
                let revoked =
                    self.tables.of(kind).key_list.get(id).is_some_and(|key| key.revoked_at.is_some());
                self.open_tab(tab);
                let table = self.tables.of_mut(kind);
                table.search.clear();
                table.revoked |= revoked;
                table.refilter(&self.context);
                table.select(id);
            }
            None => {
                self.context.report_unavailable("that key is another member's, or not loaded yet");
            }
        }
        true
    }

    /// Opens the wizard on a key.
    pub(super) fn rotate(&mut self, id: Option<Id>) {
        let key = id.and_then(|id| {
            let both = [KeyKind::Organization, KeyKind::Personal];
            both.into_iter().find_map(|kind| self.tables.of(kind).key_list.get(id).cloned())
        });
        if let Some(key) = key {
            self.popup =
                Some(Overlay::Rotate(rotate::RotatePopup::on_key(&mut self.context, &mut self.tables, &key)));
        }
    }

    /// One step back in such a tab; says whether there was one.
    pub(super) fn back_in_tab(&mut self) -> bool {
        let Tables { workspace, review, .. } = &mut self.tables;
        match self.tab {
            Tab::Personal | Tab::Workspace => false,
            Tab::Rotations => self.tables.rotations.back(&self.context),
            Tab::Review => review.back(&workspace.key_list),
            Tab::Members => self.tables.members.back(&self.context),
            Tab::Activity => self.tables.activity.back(&self.context),
        }
    }

    /// Such a tab was opened: what it shows is loaded if that never happened.
    pub(super) fn opened_tab(&mut self) {
        let Tables { workspace, review, .. } = &mut self.tables;
        match self.tab {
            Tab::Personal | Tab::Workspace => {}
            Tab::Rotations => self.tables.rotations.load(&mut self.context),
            Tab::Members => self.tables.members.load(&mut self.context),
            Tab::Activity => self.tables.activity.load(&mut self.context),
            Tab::Review => {
                if workspace.key_list.load_state == LoadState::NotLoaded {
                    workspace.load(&mut self.context);
                }
                review.open(&mut self.context, workspace);
            }
        }
    }

    /// Loads what such a tab shows anew; the keys of the review look for changes by themselves.
    pub(super) fn load_tab(&mut self) {
        match self.tab {
            Tab::Personal | Tab::Workspace => {}
            Tab::Review => self.tables.review.load(&mut self.context),
            Tab::Rotations => self.tables.rotations.load(&mut self.context),
            Tab::Members => self.tables.members.load(&mut self.context),
            Tab::Activity => self.tables.activity.load(&mut self.context),
        }
    }

    /// Brings the tables of such tabs in line with the window.
    pub(super) fn settle_tab(&mut self, body: Rect) {
        let pane = self.tables.detail.open;
        let rows = |rect: Rect| usize::from(rect.height.saturating_sub(1));
        let Tables { review, rotations, members, activity, .. } = &mut self.tables;
        let whole = members::table_area(body);
        match self.tab {
            Tab::Personal | Tab::Workspace => {}
            Tab::Review => review.table.scroll_to_selection(rows(review::places(body, pane).table)),
            Tab::Rotations => rotations.table.scroll_to_selection(rows(rotations::table_area(body))),
            Tab::Members => members.table.scroll_to_selection(rows(whole)),
            Tab::Activity => {
                activity.table.scroll_to_selection(rows(rotations::table_area(body)));
                activity.look_ahead(&mut self.context);
            }
        }
        // A use of a key may move its rotation on; only one that is looked at is worth a question.
        let looks = self.tab == Tab::Rotations || matches!(self.popup, Some(Overlay::Rotate(_)));
        if looks && rotations.outdated && rotations.load_state == LoadState::Complete {
            rotations.load(&mut self.context);
        }
        // Rotations that the review decided begin when its batch is through, one after the other.
        if self.tab == Tab::Review && self.popup.is_none() && self.tables.review.run.is_none() {
            let next = self.tables.review.to_rotate.pop();
            self.rotate(next);
        }
    }

    /// The keys of a kind changed.
    pub(super) fn keys_changed(&mut self, kind: KeyKind, changes: &Changes) {
        self.tables.changed(&self.context, kind, changes);
        if kind != KeyKind::Organization {
            return;
        }
        let review = &mut self.tables.review;
        // What was decided earlier is needed to say how many keys wait.
        if review.history == LoadState::NotLoaded && self.context.check_permission(Permission::Review).is_ok()
        {
            review.load(&mut self.context);
        }
        self.apply_if_asked();
    }

    /// Such a tab hears what it asked for.
    pub(super) fn tab_heard(&mut self, owner: ReplyTo, result: Result<Reply, RequestError>) {
        let tab = match owner {
            ReplyTo::History => Some(Tab::Review),
            ReplyTo::Rotations => Some(Tab::Rotations),
            ReplyTo::Members => Some(Tab::Members),
            ReplyTo::Activity => Some(Tab::Activity),
            _ => None,
        };
        if let (Some(tab), Err(failure)) = (tab, &result)
            && failure.is_transient()
        {
            self.retry_tab_at = Some((tab, self.context.now.plus(RETRY_DELAY)));
        }
        let Tables { workspace, review, .. } = &mut self.tables;
        match (owner, result) {
            (ReplyTo::History, Ok(Reply::Reviews(page))) => {
                review.heard(&mut self.context, &workspace.key_list, &page);
                self.apply_if_asked();
            }
            (ReplyTo::History, Err(failure)) => review.failed(&mut self.context, &failure),
            (ReplyTo::Decide(id), result) => review.decided(&mut self.context, workspace, id, result),
            (ReplyTo::Rotations, Ok(Reply::Rotations(page))) => {
                self.tables.rotations.heard(&self.context, page);
            }
            (ReplyTo::Rotations, Err(failure)) => self.tables.rotations.failed(&mut self.context, &failure),
            (ReplyTo::Members, Ok(Reply::Members(page))) => self.tables.members.heard(&self.context, page),
            (ReplyTo::Members, Err(failure)) => self.tables.members.failed(&mut self.context, &failure),
            (ReplyTo::Activity, Ok(Reply::Activity(page))) => {
                self.tables.activity.heard(&mut self.context, page);
            }
            (ReplyTo::Activity, Err(failure)) => self.tables.activity.failed(&mut self.context, &failure),
            _ => {}
        }
    }
}
