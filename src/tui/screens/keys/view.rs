//! Draws a table of keys with its filter, its progress, and the detail pane beside, below or over it.

use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::State;
use crate::domain::key::KeyKind;
use crate::domain::member::Permission;
use crate::tui::context::{Connection, Context};
use crate::tui::key_list::LoadState;
use crate::tui::keymap::Action;
use crate::tui::screens::detail::{self, SIDE_FROM, SIDE_WIDTH};
use crate::tui::table;
use crate::tui::text_layout::{draw_line, format_count, wrap_paragraph};
use crate::tui::theme::{SPINNER, StyleRole, ThemeSymbol};
use crate::tui::view::ScrollableRows;

/// From this height on it stands below the table in narrower windows; in smaller ones it covers the table.
const BELOW_FROM: u16 = 36;
/// What is shown in an empty filter.
const EXAMPLE: &str = "name or mask, owner:removed idle:>90d age:>1y agent:powerbi flag:orphaned";
/// How long loading may take before a spinner turns.
pub const SPINNER_DELAY: Duration = Duration::from_millis(200);

/// Where things stand in the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Places {
    /// The line of filter and progress.
    pub bar: Rect,
    /// The table; no height where the pane covers it.
    pub table: Rect,
    /// The detail pane.
    pub pane: Option<Rect>,
    /// Whether the pane is beside the table.
    pub side: bool,
}

/// Divides the body.
pub fn places(body: Rect, pane_open: bool) -> Places {
    let bar = Rect { height: body.height.min(1), ..body };
    let rest = Rect { y: body.y + bar.height, height: body.height - bar.height, ..body };
    let none = Places { bar, table: rest, pane: None, side: false };
    if !pane_open {
        return none;
    }
    if body.width >= SIDE_FROM {
        let table = Rect { width: rest.width - SIDE_WIDTH - 3, ..rest };
        let pane = Rect { x: table.right() + 2, width: SIDE_WIDTH, ..rest };
        return Places { table, pane: Some(pane), side: true, ..none };
    }
    let inset = |r: Rect| Rect { x: r.x + 2, width: r.width.saturating_sub(4), ..r };
    if rest.height >= BELOW_FROM - 4 {
        let table = Rect { height: rest.height / 2, ..rest };
        let pane = Rect { y: table.bottom() + 1, height: rest.height - table.height - 1, ..rest };
        return Places { table, pane: Some(inset(pane)), ..none };
    }
    Places { table: Rect { height: 0, ..rest }, pane: Some(inset(rest)), ..none }
}

/// Draws the body of the tab; gives the cursor's place and the rows that scroll.
pub fn draw(
    state: &State,
    detail: &detail::State,
    context: &Context,
    body: Rect,
    buf: &mut Buffer,
) -> (Option<(u16, u16)>, Option<ScrollableRows>) {
    let theme = context.theme();
    if let Err(why) = context.check_permission(Permission::ListKeys(state.kind))
        && context.me.is_some()
    {
        middle(&["", &sentence(&why), "Your own keys are on the tab Personal."], context, body, buf);
        return (None, None);
    }
    let places = places(body, detail.open && state.selected().is_some());
    let cursor = bar(state, context, places.bar, buf);
    if state.table.shown_rows().is_empty() {
        nothing(state, context, places.table, buf);
        return (cursor, None);
    }
    let look = state.look(context);
    let old = matches!(state.key_list.load_state, LoadState::Failed(_))
        || matches!(context.connection, Connection::Lost(_) | Connection::SignedOut)
        || state.waits(context.now);
    if places.table.height > 1 {
        table::draw_table(
            &state.table,
            state.key_list.keys(),
            state.columns(),
            &look,
            old,
            places.table,
            buf,
        );
    }
    if let (Some(pane), Some(key)) = (places.pane, state.selected()) {
        if places.side {
            let style = theme.style(StyleRole::Muted);
            for y in pane.y..pane.bottom() {
                buf.set_string(pane.x - 2, y, theme.symbol(ThemeSymbol::Divider), style);
            }
        } else if places.table.height > 0 {
            rule(places.table.bottom(), body, context, buf);
        }
        detail::draw(detail, key, &state.key_list, context, &look, pane, buf);
    }
    let scroll = (places.pane.is_none() && places.table.height > 1).then(|| ScrollableRows {
        first_row_y: places.table.y + 1,
        rows: places.table.height - 1,
        top: state.table.first_visible(),
        generation: state.table.generation() * 2 + u64::from(state.kind == KeyKind::Personal),
    });
    (cursor, scroll)
}

