//! The Personal and Workspace tabs: two instances of one screen, which lists the keys of one kind.
//!
//! The keys are in the [`Context`]; here are their order, filter and selection, and the popups that their actions open.

use crate::domain::filter::KeyTest;
use crate::domain::id::Id;
use crate::domain::key::{Key, KeyKind};
use crate::domain::permission::Permission;
use crate::domain::staleness::StalenessRules;
use crate::tui::context::{Context, ReplyTo};
use crate::tui::detail_pane::DetailPane;
use crate::tui::filtered_table::{AnyFilteredTable, FilteredTable};
use crate::tui::frame::FrameInfo;
use crate::tui::key_list::{Changes, LoadState};
use crate::tui::keymap::{Action, KeyContext, stack};
use crate::tui::layout::visible_row_count;
use crate::tui::msg::{Reply, RequestError, UiTime};
use crate::tui::screen::{Screen, ScreenAction, Viewport};
use crate::tui::screens::create;
use crate::tui::screens::edit::EditPopup;
use crate::tui::screens::menu::MenuPopup;
use crate::tui::screens::revoke::RevokePopup;
use crate::tui::screens::revoke_many::RevokeManyPopup;
use crate::tui::screens::rotate::RotatePopup;
use crate::tui::table::{CellContext, Table, TableColumn, TableRow, shows_column};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

mod columns;
mod daily;
mod view;

use columns::{PERSONAL, WORKSPACE};
use daily::DailyUses;

impl TableRow for Key {
    fn id(&self) -> Id {
        self.id
    }
}

/// Screen that lists the keys of one kind. The Personal and the Workspace tabs are two values of it.
#[derive(Debug)]
pub struct State {
    pub kind: KeyKind,
    /// Table of keys and its filter.
    pub list: FilteredTable<KeyTest>,
    /// Whether revoked keys are listed along with active ones.
    pub show_revoked: bool,
    daily: DailyUses,
}

impl State {
    /// Creates a screen whose keys are not loaded yet.
    pub fn new(kind: KeyKind) -> Self {
        Self {
            kind,
            list: FilteredTable::new(columns::created_column(kind), true),
            show_revoked: false,
            daily: DailyUses::default(),
        }
    }

