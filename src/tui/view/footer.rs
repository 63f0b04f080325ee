//! The last line: a message, or the keys that work here and now; on the right where one is in the table.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use crate::domain::text;
use crate::tui::app::{Model, Place};
use crate::tui::keymap::{Action, TABLE};
use crate::tui::prose::number;
use crate::tui::table::put;
use crate::tui::theme::{Role, Symbol};

/// Most hints at once.
const HINTS: usize = 7;

/// Draws the footer.
pub fn draw(model: &Model, area: Rect, buf: &mut Buffer) {
    let theme = model.shared.theme();
    let place = place(model);
    let width = u16::try_from(text::width(&place)).unwrap_or(0).min(area.width / 2);
    let x = area.right().saturating_sub(width + 1);
    buf.set_stringn(x, area.y, &place, usize::from(width), theme.style(Role::Muted));
    let room = x.saturating_sub(area.x + 3);
    let at = (area.x + 1, area.y);
    if let Some(notice) = model.shared.notices.shown() {
        let role = if notice.error { Role::Danger } else { Role::Strong };
        put(buf, at, room, &Line::styled(notice.text.clone(), theme.style(role)), Style::new(), theme);
        return;
    }
    put(buf, at, room, &hints(model, usize::from(room)), Style::new(), theme);
}

/// `12/240 · filter · 3 marked`
fn place(model: &Model) -> String {
    let place = model.table().map(|state| {
        let shown = state.table.shown().len();
        let at = if shown == 0 { 0 } else { state.table.at() + 1 };
        Place { at, shown, filtered: !state.search.is_empty(), marked: state.table.marks.len() }
    });
    let Some(place) = place.or_else(|| model.place_in_tab()) else { return String::new() };
    if place.shown == 0 && !place.filtered {
        return String::new();
    }
    let dot = model.shared.theme().symbol(Symbol::Dot);
    let mut parts = Vec::new();
    if place.filtered {
        parts.push("filter".to_owned());
    }
    if place.marked > 0 {
        parts.push(format!("{} marked", number(place.marked as u64)));
    }
    parts.push(format!("{}/{}", number(place.at as u64), number(place.shown as u64)));
    parts.join(&format!(" {dot} "))
}

/// The hints that fit, dropped from the right.
fn hints(model: &Model, room: usize) -> Line<'static> {
    let theme = model.shared.theme();
    let keymap = &model.shared.start.keymap;
    let contexts = model.contexts();
    let mut spans: Vec<Span<'static>> = Vec::new();
    let (mut used, mut count) = (0, 0);
    let rows = contexts.iter().flat_map(|&c| TABLE.iter().filter(move |row| row.context == c));
    for row in rows.filter(|row| !row.hint.is_empty()) {
        let Some(key) = keymap.key(row.action) else { continue };
        let offered = match &model.overlay {
            Some(overlay) => overlay.popup().offers(&model.shared, &model.tables, row.action),
            None => model.available(row.action).is_ok(),
        };
        if !offered || (row.action == Action::Cancel && !model.unwinds()) {
            continue;
        }
        let needed = text::width(&key) + 1 + text::width(row.hint) + if count == 0 { 0 } else { 3 };
        if count == HINTS || used + needed > room {
            break;
        }
        if count > 0 {
            spans.push(Span::raw("   "));
        }
        spans.push(Span::styled(key, theme.style(Role::Key)));
        spans.push(Span::raw(format!(" {}", row.hint)));
        used += needed;
        count += 1;
    }
    Line::from(spans)
}
