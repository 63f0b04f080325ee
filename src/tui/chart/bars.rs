//! Bar charts of usage over time. Start at [`draw_usage_chart`].

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::{
    ChartInterval, ChartRange, axis, bar_eighths, chart_glyphs, format_short_count, resample_counts,
};
use crate::domain::text;
use crate::domain::time::Timestamp;
use crate::tui::theme::{StyleRole, Theme};

/// The bars that show one key's usage in the chart.
pub(super) struct BarSeries<'a> {
    pub columns: &'a [Option<i64>],
    /// Count that is drawn as a bar of full height.
    pub max: i64,
    pub role: StyleRole,
    /// Columns with a shaded background.
    pub shaded: std::ops::Range<u16>,
}

/// Draws a series of bars into `area`, with the label `no data` where counts are unknown.
pub(super) fn draw_bars(area: Rect, buf: &mut Buffer, theme: Theme, series: &BarSeries) {
    let glyphs = chart_glyphs(theme.ascii);
    let (bar, muted) = (theme.style(series.role), theme.style(StyleRole::Muted));
    for (column, count) in (0..area.width).zip(series.columns) {
        let shaded = series.shaded.contains(&column);
        let height = count.map_or(0, |n| if n > 0 { bar_eighths(n, series.max, area.height) } else { 0 });
        for row in 0..area.height {
            let (x, y) = (area.x + column, area.bottom() - 1 - row);
            let filled = usize::try_from((height - i64::from(row) * 8).clamp(0, 8)).unwrap_or(0);
            let (glyph, style) = match (count, filled) {
                (None, _) => (glyphs.unknown, muted),
                (_, 1..) => (glyphs.eighths[filled], bar),
                (Some(0), _) if row == 0 => (glyphs.zero, muted),
                _ if shaded => (glyphs.shade, muted),
                _ => continue,
            };
            set_glyph(buf, x, y, glyph, style);
        }
    }
    let known_from = series.columns.iter().position(Option::is_some).unwrap_or(series.columns.len());
    draw_centered_text(area, buf, 0..known_from, " no data ", muted);
}

/// Draws `words` in the middle of the given columns, if they fit.
fn draw_centered_text(
    area: Rect,
    buf: &mut Buffer,
    columns: std::ops::Range<usize>,
    words: &str,
    style: Style,
) {
    if columns.len() >= words.len() + 2
        && let Ok(x) = u16::try_from(columns.start + (columns.len() - words.len()) / 2)
    {
        buf.set_string(area.x + x, area.y + area.height / 2, words, style);
    }
}

/// Draws a character into a cell of the chart; does nothing outside the buffer.
pub(super) fn set_glyph(buf: &mut Buffer, x: u16, y: u16, glyph: &str, style: Style) {
    if let Some(cell) = buf.cell_mut((x, y)) {
        cell.set_symbol(glyph).set_style(style);
    }
}

/// Draws the usage of a key over a time range: the highest count and zero on the left, a time axis below. Draws nothing into
/// fewer than two rows.
pub fn draw_usage_chart(
    area: Rect,
    buf: &mut Buffer,
    theme: Theme,
    series: &[Option<i64>],
    range: ChartRange,
    now: Timestamp,
) {
    let area = area.intersection(buf.area);
    let most = series.iter().flatten().copied().max().unwrap_or(0);
    let gutter = u16::try_from(text::display_width(&format_short_count(most))).unwrap_or(0) + 1;
    if area.height < 2 || area.width <= gutter + 8 {
        return;
    }
    let muted = theme.style(StyleRole::Muted);
    let bars = Rect { x: area.x + gutter, width: area.width - gutter, height: area.height - 1, ..area };
    let columns = resample_counts(series, usize::from(bars.width));
    // Columns that show several buckets show their sum, so the scale follows the columns.
    let most = columns.iter().flatten().copied().max().unwrap_or(0);
    draw_bars(
        bars,
        buf,
        theme,
        &BarSeries { columns: &columns, max: most, role: StyleRole::Bar, shaded: 0..0 },
    );
    if most > 0 {
        buf.set_stringn(area.x, area.y, format_short_count(most), usize::from(gutter), muted);
    } else {
        let since = columns.iter().position(Option::is_some).unwrap_or(columns.len());
        draw_centered_text(bars, buf, since..columns.len(), " no use ", muted);
    }
    if bars.height > 1 && columns.iter().any(Option::is_some) {
        buf.set_string(area.x + gutter - 2, bars.bottom() - 1, "0", muted);
    }
    let times = ChartInterval {
        from: range.start(now),
        to: now.floor(range.bucket_width().duration()).plus(range.bucket_width().duration()),
    };
    axis::draw(buf, bars.x, bars.bottom(), bars.width, times, muted);
}

