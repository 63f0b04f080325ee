//! The review: organization keys that wait for a decision, the riskiest first; decisions are drafts until they are applied.

use crate::domain::draft::{Draft, DraftChange, Drafts};
use crate::domain::filter::KeyTest;
use crate::domain::id::Id;
use crate::domain::key::Key;
use crate::domain::queue::{self, LatestDecisions};
use crate::domain::review::{Decision, ReviewRecord};
use crate::domain::staleness::StalenessRules;
use crate::domain::time::{DAY, TimeDelta, Timestamp};
use crate::tui::chart::LastUseHistogram;
use crate::tui::context::{Context, ReplyTo, StartOptions};
use crate::tui::key_list::{Changes, KeyList, LoadState};
use crate::tui::keymap::Action;
use crate::tui::msg::{ApiRequest, Effect, ListRequest, RequestError};
use crate::tui::screens::keys;
use crate::tui::search::Search;
use crate::tui::table::{ColumnSort, ColumnWidth, Table, TableColumn};
use crate::wire::page::{LIMIT_MAX, Page};
use crate::wire::reviews::ReviewsQuery;

mod apply;
mod export;
mod keep;
mod run;
mod view;

pub use apply::ApplyPopup;
pub use export::ExportPopup;
pub use keep::KeepPopup;
pub use run::{ApplyRun, DecisionResult};
pub use view::{Places, draw, places};

/// The queue's only order; what stands in the rows is drawn by [`view`], since it depends on the drafts too.
const COLUMNS: &[TableColumn<Key>] = &[TableColumn {
    title: "",
    width: ColumnWidth::Fixed(1),
    yields: 0,
    cell: |_, _| ratatui::text::Line::default(),
    order: Some(ColumnSort {
        rank: |key, rules| {
            let risk = rules.risk(key).map_or(7, |risk| risk as u64);
            let silent_since = key.last_used_at.unwrap_or(key.created_at);
            risk << 56 | u64::try_from(silent_since.0).unwrap_or(0)
        },
        tie: |a, b| a.id.cmp(&b.id),
        descending: false,
    }),
}];

/// A sitting without drafts that is older than this ends by itself.
const SITTING_LIFETIME: TimeDelta = DAY;

/// The review.
#[derive(Debug)]
pub struct State {
    /// Where the queue stands. Its rows are the keys of the workspace.
    pub table: Table,
    /// The filter.
    pub search: Search<KeyTest>,
    /// How far loading the applied decisions has come.
    pub history: LoadState,
    /// What is decided and not applied.
    pub drafts: Drafts,
    /// The batch that is being applied, or its results.
    pub run: Option<ApplyRun>,
    /// Applying was asked for before all was known that its preview shows: it opens then.
    pub apply_asked: bool,
    /// Keys whose rotation was decided and applied; their wizard opens next.
    pub to_rotate: Vec<Id>,
    decisions: LatestDecisions,
    waiting: usize,
    said: Vec<String>,
    last_uses: LastUseHistogram,
    arranged: bool,
    rules: Option<StalenessRules>,
    sittings: u8,
    /// Whether all but what changes from now on is kept on this machine.
    kept: bool,
}

impl State {
    /// With the drafts of the last run, if there are any.
    pub fn new(start: &StartOptions) -> Self {
        let drafts = Drafts::parse(&start.drafts);
        Self {
            table: Table::new(0, false),
            search: Search::default(),
            history: LoadState::NotLoaded,
            // What was appended is put together before anything is appended to it: its end may be torn.
            kept: drafts.is_some() && start.drafts.lines().nth(1).is_none() && start.drafts.ends_with('\n'),
            drafts: drafts.unwrap_or_else(|| {
                Drafts::new(sitting(start, Timestamp::default(), 0), Timestamp::default())
            }),
            run: None,
            apply_asked: false,
            to_rotate: Vec::new(),
            decisions: LatestDecisions::default(),
            waiting: 0,
            said: Vec::new(),
            last_uses: LastUseHistogram::default(),
            arranged: false,
            rules: None,
            sittings: 0,
        }
    }

    /// How many keys wait for a decision, whatever the filter.
    pub fn waiting(&self) -> usize {
        self.waiting
    }

    /// What is to be said about the keys shown, a sentence for each reason.
    pub fn said(&self) -> &[String] {
        &self.said
    }

    /// All keys by their last use.
    pub fn last_uses(&self) -> &LastUseHistogram {
        &self.last_uses
    }

