//! `keyward scan`: finds keys of ours in files and standard input. Only those whose checksum is right, so there are no false alarms.
//! The secret itself is never printed.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use clap::Args;
use memchr::memmem;
use serde::Serialize;

use super::connect::CommandContext;
use super::error::{CommandError, ExitCode};
use super::output::schema::field;
use super::output::{self, JsonField, Output, OutputArgs, OutputColumn, OutputRow, print_message};
use crate::domain::secret::{SECRET_LENGTH, SECRET_PREFIX, Secret};

/// `keyward scan`
#[derive(Args, Clone, Debug)]
#[command(
    after_help = "Links inside of folders are not followed. A key that was found is leaked: revoke it.\n\nExamples:\n  keyward scan --exit-code src/ .env\n  \
    git log -p | keyward scan -\n\n\
    With --json: [{\"file\", \"line\", \"column\", \"masked\"}]."
)]
pub struct ScanArgs {
    /// Files and folders; `-` is standard input
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// End with 10 if a key was found
    #[arg(long)]
    exit_code: bool,
    #[command(flatten)]
    output: OutputArgs,
}

/// A place where a key stands.
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
        field("line", "number, from 1"),
        field("column", "number of bytes, from 1"),
        field("masked", "the mask"),
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
    let mut found = Vec::new();
    let mut unread = 0;
    for file in &args.files {
        named(file, &mut |path, result: io::Result<Vec<ScanMatch>>| match result {
            Ok(mut keys) => found.append(&mut keys),
            Err(e) => {
                unread += 1;
                print_message(&format!("{}: {e}", path.display()));
            }
        });
    }
    output.print_list(&found, "No key was found.")?;
    match () {
        () if unread > 0 => Err(CommandError::new(
            if unread == args.files.len() && found.is_empty() {
                ExitCode::Failure
            } else {
                ExitCode::PartialFailure
            },
            if unread == 1 {
                "one file could not be read".to_owned()
            } else {
                format!("{unread} files could not be read")
            },
        )),
        () if !found.is_empty() && args.exit_code => Ok(ExitCode::Found),
        () => Ok(ExitCode::Success),
    }
}

/// Reads what was named, also through a link, a pipe or `/dev/stdin`.
fn named(path: &Path, tell: &mut impl FnMut(&Path, io::Result<Vec<ScanMatch>>)) {
    if path == Path::new("-") {
        tell(path, search("-", io::stdin().lock()));
    } else if path.is_dir() {
        walk(path, tell);
    } else {
        tell(path, File::open(path).and_then(|file| search(&path.to_string_lossy(), file)));
    }
}

/// Reads the files of a folder and of those in it.
fn walk(path: &Path, tell: &mut impl FnMut(&Path, io::Result<Vec<ScanMatch>>)) {
    let entries = match path.read_dir() {
        Ok(entries) => entries,
        Err(e) => return tell(path, Err(e)),
    };
    let mut inside: Vec<PathBuf> = entries.filter_map(|e| Some(e.ok()?.path())).collect();
    inside.sort();
    for path in &inside {
        match path.symlink_metadata() {
            Ok(about) if about.is_dir() => walk(path, tell),
            Ok(about) if about.is_file() => {
                tell(path, File::open(path).and_then(|file| search(&path.to_string_lossy(), file)));
            }
            Ok(_) => {}
            Err(e) => tell(path, Err(e)),
        }
    }
}

/// Reads in pieces, so that files of any size take little memory; a key that two pieces share is found too.
fn search(file: &str, mut from: impl Read) -> io::Result<Vec<ScanMatch>> {
    const PIECE: usize = 256 * 1024;
    let prefix = memmem::Finder::new(SECRET_PREFIX);
    let mut found = Vec::new();
    let mut buffer: Vec<u8> = Vec::with_capacity(PIECE + 2 * SECRET_LENGTH);
    let mut place = Position { line: 1, column: 1 };
    // What stood before the buffer decides whether its first bytes begin a word.
    let mut before = b' ';
    loop {
        let read = from.by_ref().take(PIECE as u64).read_to_end(&mut buffer)?;
        let end = read == 0;
        // The last bytes wait for the next piece, since a key may begin among them.
        let upto = if end { buffer.len() } else { buffer.len().saturating_sub(SECRET_LENGTH) };
        let mut counted = 0;
        for at in prefix.find_iter(&buffer).take_while(|&at| at < upto) {
            let word_before = if at == 0 { before } else { buffer[at - 1] };
            if !is_word(word_before)
                && let Some(masked) = key_at(&buffer[at..])
            {
                place.pass(&buffer[counted..at]);
                counted = at;
                found.push(ScanMatch {
                    file: file.to_owned(),
                    line: place.line,
                    column: place.column,
                    masked,
                });
            }
        }
        if end {
            return Ok(found);
        }
        place.pass(&buffer[counted..upto]);
        if upto > 0 {
            before = buffer[upto - 1];
            buffer.drain(..upto);
        }
    }
}

/// Where in a file, both from 1.
struct Position {
    line: u64,
    column: u64,
}

impl Position {
    /// Moves on over these bytes.
    fn pass(&mut self, bytes: &[u8]) {
        self.line += memchr::memchr_iter(b'\n', bytes).count() as u64;
        self.column = match memchr::memrchr(b'\n', bytes) {
            Some(at) => (bytes.len() - at) as u64,
            None => self.column + bytes.len() as u64,
        };
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// The mask of the key that begins here, if one does.
fn key_at(bytes: &[u8]) -> Option<String> {
    let word = bytes.get(..SECRET_LENGTH)?;
    if bytes.get(SECRET_LENGTH).copied().is_some_and(is_word) {
        return None;
    }
    let secret = Secret::parse(std::str::from_utf8(word).ok()?).ok()?;
    Some(secret.mask().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_found_wherever_they_stand_and_nothing_else_is() {
        let secret = Secret::generate(|| [11; 64]);
        let key = secret.expose();
        let text = format!("a\nKEY={key}\n\"{key}\", x{key} {key}x _{key} {}\n{key}", &key[..42]);
        let found = search("f", text.as_bytes()).unwrap();
        let places: Vec<_> = found.iter().map(|f| (f.line, f.column)).collect();
        assert_eq!(places, [(2, 5), (3, 2), (4, 1)]);
        assert!(found.iter().all(|f| f.masked == secret.mask().to_string()));
    }

    #[test]
    fn keys_across_the_pieces_of_a_large_file_are_found() {
        let secret = Secret::generate(|| [13; 64]);
        for shift in [0, 1, 20, 42, 43, 44] {
            let mut text = vec![b' '; 256 * 1024 - shift];
            text.extend_from_slice(secret.expose().as_bytes());
            text.extend_from_slice(b" end");
            assert_eq!(search("f", text.as_slice()).unwrap().len(), 1, "{shift}");
        }
    }
}
