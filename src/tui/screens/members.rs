//! The members of the organization: who they are, what hangs on them, and what inviting, re-roling and removing them does.

use std::fmt;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Line;

use crate::domain::filter::{Amount, Field, Fields, Value};
use crate::domain::id::Id;
use crate::domain::member::{Permission, Role, Status};
use crate::domain::staleness::Judge;
use crate::domain::text;
use crate::tui::fleet::Load;
use crate::tui::keymap::Action;
use crate::tui::msg::{Ask, Failure};
use crate::tui::prose::paragraph;
use crate::tui::screens::keys::{sentence, time};
use crate::tui::search::Search;
use crate::tui::shared::{Owner, Shared};
use crate::tui::table::{self, Column, Look, Order, Row, Table, Width, text_order, text_rank, time_rank};
use crate::tui::theme;
use crate::tui::view::Scrolled;
use crate::wire::members::Member;
use crate::wire::page::Page;

mod details;
mod end_sessions;
mod invite;
mod remove;
mod role;

pub use details::Details;
pub use end_sessions::EndSessions;
pub use invite::InvitePopup;
pub use remove::Remove;
pub use role::ChangeRolePopup;

impl Row for Member {
    fn id(&self) -> Id {
        self.id
    }
}

const COLUMNS: &[Column<Member>] = &[
    Column {
        title: "Name",
        width: Width::Flex { min: 14, max: 30, weight: 2 },
        yields: 0,
        cell: |member, look| {
            let role =
                if member.status == Status::Removed { theme::Role::Revoked } else { theme::Role::Plain };
            Line::styled(member.name.as_str(), look.theme.style(role))
        },
        order: Some(Order {
            rank: |member, _| text_rank(&member.name),
            tie: |a, b| text_order(&a.name, &b.name),
            descending: false,
        }),
    },
    Column {
        title: "Email",
        width: Width::Flex { min: 16, max: 36, weight: 2 },
        yields: 4,
        cell: |member, look| Line::styled(member.email.as_str(), look.theme.style(theme::Role::Muted)),
        order: Some(Order {
            rank: |member, _| text_rank(&member.email),
            tie: |a, b| text_order(&a.email, &b.email),
            descending: false,
        }),
    },
    Column {
        title: "Role",
        width: Width::Fixed(8),
        yields: 0,
        cell: |member, _| Line::raw(member.role.word()),
        order: Some(Order { rank: |member, _| member.role as u64, tie: by_name, descending: false }),
    },
    Column {
        title: "Status",
        width: Width::Fixed(8),
        yields: 0,
        cell: |member, look| {
            let role = match member.status {
                Status::Active => theme::Role::Plain,
                Status::Invited => theme::Role::Accent,
                Status::Removed => theme::Role::Muted,
            };
            Line::styled(member.status.word(), look.theme.style(role))
        },
        order: Some(Order { rank: |member, _| member.status as u64, tie: by_name, descending: false }),
    },
    Column {
        title: "Personal",
        width: Width::Fixed(8),
        yields: 2,
        cell: |member, _| Line::raw(format!("{:>8}", member.personal_keys)),
        order: Some(Order { rank: |member, _| count(member.personal_keys), tie: by_name, descending: true }),
    },
    Column {
        title: "Workspace",
        width: Width::Fixed(9),
        yields: 1,
        cell: |member, look| {
            let orphans = member.status == Status::Removed && member.organization_keys > 0;
            let role = if orphans { theme::Role::Orphaned } else { theme::Role::Plain };
            Line::styled(format!("{:>9}", member.organization_keys), look.theme.style(role))
        },
        order: Some(Order {
            rank: |member, _| count(member.organization_keys),
            tie: by_name,
            descending: true,
        }),
    },
    Column {
        title: "Last seen",
        width: Width::Time,
        yields: 3,
        cell: |member, look| Line::raw(member.last_seen_at.map_or("Never".to_owned(), |at| time(at, look))),
        order: Some(Order {
            rank: |member, _| time_rank(member.last_seen_at),
            tie: by_name,
            descending: true,
        }),
    },
];

