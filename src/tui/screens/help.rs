//! Help popup: every bound key press, the symbols of the tables and the filter language, searchable by typing.

use crokey::KeyCombination;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::list::{ListSearch, SearchableList};
use crate::domain::filter::{FieldTest as _, KeyTest};
use crate::domain::text;
use crate::tui::context::Context;
use crate::tui::keymap::{Action, KeyContext, Keymap, TABLE, stack};
use crate::tui::popup::{Popup, PopupAction, PopupFrame};
use crate::tui::theme::{StyleRole, Theme, ThemeSymbol};

/// Row of the help.
#[derive(Debug)]
struct HelpEntry {
    /// Key press, symbol or filter term that is explained.
    left: String,
    /// Effect of the key press, or meaning of the symbol or term.
    right: String,
    /// Screen or popup to which the row applies.
    place: &'static str,
}

#[derive(Debug)]
pub struct HelpPopup {
    entries: Vec<HelpEntry>,
    list: SearchableList,
}

impl HelpPopup {
    /// Creates the help. The key presses of the contexts in `here` come first.
    pub fn new(keymap: &Keymap, here: &[KeyContext], theme: Theme) -> Self {
        let mut entries: Vec<HelpEntry> = Vec::new();
        let near = here.iter().flat_map(|&c| TABLE.iter().filter(move |row| row.context == c));
        let far = TABLE.iter().filter(|row| !here.contains(&row.context));
        for row in near.chain(far) {
            let keys = keymap.all_key_presses(row.action);
            if !keys.is_empty() {
                entries.push(HelpEntry {
                    left: keys,
                    right: row.help.to_owned(),
                    place: row.context.title(),
                });
            }
        }
        let symbols = [
            (ThemeSymbol::Selected, "the selected row"),
            (ThemeSymbol::Marked, "a marked row"),
            (ThemeSymbol::InUse, "in use: used within the last 24 hours"),
            (ThemeSymbol::Stale, "stale: never used, or not used for a long time"),
            (ThemeSymbol::Orphaned, "orphaned: its creator was removed"),
        ];
        entries.extend(symbols.map(|(symbol, means)| HelpEntry {
            left: theme.symbol(symbol).to_owned(),
            right: means.to_owned(),
            place: "in a table",
        }));
        let terms = [
            ("word", "rows that contain the word; all words must match"),
            ("\"two words\"", "rows that contain the phrase"),
            ("!word", "rows that do not contain the word"),
            ("~wrd", "rows that contain these letters in this order"),
        ];
        entries.extend(terms.map(|(left, right)| HelpEntry {
            left: left.to_owned(),
            right: right.to_owned(),
            place: "in the filter",
        }));
        entries.extend(KeyTest::FIELDS.iter().map(|field| HelpEntry {
            left: format!("{}:", field.name),
            right: format!("{}; {}", field.finds, field.values),
            place: "in the filter",
        }));
        let texts = entries.iter().map(|e| format!("{} {} {}", e.left, e.right, e.place)).collect();
        Self { list: SearchableList::new(texts, ListSearch::Words), entries }
    }
}

impl Popup for HelpPopup {
    fn key_contexts(&self) -> &'static [KeyContext] {
        stack::LIST
    }

    fn run_action(&mut self, _context: &mut Context, action: Action) -> PopupAction {
        if self.list.move_selection(action) {
            return PopupAction::Stay;
        }
        if matches!(action, Action::Cancel | Action::Submit) { PopupAction::Close } else { PopupAction::Stay }
    }

    fn handle_key(&mut self, _context: &mut Context, key: KeyCombination) -> PopupAction {
        self.list.handle_key(key);
        PopupAction::Stay
    }

    fn paste(&mut self, _context: &mut Context, text: &str) {
        self.list.paste(text);
    }

    /// Hides the key hint for `Submit`, which has no effect in the help.
    fn is_available(&self, _: &Context, action: Action) -> bool {
        action != Action::Submit
    }

    fn draw(&self, context: &Context, area: Rect, buf: &mut Buffer) -> PopupFrame {
        let theme = context.theme();
        let wide = self.entries.iter().map(|e| text::display_width(&e.left)).max().unwrap_or(0);
        let room = SearchableList::columns(area).saturating_sub(wide + 2);
        let lines: Vec<(Span<'_>, Line<'_>)> = self
            .entries
            .iter()
            .map(|entry| {
                let pad = wide - text::display_width(&entry.left) + 2;
                let head =
                    Span::styled(format!("{}{}", entry.left, " ".repeat(pad)), theme.style(StyleRole::Key));
                // The place is aligned right, if there is room for it.
                let gap = room
                    .saturating_sub(text::display_width(&entry.right) + text::display_width(entry.place))
                    .max(2);
                let text = Line::from(vec![
                    Span::raw(entry.right.as_str()),
                    Span::raw(" ".repeat(gap)),
                    Span::styled(entry.place, theme.style(StyleRole::Muted)),
                ]);
                (head, text)
            })
            .collect();
        PopupFrame::from(self.list.draw("Help", &lines, context, area, buf))
    }
}