    /// The selected key.
    pub fn selected<'a>(&self, key_list: &'a KeyList) -> Option<&'a Key> {
        self.table.selected_id().and_then(|id| key_list.get(id))
    }

    /// Asks for all applied decisions.
    pub fn load(&mut self, context: &mut Context) {
        if context.is_waiting_for(ReplyTo::History) {
            return;
        }
        self.history = LoadState::Loading { since: context.now };
        let query = ReviewsQuery { limit: Some(LIMIT_MAX), ..ReviewsQuery::default() };
        context.request(ReplyTo::History, ApiRequest::List(ListRequest::Reviews(query)));
    }

    /// Takes a page of applied decisions. What this sitting had already applied is no draft any more.
    pub fn heard(&mut self, context: &mut Context, key_list: &KeyList, page: &Page<ReviewRecord>) {
        page.data.iter().for_each(|review| self.decisions.add(review));
        if let Some(change) = self.drafts.settled_by(&page.data) {
            self.change(context, change);
        }
        if page.metadata.next_cursor.is_none() {
            self.history = LoadState::Complete;
            self.arrange(key_list);
        }
    }

    /// The applied decisions did not arrive.
    pub fn failed(&mut self, context: &mut Context, failure: &RequestError) {
        context.record_failure(failure);
        self.apply_asked = false;
        self.history = LoadState::Failed(failure.to_string());
    }

    /// The keys changed, or time has passed: `judge` is what the workspace shows.
    pub fn keys_changed(&mut self, key_list: &KeyList, changes: &Changes, rules: StalenessRules) {
        self.rules = Some(rules);
        let rows: Vec<u32> = changes.added.iter().chain(&changes.changed).copied().collect();
        if self.arranged && !rows.is_empty() {
            self.with_table(key_list, |table, keys, rules, keep| {
                table.merge(keys, &rows, COLUMNS, rules, keep);
            });
        }
        // While a batch is applied, what is said about all keys waits for its end: there may be 100,000 of them.
        if self.run.as_ref().is_none_or(ApplyRun::is_over) {
            self.summarise(key_list);
        }
    }

    /// What is said about all keys. Said once for each change, never for each frame.
    fn summarise(&mut self, key_list: &KeyList) {
        let Some(rules) = self.rules else { return };
        if key_list.load_state == LoadState::Complete {
            self.count(key_list);
        }
        if self.arranged {
            self.say(key_list, &rules);
            self.last_uses = LastUseHistogram::count(key_list.keys(), rules.now);
        }
    }

    /// What is said about the keys shown.
    fn say(&mut self, key_list: &KeyList, rules: &StalenessRules) {
        let shown = self.table.shown_rows().iter().map(|&row| &key_list.keys()[row as usize]);
        self.said = queue::summarize_flags(shown, rules);
    }

    fn count(&mut self, key_list: &KeyList) {
        let Some(rules) = self.rules else { return };
        let waits = |key: &&Key| queue::risk(key, &self.decisions, &rules).is_some();
        self.waiting = key_list.keys().iter().filter(waits).count();
    }

    /// The tab is opened: from now on the queue is kept in order.
    pub fn open(&mut self, context: &mut Context, workspace: &keys::State) {
        self.arranged = true;
        self.rules = Some(workspace.look(context).rules);
        self.arrange(&workspace.key_list);
        // One goes on where one was.
        if self.table.selected_id().is_some_and(|id| self.drafts.get(id).is_some()) {
            self.go_on(&workspace.key_list);
        }
        if matches!(self.history, LoadState::NotLoaded | LoadState::Failed(_)) {
            self.load(context);
        }
    }

    fn arrange(&mut self, key_list: &KeyList) {
        if self.arranged {
            self.with_table(key_list, |table, keys, rules, keep| table.rebuild(keys, COLUMNS, rules, keep));
        }
        self.summarise(key_list);
    }

    /// The filter is another now.
    pub fn refilter(&mut self, key_list: &KeyList) {
        self.with_table(key_list, |table, keys, _, keep| table.refilter(keys, keep));
        if let Some(rules) = self.rules {
            self.say(key_list, &rules);
        }
    }

    fn with_table(
        &mut self,
        key_list: &KeyList,
        how: impl FnOnce(&mut Table, &[Key], &StalenessRules, &dyn Fn(&Key) -> bool),
    ) {
        let Some(rules) = self.rules else { return };
        let marks = std::mem::take(&mut self.table.marks);
        let (filter, decisions, drafts) = (&self.search.parsed, &self.decisions, &self.drafts);
        // A key that was decided stays in sight until that is applied, even if it is in order again.
        let keep = |key: &Key| {
            let waits = queue::risk(key, decisions, &rules).is_some() || drafts.get(key.id).is_some();
            waits && (filter.is_empty() || filter.matches_marked(key, &rules, marks.contains(&key.id)))
        };
        how(&mut self.table, key_list.keys(), &rules, &keep);
        self.table.marks = marks;
    }

    /// Does what an action asks of the queue; says whether it was one of the queue's.
    pub fn act(&mut self, context: &mut Context, key_list: &KeyList, action: Action) -> bool {
        if self.table.apply_action(key_list.keys(), action) {
            return true;
        }
        match action {
            Action::Filter => self.search.typing = true,
            Action::MarkRevoke => {
                self.decide(context, key_list, &Draft::new(Decision::Revoke, self.seen(key_list)));
            }
            Action::Rotate => {
                self.decide(context, key_list, &Draft::new(Decision::Rotate, self.seen(key_list)));
            }
            Action::Skip => self.decide(context, key_list, &Draft::new(Decision::Skip, self.seen(key_list))),
            Action::Undo => self.undo(context, key_list),
            _ => return false,
        }
        true
    }

    /// Up to when the keys' use has been seen: the server's watermark of what is on the screen.
    pub fn seen(&self, key_list: &KeyList) -> Timestamp {
        key_list.as_of.or(self.rules.map(|rules| rules.now)).unwrap_or_default()
    }

    /// The keys that a decision is about: the marked ones that are shown, or the selected one.
    pub fn targets(&self, key_list: &KeyList) -> Vec<Id> {
        if self.table.marks.is_empty() {
            return self.table.selected_id().into_iter().collect();
        }
        let shown = self.table.shown_rows().iter().map(|&row| key_list.keys()[row as usize].id);
        let marked: Vec<Id> = shown.filter(|id| self.table.marks.contains(id)).collect();
        if marked.is_empty() { self.table.selected_id().into_iter().collect() } else { marked }
    }

    /// Decides on the targets in one step and goes on to the next key without a decision.
    pub fn decide(&mut self, context: &mut Context, key_list: &KeyList, draft: &Draft) {
        let targets = self.targets(key_list);
        if targets.is_empty() {
            return;
        }
        self.begin_sitting(context);
        self.change(context, DraftChange::Decided { draft: draft.clone(), keys: targets });
        self.table.marks.clear();
        self.go_on(key_list);
    }

    /// A new sitting where none is under way, so that what is decided today is not filed under last week's.
    fn begin_sitting(&mut self, context: &Context) {
        let now = context.server_now();
        if self.drafts.is_empty() && now.since(self.drafts.begun_at) > SITTING_LIFETIME {
            self.sittings += 1;
            self.drafts = Drafts::new(sitting(&context.start, now, self.sittings), now);
            self.kept = false;
        }
    }

    fn go_on(&mut self, key_list: &KeyList) {
        let keys = key_list.keys();
        let shown = self.table.shown_rows();
        // In one pass, the rows after this one first: all of very many may be decided.
        let after = self.table.selected_index() + 1;
        let mut rows = (after..shown.len()).chain(0..after.min(shown.len()));
        if let Some(next) = rows.find(|&at| self.drafts.get(keys[shown[at] as usize].id).is_none()) {
            self.table.select_index(keys, next);
        }
    }

    fn undo(&mut self, context: &mut Context, key_list: &KeyList) {
        match self.change(context, DraftChange::Undone).first() {
            Some(&first) => {
                // Only keys that were shown are concerned, unless one of them was in order again by now.
                let shown = self.table.shown_rows().len();
                self.with_table(key_list, |table, keys, _, keep| table.refilter(keys, keep));
                if let Some(rules) = self.rules.filter(|_| self.table.shown_rows().len() != shown) {
                    self.say(key_list, &rules);
                }
                self.table.select_id(key_list.keys(), first);
            }
            None => context.report_unavailable("there is nothing to undo"),
        }
    }

    /// Drops drafts on keys about which nothing is left to decide.
    pub fn drop_drafts(&mut self, context: &mut Context, keys: &[Id]) {
        if !keys.is_empty() {
            self.change(context, DraftChange::Applied(keys.to_vec()));
        }
    }

    /// Changes the drafts, here and on the disk; the keys that it was about.
    fn change(&mut self, context: &mut Context, change: DraftChange) -> Vec<Id> {
        let line = self.kept.then(|| change.to_line());
        let keys = self.drafts.apply(change);
        if keys.is_empty() {
            return keys;
        }
        self.kept = true;
        context.effects.push(match line {
            Some(line) => Effect::AppendDrafts(line),
            None => Effect::SaveDrafts(self.drafts.to_line()),
        });
        keys
    }

    /// One step back: the filter, then the marks. Says whether there was one.
    pub fn back(&mut self, key_list: &KeyList) -> bool {
        if !self.search.is_empty() {
            self.search.clear();
            self.refilter(key_list);
        } else if !self.table.marks.is_empty() {
            self.table.marks.clear();
        } else {
            return false;
        }
        true
    }
}

/// The id of a sitting, from the random bytes that the UI started with.
fn sitting(start: &StartOptions, now: Timestamp, count: u8) -> Id {
    let mut random = [0; 10];
    random.copy_from_slice(&start.seed[..10]);
    random[9] ^= count;
    Id::new(now, random)
}
