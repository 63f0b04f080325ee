//! Prints results as a table, as JSON, as CSV, or as ids only. Start reading at [`OutputRow`] and [`Output`].
//!
//! Data goes to standard output, messages to standard error. Text from outside is sanitized before it reaches the terminal, a
//! spreadsheet or a log.

use std::borrow::Cow;
use std::io::{self, BufWriter, IsTerminal as _, Write};
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use serde::Serialize;

use super::error::CommandError;
use crate::domain::text;
use crate::domain::time::Timestamp;

mod csv;
mod json;
pub mod schema;
mod stream;
mod table;

pub use schema::JsonField;
pub(super) use stream::OutputStream;

/// Format in which commands print data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OutputFormat {
    /// Aligned columns that fit the terminal
    Table,
    /// Objects of the HTTP API; lists are arrays
    Json,
    /// CSV for spreadsheets; cells that look like formulas are escaped
    Csv,
    /// One id per line, as input for other commands
    Id,
}

/// Output flags shared by all commands that print data.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Output")]
pub struct OutputArgs {
    /// Output format
    #[arg(short, long, value_enum, value_name = "FORM")]
    output: Option<OutputFormat>,
    /// Print JSON, optionally with only these FIELDS (`--json=id,name,created_by.email`)
    #[arg(long, value_name = "FIELDS", num_args = 0..=1, require_equals = true, default_missing_value = "", conflicts_with_all = ["output", "csv"])]
    json: Option<String>,
    /// Print CSV
    #[arg(long, conflicts_with = "output")]
    csv: bool,
    /// Omit the header line
    #[arg(long)]
    no_header: bool,
}

/// A column of a list, both in a table and in CSV.
pub struct OutputColumn<T> {
    /// Column heading in a table.
    pub title: &'static str,
    /// Column name in CSV: the field name of the HTTP API, if it has one.
    pub field: &'static str,
    /// Priority for dropping the column on a narrow terminal: the highest rank is dropped first, rank 0 never.
    pub rank: u8,
    /// Whether cells may be truncated to fit a narrow terminal.
    pub cut: bool,
    /// Returns the value of this column for a row.
    pub cell: fn(&T) -> CellValue,
}

/// The value of a cell in a table or in CSV.
pub enum CellValue {
    /// Unsanitized text: it may contain control characters.
    Text(String),
    /// An optional time, and the word that a table shows for `None`.
    Time(Option<Timestamp>, &'static str),
}

impl CellValue {
    /// Creates the cell of an optional time; `None` is shown as an empty cell.
    pub fn time(at: Option<Timestamp>) -> Self {
        Self::Time(at, "")
    }

    /// Formats the value for a table; times have a precision of one second.
    fn to_table(&self) -> String {
        match self {
            Self::Text(text) => text::sanitize_line(text).into_owned(),
            Self::Time(Some(at), _) => format_time(*at),
            Self::Time(None, word) => (*word).to_owned(),
        }
    }

    /// Formats the value for CSV as the HTTP API does; `None` becomes an empty cell.
    fn to_csv(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Time(at, _) => at.map_or_else(String::new, |at| at.to_string()),
        }
    }
}

impl<T: Into<String>> From<T> for CellValue {
    fn from(text: T) -> Self {
        Self::Text(text.into())
    }
}

/// Formats a time as RFC 3339 in UTC with a precision of one second: `2026-11-24T06:10:05Z`.
pub fn format_time(at: Timestamp) -> String {
    let at = at.to_string();
    at.split_once('.').map_or_else(|| at.clone(), |(seconds, _)| format!("{seconds}Z"))
}

/// A row that can be printed in every output format.
pub trait OutputRow: Sized + 'static {
    /// Columns of a table or CSV, from left to right.
    const COLUMNS: &'static [OutputColumn<Self>];
    /// Fields of the JSON object, for `--json=FIELDS` and the documentation.
    const FIELDS: &'static [JsonField];
    /// Returns the row as a JSON object.
    fn json(&self) -> String;
    /// Returns the id by which other commands refer to the row.
    fn id(&self) -> String;
}

/// Serializes a value as JSON. Its fields keep the order in which the type declares them.
pub(super) fn to_json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("types of the HTTP API can be serialized")
}

/// Prints the data of a command in the format that its flags select.
#[derive(Clone, Debug)]
pub struct Output {
    format: OutputFormat,
    fields: Vec<String>,
    header: bool,
    /// Width of the terminal in columns; `None` if standard output is not a terminal.
    width: Option<usize>,
    ascii_only: bool,
}

