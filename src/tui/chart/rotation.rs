//! Chart of both keys of a rotation by hour on one time axis, with the quiet window during which the old key must be silent.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::bars::{BarSeries, draw_bars, set_glyph};
use super::{ChartInterval, axis, bucket_counts, chart_glyphs, resample_counts};
use crate::domain::rotation::QuietWindow;
use crate::domain::text;
use crate::domain::time::{DAY, HOUR, TimeDelta, Timestamp, format_duration};
use crate::domain::usage::{Bucket, BucketWidth};
use crate::tui::theme::{StyleRole, Theme};

/// Usage of both keys of a rotation, and the times to mark in their chart.
#[derive(Clone, Copy, Debug)]
pub struct RotationChart<'a> {
    /// Hourly usage of the old key.
    pub old: &'a [Bucket],
    /// Hourly usage of the new key.
    pub new: &'a [Bucket],
    /// Time at which usage recording began; earlier buckets are unknown.
    pub tracking_since: Timestamp,
    /// Creation time of the old key.
    pub old_created_at: Timestamp,
    /// Creation time of the new key.
    pub new_created_at: Timestamp,
    /// Time for which the old key must stay unused before it is revoked.
    pub quiet: QuietWindow,
    /// Current server time.
    pub now: Timestamp,
}

impl RotationChart<'_> {
    /// Returns the interval to draw. It covers the quiet window, the rotation, and the day before the rotation, but at most 90
    /// days.
    fn times(&self) -> ChartInterval {
        let quiet = self.now.minus(self.quiet.duration).minus(self.quiet.duration / 4);
        let from = self.new_created_at.minus(DAY).min(quiet);
        let from = from.max(self.now.minus(TimeDelta::days(89))).floor(HOUR);
        ChartInterval { from, to: self.now.floor(HOUR).plus(HOUR) }
    }

    /// Returns the start of the first hour in which the new key was used, or `None` if it has not been used.
    fn first_use(&self) -> Option<Timestamp> {
        self.new.iter().find(|bucket| bucket.count > 0).map(|bucket| bucket.start)
    }
}

/// Draws the usage of the old key above that of the new key. Leaves out the legend in fewer than seven rows; draws nothing in
/// fewer than four.
pub fn draw_rotation_chart(area: Rect, buf: &mut Buffer, theme: Theme, keys: &RotationChart) {
    let area = area.intersection(buf.area);
    if area.height < 4 || area.width < GUTTER + 16 {
        return;
    }
    let times = keys.times();
    let (x, columns) = (area.x + GUTTER, area.width - GUTTER);
    // Rows below the bars: markers, axis and, where there is room, the legend of the quiet window.
    let below = if area.height >= 7 { 3 } else { 2 };
    let rows = (area.height - below) / 2;
    let shaded = times.column(keys.now.minus(keys.quiet.duration), columns)..columns;
    let muted = theme.style(StyleRole::Muted);
    let panels = [
        ("old", keys.old, keys.old_created_at, StyleRole::OtherBar),
        ("new", keys.new, keys.new_created_at, StyleRole::Bar),
    ];
    for (y, (name, buckets, created_at, role)) in (area.y..).step_by(usize::from(rows)).zip(panels) {
        let known_since = keys.tracking_since.max(created_at);
        let counts = bucket_counts(buckets, BucketWidth::Hour, times.from, keys.now, known_since);
        let counts = resample_counts(&counts, usize::from(columns));
        let most = counts.iter().flatten().copied().max().unwrap_or(0);
        let shaded = if name == "old" { shaded.clone() } else { 0..0 };
        let bars = Rect { x, y, width: columns, height: rows };
        draw_bars(bars, buf, theme, &BarSeries { columns: &counts, max: most, role, shaded });
        buf.set_string(area.x, y + rows - 1, name, theme.style(role));
    }
    let y = area.y + 2 * rows;
    draw_marks(buf, theme, x, y, columns, keys, times);
    axis::draw(buf, x, y + 1, columns, times, muted);
    if below == 3 {
        let why = if keys.quiet.raised_by_gap.is_some() {
            "twice the longest observed gap"
        } else {
            "set by the organization"
        };
        let words = format!(
            "{} quiet window of {}, {why}",
            chart_glyphs(theme.ascii).shade,
            format_duration(keys.quiet.duration)
        );
        let width = u16::try_from(text::display_width(&words)).unwrap_or(columns);
        let at = shaded.start.min(columns.saturating_sub(width));
        buf.set_stringn(x + at, y + 2, theme.text(&words), usize::from(columns - at), muted);
    }
}

/// Columns reserved for the labels `old` and `new`.
const GUTTER: u16 = 4;

