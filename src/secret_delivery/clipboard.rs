//! Copies a text to the clipboard of the person at the terminal, which may be several machines away.
//!
//! No terminal acknowledges a copy, so callers report "sent to your terminal", never "copied".

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use zeroize::Zeroizing;

use super::command::{CommandLine, Interaction};
use super::error::DeliveryError;
use crate::terminal::capabilities::{Multiplexer, TerminalEnv};

/// Maximum length of a copied text, in bytes. Terminals drop longer texts, or stop responding.
const COPY_MAX_BYTES: usize = 64 * 1024;
/// Base64 bytes per device control string. GNU screen accepts at most 768 bytes per string, including its delimiters.
const SCREEN_CHUNK_BYTES: usize = 700;

/// How text is copied to the clipboard, as configured in `keyward.toml`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Clipboard {
    /// Through tmux or GNU screen if keyward runs inside one of them, else by OSC 52.
    #[default]
    Auto,
    /// By an OSC 52 sequence, sent to the terminal.
    Osc52,
    /// By the command `tmux load-buffer -w`.
    Tmux,
    /// By an OSC 52 sequence inside device control strings, which GNU screen passes on to the terminal.
    Screen,
    /// By a program that reads the text from standard input, such as `wl-copy`.
    Command(CommandLine),
    /// Copying is turned off.
    Off,
}

/// What the caller must do to copy the text.
#[derive(Debug)]
pub enum CopyRoute {
    /// Write these bytes to the terminal.
    Terminal(Zeroizing<Vec<u8>>),
    /// Run this program.
    Program(CopyProgram),
}

/// A program that copies text to the clipboard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CopyProgram {
    /// tmux, which passes the text on to the terminal.
    Tmux,
    /// The command that is configured for copying.
    Command(CommandLine),
}

impl Clipboard {
    /// Chooses how to copy `text` from this terminal.
    ///
    /// # Errors
    /// Fails if copying is turned off or the text is too long.
    pub fn route(&self, text: &str, terminal: &TerminalEnv) -> Result<CopyRoute, DeliveryError> {
        if text.len() > COPY_MAX_BYTES {
            return Err(DeliveryError::TextTooLong {
                kib: text.len().div_ceil(1024),
                max_kib: COPY_MAX_BYTES / 1024,
            });
        }
        Ok(match (self, terminal.multiplexer) {
            (Self::Off, _) => return Err(DeliveryError::ClipboardOff),
            (Self::Tmux, _) | (Self::Auto, Some(Multiplexer::Tmux)) => CopyRoute::Program(CopyProgram::Tmux),
            (Self::Screen, _) | (Self::Auto, Some(Multiplexer::Screen)) => {
                CopyRoute::Terminal(osc52_through_screen(text))
            }
            (Self::Osc52 | Self::Auto, _) => CopyRoute::Terminal(osc52(text)),
            (Self::Command(command), _) => CopyRoute::Program(CopyProgram::Command(command.clone())),
        })
    }
}

impl CopyProgram {
    /// Copies the text. The program does not see the environment variables in `private_variables`.
    ///
    /// # Errors
    /// Fails if the program is missing or fails, as tmux before version 3.2 does.
    pub async fn copy(&self, text: &str, private_variables: &[String]) -> Result<(), DeliveryError> {
        let run = async |command: &CommandLine, input: &str| {
            command.run(input, Interaction::Background, private_variables).await
        };
        match self {
            Self::Command(command) => run(command, text).await,
            Self::Tmux => {
                let buffer = format!("keyward-{}", std::process::id());
                let load = CommandLine::new("tmux", &["load-buffer", "-w", "-b", &buffer, "-"]);
                let delete = CommandLine::new("tmux", &["delete-buffer", "-b", &buffer]);
                let loaded = run(&load, text).await;
                // Also after a failed load: no part of the text may stay in tmux.
                let deleted = run(&delete, "").await;
                loaded.and(deleted)
            }
        }
    }
}

/// Encodes the text as base64, in memory that is zeroed when it is freed.
fn base64(text: &str) -> Zeroizing<Vec<u8>> {
    let mut encoded = Zeroizing::new(vec![0; text.len().div_ceil(3) * 4]);
    let length =
        BASE64_STANDARD.encode_slice(text, &mut encoded).expect("base64 encodes three bytes as four");
    encoded.truncate(length);
    encoded
}

/// Returns an OSC 52 sequence that sets the clipboard selection `c`, which most terminals support.
fn osc52(text: &str) -> Zeroizing<Vec<u8>> {
    let mut sequence = Zeroizing::new(Vec::with_capacity(text.len() * 2 + 16));
    sequence.extend_from_slice(b"\x1b]52;c;");
    sequence.extend_from_slice(&base64(text));
    sequence.push(0x07);
    sequence
}

/// Returns an OSC 52 sequence inside device control strings, which GNU screen passes on to the terminal.
///
/// The OSC 52 sequence ends with BEL, because `ESC \` would end GNU screen's own string.
fn osc52_through_screen(text: &str) -> Zeroizing<Vec<u8>> {
    let inner = osc52(text);
    let mut sequence = Zeroizing::new(Vec::with_capacity(inner.len() * 2));
    for chunk in inner.chunks(SCREEN_CHUNK_BYTES) {
        sequence.extend_from_slice(b"\x1bP");
        sequence.extend_from_slice(chunk);
        sequence.extend_from_slice(b"\x1b\\");
    }
    sequence
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment_inside(multiplexer: Option<Multiplexer>) -> TerminalEnv {
        TerminalEnv { multiplexer, ..TerminalEnv::default() }
    }

    fn bytes_for_terminal(route: Result<CopyRoute, DeliveryError>) -> Vec<u8> {
        match route {
            Ok(CopyRoute::Terminal(bytes)) => bytes.to_vec(),
            other => panic!("not sent to the terminal: {other:?}"),
        }
    }

    #[test]
    fn a_copy_takes_the_route_that_reaches_the_terminal() {
        let auto = Clipboard::Auto;
        assert_eq!(bytes_for_terminal(auto.route("hi", &environment_inside(None))), b"\x1b]52;c;aGk=\x07");
        let tmux = auto.route("hi", &environment_inside(Some(Multiplexer::Tmux)));
        assert!(matches!(tmux, Ok(CopyRoute::Program(CopyProgram::Tmux))));
        let screen = bytes_for_terminal(auto.route("hi", &environment_inside(Some(Multiplexer::Screen))));
        assert_eq!(screen, b"\x1bP\x1b]52;c;aGk=\x07\x1b\\");
        assert!(matches!(
            Clipboard::Off.route("hi", &environment_inside(None)),
            Err(DeliveryError::ClipboardOff)
        ));
        let too_long = "x".repeat(COPY_MAX_BYTES + 1);
        assert!(matches!(
            auto.route(&too_long, &environment_inside(None)),
            Err(DeliveryError::TextTooLong { kib: 65, .. })
        ));
    }

    #[test]
    fn gnu_screen_receives_strings_that_it_can_buffer() {
        let bytes = osc52_through_screen(&"x".repeat(3_000));
        let strings: Vec<&[u8]> = bytes.split(|&byte| byte == b'P').skip(1).collect();
        assert_eq!(strings.len(), 6);
        assert!(strings.iter().all(|string| string.len() < 768));
    }
}
