//! The tab Review: the queue of organization keys that wait for a decision, the riskiest first.
//!
//! A decision is a draft until it is applied. The drafts are stored on this machine, so that a review can be interrupted. `view` draws
//! the screen; the popups of its actions are in `keep`, `apply` and `export`; `run` applies the drafts.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::domain::draft::{Draft, DraftChange, Drafts};
use crate::domain::filter::KeyTest;
use crate::domain::id::Id;
use crate::domain::key::{Key, KeyKind};
use crate::domain::permission::Permission;
use crate::domain::queue::{self, LatestDecisions};
use crate::domain::review::{Decision, ReviewRecord};
use crate::domain::staleness::StalenessRules;
use crate::domain::time::{DAY, TimeDelta, Timestamp};
use crate::tui::apply_run::ApplyRun;
use crate::tui::chart::LastUseHistogram;
use crate::tui::context::{Context, ReplyTo, StartOptions};
use crate::tui::detail_pane::DetailPane;
use crate::tui::filtered_table::{AnyFilteredTable, FilteredTable};
use crate::tui::frame::FrameInfo;
use crate::tui::key_list::{Changes, LoadState};
use crate::tui::keymap::{Action, KeyContext, stack};
use crate::tui::layout::visible_row_count;
use crate::tui::msg::{ApiRequest, Effect, ListRequest, Reply, RequestError};
use crate::tui::popup::Popup;
use crate::tui::screen::{Screen, ScreenAction, Viewport};
use crate::tui::screens::edit::EditPopup;
use crate::tui::screens::menu::MenuPopup;
use crate::tui::screens::rotate::RotatePopup;
use crate::tui::table::{ColumnSort, ColumnWidth, Table, TableColumn};
use crate::wire::page::{LIMIT_MAX, Page};
use crate::wire::reviews::ReviewsQuery;

mod apply;
mod export;
mod keep;
mod run;
mod view;

use apply::ApplyPopup;
use export::ExportPopup;
use keep::KeepPopup;

/// The only order of the queue. The cells are drawn by [`view`], since they depend on the drafts too.
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

/// Age from which a review without drafts is not continued: the next decision begins a new one.
const REVIEW_MAX_AGE: TimeDelta = DAY;

/// The screen of the tab Review.
#[derive(Debug)]
pub struct State {
    list: FilteredTable<KeyTest>,
    /// How far loading the decisions of earlier reviews has come.
    history: LoadState,
    drafts: Drafts,
    decisions: LatestDecisions,
    /// Whether the preview opens as soon as all it needs is loaded, because it was requested before.
    apply_requested: bool,
    /// Keys whose rotation was decided and applied. Their popup opens next, one after the other.
    to_rotate: Vec<Id>,
    /// Number of keys that wait for a decision, whatever the filter.
    waiting: usize,
    /// One sentence for each reason why listed keys are in the queue.
    summary: Vec<String>,
    last_uses: LastUseHistogram,
    /// Whether the tab was ever opened: before that the queue is not kept in order.
    was_opened: bool,
    rules: Option<StalenessRules>,
    reviews_begun: u8,
    /// Whether the stored drafts equal [`Self::drafts`], so that a change can be appended to them.
    is_saved: bool,
}

impl State {
    /// The screen with the drafts of the last run, if there are any.
    pub fn new(start: &StartOptions) -> Self {
        let drafts = Drafts::parse(&start.drafts);
        // Appended changes are merged into one line before anything is appended to it: the last one may be cut off.
        let is_one_line = start.drafts.lines().nth(1).is_none() && start.drafts.ends_with('\n');
        Self {
            list: FilteredTable::new(0, false),
            history: LoadState::NotLoaded,
            is_saved: drafts.is_some() && is_one_line,
            drafts: drafts.unwrap_or_else(|| {
                Drafts::new(review_id(start, Timestamp::default(), 0), Timestamp::default())
            }),
            decisions: LatestDecisions::default(),
            apply_requested: false,
            to_rotate: Vec::new(),
            waiting: 0,
            summary: Vec::new(),
            last_uses: LastUseHistogram::default(),
            was_opened: false,
            rules: None,
            reviews_begun: 0,
        }
    }

    /// Number of keys that wait for a decision, whatever the filter.
    pub fn waiting(&self) -> usize {
        self.waiting
    }

    /// Replaces the filter of the queue; it is applied when the tab is opened.
    pub fn set_filter(&mut self, filter: &str) {
        self.list.filter.set(filter);
    }

