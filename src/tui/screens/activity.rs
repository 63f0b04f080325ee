//! The activity log: who did what to which key or member, when, from where; older pages arrive as one scrolls.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::domain::activity::Activity;
use crate::domain::id::Id;
use crate::domain::member::Permission;
use crate::domain::text;
use crate::tui::context::{Context, ReplyTo};
use crate::tui::key_list::LoadState;
use crate::tui::keymap::Action;
use crate::tui::msg::{ApiRequest, RequestError};
use crate::tui::screens::keys::sentence;
use crate::tui::screens::members::say;
use crate::tui::search::Search;
use crate::tui::table::{self, CellContext, Table, TableRow};
use crate::tui::text_layout::format_count;
use crate::tui::view::ScrollableRows;
use crate::wire::activity::ActivityQuery;
use crate::wire::page::Page;

mod columns;
mod filter;

use columns::{COLUMNS, words};
pub use filter::ActivityTest;

/// Rows of a page.
const PAGE: u32 = 200;
/// How close to the end one comes before older rows are asked for.
const AHEAD: usize = 40;
/// Most bytes of rows that are held; older ones are not asked for then.
const HELD_MAX: usize = 32 * 1024 * 1024;

impl TableRow for Activity {
    fn id(&self) -> Id {
        self.id
    }
}

/// The log.
#[derive(Debug)]
pub struct State {
    /// Where the table stands.
    pub table: Table,
    /// The filter.
    pub search: Search<ActivityTest>,
    /// How far loading has come: complete means that the newest page is there.
    pub load_state: LoadState,
    rows: Vec<Activity>,
    /// For the next older page; nothing when the log's beginning is there, or no more rows are held.
    older: Option<String>,
    /// Whether the log goes on where the rows end.
    cut: bool,
    fresh: bool,
}

impl Default for State {
    fn default() -> Self {
        Self {
            table: Table::new(0, true),
            search: Search::default(),
            load_state: LoadState::NotLoaded,
            rows: Vec::new(),
            older: None,
            cut: false,
            fresh: false,
        }
    }
}

impl State {
    /// The selected row.
    pub fn selected(&self) -> Option<&Activity> {
        let id = self.table.selected_id()?;
        self.rows.iter().find(|row| row.id == id)
    }

    /// Asks for the newest page.
    pub fn load(&mut self, context: &mut Context) {
        context.cancel_requests(ReplyTo::Activity);
        self.fresh = true;
        self.load_state = LoadState::Loading { since: context.now };
        context.request(
            ReplyTo::Activity,
            ApiRequest::Activity(ActivityQuery { limit: Some(PAGE), ..ActivityQuery::default() }),
        );
    }

    /// Asks for older rows where the end of those loaded is near.
    pub fn look_ahead(&mut self, context: &mut Context) {
        let near =
            self.table.first_visible() + self.table.page_rows() + AHEAD >= self.table.shown_rows().len();
        if self.load_state != LoadState::Complete || !near || context.is_waiting_for(ReplyTo::Activity) {
            return;
        }
        if let Some(cursor) = self.older.clone() {
            let query = ActivityQuery { limit: Some(PAGE), cursor: Some(cursor), ..ActivityQuery::default() };
            context.request(ReplyTo::Activity, ApiRequest::Activity(query));
        }
    }

    /// Takes a page: the newest, or the next older one.
    pub fn heard(&mut self, context: &mut Context, page: Page<Activity>) {
        let arrived: Vec<Activity> = page.data.into_iter().map(cleaned).collect();
        if std::mem::take(&mut self.fresh) {
            // Where the newest page reaches what is known, only its head is news; else the log is read anew from its top.
            let newest = self.rows.first().map(|row| row.id);
            if let Some(known) = newest.and_then(|id| arrived.iter().position(|row| row.id == id)) {
                self.rows.splice(0..0, arrived.into_iter().take(known));
            } else {
                (self.rows, self.older) = (arrived, page.metadata.next_cursor);
                self.cut = false;
            }
        } else {
            // A server that turns in a circle is not followed.
            let goes_on = !arrived.is_empty() && page.metadata.next_cursor != self.older;
            self.rows.extend(arrived);
            self.older = page.metadata.next_cursor.filter(|_| goes_on);
        }
        let held: usize = self.rows.iter().map(weight).sum();
        if held > HELD_MAX && self.older.take().is_some() {
            self.cut = true;
            let said =
                format!("the log goes on; held are its newest {} rows", format_count(self.rows.len() as u64));
            context.notices.info(context.now, said);
        }
        self.load_state = LoadState::Complete;
        self.arrange(context);
    }

    /// A page did not arrive.
    pub fn failed(&mut self, context: &mut Context, failure: &RequestError) {
        context.record_failure(failure);
        self.fresh = false;
        self.load_state = LoadState::Failed(failure.to_string());
    }

