//! Draws the time axis below a chart: as many labels as fit with a space between them, and `now` at the end.

use ratatui::buffer::Buffer;
use ratatui::style::Style;

use super::{ChartInterval, NOW_LABEL};
use crate::domain::text;
use crate::domain::time::{DAY, HOUR, MILLISECOND, TimeDelta, Timestamp};

/// Draws a time axis with its labels, `columns` wide, from column `x` of row `y`.
pub(super) fn draw(buf: &mut Buffer, x: u16, y: u16, columns: u16, times: ChartInterval, style: Style) {
    let end = columns.saturating_sub(NOW_WIDTH);
    let mut free_from = 0;
    for tick in ticks(times, columns) {
        let label = tick_label(tick);
        let width = u16::try_from(text::display_width(&label)).unwrap_or(0);
        let column = times.column(tick, columns);
        if column >= free_from && column + width + 1 < end {
            buf.set_string(x + column, y, &label, style);
            free_from = column + width + 2;
        }
    }
    if columns >= NOW_WIDTH {
        buf.set_string(x + end, y, NOW_LABEL, style);
    }
}

const NOW_WIDTH: u16 = 3;
/// Columns reserved for a label and the gap around it.
const LABEL_WIDTH: i64 = 9;

/// Returns the round times to label, as close together as the width of their labels allows.
fn ticks(times: ChartInterval, columns: u16) -> impl Iterator<Item = Timestamp> {
    const STEPS: [TimeDelta; 10] = [
        HOUR,
        TimeDelta::hours(3),
        TimeDelta::hours(6),
        TimeDelta::hours(12),
        DAY,
        TimeDelta::days(2),
        TimeDelta::days(7),
        TimeDelta::days(14),
        TimeDelta::days(28),
        TimeDelta::days(56),
    ];
    let shown = times.to.since(times.from).num_milliseconds().max(1);
    let roomy = |step: &&TimeDelta| step.num_milliseconds() * i64::from(columns) / shown >= LABEL_WIDTH;
    let step = *STEPS.iter().find(roomy).unwrap_or(&STEPS[STEPS.len() - 1]);
    let first = times.from.plus(step - MILLISECOND).floor(step);
    std::iter::successors(Some(first), move |at| Some(at.plus(step))).take_while(move |&at| at < times.to)
}

/// Formats the label of a tick: the date (`Nov 24`) at midnight, else the time (`06:00`).
fn tick_label(at: Timestamp) -> String {
    let format = if at.floor(DAY) == at { "%b %d" } else { "%H:%M" };
    at.to_chrono().format(format).to_string()
}
