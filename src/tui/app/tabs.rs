//! The tabs that are no tables of keys: what keys mean there, and what the tabs hear.

use crokey::KeyCombination;
use ratatui::layout::Rect;

use super::{Model, Overlay, Tab, Tables};
use crate::domain::key::Kind;
use crate::domain::member::Permission;
use crate::tui::fleet::Changes;
use crate::tui::keymap::{Action, Context, stack};
use crate::tui::msg::{Failure, Reply};
use crate::tui::screens::review;
use crate::tui::search::Typing;
use crate::tui::shared::Owner;

/// Where one is in a table, for the footer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
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
            Tab::Personal | Tab::Workspace | Tab::Rotations | Tab::Members | Tab::Activity => None,
            Tab::Review => Some(&mut self.tables.review.search),
        }
    }

    /// Whether keys go to the filter of such a tab.
    pub(super) fn types_in_tab(&self) -> bool {
        match self.tab {
            Tab::Personal | Tab::Workspace | Tab::Rotations | Tab::Members | Tab::Activity => false,
            Tab::Review => self.tables.review.search.typing,
        }
    }

    /// The contexts of the keyboard while no popup is open.
    pub(super) fn tab_contexts(&self) -> &'static [Context] {
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
    pub fn place_in_tab(&self) -> Option<Place> {
        let of = |table: &crate::tui::table::Table, filtered| {
            let shown = table.shown().len();
            Place {
                at: if shown == 0 { 0 } else { table.at() + 1 },
                shown,
                filtered,
                marked: table.marks.len(),
            }
        };
        match self.tab {
            Tab::Personal | Tab::Workspace | Tab::Rotations | Tab::Members | Tab::Activity => None,
            Tab::Review => Some(of(&self.tables.review.table, !self.tables.review.search.is_empty())),
        }
    }

    /// The filter of the tab is another now.
    fn refilter_tab(&mut self) {
        let Tables { workspace, review, .. } = &mut self.tables;
        match self.tab {
            Tab::Personal | Tab::Workspace | Tab::Rotations | Tab::Members | Tab::Activity => {}
            Tab::Review => review.refilter(&workspace.fleet),
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
        if self.shared.may(self.tab.permission()).is_err() && !self.shared.start.read_only {
            return false;
        }
        match self.tab {
            Tab::Personal | Tab::Workspace | Tab::Rotations | Tab::Members | Tab::Activity => false,
            Tab::Review => self.act_in_review(action),
        }
    }

    fn act_in_review(&mut self, action: Action) -> bool {
        let decides = matches!(
            action,
            Action::Keep | Action::MarkRevoke | Action::Rotate | Action::Skip | Action::Undo | Action::Apply
        );
        if decides && let Err(why) = self.shared.may(Permission::Review) {
            self.shared.notices.info(self.shared.now, why);
            return true;
        }
        let Tables { workspace, review, .. } = &mut self.tables;
        if review.act(&mut self.shared, &workspace.fleet, action) {
            return true;
        }
        let overlay = match action {
            Action::Keep => review::Keep::new(&self.shared, &self.tables).map(Overlay::Keep),
            Action::Export => Some(Overlay::Export(review::ExportPopup::new(&mut self.shared, &self.tables))),
            Action::Apply => match review::Apply::new(&self.shared, &self.tables) {
                Ok(apply) => Some(Overlay::Apply(apply)),
                Err(why) => {
                    self.shared.notices.info(self.shared.now, why);
                    None
                }
            },
            Action::Refresh => {
                workspace.refresh(&mut self.shared);
                review.load(&mut self.shared);
                None
            }
            _ => return false,
        };
        if overlay.is_some() {
            self.overlay = overlay;
        }
        true
    }

    /// One step back in such a tab; says whether there was one.
    pub(super) fn back_in_tab(&mut self) -> bool {
        let Tables { workspace, review, .. } = &mut self.tables;
        match self.tab {
            Tab::Personal | Tab::Workspace | Tab::Rotations | Tab::Members | Tab::Activity => false,
            Tab::Review => review.back(&workspace.fleet),
        }
    }

    /// Such a tab was opened: what it shows is loaded if that never happened.
    pub(super) fn opened_tab(&mut self) {
        let Tables { workspace, review, .. } = &mut self.tables;
        match self.tab {
            Tab::Personal | Tab::Workspace | Tab::Rotations | Tab::Members | Tab::Activity => {}
            Tab::Review => {
                if workspace.fleet.load == crate::tui::fleet::Load::Nothing {
                    workspace.load(&mut self.shared);
                }
                review.open(&mut self.shared, workspace);
            }
        }
    }

    /// Brings the tables of such tabs in line with the window.
    pub(super) fn settle_tab(&mut self, body: Rect) {
        let pane = self.tables.detail.open;
        let rows = |rect: Rect| usize::from(rect.height.saturating_sub(1));
        if self.tab == Tab::Review {
            let places = review::places(body, pane);
            self.tables.review.table.settle(rows(places.table));
        }
    }

    /// The keys of a kind changed.
    pub(super) fn keys_changed(&mut self, kind: Kind, changes: &Changes) {
        self.tables.changed(&self.shared, kind, changes);
        if kind != Kind::Organization {
            return;
        }
        let review = &mut self.tables.review;
        // What was decided earlier is needed to say how many keys wait.
        if review.history == crate::tui::fleet::Load::Nothing && self.shared.may(Permission::Review).is_ok() {
            review.load(&mut self.shared);
        }
    }

    /// Such a tab hears what it asked for.
    pub(super) fn tab_heard(&mut self, owner: Owner, result: Result<Reply, Failure>) {
        let Tables { workspace, review, .. } = &mut self.tables;
        match (owner, result) {
            (Owner::History, Ok(Reply::Reviews(page))) => {
                review.heard(&mut self.shared, &workspace.fleet, page);
            }
            (Owner::History, Err(failure)) => review.failed(&mut self.shared, &failure),
            (Owner::Decide(id), result) => review.decided(&mut self.shared, workspace, id, result),
            _ => {}
        }
    }
}
