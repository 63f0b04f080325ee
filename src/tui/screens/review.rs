//! The Review tab: the queue of organization keys that need a decision, the riskiest first.
//!
//! `queue` decides which keys are listed, and `view` draws them. A decision is a draft until it is applied: `drafts` stores the drafts on
//! this machine, so that a review can be interrupted, and `run` sends them. The popups are in `keep`, `apply` and `export`.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::domain::draft::Drafts;
use crate::domain::filter::KeyTest;
use crate::domain::id::Id;
use crate::domain::key::{Key, KeyKind};
use crate::domain::permission::Permission;
use crate::domain::queue::LatestDecisions;
use crate::domain::review::{Decision, ReviewRecord};
use crate::domain::staleness::StalenessRules;
use crate::domain::time::Timestamp;
use crate::tui::apply_run::ApplyRun;
use crate::tui::chart::LastUseHistogram;
use crate::tui::context::{Context, ReplyTo, StartOptions};
use crate::tui::detail_pane::DetailPane;
use crate::tui::filtered_table::{AnyFilteredTable, FilteredTable};
use crate::tui::frame::FrameInfo;
use crate::tui::key_list::{Changes, LoadState};
use crate::tui::keymap::{Action, KeyContext, stack};
use crate::tui::layout::visible_row_count;
use crate::tui::msg::{ApiRequest, ListRequest, Reply, RequestError};
use crate::tui::popup::Popup;
use crate::tui::screen::{Screen, ScreenAction, Viewport};
use crate::tui::screens::edit::EditPopup;
use crate::tui::screens::menu::MenuPopup;
use crate::tui::screens::rotate::RotatePopup;
use crate::wire::page::{LIMIT_MAX, Page};
use crate::wire::reviews::ReviewsQuery;

mod apply;
mod drafts;
mod export;
mod keep;
mod queue;
mod run;
mod view;

use apply::ApplyPopup;
use drafts::new_review_id;
use export::ExportPopup;
use keep::KeepPopup;
use queue::COLUMNS;

/// Screen of the Review tab.
#[derive(Debug)]
pub struct State {
    list: FilteredTable<KeyTest>,
    /// Load state of the decisions that were applied earlier.
    history: LoadState,
    drafts: Drafts,
    decisions: LatestDecisions,
    /// Whether the user requested the preview before everything it needs was loaded. It opens as soon as that is loaded.
    apply_requested: bool,
    /// Keys whose applied decision is to rotate them. The rotation popup is opened for each of them in turn.
    to_rotate: Vec<Id>,
    /// Number of keys that need a decision, including those that the filter hides.
    waiting: usize,
    /// Sentences that say why the listed keys need a decision, one for each reason.
    summary: Vec<String>,
    last_uses: LastUseHistogram,
    /// Whether the tab has been opened. The queue is not sorted before that.
    was_opened: bool,
    rules: Option<StalenessRules>,
    reviews_begun: u8,
    /// Whether the drafts saved on disk equal [`Self::drafts`], so that a change can be appended to the file.
    is_saved: bool,
}

impl State {
    /// Creates the screen with the drafts that were saved when the UI last ran.
    pub fn new(start: &StartOptions) -> Self {
        let drafts = Drafts::parse(&start.drafts);
        // Appended changes are merged into one line before anything is appended to it: the last one may be cut off.
        let is_one_line = start.drafts.lines().nth(1).is_none() && start.drafts.ends_with('\n');
        Self {
            list: FilteredTable::new(0, false),
            history: LoadState::NotLoaded,
            is_saved: drafts.is_some() && is_one_line,
            drafts: drafts.unwrap_or_else(|| {
                Drafts::new(new_review_id(start, Timestamp::default(), 0), Timestamp::default())
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

    /// Returns the number of keys that need a decision, including those that the filter hides.
    pub fn waiting_count(&self) -> usize {
        self.waiting
    }

    /// Replaces the filter of the queue. Takes effect when the tab is opened.
    pub fn set_filter(&mut self, filter: &str) {
        self.list.filter.set(filter);
    }

    /// Requests the decisions of all reviews.
    fn load_history(&mut self, context: &mut Context) {
        if context.is_waiting_for(ReplyTo::History) {
            return;
        }
        self.history = LoadState::Loading { since: context.now };
        let query = ReviewsQuery { limit: Some(LIMIT_MAX), ..ReviewsQuery::default() };
        context.request(ReplyTo::History, ApiRequest::List(ListRequest::Reviews(query)));
    }

    /// Adds a page of applied decisions. Removes the drafts of this review that they show to be applied already.
    fn add_history(&mut self, context: &mut Context, page: &Page<ReviewRecord>) {
        page.data.iter().for_each(|review| self.decisions.add(review));
        if let Some(change) = self.drafts.removal_of_recorded(&page.data) {
            self.change_drafts(context, change);
        }
        if page.metadata.next_cursor.is_none() {
            self.history = LoadState::Complete;
            self.rebuild(context);
        }
    }

    /// Opens the preview of the drafts. If there is none to show, tells the user why; if it still needs to be loaded, opens it
    /// later.
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
        if self.list.table.selected_id().is_some_and(|id| self.drafts.draft_for(id).is_some()) {
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
            Action::Sort => Err("the queue is always sorted by risk".to_owned()),
            Action::Apply | Action::Undo if self.drafts.is_empty() => {
                Err("no decisions have been drafted yet".to_owned())
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
                    Action::Copy => ScreenAction::open(MenuPopup::for_copying(&[key])),
                    _ => ScreenAction::open(MenuPopup::for_commands(context, true, key)),
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
        Some(Box::new(RotatePopup::for_key(context, &key)))
    }

    fn selected_key<'a>(&self, context: &'a Context) -> Option<&'a Key> {
        self.list.table.selected_id().and_then(|id| context.keys(KeyKind::Organization).get(id))
    }
}
