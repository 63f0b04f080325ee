//! How results are printed: as a table, as JSON, as CSV, or as ids only. Data goes to standard output, everything else to
//! standard error. No text that came from outside reaches the terminal, a spreadsheet or a log uncleaned.

use std::borrow::Cow;
use std::io::{self, BufWriter, IsTerminal as _, Write};

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
pub use stream::OutputStream;

/// A form of output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OutputFormat {
    /// For people: columns that fit the terminal.
    Table,
    /// The contract's objects; lists as one array.
    Json,
    /// For spreadsheets; cells that look like formulas are defused.
    Csv,
    /// One id a line, for other commands.
    Id,
}

/// Flags of all commands that print.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Output")]
pub struct OutputArgs {
    /// The form of the output
    #[arg(short, long, value_enum, value_name = "FORM")]
    output: Option<OutputFormat>,
    /// As JSON; with fields, only those (`--json=id,name,created_by.email`)
    #[arg(long, value_name = "FIELDS", num_args = 0..=1, require_equals = true, default_missing_value = "", conflicts_with_all = ["output", "csv"])]
    json: Option<String>,
    /// As CSV
    #[arg(long, conflicts_with = "output")]
    csv: bool,
    /// No line with the names of the columns
    #[arg(long)]
    no_header: bool,
}

/// One column of a list, once for table and CSV.
pub struct OutputColumn<T> {
    /// Above the column in a table.
    pub title: &'static str,
    /// The name in CSV, that of the contract where there is one.
    pub field: &'static str,
    /// The smaller, the longer the column stays when the terminal is narrow; 0 always stays.
    pub rank: u8,
    /// Whether the column may be cut to fit.
    pub cut: bool,
    /// What a row has there.
    pub cell: fn(&T) -> CellValue,
}

/// What stands in one cell.
pub enum CellValue {
    /// Text.
    Text(String),
    /// A moment, or the word for none in a table.
    Time(Option<Timestamp>, &'static str),
}

impl CellValue {
    /// A moment that may not have come.
    pub fn time(at: Option<Timestamp>) -> Self {
        Self::Time(at, "")
    }

    /// For people: to the second.
    fn table(&self) -> String {
        match self {
            Self::Text(text) => text::sanitize_line(text).into_owned(),
            Self::Time(Some(at), _) => format_time(*at),
            Self::Time(None, word) => (*word).to_owned(),
        }
    }

    /// For programs: as in the contract, empty where there is none.
    fn csv(&self) -> String {
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

/// RFC 3339 in UTC to the second: `2026-11-24T06:10:05Z`.
pub fn format_time(at: Timestamp) -> String {
    let at = at.to_string();
    at.split_once('.').map_or_else(|| at.clone(), |(seconds, _)| format!("{seconds}Z"))
}

/// Something that can be printed in all forms.
pub trait OutputRow: Sized + 'static {
    /// Its columns.
    const COLUMNS: &'static [OutputColumn<Self>];
    /// The fields of its JSON.
    const FIELDS: &'static [JsonField];
    /// The contract's object, as JSON.
    fn json(&self) -> String;
    /// What names it for other commands.
    fn id(&self) -> String;
}

/// Any value as JSON, its fields in the order of the contract.
pub fn to_json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("the contract's types are JSON")
}

/// Where and how a command prints.
#[derive(Clone, Debug)]
pub struct Output {
    format: OutputFormat,
    fields: Vec<String>,
    header: bool,
    /// Columns of the terminal; nothing where the output goes elsewhere.
    width: Option<usize>,
    ascii: bool,
}

impl Output {
    /// What the flags ask for, on this terminal.
    ///
    /// # Errors
    /// A field was asked for that rows of this kind do not have. Nothing was done yet, and nothing should be.
    pub fn new<T: OutputRow>(args: &OutputArgs, ascii: bool) -> Result<Self, CommandError> {
        let format = match (&args.output, &args.json, args.csv) {
            (Some(format), ..) => *format,
            (None, Some(_), _) => OutputFormat::Json,
            (None, None, true) => OutputFormat::Csv,
            _ => OutputFormat::Table,
        };
        let fields = args.json.as_deref().unwrap_or("").split(',').map(str::trim);
        let fields: Vec<String> = fields.filter(|f| !f.is_empty()).map(str::to_owned).collect();
        if let Some(field) = fields.iter().find(|field| !schema::has(T::FIELDS, field)) {
            return Err(CommandError::usage(format!(
                "--json: there is no field `{}`; there are: {}",
                text::sanitize_line(field),
                schema::names(T::FIELDS)
            )));
        }
        let stdout = io::stdout();
        let width = stdout.is_terminal().then(|| {
            let size = rustix::termios::tcgetwinsize(&stdout);
            // A terminal that does not know its size says 0.
            size.ok()
                .map(|size| usize::from(size.ws_col))
                .filter(|&columns| columns > 0)
                .map_or(80, |columns| columns.max(20))
        });
        Ok(Self { format, fields, header: !args.no_header, ascii: ascii && width.is_some(), width })
    }

