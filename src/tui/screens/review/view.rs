//! Draws the review: a summary of the queue, a chart of all keys by last use, the queue, and the reasons why the selected key needs a decision.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Line;

use super::State;
use crate::domain::draft::Draft;
use crate::domain::key::{Key, KeyKind};
use crate::domain::permission::Permission;
use crate::domain::review::Decision;
use crate::domain::staleness::Flag;
use crate::domain::time::Timestamp;
use crate::tui::chart::draw_last_use_histogram;
use crate::tui::context::Context;
use crate::tui::detail_pane::DetailPane;
use crate::tui::frame::FrameInfo;
use crate::tui::key_list::LoadState;
use crate::tui::keymap::Action;
use crate::tui::layout::{
    SIDE_PANE_FROM, SIDE_PANE_WIDTH, draw_divider, draw_message, draw_rule, scrollable_rows,
};
use crate::tui::popup::draw_lines;
use crate::tui::screen::Screen as _;
use crate::tui::table::{CellContext, draw_gutter, highlight_cell};
use crate::tui::text_layout::{as_sentence, draw_line, format_count, wrap_first_lines, wrap_paragraph};
use crate::tui::theme::{StyleRole, ThemeSymbol};

/// Minimum height at which the chart and one sentence per reason are shown, in rows.
const TALL_FROM: u16 = 17;
/// Minimum width at which the chart is shown, in columns.
const CHART_FROM: u16 = 76;
/// Width of the chart, in columns.
const CHART_WIDTH: u16 = 32;

/// Placeholder text of an empty filter.
const FILTER_EXAMPLE: &str = "name or masked secret, flag:orphaned idle:>90d is:live owner:ada";

/// Areas into which the screen is divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Areas {
    summary: Rect,
    chart: Option<Rect>,
    bar: Rect,
    /// Header and rows of the queue.
    pub(super) table: Rect,
    reasons: Rect,
    pane: Option<Rect>,
    is_pane_beside: bool,
}

impl Areas {
    /// Divides the area between the tab bar and the footer.
    pub(super) fn split(body: Rect, has_pane: bool) -> Self {
        let is_pane_beside = has_pane && body.width >= SIDE_PANE_FROM;
        let whole = body;
        let body =
            if is_pane_beside { Rect { width: body.width - SIDE_PANE_WIDTH - 3, ..body } } else { body };
        let beside = Rect { x: body.right() + 2, width: SIDE_PANE_WIDTH, ..whole };
        let over = Rect { x: whole.x + 2, width: whole.width.saturating_sub(4), ..whole };
        let pane = has_pane.then_some(if is_pane_beside { beside } else { over });
        let is_tall = body.height >= TALL_FROM;
        let top = if is_tall { 7 } else { 1 };
        let below = if is_tall { 2 } else { 1 };
        let summary = Rect { x: body.x + 1, width: body.width.saturating_sub(2), height: top, ..body };
        let chart = (is_tall && body.width >= CHART_FROM).then(|| Rect {
            x: body.right() - CHART_WIDTH - 1,
            width: CHART_WIDTH,
            ..summary
        });
        let summary = Rect { width: summary.width - chart.map_or(0, |chart| chart.width + 2), ..summary };
        let bar = Rect { y: body.y + top, height: 1, ..body };
        let table = Rect { y: bar.bottom(), height: body.height.saturating_sub(top + 1 + below), ..body };
        let reasons = Rect { y: table.bottom(), height: below, ..summary };
        let reasons = Rect { width: body.width.saturating_sub(2), ..reasons };
        Self { summary, chart, bar, table, reasons, pane, is_pane_beside }
    }
}