    /// Returns the columns of the table, from left to right.
    pub fn columns(&self) -> &'static [TableColumn<Key>] {
        match self.kind {
            KeyKind::Personal => PERSONAL,
            KeyKind::Organization => WORKSPACE,
        }
    }

    /// Returns when [`Self::tick`] must be called, or `None` if nothing is due.
    pub fn wake_at(&self, context: &Context) -> Option<UiTime> {
        [context.keys(self.kind).refresh_at, self.daily.wake_at()].into_iter().flatten().min()
    }

    /// Requests changed keys, and the daily usage of the visible keys, if they are due.
    pub fn tick(&mut self, context: &mut Context) {
        self.daily.tick(context, self.kind);
        context.refresh_keys_if_due(self.kind);
    }

    /// Selects a key even if it is not listed: clears the filter, and lists revoked keys if the key is revoked.
    pub fn show_key(&mut self, context: &Context, id: Id) {
        self.show_revoked |= context.keys(self.kind).get(id).is_some_and(|key| key.revoked_at.is_some());
        self.list.filter.clear();
        self.refilter(context);
        self.select(context, id);
    }

    /// Selects a key if it is listed.
    pub fn select(&mut self, context: &Context, id: Id) {
        self.list.table.select_id(context.keys(self.kind).keys(), id);
    }

    fn cell_context(&self, context: &Context) -> CellContext<'_> {
        CellContext {
            theme: context.theme(),
            rules: context.key_rules(self.kind),
            exact: context.exact_times,
            daily: Some(self.daily.counts()),
        }
    }

    /// Calls `update` with the table, the keys, and a predicate that is `true` for the keys to list.
    fn update_table(
        &mut self,
        context: &Context,
        update: impl FnOnce(&mut Table, &[Key], &[TableColumn<Key>], &StalenessRules, &dyn Fn(&Key) -> bool),
    ) {
        let rules = context.key_rules(self.kind);
        let columns = self.columns();
        let FilteredTable { table, filter } = &mut self.list;
        let marks = std::mem::take(&mut table.marks);
        let filter = &filter.parsed;
        let show_revoked = self.show_revoked || filter.includes_revoked();
        let keep = |key: &Key| {
            (show_revoked || key.revoked_at.is_none())
                && (filter.is_empty() || filter.matches_with_mark(key, &rules, marks.contains(&key.id)))
        };
        update(table, context.keys(self.kind).keys(), columns, &rules, &keep);
        table.marks = marks;
    }

    /// Returns whether the filter matches revoked keys that are not listed.
    fn hides_revoked_matches(&self, context: &Context) -> bool {
        let (filter, rules) = (&self.list.filter.parsed, context.key_rules(self.kind));
        let is_marked = |key: &Key| self.list.table.marks.contains(&key.id);
        let mut keys = context.keys(self.kind).keys().iter();
        !self.show_revoked
            && keys
                .any(|key| key.revoked_at.is_some() && filter.matches_with_mark(key, &rules, is_marked(key)))
    }

    /// Returns the keys that an action applies to: the marked keys in the order in which the server sent them, or the selected
    /// key if none is marked.
    fn chosen_keys<'a>(&self, context: &'a Context) -> Vec<&'a Key> {
        let marks = &self.list.table.marks;
        if marks.is_empty() {
            return self.selected_key(context).into_iter().collect();
        }
        context.keys(self.kind).keys().iter().filter(|key| marks.contains(&key.id)).collect()
    }

    fn open_revoke(&self, context: &Context) -> ScreenAction {
        let Some(seen_until) = context.keys(self.kind).seen_until() else { return ScreenAction::Done };
        if self.list.table.marks.is_empty() {
            return match self.selected_key(context) {
                Some(key) => ScreenAction::open(RevokePopup::new(key.clone(), seen_until)),
                None => ScreenAction::Done,
            };
        }
        let chosen = self.chosen_keys(context).into_iter();
        let keys: Vec<Key> = chosen.filter(|key| key.revoked_at.is_none()).cloned().collect();
        match keys.as_slice() {
            [] => ScreenAction::Done,
            [key] => ScreenAction::open(RevokePopup::new(key.clone(), seen_until)),
            _ => ScreenAction::open(RevokeManyPopup::new(keys, seen_until)),
        }
    }
}