impl Output {
    /// Creates the printer from the output flags. Commands call this first, so that an invalid flag is reported before
    /// anything is done.
    ///
    /// # Errors
    /// Fails if `--json` names a field that `T` does not have.
    pub fn new<T: OutputRow>(args: &OutputArgs, ascii_only: bool) -> Result<Self, CommandError> {
        let format = match (&args.output, &args.json, args.csv) {
            (Some(format), ..) => *format,
            (None, Some(_), _) => OutputFormat::Json,
            (None, None, true) => OutputFormat::Csv,
            _ => OutputFormat::Table,
        };
        let fields = args.json.as_deref().unwrap_or("").split(',').map(str::trim);
        let fields: Vec<String> = fields.filter(|f| !f.is_empty()).map(str::to_owned).collect();
        if let Some(field) = fields.iter().find(|field| !schema::has_field(T::FIELDS, field)) {
            return Err(CommandError::usage(format!(
                "--json: there is no field `{field}`. The fields are {fields}.",
                field = text::sanitize_line(field),
                fields = schema::field_names(T::FIELDS)
            )));
        }
        let stdout = io::stdout();
        let width = stdout.is_terminal().then(|| {
            let size = rustix::termios::tcgetwinsize(&stdout);
            // A terminal that does not know its size reports 0.
            size.ok()
                .map(|size| usize::from(size.ws_col))
                .filter(|&columns| columns > 0)
                .map_or(80, |columns| columns.max(20))
        });
        Ok(Self { format, fields, header: !args.no_header, ascii_only: ascii_only && width.is_some(), width })
    }

    /// Returns the selected output format.
    pub fn format(&self) -> OutputFormat {
        self.format
    }

    /// Returns whether the format is a table, so that sentences may be printed instead of data.
    pub fn is_table(&self) -> bool {
        self.format == OutputFormat::Table
    }

    /// Prints a list. If the format is a table and `rows` is empty, prints `if_empty` instead.
    pub(super) fn print_list<T: OutputRow>(&self, rows: &[T], if_empty: &str) -> Result<(), CommandError> {
        if !self.is_table() {
            let mut stream = self.start_stream();
            stream.print_rows(rows)?;
            return stream.finish();
        }
        if rows.is_empty() {
            print_message(if_empty);
            return Ok(());
        }
        let mut out = BufWriter::new(io::stdout().lock());
        table::write(&mut out, rows, self.header, self.width, &|cell| self.to_displayable(cell))?;
        out.flush()?;
        Ok(())
    }

    /// Starts a list whose rows are printed as they arrive. Must not be used for tables, whose column widths depend on all
    /// rows.
    pub(super) fn start_stream<T: OutputRow>(&self) -> OutputStream<T> {
        OutputStream::new(self.format, self.fields.clone(), self.header)
    }

    /// Prints one row. A table shows `details` instead, one per line; JSON is a single object without an array.
    pub(super) fn print_one<T: OutputRow>(
        &self,
        row: &T,
        details: &[(&str, String)],
    ) -> Result<(), CommandError> {
        let mut out = BufWriter::new(io::stdout().lock());
        match self.format {
            OutputFormat::Table => {
                let widest = details.iter().map(|(name, _)| text::display_width(name)).max().unwrap_or(0);
                for (name, value) in details {
                    let line = format!("{name:widest$}  {}", text::sanitize_line(value));
                    writeln!(out, "{}", self.to_displayable(line.trim_end()))?;
                }
            }
            OutputFormat::Json => json::write_object(&mut out, row.json(), &self.fields)?,
            OutputFormat::Csv => csv::write(&mut out, std::slice::from_ref(row), self.header)?,
            OutputFormat::Id => writeln!(out, "{}", text::sanitize_line(&row.id()))?,
        }
        out.flush()?;
        Ok(())
    }

    fn to_displayable<'a>(&self, line: &'a str) -> Cow<'a, str> {
        if self.ascii_only { text::to_ascii(line) } else { line.into() }
    }
}

/// Writes bytes to standard output. Text from users or from the server must be sanitized by the caller.
///
/// # Errors
/// Fails if standard output is closed or cannot be written.
pub fn write_stdout(bytes: &[u8]) -> Result<(), CommandError> {
    let mut out = io::stdout().lock();
    out.write_all(bytes)?;
    out.flush()?;
    Ok(())
}

/// Prints a message to standard error without control characters other than line breaks. Write errors are ignored.
pub fn print_message(message: &str) {
    let _ = writeln!(io::stderr().lock(), "{}", text::sanitize_block(message));
}

/// Delay before progress is shown, so that fast commands show none.
const PROGRESS_DELAY: Duration = Duration::from_millis(300);

/// A progress line on standard error, shown only if that is a terminal. Erased when dropped.
pub(super) struct Progress {
    is_shown: bool,
    is_enabled: bool,
    start: Instant,
}

impl Progress {
    pub(super) fn new() -> Self {
        Self { is_shown: false, is_enabled: io::stderr().is_terminal(), start: crate::clock::monotonic_now() }
    }

    /// Replaces the text of the progress line.
    pub(super) fn show(&mut self, progress: &str) {
        if self.is_enabled && (self.is_shown || self.start.elapsed() > PROGRESS_DELAY) {
            self.is_shown = true;
            let _ = write!(io::stderr().lock(), "\r{}\x1b[K", text::sanitize_line(progress));
        }
    }

    /// Erases the progress line, so that other output can be printed.
    pub(super) fn clear(&mut self) {
        if self.is_shown {
            self.is_shown = false;
            let _ = write!(io::stderr().lock(), "\r\x1b[K");
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.clear();
    }
}
