//! The Activity tab: who did what to which key or member, when, and from where. Older entries are loaded as the user scrolls down.

use crate::domain::activity::Activity;
use crate::domain::filter::Filter;
use crate::domain::id::Id;
use crate::domain::permission::Permission;
use crate::domain::staleness::StalenessRules;
use crate::tui::context::{Context, ReplyTo};
use crate::tui::key_list::LoadState;
use crate::tui::keymap::{Action, KeyContext, stack};
use crate::tui::list_screen::{ListRow, ListScreen};
use crate::tui::msg::Reply;
use crate::tui::screen::ScreenAction;
use crate::tui::table::{TableColumn, TableRow};
use crate::tui::text_layout::format_count;

mod columns;
mod filter;

use columns::{COLUMNS, action_words};
pub use filter::ActivityTest;

/// Older rows are requested when the table is scrolled to within this many rows of its end.
const PREFETCH_ROWS: usize = 40;

/// Screen of the Activity tab.
pub type State = ListScreen<Activity>;

impl TableRow for Activity {
    fn id(&self) -> Id {
        self.id
    }
}

impl ListRow for Activity {
    type Test = ActivityTest;

    const COLUMNS: &'static [TableColumn<Self>] = COLUMNS;
    const DESCENDING_BY_DEFAULT: bool = true;
    const KEY_CONTEXTS: &'static [KeyContext] = stack::ACTIVITY;
    const FILTER_EXAMPLE: &'static str = "any word, by:ada action:revoked key:sales from:10.0 age:<7d";
    const REPLY_TO: ReplyTo = ReplyTo::Activity;
    const PERMISSION: Option<Permission> = Some(Permission::ReadActivity);
    const NO_MARKS: &'static str = "log entries cannot be marked";
    const CAN_SORT: Result<(), &'static str> = Err("the activity log is always sorted by time");
    const HAS_TEXT_BELOW: bool = true;

    fn rows(context: &Context) -> &[Self] {
        context.activity.rows()
    }

    fn load_state(context: &Context) -> &LoadState {
        &context.activity.load_state
    }

    fn load(context: &mut Context) {
        context.load_activity();
    }

    fn apply_page(context: &mut Context, reply: Reply) -> bool {
        let Reply::Activity(page) = reply else { return false };
        context.apply_activity(page);
        true
    }

    fn passes(&self, filter: &Filter<ActivityTest>, rules: &StalenessRules) -> bool {
        let actor = self.actor.as_ref();
        let searched = [
            action_words(self.action),
            self.key_name.as_deref().unwrap_or(""),
            &self.detail,
            actor.map_or("", |by| &by.name),
            actor.map_or("", |by| &by.email),
        ];
        filter.matches_row(&searched, |test| test.matches(self, rules))
    }

    fn text_below(&self, _: &StalenessRules) -> Option<String> {
        Some(describe_entry(self))
    }

    fn empty_message(context: &Context, is_filtered: bool) -> String {
        let log = &context.activity;
        if log.load_state != LoadState::Complete || !is_filtered {
            "Loading the log.".to_owned()
        } else if log.has_older() || context.is_waiting_for(ReplyTo::Activity) {
            "No loaded entries match the filter. Older entries are loading.".to_owned()
        } else if log.is_truncated() {
            format!(
                "None of the newest {} entries match the filter. `keyward activity` searches the whole log.",
                format_count(log.rows().len() as u64)
            )
        } else {
            format!("No entries match the filter. Press {} to clear it.", context.key_press(Action::Cancel))
        }
    }

    fn check_available(_: &Context, selected: Option<&Self>, action: Action) -> Result<(), String> {
        let has_key = selected.is_some_and(|row| row.key_id.is_some());
        if action == Action::OpenActivity && !has_key {
            return Err("this entry is not about a key".to_owned());
        }
        Ok(())
    }

    fn run_action(screen: &ListScreen<Self>, context: &mut Context, action: Action) -> ScreenAction {
        match (action, screen.selected(context).and_then(|row| row.key_id)) {
            (Action::OpenActivity, Some(id)) => ScreenAction::ShowKey(id),
            _ => ScreenAction::Unhandled,
        }
    }

    fn visible_rows_changed(screen: &ListScreen<Self>, context: &mut Context) {
        let table = &screen.list.table;
        if table.first_visible() + table.page_rows() + PREFETCH_ROWS >= table.shown_rows().len() {
            context.load_older_activity();
        }
    }
}

/// Describes an entry of the log in one sentence, such as `2026-11-24 06:10:00 UTC: Ada Ampere revoked key Grafana: not used
/// since …; from 10.0.1.17`.
fn describe_entry(row: &Activity) -> String {
    let actor = row.actor.as_ref().map_or("", |actor| actor.name.as_str());
    let key = row.key_name.as_deref().unwrap_or("");
    let detail = if row.detail.is_empty() { String::new() } else { format!(": {}", row.detail) };
    let from = row.address.as_deref().map_or(String::new(), |from| format!("; from {from}"));
    let at = row.at.to_chrono().format("%Y-%m-%d %H:%M:%S");
    let words: Vec<&str> =
        [actor, action_words(row.action), key].into_iter().filter(|part| !part.is_empty()).collect();
    format!("{at} UTC: {}{detail}{from}", words.join(" "))
}