    /// Requests the decisions of all earlier reviews.
    fn load_history(&mut self, context: &mut Context) {
        if context.is_waiting_for(ReplyTo::History) {
            return;
        }
        self.history = LoadState::Loading { since: context.now };
        let query = ReviewsQuery { limit: Some(LIMIT_MAX), ..ReviewsQuery::default() };
        context.request(ReplyTo::History, ApiRequest::List(ListRequest::Reviews(query)));
    }

    /// Applies a page of earlier decisions. Those that this review has already applied are no drafts any more.
    fn add_history(&mut self, context: &mut Context, page: &Page<ReviewRecord>) {
        page.data.iter().for_each(|review| self.decisions.add(review));
        if let Some(change) = self.drafts.settled_by(&page.data) {
            self.change_drafts(context, change);
        }
        if page.metadata.next_cursor.is_none() {
            self.history = LoadState::Complete;
            self.rebuild(context);
        }
    }

    /// Updates what is said about all keys. Called for each change, never for each frame.
    fn summarize(&mut self, context: &Context) {
        let Some(rules) = self.rules else { return };
        let keys = context.keys(KeyKind::Organization);
        if keys.load_state == LoadState::Complete {
            let waits = |key: &&Key| queue::risk(key, &self.decisions, &rules).is_some();
            self.waiting = keys.keys().iter().filter(waits).count();
        }
        if self.was_opened {
            self.summarize_listed(context, &rules);
            self.last_uses = LastUseHistogram::count(keys.keys(), rules.now);
        }
    }

    /// Updates what is said about the listed keys.
    fn summarize_listed(&mut self, context: &Context, rules: &StalenessRules) {
        let keys = context.keys(KeyKind::Organization).keys();
        let listed = self.list.table.shown_rows().iter().map(|&row| &keys[row as usize]);
        self.summary = queue::summarize_flags(listed, rules);
    }

    fn rebuild(&mut self, context: &Context) {
        if self.was_opened {
            self.update_table(context, |table, keys, rules, keep| table.rebuild(keys, COLUMNS, rules, keep));
        }
        self.summarize(context);
    }

    /// Calls `update` with the table, the organization's keys, and the test of which keys are listed.
    fn update_table(
        &mut self,
        context: &Context,
        update: impl FnOnce(&mut Table, &[Key], &StalenessRules, &dyn Fn(&Key) -> bool),
    ) {
        let Some(rules) = self.rules else { return };
        let FilteredTable { table, filter } = &mut self.list;
        let marks = std::mem::take(&mut table.marks);
        let (filter, decisions, drafts) = (&filter.parsed, &self.decisions, &self.drafts);
        // A key with a draft stays listed until the draft is applied, even if nothing is wrong with the key any more.
        let keep = |key: &Key| {
            let waits = queue::risk(key, decisions, &rules).is_some() || drafts.get(key.id).is_some();
            waits && (filter.is_empty() || filter.matches_marked(key, &rules, marks.contains(&key.id)))
        };
        update(table, context.keys(KeyKind::Organization).keys(), &rules, &keep);
        table.marks = marks;
    }

    /// Server time up to which every use of the listed keys is known.
    fn seen_until(&self, context: &Context) -> Timestamp {
        context.keys(KeyKind::Organization).as_of.or(self.rules.map(|rules| rules.now)).unwrap_or_default()
    }

    /// The keys that a decision is about: the marked keys that are listed, or the selected one.
    fn chosen_ids(&self, context: &Context) -> Vec<Id> {
        let table = &self.list.table;
        let selected = || table.selected_id().into_iter().collect();
        if table.marks.is_empty() {
            return selected();
        }
        let keys = context.keys(KeyKind::Organization).keys();
        let listed = table.shown_rows().iter().map(|&row| keys[row as usize].id);
        let marked: Vec<Id> = listed.filter(|id| table.marks.contains(id)).collect();
        if marked.is_empty() { selected() } else { marked }
    }

    /// Drafts a decision on the chosen keys.
    fn decide(&mut self, context: &mut Context, decision: Decision) {
        let draft = Draft::new(decision, self.seen_until(context));
        self.add_draft(context, draft);
    }

    /// Drafts the decision to keep the chosen keys until a date, or until they get worse.
    pub fn keep(&mut self, context: &mut Context, until: Option<Timestamp>, note: Option<String>) {
        let draft = Draft { until, note, ..Draft::new(Decision::Keep, self.seen_until(context)) };
        self.add_draft(context, draft);
    }

    fn add_draft(&mut self, context: &mut Context, draft: Draft) {
        let keys = self.chosen_ids(context);
        if keys.is_empty() {
            return;
        }
        self.begin_review_if_old(context);
        self.change_drafts(context, DraftChange::Decided { draft, keys });
        self.list.table.marks.clear();
        self.select_next_undecided(context);
    }