/// The line above the table: filter, progress, or a rule.
fn bar(state: &State, context: &Context, area: Rect, buf: &mut Buffer) -> Option<(u16, u16)> {
    let theme = context.theme();
    if area.height == 0 {
        return None;
    }
    if state.search.shows() {
        return state.search.draw(EXAMPLE, context, area, buf);
    }
    if let LoadState::Loading { since } = state.key_list.load_state
        && context.now.since(since) >= SPINNER_DELAY
    {
        progress(state, context, area, buf);
        return None;
    }
    if state.waits(context.now) {
        let line = Line::from(vec![spinner(context), Span::raw("looking for changes")]);
        draw_line(buf, (area.x, area.y), area.width, &line, Style::new(), theme);
        return None;
    }
    let said = match &context.connection {
        Connection::Lost(why) if !state.key_list.keys().is_empty() => {
            let again = context.key_press(Action::Refresh);
            let known = format!("Shown is what was last known; {again} tries again.");
            let why = sentence(why);
            let short = why.split_once(". ").map_or_else(|| why.clone(), |(first, _)| format!("{first}."));
            vec![
                format!("{why} {known}"),
                format!("{short} {known}"),
                format!("{short} {again} tries again."),
                format!("No answer; {again} tries again."),
            ]
        }
        Connection::SignedOut => {
            let palette = context.key_press(Action::Palette);
            vec![
                format!("Your session has ended. {palette} and \u{201c}sign in\u{201d} continue here."),
                format!("Session ended: {palette} sign in."),
            ]
        }
        _ => {
            rule(area.y, area, context, buf);
            return None;
        }
    };
    // What to do next is never what is cut.
    let columns = usize::from(area.width.saturating_sub(2));
    let fits = said.iter().find(|text| crate::domain::text::display_width(text) <= columns).or(said.last());
    let trouble = fits.cloned().unwrap_or_default();
    let line = Line::styled(trouble, theme.style(StyleRole::Danger));
    draw_line(buf, (area.x + 1, area.y), area.width.saturating_sub(2), &line, Style::new(), theme);
    None
}

fn rule(y: u16, area: Rect, context: &Context, buf: &mut Buffer) {
    let theme = context.theme();
    let rule = theme.symbol(ThemeSymbol::Rule).repeat(usize::from(area.width.saturating_sub(2)));
    buf.set_stringn(area.x + 1, y, rule, usize::from(area.width), theme.style(StyleRole::Muted));
}

fn spinner(context: &Context) -> Span<'static> {
    let theme = context.theme();
    let turn = usize::try_from(context.now.since_start().as_millis() / 250 % 4).unwrap_or(0);
    Span::styled(format!(" {} ", SPINNER[usize::from(theme.ascii)][turn]), theme.style(StyleRole::Strong))
}

fn progress(state: &State, context: &Context, area: Rect, buf: &mut Buffer) {
    let theme = context.theme();
    let have = state.key_list.keys().len() as u64;
    let mut spans = vec![spinner(context)];
    match state.key_list.total.filter(|&total| total > 0) {
        Some(total) => {
            let room = u64::from(area.width.saturating_sub(40).clamp(8, 40));
            let full = (have.min(total) * room / total).min(room);
            let bar = |symbol, n| theme.symbol(symbol).repeat(usize::try_from(n).unwrap_or(0));
            spans.push(Span::styled(bar(ThemeSymbol::Full, full), theme.style(StyleRole::Accent)));
            spans.push(Span::styled(bar(ThemeSymbol::Empty, room - full), theme.style(StyleRole::Muted)));
            spans.push(Span::raw(format!("  {} of {} keys", format_count(have), format_count(total))));
        }
        None => spans.push(Span::raw(format!("loading, {} keys so far", format_count(have)))),
    }
    draw_line(buf, (area.x, area.y), area.width, &Line::from(spans), Style::new(), theme);
}

