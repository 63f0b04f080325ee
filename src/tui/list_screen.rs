//! A screen that lists the rows of one type: filter, table, text of the selected row. Members, Rotations and Activity are values of
//! [`ListScreen`]; what differs between them is in their [`ListRow`].

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::context::{Context, ReplyTo};
use super::detail_pane::DetailPane;
use super::filtered_table::{AnyFilteredTable, FilteredTable};
use super::frame::FrameInfo;
use super::key_list::{Changes, LoadState};
use super::keymap::{Action, KeyContext};
use super::layout::{
    draw_message, draw_text_below, scrollable_rows, split_filter_line, table_with_text_below,
    visible_row_count,
};
use super::msg::{Reply, RequestError};
use super::screen::{Screen, ScreenAction, Viewport};
use super::table::{CellContext, TableColumn, TableRow, draw_table};
use super::text_layout::as_sentence;
use crate::domain::filter::{FieldTest, Filter};
use crate::domain::key::KeyKind;
use crate::domain::permission::Permission;
use crate::domain::staleness::StalenessRules;

/// A type of rows that a [`ListScreen`] can list, and everything that differs between such types.
pub trait ListRow: TableRow + Sized + 'static {
    /// Test of one filter field.
    type Test: FieldTest + std::fmt::Debug;

    /// Table columns, from left to right.
    const COLUMNS: &'static [TableColumn<Self>];
    /// Whether the table is initially sorted by its first column in descending order.
    const DESCENDING_BY_DEFAULT: bool = false;
    /// Key contexts that apply on the screen, innermost first.
    const KEY_CONTEXTS: &'static [KeyContext];
    /// Example filter, shown as the placeholder of an empty filter field.
    const FILTER_EXAMPLE: &'static str;
    /// Recipient of the replies to [`Self::load`].
    const REPLY_TO: ReplyTo;
    /// Permission that is needed to see any rows; `None` if every member sees some.
    const PERMISSION: Option<Permission>;
    /// Why the rows cannot be marked, as a phrase for the footer.
    const NO_MARKS: &'static str;
    /// `Ok` if the user can choose the sort column; otherwise the reason why not.
    const CAN_SORT: Result<(), &'static str>;

    /// Returns the loaded rows, in the order of the server.
    fn rows(context: &Context) -> &[Self];

    /// Returns how far loading the rows has come.
    fn load_state(context: &Context) -> &LoadState;

    /// Requests the rows from the server.
    fn load(context: &mut Context);

    /// Applies a page of rows. Returns `true` if the table must be rebuilt.
    fn apply_page(context: &mut Context, reply: Reply) -> bool;

    /// Returns the staleness rules for the time that the ages in the table refer to.
    fn rules(context: &Context) -> StalenessRules {
        context.staleness_rules()
    }

    /// Returns whether a row passes the filter.
    fn passes(&self, filter: &Filter<Self::Test>, rules: &StalenessRules) -> bool;

    /// Returns text of the selected row that no column has room for; `None` if the columns show everything.
    fn text_below(&self, _rules: &StalenessRules) -> Option<String> {
        None
    }

    /// Whether room is left below the table for [`Self::text_below`].
    const HAS_TEXT_BELOW: bool = false;

    /// Returns the sentence to show if there are no rows, unless loading failed.
    fn empty_message(context: &Context, is_filtered: bool) -> String;

    /// Checks whether an action on the rows is available. `selected` is the selected row, if any.
    ///
    /// # Errors
    /// Returns a sentence that says why the action is not available.
    fn check_available(context: &Context, selected: Option<&Self>, action: Action) -> Result<(), String>;

    /// Runs an available action on the rows.
    fn run_action(screen: &ListScreen<Self>, context: &mut Context, action: Action) -> ScreenAction;

    /// Called after the visible rows may have changed, so that a list can load more as the user scrolls.
    fn visible_rows_changed(_screen: &ListScreen<Self>, _context: &mut Context) {}

    /// Called after keys were added or changed.
    fn keys_changed(_context: &mut Context, _changes: &Changes) {}
}

/// A screen that lists rows of one type.
#[derive(Debug)]
pub struct ListScreen<R: ListRow> {
    pub list: FilteredTable<R::Test>,
}

impl<R: ListRow> Default for ListScreen<R> {
    fn default() -> Self {
        Self { list: FilteredTable::new(0, R::DESCENDING_BY_DEFAULT) }
    }
}

