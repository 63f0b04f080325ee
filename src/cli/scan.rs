//! `keyward scan`: finds API keys in files and standard input. Only keys with a valid checksum are reported, so there are no false
//! alarms. The secret itself is never printed.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use clap::Args;
use memchr::memmem;
use serde::Serialize;

use super::connect::CommandContext;
use super::error::{CommandError, ExitCode};
use super::output::schema::{field, outline};
use super::output::{self, JsonField, Output, OutputArgs, OutputColumn, OutputRow, print_message};
use crate::domain::secret::{SECRET_LENGTH, SECRET_PREFIX, Secret};

/// Arguments of `keyward scan`.
#[derive(Args, Clone, Debug)]
#[command(after_help = after_help())]
pub struct ScanArgs {
    /// Files and folders to scan; `-` is standard input
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Exit with code 10 if a key is found
    #[arg(long)]
    exit_code: bool,
    #[command(flatten)]
    output: OutputArgs,
}

fn after_help() -> String {
    format!(
        "Treat every key that is found as leaked, and revoke it. Links inside folders are not followed.\n\nExamples:\n  \
        keyward scan --exit-code src/ .env\n  git log -p | keyward scan -\n\n\
        Output with --json: [{outline}].",
        outline = outline(ScanMatch::FIELDS)
    )
}

/// A key that was found in a file.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct ScanMatch {
    file: String,
    line: u64,
    column: u64,
    masked: String,
}

impl OutputRow for ScanMatch {
    const FIELDS: &'static [JsonField] = &[
        field("file", "text"),
        field("line", "number, one-based"),
        field("column", "number; one-based, counted in bytes"),
        field("masked", "masked secret"),
    ];

    const COLUMNS: &'static [OutputColumn<Self>] = &[
        OutputColumn { title: "File", field: "file", rank: 0, cut: false, cell: |f| f.file.as_str().into() },
        OutputColumn {
            title: "Line",
            field: "line",
            rank: 0,
            cut: false,
            cell: |f| f.line.to_string().into(),
        },
        OutputColumn {
            title: "Column",
            field: "column",
            rank: 1,
            cut: false,
            cell: |f| f.column.to_string().into(),
        },
        OutputColumn {
            title: "Secret key",
            field: "masked",
            rank: 0,
            cut: false,
            cell: |f| f.masked.as_str().into(),
        },
    ];

    fn json(&self) -> String {
        output::to_json(self)
    }

    fn id(&self) -> String {
        format!("{}:{}:{}", self.file, self.line, self.column)
    }
}

pub(super) fn run(args: &ScanArgs, context: &CommandContext) -> Result<ExitCode, CommandError> {
    let output = Output::new::<ScanMatch>(&args.output, context.is_ascii_only())?;
    let mut matches = Vec::new();
    let mut unreadable = 0;
    for file in &args.files {
        scan_path(file, &mut |path, result: io::Result<Vec<ScanMatch>>| match result {
            Ok(mut found) => matches.append(&mut found),
            Err(e) => {
                unreadable += 1;
                print_message(&format!("{}: {e}", path.display()));
            }
        });
    }
    output.print_list(&matches, "No keys were found.")?;
    if unreadable > 0 {
        let is_total_failure = unreadable == args.files.len() && matches.is_empty();
        let exit_code = if is_total_failure { ExitCode::Failure } else { ExitCode::PartialFailure };
        let message = match unreadable {
            1 => "One file could not be read.".to_owned(),
            count => format!("{count} files could not be read."),
        };
        Err(CommandError::new(exit_code, message))
    } else if !matches.is_empty() && args.exit_code {
        Ok(ExitCode::Found)
    } else {
        Ok(ExitCode::Success)
    }
}

/// Scans a path from the command line, which may be a link, a pipe or `/dev/stdin`.
fn scan_path(path: &Path, report: &mut impl FnMut(&Path, io::Result<Vec<ScanMatch>>)) {
    if path == Path::new("-") {
        report(path, scan_reader("-", io::stdin().lock()));
    } else if path.is_dir() {
        scan_folder(path, report);
    } else {
        report(path, File::open(path).and_then(|file| scan_reader(&path.to_string_lossy(), file)));
    }
}