fn count(n: i64) -> u64 {
    u64::try_from(n).unwrap_or(0)
}

fn by_name(a: &Member, b: &Member) -> std::cmp::Ordering {
    text_order(&a.name, &b.name)
}

/// What a field tests on a member. Plain terms search name and address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MemberTest {
    /// `role:admin`
    Role(Role),
    /// `status:removed`
    Status(Status),
    /// `keys:>0`: organization keys that they created.
    Keys(Amount),
    /// `personal:>0`: personal keys.
    Personal(Amount),
    /// `idle:>90d`: since they were seen last; of those never seen, since they were invited.
    Idle(Amount),
}

impl Fields for MemberTest {
    const FIELDS: &'static [Field] = &[
        Field { name: "role", values: "admin, normal or operator", finds: "their role" },
        Field { name: "status", values: "active, invited or removed", finds: "where they stand" },
        Field { name: "keys", values: "a number such as >0", finds: "organization keys they created" },
        Field { name: "personal", values: "a number such as >0", finds: "personal keys" },
        Field { name: "idle", values: "a span such as >90d", finds: "how long ago they were seen" },
    ];

    fn parse(name: &str, value: &Value) -> Result<Self, String> {
        Ok(match name {
            "role" => {
                Self::Role(value.one_of(&[Role::Admin, Role::Normal, Role::Operator].map(|r| (r.word(), r)))?)
            }
            "status" => Self::Status(
                value.one_of(&[Status::Active, Status::Invited, Status::Removed].map(|s| (s.word(), s)))?,
            ),
            "keys" => Self::Keys(value.number()?),
            "personal" => Self::Personal(value.number()?),
            _ => Self::Idle(value.span()?),
        })
    }
}

impl fmt::Display for MemberTest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Role(role) => write!(f, "role:{role}"),
            Self::Status(status) => write!(f, "status:{status}"),
            Self::Keys(n) => write!(f, "keys:{n}"),
            Self::Personal(n) => write!(f, "personal:{n}"),
            Self::Idle(span) => write!(f, "idle:{span}"),
        }
    }
}

