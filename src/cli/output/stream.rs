//! A list that is printed while it arrives, so that a long one takes no memory and its first rows come at once.

use std::io::{self, BufWriter, Stdout, Write as _};
use std::marker::PhantomData;

use super::{OutputFormat, OutputRow, csv, json};
use crate::cli::error::CommandError;
use crate::domain::text;

/// A list under way. One that is dropped before its end is incomplete: JSON lacks the closing bracket.
pub struct OutputStream<T> {
    out: BufWriter<Stdout>,
    format: OutputFormat,
    fields: Vec<String>,
    /// Whether the line with the names of the columns is still to come.
    header: bool,
    /// What separates the next object from what is before it.
    between: &'static str,
    rows: PhantomData<T>,
}

impl<T: OutputRow> OutputStream<T> {
    /// Prints nothing yet: the first page may not come.
    pub(super) fn new(format: OutputFormat, fields: Vec<String>, header: bool) -> Self {
        Self { out: BufWriter::new(io::stdout()), format, fields, header, between: "[\n", rows: PhantomData }
    }

    /// Prints these rows now.
    ///
    /// # Errors
    /// Nobody reads any more.
    pub fn rows(&mut self, rows: &[T]) -> Result<(), CommandError> {
        self.begin()?;
        match self.format {
            OutputFormat::Json => {
                for row in rows {
                    write!(self.out, "{}{}", self.between, json::shown(row.json(), &self.fields))?;
                    self.between = ",\n";
                }
            }
            OutputFormat::Csv => csv::body(&mut self.out, rows)?,
            OutputFormat::Id | OutputFormat::Table => {
                for row in rows {
                    writeln!(self.out, "{}", text::sanitize_line(&row.id()))?;
                }
            }
        }
        Ok(self.out.flush()?)
    }

    /// That was all.
    ///
    /// # Errors
    /// Nobody reads any more.
    pub fn end(mut self) -> Result<(), CommandError> {
        self.begin()?;
        if self.format == OutputFormat::Json {
            self.out.write_all(if self.between == "[\n" { b"[\n]\n" } else { b"\n]\n" })?;
        }
        Ok(self.out.flush()?)
    }

    fn begin(&mut self) -> io::Result<()> {
        if std::mem::take(&mut self.header) && self.format == OutputFormat::Csv {
            csv::head::<T>(&mut self.out)?;
        }
        Ok(())
    }
}
