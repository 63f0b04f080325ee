//! Decodes the bytes that a terminal sends into key presses and pastes. Start at [`InputDecoder::feed`]; `sequences` parses a single
//! key press.
//!
//! Our own decoder, with the event types of crossterm, because the event reader of crossterm (0.29)
//! - loops forever once the terminal has hung up: <https://github.com/crossterm-rs/crossterm/issues/793>;
//! - misreads sequences that are split between two reads: <https://github.com/crossterm-rs/crossterm/issues/993>;
//! - discards all input after a report that it does not know: <https://github.com/crossterm-rs/crossterm/issues/1104>;
//! - reports some replies from the terminal as key presses, and does not tell which key presses arrived in the same read.

use crossterm::event::{Event, KeyCode, KeyModifiers};
use zeroize::{Zeroize as _, Zeroizing};

use sequences::{ParseStep, character_event, key_event, parse_input};

mod sequences;

/// Sequence that ends a bracketed paste.
const PASTE_END: &[u8] = b"\x1b[201~";
/// Maximum length in bytes of an incomplete sequence. A longer one is discarded.
const MAX_SEQUENCE_BYTES: usize = 4096;

/// Kind of the incomplete input in the decoder. It determines how long the caller waits before calling [`InputDecoder::flush`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PendingInput {
    /// There is no incomplete input, so there is no need to wait.
    Nothing,
    /// An Esc byte that may be the Esc key or the start of a sequence; wait briefly.
    MaybeEscape,
    /// A sequence or a paste whose end has not arrived; wait longer.
    PartialSequence,
}

/// Incremental decoder of terminal input, which may be split between reads at any byte.
#[derive(Debug, Default)]
pub struct InputDecoder {
    pending: Zeroizing<Vec<u8>>,
    paste: Option<Zeroizing<Vec<u8>>>,
}

impl InputDecoder {
    /// Decodes the pending input followed by `bytes`, and calls `emit` for each complete event.
    pub fn feed(&mut self, bytes: &[u8], mut emit: impl FnMut(Event)) {
        self.pending.extend_from_slice(bytes);
        self.decode(&mut emit);
    }

    /// Resolves incomplete input if no more bytes arrived in time: a lone Esc byte becomes the Esc key, a paste ends, and any other
    /// incomplete sequence is dropped.
    pub fn flush(&mut self, mut emit: impl FnMut(Event)) {
        if let Some(mut text) = self.paste.take() {
            text.append(&mut self.pending);
            emit(paste_event(&text));
        }
        let event = match self.pending.as_slice() {
            [] => return,
            [0x1b] => Some(key_event(KeyCode::Esc, KeyModifiers::NONE)),
            [0x1b, byte @ (b'[' | b']' | b'O' | b'P' | b'X' | b'^' | b'_')] => {
                Some(character_event(char::from(*byte), KeyModifiers::ALT))
            }
            _ => None,
        };
        self.pending.zeroize();
        event.into_iter().for_each(emit);
    }

    /// Returns the kind of the incomplete input.
    pub fn pending(&self) -> PendingInput {
        match (&self.paste, self.pending.len()) {
            (None, 0) => PendingInput::Nothing,
            (None, 1..=2) => PendingInput::MaybeEscape,
            _ => PendingInput::PartialSequence,
        }
    }

    fn decode(&mut self, emit: &mut impl FnMut(Event)) {
        let mut bytes = std::mem::take(&mut self.pending);
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            if let Some(text) = &mut self.paste {
                let end = memchr::memmem::find(rest, PASTE_END);
                // The end marker may be split between reads: keep what may be its first part.
                let keep = (1..PASTE_END.len()).rev().find(|&n| rest.ends_with(&PASTE_END[..n])).unwrap_or(0);
                let (content, after) = match end {
                    Some(at) => (&rest[..at], &rest[at + PASTE_END.len()..]),
                    None => rest.split_at(rest.len() - keep),
                };
                text.extend_from_slice(content);
                rest = after;
                if end.is_none() {
                    break;
                }
                emit(paste_event(text));
                self.paste = None;
            } else if rest.starts_with(b"\x1b[200~") {
                self.paste = Some(Zeroizing::default());
                rest = &rest[6..];
            } else {
                match parse_input(rest) {
                    ParseStep::Complete(event, length) => {
                        event.into_iter().for_each(&mut *emit);
                        rest = &rest[length..];
                    }
                    ParseStep::Incomplete if rest.len() > MAX_SEQUENCE_BYTES => rest = &[],
                    ParseStep::Incomplete => break,
                }
            }
        }
        let left = rest.len();
        let used = bytes.len() - left;
        bytes.copy_within(used.., 0);
        bytes[left..].zeroize();
        bytes.truncate(left);
        self.pending = bytes;
    }
}

