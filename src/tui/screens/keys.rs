//! The tables of keys: Personal and Workspace.

use crate::domain::filter::KeyTest;
use crate::domain::id::Id;
use crate::domain::key::{Key, Kind};
use crate::domain::staleness::Judge;
use crate::domain::time::Stamp;
use crate::tui::fleet::{Changes, Fleet, Load};
use crate::tui::keymap::Action;
use crate::tui::msg::{Ask, Failure, Moment};
use crate::tui::search::Search;
use crate::tui::shared::{Link, Owner, RETRY_MS, Shared};
use crate::tui::table::{self, Column, Look, Row, Table};
use crate::wire::page::Page;
use crate::wire::problem::ProblemType;

mod columns;
mod daily;
mod view;

pub use columns::{PERSONAL, WORKSPACE, created_by, flags_line, last_used, time};
pub use daily::Daily;
pub use view::{Places, draw, places, sentence};

impl Row for Key {
    fn id(&self) -> Id {
        self.id
    }
}

/// A table of keys and what it shows.
#[derive(Debug)]
pub struct State {
    /// Whose keys.
    pub kind: Kind,
    /// All of them.
    pub fleet: Fleet,
    /// Where the table stands.
    pub table: Table,
    /// The filter.
    pub search: Search<KeyTest>,
    /// What is known of the use of the last 30 days, for sparklines.
    pub daily: Daily,
    /// Whether revoked keys are shown.
    pub revoked: bool,
    /// Since when somebody waits for changes they asked for.
    pub asked: Option<Moment>,
    next_refresh: Option<Moment>,
    time: Stamp,
}

impl State {
    /// Before anything is loaded.
    pub fn new(kind: Kind) -> Self {
        Self {
            kind,
            fleet: Fleet::default(),
            table: Table::new(columns::created(kind), true),
            search: Search::default(),
            daily: Daily::default(),
            revoked: false,
            asked: None,
            next_refresh: None,
            time: Stamp::default(),
        }
    }