    /// Begins a new review unless one is in progress, so that today's decisions are not recorded under last week's review.
    fn begin_review_if_old(&mut self, context: &Context) {
        let now = context.server_now();
        if self.drafts.is_empty() && now.since(self.drafts.begun_at) > REVIEW_MAX_AGE {
            self.reviews_begun += 1;
            self.drafts = Drafts::new(review_id(&context.start, now, self.reviews_begun), now);
            self.is_saved = false;
        }
    }

    /// Selects the next row without a draft, wrapping around. Visits each row once, since all of very many may be decided.
    fn select_next_undecided(&mut self, context: &Context) {
        let keys = context.keys(KeyKind::Organization).keys();
        let table = &mut self.list.table;
        let shown = table.shown_rows();
        let after = table.selected_index() + 1;
        let mut rows = (after..shown.len()).chain(0..after.min(shown.len()));
        if let Some(next) = rows.find(|&row| self.drafts.get(keys[shown[row] as usize].id).is_none()) {
            table.select_index(keys, next);
        }
    }

    fn undo(&mut self, context: &mut Context) {
        let Some(&first) = self.change_drafts(context, DraftChange::Undone).first() else {
            context.report_unavailable("there is nothing to undo");
            return;
        };
        // Only a key with nothing wrong any more leaves the list.
        let listed = self.list.table.shown_rows().len();
        self.update_table(context, |table, keys, _, keep| table.refilter(keys, keep));
        if let Some(rules) = self.rules.filter(|_| self.list.table.shown_rows().len() != listed) {
            self.summarize_listed(context, &rules);
        }
        self.list.table.select_id(context.keys(KeyKind::Organization).keys(), first);
    }

    /// Changes the drafts, here and in the stored file; returns the keys whose draft changed.
    fn change_drafts(&mut self, context: &mut Context, change: DraftChange) -> Vec<Id> {
        let line = self.is_saved.then(|| change.to_line());
        let keys = self.drafts.apply(change);
        if keys.is_empty() {
            return keys;
        }
        self.is_saved = true;
        context.effects.push(match line {
            Some(line) => Effect::AppendDrafts(line),
            None => Effect::SaveDrafts(self.drafts.to_line()),
        });
        keys
    }

    /// Opens the preview of the drafts, or says why there is none; it opens later if something is still being loaded.
    fn open_apply(&mut self, context: &mut Context) -> ScreenAction {
        match ApplyPopup::new(context, self) {
            Ok(popup) => ScreenAction::open(popup),
            Err(why) => {
                let is_loading = ApplyPopup::is_ready(context, self) == Some(false);
                self.apply_requested = !self.drafts.is_empty() && is_loading;
                context.notices.info(context.now, why);
                ScreenAction::Done
            }
        }
    }
}

