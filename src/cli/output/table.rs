//! Tables for people: aligned by display width; on a terminal the least important columns give way, then names are cut.

use super::Row;
use crate::domain::text;

/// Spaces between two columns.
const GAP: usize = 2;
/// A column that may be cut keeps at least so many columns of the terminal.
const CUT_TO: usize = 12;

/// The lines of a table that fits `width`, if there is one.
pub(super) fn lines<T: Row>(rows: &[T], header: bool, width: Option<usize>) -> Vec<String> {
    let columns = T::COLUMNS;
    let cells: Vec<Vec<String>> =
        rows.iter().map(|row| columns.iter().map(|c| (c.cell)(row).table()).collect()).collect();
    let mut widths: Vec<usize> = (0..columns.len())
        .map(|i| {
            let title = if header { text::width(columns[i].title) } else { 0 };
            cells.iter().map(|row| text::width(&row[i])).max().unwrap_or(0).max(title)
        })
        .collect();
    let mut kept: Vec<usize> = (0..columns.len()).collect();
    if let Some(width) = width {
        let least =
            |i: usize, widths: &[usize]| if columns[i].cut { widths[i].min(CUT_TO) } else { widths[i] };
        let total = |kept: &[usize], of: &dyn Fn(usize) -> usize| {
            kept.iter().map(|&i| of(i)).sum::<usize>() + GAP * kept.len().saturating_sub(1)
        };
        while total(&kept, &|i| least(i, &widths)) > width {
            let Some(&weakest) =
                kept.iter().filter(|&&i| columns[i].rank > 0).max_by_key(|&&i| columns[i].rank)
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
    }
    let line = |cell: &dyn Fn(usize) -> String| {
        let mut line = String::new();
        for &i in &kept {
            let shown = cell(i);
            let shown = text::fit(&shown, widths[i]);
            line.push_str(&shown);
            line.extend(std::iter::repeat_n(' ', widths[i] - text::width(&shown) + GAP));
        }
        line.truncate(line.trim_end().len());
        line
    };
    let head = header.then(|| line(&|i| columns[i].title.to_owned()));
    head.into_iter().chain(cells.iter().map(|row| line(&|i| row[i].clone()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::output::Column;

    struct Pair(&'static str, &'static str);

    impl Row for Pair {
        const COLUMNS: &'static [Column<Self>] = &[
            Column { title: "Name", field: "name", rank: 0, cut: true, cell: |p| p.0.into() },
            Column { title: "Id", field: "id", rank: 2, cut: false, cell: |p| p.1.into() },
        ];
        fn json(&self) -> String {
            "null".to_owned()
        }
        fn id(&self) -> String {
            self.1.to_owned()
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
            assert!(lines(&rows, true, Some(width)).iter().all(|l| text::width(l) <= width), "{width}");
        }
    }
}
