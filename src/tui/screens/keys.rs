//! The tables of keys: Personal and Workspace.

use crate::domain::filter::KeyTest;
use crate::domain::id::Id;
use crate::domain::key::{Key, KeyKind};
use crate::domain::staleness::StalenessRules;
use crate::domain::time::Timestamp;
use crate::tui::context::{Connection, Context, RETRY_DELAY, ReplyTo};
use crate::tui::key_list::{Changes, KeyList, LoadState};
use crate::tui::keymap::Action;
use crate::tui::msg::{ApiRequest, ListRequest, RequestError, UiTime};
use crate::tui::search::Search;
use crate::tui::table::{self, CellContext, Table, TableColumn, TableRow};
use crate::wire::page::Page;
use crate::wire::problem::ProblemType;

mod columns;
mod daily;
mod view;

pub use columns::{PERSONAL, WORKSPACE, created_by, flags_line, last_used, time};
pub use daily::Daily;
pub use view::{Places, draw, places, sentence};

impl TableRow for Key {
    fn id(&self) -> Id {
        self.id
    }
}

/// A table of keys and what it shows.
#[derive(Debug)]
pub struct State {
    /// Whose keys.
    pub kind: KeyKind,
    /// All of them.
    pub key_list: KeyList,
    /// Where the table stands.
    pub table: Table,
    /// The filter.
    pub search: Search<KeyTest>,
    /// What is known of the use of the last 30 days, for sparklines.
    pub daily: Daily,
    /// Whether revoked keys are shown.
    pub revoked: bool,
    /// Since when somebody waits for changes they asked for.
    pub asked: Option<UiTime>,
    next_refresh: Option<UiTime>,
    time: Timestamp,
}

impl State {
    /// Before anything is loaded.
    pub fn new(kind: KeyKind) -> Self {
        Self {
            kind,
            key_list: KeyList::default(),
            table: Table::new(columns::created(kind), true),
            search: Search::default(),
            daily: Daily::default(),
            revoked: false,
            asked: None,
            next_refresh: None,
            time: Timestamp::default(),
        }
    }

