//! The members of the organization: who they are, what hangs on them, and what inviting, re-roling and removing them does.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::domain::id::Id;
use crate::domain::member::Permission;
use crate::domain::text;
use crate::tui::context::{Context, ReplyTo};
use crate::tui::key_list::LoadState;
use crate::tui::keymap::Action;
use crate::tui::msg::{ApiRequest, ListRequest, RequestError};
use crate::tui::screens::keys::sentence;
use crate::tui::search::Search;
use crate::tui::table::{self, CellContext, Table, TableRow};
use crate::tui::text_layout::{draw_line, wrap_paragraph};
use crate::tui::theme;
use crate::tui::view::ScrollableRows;
use crate::wire::members::Member;
use crate::wire::page::Page;

mod columns;
mod details;
mod end_sessions;
mod filter;
mod invite;
mod remove;
mod role;

pub(super) use columns::COLUMNS;
pub use details::Details;
pub use end_sessions::EndSessionsPopup;
pub use filter::MemberTest;
pub use invite::InvitePopup;
pub use remove::RemoveMemberPopup;
pub use role::ChangeRolePopup;

impl TableRow for Member {
    fn id(&self) -> Id {
        self.id
    }
}

/// The members.
#[derive(Debug)]
pub struct State {
    /// Where the table stands.
    pub table: Table,
    /// The filter.
    pub search: Search<MemberTest>,
    /// How far loading has come.
    pub load_state: LoadState,
    rows: Vec<Member>,
    arriving: Vec<Member>,
}

impl Default for State {
    fn default() -> Self {
        Self {
            table: Table::new(0, false),
            search: Search::default(),
            load_state: LoadState::NotLoaded,
            rows: Vec::new(),
            arriving: Vec::new(),
        }
    }
}

impl State {
    /// All members that were loaded.
    pub fn rows(&self) -> &[Member] {
        &self.rows
    }

    /// The selected member.
    pub fn selected(&self) -> Option<&Member> {
        let id = self.table.selected_id()?;
        self.rows.iter().find(|member| member.id == id)
    }

    /// Loads all members anew; those that are known stay until then.
    pub fn load(&mut self, context: &mut Context) {
        context.cancel_requests(ReplyTo::Members);
        self.arriving.clear();
        self.load_state = LoadState::Loading { since: context.now };
        context.request(ReplyTo::Members, ApiRequest::List(ListRequest::Members));
    }

    /// Takes a page of the list; the last one completes it.
    pub fn heard(&mut self, context: &Context, page: Page<Member>) {
        self.arriving.extend(page.data.into_iter().map(cleaned));
        if page.metadata.next_cursor.is_none() {
            self.rows = std::mem::take(&mut self.arriving);
            self.load_state = LoadState::Complete;
            self.arrange(context);
        }
    }

    /// The list did not arrive.
    pub fn failed(&mut self, context: &mut Context, failure: &RequestError) {
        context.record_failure(failure);
        self.load_state = LoadState::Failed(failure.to_string());
    }

    /// Sorts and filters anew.
    pub fn arrange(&mut self, context: &Context) {
        let rules = context.staleness_rules();
        let filter = &self.search.parsed;
        let keep = |member: &Member| {
            filter.matches_row(&[&member.name, &member.email], |test: &MemberTest| test.holds(member, &rules))
        };
        self.table.rebuild(&self.rows, COLUMNS, &rules, &keep);
    }

    /// Does what an action asks of the table; says whether it was one of the table's.
    pub fn act(&mut self, context: &mut Context, action: Action) -> bool {
        if matches!(action, Action::Mark | Action::MarkAll) {
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

    /// Sorts by a column; the other way round where it is that column already.
    pub fn sort_by(&mut self, context: &Context, column: usize) {
        self.table.sort_by(column, COLUMNS);
        self.arrange(context);
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

/// Text from outside is cleaned once, when it arrives.
fn cleaned(mut member: Member) -> Member {
    member.name = text::sanitize_line(&member.name).into_owned();
    member.email = text::sanitize_line(&member.email).into_owned();
    member
}

/// Shown while no filter is typed.
const EXAMPLE: &str = "name or address, role:admin status:removed keys:>0 idle:>90d";

/// Where the table is in the body.
pub fn table_area(body: Rect) -> Rect {
    Rect { y: body.y + 1, height: body.height.saturating_sub(1), ..body }
}

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
    if let (Err(why), Some(_), false) =
        (context.check_permission(Permission::ManageMembers), &context.me, context.start.read_only)
    {
        say(&sentence(&why), body, &look, buf);
        return (None, None);
    }
    let cursor = state.search.draw_or_rule(EXAMPLE, context, Rect { height: 1, ..body }, buf);
    let area = table_area(body);
    if state.table.shown_rows().is_empty() {
        let said = match &state.load_state {
            LoadState::Failed(why) => {
                format!("{} {} tries again.", sentence(why), context.key_press(Action::Refresh))
            }
            LoadState::Complete if !state.search.is_empty() => {
                format!("No member passes the filter. {} clears it.", context.key_press(Action::Cancel))
            }
            _ => "Loading members.".to_owned(),
        };
        say(&said, area, &look, buf);
        return (cursor, None);
    }
    table::draw_table(
        &state.table,
        &state.rows,
        COLUMNS,
        &look,
        !matches!(state.load_state, LoadState::Complete | LoadState::Loading { .. }),
        area,
        buf,
    );
    let scroll = ScrollableRows {
        first_row_y: area.y + 1,
        rows: area.height.saturating_sub(1),
        top: state.table.first_visible(),
        generation: state.table.generation(),
    };
    (cursor, (scroll.rows > 0).then_some(scroll))
}

/// A sentence where rows would be.
pub fn say(said: &str, area: Rect, look: &CellContext, buf: &mut Buffer) {
    let lines = wrap_paragraph(
        said,
        look.theme.style(theme::StyleRole::Muted),
        usize::from(area.width.saturating_sub(6)).min(64),
    );
    for (y, line) in (area.y + 1..area.bottom()).zip(&lines) {
        draw_line(buf, (area.x + 3, y), area.width.saturating_sub(4), line, Style::new(), look.theme);
    }
}