    /// Sorts and filters anew.
    pub fn arrange(&mut self, context: &Context) {
        let rules = context.staleness_rules();
        let filter = &self.search.parsed;
        let keep = |row: &Activity| {
            let actor = row.actor.as_ref();
            let searched = [
                words(row.action),
                row.key_name.as_deref().unwrap_or(""),
                &row.detail,
                actor.map_or("", |by| &by.name),
                actor.map_or("", |by| &by.email),
            ];
            filter.matches_row(&searched, |test: &ActivityTest| test.holds(row, &rules))
        };
        self.table.rebuild(&self.rows, COLUMNS, &rules, &keep);
    }

    /// Does what an action asks of the table; says whether it was one of the table's.
    pub fn act(&mut self, context: &mut Context, action: Action) -> bool {
        if matches!(action, Action::Mark | Action::MarkAll | Action::Sort) {
            return true;
        }
        if self.table.apply_action(&self.rows, action) {
            return true;
        }
        match action {
            Action::Filter => self.search.typing = true,
            Action::Refresh => self.load(context),
            _ => return false,
        }
        true
    }

    /// One step back: the filter. Says whether there was one.
    pub fn back(&mut self, context: &Context) -> bool {
        if self.search.is_empty() {
            return false;
        }
        self.search.clear();
        self.arrange(context);
        true
    }
}

/// A row in one sentence, with the exact time: `2026-11-24 06:10:00: Ada Ampere revoked key Grafana: not used since …; from 10.0.1.17`.
fn whole(row: &Activity) -> String {
    let who = row.actor.as_ref().map_or("", |actor| actor.name.as_str());
    let key = row.key_name.as_deref().unwrap_or("");
    let detail = if row.detail.is_empty() { String::new() } else { format!(": {}", row.detail) };
    let from = row.address.as_deref().map_or(String::new(), |from| format!("; from {from}"));
    let at = row.at.to_chrono().format("%Y-%m-%d %H:%M:%S");
    let said: Vec<&str> = [who, words(row.action), key].into_iter().filter(|part| !part.is_empty()).collect();
    format!("{at} UTC: {}{detail}{from}", said.join(" "))
}

/// About the bytes that a row takes.
fn weight(row: &Activity) -> usize {
    let text = |text: &Option<String>| text.as_ref().map_or(0, String::len);
    let actor = row.actor.as_ref().map_or(0, |actor| actor.name.len() + actor.email.len());
    size_of::<Activity>() + row.detail.len() + text(&row.key_name) + text(&row.address) + actor
}

/// Text from outside is cleaned once, when it arrives.
fn cleaned(mut row: Activity) -> Activity {
    let clean = |text: &mut String| *text = text::sanitize_line(text).into_owned();
    clean(&mut row.detail);
    row.key_name.iter_mut().for_each(clean);
    row.address.iter_mut().for_each(clean);
    if let Some(actor) = &mut row.actor {
        clean(&mut actor.name);
        clean(&mut actor.email);
    }
    row
}

/// Shown while no filter is typed.
const EXAMPLE: &str = "any word, by:ada action:revoked key:sales from:10.0 age:<7d";

/// Draws the tab; gives the cursor's place and the rows that scroll.
pub fn draw(
    state: &State,
    context: &Context,
    body: Rect,
    buf: &mut Buffer,
) -> (Option<(u16, u16)>, Option<ScrollableRows>) {
    let look = CellContext {
        theme: context.theme(),
        rules: context.staleness_rules(),
        exact: context.exact_times,
        daily: None,
    };
    if let (Err(why), Some(_)) = (context.check_permission(Permission::ReadActivity), &context.me) {
        say(&sentence(&why), body, &look, buf);
        return (None, None);
    }
    let cursor = state.search.draw_or_rule(EXAMPLE, context, Rect { height: 1, ..body }, buf);
    let area = super::rotations::table_area(body);
    if state.table.shown_rows().is_empty() {
        let said = match &state.load_state {
            LoadState::Failed(why) => {
                format!("{} {} tries again.", sentence(why), context.key_press(Action::Refresh))
            }
            LoadState::Complete
                if !state.search.is_empty()
                    && (state.older.is_some() || context.is_waiting_for(ReplyTo::Activity)) =>
            {
                "Nothing yet passes the filter; older rows are loading.".to_owned()
            }
            LoadState::Complete if !state.search.is_empty() && state.cut => format!(
                "None of the newest {} rows passes the filter. `keyward activity` reads the whole log.",
                format_count(state.rows.len() as u64)
            ),
            LoadState::Complete if !state.search.is_empty() => {
                format!(
                    "Nothing in the log passes the filter. {} clears it.",
                    context.key_press(Action::Cancel)
                )
            }
            _ => "Loading the log.".to_owned(),
        };
        say(&said, area, &look, buf);
        return (cursor, None);
    }
    table::draw_table(
        &state.table,
        &state.rows,
        COLUMNS,
        &look,
        matches!(state.load_state, LoadState::Failed(_)),
        area,
        buf,
    );
    if let Some(row) = state.selected() {
        super::rotations::say_below(&whole(row), area, body, &look, buf);
    }
    let scroll = ScrollableRows {
        first_row_y: area.y + 1,
        rows: area.height.saturating_sub(1),
        top: state.table.first_visible(),
        generation: state.table.generation(),
    };
    (cursor, (scroll.rows > 0).then_some(scroll))
}
