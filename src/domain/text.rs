//! Makes untrusted text safe to show: sanitized text cannot control a terminal, forge a log line or become a spreadsheet
//! formula. Also measures and truncates text by terminal columns.

use std::borrow::Cow;

use unicode_properties::{GeneralCategory, UnicodeGeneralCategory as _};
use unicode_segmentation::UnicodeSegmentation as _;
use unicode_width::UnicodeWidthStr as _;

/// Replacement for characters that are not safe to show.
pub const REPLACEMENT: char = '\u{FFFD}';
/// Maximum number of combining marks in a row. Real writing systems need no more, and longer runs would draw over neighboring
/// lines.
const COMBINING_MARKS_MAX: usize = 3;

/// What [`sanitize_line()`] does with a character.
enum CharTreatment {
    Keep,
    Space,
    Replace,
}

fn treatment(c: char) -> CharTreatment {
    use GeneralCategory as G;
    if (' '..='~').contains(&c) {
        return CharTreatment::Keep;
    }
    match c.general_category() {
        G::Control if matches!(c, '\t' | '\n' | '\r') => CharTreatment::Space,
        G::Control
        | G::Format
        | G::LineSeparator
        | G::ParagraphSeparator
        | G::Surrogate
        | G::PrivateUse
        | G::Unassigned => CharTreatment::Replace,
        G::SpaceSeparator => CharTreatment::Space,
        _ if looks_blank(c) => CharTreatment::Replace,
        _ => CharTreatment::Keep,
    }
}

/// Returns whether a letter or symbol is invisible: fillers, the empty Braille pattern, variation selectors, the combining grapheme
/// joiner.
fn looks_blank(c: char) -> bool {
    matches!(c,
        '\u{34F}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}' | '\u{180B}'..='\u{180F}' | '\u{2800}' | '\u{3164}'
        | '\u{FE00}'..='\u{FE0F}' | '\u{FFA0}' | '\u{E0000}'..='\u{E0FFF}')
}

fn is_mark(c: char) -> bool {
    use GeneralCategory as G;
    !c.is_ascii() && matches!(c.general_category(), G::NonspacingMark | G::EnclosingMark | G::SpacingMark)
}

/// Returns the first character that is not allowed in a name, or `None`. These are the characters that [`sanitize_line()`] would
/// replace or remove, and tabs and line breaks.
pub fn first_unsafe_char(text: &str) -> Option<char> {
    let mut marks = 0;
    text.chars().find(|&c| {
        marks = if is_mark(c) { marks + 1 } else { 0 };
        let control = matches!(c, '\t' | '\n' | '\r');
        control || matches!(treatment(c), CharTreatment::Replace) || marks > COMBINING_MARKS_MAX
    })
}

/// Returns the text as a single line that is safe to show.
///
/// Control, format and invisible characters are replaced, line breaks and tabs become spaces, and runs of combining marks are
/// shortened.
pub fn sanitize_line(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|b| (b' '..=b'~').contains(&b)) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut marks = 0;
    for c in text.chars() {
        marks = if is_mark(c) { marks + 1 } else { 0 };
        match treatment(c) {
            _ if marks > COMBINING_MARKS_MAX => {}
            CharTreatment::Keep => out.push(c),
            CharTreatment::Space => out.push(' '),
            CharTreatment::Replace => out.push(REPLACEMENT),
        }
    }
    Cow::Owned(out)
}

/// Sanitizes each line of a text as [`sanitize_line()`] does. Line breaks are kept, as `\n`.
pub fn sanitize_block(text: &str) -> String {
    text.lines().map(sanitize_line).collect::<Vec<_>>().join("\n")
}

/// Returns the width of the text in terminal columns.
pub fn display_width(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.width() }
}

/// Truncates the text to a width in terminal columns. If something was cut off, the last character is an ellipsis.
pub fn truncate_to_width(text: &str, columns: usize) -> Cow<'_, str> {
    if display_width(text) <= columns {
        return Cow::Borrowed(text);
    }
    if columns == 0 {
        return Cow::Borrowed("");
    }
    let mut out = String::new();
    let mut used = 0;
    for cluster in text.graphemes(true) {
        let w = cluster.width();
        if used + w > columns - 1 {
            break;
        }
        used += w;
        out.push_str(cluster);
    }
    out.push('…');
    Cow::Owned(out)
}

