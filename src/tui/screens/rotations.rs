//! All rotations with their phase, who is still on the old key, and how long it must stay silent yet.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::domain::id::Id;
use crate::domain::key::{Key, KeyKind};
use crate::domain::member::Permission;
use crate::domain::rotation::{Phase, QuietWindow, phase};
use crate::domain::text;
use crate::domain::time::{Timestamp, saturating_seconds};
use crate::tui::context::{Context, ReplyTo};
use crate::tui::key_list::LoadState;
use crate::tui::keymap::Action;
use crate::tui::msg::{ApiRequest, ListRequest, RequestError};
use crate::tui::screens::keys::sentence;
use crate::tui::screens::members::say;
use crate::tui::search::Search;
use crate::tui::table::{self, CellContext, Table, TableRow};
use crate::tui::text_layout::{draw_line, wrap_first_lines};
use crate::tui::theme::StyleRole;
use crate::tui::view::ScrollableRows;
use crate::wire::keys::Rotation;
use crate::wire::page::Page;

mod columns;
mod filter;

use columns::COLUMNS;
pub use columns::phase_role;
pub use filter::RotationTest;

impl TableRow for Rotation {
    fn id(&self) -> Id {
        self.new.id
    }
}

impl Rotation {
    /// How long the old key must be silent.
    pub fn window(&self) -> QuietWindow {
        QuietWindow {
            duration: saturating_seconds(self.quiet_window_s),
            raised_by_gap: self.raised_by_gap_s.map(saturating_seconds),
        }
    }

    /// Its phase at a later moment than the server's answer, from what is known of both keys.
    pub fn phase_at(&self, now: Timestamp) -> Phase {
        phase(&self.old, &self.new, self.window(), now)
    }
}

/// The rotations of one's own keys and, for admins, of the organization's.
#[derive(Debug)]
pub struct State {
    /// Where the table stands.
    pub table: Table,
    /// The filter.
    pub search: Search<RotationTest>,
    /// How far loading has come.
    pub load_state: LoadState,
    /// Whether keys changed since they were loaded.
    pub outdated: bool,
    /// Up to when the server's answers have surely shown every use of their keys.
    pub seen: Timestamp,
    asked: Timestamp,
    rows: Vec<Rotation>,
    arriving: Vec<Rotation>,
    left: u8,
    time: Timestamp,
}

impl Default for State {
    fn default() -> Self {
        Self {
            table: Table::new(0, false),
            search: Search::default(),
            load_state: LoadState::NotLoaded,
            outdated: false,
            seen: Timestamp::default(),
            asked: Timestamp::default(),
            rows: Vec::new(),
            arriving: Vec::new(),
            left: 0,
            time: Timestamp::default(),
        }
    }
}

impl State {
    /// The selected rotation.
    pub fn selected(&self) -> Option<&Rotation> {
        let id = self.table.selected_id()?;
        self.rows.iter().find(|rotation| rotation.new.id == id)
    }

    /// The newest rotation that a key takes part in and that is not over, as the old or the new one.
    pub fn of(&self, key: Id) -> Option<&Rotation> {
        let with = |rotation: &&Rotation| rotation.old.id == key || rotation.new.id == key;
        let open =
            |rotation: &&Rotation| !matches!(rotation.phase_at(self.time), Phase::Done | Phase::Abandoned);
        self.rows.iter().filter(with).filter(open).max_by_key(|rotation| rotation.new.created_at)
    }

    /// A rotation by its new key.
    pub fn by_new(&self, id: Id) -> Option<&Rotation> {
        self.rows.iter().find(|rotation| rotation.new.id == id)
    }

    /// Loads all rotations that the member may see.
    pub fn load(&mut self, context: &mut Context) {
        context.cancel_requests(ReplyTo::Rotations);
        self.arriving.clear();
        // An answer is never older than its question.
        self.asked = context.server_now();
        (self.left, self.outdated) = (0, false);
        if self.rows.is_empty() || matches!(self.load_state, LoadState::Failed(_)) {
            self.load_state = LoadState::Loading { since: context.now };
        }
        for kind in [KeyKind::Personal, KeyKind::Organization] {
            if context.check_permission(Permission::ListKeys(kind)).is_ok() {
                self.left += 1;
                context.request(ReplyTo::Rotations, ApiRequest::List(ListRequest::Rotations(kind)));
            }
        }
    }

    /// Takes a page of rotations; the last one completes them.
    pub fn heard(&mut self, context: &Context, page: Page<Rotation>) {
        if let Some(as_of) = page.metadata.as_of {
            self.time = self.time.max(as_of);
        }
        self.time = self.time.max(context.server_now());
        self.arriving.extend(page.data.into_iter().map(cleaned));
        if page.metadata.next_cursor.is_some() {
            return;
        }
        self.left = self.left.saturating_sub(1);
        if self.left == 0 {
            self.rows = std::mem::take(&mut self.arriving);
            self.seen = self.asked;
            self.load_state = LoadState::Complete;
            self.arrange(context);
        }
    }

