//! The review: organization keys that wait for a decision, the riskiest first; decisions are drafts until they are applied.

use crate::domain::draft::{Change, Draft, Drafts};
use crate::domain::filter::KeyTest;
use crate::domain::id::Id;
use crate::domain::key::Key;
use crate::domain::queue::{self, Decisions};
use crate::domain::review::{Decision, Review};
use crate::domain::staleness::Judge;
use crate::domain::time::{DAY, Stamp};
use crate::tui::chart::LastUses;
use crate::tui::fleet::{Changes, Fleet, Load};
use crate::tui::keymap::Action;
use crate::tui::msg::{Ask, Effect, Failure};
use crate::tui::screens::keys;
use crate::tui::search::Search;
use crate::tui::shared::{Owner, Shared, Start};
use crate::tui::table::{Column, Order, Table, Width};
use crate::wire::page::{LIMIT_MAX, Page};
use crate::wire::reviews::ReviewsQuery;

mod apply;
mod export;
mod keep;
mod run;
mod view;

pub use apply::Apply;
pub use export::ExportPopup;
pub use keep::Keep;
pub use run::{Outcome, Run};
pub use view::{Places, draw, places};

/// The queue's only order; what stands in the rows is drawn by [`view`], since it depends on the drafts too.
const COLUMNS: &[Column<Key>] = &[Column {
    title: "",
    width: Width::Fixed(1),
    yields: 0,
    cell: |_, _| ratatui::text::Line::default(),
    order: Some(Order {
        rank: |key, judge| {
            let risk = judge.risk(key).map_or(7, |risk| risk as u64);
            let silent_since = key.last_used_at.unwrap_or(key.created_at);
            risk << 56 | u64::try_from(silent_since.0).unwrap_or(0)
        },
        tie: |a, b| a.id.cmp(&b.id),
        descending: false,
    }),
}];

/// A sitting without drafts that is older than this ends by itself, in milliseconds.
const SITTING_MS: i64 = DAY;

/// The review.
#[derive(Debug)]
pub struct State {
    /// Where the queue stands. Its rows are the keys of the workspace.
    pub table: Table,
    /// The filter.
    pub search: Search<KeyTest>,
    /// How far loading the applied decisions has come.
    pub history: Load,
    /// What is decided and not applied.
    pub drafts: Drafts,
    /// The batch that is being applied, or its results.
    pub run: Option<Run>,
    /// Applying was asked for before all was known that its preview shows: it opens then.
    pub apply_asked: bool,
    /// Keys whose rotation was decided and applied; their wizard opens next.
    pub to_rotate: Vec<Id>,
    decisions: Decisions,
    waiting: usize,
    said: Vec<String>,
    last_uses: LastUses,
    arranged: bool,
    judge: Option<Judge>,
    sittings: u8,
    /// Whether all but what changes from now on is kept on this machine.
    kept: bool,
}

impl State {
    /// With the drafts of the last run, if there are any.
    pub fn new(start: &Start) -> Self {
        let drafts = Drafts::read(&start.drafts);
        Self {
            table: Table::new(0, false),
            search: Search::default(),
            history: Load::Nothing,
            // What was appended is put together before anything is appended to it: its end may be torn.
            kept: drafts.is_some() && start.drafts.lines().nth(1).is_none() && start.drafts.ends_with('\n'),
            drafts: drafts
                .unwrap_or_else(|| Drafts::new(sitting(start, Stamp::default(), 0), Stamp::default())),
            run: None,
            apply_asked: false,
            to_rotate: Vec::new(),
            decisions: Decisions::default(),
            waiting: 0,
            said: Vec::new(),
            last_uses: LastUses::default(),
            arranged: false,
            judge: None,
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
    pub fn last_uses(&self) -> &LastUses {
        &self.last_uses
    }

    /// The selected key.
    pub fn selected<'a>(&self, fleet: &'a Fleet) -> Option<&'a Key> {
        self.table.selected().and_then(|id| fleet.get(id))
    }

    /// Asks for all applied decisions.
    pub fn load(&mut self, shared: &mut Shared) {
        if shared.waits(Owner::History) {
            return;
        }
        self.history = Load::Loading { since: shared.now };
        let query = ReviewsQuery { limit: Some(LIMIT_MAX), ..ReviewsQuery::default() };
        shared.ask(Owner::History, Ask::Reviews(query));
    }