/// Draws the screen into `body`, the area between the tab bar and the footer.
pub(super) fn draw(
    state: &State,
    context: &Context,
    pane: &DetailPane,
    body: Rect,
    buf: &mut Buffer,
) -> FrameInfo {
    let keys = context.keys(KeyKind::Organization);
    let rules = context.key_rules(KeyKind::Organization);
    let cells = CellContext { theme: context.theme(), rules, exact: context.exact_times, daily: None };
    if let Err(why) = context.check_view(Permission::Review) {
        let columns = usize::from(body.width.saturating_sub(6));
        let why = wrap_paragraph(&as_sentence(&why), cells.theme.style(StyleRole::Strong), columns);
        draw_lines(&why, Rect { x: body.x + 3, y: body.y + 2, ..body }, cells.theme, buf);
        return FrameInfo::default();
    }
    let selected = state.selected_key(context);
    let areas = Areas::split(body, pane.is_open && selected.is_some());
    let mut max_scroll = 0;
    if let (Some(area), Some(key)) = (areas.pane, selected) {
        max_scroll = pane.draw(key, context, &cells, area, buf);
        if !areas.is_pane_beside {
            return FrameInfo { max_scroll, ..FrameInfo::default() };
        }
        draw_divider(area, cells.theme, buf);
    }
    draw_summary(state, context, &cells, areas, buf);
    let cursor = draw_bar(state, context, areas.bar, buf);
    let table = &state.list.table;
    if table.shown_rows().is_empty() {
        draw_message(&empty_message(state, context), areas.table, cells.theme, buf);
        return FrameInfo { cursor, max_scroll, scroll: None };
    }
    let columns = QueueColumns::fit(areas.table.width);
    columns.draw_header(areas.table, &cells, buf);
    for (y, &row) in (areas.table.y + 1..areas.table.bottom()).zip(table.visible_rows()) {
        draw_row(state, &keys.keys()[row as usize], &columns, &cells, (areas.table.x, y), buf);
    }
    if let Some(key) = selected {
        draw_reasons(state, key, &cells, areas.reasons, buf);
    }
    let scroll = if areas.is_pane_beside { None } else { scrollable_rows(table, areas.table) };
    FrameInfo { cursor, scroll, max_scroll }
}

fn draw_summary(state: &State, context: &Context, cells: &CellContext, areas: Areas, buf: &mut Buffer) {
    let theme = cells.theme;
    let mut summary = state.summary.clone();
    if summary.is_empty() && context.keys(KeyKind::Organization).load_state == LoadState::Complete {
        summary.push(match state.waiting_count() {
            n if n > 0 && !state.list.filter.is_empty() => {
                format!("the filter hides every key in the queue ({})", format_count(n as u64))
            }
            _ => "no keys need a decision".to_owned(),
        });
    }
    let columns = usize::from(areas.summary.width);
    let lines: Vec<Line<'_>> = if areas.summary.height == 1 {
        vec![Line::raw(as_sentence(&summary.join("; ")))]
    } else {
        summary
            .iter()
            .flat_map(|reason| wrap_paragraph(&as_sentence(reason), Style::new(), columns))
            .collect()
    };
    for (y, line) in (areas.summary.y..areas.summary.bottom()).zip(&lines) {
        draw_line(buf, (areas.summary.x, y), areas.summary.width, line, Style::new(), theme);
    }
    if let Some(chart) = areas.chart {
        buf.set_string(chart.x, chart.y, "Keys by last use", theme.style(StyleRole::Muted));
        let chart = Rect { y: chart.y + 1, height: chart.height - 1, ..chart };
        draw_last_use_histogram(chart, buf, theme, &state.last_uses);
    }
}

/// Draws the filter, or a horizontal rule with the number of drafts of each kind of decision. Returns the position of the text
/// cursor.
fn draw_bar(state: &State, context: &Context, area: Rect, buf: &mut Buffer) -> Option<(u16, u16)> {
    let theme = context.theme();
    if state.list.filter.is_visible() {
        return state.list.filter.draw(FILTER_EXAMPLE, context, area, buf);
    }
    draw_rule(area.y, area, theme, buf);
    if !state.drafts.is_empty() {
        let counts = state.drafts.counts();
        let drafts: Vec<String> = [Decision::Revoke, Decision::Keep, Decision::Rotate, Decision::Skip]
            .into_iter()
            .filter_map(|decision| {
                Some(format!("{decision} {}", format_count(*counts.get(&decision)? as u64)))
            })
            .collect();
        let text =
            format!(" Decided: {}. Press {} to apply. ", drafts.join(", "), context.key_press(Action::Apply));
        buf.set_stringn(
            area.x + 3,
            area.y,
            text,
            usize::from(area.width.saturating_sub(4)),
            theme.style(StyleRole::Strong),
        );
    }
    None
}

/// Offset and width of each cell in a row of the queue, in columns. A width of 0 hides the cell.
struct QueueColumns {
    decision: (u16, u16),
    badge: u16,
    name: (u16, u16),
    mask: (u16, u16),
    reasons: (u16, u16),
}

impl QueueColumns {
    fn fit(columns: u16) -> Self {
        let decision = (3, 7);
        let badge = 11;
        let rest = columns.saturating_sub(13);
        let name = (13, if columns >= 60 { (rest / 3).clamp(18, 40) } else { rest.saturating_sub(12) });
        let mask = (13 + name.1 + 1, 11);
        let reasons = mask.0 + mask.1 + 1;
        Self { decision, badge, name, mask, reasons: (reasons, columns.saturating_sub(reasons + 1)) }
    }

