//! Queue of a review: which keys are listed, in which order, and the sentences that say why.

use super::State;
use crate::domain::id::Id;
use crate::domain::key::{Key, KeyKind};
use crate::domain::queue;
use crate::domain::staleness::StalenessRules;
use crate::tui::chart::LastUseHistogram;
use crate::tui::context::Context;
use crate::tui::filtered_table::FilteredTable;
use crate::tui::key_list::LoadState;
use crate::tui::table::{ColumnSort, ColumnWidth, Table, TableColumn};

/// Sort order of the queue. The cells are drawn by [`super::view`], since they depend on the drafts too.
pub(super) const COLUMNS: &[TableColumn<Key>] = &[TableColumn {
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

impl State {
    /// Updates the number of keys that need a decision, the sentences and the chart. Called for each change rather than for each
    /// frame, since there may be very many keys.
    pub(super) fn summarize(&mut self, context: &Context) {
        let Some(rules) = self.rules else { return };
        let keys = context.keys(KeyKind::Organization);
        if keys.load_state == LoadState::Complete {
            let waits = |key: &&Key| queue::risk(key, &self.decisions, &rules).is_some();
            self.waiting = keys.keys().iter().filter(waits).count();
        }
        if self.was_opened {
            self.summarize_listed(context, &rules);
            self.last_uses = LastUseHistogram::from_keys(keys.keys(), rules.now);
        }
    }

    /// Updates the sentences that say why the listed keys need a decision.
    pub(super) fn summarize_listed(&mut self, context: &Context, rules: &StalenessRules) {
        let keys = context.keys(KeyKind::Organization).keys();
        let listed = self.list.table.shown_rows().iter().map(|&row| &keys[row as usize]);
        self.summary = queue::summarize_flags(listed, rules);
    }

    pub(super) fn rebuild(&mut self, context: &Context) {
        if self.was_opened {
            self.update_table(context, |table, keys, rules, keep| table.rebuild(keys, COLUMNS, rules, keep));
        }
        self.summarize(context);
    }

    /// Calls `update` with the table, the organization's keys, and a predicate that is `true` for the keys to list.
    pub(super) fn update_table(
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
            let waits = queue::risk(key, decisions, &rules).is_some() || drafts.draft_for(key.id).is_some();
            waits && (filter.is_empty() || filter.matches_with_mark(key, &rules, marks.contains(&key.id)))
        };
        update(table, context.keys(KeyKind::Organization).keys(), &rules, &keep);
        table.marks = marks;
    }

    /// Returns the keys that a decision applies to: the marked keys that are listed, or the selected key if there are none.
    pub(super) fn chosen_ids(&self, context: &Context) -> Vec<Id> {
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

    /// Selects the next row without a draft, wrapping around. Keeps the selection if every row has one.
    pub(super) fn select_next_undecided(&mut self, context: &Context) {
        let keys = context.keys(KeyKind::Organization).keys();
        let table = &mut self.list.table;
        let shown = table.shown_rows();
        let after = table.selected_index() + 1;
        let mut rows = (after..shown.len()).chain(0..after.min(shown.len()));
        if let Some(next) = rows.find(|&row| self.drafts.draft_for(keys[shown[row] as usize].id).is_none()) {
            table.select_index(keys, next);
        }
    }
}