/// Why no row is shown, and what to do next.
fn nothing(state: &State, context: &Context, area: Rect, buf: &mut Buffer) {
    let key = |action| context.key_press(action);
    let lines: Vec<String> = match &state.key_list.load_state {
        LoadState::Failed(why) => {
            vec![sentence(why), String::new(), format!("{} tries again.", key(Action::Refresh))]
        }
        LoadState::NotLoaded => match &context.connection {
            Connection::Lost(why) => {
                vec![sentence(why), String::new(), format!("{} tries again.", key(Action::Refresh))]
            }
            Connection::Connecting if context.now.since_start() >= SPINNER_DELAY => {
                vec![format!("Connecting to {}.", crate::domain::text::sanitize_line(&context.start.server))]
            }
            _ => vec![],
        },
        LoadState::Loading { since } if context.now.since(*since) < SPINNER_DELAY => vec![],
        LoadState::Loading { .. } => vec!["Loading keys.".to_owned()],
        LoadState::Complete if state.key_list.keys().is_empty() => {
            let mut lines = vec![match state.kind {
                KeyKind::Personal => "You have no personal keys.".to_owned(),
                KeyKind::Organization => "The organization has no keys.".to_owned(),
            }];
            lines.push(String::new());
            match context.check_permission(Permission::CreateKey(state.kind)) {
                Ok(()) => lines.push(format!("{} creates the first one.", key(Action::New))),
                Err(why) => lines.push(sentence(&why)),
            }
            lines
        }
        LoadState::Complete if !state.search.is_empty() && state.hides(context) => vec![
            "Only revoked keys pass the filter.".to_owned(),
            String::new(),
            format!("{} shows them, {} clears the filter.", key(Action::ShowRevoked), key(Action::Cancel)),
        ],
        LoadState::Complete if !state.search.is_empty() => vec![
            "No key passes the filter.".to_owned(),
            String::new(),
            format!("{} clears it.", key(Action::Cancel)),
        ],
        LoadState::Complete => vec![
            "All keys here are revoked.".to_owned(),
            String::new(),
            format!("{} shows them, {} creates a new one.", key(Action::ShowRevoked), key(Action::New)),
        ],
    };
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    middle(&lines, context, area, buf);
}

/// A sentence begins with a capital letter, unless with an address, and ends with a full stop.
pub fn sentence(text: &str) -> String {
    let text = crate::domain::text::sanitize_line(text.trim());
    let address = text.split(' ').next().is_some_and(|word| word.contains("://"));
    let mut chars = text.chars();
    let first = chars.next().map(|c| if address { c.to_string() } else { c.to_uppercase().to_string() });
    let first = first.unwrap_or_default();
    let end = if text.ends_with(['.', '!', '?']) || text.is_empty() { "" } else { "." };
    format!("{first}{}{end}", chars.as_str())
}

/// Lines in the middle of an area, the first one strong.
fn middle(lines: &[&str], context: &Context, area: Rect, buf: &mut Buffer) {
    let theme = context.theme();
    let columns = area.width.saturating_sub(6).min(64);
    let mut out: Vec<Line<'static>> = Vec::new();
    for (at, text) in lines.iter().enumerate() {
        let style = theme.style(if at == 0 { StyleRole::Strong } else { StyleRole::Plain });
        if text.is_empty() {
            out.push(Line::default());
        }
        out.extend(wrap_paragraph(&theme.text(text), style, usize::from(columns)));
    }
    let height = u16::try_from(out.len()).unwrap_or(u16::MAX);
    let top = area.y + area.height.saturating_sub(height) / 3;
    for (y, line) in (top..area.bottom()).zip(&out) {
        let width = u16::try_from(line.width()).unwrap_or(columns).min(area.width);
        let x = area.x + (area.width - width) / 2;
        draw_line(buf, (x, y), width, line, Style::new(), theme);
    }
}
