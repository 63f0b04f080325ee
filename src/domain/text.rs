//! Makes text from outside safe to show: it cannot control a terminal, forge a log line or become a spreadsheet formula. Also
//! text layout by terminal columns.

use std::borrow::Cow;

use unicode_properties::{GeneralCategory, UnicodeGeneralCategory as _};
use unicode_segmentation::UnicodeSegmentation as _;
use unicode_width::UnicodeWidthStr as _;

/// Replaces every character that is not safe to show.
pub const REPLACEMENT: char = '\u{FFFD}';
/// Maximum number of combining marks in a row. Real writing systems need no more; longer runs draw over neighboring lines.
const MARKS_IN_A_ROW: usize = 3;

/// The treatment of a character in a single line.
enum CharTreatment {
    Keep,
    Space,
    Replace,
}

fn fate(c: char) -> CharTreatment {
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

/// Returns whether a letter or symbol is drawn as nothing: fillers, the empty Braille pattern, variation selectors, the combining
/// grapheme joiner.
fn looks_blank(c: char) -> bool {
    matches!(c,
        '\u{34F}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}' | '\u{180B}'..='\u{180F}' | '\u{2800}' | '\u{3164}'
        | '\u{FE00}'..='\u{FE0F}' | '\u{FFA0}' | '\u{E0000}'..='\u{E0FFF}')
}

fn is_mark(c: char) -> bool {
    use GeneralCategory as G;
    !c.is_ascii() && matches!(c.general_category(), G::NonspacingMark | G::EnclosingMark | G::SpacingMark)
}

/// Returns the first character that a name must not contain: one that [`sanitize_line()`] would change, except for spaces of
/// other widths.
pub fn first_unsafe_char(text: &str) -> Option<char> {
    let mut marks = 0;
    text.chars().find(|&c| {
        marks = if is_mark(c) { marks + 1 } else { 0 };
        let control = matches!(c, '\t' | '\n' | '\r');
        control || matches!(fate(c), CharTreatment::Replace) || marks > MARKS_IN_A_ROW
    })
}

/// Returns the text as a single line that is safe to show.
///
/// Control, format and blank-looking characters are replaced, line breaks and tabs become spaces, and runs of combining marks are
/// cut.
pub fn sanitize_line(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|b| (b' '..=b'~').contains(&b)) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut marks = 0;
    for c in text.chars() {
        marks = if is_mark(c) { marks + 1 } else { 0 };
        match fate(c) {
            _ if marks > MARKS_IN_A_ROW => {}
            CharTreatment::Keep => out.push(c),
            CharTreatment::Space => out.push(' '),
            CharTreatment::Replace => out.push(REPLACEMENT),
        }
    }
    Cow::Owned(out)
}

/// Sanitizes text of several lines like [`sanitize_line()`]. `\n` and `\r\n` remain line breaks.
pub fn sanitize_block(text: &str) -> String {
    text.lines().map(sanitize_line).collect::<Vec<_>>().join("\n")
}

/// Returns the width of the text in terminal columns.
pub fn display_width(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.width() }
}

/// Truncates the text to `columns`, with an ellipsis as the last character if something was cut.
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

/// Truncates the text like [`truncate_to_width()`], or pads it with spaces, to exactly `columns`.
pub fn pad_to_width(text: &str, columns: usize) -> String {
    let text = truncate_to_width(text, columns);
    format!("{text}{}", " ".repeat(columns.saturating_sub(display_width(&text))))
}

/// Sanitizes a `User-Agent` for storage and truncates it to `bytes` at a character boundary.
pub fn sanitize_agent(text: &str, bytes: usize) -> String {
    let mut text = sanitize_line(text.trim()).into_owned();
    let mut end = bytes.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
    text
}

/// Converts the text for terminals that show ASCII only: known punctuation is spelled out, other characters become `?`.
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

/// Formats a CSV cell in one line, quoted if necessary (RFC 4180), so that no spreadsheet reads it as a formula.
///
/// An apostrophe is put before `= + - @`, narrow or wide, and before control characters (OWASP, "CSV Injection").
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
    fn nothing_that_acts_on_a_terminal_survives() {
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
    fn twins_of_a_name_look_different() {
        assert_ne!(sanitize_line("adm\u{200b}in"), "admin");
        assert_ne!(sanitize_line("adm\u{ad}in"), "admin");
    }

    #[test]
    fn text_is_cut_by_columns() {
        assert_eq!(truncate_to_width("Power BI", 8), "Power BI");
        assert_eq!(truncate_to_width("Power BI", 7), "Power …");
        assert_eq!(truncate_to_width("工場工場", 5), "工場…");
        assert_eq!(truncate_to_width("x", 0), "");
        assert_eq!(sanitize_agent("äöü", 3), "ä");
    }

    #[test]
    fn formulas_are_defused() {
        assert_eq!(csv_cell("=HYPERLINK(\"x\")"), "\"'=HYPERLINK(\"\"x\"\")\"");
        assert_eq!(csv_cell(" @x"), "' @x");
        assert_eq!(csv_cell("＝1+1"), "'＝1+1");
        assert_eq!(csv_cell("Grafana"), "Grafana");
        assert_eq!(csv_cell("Grafana, north"), "\"Grafana, north\"");
        assert_eq!(to_ascii("sk_…5G08 – ok"), "sk_...5G08 - ok");
    }
}
