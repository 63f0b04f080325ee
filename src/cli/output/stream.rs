//! A list that is printed while it arrives, so that a long one takes no memory and its first rows come at once.

use std::io::{self, BufWriter, Stdout, Write as _};
use std::marker::PhantomData;

use super::{Format, Row, csv, json};
use crate::cli::exit::Failure;
use crate::domain::text;

/// A list under way. One that is dropped before its end is incomplete: JSON lacks the closing bracket.
pub struct Stream<T> {
    out: BufWriter<Stdout>,
    format: Format,
    fields: Vec<String>,
    /// Whether the line with the names of the columns is still to come.
    header: bool,
    /// What separates the next object from what is before it.
    between: &'static str,
    rows: PhantomData<T>,
}

impl<T: Row> Stream<T> {
    /// Prints nothing yet: the first page may not come.
    pub(super) fn new(format: Format, fields: Vec<String>, header: bool) -> Self {
        Self { out: BufWriter::new(io::stdout()), format, fields, header, between: "[\n", rows: PhantomData }
    }

    /// Prints these rows now.
    ///
    /// # Errors
    /// Nobody reads any more.
    pub fn rows(&mut self, rows: &[T]) -> Result<(), Failure> {
        self.begin()?;
        match self.format {
            Format::Json => {
                for row in rows {
                    write!(self.out, "{}{}", self.between, json::shown(row.json(), &self.fields))?;
                    self.between = ",\n";
                }
            }
            Format::Csv => csv::body(&mut self.out, rows)?,
            Format::Id | Format::Table => {
                for row in rows {
                    writeln!(self.out, "{}", text::line(&row.id()))?;
                }
            }
        }
        Ok(self.out.flush()?)
    }

    /// That was all.
    ///
    /// # Errors
    /// Nobody reads any more.
    pub fn end(mut self) -> Result<(), Failure> {
        self.begin()?;
        if self.format == Format::Json {
            self.out.write_all(if self.between == "[\n" { b"[\n]\n" } else { b"\n]\n" })?;
        }
        Ok(self.out.flush()?)
    }

    fn begin(&mut self) -> io::Result<()> {
        if std::mem::take(&mut self.header) && self.format == Format::Csv {
            csv::head::<T>(&mut self.out)?;
        }
        Ok(())
    }
}
