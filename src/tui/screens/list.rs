//! List that is searched by typing, shared by the popups for commands, help and messages. Start at [`SearchableList`].

use crokey::KeyCombination;
use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use crate::domain::filter::SearchText;
use crate::tui::context::Context;
use crate::tui::form::TextField;
use crate::tui::keymap::Action;
use crate::tui::popup::{PopupTone, draw_frame};
use crate::tui::text_layout::{draw_line, wrap_spans};
use crate::tui::theme::{StyleRole, ThemeSymbol};

/// How a list is searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListSearch {
    /// Matches lines that contain every typed word, in their original order.
    Words,
    /// Matches lines that contain the typed letters in order (fuzzy search), the best match first.
    Fuzzy,
}

/// Lines with a search field and a selection among the matching lines.
#[derive(Debug)]
pub struct SearchableList {
    /// Text to search in each line.
    texts: Vec<String>,
    search: ListSearch,
    field: TextField,
    /// Index of the selected line in `matches`.
    selected: usize,
    /// Indices of the matching lines.
    matches: Vec<usize>,
}

impl SearchableList {
    /// Creates a list in which every line matches until the user types something.
    pub fn new(texts: Vec<String>, search: ListSearch) -> Self {
        Self { matches: (0..texts.len()).collect(), texts, search, field: TextField::default(), selected: 0 }
    }

    /// Returns the index of the selected line, or `None` if no line matches.
    pub fn selected(&self) -> Option<usize> {
        self.matches.get(self.selected).copied()
    }

    fn update_matches(&mut self) {
        self.selected = 0;
        self.matches = match self.search {
            ListSearch::Words => self.find_by_words(),
            ListSearch::Fuzzy => self.find_fuzzy(),
        };
    }

    fn find_fuzzy(&self) -> Vec<usize> {
        let pattern = Pattern::parse(self.field.text(), CaseMatching::Ignore, Normalization::Smart);
        let mut matcher = Matcher::new(Config::DEFAULT);
        let mut chars = Vec::new();
        let mut found: Vec<(u32, usize)> = self
            .texts
            .iter()
            .enumerate()
            .filter_map(|(at, text)| {
                pattern.score(Utf32Str::new(text, &mut chars), &mut matcher).map(|score| (score, at))
            })
            .collect();
        found.sort_by_key(|&(score, at)| (std::cmp::Reverse(score), at));
        found.into_iter().map(|(_, at)| at).collect()
    }

    fn find_by_words(&self) -> Vec<usize> {
        let words: Vec<SearchText> = self.field.text().split_whitespace().map(SearchText::new).collect();
        let found = |text: &String| words.iter().all(|word| word.is_in(text));
        (0..self.texts.len()).filter(|&at| found(&self.texts[at])).collect()
    }

    /// Moves the selection; returns `false` for actions that do not move it.
    pub fn move_selection(&mut self, action: Action) -> bool {
        let last = self.matches.len().saturating_sub(1);
        match action {
            Action::ListDown => self.selected = (self.selected + 1).min(last),
            Action::ListUp => self.selected = self.selected.saturating_sub(1),
            Action::ListPageDown => self.selected = (self.selected + 10).min(last),
            Action::ListPageUp => self.selected = self.selected.saturating_sub(10),
            _ => return false,
        }
        true
    }

    /// Passes a key press to the search field and updates the matches.
    pub fn handle_key(&mut self, key: KeyCombination) {
        if self.field.handle_key(key) {
            self.update_matches();
        }
    }

    /// Pastes text into the search field and updates the matches.
    pub fn paste(&mut self, text: &str) {
        self.field.paste(text);
        self.update_matches();
    }

    /// Returns the width of a line of the popup, in columns.
    pub fn columns(area: Rect) -> usize {
        usize::from(area.width.saturating_sub(8).clamp(32, 84).min(area.width.saturating_sub(4))) - 2
    }

    /// Draws the popup: the search field, and the lines around the selected one. Each line consists of a head, which is never
    /// cut, and a text. The text of the selected line is wrapped; other texts are cut with an ellipsis. Returns the position of
    /// the cursor.
    pub fn draw(
        &self,
        title: &str,
        lines: &[(Span<'_>, Line<'_>)],
        context: &Context,
        area: Rect,
        buf: &mut Buffer,
    ) -> Option<(u16, u16)> {
        let theme = context.theme();
        let columns = Self::columns(area);
        let width = u16::try_from(columns + 2).unwrap_or(u16::MAX);
        let inside = draw_frame(title, PopupTone::Calm, (width, area.height), area, theme, buf);
        if inside.height < 3 {
            return None;
        }
        buf.set_string(inside.x, inside.y, "/", theme.style(StyleRole::Accent));
        let position = format!("{}/{}", (self.selected + 1).min(self.matches.len()), self.matches.len());
        let position_width = u16::try_from(position.len()).unwrap_or(0);
        let right = inside.right().saturating_sub(position_width);
        buf.set_string(right, inside.y, position, theme.style(StyleRole::Muted));
        let room = inside.width.saturating_sub(3 + position_width);
        let field = Rect { x: inside.x + 2, width: room, height: 1, ..inside };
        let cursor = self.field.draw(field, true, theme, buf);
        let rows = usize::from(inside.height - 2);
        let whole = |(head, text): &(Span<'_>, Line<'_>)| {
            wrap_spans(&text.spans, columns.saturating_sub(head.width()))
        };
        let wrapped = self.selected().map_or_else(Vec::new, |at| whole(&lines[at]));
        let more = wrapped.len().saturating_sub(1);
        let top = (self.selected + more + 1)
            .saturating_sub(rows)
            .min((self.matches.len() + more).saturating_sub(rows));
        let mut y = inside.y + 2;
        for (at, &line) in self.matches.iter().enumerate().skip(top.min(self.selected)) {
            let (head, text) = &lines[line];
            let x = inside.x + 2;
            let end = |x: u16| inside.right().saturating_sub(x);
            if y >= inside.bottom() {
                break;
            }
            let x = draw_line(buf, (x, y), end(x), &Line::from(head.clone()), Style::new(), theme);
            if at == self.selected {
                buf.set_string(
                    inside.x,
                    y,
                    theme.symbol(ThemeSymbol::Selected),
                    theme.style(StyleRole::Selected),
                );
                for (row, line) in (y..inside.bottom()).zip(&wrapped) {
                    draw_line(buf, (x, row), end(x), line, Style::new(), theme);
                    y = row;
                }
            } else {
                draw_line(buf, (x, y), end(x), text, Style::new(), theme);
            }
            y += 1;
        }
        if self.matches.is_empty() {
            let room = usize::from(inside.width.saturating_sub(2));
            buf.set_stringn(inside.x + 2, y, "no matches", room, theme.style(StyleRole::Muted));
        }
        cursor
    }
}
