//! Charts of key usage: sparklines, bars over time, both keys of a rotation, and the distribution of last uses.
//!
//! Start at [`bucket_counts`], which turns the server's buckets into counts, then [`draw_usage_chart`]. Hours without data, hours
//! with no use and hours with some use always look different. Hand-made, because ratatui's charts do not draw unknown values.

use crate::domain::time::Timestamp;
use crate::domain::usage::{Bucket, BucketWidth};

mod axis;
mod bars;
mod last_uses;
mod rotation;

pub use bars::draw_usage_chart;
pub use last_uses::{LastUseHistogram, draw_last_use_histogram};
pub use rotation::{RotationChart, draw_rotation_chart};

/// Number of uses in each bucket, oldest first. `None` if the number is unknown, because the bucket is older than the key or
/// than usage recording.
pub type CountSeries = Vec<Option<i64>>;

/// Time range of a usage chart, up to now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ChartRange {
    /// 24 hours, in hourly buckets.
    Day,
    /// 7 days, in hourly buckets.
    Week,
    /// 30 days, in daily buckets.
    #[default]
    Month,
    /// 90 days, in daily buckets.
    Quarter,
}

impl ChartRange {
    /// Returns the label shown above the chart: `24 h`, `7 d`, `30 d` or `90 d`.
    pub fn label(self) -> &'static str {
        match self {
            Self::Day => "24 h",
            Self::Week => "7 d",
            Self::Month => "30 d",
            Self::Quarter => "90 d",
        }
    }

    /// Returns the bucket width in which usage over this range is requested.
    pub fn bucket_width(self) -> BucketWidth {
        match self {
            Self::Day | Self::Week => BucketWidth::Hour,
            Self::Month | Self::Quarter => BucketWidth::Day,
        }
    }

    /// Returns the start of the first bucket of a range whose last bucket contains `now`.
    pub fn start(self, now: Timestamp) -> Timestamp {
        let buckets = match self {
            Self::Day => 24,
            Self::Week => 7 * 24,
            Self::Month => 30,
            Self::Quarter => 90,
        };
        let width = self.bucket_width().duration();
        now.floor(width).minus(width * (buckets - 1))
    }

    /// Returns the next longer range; the longest range returns itself.
    #[must_use]
    pub fn longer(self) -> Self {
        match self {
            Self::Day => Self::Week,
            Self::Week => Self::Month,
            Self::Month | Self::Quarter => Self::Quarter,
        }
    }

    /// Returns the next shorter range; the shortest range returns itself.
    #[must_use]
    pub fn shorter(self) -> Self {
        match self {
            Self::Day | Self::Week => Self::Day,
            Self::Month => Self::Week,
            Self::Quarter => Self::Month,
        }
    }
}

/// Returns one count per bucket from `from` until `now`. A bucket that is missing from `buckets` counts as zero, or as unknown if
/// it begins before `known_since`, when usage recording began or the key was created.
pub fn bucket_counts(
    buckets: &[Bucket],
    width: BucketWidth,
    from: Timestamp,
    now: Timestamp,
    known_since: Timestamp,
) -> CountSeries {
    let step = width.duration();
    let first = from.floor(step);
    let mut series: CountSeries = std::iter::successors(Some(first), |start| Some(start.plus(step)))
        .take_while(|&start| start <= now)
        .map(|start| (start >= known_since.floor(step)).then_some(0))
        .collect();
    for bucket in buckets {
        let index = bucket.start.since(first).num_milliseconds().div_euclid(step.num_milliseconds());
        if let Some(slot) = usize::try_from(index).ok().and_then(|i| series.get_mut(i)) {
            *slot = Some(slot.unwrap_or(0).saturating_add(bucket.count));
        }
    }
    series
}

/// Stretches or shrinks a series to `columns` columns. A column that covers several buckets shows their sum; a bucket that
/// covers several columns is repeated.
pub(crate) fn resample_counts(series: &[Option<i64>], columns: usize) -> CountSeries {
    let n = series.len();
    if n == 0 {
        return vec![None; columns];
    }
    (0..columns)
        .map(|column| {
            let from = column * n / columns;
            let to = ((column + 1) * n / columns).max(from + 1);
            let known = series[from..to].iter().flatten();
            let sum = known.clone().fold(0_i64, |sum, &n| sum.saturating_add(n));
            // A partly unknown column must not claim that there was no use.
            (sum > 0 || known.count() == to - from).then_some(sum)
        })
        .collect()
}

/// Character set for charts.
pub(crate) struct ChartGlyphs {
    /// Bars that fill zero to eight eighths of a cell; the first is a space.
    pub eighths: [&'static str; 9],
    /// Shown in the bottom row for a count of zero.
    pub zero: &'static str,
    /// Shown for an unknown count.
    pub unknown: &'static str,
    /// Shading that marks the quiet window.
    pub shade: &'static str,
    /// Marker below a column of interest, such as the creation of a key.
    pub mark: &'static str,
}

const UNICODE: ChartGlyphs = ChartGlyphs {
    eighths: [" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"],
    zero: "▁",
    unknown: "·",
    shade: "░",
    mark: "▲",
};
const ASCII: ChartGlyphs = ChartGlyphs {
    eighths: [" ", "-", "-", "-", "=", "=", "#", "#", "#"],
    zero: "_",
    unknown: ".",
    shade: ":",
    mark: "^",
};

pub(crate) fn chart_glyphs(ascii: bool) -> &'static ChartGlyphs {
    if ascii { &ASCII } else { &UNICODE }
}