fn paste_event(bytes: &[u8]) -> Event {
    Event::Paste(String::from_utf8_lossy(bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(bytes: &[u8]) -> Vec<String> {
        let mut found = Vec::new();
        let mut decoder = InputDecoder::default();
        decoder.feed(bytes, |event| found.push(event));
        decoder.flush(|event| found.push(event));
        found.iter().map(name).collect()
    }

    fn name(event: &Event) -> String {
        match event {
            Event::Key(k) if k.modifiers.is_empty() => format!("{}", k.code),
            Event::Key(k) => format!("{}-{}", k.modifiers, k.code),
            Event::Paste(text) => format!("paste {text:?}"),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn key_presses_and_pastes_are_decoded() {
        for (bytes, expected) in [
            (&b"jG\r\t\x7f"[..], &["j", "Shift-G", "Enter", "Tab", "Backspace"][..]),
            (b"\x1b[A\x1bOB\x1b[1;5C\x1b[Z", &["Up", "Down", "Control-Right", "Shift-Back Tab"]),
            (b"\x1b[H\x1b[4~\x1b[5~\x1b[6~\x1b[3~", &["Home", "End", "Page Up", "Page Down", "Del"]),
            (b"\x1bOP\x1b[15~\x1b[[A\x1b[24~", &["F1", "F5", "F1", "F12"]),
            (b"\x03\x10\x1a", &["Control-c", "Control-p", "Control-z"]),
            ("äЖ工".as_bytes(), &["ä", "Shift-Ж", "工"]),
            (b"\x1bx", &["Alt-x"]),
            (b"\x1b", &["Esc"]),
            (b"\x1b\x1b[A", &["Esc", "Up"]),
            (b"\x1b[99;5u\x1b[27;5;112~", &["Control-c", "Control-p"]),
            (b"\x1b[200~x\ny\x1b[A\x1b[201~z", &["paste \"x\\ny\\u{1b}[A\"", "z"]),
        ] {
            assert_eq!(keys(bytes), expected, "{bytes:?}");
        }
    }

    #[test]
    fn replies_from_the_terminal_are_not_key_presses() {
        for reply in [
            &b"\x1b]11;rgb:1d1d/dddd/rrrr\x1b\\"[..],
            b"\x1b]11;rgb:1d1d/dddd/1111\x07",
            b"\x1b[?2026;2$y",
            b"\x1b[?62;22c",
            b"\x1b[>1;10;0c",
            b"\x1bP1$r0m\x1b\\",
            b"\x1b[24;80R",
            b"\x1b[?997;1n",
            b"\x1b[I",
        ] {
            assert_eq!(keys(reply), [""; 0], "{reply:?}");
        }
    }

    #[test]
    fn input_decodes_to_the_same_events_wherever_it_is_split() {
        let whole =
            "j\u{1b}[1;5Cä\u{1b}[200~sk\u{1b}[2 x\u{1b}[201~q工\u{1b}]11;rgb:d\u{1b}\\\u{1b}[6~".as_bytes();
        let mut expected = Vec::new();
        InputDecoder::default().feed(whole, |event| expected.push(event));
        assert_eq!(expected.len(), 7);
        for cut in 0..whole.len() {
            let (mut found, mut decoder) = (Vec::new(), InputDecoder::default());
            decoder.feed(&whole[..cut], |event| found.push(event));
            decoder.feed(&whole[cut..], |event| found.push(event));
            assert_eq!(found, expected, "split at {cut}");
            assert_eq!(decoder.pending(), PendingInput::Nothing);
        }
    }

    #[test]
    fn nothing_is_pending_after_a_flush() {
        use proptest::prelude::*;
        proptest!(|(bytes in prop::collection::vec(any::<u8>(), 0..200), cut in 0_usize..200)| {
            let mut decoder = InputDecoder::default();
            let cut = cut.min(bytes.len());
            decoder.feed(&bytes[..cut], |_| ());
            decoder.feed(&bytes[cut..], |_| ());
            decoder.flush(|_| ());
            decoder.flush(|_| ());
            prop_assert_eq!(decoder.pending(), PendingInput::Nothing);
        });
    }
}