    /// The form.
    pub fn format(&self) -> OutputFormat {
        self.format
    }

    /// Whether people are to read it.
    pub fn is_table(&self) -> bool {
        self.format == OutputFormat::Table
    }

    /// Prints a list. As a table an empty one is `none` in words, on standard error.
    ///
    /// # Errors
    /// Nobody reads any more.
    pub fn print_list<T: OutputRow>(&self, rows: &[T], none: &str) -> Result<(), CommandError> {
        if !self.is_table() {
            let mut stream = self.stream();
            stream.rows(rows)?;
            return stream.end();
        }
        if rows.is_empty() {
            print_message(none);
            return Ok(());
        }
        let mut out = BufWriter::new(io::stdout().lock());
        table::write(&mut out, rows, self.header, self.width, &|cell| self.shown(cell))?;
        out.flush()?;
        Ok(())
    }

    /// A list that is printed while it arrives. Not for tables, whose columns are as wide as all rows need.
    pub fn stream<T: OutputRow>(&self) -> OutputStream<T> {
        OutputStream::new(self.format, self.fields.clone(), self.header)
    }

    /// Prints one thing: as facts for people, else as a list of one without the array.
    ///
    /// # Errors
    /// As [`Output::list`].
    pub fn print_one<T: OutputRow>(&self, row: &T, facts: &[(&str, String)]) -> Result<(), CommandError> {
        let mut out = BufWriter::new(io::stdout().lock());
        match self.format {
            OutputFormat::Table => {
                let widest = facts.iter().map(|(name, _)| text::display_width(name)).max().unwrap_or(0);
                for (name, fact) in facts {
                    let line = format!("{name:widest$}  {}", text::sanitize_line(fact));
                    writeln!(out, "{}", self.shown(line.trim_end()))?;
                }
            }
            OutputFormat::Json => json::object(&mut out, row.json(), &self.fields)?,
            OutputFormat::Csv => csv::write(&mut out, std::slice::from_ref(row), self.header)?,
            OutputFormat::Id => writeln!(out, "{}", text::sanitize_line(&row.id()))?,
        }
        out.flush()?;
        Ok(())
    }

    fn shown<'a>(&self, line: &'a str) -> Cow<'a, str> {
        if self.ascii { text::to_ascii(line) } else { line.into() }
    }
}

/// Prints text that this program wrote itself, such as a completion script.
///
/// # Errors
/// Nobody reads any more.
pub fn write_stdout(bytes: &[u8]) -> Result<(), CommandError> {
    let mut out = io::stdout().lock();
    out.write_all(bytes)?;
    out.flush()?;
    Ok(())
}

/// Says something to the person, on standard error. Line breaks stay, all else that could act on a terminal does not.
pub fn print_message(words: &str) {
    // A closed standard error is no reason to fail.
    let _ = writeln!(io::stderr().lock(), "{}", text::sanitize_block(words));
}

/// How far something long has come, on one line of standard error, on a terminal only.
pub struct Progress {
    shown: bool,
    enabled: bool,
    began: std::time::Instant,
}

impl Progress {
    /// Shows nothing yet.
    pub fn new() -> Self {
        Self { shown: false, enabled: io::stderr().is_terminal(), began: crate::clock::monotonic_now() }
    }

    /// Shows `words`, unless all is done before anyone wonders.
    pub fn show(&mut self, words: &str) {
        if self.enabled && (self.shown || self.began.elapsed().as_millis() > 300) {
            self.shown = true;
            let _ = write!(io::stderr().lock(), "\r{}\x1b[K", text::sanitize_line(words));
        }
    }

    /// Takes the line away, before something else is printed.
    pub fn clear(&mut self) {
        if self.shown {
            self.shown = false;
            let _ = write!(io::stderr().lock(), "\r\x1b[K");
        }
    }
}

impl Default for Progress {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.clear();
    }
}
