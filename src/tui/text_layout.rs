//! Text broken into lines of a given width, between words where that is possible.

use ratatui::style::Style;
use ratatui::text::{Line, Span};
use unicode_segmentation::UnicodeSegmentation as _;

use super::theme::{StyleRole, Theme};
use crate::domain::text::display_width;

/// The text in lines of at most `columns`; a word that is longer is broken.
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

/// A paragraph in one style.
pub fn wrap_paragraph(text: &str, style: Style, columns: usize) -> Vec<Line<'static>> {
    wrap_text(text, columns).into_iter().map(|line| Line::styled(line, style)).collect()
}

/// A paragraph of at most so many lines; what does not fit goes on in the last one, which whoever writes it cuts with an ellipsis.
pub fn wrap_first_lines(text: &str, style: Style, columns: usize, rows: usize) -> Vec<Line<'static>> {
    let mut lines = wrap_text(text, columns);
    if rows > 0 && lines.len() > rows {
        let rest = lines.split_off(rows - 1).join(" ");
        lines.push(rest);
    }
    lines.into_iter().map(|line| Line::styled(line, style)).collect()
}

/// Styled text in lines of at most `columns`, broken between words; spaces are kept but at a break.
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

/// A label and what belongs to it, lines after the first indented to it.
pub fn labelled_lines(
    label: &str,
    value: &str,
    style: Style,
    columns: usize,
    theme: Theme,
) -> Vec<Line<'static>> {
    const LABEL: usize = 12;
    let lines = wrap_text(&theme.text(value), columns.saturating_sub(LABEL));
    lines
        .into_iter()
        .enumerate()
        .map(|(at, line)| {
            let label = if at == 0 { label } else { "" };
            Line::from(vec![
                Span::styled(format!("{label:LABEL$}"), theme.style(StyleRole::Muted)),
                Span::styled(line, style),
            ])
        })
        .collect()
}

/// Keys and what they do, on one line: `y revoke   Esc cancel`.
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

/// One of several to choose from, told apart without a colour: `(●) admin   ( ) normal   `.
pub fn radio_button(label: &str, chosen: bool, theme: Theme) -> Span<'static> {
    let (mark, role) = match (chosen, theme.ascii) {
        (true, true) => ("x", StyleRole::Strong),
        (true, false) => ("●", StyleRole::Strong),
        (false, _) => (" ", StyleRole::Muted),
    };
    Span::styled(format!("({mark}) {label}   "), theme.style(role))
}

/// A number with its thousands apart: `12,345`.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_between_words_and_long_words_inside() {
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
