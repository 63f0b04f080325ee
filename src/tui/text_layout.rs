//! Layout of text in lines of a given width: wrapping, labels, key hints, radio buttons, counts, and drawing a line.
//!
//! Start at [`wrap_text`] and [`draw_line`]. Widths are columns of the terminal, not characters. Hand-made, because ratatui's
//! `Paragraph` wraps while it draws, and a popup needs the number of lines before it knows its own height.

use ratatui::buffer::Buffer;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use unicode_segmentation::UnicodeSegmentation as _;

use super::context::Context;
use super::keymap::Action;
use super::theme::{StyleRole, Theme};
use crate::domain::text::{display_width, sanitize_line, truncate_to_width};

/// Breaks text between words into lines of at most `columns` columns. A word longer than a line is broken between characters.
pub fn wrap_text(text: &str, columns: usize) -> Vec<String> {
    let columns = columns.max(1);
    let mut lines = Vec::new();
    for paragraph in text.lines() {
        let mut line = String::new();
        let mut used = 0;
        for word in paragraph.split_whitespace() {
            let w = display_width(word);
            if used > 0 && used + 1 + w <= columns {
                line.push(' ');
                line.push_str(word);
                used += 1 + w;
                continue;
            }
            if used > 0 {
                lines.push(std::mem::take(&mut line));
            }
            (line, used) = (String::new(), 0);
            for cluster in word.graphemes(true) {
                let w = display_width(cluster);
                if used + w > columns {
                    lines.push(std::mem::take(&mut line));
                    used = 0;
                }
                line.push_str(cluster);
                used += w;
            }
        }
        lines.push(line);
    }
    lines
}

/// Breaks text into lines as [`wrap_text`] does, all in one style.
pub fn wrap_paragraph(text: &str, style: Style, columns: usize) -> Vec<Line<'static>> {
    wrap_text(text, columns).into_iter().map(|line| Line::styled(line, style)).collect()
}

/// Breaks text into at most `rows` lines. The last line contains all remaining text; [`draw_line`] cuts it with an ellipsis.
pub fn wrap_first_lines(text: &str, style: Style, columns: usize, rows: usize) -> Vec<Line<'static>> {
    let mut lines = wrap_text(text, columns);
    if rows > 0 && lines.len() > rows {
        let rest = lines.split_off(rows - 1).join(" ");
        lines.push(rest);
    }
    lines.into_iter().map(|line| Line::styled(line, style)).collect()
}

/// Breaks styled text between words into lines of at most `columns` columns. Keeps spaces, except where a line is broken.
pub fn wrap_spans(spans: &[Span<'_>], columns: usize) -> Vec<Line<'static>> {
    let mut lines = vec![Line::default()];
    let mut used = 0;
    for span in spans {
        for word in span.content.split_inclusive(' ') {
            let bare = display_width(word.trim_end());
            if used > 0 && used + bare > columns {
                lines.push(Line::default());
                used = 0;
            }
            for (at, part) in wrap_text(word, columns).into_iter().enumerate() {
                if at > 0 {
                    lines.push(Line::default());
                    used = 0;
                }
                used += display_width(&part);
                if let Some(line) = lines.last_mut() {
                    line.spans.push(Span::styled(part, span.style));
                }
            }
            let space = display_width(word) - bare;
            if used > 0 && used + space < columns {
                used += space;
                if let Some(line) = lines.last_mut() {
                    line.spans.push(Span::raw(" ".repeat(space)));
                }
            }
        }
    }
    lines
}

/// Puts `head`, such as a label or a list marker, in front of wrapped text. Indents all lines but the first by the width of
/// `head`.
pub fn wrap_hanging(head: &Span<'static>, text: &str, style: Style, columns: usize) -> Vec<Line<'static>> {
    let indent = head.width();
    wrap_text(text, columns.saturating_sub(indent))
        .into_iter()
        .enumerate()
        .map(|(at, line)| {
            let head = if at == 0 { head.clone() } else { Span::styled(" ".repeat(indent), head.style) };
            Line::from(vec![head, Span::styled(line, style)])
        })
        .collect()
}

/// Lays out a label and a wrapped value, indented to the right of the label.
pub fn labelled_lines(
    label: &str,
    value: &str,
    style: Style,
    columns: usize,
    theme: Theme,
) -> Vec<Line<'static>> {
    const LABEL_WIDTH: usize = 12;
    let head = Span::styled(format!("{label:LABEL_WIDTH$}"), theme.style(StyleRole::Muted));
    wrap_hanging(&head, &theme.text(value), style, columns)
}

/// Lays out a line of key presses and their effects: `y revoke   Esc cancel`.
pub fn key_hints(pairs: &[(&str, &str)], theme: Theme) -> Line<'static> {
    let mut spans = Vec::new();
    for (key, does) in pairs {
        if !spans.is_empty() {
            spans.push(Span::raw("   "));
        }
        spans.push(Span::styled((*key).to_owned(), theme.style(StyleRole::Key)));
        spans.push(Span::raw(format!(" {does}")));
    }
    Line::from(spans)
}

/// Lays out a line of key hints for actions, with the keys that the user's keymap binds to them.
pub fn action_hints(pairs: &[(Action, &str)], context: &Context) -> Line<'static> {
    let keys: Vec<String> = pairs.iter().map(|&(action, _)| context.key_press(action)).collect();
    let pairs: Vec<(&str, &str)> =
        keys.iter().zip(pairs).map(|(key, &(_, effect))| (key.as_str(), effect)).collect();
    key_hints(&pairs, context.theme())
}

