//! Writes tables for people, aligned by display width. On a narrow terminal the least important columns are left out, then long
//! cells are truncated.

use std::borrow::Cow;
use std::io::{self, Write};

use super::OutputRow;
use crate::domain::text;

/// Number of spaces between two columns.
const COLUMN_GAP: usize = 2;
/// Width, in terminal columns, below which a column is not truncated.
const TRUNCATED_WIDTH_MIN: usize = 12;

/// Writes a table that fits `width`. `to_displayable` replaces characters that the terminal cannot show. Each cell is formatted
/// twice instead of being stored, because the cells of a long list would take several times the memory of its rows.
pub(super) fn write<T: OutputRow>(
    out: &mut impl Write,
    rows: &[T],
    header: bool,
    width: Option<usize>,
    to_displayable: &dyn Fn(&str) -> Cow<'_, str>,
) -> io::Result<()> {
    let columns = T::COLUMNS;
    let cell = |row: &T, i: usize| {
        let cell = (columns[i].cell)(row).to_table();
        to_displayable(&cell).into_owned()
    };
    let mut widths: Vec<usize> =
        columns.iter().map(|c| if header { text::display_width(c.title) } else { 0 }).collect();
    for row in rows {
        for (i, width) in widths.iter_mut().enumerate() {
            *width = text::display_width(&cell(row, i)).max(*width);
        }
    }
    let kept = fit_columns::<T>(&mut widths, width);
    let mut write_line = |cell: &dyn Fn(usize) -> String| {
        let mut line = String::new();
        for &i in &kept {
            let full = cell(i);
            // The ellipsis is wider in ASCII.
            let mut truncated = to_displayable(&text::truncate_to_width(&full, widths[i])).into_owned();
            for width in (0..widths[i]).rev() {
                if text::display_width(&truncated) <= widths[i] {
                    break;
                }
                truncated = to_displayable(&text::truncate_to_width(&full, width)).into_owned();
            }
            line.push_str(&truncated);
            line.extend(std::iter::repeat_n(
                ' ',
                (widths[i] + COLUMN_GAP).saturating_sub(text::display_width(&truncated)),
            ));
        }
        line.truncate(line.trim_end().len());
        writeln!(out, "{line}")
    };
    if header {
        write_line(&|i| columns[i].title.to_owned())?;
    }
    rows.iter().try_for_each(|row| write_line(&|i| cell(row, i)))
}

/// Returns the indexes of the columns to show, and reduces their `widths` so that they fit `width`.
fn fit_columns<T: OutputRow>(widths: &mut [usize], width: Option<usize>) -> Vec<usize> {
    let columns = T::COLUMNS;
    let mut kept: Vec<usize> = (0..columns.len()).collect();
    let Some(width) = width else { return kept };
    let minimum = |i: usize, widths: &[usize]| {
        if columns[i].cut { widths[i].min(TRUNCATED_WIDTH_MIN) } else { widths[i] }
    };
    let total = |kept: &[usize], of: &dyn Fn(usize) -> usize| {
        kept.iter().map(|&i| of(i)).sum::<usize>() + COLUMN_GAP * kept.len().saturating_sub(1)
    };
    while total(&kept, &|i| minimum(i, widths)) > width {
        let Some(&least_important) =
            kept.iter().filter(|&&i| columns[i].rank > 0).max_by_key(|&&i| columns[i].rank)
        else {
            break;
        };
        kept.retain(|&i| i != least_important);
    }
    let mut excess = total(&kept, &|i| widths[i]).saturating_sub(width);
    while excess > 0 {
        let Some(&widest) = kept
            .iter()
            .filter(|&&i| columns[i].cut && widths[i] > TRUNCATED_WIDTH_MIN.min(width))
            .max_by_key(|&&i| widths[i])
        else {
            break;
        };
        widths[widest] -= 1;
        excess -= 1;
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
        render_lines(rows, header, width, &|cell| Cow::Owned(cell.to_owned()))
    }

    fn render_lines(
        rows: &[Pair],
        header: bool,
        width: Option<usize>,
        to_displayable: &dyn Fn(&str) -> Cow<'_, str>,
    ) -> Vec<String> {
        let mut out = Vec::new();
        write(&mut out, rows, header, width, to_displayable).unwrap();
        String::from_utf8(out).unwrap().lines().map(str::to_owned).collect()
    }

    #[test]
    fn ascii_cells_stay_aligned() {
        let rows = [Pair("工場 in the north of the town", "sk_…0190"), Pair("Plain", "sk_…0191")];
        for width in [None, Some(24), Some(30)] {
            let lines = render_lines(&rows, false, width, &text::to_ascii);
            let positions: Vec<_> = lines.iter().map(|line| line.find("sk_").unwrap()).collect();
            assert_eq!(positions[0], positions[1], "{lines:?}");
            assert!(
                lines.iter().all(|line| line.is_ascii() && line.len() <= width.unwrap_or(99)),
                "{lines:?}"
            );
        }
    }

    #[test]
    fn a_table_is_fitted_to_a_terminal_and_complete_in_a_pipe() {
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
