//! A list that is filtered by typing: what palette, help and messages have in common.

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
use crate::tui::popup::{PopupTone, frame};
use crate::tui::text_layout::{draw_line, wrap_spans};
use crate::tui::theme::{StyleRole, ThemeSymbol};

/// How lines are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListSearch {
    /// By every word that was typed, in their own order.
    Words,
    /// By the letters of what was typed, the best first.
    Letters,
}

/// Lines that can be searched, what was typed, and where one is among what it found.
#[derive(Debug)]
pub struct SearchableList {
    /// What is searched of each line.
    texts: Vec<String>,
    search: ListSearch,
    field: TextField,
    /// The chosen line among those found.
    at: usize,
    found: Vec<usize>,
}

impl SearchableList {
    /// All lines, in their own order.
    pub fn new(texts: Vec<String>, search: ListSearch) -> Self {
        Self { found: (0..texts.len()).collect(), texts, search, field: TextField::default(), at: 0 }
    }

    /// The chosen line.
    pub fn chosen(&self) -> Option<usize> {
        self.found.get(self.at).copied()
    }

    fn find(&mut self) {
        self.at = 0;
        self.found = match self.search {
            ListSearch::Words => self.by_words(),
            ListSearch::Letters => self.by_letters(),
        };
    }

    fn by_letters(&self) -> Vec<usize> {
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

    fn by_words(&self) -> Vec<usize> {
        let words: Vec<SearchText> = self.field.text().split_whitespace().map(SearchText::new).collect();
        let found = |text: &String| words.iter().all(|word| word.is_in(text));
        (0..self.texts.len()).filter(|&at| found(&self.texts[at])).collect()
    }

    /// Moves as an action asks; says whether it did.
    pub fn act(&mut self, action: Action) -> bool {
        let last = self.found.len().saturating_sub(1);
        match action {
            Action::ListDown => self.at = (self.at + 1).min(last),
            Action::ListUp => self.at = self.at.saturating_sub(1),
            Action::ListPageDown => self.at = (self.at + 10).min(last),
            Action::ListPageUp => self.at = self.at.saturating_sub(10),
            _ => return false,
        }
        true
    }

    /// Types, and finds.
    pub fn press(&mut self, key: KeyCombination) {
        if self.field.handle_key(key) {
            self.find();
        }
    }

    /// Takes a pasted text, and finds.
    pub fn paste(&mut self, text: &str) {
        self.field.paste(text);
        self.find();
    }

    /// How wide the lines of the list are in a body of this size.
    pub fn columns(area: Rect) -> usize {
        usize::from(area.width.saturating_sub(8).clamp(32, 84).min(area.width.saturating_sub(4))) - 2
    }

    /// Draws the popup: the field, and the lines around the chosen one. Each line is a head, which stays, and what follows it; the
    /// chosen one is shown whole, on several rows where it takes them.
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
        let inside = frame(title, PopupTone::Calm, (width, area.height), area, theme, buf);
        if inside.height < 3 {
            return None;
        }
        buf.set_string(inside.x, inside.y, "/", theme.style(StyleRole::Accent));
        let place = format!("{}/{}", (self.at + 1).min(self.found.len()), self.found.len());
        let place_width = u16::try_from(place.len()).unwrap_or(0);
        let right = inside.right().saturating_sub(place_width);
        buf.set_string(right, inside.y, place, theme.style(StyleRole::Muted));
        let room = inside.width.saturating_sub(3 + place_width);
        let field = Rect { x: inside.x + 2, width: room, height: 1, ..inside };
        let cursor = self.field.draw(field, true, theme, buf);
        let rows = usize::from(inside.height - 2);
        let whole = |(head, text): &(Span<'_>, Line<'_>)| {
            wrap_spans(&text.spans, columns.saturating_sub(head.width()))
        };
        let chosen = self.chosen().map_or_else(Vec::new, |at| whole(&lines[at]));
        let more = chosen.len().saturating_sub(1);
        let top =
            (self.at + more + 1).saturating_sub(rows).min((self.found.len() + more).saturating_sub(rows));
        let mut y = inside.y + 2;
        for (at, &line) in self.found.iter().enumerate().skip(top.min(self.at)) {
            let (head, text) = &lines[line];
            let x = inside.x + 2;
            let end = |x: u16| inside.right().saturating_sub(x);
            if y >= inside.bottom() {
                break;
            }
            let x = draw_line(buf, (x, y), end(x), &Line::from(head.clone()), Style::new(), theme);
            if at == self.at {
                buf.set_string(
                    inside.x,
                    y,
                    theme.symbol(ThemeSymbol::Selected),
                    theme.style(StyleRole::Selected),
                );
                for (row, line) in (y..inside.bottom()).zip(&chosen) {
                    draw_line(buf, (x, row), end(x), line, Style::new(), theme);
                    y = row;
                }
            } else {
                draw_line(buf, (x, y), end(x), text, Style::new(), theme);
            }
            y += 1;
        }
        if self.found.is_empty() {
            let room = usize::from(inside.width.saturating_sub(2));
            buf.set_stringn(inside.x + 2, y, "nothing found", room, theme.style(StyleRole::Muted));
        }
        cursor
    }
}
