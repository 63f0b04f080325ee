//! Parses one key press, or one sequence to be ignored, at the start of the input. Start at [`parse_input`].
//!
//! Covers the sequences of xterm, the VT100 and the Linux console. Replies from the terminal are recognized and skipped.

use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};

/// Result of parsing the first event in a byte buffer.
pub(super) enum ParseStep {
    /// The event, or `None` if the sequence is ignored, and the number of bytes that were parsed.
    Complete(Option<Event>, usize),
    /// The buffer ends before the sequence does.
    Incomplete,
}

pub(super) fn key_event(code: KeyCode, modifiers: KeyModifiers) -> Event {
    Event::Key(KeyEvent::new(code, modifiers))
}

pub(super) fn character_event(c: char, modifiers: KeyModifiers) -> Event {
    let shift = if c.is_uppercase() { KeyModifiers::SHIFT } else { KeyModifiers::NONE };
    key_event(KeyCode::Char(c), modifiers | shift)
}

/// Parses the first key press or sequence of `bytes`, which must not be empty.
pub(super) fn parse_input(bytes: &[u8]) -> ParseStep {
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

/// Parses a control sequence (CSI); `rest` begins after `ESC [`.
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

/// Converts a code point with modifiers (`CSI CODE;MODIFIERS u`), which terminals with extended keys send, to a key press.
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

/// Converts the last byte of an SS3 sequence (`ESC O`) to a key press: a cursor key in application mode, a keypad key, or F1 to F4.
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

/// Skips a string sequence, such as OSC, up to BEL or `ESC \`; `rest` begins after its introducer.
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
