//! The clipboard of the person in front of the terminal, which may be several machines away.
//!
//! No terminal ever confirms a copy: what is said is what was done ("sent to your terminal"), never "copied".

use std::io;
use std::process::Stdio;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;
use zeroize::Zeroizing;

use super::capabilities::{Multiplexer, TerminalEnv};

/// Most bytes of a copy: terminals drop longer ones, or stop answering.
pub const MOST: usize = 64 * 1024;
/// Bytes of base64 in one of GNU screen's device control strings, which hold 768 with everything around it.
const SCREEN_CHUNK: usize = 700;
/// How long a program that takes a copy may run.
const PATIENCE: Duration = Duration::from_secs(30);

/// How copies are made, as configured.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Clipboard {
    /// Through tmux or screen where one stands in between, else by OSC 52.
    #[default]
    Auto,
    /// By OSC 52.
    Osc52,
    /// Through `tmux load-buffer -w`.
    Tmux,
    /// By OSC 52, wrapped for GNU screen.
    Screen,
    /// Into this program's standard input.
    Command(Vec<String>),
    /// Not at all.
    Off,
}

/// What a copy takes.
#[derive(Debug)]
pub enum Route {
    /// These bytes, sent to the terminal.
    Send(Zeroizing<Vec<u8>>),
    /// A program, run beside the screens; see [`run`] and [`through_tmux`].
    Tmux,
    /// A program that takes the text on its standard input.
    Command(Vec<String>),
}

/// Why a text was not copied.
#[derive(Debug, thiserror::Error)]
pub enum NotCopied {
    /// Switched off.
    #[error(
        "copying is switched off (`clipboard = \"off\"` in keyward.toml): write it to a file, or pipe it into a command"
    )]
    Off,
    /// Too long.
    #[error("Nothing was copied: this is {kib} KiB, and a terminal takes {most} KiB at most. Copy fewer rows, or write them to a file: `keyward keys list --json > FILE`", most = MOST / 1024)]
    TooLong {
        /// Its length.
        kib: usize,
    },
    /// A program is not there or does not start.
    #[error("{program} cannot be started: {why}")]
    NotStarted {
        /// Which.
        program: String,
        /// What the system says.
        why: io::Error,
    },
    /// A program failed.
    #[error("{program} failed ({why}){}", if .program == "tmux" { "; keyward needs tmux 3.2 or newer for this" } else { "" })]
    Failed {
        /// Which.
        program: String,
        /// With which status, or that it did not end.
        why: String,
    },
}

impl Clipboard {
    /// How a text would be copied from here.
    ///
    /// # Errors
    /// Copying is off, or the text is too long.
    pub fn route(&self, text: &str, hints: &TerminalEnv) -> Result<Route, NotCopied> {
        if text.len() > MOST {
            return Err(NotCopied::TooLong { kib: text.len().div_ceil(1024) });
        }
        Ok(match (self, hints.multiplexer) {
            (Self::Off, _) => return Err(NotCopied::Off),
            (Self::Tmux, _) | (Self::Auto, Some(Multiplexer::Tmux)) => Route::Tmux,
            (Self::Screen, _) | (Self::Auto, Some(Multiplexer::Screen)) => Route::Send(for_screen(text)),
            (Self::Osc52 | Self::Auto, _) => Route::Send(osc52(text)),
            (Self::Command(words), _) => Route::Command(words.clone()),
        })
    }
}

/// The text as base64, in memory that is wiped.
fn encoded(text: &str) -> Zeroizing<Vec<u8>> {
    let mut out = Zeroizing::new(vec![0; text.len().div_ceil(3) * 4]);
    let n = BASE64_STANDARD.encode_slice(text, &mut out).expect("base64 takes four bytes for each three");
    out.truncate(n);
    out
}

/// OSC 52, selection `c`: understood by most terminals.
fn osc52(text: &str) -> Zeroizing<Vec<u8>> {
    let mut out = Zeroizing::new(Vec::with_capacity(text.len() * 2 + 16));
    out.extend_from_slice(b"\x1b]52;c;");
    out.extend_from_slice(&encoded(text));
    out.push(0x07);
    out
}

/// OSC 52 through GNU screen, which hands on what stands in a device control string. The end within must be BEL: `ESC \` would
/// end screen's own string.
fn for_screen(text: &str) -> Zeroizing<Vec<u8>> {
    let whole = osc52(text);
    let mut out = Zeroizing::new(Vec::with_capacity(whole.len() * 2));
    for chunk in whole.chunks(SCREEN_CHUNK) {
        out.extend_from_slice(b"\x1bP");
        out.extend_from_slice(chunk);
        out.extend_from_slice(b"\x1b\\");
    }
    out
}