/// Truncates the text as [`truncate_to_width()`] does, or pads it with spaces, so that its width is exactly `columns`.
pub fn pad_to_width(text: &str, columns: usize) -> String {
    let text = truncate_to_width(text, columns);
    format!("{text}{}", " ".repeat(columns.saturating_sub(display_width(&text))))
}

/// Sanitizes a `User-Agent` header for storage, and truncates it to at most `max_bytes` at a character boundary.
pub fn sanitize_agent(text: &str, max_bytes: usize) -> String {
    let mut text = sanitize_line(text.trim()).into_owned();
    let mut end = max_bytes.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
    text
}

/// Converts the text for terminals that can only show ASCII. Known punctuation and umlauts are spelled out, other characters become
/// `?`.
pub fn to_ascii(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            _ if c.is_ascii() => out.push(c),
            '…' => out.push_str("..."),
            '–' | '—' | '−' | '‐' | '‑' | '─' => out.push('-'),
            '‘' | '’' => out.push('\''),
            '“' | '”' | '„' => out.push('"'),
            '·' | '•' | '●' => out.push('*'),
            '│' => out.push('|'),
            '→' => out.push_str("->"),
            'ä' => out.push_str("ae"),
            'ö' => out.push_str("oe"),
            'ü' => out.push_str("ue"),
            'ß' => out.push_str("ss"),
            _ if is_mark(c) => {}
            _ => out.push('?'),
        }
    }
    Cow::Owned(out)
}

/// Formats a text as a CSV cell: a single line, quoted if necessary (RFC 4180), that no spreadsheet takes for a formula.
///
/// An apostrophe is added before `=`, `+`, `-` and `@`, in ASCII or full width, and before control characters (OWASP, "CSV
/// Injection").
pub fn csv_cell(text: &str) -> String {
    let text = sanitize_line(text);
    let formula = text.trim_start().starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠']);
    let mark = if formula || text.starts_with(REPLACEMENT) { "'" } else { "" };
    if text.contains([',', '"']) {
        format!("\"{mark}{}\"", text.replace('"', "\"\""))
    } else {
        format!("{mark}{text}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sanitized_lines_contain_no_control_characters() {
        let hostile = [
            "\u{1b}[2Jx",
            "\u{1b}]52;c;aGk=\u{7}",
            "\u{9b}31m\u{9d}0;t\u{9c}",
            "a\r\nb\tc",
            "\u{202e}evil\u{2066}\u{2069}",
            "a\u{200b}\u{200d}\u{feff}\u{ad}b",
            "\u{e0061}\u{e0062}",
            "\u{3164}\u{2800}\u{2028}\0",
        ];
        for text in hostile {
            let shown = sanitize_line(text);
            assert_eq!(first_unsafe_char(&shown.replace(REPLACEMENT, "")), None, "{text:?} → {shown:?}");
        }
        assert_eq!(sanitize_line("a\r\nb\tc"), "a  b c");
        assert_eq!(sanitize_line(&format!("a{}", "\u{301}".repeat(40))).chars().count(), 4);
    }

    #[test]
    fn names_with_invisible_characters_look_different() {
        assert_ne!(sanitize_line("adm\u{200b}in"), "admin");
        assert_ne!(sanitize_line("adm\u{ad}in"), "admin");
    }

    #[test]
    fn text_is_truncated_by_its_width_in_columns() {
        assert_eq!(truncate_to_width("Power BI", 8), "Power BI");
        assert_eq!(truncate_to_width("Power BI", 7), "Power …");
        assert_eq!(truncate_to_width("工場工場", 5), "工場…");
        assert_eq!(truncate_to_width("x", 0), "");
        assert_eq!(sanitize_agent("äöü", 3), "ä");
    }

    #[test]
    fn csv_cells_are_never_formulas() {
        assert_eq!(csv_cell("=HYPERLINK(\"x\")"), "\"'=HYPERLINK(\"\"x\"\")\"");
        assert_eq!(csv_cell(" @x"), "' @x");
        assert_eq!(csv_cell("＝1+1"), "'＝1+1");
        assert_eq!(csv_cell("Grafana"), "Grafana");
        assert_eq!(csv_cell("Grafana, north"), "\"Grafana, north\"");
        assert_eq!(to_ascii("sk_…5G08 – ok"), "sk_...5G08 - ok");
    }
}
