//! Draws a table of keys with its filter or progress, and the detail pane beside it, below it or over it.

use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::State;
use crate::domain::key::KeyKind;
use crate::domain::permission::Permission;
use crate::domain::text;
use crate::tui::context::{Connection, Context};
use crate::tui::detail_pane::DetailPane;
use crate::tui::frame::{FrameInfo, ScrollableRows};
use crate::tui::key_list::{KeyList, LoadState};
use crate::tui::keymap::Action;
use crate::tui::layout::{
    SIDE_PANE_FROM, SIDE_PANE_WIDTH, draw_centered, draw_divider, draw_rule, scrollable_rows,
    split_filter_line,
};
use crate::tui::screen::Screen as _;
use crate::tui::table::draw_table;
use crate::tui::text_layout::{as_sentence, draw_line, format_count};
use crate::tui::theme::{SPINNER, StyleRole, ThemeSymbol};

/// In narrow windows the detail pane is placed below the table if the area below the filter line is at least this high, else
/// over the table.
const PANE_BELOW_FROM: u16 = 32;
/// Placeholder text of an empty filter.
const FILTER_EXAMPLE: &str = "name or masked secret, owner:removed idle:>90d agent:powerbi flag:orphaned";
/// Time after which a slow request is indicated by a spinner.
const SPINNER_DELAY: Duration = Duration::from_millis(200);

/// Areas into which the screen is divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Areas {
    /// Filter line, or the progress of loading.
    bar: Rect,
    /// Table; its height is 0 if the detail pane covers it.
    pub(super) table: Rect,
    /// Detail pane; `None` if it is closed.
    pane: Option<Rect>,
    /// Whether the detail pane is to the right of the table.
    is_pane_beside: bool,
}

impl Areas {
    /// Divides the area between the tab bar and the footer.
    pub(super) fn split(body: Rect, pane_open: bool) -> Self {
        let (bar, rest) = split_filter_line(body);
        let without_pane = Self { bar, table: rest, pane: None, is_pane_beside: false };
        if !pane_open {
            return without_pane;
        }
        if body.width >= SIDE_PANE_FROM {
            let table = Rect { width: rest.width - SIDE_PANE_WIDTH - 3, ..rest };
            let pane = Rect { x: table.right() + 2, width: SIDE_PANE_WIDTH, ..rest };
            return Self { table, pane: Some(pane), is_pane_beside: true, ..without_pane };
        }
        let inset = |r: Rect| Rect { x: r.x + 2, width: r.width.saturating_sub(4), ..r };
        if rest.height >= PANE_BELOW_FROM {
            let table = Rect { height: rest.height / 2, ..rest };
            let pane = Rect { y: table.bottom() + 1, height: rest.height - table.height - 1, ..rest };
            return Self { table, pane: Some(inset(pane)), ..without_pane };
        }
        Self { table: Rect { height: 0, ..rest }, pane: Some(inset(rest)), ..without_pane }
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
    let theme = context.theme();
    if let Err(why) = context.check_view(Permission::ListKeys(state.kind)) {
        let lines = [String::new(), as_sentence(&why), "Your own keys are on the Personal tab.".to_owned()];
        draw_centered(&lines, body, theme, buf);
        return FrameInfo::default();
    }
    let keys = context.keys(state.kind);
    let selected = state.selected_key(context);
    let areas = Areas::split(body, pane.is_open && selected.is_some());
    let cursor = draw_bar(state, context, areas.bar, buf);
    let table = &state.list.table;
    if table.shown_rows().is_empty() {
        draw_centered(&empty_message(state, context), areas.table, theme, buf);
        return FrameInfo { cursor, ..FrameInfo::default() };
    }
    let cells = state.cell_context(context);
    let is_outdated = matches!(keys.load_state, LoadState::Failed(_))
        || matches!(context.connection, Connection::Lost(_) | Connection::SignedOut)
        || is_refresh_slow(keys, context);
    if areas.table.height > 1 {
        draw_table(table, keys.keys(), state.columns(), &cells, is_outdated, areas.table, buf);
    }
    let mut max_scroll = 0;
    if let (Some(area), Some(key)) = (areas.pane, selected) {
        if areas.is_pane_beside {
            draw_divider(area, theme, buf);
        } else if areas.table.height > 0 {
            draw_rule(areas.table.bottom(), body, theme, buf);
        }
        max_scroll = pane.draw(key, context, &cells, area, buf);
    }
    // The generations of the two tables never coincide.
    let is_personal = u64::from(state.kind == KeyKind::Personal);
    let scroll = scrollable_rows(table, areas.table)
        .filter(|_| areas.pane.is_none())
        .map(|rows| ScrollableRows { generation: rows.generation * 2 + is_personal, ..rows });
    FrameInfo { cursor, scroll, max_scroll }
}

/// Returns whether a refresh that the user requested is slow, so that the rows are dimmed and a spinner is shown.
fn is_refresh_slow(keys: &KeyList, context: &Context) -> bool {
    keys.refresh_requested_at.is_some_and(|since| context.now.since(since) >= SPINNER_DELAY)
}

/// Draws the line above the table: the filter, the progress of loading, a connection problem, or a horizontal rule. Returns the
/// position of the text cursor.
fn draw_bar(state: &State, context: &Context, area: Rect, buf: &mut Buffer) -> Option<(u16, u16)> {
    let theme = context.theme();
    if area.height == 0 {
        return None;
    }
    if state.list.filter.is_visible() {
        return state.list.filter.draw(FILTER_EXAMPLE, context, area, buf);
    }
    let keys = context.keys(state.kind);
    if let LoadState::Loading { since } = keys.load_state
        && context.now.since(since) >= SPINNER_DELAY
    {
        draw_progress(keys, context, area, buf);
        return None;
    }
    if is_refresh_slow(keys, context) {
        let line = Line::from(vec![spinner(context), Span::raw("checking for changes")]);
        draw_line(buf, (area.x, area.y), area.width, &line, Style::new(), theme);
        return None;
    }
    let variants = connection_warnings(keys, context);
    // The shortest variant is used if none fits; it ends with what to do next.
    let columns = usize::from(area.width.saturating_sub(2));
    let Some(text) = variants.iter().find(|text| text::display_width(text) <= columns).or(variants.last())
    else {
        draw_rule(area.y, area, theme, buf);
        return None;
    };
    let line = Line::styled(text.as_str(), theme.style(StyleRole::Danger));
    draw_line(buf, (area.x + 1, area.y), area.width.saturating_sub(2), &line, Style::new(), theme);
    None
}

/// Returns warnings about the connection, from the longest to the shortest wording; empty if the connection works.
fn connection_warnings(keys: &KeyList, context: &Context) -> Vec<String> {
    match &context.connection {
        Connection::Lost(why) if !keys.keys().is_empty() => {
            let refresh = context.key_press(Action::Refresh);
            let known = format!("These keys may be outdated. Press {refresh} to retry.");
            let why = as_sentence(why);
            let short = why.split_once(". ").map_or_else(|| why.clone(), |(first, _)| format!("{first}."));
            vec![
                format!("{why} {known}"),
                format!("{short} {known}"),
                format!("{short} Press {refresh} to retry."),
                format!("No reply. Press {refresh} to retry."),
            ]
        }
        Connection::SignedOut => {
            let palette = context.key_press(Action::Palette);
            vec![
                format!(
                    "Your session has ended. Press {palette} and choose \u{201c}sign in\u{201d} to continue."
                ),
                format!("Session ended. Press {palette}, then sign in."),
            ]
        }
        _ => Vec::new(),
    }
}

fn spinner(context: &Context) -> Span<'static> {
    let theme = context.theme();
    let turn = usize::try_from(context.now.since_start().as_millis() / 250 % 4).unwrap_or(0);
    Span::styled(format!(" {} ", SPINNER[usize::from(theme.ascii)][turn]), theme.style(StyleRole::Strong))
}