    /// Takes a page of applied decisions. What this sitting had already applied is no draft any more.
    pub fn heard(&mut self, shared: &mut Shared, fleet: &Fleet, page: &Page<Review>) {
        page.data.iter().for_each(|review| self.decisions.add(review));
        if let Some(change) = self.drafts.recorded(&page.data) {
            self.change(shared, change);
        }
        if page.metadata.next_cursor.is_none() {
            self.history = Load::Complete;
            self.arrange(fleet);
        }
    }

    /// The applied decisions did not arrive.
    pub fn failed(&mut self, shared: &mut Shared, failure: &Failure) {
        shared.heard_failure(failure);
        self.apply_asked = false;
        self.history = Load::Failed(failure.to_string());
    }

    /// The keys changed, or time has passed: `judge` is what the workspace shows.
    pub fn keys_changed(&mut self, fleet: &Fleet, changes: &Changes, judge: Judge) {
        self.judge = Some(judge);
        let rows: Vec<u32> = changes.added.iter().chain(&changes.changed).copied().collect();
        if self.arranged && !rows.is_empty() {
            self.with_table(fleet, |table, keys, judge, keep| table.merge(keys, &rows, COLUMNS, judge, keep));
        }
        // While a batch is applied, what is said about all keys waits for its end: there may be 100,000 of them.
        if self.run.as_ref().is_none_or(Run::is_over) {
            self.summarise(fleet);
        }
    }

    /// What is said about all keys. Said once for each change, never for each frame.
    fn summarise(&mut self, fleet: &Fleet) {
        let Some(judge) = self.judge else { return };
        if fleet.load == Load::Complete {
            self.count(fleet);
        }
        if self.arranged {
            self.say(fleet, &judge);
            self.last_uses = LastUses::of(fleet.keys(), judge.now);
        }
    }

    /// What is said about the keys shown.
    fn say(&mut self, fleet: &Fleet, judge: &Judge) {
        let shown = self.table.shown().iter().map(|&row| &fleet.keys()[row as usize]);
        self.said = queue::sentences(shown, judge);
    }

    fn count(&mut self, fleet: &Fleet) {
        let Some(judge) = self.judge else { return };
        let waits = |key: &&Key| queue::risk(key, &self.decisions, &judge).is_some();
        self.waiting = fleet.keys().iter().filter(waits).count();
    }

    /// The tab is opened: from now on the queue is kept in order.
    pub fn open(&mut self, shared: &mut Shared, workspace: &keys::State) {
        self.arranged = true;
        self.judge = Some(workspace.look(shared).judge);
        self.arrange(&workspace.fleet);
        // One goes on where one was.
        if self.table.selected().is_some_and(|id| self.drafts.get(id).is_some()) {
            self.go_on(&workspace.fleet);
        }
        if matches!(self.history, Load::Nothing | Load::Failed(_)) {
            self.load(shared);
        }
    }

    fn arrange(&mut self, fleet: &Fleet) {
        if self.arranged {
            self.with_table(fleet, |table, keys, judge, keep| table.rebuild(keys, COLUMNS, judge, keep));
        }
        self.summarise(fleet);
    }

    /// The filter is another now.
    pub fn refilter(&mut self, fleet: &Fleet) {
        self.with_table(fleet, |table, keys, _, keep| table.refilter(keys, keep));
        if let Some(judge) = self.judge {
            self.say(fleet, &judge);
        }
    }

    fn with_table(
        &mut self,
        fleet: &Fleet,
        how: impl FnOnce(&mut Table, &[Key], &Judge, &dyn Fn(&Key) -> bool),
    ) {
        let Some(judge) = self.judge else { return };
        let marks = std::mem::take(&mut self.table.marks);
        let (filter, decisions, drafts) = (&self.search.parsed, &self.decisions, &self.drafts);
        // A key that was decided stays in sight until that is applied, even if it is in order again.
        let keep = |key: &Key| {
            let waits = queue::risk(key, decisions, &judge).is_some() || drafts.get(key.id).is_some();
            waits && (filter.is_empty() || filter.matches_marked(key, &judge, marks.contains(&key.id)))
        };
        how(&mut self.table, fleet.keys(), &judge, &keep);
        self.table.marks = marks;
    }

    /// Does what an action asks of the queue; says whether it was one of the queue's.
    pub fn act(&mut self, shared: &mut Shared, fleet: &Fleet, action: Action) -> bool {
        if self.table.act(fleet.keys(), action) {
            return true;
        }
        match action {
            Action::Filter => self.search.typing = true,
            Action::MarkRevoke => self.decide(shared, fleet, &Draft::new(Decision::Revoke, self.seen(fleet))),
            Action::Rotate => self.decide(shared, fleet, &Draft::new(Decision::Rotate, self.seen(fleet))),
            Action::Skip => self.decide(shared, fleet, &Draft::new(Decision::Skip, self.seen(fleet))),
            Action::Undo => self.undo(shared, fleet),
            _ => return false,
        }
        true
    }