    fn draw_header(&self, area: Rect, cells: &CellContext, buf: &mut Buffer) {
        let style = cells.theme.style(StyleRole::Muted);
        let titles = [
            ("Decided", self.decision),
            ("Name", self.name),
            ("Secret key", self.mask),
            ("Reasons", self.reasons),
        ];
        for (title, (x, width)) in titles {
            buf.set_stringn(area.x + x, area.y, title, usize::from(width), style);
        }
    }
}

fn draw_row(
    state: &State,
    key: &Key,
    columns: &QueueColumns,
    cells: &CellContext,
    (x, y): (u16, u16),
    buf: &mut Buffer,
) {
    let theme = cells.theme;
    let marked = state.list.table.marks.contains(&key.id);
    let selected = state.list.table.selected_id() == Some(key.id);
    draw_gutter(selected, marked, (x, y), theme, buf);
    let mut cell = |(at, width): (u16, u16), line: &Line<'_>| {
        if width > 0 {
            draw_line(buf, (x + at, y), width, line, Style::new(), theme);
        }
    };
    if let Some(draft) = state.drafts.draft_for(key.id) {
        let (word, role) = decision_word(draft);
        cell(columns.decision, &Line::styled(word, theme.style(role)));
    }
    if key.is_in_use(cells.rules.now) {
        cell(
            (columns.badge, 1),
            &Line::styled(theme.symbol(ThemeSymbol::InUse), theme.style(StyleRole::InUse)),
        );
    }
    cell(columns.name, &Line::raw(key.name.as_str()));
    cell(columns.mask, &Line::styled(key.masked.as_str(), theme.style(StyleRole::Muted)));
    let role =
        if cells.rules.flags(key).has(Flag::Orphaned) { StyleRole::Orphaned } else { StyleRole::Stale };
    cell(columns.reasons, &Line::styled(cells.rules.reasons(key), theme.style(role)));
    if selected {
        highlight_cell(Rect { x: x + columns.mask.0, y, width: columns.mask.1, height: 1 }, theme, buf);
    }
}

fn decision_word(draft: &Draft) -> (&'static str, StyleRole) {
    match draft.decision {
        _ if draft.refused.is_some() => ("refused", StyleRole::Danger),
        Decision::Revoke => ("revoke", StyleRole::Danger),
        Decision::Keep => ("keep", StyleRole::InUse),
        Decision::Rotate => ("rotate", StyleRole::Accent),
        Decision::Skip => ("skip", StyleRole::Muted),
    }
}

/// Draws the drafted decision for the selected key, if there is one, and every reason why the key needs a decision.
fn draw_reasons(state: &State, key: &Key, cells: &CellContext, area: Rect, buf: &mut Buffer) {
    let theme = cells.theme;
    let mut reasons = cells.rules.reasons(key);
    let mut role = StyleRole::Plain;
    if let Some(draft) = state.drafts.draft_for(key.id) {
        match &draft.refused {
            Some(why) => {
                let why = why.trim_end_matches('.');
                (reasons, role) = (format!("Not applied: {why}. {reasons}"), StyleRole::Danger);
            }
            None if draft.decision == Decision::Keep => {
                let until = draft.until.map_or("until another flag is raised".to_owned(), |at| {
                    format!("until {}", Timestamp::format_date(at))
                });
                let note = draft.note.as_deref().map_or(String::new(), |note| format!(": {note}"));
                reasons = format!("Keep {until}{note}. {reasons}");
            }
            None => {}
        }
    }
    let columns = usize::from(area.width);
    let reasons = theme.text(&reasons).into_owned();
    let lines = wrap_first_lines(&reasons, theme.style(role), columns, usize::from(area.height));
    for (y, line) in (area.y..area.bottom()).zip(&lines) {
        draw_line(buf, (area.x, y), area.width, line, Style::new(), theme);
    }
}

/// Returns a message that explains why no keys are listed and what to do next.
fn empty_message(state: &State, context: &Context) -> String {
    let is_filtered = !state.list.filter.is_empty();
    match (&context.keys(KeyKind::Organization).load_state, &state.history) {
        (LoadState::Failed(why), _) | (_, LoadState::Failed(why)) => {
            format!("{} Press {} to retry.", as_sentence(why), context.key_press(Action::Refresh))
        }
        (LoadState::Complete, _) if is_filtered => {
            format!(
                "No keys in the queue match the filter. Press {} to clear it.",
                context.key_press(Action::Cancel)
            )
        }
        (LoadState::Complete, LoadState::Complete) => "No organization keys need a decision.".to_owned(),
        _ => "Loading keys and earlier decisions.".to_owned(),
    }
}