/// Marks the creation and the first use of the new key. The label of the creation is to the left of its marker if there is
/// room.
fn draw_marks(
    buf: &mut Buffer,
    theme: Theme,
    x: u16,
    y: u16,
    columns: u16,
    keys: &RotationChart,
    times: ChartInterval,
) {
    let (sign, style) = (chart_glyphs(theme.ascii).mark, theme.style(StyleRole::Bar));
    let created = times.column(keys.new_created_at, columns);
    let used = keys.first_use().map(|at| times.column(at, columns).max(created));
    let mut write = |column: u16, words: &str, before: bool| {
        let width = u16::try_from(words.len()).unwrap_or(0);
        set_glyph(buf, x + column, y, sign, style);
        if before && column > width {
            buf.set_string(x + column - width - 1, y, words, style);
        } else if column + width + 2 < columns {
            buf.set_string(x + column + 2, y, words, style);
        } else if column > width {
            buf.set_string(x + column - width - 1, y, words, style);
        }
    };
    match used {
        Some(used) if used == created => write(created, "created and first used", false),
        Some(used) => {
            write(created, "created", true);
            write(used, "first used", false);
        }
        None => write(created, "created", false),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests_support::buffer_rows;
    use super::*;

    fn uses(now: Timestamp, hours_ago: impl IntoIterator<Item = i64>) -> Vec<Bucket> {
        hours_ago
            .into_iter()
            .map(|h| Bucket {
                start: now.minus(TimeDelta::hours(h)).floor(HOUR),
                count: 5 + h % 7,
                refused: 0,
            })
            .collect()
    }

    #[test]
    fn the_chart_of_a_drain_shows_when_the_old_key_became_silent() {
        let now = Timestamp::parse("2026-11-24T06:10:00Z").unwrap();
        let (old, new) = (uses(now, (20..120).rev()), uses(now, (0..50).rev()));
        let keys = RotationChart {
            old: &old,
            new: &new,
            tracking_since: now.minus(TimeDelta::days(300)),
            old_created_at: now.minus(TimeDelta::days(300)),
            new_created_at: now.minus(TimeDelta::hours(60)),
            quiet: QuietWindow { duration: TimeDelta::hours(48), raised_by_gap: None },
            now,
        };
        let shown = |columns, height, ascii, keys: &RotationChart| {
            let area = Rect::new(0, 0, columns, height);
            let mut buf = Buffer::empty(area);
            draw_rotation_chart(area, &mut buf, Theme { ascii, ..Theme::default() }, keys);
            buffer_rows(&buf)
        };
        insta::assert_snapshot!(shown(76, 9, false, &keys), @r"
                            ▁     ▁    ▃  ░░░▃░░░░▅░░░░░▅░░░░█░░░░░░░░░░░░░░░░░░░░░░
             ▄▃▂▁▆ ▄▃▂▁▆ ▄▃▂█  ▄▃▂█  ▄▃█  ░▄▃█░░░▄█▁░░░▄█▁░░░█▂▁░░░▄░░░░░░░░░░░░░░░░
        old ▅█████▅█████▅████▆▅████▆▅████▆▅████▆▅████▆▅████▆▅████▆▅█▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁
            ·····················            ▃    ▅     ▅    █     █    ▂     ▂
            ······ no data ······          ▄▃█   ▄█▁   ▄█▁   █▂▁   █▂▁  █▃▂▁  █▃▂▁ ▄
        new ·····················▁▁▁▁▁▁▁▁▁▅████▆▅████▆▅████▆▅████▆▅████▆█████▆██████
                        created ▲        ▲ first used
                 Nov 21    12:00     Nov 22    12:00     Nov 23    12:00         now
                                      ░ quiet window of 2 d, set by the organization
        ");
        insta::assert_snapshot!(shown(40, 5, false, &keys), @r"
        old ▄▅▆▄▅▆▄▅▆▄▅▆▄█▃▄█▃▄█▃▄█▃▇▅▃▄▁▁▁▁▁▁▁▁
        new · no data ·▁▁▁▁▄█▃▄█▃▄█▃▇▅▃▇▅▃▇▅▃▇▅▅
              created ▲   ▲ first used
              Nov 21    Nov 22    Nov 23     now
        ");
        insta::assert_snapshot!(shown(60, 9, true, &RotationChart { new: &[], ..keys }), @r"
             # - - -   =   # - - - ::=::-:-:::=:::#:-:-:::::::::::::
             #-# #-# ==#-# #-# #-# ==#-##-#:==#-#:#-#:#:::::::::::::
        old =#############=######################=#####_____________
            ................
            ... no data ....
        new ................________________________________________
                           ^ created
               Nov 21          Nov 22          Nov 23            now
                      : quiet window of 2 d, set by the organization
        ");
    }
}
