//! `keyward scan`: finds keys of ours in files and standard input. Only those whose checksum is right, so there are no false alarms.
//! The secret itself is never printed.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use super::connect::Context;
use super::exit::{Exit, Failure};
use super::output::{self, Column, Output, OutputArgs, Row, say};
use crate::domain::secret::{LENGTH, PREFIX, Secret};

/// `keyward scan`
#[derive(Args, Clone, Debug)]
#[command(
    after_help = "Links are not followed. A key that was found is leaked: revoke it.\n\nExamples:\n  keyward scan --exit-code src/ .env\n  \
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
struct Found {
    file: String,
    line: u64,
    column: u64,
    masked: String,
}

impl Row for Found {
    const COLUMNS: &'static [Column<Self>] = &[
        Column { title: "File", field: "file", rank: 0, cut: false, cell: |f| f.file.as_str().into() },
        Column { title: "Line", field: "line", rank: 0, cut: false, cell: |f| f.line.to_string().into() },
        Column {
            title: "Column",
            field: "column",
            rank: 1,
            cut: false,
            cell: |f| f.column.to_string().into(),
        },
        Column {
            title: "Secret key",
            field: "masked",
            rank: 0,
            cut: false,
            cell: |f| f.masked.as_str().into(),
        },
    ];

    fn json(&self) -> String {
        output::json_of(self)
    }

    fn id(&self) -> String {
        format!("{}:{}:{}", self.file, self.line, self.column)
    }
}

pub(super) fn run(args: &ScanArgs, context: &Context) -> Result<Exit, Failure> {
    let mut found = Vec::new();
    let mut unread = 0;
    for file in &args.files {
        walk(file, &mut |path, result: io::Result<Vec<Found>>| match result {
            Ok(mut keys) => found.append(&mut keys),
            Err(e) => {
                unread += 1;
                say(&format!("{}: {e}", path.display()));
            }
        });
    }
    let output = Output::new(&args.output, context.ascii());
    if found.is_empty() && output.is_table() {
        say("No key was found.");
    } else {
        output.list(&found)?;
    }
    match () {
        () if unread > 0 => Err(Failure::new(
            if unread == args.files.len() && found.is_empty() { Exit::Failed } else { Exit::Partial },
            format!("{unread} files could not be read"),
        )),
        () if !found.is_empty() && args.exit_code => Ok(Exit::Found),
        () => Ok(Exit::Done),
    }
}

fn walk(path: &Path, tell: &mut impl FnMut(&Path, io::Result<Vec<Found>>)) {
    if path == Path::new("-") {
        tell(path, search("-", io::stdin().lock()));
        return;
    }
    let about = match path.symlink_metadata() {
        Ok(about) => about,
        Err(e) => return tell(path, Err(e)),
    };
    if about.is_dir() {
        match path.read_dir() {
            Ok(entries) => {
                let mut inside: Vec<PathBuf> = entries.filter_map(|e| Some(e.ok()?.path())).collect();
                inside.sort();
                for path in &inside {
                    walk(path, tell);
                }
            }
            Err(e) => tell(path, Err(e)),
        }
    } else if about.is_file() {
        tell(path, File::open(path).and_then(|file| search(&path.to_string_lossy(), file)));
    }
}

/// Reads in pieces, so that files of any size take little memory; a key that two pieces share is found too.
fn search(file: &str, mut from: impl Read) -> io::Result<Vec<Found>> {
    const PIECE: usize = 256 * 1024;
    let mut found = Vec::new();
    let mut buffer: Vec<u8> = Vec::with_capacity(PIECE + 2 * LENGTH);
    let (mut line, mut column) = (1, 1);
    // What stood before the buffer decides whether its first bytes begin a word.
    let mut before = b' ';
    loop {
        let kept = buffer.len();
        let read = from.by_ref().take(PIECE as u64).read_to_end(&mut buffer)?;
        let end = read == 0;
        // The last bytes wait for the next piece, since a key may begin among them.
        let upto = if end { buffer.len() } else { buffer.len().saturating_sub(LENGTH) };
        for at in 0..upto {
            let word_before = if at == 0 { before } else { buffer[at - 1] };
            if buffer[at] == b's'
                && !is_word(word_before)
                && let Some(masked) = key_at(&buffer[at..])
            {
                found.push(Found { file: file.to_owned(), line, column, masked });
            }
            if buffer[at] == b'\n' {
                (line, column) = (line + 1, 1);
            } else {
                column += 1;
            }
        }
        if end {
            return Ok(found);
        }
        if upto > 0 {
            before = buffer[upto - 1];
            buffer.drain(..upto);
        }
        debug_assert!(kept <= LENGTH, "what waits is shorter than a key");
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// The mask of the key that begins here, if one does.
fn key_at(bytes: &[u8]) -> Option<String> {
    let word = bytes.get(..LENGTH)?;
    if !word.starts_with(PREFIX.as_bytes()) || bytes.get(LENGTH).copied().is_some_and(is_word) {
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
