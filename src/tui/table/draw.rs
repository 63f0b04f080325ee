//! Draws a table: chooses the columns that fit, then draws their header and the visible rows. Start at [`draw_table`].

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};

use super::{CellContext, ColumnWidth, Table, TableColumn, TableRow};
use crate::tui::text_layout::draw_line;
use crate::tui::theme::{StyleRole, Theme, ThemeSymbol};

/// Columns to the left of the first table column: selection marker, mark, space.
const GUTTER: u16 = 3;
/// Columns between two table columns.
const GAP: u16 = 2;

/// A table column whose [`TableColumn::yields`] is at least this contains sparklines, which are hidden to give other columns
/// more room.
const SPARKLINE_RANK: u8 = 5;
/// A sparkline is shown only if at least this many terminal columns are left for the flexible columns beyond their minimum
/// widths.
const SPARKLINE_MARGIN: u16 = 18;

/// Step 7 of "From a database row to a table cell": draws the header into the first row of `area` and the visible rows below
/// it.
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

/// Draws the markers to the left of a row, which show whether it is selected and whether it is marked.
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

/// Makes a cell of the selected row bold and accented.
pub fn highlight_cell(area: Rect, theme: Theme, buf: &mut Buffer) {
    let area = area.intersection(buf.area);
    buf.set_style(area, theme.style(StyleRole::Strong).remove_modifier(Modifier::DIM));
}

/// Returns the column to highlight in the selected row: the masked secret, or else the first flexible column that is never
/// hidden. Highlighting the whole row would send too many bytes over a slow link.
fn accent_column<R>(columns: &[TableColumn<R>], places: &[(usize, u16, u16)]) -> Option<usize> {
    let shown = || places.iter().map(|&(column, ..)| column);
    let stays = |&c: &usize| columns[c].yields == 0 && matches!(columns[c].width, ColumnWidth::Flex { .. });
    shown().find(|&c| columns[c].width == ColumnWidth::MaskedSecret).or_else(|| shown().find(stays))
}

/// Returns whether a table of this width has room for the column with this title.
pub fn shows_column<R>(columns: &[TableColumn<R>], width: u16, exact: bool, title: &str) -> bool {
    width > GUTTER
        && layout_columns(columns, width - GUTTER, exact).iter().any(|&(c, ..)| columns[c].title == title)
}

/// Returns the columns that fit: index, distance from the gutter, and width of each.
fn layout_columns<R>(columns: &[TableColumn<R>], width: u16, exact: bool) -> Vec<(usize, u16, u16)> {
    let min_width = |column: &TableColumn<R>| match column.width {
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
    // A column of symbols is close to the one that it belongs to.
    let gap = |column: &TableColumn<R>| if min_width(column) <= 2 { 1 } else { GAP };
    let mut chosen: Vec<usize> = (0..columns.len()).collect();
    let needed = |chosen: &[usize]| -> u16 {
        let sum: u16 = chosen.iter().map(|&c| min_width(&columns[c]) + gap(&columns[c])).sum();
        sum.saturating_sub(chosen.last().map_or(0, |&c| gap(&columns[c])))
    };
    // Sparklines are shown only once the names have enough room.
    let margin = |chosen: &[usize]| {
        if chosen.iter().any(|&c| columns[c].yields >= SPARKLINE_RANK) { SPARKLINE_MARGIN } else { 0 }
    };
    while needed(&chosen) + margin(&chosen) > width {
        let Some(goes) =
            chosen.iter().copied().filter(|&c| columns[c].yields > 0).max_by_key(|&c| columns[c].yields)
        else {
            break;
        };
        chosen.retain(|&c| c != goes);
    }
    let mut rest = width.saturating_sub(needed(&chosen));
    let mut widths: Vec<u16> = chosen.iter().map(|&c| min_width(&columns[c])).collect();
    // Shared in rounds, because a column that reached its greatest width leaves its share to the others.
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
        // Columns that are never hidden may still be too wide for the window: the first ones keep their width.
        let room = width.saturating_sub(x);
        if room == 0 {
            break;
        }
        places.push((c, x, widths[at].min(room)));
        x += widths[at] + gap(&columns[c]);
    }
    places
}
