//! Decodes the bytes that a terminal sends into key presses and pastes. Start at [`InputDecoder::feed`].
//!
//! Hand-made, with the types of crossterm, because its reader (0.29)
//! - spins for ever once the terminal has hung up: <https://github.com/crossterm-rs/crossterm/issues/793>;
//! - depends on where one read ends and the next begins: <https://github.com/crossterm-rs/crossterm/issues/993>;
//! - swallows all input after a report that it does not know: <https://github.com/crossterm-rs/crossterm/issues/1104>;
//! - reports other replies of the terminal as key presses, and does not tell which key presses arrived in one read.

use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};
use zeroize::{Zeroize as _, Zeroizing};

/// Sequence that ends a bracketed paste.
const PASTE_END: &[u8] = b"\x1b[201~";
/// Longest incomplete sequence that is kept, in bytes. A longer one is discarded.
const MAX_SEQUENCE_BYTES: usize = 4096;

/// Incomplete input that the decoder keeps; decides how long the caller waits before it calls [`InputDecoder::flush`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PendingInput {
    /// Nothing; there is no need to wait.
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

/// Result of parsing the start of the buffered bytes.
enum ParseStep {
    /// An event, or `None` for a sequence to be ignored, and its length in bytes.
    Complete(Option<Event>, usize),
    /// The end of the sequence has not arrived.
    Incomplete,
}

impl InputDecoder {
    /// Decodes `bytes` together with what was pending, and calls `emit` for each complete event.
    pub fn feed(&mut self, bytes: &[u8], mut emit: impl FnMut(Event)) {
        self.pending.extend_from_slice(bytes);
        self.decode(&mut emit);
    }

    /// Resolves pending input when no more bytes arrived in time: a lone Esc byte is the Esc key, a paste ends, and any other
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

