//! Writes CSV (RFC 4180, with `\n` as line break). Cells that a spreadsheet would take for a formula are escaped.

use std::io::{self, Write};

use super::OutputRow;
use crate::domain::text;

pub(super) fn write<T: OutputRow>(out: &mut impl Write, rows: &[T], header: bool) -> io::Result<()> {
    if header {
        write_header::<T>(out)?;
    }
    write_rows(out, rows)
}

pub(super) fn write_header<T: OutputRow>(out: &mut impl Write) -> io::Result<()> {
    write_line(out, T::COLUMNS.iter().map(|c| c.field.to_owned()))
}

pub(super) fn write_rows<T: OutputRow>(out: &mut impl Write, rows: &[T]) -> io::Result<()> {
    for row in rows {
        write_line(out, T::COLUMNS.iter().map(|c| (c.cell)(row).to_csv()))?;
    }
    Ok(())
}

fn write_line(out: &mut impl Write, cells: impl Iterator<Item = String>) -> io::Result<()> {
    for (i, cell) in cells.enumerate() {
        if i > 0 {
            out.write_all(b",")?;
        }
        out.write_all(text::csv_cell(&cell).as_bytes())?;
    }
    out.write_all(b"\n")
}