/// Formats counts as a sparkline, `··▁▁▃▁█`, at most `columns` wide and scaled to the highest count.
pub fn format_sparkline(counts: &[Option<i64>], columns: usize, ascii: bool) -> String {
    let glyphs = chart_glyphs(ascii);
    let counts = resample_counts(counts, columns.min(counts.len()));
    let most = counts.iter().flatten().copied().max().unwrap_or(0);
    counts
        .iter()
        .map(|count| match count {
            None => glyphs.unknown,
            Some(0) => glyphs.zero,
            Some(n) => glyphs.eighths[usize::try_from(bar_eighths(*n, most, 1)).unwrap_or(8)],
        })
        .collect()
}

/// Returns the height of a bar in eighths of a cell, for a chart that is `rows` cells high and whose highest count is `most`.
/// The height is at least two eighths, so that a single use stands out from zero.
pub(crate) fn bar_eighths(count: i64, most: i64, rows: u16) -> i64 {
    let full = i64::from(rows) * 8;
    (count.saturating_mul(full) / most.max(1)).clamp(2, full)
}

/// Formats a count in at most four characters, up to 999 million: `88`, `1.2k`, `34k`, `5.6M`.
pub fn format_short_count(count: i64) -> String {
    let tenths = |unit: i64, name: &str| {
        if count >= 10 * unit {
            format!("{}{name}", count / unit)
        } else {
            format!("{}.{}{name}", count / unit, count % unit * 10 / unit)
        }
    };
    match count {
        ..1_000 => count.to_string(),
        1_000..1_000_000 => tenths(1_000, "k"),
        _ => tenths(1_000_000, "M"),
    }
}

/// Label below the last bucket, which is still being filled.
pub(crate) const NOW_LABEL: &str = "now";

/// Time interval that a chart's horizontal axis covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ChartInterval {
    /// Start of the first bucket.
    pub from: Timestamp,
    /// End of the last bucket.
    pub to: Timestamp,
}

impl ChartInterval {
    /// Returns the column in which `at` is drawn, on an axis `columns` wide. A time outside the interval gets the first or the
    /// last column.
    pub(crate) fn column(self, at: Timestamp, columns: u16) -> u16 {
        let shown = self.to.since(self.from).num_milliseconds().max(1);
        let elapsed = at.since(self.from).num_milliseconds().clamp(0, shown);
        let column = elapsed * i64::from(columns) / shown;
        u16::try_from(column).unwrap_or(0).min(columns.saturating_sub(1))
    }
}

/// Returns the time that one bucket covers, for "N uses …": `an hour` or `a day`.
pub fn bucket_unit(width: BucketWidth) -> &'static str {
    match width {
        BucketWidth::Hour => "an hour",
        BucketWidth::Day => "a day",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::{HOUR, TimeDelta};

    const NOW: Timestamp = Timestamp(1_795_000_000_000);

    fn bucket(hours_ago: i64, count: i64) -> Bucket {
        Bucket { start: NOW.minus(TimeDelta::hours(hours_ago)).floor(HOUR), count, refused: 0 }
    }

    #[test]
    fn unknown_zero_and_nonzero_counts_look_different() {
        for ascii in [false, true] {
            let shown = format_sparkline(&[None, Some(0), Some(1), Some(1_000)], 4, ascii);
            let glyphs: Vec<char> = shown.chars().collect();
            assert_eq!(glyphs.len(), 4);
            for (i, a) in glyphs.iter().enumerate() {
                assert!(glyphs[i + 1..].iter().all(|b| a != b), "{shown}");
            }
        }
        assert_eq!(format_sparkline(&[None, Some(0), Some(1), Some(8)], 30, false), "·▁▂█");
        assert_eq!(format_sparkline(&[], 30, false), "");
    }

    #[test]
    fn missing_buckets_are_zero_only_after_recording_began() {
        let from = ChartRange::Day.start(NOW);
        let counts =
            bucket_counts(&[bucket(1, 5)], BucketWidth::Hour, from, NOW, NOW.minus(TimeDelta::hours(3)));
        assert_eq!(counts.len(), 24);
        assert_eq!(counts[18..], [None, None, Some(0), Some(0), Some(5), Some(0)]);
        assert_eq!(
            bucket_counts(&[], BucketWidth::Day, ChartRange::Month.start(NOW), NOW, Timestamp(0)).len(),
            30
        );
    }

    #[test]
    fn a_partly_unknown_column_does_not_claim_zero() {
        assert_eq!(resample_counts(&[None, Some(0), Some(0), Some(0)], 2), [None, Some(0)]);
        assert_eq!(resample_counts(&[None, Some(3), None, None], 2), [Some(3), None]);
        assert_eq!(resample_counts(&[Some(1), Some(2)], 4), [Some(1), Some(1), Some(2), Some(2)]);
    }

    #[test]
    fn counts_are_formatted_in_at_most_four_columns() {
        let cases = [
            (0, "0"),
            (999, "999"),
            (1_240, "1.2k"),
            (34_567, "34k"),
            (999_999, "999k"),
            (5_670_000, "5.6M"),
        ];
        for (count, shown) in cases {
            assert_eq!(format_short_count(count), shown);
        }
    }
}

#[cfg(test)]
mod tests_support {
    use ratatui::buffer::Buffer;

    /// Returns the text of a buffer, one line per row, without trailing spaces.
    pub(super) fn buffer_rows(buf: &Buffer) -> String {
        let rows = (0..buf.area.height).map(|y| {
            let row: String = (0..buf.area.width).map(|x| buf[(x, y)].symbol()).collect();
            row.trim_end().to_owned()
        });
        rows.collect::<Vec<_>>().join("\n")
    }
}