fn draw_progress(keys: &KeyList, context: &Context, area: Rect, buf: &mut Buffer) {
    let theme = context.theme();
    let have = keys.keys().len() as u64;
    let mut spans = vec![spinner(context)];
    match keys.total.filter(|&total| total > 0) {
        Some(total) => {
            let room = u64::from(area.width.saturating_sub(40).clamp(8, 40));
            let full = (have.min(total) * room / total).min(room);
            let bar = |symbol, n| theme.symbol(symbol).repeat(usize::try_from(n).unwrap_or(0));
            spans.push(Span::styled(bar(ThemeSymbol::Full, full), theme.style(StyleRole::Accent)));
            spans.push(Span::styled(bar(ThemeSymbol::Empty, room - full), theme.style(StyleRole::Muted)));
            spans.push(Span::raw(format!("  {} of {} keys", format_count(have), format_count(total))));
        }
        None => spans.push(Span::raw(format!("{} keys loaded", format_count(have)))),
    }
    draw_line(buf, (area.x, area.y), area.width, &Line::from(spans), Style::new(), theme);
}

/// Returns lines that explain why no rows are listed and what to do next.
fn empty_message(state: &State, context: &Context) -> Vec<String> {
    let key = |action| context.key_press(action);
    let keys = context.keys(state.kind);
    let failed = |why: &str| {
        vec![as_sentence(why), String::new(), format!("Press {} to retry.", key(Action::Refresh))]
    };
    match &keys.load_state {
        LoadState::Failed(why) => failed(why),
        LoadState::NotLoaded => match &context.connection {
            Connection::Lost(why) => failed(why),
            Connection::Connecting if context.now.since_start() >= SPINNER_DELAY => {
                vec![format!("Connecting to {}.", text::sanitize_line(&context.start.server))]
            }
            _ => vec![],
        },
        LoadState::Loading { since } if context.now.since(*since) < SPINNER_DELAY => vec![],
        LoadState::Loading { .. } => vec!["Loading keys.".to_owned()],
        LoadState::Complete if keys.keys().is_empty() => {
            let none = match state.kind {
                KeyKind::Personal => "You have no personal keys.",
                KeyKind::Organization => "The organization has no keys.",
            };
            let next = match context.check_permission(Permission::CreateKey(state.kind)) {
                Ok(()) => format!("Press {} to create one.", key(Action::New)),
                Err(why) => as_sentence(&why),
            };
            vec![none.to_owned(), String::new(), next]
        }
        LoadState::Complete if !state.list.filter.is_empty() && state.hides_revoked_matches(context) => vec![
            "Only revoked keys match the filter.".to_owned(),
            String::new(),
            format!(
                "Press {} to show them, or {} to clear the filter.",
                key(Action::ShowRevoked),
                key(Action::Cancel)
            ),
        ],
        LoadState::Complete if !state.list.filter.is_empty() => vec![
            "No keys match the filter.".to_owned(),
            String::new(),
            format!("Press {} to clear the filter.", key(Action::Cancel)),
        ],
        LoadState::Complete => vec![
            "All keys are revoked.".to_owned(),
            String::new(),
            format!(
                "Press {} to show them, or {} to create a new key.",
                key(Action::ShowRevoked),
                key(Action::New)
            ),
        ],
    }
}
