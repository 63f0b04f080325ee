//! Draws a table: which columns fit, their header, the visible rows.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use ratatui::text::Line;

use super::{CellContext, ColumnWidth, Table, TableColumn, TableRow};
use crate::domain::text;
use crate::tui::theme::{StyleRole, Theme, ThemeSymbol};

/// Columns of the terminal before the first column: the selection's marker, the mark, a space.
const GUTTER: u16 = 3;
/// Columns of the terminal between two columns.
const GAP: u16 = 2;

/// Columns that give way this early are pictures: nice to have.
const PICTURE: u8 = 5;
/// How much room the names must have beyond the least before a picture is shown.
const ROOM: u16 = 18;

/// Draws the header in the first line of `area` and the visible rows below it.
pub fn draw_table<R: TableRow>(
    table: &Table,
    rows: &[R],
    columns: &[TableColumn<R>],
    look: &CellContext<'_>,
    dimmed: bool,
    area: Rect,
    buf: &mut Buffer,
) {
    if area.height == 0 || area.width <= GUTTER {
        return;
    }
    let theme = look.theme;
    let places = layout_columns(columns, area.width - GUTTER, look.exact);
    for &(column, x, width) in &places {
        let sorted = (column == table.sort_column).then_some(if table.descending {
            ThemeSymbol::Descending
        } else {
            ThemeSymbol::Ascending
        });
        let style = theme.style(if sorted.is_some() { StyleRole::Strong } else { StyleRole::Muted });
        let mut title = columns[column].title.to_owned();
        if let Some(symbol) = sorted.filter(|_| !title.is_empty()) {
            title.push(' ');
            title.push_str(theme.symbol(symbol));
        }
        buf.set_stringn(area.x + GUTTER + x, area.y, title, usize::from(width), style);
    }
    let selected = table.selected_id();
    let accent = accent_column(columns, &places);
    let base = if dimmed { theme.style(StyleRole::Dimmed) } else { Style::new() };
    for (line, &row) in table.visible_rows().iter().take(usize::from(area.height - 1)).enumerate() {
        let y = area.y + 1 + u16::try_from(line).unwrap_or(u16::MAX);
        let row = &rows[row as usize];
        let id = row.id();
        let marked = table.marks.contains(&id);
        draw_gutter(selected == Some(id), marked, (area.x, y), theme, buf);
        for &(column, x, width) in &places {
            let cell = (columns[column].cell)(row, look);
            let x = area.x + GUTTER + x;
            draw_line(buf, (x, y), width, &cell, base, theme);
            if selected == Some(id) && accent == Some(column) {
                highlight_cell(Rect { x, y, width, height: 1 }, theme, buf);
            }
        }
    }
}

/// Draws what stands before a row: whether it is selected, and marked.
pub fn draw_gutter(selected: bool, marked: bool, (x, y): (u16, u16), theme: Theme, buf: &mut Buffer) {
    let mark = if marked { theme.symbol(ThemeSymbol::Marked) } else { " " };
    if selected {
        let style = theme.style(StyleRole::Selected);
        for (x, symbol) in (x..x + GUTTER).zip([theme.symbol(ThemeSymbol::Selected), mark, " "]) {
            buf.set_string(x, y, symbol, style);
        }
    } else if marked {
        buf.set_string(x + 1, y, mark, theme.style(StyleRole::Marked));
    }
}

/// Makes the accent of the selected row, its mask or name, stand out.
pub fn highlight_cell(area: Rect, theme: Theme, buf: &mut Buffer) {
    let area = area.intersection(buf.area);
    buf.set_style(area, theme.style(StyleRole::Strong).remove_modifier(Modifier::DIM));
}

/// The column that stands out in the selected row, besides the marker at its beginning: the mask, else what comes first of all that
/// never gives way. A whole row would cost a slow link too much, and a name is two or three times as long as a mask.
fn accent_column<R>(columns: &[TableColumn<R>], places: &[(usize, u16, u16)]) -> Option<usize> {
    let shown = || places.iter().map(|&(column, ..)| column);
    let stays = |&c: &usize| columns[c].yields == 0 && matches!(columns[c].width, ColumnWidth::Flex { .. });
    shown().find(|&c| columns[c].width == ColumnWidth::MaskedSecret).or_else(|| shown().find(stays))
}

