//! The time axis below a chart: as many times as fit without touching each other, and `now` at its end.

use ratatui::buffer::Buffer;
use ratatui::style::Style;

use super::{ChartInterval, NOW};
use crate::domain::text;
use crate::domain::time::{DAY, HOUR, Timestamp};

/// Draws the axis into one row.
pub(super) fn draw(buf: &mut Buffer, x: u16, y: u16, columns: u16, times: ChartInterval, style: Style) {
    let end = columns.saturating_sub(NOW_WIDTH);
    let mut free_from = 0;
    for tick in ticks(times, columns) {
        let label = draw_label(tick);
        let width = u16::try_from(text::display_width(&label)).unwrap_or(0);
        let column = times.column(tick, columns);
        if column >= free_from && column + width + 1 < end {
            buf.set_string(x + column, y, &label, style);
            free_from = column + width + 2;
        }
    }
    if columns >= NOW_WIDTH {
        buf.set_string(x + end, y, NOW, style);
    }
}

const NOW_WIDTH: u16 = 3;
/// Columns that a label and the space around it take.
const LABEL: i64 = 9;

/// The round times of the span, as close to each other as their labels allow.
fn ticks(times: ChartInterval, columns: u16) -> impl Iterator<Item = Timestamp> {
    const STEPS: [i64; 10] =
        [HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 2 * DAY, 7 * DAY, 14 * DAY, 28 * DAY, 56 * DAY];
    let span = times.to.since(times.from).max(1);
    let roomy = |step: &&i64| **step * i64::from(columns) / span >= LABEL;
    let step = *STEPS.iter().find(roomy).unwrap_or(&STEPS[STEPS.len() - 1]);
    let first = times.from.plus(step - 1).floor(step);
    (0..).map(move |i| first.plus(i * step)).take_while(move |&at| at < times.to)
}

/// `06:00` within a day, `Nov 24` where a day begins.
fn draw_label(at: Timestamp) -> String {
    let format = if at.floor(DAY) == at { "%b %d" } else { "%H:%M" };
    at.to_chrono().format(format).to_string()
}