impl<R: ListRow> ListScreen<R> {
    /// Returns the selected row; `None` if no row is shown.
    pub fn selected<'a>(&self, context: &'a Context) -> Option<&'a R> {
        let id = self.list.table.selected_id()?;
        R::rows(context).iter().find(|row| row.id() == id)
    }

    fn rebuild(&mut self, context: &Context) {
        let rules = R::rules(context);
        let FilteredTable { table, filter } = &mut self.list;
        table.rebuild(R::rows(context), R::COLUMNS, &rules, &|row| row.passes(&filter.parsed, &rules));
    }

    fn table_area(body: Rect) -> Rect {
        if R::HAS_TEXT_BELOW { table_with_text_below(body) } else { split_filter_line(body).1 }
    }

    fn message(&self, context: &Context) -> String {
        match R::load_state(context) {
            LoadState::Failed(why) => {
                format!("{} Press {} to retry.", as_sentence(why), context.key_press(Action::Refresh))
            }
            _ => R::empty_message(context, !self.list.filter.is_empty()),
        }
    }
}

impl<R: ListRow + std::fmt::Debug> Screen for ListScreen<R> {
    fn key_contexts(&self) -> &'static [KeyContext] {
        R::KEY_CONTEXTS
    }

    fn table(&self) -> &dyn AnyFilteredTable {
        &self.list
    }

    fn table_mut(&mut self) -> &mut dyn AnyFilteredTable {
        &mut self.list
    }

    fn refilter(&mut self, context: &Context) {
        self.rebuild(context);
    }

    fn open(&mut self, context: &mut Context) {
        R::load(context);
    }

    fn reload(&mut self, context: &mut Context) {
        R::load(context);
    }

    fn check_available(&self, context: &Context, action: Action) -> Result<(), String> {
        match action {
            Action::Mark | Action::MarkAll => Err(R::NO_MARKS.to_owned()),
            Action::Sort => R::CAN_SORT.map_err(str::to_owned),
            _ => R::check_available(context, self.selected(context), action),
        }
    }

    fn run_action(&mut self, context: &mut Context, action: Action) -> ScreenAction {
        if self.list.run_action(R::rows(context), action) {
            return ScreenAction::Done;
        }
        if action == Action::Refresh {
            R::load(context);
            return ScreenAction::Done;
        }
        R::run_action(self, context, action)
    }

    fn go_back(&mut self, context: &Context) -> bool {
        if self.list.filter.is_empty() {
            return false;
        }
        self.list.filter.clear();
        self.rebuild(context);
        true
    }

    fn update_layout(&mut self, context: &mut Context, viewport: Viewport) {
        if viewport.is_open {
            self.list.table.scroll_to_selection(visible_row_count(Self::table_area(viewport.body)));
            R::visible_rows_changed(self, context);
        }
    }

    fn draw(&self, context: &Context, _: &DetailPane, body: Rect, buf: &mut Buffer) -> FrameInfo {
        let theme = context.theme();
        if let Some(permission) = R::PERMISSION
            && let Err(why) = context.check_view(permission)
        {
            draw_message(&as_sentence(&why), body, theme, buf);
            return FrameInfo::default();
        }
        let (filter_line, below_filter) = split_filter_line(body);
        let cursor = self.list.filter.draw_or_rule(R::FILTER_EXAMPLE, context, filter_line, buf);
        let table = &self.list.table;
        if table.shown_rows().is_empty() {
            draw_message(&self.message(context), below_filter, theme, buf);
            return FrameInfo { cursor, ..FrameInfo::default() };
        }
        let rules = R::rules(context);
        let cells = CellContext { theme, rules, exact: context.exact_times, daily: None };
        let area = Self::table_area(body);
        let is_outdated = matches!(R::load_state(context), LoadState::Failed(_));
        draw_table(table, R::rows(context), R::COLUMNS, &cells, is_outdated, area, buf);
        if let Some(text) = self.selected(context).and_then(|row| row.text_below(&rules)) {
            draw_text_below(&text, area, body, theme, buf);
        }
        FrameInfo { cursor, scroll: scrollable_rows(table, area), ..FrameInfo::default() }
    }

    fn awaits(&self, reply_to: ReplyTo) -> bool {
        reply_to == R::REPLY_TO
    }

    fn apply_reply(&mut self, context: &mut Context, _: ReplyTo, result: Result<Reply, RequestError>) {
        match result {
            Ok(reply) => {
                if R::apply_page(context, reply) {
                    self.rebuild(context);
                }
            }
            Err(failure) => context.list_failed(R::REPLY_TO, &failure),
        }
    }

    fn keys_changed(&mut self, context: &mut Context, _: KeyKind, changes: &Changes) {
        R::keys_changed(context, changes);
    }

    fn sort_by(&mut self, context: &Context, column: usize) {
        self.list.table.sort_by(column, R::COLUMNS);
        self.rebuild(context);
    }
}
