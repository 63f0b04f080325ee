//! Prints a list while it arrives, so that its first rows appear at once and a long list takes little memory.

use std::io::{self, BufWriter, Stdout, Write as _};
use std::marker::PhantomData;

use super::{OutputFormat, OutputRow, csv, json};
use crate::cli::error::CommandError;
use crate::domain::text;

/// A list that is printed row by row. If it is dropped before [`OutputStream::finish`], its JSON lacks the closing bracket.
pub(in crate::cli) struct OutputStream<T> {
    out: BufWriter<Stdout>,
    format: OutputFormat,
    fields: Vec<String>,
    /// Whether the header line still has to be written.
    header_is_due: bool,
    /// Text to write before the next JSON object: the opening bracket or a comma.
    separator: &'static str,
    rows: PhantomData<T>,
}

impl<T: OutputRow> OutputStream<T> {
    pub(super) fn new(format: OutputFormat, fields: Vec<String>, header: bool) -> Self {
        Self {
            out: BufWriter::new(io::stdout()),
            format,
            fields,
            header_is_due: header,
            separator: "[\n",
            rows: PhantomData,
        }
    }

    /// Prints rows immediately, without waiting for the rest of the list.
    pub(in crate::cli) fn print_rows(&mut self, rows: &[T]) -> Result<(), CommandError> {
        self.write_header()?;
        match self.format {
            OutputFormat::Json => {
                for row in rows {
                    write!(self.out, "{}{}", self.separator, json::render(row.json(), &self.fields))?;
                    self.separator = ",\n";
                }
            }
            OutputFormat::Csv => csv::write_rows(&mut self.out, rows)?,
            OutputFormat::Id | OutputFormat::Table => {
                for row in rows {
                    writeln!(self.out, "{}", text::sanitize_line(&row.id()))?;
                }
            }
        }
        Ok(self.out.flush()?)
    }

    /// Ends the list. In JSON, this writes the closing bracket.
    pub(in crate::cli) fn finish(mut self) -> Result<(), CommandError> {
        self.write_header()?;
        if self.format == OutputFormat::Json {
            self.out.write_all(if self.separator == "[\n" { b"[\n]\n" } else { b"\n]\n" })?;
        }
        Ok(self.out.flush()?)
    }

    fn write_header(&mut self) -> io::Result<()> {
        if std::mem::take(&mut self.header_is_due) && self.format == OutputFormat::Csv {
            csv::write_header::<T>(&mut self.out)?;
        }
        Ok(())
    }
}
