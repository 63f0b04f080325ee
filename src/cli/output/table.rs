//! Tables for people: aligned by display width; on a terminal the least important columns give way, then names are cut.

use std::borrow::Cow;
use std::io::{self, Write};

use super::OutputRow;
use crate::domain::text;

/// Spaces between two columns.
const GAP: usize = 2;
/// A column that may be cut keeps at least so many columns of the terminal.
const CUT_TO: usize = 12;

/// Writes a table that fits `width`, if there is one. `shown` is what a terminal of this kind shows of a text.
/// Only the rows are held, never their cells: those of a long list would take several times as much.
pub(super) fn write<T: OutputRow>(
    out: &mut impl Write,
    rows: &[T],
    header: bool,
    width: Option<usize>,
    shown: &dyn Fn(&str) -> Cow<'_, str>,
) -> io::Result<()> {
    let columns = T::COLUMNS;
    let cell = |row: &T, i: usize| {
        let cell = (columns[i].cell)(row).table();
        shown(&cell).into_owned()
    };
    let mut widths: Vec<usize> =
        columns.iter().map(|c| if header { text::display_width(c.title) } else { 0 }).collect();
    for row in rows {
        for (i, widest) in widths.iter_mut().enumerate() {
            *widest = text::display_width(&cell(row, i)).max(*widest);
        }
    }
    let kept = fit::<T>(&mut widths, width);
    let mut line = |cell: &dyn Fn(usize) -> String| {
        let mut line = String::new();
        for &i in &kept {
            let whole = cell(i);
            // The ellipsis is wider where only ASCII is shown.
            let mut cut = shown(&text::truncate_to_width(&whole, widths[i])).into_owned();
            for room in (0..widths[i]).rev() {
                if text::display_width(&cut) <= widths[i] {
                    break;
                }
                cut = shown(&text::truncate_to_width(&whole, room)).into_owned();
            }
            line.push_str(&cut);
            line.extend(std::iter::repeat_n(
                ' ',
                (widths[i] + GAP).saturating_sub(text::display_width(&cut)),
            ));
        }
        line.truncate(line.trim_end().len());
        writeln!(out, "{line}")
    };
    if header {
        line(&|i| columns[i].title.to_owned())?;
    }
    rows.iter().try_for_each(|row| line(&|i| cell(row, i)))
}

/// Which columns stay, and how wide they become.
fn fit<T: OutputRow>(widths: &mut [usize], width: Option<usize>) -> Vec<usize> {
    let columns = T::COLUMNS;
    let mut kept: Vec<usize> = (0..columns.len()).collect();
    let Some(width) = width else { return kept };
    let least = |i: usize, widths: &[usize]| if columns[i].cut { widths[i].min(CUT_TO) } else { widths[i] };
    let total = |kept: &[usize], of: &dyn Fn(usize) -> usize| {
        kept.iter().map(|&i| of(i)).sum::<usize>() + GAP * kept.len().saturating_sub(1)
    };
    while total(&kept, &|i| least(i, widths)) > width {
        let Some(&weakest) = kept.iter().filter(|&&i| columns[i].rank > 0).max_by_key(|&&i| columns[i].rank)
        else {
            break;
        };
        kept.retain(|&i| i != weakest);
    }
    let mut over = total(&kept, &|i| widths[i]).saturating_sub(width);
    while over > 0 {
        let Some(&widest) = kept
            .iter()
            .filter(|&&i| columns[i].cut && widths[i] > CUT_TO.min(width))
            .max_by_key(|&&i| widths[i])
        else {
            break;
        };
        widths[widest] -= 1;
        over -= 1;
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::output::{JsonField, OutputColumn};

    struct Pair(&'static str, &'static str);

    impl OutputRow for Pair {
        const COLUMNS: &'static [OutputColumn<Self>] = &[
            OutputColumn { title: "Name", field: "name", rank: 0, cut: true, cell: |p| p.0.into() },
            OutputColumn { title: "Id", field: "id", rank: 2, cut: false, cell: |p| p.1.into() },
        ];
        const FIELDS: &'static [JsonField] = &[];
        fn json(&self) -> String {
            "null".to_owned()
        }
        fn id(&self) -> String {
            self.1.to_owned()
        }
    }

    fn lines(rows: &[Pair], header: bool, width: Option<usize>) -> Vec<String> {
        written(rows, header, width, &|cell| Cow::Owned(cell.to_owned()))
    }

    fn written(
        rows: &[Pair],
        header: bool,
        width: Option<usize>,
        shown: &dyn Fn(&str) -> Cow<'_, str>,
    ) -> Vec<String> {
        let mut out = Vec::new();
        write(&mut out, rows, header, width, shown).unwrap();
        String::from_utf8(out).unwrap().lines().map(str::to_owned).collect()
    }

    #[test]
    fn ascii_stays_in_its_columns() {
        let rows = [Pair("工場 in the north of the town", "sk_…0190"), Pair("Plain", "sk_…0191")];
        for width in [None, Some(24), Some(30)] {
            let lines = written(&rows, false, width, &text::to_ascii);
            let at: Vec<_> = lines.iter().map(|line| line.find("sk_").unwrap()).collect();
            assert_eq!(at[0], at[1], "{lines:?}");
            assert!(
                lines.iter().all(|line| line.is_ascii() && line.len() <= width.unwrap_or(99)),
                "{lines:?}"
            );
        }
    }

    #[test]
    fn a_table_fits_or_is_whole() {
        let rows = [Pair("工場 in the north of the town", "0190"), Pair("x\u{1b}[2J", "0191")];
        assert_eq!(
            lines(&rows, true, None),
            [
                "Name                           Id",
                "工場 in the north of the town  0190",
                "x\u{fffd}[2J                          0191"
            ]
        );
        assert_eq!(lines(&rows, false, Some(20)), ["工場 in the n…  0190", "x\u{fffd}[2J           0191"]);
        assert_eq!(lines(&rows, false, Some(12)), ["工場 in the…", "x\u{fffd}[2J"]);
        for width in 14..60 {
            assert!(
                lines(&rows, true, Some(width)).iter().all(|l| text::display_width(l) <= width),
                "{width}"
            );
        }
    }
}