    /// The rotations did not arrive.
    pub fn failed(&mut self, context: &mut Context, failure: &RequestError) {
        context.record_failure(failure);
        context.cancel_requests(ReplyTo::Rotations);
        self.load_state = LoadState::Failed(failure.to_string());
    }

    fn look(&self, context: &Context) -> CellContext<'static> {
        let rules = crate::domain::staleness::StalenessRules { now: self.time, ..context.staleness_rules() };
        CellContext { theme: context.theme(), rules, exact: context.exact_times, daily: None }
    }

    /// Sorts and filters anew.
    pub fn arrange(&mut self, context: &Context) {
        let rules = self.look(context).rules;
        let filter = &self.search.parsed;
        let keep = |rotation: &Rotation| {
            let (old, new) = (&rotation.old, &rotation.new);
            filter.matches_row(&[&old.name, &old.masked, &new.name, &new.masked], |test: &RotationTest| {
                match test {
                    RotationTest::Phase(phase) => rotation.phase_at(rules.now) == *phase,
                    RotationTest::Agent(needle) => {
                        old.last_used_by.as_ref().is_some_and(|by| needle.is_in(&by.agent))
                    }
                }
            })
        };
        self.table.rebuild(&self.rows, COLUMNS, &rules, &keep);
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
}

/// Text from outside is cleaned once, when it arrives.
fn cleaned(mut rotation: Rotation) -> Rotation {
    let clean = |text: &mut String| *text = text::sanitize_line(text).into_owned();
    let clean_key = |key: &mut Key| {
        clean(&mut key.name);
        clean(&mut key.masked);
        if let Some(by) = &mut key.last_used_by {
            clean(&mut by.agent);
            clean(&mut by.address);
        }
    };
    clean_key(&mut rotation.old);
    clean_key(&mut rotation.new);
    clean(&mut rotation.evidence);
    rotation
}

/// Where the table is in the body: below it stands the evidence of the selected rotation, since no row is wide enough for it.
pub fn table_area(body: Rect) -> Rect {
    let below = if body.height >= ROOMY { 3 } else { 2 };
    Rect { y: body.y + 1, height: body.height.saturating_sub(1 + below), ..body }
}

/// From this height of the body on, one more line is left for what no row is wide enough for.
const ROOMY: u16 = 20;

/// What no row is wide enough for, below the table.
pub fn say_below(said: &str, table: Rect, body: Rect, look: &CellContext, buf: &mut Buffer) {
    let columns = body.width.saturating_sub(2);
    let rows = usize::from(body.bottom().saturating_sub(table.bottom()));
    let style = look.theme.style(StyleRole::Plain);
    let lines = wrap_first_lines(&look.theme.text(said), style, usize::from(columns), rows);
    for (y, line) in (table.bottom()..body.bottom()).zip(&lines) {
        draw_line(buf, (body.x + 1, y), columns, line, Style::new(), look.theme);
    }
}

/// Shown while no filter is typed.
const EXAMPLE: &str = "name or mask of either key, phase:ready agent:grafana";

/// Draws the tab; gives the cursor's place and the rows that scroll.
pub fn draw(
    state: &State,
    context: &Context,
    body: Rect,
    buf: &mut Buffer,
) -> (Option<(u16, u16)>, Option<ScrollableRows>) {
    let look = state.look(context);
    let cursor = state.search.draw_or_rule(EXAMPLE, context, Rect { height: 1, ..body }, buf);
    let area = super::members::table_area(body);
    if state.table.shown_rows().is_empty() {
        let said = match &state.load_state {
            LoadState::Failed(why) => {
                format!("{} {} tries again.", sentence(why), context.key_press(Action::Refresh))
            }
            LoadState::Complete if !state.search.is_empty() => {
                format!("No rotation passes the filter. {} clears it.", context.key_press(Action::Cancel))
            }
            LoadState::Complete => format!(
                "No key is being replaced. {} on a key starts a rotation: it creates the replacement and watches the old key \
                 until nothing uses it any more.",
                context.key_press(Action::Rotate)
            ),
            _ => "Loading rotations.".to_owned(),
        };
        say(&said, area, &look, buf);
        return (cursor, None);
    }
    let area = table_area(body);
    table::draw_table(
        &state.table,
        &state.rows,
        COLUMNS,
        &look,
        matches!(state.load_state, LoadState::Failed(_)),
        area,
        buf,
    );
    if let Some(rotation) = state.selected() {
        let said =
            format!("{} {}", rotation.phase_at(look.rules.now).explanation(), sentence(&rotation.evidence));
        say_below(&said, area, body, &look, buf);
    }
    let scroll = ScrollableRows {
        first_row_y: area.y + 1,
        rows: area.height.saturating_sub(1),
        top: state.table.first_visible(),
        generation: state.table.generation(),
    };
    (cursor, (scroll.rows > 0).then_some(scroll))
}