impl Screen for State {
    fn key_contexts(&self) -> &'static [KeyContext] {
        stack::KEYS
    }

    fn table(&self) -> &dyn AnyFilteredTable {
        &self.list
    }

    fn table_mut(&mut self) -> &mut dyn AnyFilteredTable {
        &mut self.list
    }

    fn refilter(&mut self, context: &Context) {
        self.update_table(context, |table, keys, _, _, keep| table.refilter(keys, keep));
    }

    fn open(&mut self, context: &mut Context) {
        if context.keys(self.kind).load_state == LoadState::NotLoaded {
            context.load_keys(self.kind);
        }
    }

    fn reload(&mut self, _: &mut Context) {
        // A list of keys schedules its own retries.
    }

    fn check_available(&self, context: &Context, action: Action) -> Result<(), String> {
        let kind = self.kind;
        let selected = || self.selected_key(context).ok_or_else(|| "no key is selected".to_owned());
        let active = || match selected()?.revoked_at {
            Some(_) => Err("the key is revoked".to_owned()),
            None => Ok(()),
        };
        match action {
            Action::New => context.check_permission(Permission::CreateKey(kind)),
            Action::Revoke => context.check_permission(Permission::RevokeKey(kind)).and_then(|()| active()),
            Action::Edit => context.check_permission(Permission::EditKey(kind)).and_then(|()| active()),
            Action::Rotate => context.check_permission(Permission::CreateKey(kind)).and_then(|()| active()),
            Action::Open | Action::Copy | Action::Command | Action::Mark | Action::MarkAll => {
                selected().map(drop)
            }
            Action::Filter | Action::Sort => context.check_permission(Permission::ListKeys(kind)),
            _ => Ok(()),
        }
    }

    fn run_action(&mut self, context: &mut Context, action: Action) -> ScreenAction {
        if self.list.run_action(context.keys(self.kind).keys(), action) {
            return ScreenAction::Done;
        }
        let selected = self.selected_key(context).cloned();
        match (action, selected) {
            (Action::Refresh, _) => context.refresh_keys_now(self.kind),
            (Action::ShowRevoked, _) => {
                self.show_revoked = !self.show_revoked;
                self.refilter(context);
            }
            (Action::Sort, _) => {
                return ScreenAction::open(MenuPopup::for_sorting(context, self.columns(), &self.list.table));
            }
            (Action::New, _) => {
                return match create::open(context, self.kind) {
                    Ok(popup) => ScreenAction::open(popup),
                    Err(_) => ScreenAction::Done,
                };
            }
            (Action::Revoke, _) => return self.open_revoke(context),
            (Action::Edit, Some(key)) => return ScreenAction::open(EditPopup::new(key)),
            (Action::Rotate, Some(key)) => return ScreenAction::open(RotatePopup::for_key(context, &key)),
            (Action::Copy, _) => {
                return ScreenAction::open(MenuPopup::for_copying(&self.chosen_keys(context)));
            }
            (Action::Command, Some(key)) => {
                return ScreenAction::open(MenuPopup::for_commands(context, false, &key));
            }
            _ => return ScreenAction::Unhandled,
        }
        ScreenAction::Done
    }

    fn go_back(&mut self, context: &Context) -> bool {
        if !self.list.filter.is_empty() {
            self.list.filter.clear();
            self.refilter(context);
        } else if !self.list.table.marks.is_empty() {
            self.list.table.marks.clear();
        } else {
            return false;
        }
        true
    }

    fn update_layout(&mut self, context: &mut Context, viewport: Viewport) {
        let pane_open = viewport.has_pane && self.selected_key(context).is_some();
        let areas = view::Areas::split(viewport.body, pane_open);
        let table = if areas.table.height == 0 {
            Rect { height: viewport.body.height, ..areas.table }
        } else {
            areas.table
        };
        self.list.table.scroll_to_selection(visible_row_count(table));
        let width = if viewport.is_open { areas.table.width } else { 0 };
        let has_chart = shows_column(self.columns(), width, context.exact_times, columns::USAGE_TITLE);
        let visible = self.list.table.visible_rows().iter().filter(|_| has_chart);
        let keys = context.keys(self.kind).keys();
        self.daily.set_visible(context.now, visible.map(|&row| &keys[row as usize]));
    }

    fn draw(&self, context: &Context, pane: &DetailPane, body: Rect, buf: &mut Buffer) -> FrameInfo {
        view::draw(self, context, pane, body, buf)
    }

    fn awaits(&self, reply_to: ReplyTo) -> bool {
        [ReplyTo::List(self.kind), ReplyTo::Changes(self.kind), ReplyTo::Daily(self.kind)].contains(&reply_to)
    }

    fn apply_reply(&mut self, context: &mut Context, reply_to: ReplyTo, result: Result<Reply, RequestError>) {
        match result {
            Ok(Reply::Keys(page)) => {
                context.apply_key_page(self.kind, page, reply_to == ReplyTo::List(self.kind));
            }
            Ok(Reply::DailyUse(uses)) => self.daily.apply(uses),
            // Without its use a key has no sparkline; it is requested again when the table rests.
            Err(_) if reply_to == ReplyTo::Daily(self.kind) => {}
            Err(failure) => context.key_list_failed(self.kind, &failure),
            Ok(_) => {}
        }
    }

    fn keys_changed(&mut self, context: &mut Context, kind: KeyKind, changes: &Changes) {
        if kind == self.kind {
            let rows = changes.rows();
            self.update_table(context, |table, keys, columns, rules, keep| {
                table.merge(keys, &rows, columns, rules, keep);
            });
        }
    }

    fn sort_by(&mut self, context: &Context, column: usize) {
        self.list.table.sort_by(column, self.columns());
        self.update_table(context, |table, keys, columns, rules, keep| {
            table.resort(keys, columns, rules, keep);
        });
    }

    fn selected_key<'a>(&self, context: &'a Context) -> Option<&'a Key> {
        self.list.table.selected_id().and_then(|id| context.keys(self.kind).get(id))
    }
}
