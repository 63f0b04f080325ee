//! A list that is filtered by typing: what palette, help and messages have in common.

use crokey::KeyCombination;
use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Line;

use crate::tui::form::Field;
use crate::tui::keymap::Action;
use crate::tui::popup::{Mood, frame};
use crate::tui::shared::Shared;
use crate::tui::table::put;
use crate::tui::theme::{Role, Symbol};

/// What was typed, and where one is among what it found.
#[derive(Debug, Default)]
pub struct List {
    /// What was typed.
    pub field: Field,
    /// The chosen line among those found.
    pub at: usize,
    found: Vec<usize>,
}

impl List {
    /// All of so many lines.
    pub fn all(lines: usize) -> Self {
        Self { found: (0..lines).collect(), ..Self::default() }
    }

    /// The lines found, the best first.
    pub fn found(&self) -> &[usize] {
        &self.found
    }

    /// The chosen line.
    pub fn chosen(&self) -> Option<usize> {
        self.found.get(self.at).copied()
    }

    /// Finds the lines that hold what was typed, fuzzily. `ranked`: the best first; else in their own order.
    pub fn search(&mut self, texts: &[String], ranked: bool) {
        let pattern = Pattern::parse(self.field.text(), CaseMatching::Ignore, Normalization::Smart);
        let mut matcher = Matcher::new(Config::DEFAULT);
        let mut chars = Vec::new();
        let mut found: Vec<(u32, usize)> = texts
            .iter()
            .enumerate()
            .filter_map(|(at, text)| {
                pattern.score(Utf32Str::new(text, &mut chars), &mut matcher).map(|score| (score, at))
            })
            .collect();
        if ranked {
            found.sort_by_key(|&(score, at)| (std::cmp::Reverse(score), at));
        }
        self.found = found.into_iter().map(|(_, at)| at).collect();
        self.at = 0;
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

    /// Types; says whether the text may have changed.
    pub fn press(&mut self, key: KeyCombination) -> bool {
        self.field.press(key)
    }

    /// Draws the popup: the field, and the lines around the chosen one. Headings of the lines are the caller's affair.
    pub fn draw(
        &self,
        title: &str,
        lines: &[Line<'_>],
        shared: &Shared,
        area: Rect,
        buf: &mut Buffer,
    ) -> Option<(u16, u16)> {
        let theme = shared.theme();
        let width = area.width.saturating_sub(8).clamp(32, 84);
        let inside = frame(title, Mood::Calm, (width, area.height), area, theme, buf);
        if inside.height < 3 {
            return None;
        }
        buf.set_string(inside.x, inside.y, "/", theme.style(Role::Accent));
        let field = Rect { x: inside.x + 2, width: inside.width.saturating_sub(2), height: 1, ..inside };
        let cursor = self.field.draw(field, true, theme, buf);
        let rows = usize::from(inside.height - 2);
        let top = self.at.saturating_sub(rows.saturating_sub(1)).min(self.found.len().saturating_sub(rows));
        for (row, (at, line)) in self.found.iter().enumerate().skip(top).take(rows).enumerate() {
            let y = inside.y + 2 + u16::try_from(row).unwrap_or(0);
            if at == self.at {
                buf.set_string(inside.x, y, theme.symbol(Symbol::Selected), theme.style(Role::Selected));
            }
            put(buf, (inside.x + 2, y), inside.width.saturating_sub(2), &lines[*line], Style::new(), theme);
        }
        if self.found.is_empty() {
            let y = inside.y + 2;
            buf.set_stringn(inside.x + 2, y, "nothing found", rows, theme.style(Role::Muted));
        }
        cursor
    }
}