    /// Returns the kind of input that is still incomplete.
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

fn key_event(code: KeyCode, modifiers: KeyModifiers) -> Event {
    Event::Key(KeyEvent::new(code, modifiers))
}

fn character_event(c: char, modifiers: KeyModifiers) -> Event {
    let shift = if c.is_uppercase() { KeyModifiers::SHIFT } else { KeyModifiers::NONE };
    key_event(KeyCode::Char(c), modifiers | shift)
}

fn parse_input(bytes: &[u8]) -> ParseStep {
    match bytes {
        [0x1b] => ParseStep::Incomplete,
        [0x1b, b'[', rest @ ..] => parse_control_sequence(rest),
        [0x1b, b'O', rest @ ..] => match rest {
            [] => ParseStep::Incomplete,
            [last, ..] => ParseStep::Complete(ss3_event(*last), 3),
        },
        // Replies of the terminal (OSC, DCS, SOS, PM, APC): never key presses.
        [0x1b, b']' | b'P' | b'X' | b'^' | b'_', rest @ ..] => skip_string_sequence(rest),
        // The Esc key, followed by a sequence or by Esc again.
        [0x1b, 0x1b, ..] => ParseStep::Complete(Some(key_event(KeyCode::Esc, KeyModifiers::NONE)), 1),
        [0x1b, rest @ ..] => match parse_single_key(rest, KeyModifiers::ALT) {
            ParseStep::Complete(event, n) => ParseStep::Complete(event, n + 1),
            ParseStep::Incomplete => ParseStep::Incomplete,
        },
        _ => parse_single_key(bytes, KeyModifiers::NONE),
    }
}

/// Parses a key press that is a single character, with or without Alt.
fn parse_single_key(bytes: &[u8], alt: KeyModifiers) -> ParseStep {
    let code = match bytes[0] {
        b'\r' | b'\n' => KeyCode::Enter,
        b'\t' => KeyCode::Tab,
        0x7f | 0x08 => KeyCode::Backspace,
        0 => return ParseStep::Complete(Some(key_event(KeyCode::Char(' '), alt | KeyModifiers::CONTROL)), 1),
        c @ 0x01..=0x1a => return ParseStep::Complete(Some(control_event(c - 1 + b'a', alt)), 1),
        c @ 0x1c..=0x1f => return ParseStep::Complete(Some(control_event(c - 0x1c + b'4', alt)), 1),
        0x80.. => return parse_utf8(bytes, alt),
        c => return ParseStep::Complete(Some(character_event(char::from(c), alt)), 1),
    };
    ParseStep::Complete(Some(key_event(code, alt)), 1)
}

fn control_event(c: u8, alt: KeyModifiers) -> Event {
    key_event(KeyCode::Char(char::from(c)), alt | KeyModifiers::CONTROL)
}

fn parse_utf8(bytes: &[u8], alt: KeyModifiers) -> ParseStep {
    let length = match bytes[0] {
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => return ParseStep::Complete(None, 1),
    };
    match std::str::from_utf8(&bytes[..length.min(bytes.len())]) {
        Ok(text) => {
            let event = text.chars().next().filter(|c| !c.is_control()).map(|c| character_event(c, alt));
            ParseStep::Complete(event, text.len())
        }
        Err(e) if e.error_len().is_none() => ParseStep::Incomplete,
        Err(_) => ParseStep::Complete(None, 1),
    }
}

/// Parses a control sequence; `rest` begins after `ESC [`.
fn parse_control_sequence(rest: &[u8]) -> ParseStep {
    // F1 to F5 of the Linux console are `ESC [ [ A` to `ESC [ [ E`.
    if let [b'[', tail @ ..] = rest {
        return match tail {
            [] => ParseStep::Incomplete,
            [c @ b'A'..=b'E', ..] => {
                ParseStep::Complete(Some(key_event(KeyCode::F(c - b'A' + 1), KeyModifiers::NONE)), 4)
            }
            _ => ParseStep::Complete(None, 4),
        };
    }
    let Some(end) = rest.iter().position(|b| !matches!(b, 0x20..=0x3f)) else { return ParseStep::Incomplete };
    let last = rest[end];
    // Interrupted by another sequence or a control character.
    if !matches!(last, 0x40..=0x7e) {
        return ParseStep::Complete(None, 2 + end);
    }
    let event =
        std::str::from_utf8(&rest[..end]).ok().and_then(|params| control_sequence_event(params, last));
    ParseStep::Complete(event, 2 + end + 1)
}

fn control_sequence_event(params: &str, last: u8) -> Option<Event> {
    let mut numbers = params.split(';').map(|p| p.split(':').next().unwrap_or("").parse::<u32>().ok());
    // Sequences with a private marker (`?`, `>`, `=`, `<`) are replies of the terminal.
    if params.starts_with(['?', '>', '=', '<']) {
        return None;
    }
    let first = numbers.next().flatten().unwrap_or(1);
    let second = numbers.next().flatten();
    let third = numbers.next().flatten();
    let modifiers = parse_modifiers(second);
    let code = match last {
        b'A' => KeyCode::Up,
        b'B' => KeyCode::Down,
        b'C' => KeyCode::Right,
        b'D' => KeyCode::Left,
        b'F' => KeyCode::End,
        b'H' => KeyCode::Home,
        b'P' => KeyCode::F(1),
        b'Q' => KeyCode::F(2),
        // `CSI 12;40 R` is a cursor position report, `CSI 1;2 R` is Shift-F3.
        b'R' if first == 1 => KeyCode::F(3),
        b'S' => KeyCode::F(4),
        b'Z' => return Some(key_event(KeyCode::BackTab, modifiers | KeyModifiers::SHIFT)),
        b'u' => return code_point_event(first, modifiers),
        b'~' => match first {
            1 | 7 => KeyCode::Home,
            2 => KeyCode::Insert,
            3 => KeyCode::Delete,
            4 | 8 => KeyCode::End,
            5 => KeyCode::PageUp,
            6 => KeyCode::PageDown,
            n @ 11..=15 => KeyCode::F(u8::try_from(n - 10).ok()?),
            n @ 17..=21 => KeyCode::F(u8::try_from(n - 11).ok()?),
            n @ 23..=24 => KeyCode::F(u8::try_from(n - 12).ok()?),
            // Format of xterm's modifyOtherKeys: `CSI 27;MODIFIERS;CODE ~`.
            27 => return code_point_event(third?, modifiers),
            _ => return None,
        },
        _ => return None,
    };
    Some(key_event(code, modifiers))
}

/// Converts a key press sent as a code point, as terminals with extended keys do (`CSI CODE;MODIFIERS u`).
fn code_point_event(code: u32, modifiers: KeyModifiers) -> Option<Event> {
    let code = match code {
        9 if modifiers.contains(KeyModifiers::SHIFT) => KeyCode::BackTab,
        9 => KeyCode::Tab,
        13 => KeyCode::Enter,
        27 => KeyCode::Esc,
        8 | 127 => KeyCode::Backspace,
        code => {
            return char::from_u32(code).filter(|c| !c.is_control()).map(|c| character_event(c, modifiers));
        }
    };
    Some(key_event(code, modifiers))
}

/// Decodes xterm's modifier parameter, which is 1 plus the sum of Shift 1, Alt 2, Ctrl 4 and Meta 8.
fn parse_modifiers(parameter: Option<u32>) -> KeyModifiers {
    let bits = parameter.unwrap_or(1).saturating_sub(1);
    let table = [(1, KeyModifiers::SHIFT), (2 | 8, KeyModifiers::ALT), (4, KeyModifiers::CONTROL)];
    table.into_iter().filter(|(bit, _)| bits & bit != 0).map(|(_, modifier)| modifier).collect()
}

/// Converts the last byte of an SS3 sequence (`ESC O`): cursor keys in application mode, the keypad, F1 to F4.
fn ss3_event(last: u8) -> Option<Event> {
    let code = match last {
        b'A' => KeyCode::Up,
        b'B' => KeyCode::Down,
        b'C' => KeyCode::Right,
        b'D' => KeyCode::Left,
        b'F' => KeyCode::End,
        b'H' => KeyCode::Home,
        b'M' => KeyCode::Enter,
        b'P'..=b'S' => KeyCode::F(last - b'P' + 1),
        b'j'..=b'y' => KeyCode::Char(char::from(last - b'j' + b'*')),
        _ => return None,
    };
    Some(key_event(code, KeyModifiers::NONE))
}

/// Skips a string sequence up to BEL or `ESC \`; `rest` begins after its introducer.
fn skip_string_sequence(rest: &[u8]) -> ParseStep {
    for (at, &byte) in rest.iter().enumerate() {
        match byte {
            0x07 => return ParseStep::Complete(None, 2 + at + 1),
            0x1b if rest.get(at + 1) == Some(&b'\\') => return ParseStep::Complete(None, 2 + at + 2),
            0x1b if rest.len() > at + 1 => return ParseStep::Complete(None, 2 + at),
            _ => {}
        }
    }
    ParseStep::Incomplete
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
    fn replies_of_the_terminal_are_not_key_presses() {
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
    fn no_input_leaves_the_decoder_waiting_after_a_flush() {
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