    /// The table's columns.
    pub fn columns(&self) -> &'static [TableColumn<Key>] {
        match self.kind {
            KeyKind::Personal => PERSONAL,
            KeyKind::Organization => WORKSPACE,
        }
    }

    /// The selected key.
    pub fn selected(&self) -> Option<&Key> {
        self.table.selected_id().and_then(|id| self.key_list.get(id))
    }

    /// The server's time that all ages on the screen refer to: that of the last refresh, so that a screen without news does not
    /// change.
    pub fn look(&self, context: &Context) -> CellContext<'_> {
        let rules = self.rules(context);
        CellContext {
            theme: context.theme(),
            rules,
            exact: context.exact_times,
            daily: Some(self.daily.counts()),
        }
    }

    /// What staleness is judged by on this screen.
    pub fn rules(&self, context: &Context) -> StalenessRules {
        StalenessRules { now: self.time, ..context.staleness_rules() }
    }

    /// Loads all keys anew.
    pub fn load(&mut self, context: &mut Context) {
        context.cancel_requests(ReplyTo::List(self.kind));
        context.cancel_requests(ReplyTo::Changes(self.kind));
        self.key_list.begin(context.now);
        self.next_refresh = None;
        context.request(ReplyTo::List(self.kind), ApiRequest::List(ListRequest::Keys(self.kind)));
    }

    /// Whether a spinner turns: pages arrive, or somebody waits for changes.
    pub fn loads(&self) -> bool {
        self.asked.is_some() || matches!(self.key_list.load_state, LoadState::Loading { .. })
    }

    /// Whether what is shown is what was known before, and newer facts let one wait.
    pub fn waits(&self, now: UiTime) -> bool {
        self.asked.is_some_and(|since| now.since(since) >= view::SPINNER_DELAY)
    }

    /// When this table wants to look for changes.
    pub fn wake_at(&self) -> Option<UiTime> {
        [self.next_refresh, self.daily.wake_at()].into_iter().flatten().min()
    }

    /// The window or what it shows is another now: `columns` are those of the table.
    pub fn follow(&mut self, context: &mut Context, columns: u16) {
        let shows = table::shows_column(self.columns(), columns, context.exact_times, columns::USE_TITLE);
        let visible = self.table.visible_rows().iter().filter(|_| shows);
        let keys = visible.map(|&row| &self.key_list.keys()[row as usize]);
        self.daily.follow(context, keys);
    }

    /// Looks for changes, and for the use of the visible keys, when it is time.
    pub fn tick(&mut self, context: &mut Context) {
        self.daily.tick(context, self.kind);
        if self.next_refresh.is_some_and(|at| context.now >= at) {
            self.refresh(context);
        }
    }

    /// Looks for changes now.
    pub fn refresh(&mut self, context: &mut Context) {
        if context.is_waiting_for(ReplyTo::Changes(self.kind))
            || context.is_waiting_for(ReplyTo::List(self.kind))
        {
            return;
        }
        self.next_refresh = None;
        match self.key_list.as_of {
            Some(since) if self.key_list.load_state == LoadState::Complete => {
                context.request(
                    ReplyTo::Changes(self.kind),
                    ApiRequest::List(ListRequest::Changes { kind: self.kind, since }),
                );
            }
            _ => self.load(context),
        }
    }

    /// Takes a page of the list, or of its changes; gives the rows that are new or different.
    pub fn heard(&mut self, context: &mut Context, page: Page<Key>, whole: bool) -> Changes {
        if let Some(as_of) = page.metadata.as_of {
            context.record_server_time(as_of);
        }
        context.connection = Connection::Connected;
        let last = page.metadata.next_cursor.is_none();
        let changes = if whole { self.key_list.page(page) } else { self.key_list.changes(page) };
        self.time = context.server_now();
        self.merge(context, &changes);
        if last {
            self.asked = None;
            self.next_refresh = Some(context.now.plus(context.start.refresh_interval));
        }
        changes
    }

    /// A key as it is now, after it was changed here; gives its row where it is new or different.
    pub fn heard_key(&mut self, context: &Context, key: Key) -> Changes {
        let changes = self.key_list.merge(vec![key]);
        self.merge(context, &changes);
        changes
    }

    fn merge(&mut self, context: &Context, changes: &Changes) {
        let rows: Vec<u32> = changes.added.iter().chain(&changes.changed).copied().collect();
        self.arrange(context, |table, keys, columns, rules, keep| {
            table.merge(keys, &rows, columns, rules, keep);
        });
    }

    /// Lets the table arrange the keys anew.
    fn arrange(
        &mut self,
        context: &Context,
        how: impl FnOnce(&mut Table, &[Key], &[TableColumn<Key>], &StalenessRules, &dyn Fn(&Key) -> bool),
    ) {
        let rules = self.rules(context);
        let columns = self.columns();
        let marks = std::mem::take(&mut self.table.marks);
        let (filter, revoked) = (&self.search.parsed, self.revoked || self.search.parsed.includes_revoked());
        let keep = |key: &Key| {
            (revoked || key.revoked_at.is_none())
                && (filter.is_empty() || filter.matches_marked(key, &rules, marks.contains(&key.id)))
        };
        how(&mut self.table, self.key_list.keys(), columns, &rules, &keep);
        self.table.marks = marks;
    }

    /// The list, or its changes, did not arrive.
    pub fn failed(&mut self, context: &mut Context, failure: &RequestError) {
        context.record_failure(failure);
        self.asked = None;
        if matches!(self.key_list.load_state, LoadState::Loading { .. }) {
            self.key_list.load_state = LoadState::Failed(failure.to_string());
        }
        let denied = failure.problem_type() == Some(ProblemType::NotPermitted);
        if !denied && !failure.is_signed_out() {
            self.next_refresh = Some(context.now.plus(RETRY_DELAY));
        }
    }

    /// Filters anew, after the filter or the marks changed.
    pub fn refilter(&mut self, context: &Context) {
        self.arrange(context, |table, keys, _, _, keep| table.refilter(keys, keep));
    }

    /// Whether the filter finds revoked keys that are not shown.
    pub fn hides(&self, context: &Context) -> bool {
        let (filter, rules) = (&self.search.parsed, self.rules(context));
        let found = |key: &Key| filter.matches_marked(key, &rules, self.table.marks.contains(&key.id));
        !self.revoked && self.key_list.keys().iter().any(|key| key.revoked_at.is_some() && found(key))
    }

    /// Sorts by a column, or the other way round.
    pub fn sort_by(&mut self, context: &Context, column: usize) {
        self.table.sort_by(column, self.columns());
        self.arrange(context, |table, keys, columns, rules, keep| table.resort(keys, columns, rules, keep));
    }

    /// Selects a key, if it is shown.
    pub fn select(&mut self, id: Id) {
        self.table.select_id(self.key_list.keys(), id);
    }

    /// Does what an action asks of the table; says whether it was one of the table's.
    pub fn act(&mut self, context: &mut Context, action: Action) -> bool {
        let keys = self.key_list.keys();
        if self.table.apply_action(keys, action) {
            return true;
        }
        match action {
            Action::Filter => self.search.typing = true,
            Action::Refresh => {
                self.refresh(context);
                self.asked = Some(context.now);
            }
            Action::ShowRevoked => {
                self.revoked = !self.revoked;
                self.refilter(context);
            }
            _ => return false,
        }
        true
    }
}
