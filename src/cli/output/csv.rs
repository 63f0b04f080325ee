//! CSV (RFC 4180 with `\n`), in which no cell is taken for a formula.

use std::io::{self, Write};

use super::OutputRow;
use crate::domain::text;

pub(super) fn write<T: OutputRow>(out: &mut impl Write, rows: &[T], header: bool) -> io::Result<()> {
    if header {
        head::<T>(out)?;
    }
    body(out, rows)
}

pub(super) fn head<T: OutputRow>(out: &mut impl Write) -> io::Result<()> {
    line(out, T::COLUMNS.iter().map(|c| c.field.to_owned()))
}

pub(super) fn body<T: OutputRow>(out: &mut impl Write, rows: &[T]) -> io::Result<()> {
    for row in rows {
        line(out, T::COLUMNS.iter().map(|c| (c.cell)(row).csv()))?;
    }
    Ok(())
}

fn line(out: &mut impl Write, cells: impl Iterator<Item = String>) -> io::Result<()> {
    for (i, cell) in cells.enumerate() {
        if i > 0 {
            out.write_all(b",")?;
        }
        out.write_all(text::csv_cell(&cell).as_bytes())?;
    }
    out.write_all(b"\n")
}