#[cfg(test)]
mod tests {
    use super::super::tests_support::buffer_rows;
    use super::*;
    use crate::domain::time::DAY;

    #[test]
    fn days_without_data_are_dotted() {
        let now = Timestamp::parse("2026-11-24T06:10:00Z").unwrap();
        let mut series = vec![None; 20];
        series.extend([0, 0, 5, 80, 0, 40, 1, 0, 20, 10].map(Some));
        let area = Rect::new(0, 0, 63, 5);
        let mut buf = Buffer::empty(area);
        draw_usage_chart(area, &mut buf, Theme::default(), &series, ChartRange::Month, now);
        insta::assert_snapshot!(buffer_rows(&buf), @r"
        80 ········································      ██
           ········································      ██
           ··············· no data ················      ██  ██
         0 ········································▁▁▁▁▂▂██▁▁██▂▂▁▁██▄▄
                 Oct 29        Nov 05        Nov 12        Nov 19   now
        ");
        let mut buf = Buffer::empty(area);
        draw_usage_chart(
            area,
            &mut buf,
            Theme { ascii: true, ..Theme::default() },
            &series,
            ChartRange::Month,
            now,
        );
        insta::assert_snapshot!(buffer_rows(&buf), @r"
        80 ........................................      ##
           ........................................      ##
           ............... no data ................      ##  ##
         0 ........................................____--##__##--__##==
                 Oct 29        Nov 05        Nov 12        Nov 19   now
        ");
    }

    #[test]
    fn the_chart_of_an_unused_key_says_no_use() {
        let now = Timestamp::parse("2026-11-24T06:10:00Z").unwrap();
        let area = Rect::new(0, 0, 42, 5);
        let shown = |series: &[Option<i64>]| {
            let mut buf = Buffer::empty(area);
            draw_usage_chart(area, &mut buf, Theme::default(), series, ChartRange::Month, now);
            buffer_rows(&buf)
        };
        let zeros = |picture: &str| picture.lines().filter(|line| line.starts_with('0')).count();
        let unused = shown(&[Some(0); 30]);
        assert!(unused.contains("no use") && unused.contains("\n0 ▁▁▁"), "{unused}");
        assert_eq!(zeros(&unused), 1, "{unused}");
        let unknown = shown(&[None; 30]);
        assert!(unknown.contains("no data") && zeros(&unknown) == 0, "{unknown}");
    }

    #[test]
    fn drawing_any_range_at_any_size_does_not_panic() {
        let now = Timestamp(1_795_000_000_000);
        for range in [ChartRange::Day, ChartRange::Week, ChartRange::Month, ChartRange::Quarter] {
            for (columns, height) in [(0, 0), (1, 1), (9, 2), (20, 3), (200, 10)] {
                let area = Rect::new(0, 0, columns, height);
                let mut buf = Buffer::empty(area);
                draw_usage_chart(
                    area,
                    &mut buf,
                    Theme::default(),
                    &[Some(3), None, Some(0)],
                    range,
                    now.plus(DAY),
                );
                assert_eq!(buffer_rows(&buf).ends_with("now"), height >= 3, "{}", buffer_rows(&buf));
            }
        }
    }
}