impl MemberTest {
    fn holds(&self, member: &Member, judge: &Judge) -> bool {
        match self {
            Self::Role(role) => member.role == *role,
            Self::Status(status) => member.status == *status,
            Self::Keys(n) => n.holds(member.organization_keys),
            Self::Personal(n) => n.holds(member.personal_keys),
            Self::Idle(span) => span.holds(judge.now.since(member.last_seen_at.unwrap_or(member.created_at))),
        }
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
    pub load: Load,
    rows: Vec<Member>,
    arriving: Vec<Member>,
}

impl Default for State {
    fn default() -> Self {
        Self {
            table: Table::new(0, false),
            search: Search::default(),
            load: Load::Nothing,
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
        let id = self.table.selected()?;
        self.rows.iter().find(|member| member.id == id)
    }

    /// Loads all members anew; those that are known stay until then.
    pub fn load(&mut self, shared: &mut Shared) {
        shared.forget(Owner::Members);
        self.arriving.clear();
        self.load = Load::Loading { since: shared.now };
        shared.ask(Owner::Members, Ask::Members);
    }

    /// Takes a page of the list; the last one completes it.
    pub fn heard(&mut self, shared: &Shared, page: Page<Member>) {
        self.arriving.extend(page.data.into_iter().map(cleaned));
        if page.metadata.next_cursor.is_none() {
            self.rows = std::mem::take(&mut self.arriving);
            self.load = Load::Complete;
            self.arrange(shared);
        }
    }

    /// The list did not arrive.
    pub fn failed(&mut self, shared: &mut Shared, failure: &Failure) {
        shared.heard_failure(failure);
        self.load = Load::Failed(failure.to_string());
    }

    /// Sorts and filters anew.
    pub fn arrange(&mut self, shared: &Shared) {
        let judge = shared.judge();
        let filter = &self.search.parsed;
        let keep = |member: &Member| {
            filter.passes(&[&member.name, &member.email], |test: &MemberTest| test.holds(member, &judge))
        };
        self.table.rebuild(&self.rows, COLUMNS, &judge, &keep);
    }

    /// Does what an action asks of the table; says whether it was one of the table's.
    pub fn act(&mut self, shared: &mut Shared, action: Action) -> bool {
        if matches!(action, Action::Mark | Action::MarkAll) {
            return true;
        }
        if self.table.act(&self.rows, action) {
            return true;
        }
        match action {
            Action::Filter => self.search.typing = true,
            Action::Refresh => self.load(shared),
            Action::Sort => {
                // Few columns, all of which fit: the next one each time, and both ways.
                let next = if self.table.descending == self.first_way() {
                    self.table.column
                } else {
                    self.table.column + 1
                };
                self.table.sort_by(next % COLUMNS.len(), COLUMNS);
                self.arrange(shared);
            }
            _ => return false,
        }
        true
    }

    fn first_way(&self) -> bool {
        COLUMNS[self.table.column].order.as_ref().is_some_and(|order| order.descending)
    }

    /// One step back: the filter. Says whether there was one.
    pub fn back(&mut self, shared: &Shared) -> bool {
        if self.search.is_empty() {
            return false;
        }
        self.search.clear();
        self.arrange(shared);
        true
    }
}

/// Text from outside is cleaned once, when it arrives.
fn cleaned(mut member: Member) -> Member {
    member.name = text::line(&member.name).into_owned();
    member.email = text::line(&member.email).into_owned();
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
    shared: &Shared,
    body: Rect,
    buf: &mut Buffer,
) -> (Option<(u16, u16)>, Option<Scrolled>) {
    let look = Look { theme: shared.theme(), judge: shared.judge(), exact: shared.exact_times, daily: None };
    if let (Err(why), Some(_), false) =
        (shared.may(Permission::ManageMembers), &shared.me, shared.start.read_only)
    {
        say(&sentence(&why), body, &look, buf);
        return (None, None);
    }
    let cursor = state.search.draw_or_rule(EXAMPLE, shared, Rect { height: 1, ..body }, buf);
    let area = table_area(body);
    if state.table.shown().is_empty() {
        let said = match &state.load {
            Load::Failed(why) => format!("{} {} tries again.", sentence(why), shared.key(Action::Refresh)),
            Load::Complete if !state.search.is_empty() => {
                format!("No member passes the filter. {} clears it.", shared.key(Action::Cancel))
            }
            _ => "Loading members.".to_owned(),
        };
        say(&said, area, &look, buf);
        return (cursor, None);
    }
    table::draw(
        &state.table,
        &state.rows,
        COLUMNS,
        &look,
        !matches!(state.load, Load::Complete | Load::Loading { .. }),
        area,
        buf,
    );
    let scroll = Scrolled {
        first_row_y: area.y + 1,
        rows: area.height.saturating_sub(1),
        top: state.table.top(),
        generation: state.table.generation(),
    };
    (cursor, (scroll.rows > 0).then_some(scroll))
}

/// A sentence where rows would be.
pub fn say(said: &str, area: Rect, look: &Look, buf: &mut Buffer) {
    let lines = paragraph(
        said,
        look.theme.style(theme::Role::Muted),
        usize::from(area.width.saturating_sub(6)).min(64),
    );
    for (y, line) in (area.y + 1..area.bottom()).zip(&lines) {
        table::put(buf, (area.x + 3, y), area.width.saturating_sub(4), line, Style::new(), look.theme);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::filter::Filter;

    #[test]
    fn what_is_displayed_means_the_same() {
        for text in ["role:admin", "!status:removed keys:>0", "personal:0 idle:>90d \"ada a\""] {
            let filter: Filter<MemberTest> = Filter::parse(text).unwrap();
            assert_eq!(filter.to_string(), text);
        }
        assert!(Filter::<MemberTest>::parse("role:boss").is_err());
    }
}
