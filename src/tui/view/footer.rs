//! The last line: a notice, or hints for the available actions; on the right the position in the table. A long notice takes some of the
//! lines above.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Clear, Widget as _};

use crate::domain::text;
use crate::tui::app::Model;
use crate::tui::keymap::{Action, TABLE};
use crate::tui::text_layout::{draw_line, format_count, wrap_paragraph};
use crate::tui::theme::{StyleRole, ThemeSymbol};

/// Maximum number of key hints, including the one for the help.
const MAX_HINTS: usize = 7;
/// Maximum number of lines of a notice.
const MAX_LINES: usize = 4;

/// Draws the footer into the last line of `area`. Returns `true` if a notice took more than one line.
pub fn draw(model: &Model, area: Rect, buf: &mut Buffer) -> bool {
    let theme = model.context.theme();
    let y = area.bottom() - 1;
    let position = position(model);
    let width = u16::try_from(text::display_width(&position)).unwrap_or(0).min(area.width / 2);
    let x = area.right().saturating_sub(width + 1);
    let columns = x.saturating_sub(area.x + 3);
    let mut extra_lines = 0;
    if let Some(notice) = model.context.notices.shown() {
        let role = if notice.error { StyleRole::Danger } else { StyleRole::Strong };
        let mut lines = wrap_paragraph(&theme.text(&notice.text), theme.style(role), usize::from(columns));
        // In low windows a popup takes every line but this one.
        let max_lines = if model.popup.is_some() && area.height < 20 { 1 } else { MAX_LINES };
        if lines.len() > max_lines {
            lines = vec![Line::styled(notice.text.clone(), theme.style(role))];
        }
        extra_lines = u16::try_from(lines.len() - 1).unwrap_or(0);
        let notice_area = Rect { y: y - extra_lines, height: extra_lines + 1, ..area };
        Clear.render(notice_area, buf);
        for (y, line) in (notice_area.y..notice_area.bottom()).zip(&lines) {
            draw_line(buf, (area.x + 1, y), columns, line, Style::new(), theme);
        }
    } else {
        draw_line(buf, (area.x + 1, y), columns, &hints(model, usize::from(columns)), Style::new(), theme);
    }
    buf.set_stringn(x, y, &position, usize::from(width), theme.style(StyleRole::Muted));
    extra_lines > 0
}

/// Formats the position in the table, such as `filter · 3 marked · 12/240`. Empty if no table position is shown.
fn position(model: &Model) -> String {
    let position = model.screens.get(model.tab).table().position();
    if position.shown == 0 && !position.is_filtered {
        return String::new();
    }
    let dot = model.context.theme().symbol(ThemeSymbol::Dot);
    let mut parts = Vec::new();
    if position.is_filtered {
        parts.push("filter".to_owned());
    }
    if position.marked > 0 {
        parts.push(format!("{} marked", format_count(position.marked as u64)));
    }
    parts.push(format!("{}/{}", format_count(position.selected as u64), format_count(position.shown as u64)));
    parts.join(&format!(" {dot} "))
}

/// Lays out the key hints that fit. Hints are dropped from the right, but the hint for the help is dropped last.
fn hints(model: &Model, columns: usize) -> Line<'static> {
    let theme = model.context.theme();
    let key_contexts = model.key_contexts();
    let rows = key_contexts.iter().flat_map(|&c| TABLE.iter().filter(move |row| row.context == c));
    let hints = rows.filter(|row| !row.hint.is_empty()).filter_map(|row| {
        let key = model.context.start.keymap.key_press(row.action)?;
        let is_offered = match &model.popup {
            Some(popup) => popup.is_available(&model.context, row.action),
            None => model.check_available(row.action).is_ok(),
        };
        let is_shown = is_offered && (row.action != Action::Cancel || model.is_back_hinted());
        is_shown.then_some((row.action, key, row.hint))
    });
    let (help, others): (Vec<_>, Vec<_>) = hints.partition(|&(action, ..)| action == Action::Help);
    let width =
        |(_, key, hint): &(Action, String, &str)| text::display_width(key) + 1 + text::display_width(hint);
    let help_width: usize = help.iter().map(|hint| width(hint) + GAP.len()).sum();
    let mut spans: Vec<Span<'static>> = Vec::new();
    let mut used = 0;
    let fitting = others.into_iter().take(MAX_HINTS - help.len()).take_while(|hint| {
        used += width(hint) + if used == 0 { 0 } else { GAP.len() };
        used + help_width <= columns
    });
    for (_, key, hint) in fitting.collect::<Vec<_>>().into_iter().chain(help) {
        if !spans.is_empty() {
            spans.push(Span::raw(GAP));
        }
        spans.push(Span::styled(key, theme.style(StyleRole::Key)));
        spans.push(Span::raw(format!(" {hint}")));
    }
    Line::from(spans)
}

/// Space between two hints.
const GAP: &str = "   ";