/// Scans the files in a folder and its subfolders. Links are not followed.
fn scan_folder(path: &Path, report: &mut impl FnMut(&Path, io::Result<Vec<ScanMatch>>)) {
    let entries = match path.read_dir() {
        Ok(entries) => entries,
        Err(e) => return report(path, Err(e)),
    };
    let mut children: Vec<PathBuf> = entries.filter_map(|e| Some(e.ok()?.path())).collect();
    children.sort();
    for path in &children {
        match path.symlink_metadata() {
            Ok(metadata) if metadata.is_dir() => scan_folder(path, report),
            Ok(metadata) if metadata.is_file() => {
                report(path, File::open(path).and_then(|file| scan_reader(&path.to_string_lossy(), file)));
            }
            Ok(_) => {}
            Err(e) => report(path, Err(e)),
        }
    }
}

/// Finds keys in a file, including those that span two chunks. Reading in chunks limits the memory for large files.
fn scan_reader(file: &str, mut reader: impl Read) -> io::Result<Vec<ScanMatch>> {
    const CHUNK_SIZE: usize = 256 * 1024;
    let prefix = memmem::Finder::new(SECRET_PREFIX);
    let mut matches = Vec::new();
    let mut buffer: Vec<u8> = Vec::with_capacity(CHUNK_SIZE + 2 * SECRET_LENGTH);
    let mut position = Position { line: 1, column: 1 };
    // Byte before the buffer; a key must not continue a word.
    let mut previous = b' ';
    loop {
        let read = reader.by_ref().take(CHUNK_SIZE as u64).read_to_end(&mut buffer)?;
        let is_end = read == 0;
        // A key that begins in the last bytes may continue in the next chunk.
        let search_end = if is_end { buffer.len() } else { buffer.len().saturating_sub(SECRET_LENGTH) };
        let mut counted = 0;
        for at in prefix.find_iter(&buffer).take_while(|&at| at < search_end) {
            let byte_before = if at == 0 { previous } else { buffer[at - 1] };
            if !is_word_byte(byte_before)
                && let Some(masked) = masked_key_at(&buffer[at..])
            {
                position.advance(&buffer[counted..at]);
                counted = at;
                matches.push(ScanMatch {
                    file: file.to_owned(),
                    line: position.line,
                    column: position.column,
                    masked,
                });
            }
        }
        if is_end {
            return Ok(matches);
        }
        position.advance(&buffer[counted..search_end]);
        if search_end > 0 {
            previous = buffer[search_end - 1];
            buffer.drain(..search_end);
        }
    }
}

/// A position in a file. Line and column are one-based, and columns count bytes.
struct Position {
    line: u64,
    column: u64,
}

impl Position {
    /// Moves the position past these bytes.
    fn advance(&mut self, bytes: &[u8]) {
        self.line += memchr::memchr_iter(b'\n', bytes).count() as u64;
        self.column = match memchr::memrchr(b'\n', bytes) {
            Some(at) => (bytes.len() - at) as u64,
            None => self.column + bytes.len() as u64,
        };
    }
}

fn is_word_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Returns the masked secret if `bytes` starts with a complete key, and `None` otherwise.
fn masked_key_at(bytes: &[u8]) -> Option<String> {
    let word = bytes.get(..SECRET_LENGTH)?;
    if bytes.get(SECRET_LENGTH).copied().is_some_and(is_word_byte) {
        return None;
    }
    let secret = Secret::parse(std::str::from_utf8(word).ok()?).ok()?;
    Some(secret.mask().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_complete_keys_that_are_separate_words_are_found() {
        let secret = Secret::generate(|| [11; 64]);
        let key = secret.expose();
        let text = format!("a\nKEY={key}\n\"{key}\", x{key} {key}x _{key} {}\n{key}", &key[..42]);
        let found = scan_reader("f", text.as_bytes()).unwrap();
        let positions: Vec<_> = found.iter().map(|f| (f.line, f.column)).collect();
        assert_eq!(positions, [(2, 5), (3, 2), (4, 1)]);
        assert!(found.iter().all(|f| f.masked == secret.mask().to_string()));
    }

    #[test]
    fn a_key_split_across_two_chunks_is_found() {
        let secret = Secret::generate(|| [13; 64]);
        for shift in [0, 1, 20, 42, 43, 44] {
            let mut text = vec![b' '; 256 * 1024 - shift];
            text.extend_from_slice(secret.expose().as_bytes());
            text.extend_from_slice(b" end");
            assert_eq!(scan_reader("f", text.as_slice()).unwrap().len(), 1, "{shift}");
        }
    }
}