/// Has tmux hand the text to the terminal, and forget it.
///
/// # Errors
/// There is no tmux, or it is older than 3.2.
pub async fn through_tmux(text: &str, private: &[String]) -> Result<(), NotCopied> {
    let name = format!("keyward-{}", std::process::id());
    let words = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
    let loaded = run(&words(&["tmux", "load-buffer", "-w", "-b", &name, "-"]), text, private).await;
    // Also where loading failed: nothing of it may stay.
    let dropped = run(&words(&["tmux", "delete-buffer", "-b", &name]), "", private).await;
    loaded.and(dropped)
}

/// Runs a program with a text on its standard input, without a shell, its output discarded. `private`: environment variables
/// that it must not see.
///
/// # Errors
/// It does not start, fails, or does not end in time.
pub async fn run(words: &[String], text: &str, private: &[String]) -> Result<(), NotCopied> {
    let Some((program, arguments)) = words.split_first() else {
        let why = io::Error::new(io::ErrorKind::InvalidInput, "no program is named");
        return Err(NotCopied::NotStarted { program: "the command".to_owned(), why });
    };
    let mut command = Command::new(program);
    for name in private {
        command.env_remove(name);
    }
    let mut child = command
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        // Out of the foreground: it must not read the keys that are meant for us.
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .map_err(|why| NotCopied::NotStarted { program: program.clone(), why })?;
    let failed = |why: String| NotCopied::Failed { program: program.clone(), why };
    let stdin = child.stdin.take();
    let work = async {
        let written = match stdin {
            Some(mut stdin) => stdin.write_all(text.as_bytes()).await,
            None => Ok(()),
        };
        let status = child.wait().await.map_err(|e| failed(e.to_string()))?;
        match (status.success(), written) {
            (true, Ok(())) => Ok(()),
            (true, Err(_)) => Err(failed("it did not read what it was given".to_owned())),
            (false, _) => Err(failed(status.to_string())),
        }
    };
    tokio::time::timeout(PATIENCE, work)
        .await
        .unwrap_or_else(|_| Err(failed(format!("it did not end within {} s", PATIENCE.as_secs()))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inside(inside: Option<Multiplexer>) -> TerminalEnv {
        TerminalEnv { multiplexer: inside, ..TerminalEnv::default() }
    }

    fn sent(route: Route) -> Vec<u8> {
        match route {
            Route::Send(bytes) => bytes.to_vec(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_copy_goes_the_way_that_arrives() {
        let auto = Clipboard::Auto;
        assert_eq!(sent(auto.route("hi", &inside(None)).unwrap()), b"\x1b]52;c;aGk=\x07");
        let tmux = auto.route("hi", &inside(Some(Multiplexer::Tmux)));
        assert!(matches!(tmux, Ok(Route::Tmux)));
        let screen = sent(auto.route("hi", &inside(Some(Multiplexer::Screen))).unwrap());
        assert_eq!(screen, b"\x1bP\x1b]52;c;aGk=\x07\x1b\\");
        assert!(matches!(Clipboard::Off.route("hi", &inside(None)), Err(NotCopied::Off)));
        let long = "x".repeat(MOST + 1);
        assert!(matches!(auto.route(&long, &inside(None)), Err(NotCopied::TooLong { kib: 65 })));
    }

    #[test]
    fn screen_gets_strings_that_it_can_hold() {
        let bytes = for_screen(&"x".repeat(3_000));
        let parts: Vec<&[u8]> = bytes.split(|&b| b == b'P').skip(1).collect();
        assert_eq!(parts.len(), 6);
        assert!(parts.iter().all(|part| part.len() < 768));
    }

    #[tokio::test]
    async fn a_program_takes_the_text_or_says_why_not() {
        let words = |line: &[&str]| line.iter().map(|&w| w.to_owned()).collect::<Vec<_>>();
        let check = ["sh", "-c", "test \"$(cat)\" = hello && test -z \"$HOME\""];
        assert!(run(&words(&check), "hello", &["HOME".to_owned()]).await.is_ok());
        let failed = run(&words(&["false"]), "", &[]).await.unwrap_err().to_string();
        assert!(failed.contains("false failed"), "{failed}");
        let missing = run(&words(&["/no/such/program"]), "", &[]).await.unwrap_err().to_string();
        assert!(missing.contains("cannot be started"), "{missing}");
    }
}