impl Screen for State {
    fn key_contexts(&self) -> &'static [KeyContext] {
        stack::REVIEW
    }

    fn table(&self) -> &dyn AnyFilteredTable {
        &self.list
    }

    fn table_mut(&mut self) -> &mut dyn AnyFilteredTable {
        &mut self.list
    }

    fn refilter(&mut self, context: &Context) {
        self.update_table(context, |table, keys, _, keep| table.refilter(keys, keep));
        if let Some(rules) = self.rules {
            self.summarize_listed(context, &rules);
        }
    }

    fn open(&mut self, context: &mut Context) {
        if context.keys(KeyKind::Organization).load_state == LoadState::NotLoaded {
            context.load_keys(KeyKind::Organization);
        }
        self.was_opened = true;
        self.rules = Some(context.key_rules(KeyKind::Organization));
        self.rebuild(context);
        if self.list.table.selected_id().is_some_and(|id| self.drafts.get(id).is_some()) {
            self.select_next_undecided(context);
        }
        if matches!(self.history, LoadState::NotLoaded | LoadState::Failed(_)) {
            self.load_history(context);
        }
    }

    fn reload(&mut self, context: &mut Context) {
        self.load_history(context);
    }

    fn check_available(&self, context: &Context, action: Action) -> Result<(), String> {
        let selected = || self.selected_key(context).map(drop).ok_or_else(|| "no key is selected".to_owned());
        let decides = matches!(
            action,
            Action::Keep | Action::MarkRevoke | Action::Rotate | Action::Skip | Action::Undo | Action::Apply
        );
        if decides {
            context.check_permission(Permission::Review)?;
        }
        match action {
            Action::Sort => Err("the queue is ordered by risk".to_owned()),
            Action::Apply | Action::Undo if self.drafts.is_empty() => {
                Err("nothing is decided yet".to_owned())
            }
            Action::Keep
            | Action::MarkRevoke
            | Action::Rotate
            | Action::Skip
            | Action::Open
            | Action::Edit
            | Action::Copy
            | Action::Command
            | Action::Mark
            | Action::MarkAll => selected(),
            _ => Ok(()),
        }
    }

    fn run_action(&mut self, context: &mut Context, action: Action) -> ScreenAction {
        if self.list.run_action(context.keys(KeyKind::Organization).keys(), action) {
            return ScreenAction::Done;
        }
        match action {
            Action::MarkRevoke => self.decide(context, Decision::Revoke),
            Action::Rotate => self.decide(context, Decision::Rotate),
            Action::Skip => self.decide(context, Decision::Skip),
            Action::Undo => self.undo(context),
            Action::Keep => {
                return KeepPopup::new(context, self).map_or(ScreenAction::Done, ScreenAction::open);
            }
            Action::Apply => return self.open_apply(context),
            Action::Export => {
                return ScreenAction::open(ExportPopup::new(context, self.drafts.review_id));
            }
            Action::Refresh => {
                context.refresh_keys(KeyKind::Organization);
                self.load_history(context);
            }
            Action::Edit | Action::Copy | Action::Command => {
                let Some(key) = self.selected_key(context) else { return ScreenAction::Done };
                return match action {
                    Action::Edit => ScreenAction::open(EditPopup::new(key.clone())),
                    Action::Copy => ScreenAction::open(MenuPopup::copy(&[key])),
                    _ => ScreenAction::open(MenuPopup::commands(context, true, key)),
                };
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

    fn update_layout(&mut self, _: &mut Context, viewport: Viewport) {
        if viewport.is_open {
            let areas = view::Areas::split(viewport.body, viewport.has_pane);
            self.list.table.scroll_to_selection(visible_row_count(areas.table));
        }
    }

    fn draw(&self, context: &Context, pane: &DetailPane, body: Rect, buf: &mut Buffer) -> FrameInfo {
        view::draw(self, context, pane, body, buf)
    }

    fn awaits(&self, reply_to: ReplyTo) -> bool {
        matches!(reply_to, ReplyTo::History | ReplyTo::Decide(_))
    }

    fn apply_reply(&mut self, context: &mut Context, reply_to: ReplyTo, result: Result<Reply, RequestError>) {
        match (reply_to, result) {
            (ReplyTo::Decide(id), result) => self.apply_decision(context, id, result),
            (_, Ok(Reply::Reviews(page))) => self.add_history(context, &page),
            (_, Ok(_)) => {}
            (_, Err(failure)) => {
                context.record_failure(&failure);
                self.apply_requested = false;
                self.history = LoadState::Failed(failure.to_string());
            }
        }
    }

    fn keys_changed(&mut self, context: &mut Context, kind: KeyKind, changes: &Changes) {
        if kind != KeyKind::Organization {
            return;
        }
        self.rules = Some(context.key_rules(kind));
        let rows = changes.rows();
        if self.was_opened && !rows.is_empty() {
            self.update_table(context, |table, keys, rules, keep| {
                table.merge(keys, &rows, COLUMNS, rules, keep);
            });
        }
        // While drafts are applied, the summary of all keys waits for the end of the run: there may be 100,000 of them.
        if context.apply_run.as_ref().is_none_or(ApplyRun::is_over) {
            self.summarize(context);
        }
        // The number of keys that wait depends on earlier decisions.
        if self.history == LoadState::NotLoaded && context.check_permission(Permission::Review).is_ok() {
            self.load_history(context);
        }
    }

    fn next_popup(&mut self, context: &mut Context, is_free: bool) -> Option<Box<dyn Popup>> {
        if self.apply_requested {
            let ready = ApplyPopup::is_ready(context, self);
            if ready != Some(false) {
                self.apply_requested = false;
                if is_free
                    && ready.is_some()
                    && let ScreenAction::Open(popup) = self.open_apply(context)
                {
                    return Some(popup);
                }
            }
        }
        if !is_free || context.apply_run.is_some() {
            return None;
        }
        let id = self.to_rotate.pop()?;
        let key = context.find_key(id).cloned()?;
        Some(Box::new(RotatePopup::on_key(context, &key)))
    }

    fn selected_key<'a>(&self, context: &'a Context) -> Option<&'a Key> {
        self.list.table.selected_id().and_then(|id| context.keys(KeyKind::Organization).get(id))
    }
}

/// Derives the id of a review from the random bytes that the UI started with.
fn review_id(start: &StartOptions, now: Timestamp, count: u8) -> Id {
    let mut random = [0; 10];
    random.copy_from_slice(&start.seed[..10]);
    random[9] ^= count;
    Id::new(now, random)
}