    /// The table's columns.
    pub fn columns(&self) -> &'static [Column<Key>] {
        match self.kind {
            Kind::Personal => PERSONAL,
            Kind::Organization => WORKSPACE,
        }
    }

    /// The selected key.
    pub fn selected(&self) -> Option<&Key> {
        self.table.selected().and_then(|id| self.fleet.get(id))
    }

    /// The server's time that all ages on the screen refer to: that of the last refresh, so that a screen without news does not
    /// change.
    pub fn look(&self, shared: &Shared) -> Look<'_> {
        let judge = self.judge(shared);
        Look { theme: shared.theme(), judge, exact: shared.exact_times, daily: Some(self.daily.counts()) }
    }

    /// What staleness is judged by on this screen.
    pub fn judge(&self, shared: &Shared) -> Judge {
        Judge { now: self.time, ..shared.judge() }
    }

    /// Loads all keys anew.
    pub fn load(&mut self, shared: &mut Shared) {
        shared.forget(Owner::List(self.kind));
        shared.forget(Owner::Changes(self.kind));
        self.fleet.begin(shared.now);
        self.next_refresh = None;
        shared.ask(Owner::List(self.kind), Ask::Keys(self.kind));
    }

    /// Whether a spinner turns: pages arrive, or somebody waits for changes.
    pub fn loads(&self) -> bool {
        self.asked.is_some() || matches!(self.fleet.load, Load::Loading { .. })
    }

    /// Whether what is shown is what was known before, and newer facts let one wait.
    pub fn waits(&self, now: Moment) -> bool {
        self.asked.is_some_and(|since| now.since(since) >= view::PATIENCE_MS)
    }

    /// When this table wants to look for changes.
    pub fn wake_at(&self) -> Option<Moment> {
        [self.next_refresh, self.daily.wake_at()].into_iter().flatten().min()
    }

    /// The window or what it shows is another now: `columns` are those of the table.
    pub fn follow(&mut self, shared: &mut Shared, columns: u16) {
        let shows = table::fits(self.columns(), columns, shared.exact_times, columns::USE_TITLE);
        let visible = self.table.visible().iter().filter(|_| shows);
        let keys = visible.map(|&row| &self.fleet.keys()[row as usize]);
        self.daily.follow(shared, keys);
    }

    /// Looks for changes, and for the use of the visible keys, when it is time.
    pub fn tick(&mut self, shared: &mut Shared) {
        self.daily.tick(shared, self.kind);
        if self.next_refresh.is_some_and(|at| shared.now >= at) {
            self.refresh(shared);
        }
    }

    /// Looks for changes now.
    pub fn refresh(&mut self, shared: &mut Shared) {
        if shared.waits(Owner::Changes(self.kind)) || shared.waits(Owner::List(self.kind)) {
            return;
        }
        self.next_refresh = None;
        match self.fleet.as_of {
            Some(since) if self.fleet.load == Load::Complete => {
                shared.ask(Owner::Changes(self.kind), Ask::Changes { kind: self.kind, since });
            }
            _ => self.load(shared),
        }
    }

    /// Takes a page of the list, or of its changes; gives the rows that are new or different.
    pub fn heard(&mut self, shared: &mut Shared, page: Page<Key>, whole: bool) -> Changes {
        if let Some(as_of) = page.metadata.as_of {
            shared.heard_time(as_of);
        }
        shared.link = Link::Live;
        let last = page.metadata.next_cursor.is_none();
        let changes = if whole { self.fleet.page(page) } else { self.fleet.changes(page) };
        self.time = shared.server_now();
        self.merge(shared, &changes);
        if last {
            self.asked = None;
            self.next_refresh = Some(shared.now.plus(shared.start.refresh_ms));
        }
        changes
    }

    /// A key as it is now, after it was changed here; gives its row where it is new or different.
    pub fn heard_key(&mut self, shared: &Shared, key: Key) -> Changes {
        let changes = self.fleet.merge(vec![key]);
        self.merge(shared, &changes);
        changes
    }

    fn merge(&mut self, shared: &Shared, changes: &Changes) {
        let rows: Vec<u32> = changes.added.iter().chain(&changes.changed).copied().collect();
        self.arrange(shared, |table, keys, columns, judge, keep| {
            table.merge(keys, &rows, columns, judge, keep);
        });
    }

    /// Lets the table arrange the keys anew.
    fn arrange(
        &mut self,
        shared: &Shared,
        how: impl FnOnce(&mut Table, &[Key], &[Column<Key>], &Judge, &dyn Fn(&Key) -> bool),
    ) {
        let judge = self.judge(shared);
        let columns = self.columns();
        let marks = std::mem::take(&mut self.table.marks);
        let (filter, revoked) = (&self.search.parsed, self.revoked || self.search.parsed.asks_for_revoked());
        let keep = |key: &Key| {
            (revoked || key.revoked_at.is_none())
                && (filter.is_empty() || filter.matches_marked(key, &judge, marks.contains(&key.id)))
        };
        how(&mut self.table, self.fleet.keys(), columns, &judge, &keep);
        self.table.marks = marks;
    }

    /// The list, or its changes, did not arrive.
    pub fn failed(&mut self, shared: &mut Shared, failure: &Failure) {
        shared.heard_failure(failure);
        self.asked = None;
        if matches!(self.fleet.load, Load::Loading { .. }) {
            self.fleet.load = Load::Failed(failure.to_string());
        }
        let denied = failure.problem() == Some(ProblemType::NotPermitted);
        if !denied && !failure.is_signed_out() {
            self.next_refresh = Some(shared.now.plus(RETRY_MS));
        }
    }

    /// Filters anew, after the filter or the marks changed.
    pub fn refilter(&mut self, shared: &Shared) {
        self.arrange(shared, |table, keys, _, _, keep| table.refilter(keys, keep));
    }

    /// Whether the filter finds revoked keys that are not shown.
    pub fn hides(&self, shared: &Shared) -> bool {
        let (filter, judge) = (&self.search.parsed, self.judge(shared));
        let found = |key: &Key| filter.matches_marked(key, &judge, self.table.marks.contains(&key.id));
        !self.revoked && self.fleet.keys().iter().any(|key| key.revoked_at.is_some() && found(key))
    }

    /// Sorts by a column, or the other way round.
    pub fn sort_by(&mut self, shared: &Shared, column: usize) {
        self.table.sort_by(column, self.columns());
        self.arrange(shared, |table, keys, columns, judge, keep| table.resort(keys, columns, judge, keep));
    }

    /// Selects a key, if it is shown.
    pub fn select(&mut self, id: Id) {
        self.table.select_id(self.fleet.keys(), id);
    }

    /// Does what an action asks of the table; says whether it was one of the table's.
    pub fn act(&mut self, shared: &mut Shared, action: Action) -> bool {
        let keys = self.fleet.keys();
        if self.table.act(keys, action) {
            return true;
        }
        match action {
            Action::Filter => self.search.typing = true,
            Action::Refresh => {
                self.refresh(shared);
                self.asked = Some(shared.now);
            }
            Action::ShowRevoked => {
                self.revoked = !self.revoked;
                self.refilter(shared);
            }
            _ => return false,
        }
        true
    }
}