/// Lays out one option of a group of radio buttons, `(●) admin`; the mark makes the choice visible without colour.
pub fn radio_button(label: &str, chosen: bool, theme: Theme) -> Span<'static> {
    let (mark, role) = match (chosen, theme.ascii) {
        (true, true) => ("x", StyleRole::Strong),
        (true, false) => ("●", StyleRole::Strong),
        (false, _) => (" ", StyleRole::Muted),
    };
    Span::styled(format!("({mark}) {label}   "), theme.style(role))
}

/// Formats a count with thousands separators: `12,345`.
pub fn format_count(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Draws a line at a position, at most `width` columns wide and cut with an ellipsis. Returns the column after its end.
pub fn draw_line(
    buf: &mut Buffer,
    at: (u16, u16),
    max_width: u16,
    line: &Line<'_>,
    base: Style,
    theme: Theme,
) -> u16 {
    let (mut x, y) = at;
    let end = at.0.saturating_add(max_width).min(buf.area.right());
    for (index, span) in line.spans.iter().enumerate() {
        let shown = theme.text(&span.content);
        let room = usize::from(end.saturating_sub(x));
        let more = line.spans[index + 1..].iter().any(|s| !s.content.trim().is_empty());
        let whole = display_width(&shown);
        // One column is kept for the ellipsis where the next span would not fit any more.
        let fits = if whole == room && more {
            truncate_to_width(&format!("{shown}…"), room).into_owned()
        } else {
            truncate_to_width(&shown, room).into_owned()
        };
        let (next, _) = buf.set_stringn(x, y, &fits, room, base.patch(line.style).patch(span.style));
        x = next;
        if x >= end {
            break;
        }
    }
    x
}

/// Turns a text into a sentence: adds a full stop and capitalizes the first letter, unless the text begins with an address.
pub fn as_sentence(text: &str) -> String {
    let text = sanitize_line(text.trim());
    let is_address = text.split(' ').next().is_some_and(|word| word.contains("://"));
    let mut chars = text.chars();
    let first = match chars.next() {
        Some(c) if is_address => c.to_string(),
        Some(c) => c.to_uppercase().to_string(),
        None => String::new(),
    };
    let end = if text.ends_with(['.', '!', '?']) || text.is_empty() { "" } else { "." };
    format!("{first}{}{end}", chars.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_wraps_between_words_and_inside_words_that_are_too_long() {
        assert_eq!(wrap_text("a key opens all", 8), ["a key", "opens", "all"]);
        assert_eq!(wrap_text("abcdefghij kl", 4), ["abcd", "efgh", "ij", "kl"]);
        assert_eq!(wrap_text("工場工場", 4), ["工場", "工場"]);
        let text = |lines: Vec<Line<'_>>| lines.iter().map(ToString::to_string).collect::<Vec<_>>();
        let spans = [Span::raw("a key "), Span::raw("opens all  data")];
        assert_eq!(text(wrap_spans(&spans, 11)), ["a key opens", "all  data"]);
        assert_eq!(text(wrap_spans(&spans, 4)), ["a ", "key", "open", "s ", "all", "data"]);
        assert_eq!(text(wrap_spans(&[], 4)), [""]);
        assert_eq!(wrap_text("a\n\nb", 9), ["a", "", "b"]);
        assert_eq!(format_count(1_234_567), "1,234,567");
        assert_eq!(format_count(999), "999");
    }
}