    /// Up to when the keys' use has been seen: the server's watermark of what is on the screen.
    pub fn seen(&self, fleet: &Fleet) -> Stamp {
        fleet.as_of.or(self.judge.map(|judge| judge.now)).unwrap_or_default()
    }

    /// The keys that a decision is about: the marked ones that are shown, or the selected one.
    pub fn targets(&self, fleet: &Fleet) -> Vec<Id> {
        if self.table.marks.is_empty() {
            return self.table.selected().into_iter().collect();
        }
        let shown = self.table.shown().iter().map(|&row| fleet.keys()[row as usize].id);
        let marked: Vec<Id> = shown.filter(|id| self.table.marks.contains(id)).collect();
        if marked.is_empty() { self.table.selected().into_iter().collect() } else { marked }
    }

    /// Decides on the targets in one step and goes on to the next key without a decision.
    pub fn decide(&mut self, shared: &mut Shared, fleet: &Fleet, draft: &Draft) {
        let targets = self.targets(fleet);
        if targets.is_empty() {
            return;
        }
        self.begin_sitting(shared);
        self.change(shared, Change::Decided { draft: draft.clone(), keys: targets });
        self.table.marks.clear();
        self.go_on(fleet);
    }

    /// A new sitting where none is under way, so that what is decided today is not filed under last week's.
    fn begin_sitting(&mut self, shared: &Shared) {
        let now = shared.server_now();
        if self.drafts.is_empty() && now.since(self.drafts.begun_at) > SITTING_MS {
            self.sittings += 1;
            self.drafts = Drafts::new(sitting(&shared.start, now, self.sittings), now);
            self.kept = false;
        }
    }

    fn go_on(&mut self, fleet: &Fleet) {
        let keys = fleet.keys();
        let shown = self.table.shown();
        // In one pass, the rows after this one first: all of very many may be decided.
        let after = self.table.at() + 1;
        let mut rows = (after..shown.len()).chain(0..after.min(shown.len()));
        if let Some(next) = rows.find(|&at| self.drafts.get(keys[shown[at] as usize].id).is_none()) {
            self.table.select(keys, next);
        }
    }

    fn undo(&mut self, shared: &mut Shared, fleet: &Fleet) {
        match self.change(shared, Change::Undone).first() {
            Some(&first) => {
                // Only keys that were shown are concerned, unless one of them was in order again by now.
                let shown = self.table.shown().len();
                self.with_table(fleet, |table, keys, _, keep| table.refilter(keys, keep));
                if let Some(judge) = self.judge.filter(|_| self.table.shown().len() != shown) {
                    self.say(fleet, &judge);
                }
                self.table.select_id(fleet.keys(), first);
            }
            None => shared.cannot("there is nothing to undo"),
        }
    }

    /// Drops drafts on keys about which nothing is left to decide.
    pub fn drop_drafts(&mut self, shared: &mut Shared, keys: &[Id]) {
        if !keys.is_empty() {
            self.change(shared, Change::Applied(keys.to_vec()));
        }
    }

    /// Changes the drafts, here and on the disk; the keys that it was about.
    fn change(&mut self, shared: &mut Shared, change: Change) -> Vec<Id> {
        let line = self.kept.then(|| change.line());
        let keys = self.drafts.take(change);
        if keys.is_empty() {
            return keys;
        }
        self.kept = true;
        shared.effects.push(match line {
            Some(line) => Effect::NoteDrafts(line),
            None => Effect::KeepDrafts(self.drafts.line()),
        });
        keys
    }

    /// One step back: the filter, then the marks. Says whether there was one.
    pub fn back(&mut self, fleet: &Fleet) -> bool {
        if !self.search.is_empty() {
            self.search.clear();
            self.refilter(fleet);
        } else if !self.table.marks.is_empty() {
            self.table.marks.clear();
        } else {
            return false;
        }
        true
    }
}

/// The id of a sitting, from the random bytes that the UI started with.
fn sitting(start: &Start, now: Stamp, count: u8) -> Id {
    let mut random = [0; 10];
    random.copy_from_slice(&start.seed[..10]);
    random[9] ^= count;
    Id::new(now, random)
}