/// Whether a table of this width shows the column of this title.
pub fn shows_column<R>(columns: &[TableColumn<R>], width: u16, exact: bool, title: &str) -> bool {
    width > GUTTER
        && layout_columns(columns, width - GUTTER, exact).iter().any(|&(c, ..)| columns[c].title == title)
}

/// Which columns are shown, where they begin (after the gutter) and how wide they are.
fn layout_columns<R>(columns: &[TableColumn<R>], width: u16, exact: bool) -> Vec<(usize, u16, u16)> {
    let least = |column: &TableColumn<R>| match column.width {
        ColumnWidth::Fixed(width) => width,
        ColumnWidth::MaskedSecret => 10,
        ColumnWidth::Time => {
            if exact {
                16
            } else {
                11
            }
        }
        ColumnWidth::Flex { min, .. } => min,
    };
    // Signs hug what they belong to.
    let gap = |column: &TableColumn<R>| if least(column) <= 2 { 1 } else { GAP };
    let mut chosen: Vec<usize> = (0..columns.len()).collect();
    let needed = |chosen: &[usize]| -> u16 {
        let sum: u16 = chosen.iter().map(|&c| least(&columns[c]) + gap(&columns[c])).sum();
        sum.saturating_sub(chosen.last().map_or(0, |&c| gap(&columns[c])))
    };
    // What is only a picture waits until the names have room.
    let comfort =
        |chosen: &[usize]| if chosen.iter().any(|&c| columns[c].yields >= PICTURE) { ROOM } else { 0 };
    while needed(&chosen) + comfort(&chosen) > width {
        let Some(goes) =
            chosen.iter().copied().filter(|&c| columns[c].yields > 0).max_by_key(|&c| columns[c].yields)
        else {
            break;
        };
        chosen.retain(|&c| c != goes);
    }
    let mut rest = width.saturating_sub(needed(&chosen));
    let mut widths: Vec<u16> = chosen.iter().map(|&c| least(&columns[c])).collect();
    // Handed out in rounds, since a column that reached its most leaves its share to the others.
    loop {
        let mut given = 0;
        for (at, &c) in chosen.iter().enumerate() {
            if let ColumnWidth::Flex { max, weight, .. } = columns[c].width {
                let more = weight.min(max.saturating_sub(widths[at])).min(rest - given);
                widths[at] += more;
                given += more;
            }
        }
        rest -= given;
        if given == 0 || rest == 0 {
            break;
        }
    }
    let mut x = 0;
    let mut places = Vec::with_capacity(chosen.len());
    for (at, &c) in chosen.iter().enumerate() {
        // The columns that never give way may still be too wide for the window: the first ones keep their room.
        let room = width.saturating_sub(x);
        if room == 0 {
            break;
        }
        places.push((c, x, widths[at].min(room)));
        x += widths[at] + gap(&columns[c]);
    }
    places
}

/// Writes a line at a place, at most `width` columns, what does not fit cut with an ellipsis.
pub fn draw_line(
    buf: &mut Buffer,
    at: (u16, u16),
    width: u16,
    line: &Line<'_>,
    base: Style,
    theme: Theme,
) -> u16 {
    let (mut x, y) = at;
    let end = at.0.saturating_add(width).min(buf.area.right());
    for (index, span) in line.spans.iter().enumerate() {
        let shown = theme.text(&span.content);
        let room = usize::from(end.saturating_sub(x));
        let more = line.spans[index + 1..].iter().any(|s| !s.content.trim().is_empty());
        let whole = text::display_width(&shown);
        // One column is kept for the ellipsis where the next span would not fit any more.
        let fits = if whole == room && more {
            text::truncate_to_width(&format!("{shown}…"), room).into_owned()
        } else {
            text::truncate_to_width(&shown, room).into_owned()
        };
        let (next, _) = buf.set_stringn(x, y, &fits, room, base.patch(line.style).patch(span.style));
        x = next;
        if x >= end {
            break;
        }
    }
    x
}
