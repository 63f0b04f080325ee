//! Delivers to the clipboard of the person in front of the terminal, who may be several machines away.
//!
//! No terminal acknowledges a copy, so callers report "sent to your terminal", never "copied".

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use zeroize::Zeroizing;

use super::command::{CommandLine, Interaction};
use super::error::DeliveryError;
use crate::terminal::capabilities::{Multiplexer, TerminalEnv};

/// Maximum length of a copied text in bytes: terminals drop longer ones, or stop responding.
const COPY_MAX_BYTES: usize = 64 * 1024;
/// Base64 bytes per device control string of GNU screen, which holds 768 bytes including its delimiters.
const SCREEN_CHUNK_BYTES: usize = 700;

/// The configured way to the clipboard.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Clipboard {
    /// Through tmux or GNU screen when running inside of one, else OSC 52.
    #[default]
    Auto,
    /// OSC 52 to the terminal.
    Osc52,
    /// `tmux load-buffer -w`.
    Tmux,
    /// OSC 52, wrapped in device control strings for GNU screen.
    Screen,
    /// A program that reads the text on standard input, such as `wl-copy`.
    Command(CommandLine),
    /// Copying is turned off.
    Off,
}

/// The next step of a copy.
#[derive(Debug)]
pub enum CopyRoute {
    /// Bytes to write to the terminal.
    Terminal(Zeroizing<Vec<u8>>),
    /// A program to run.
    Program(CopyProgram),
}

/// A program that takes a copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CopyProgram {
    /// tmux, which passes the text on to the terminal.
    Tmux,
    /// The configured command.
    Command(CommandLine),
}

impl Clipboard {
    /// Chooses the way that reaches the user's clipboard.
    ///
    /// # Errors
    /// Copying is turned off, or the text is too long.
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
    /// Copies the text. The program sees none of the private variables.
    ///
    /// # Errors
    /// The program is missing or fails; tmux does so before version 3.2.
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
                // Also after a failed load: nothing of the text may stay in tmux.
                let deleted = run(&delete, "").await;
                loaded.and(deleted)
            }
        }
    }
}

/// Encodes the text as base64, in memory that is zeroized.
fn base64(text: &str) -> Zeroizing<Vec<u8>> {
    let mut encoded = Zeroizing::new(vec![0; text.len().div_ceil(3) * 4]);
    let length =
        BASE64_STANDARD.encode_slice(text, &mut encoded).expect("base64 takes four bytes for each three");
    encoded.truncate(length);
    encoded
}

/// Returns OSC 52 for the selection `c`, which most terminals understand.
fn osc52(text: &str) -> Zeroizing<Vec<u8>> {
    let mut sequence = Zeroizing::new(Vec::with_capacity(text.len() * 2 + 16));
    sequence.extend_from_slice(b"\x1b]52;c;");
    sequence.extend_from_slice(&base64(text));
    sequence.push(0x07);
    sequence
}

/// Returns OSC 52 in device control strings, which GNU screen passes on to the terminal. The inner sequence must end with BEL,
/// because `ESC \` would end screen's own string.
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

    fn inside(multiplexer: Option<Multiplexer>) -> TerminalEnv {
        TerminalEnv { multiplexer, ..TerminalEnv::default() }
    }

    fn terminal_bytes(route: Result<CopyRoute, DeliveryError>) -> Vec<u8> {
        match route {
            Ok(CopyRoute::Terminal(bytes)) => bytes.to_vec(),
            other => panic!("not sent to the terminal: {other:?}"),
        }
    }

    #[test]
    fn a_copy_takes_the_way_that_reaches_the_terminal() {
        let auto = Clipboard::Auto;
        assert_eq!(terminal_bytes(auto.route("hi", &inside(None))), b"\x1b]52;c;aGk=\x07");
        let tmux = auto.route("hi", &inside(Some(Multiplexer::Tmux)));
        assert!(matches!(tmux, Ok(CopyRoute::Program(CopyProgram::Tmux))));
        let screen = terminal_bytes(auto.route("hi", &inside(Some(Multiplexer::Screen))));
        assert_eq!(screen, b"\x1bP\x1b]52;c;aGk=\x07\x1b\\");
        assert!(matches!(Clipboard::Off.route("hi", &inside(None)), Err(DeliveryError::ClipboardOff)));
        let too_long = "x".repeat(COPY_MAX_BYTES + 1);
        assert!(matches!(
            auto.route(&too_long, &inside(None)),
            Err(DeliveryError::TextTooLong { kib: 65, .. })
        ));
    }

    #[test]
    fn gnu_screen_gets_strings_that_it_can_hold() {
        let bytes = osc52_through_screen(&"x".repeat(3_000));
        let strings: Vec<&[u8]> = bytes.split(|&byte| byte == b'P').skip(1).collect();
        assert_eq!(strings.len(), 6);
        assert!(strings.iter().all(|string| string.len() < 768));
    }
}
