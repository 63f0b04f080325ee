//! Menu popup: a few items, chosen by digit or by moving to one. Used to sort a table, to copy from a key, and to show the
//! commands that do the same as the UI.

use crokey::KeyCombination;
use crokey::crossterm::event::KeyCode;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use crate::domain::key::{Key, KeyKind};
use crate::domain::text;
use crate::tui::context::{Context, ReplyTo};
use crate::tui::keymap::{Action, KeyContext, stack};
use crate::tui::msg::Delivery;
use crate::tui::popup::{Popup, PopupAction, PopupFrame, PopupTone, content_width, draw_frame, draw_lines};
use crate::tui::table::{Table, TableColumn};
use crate::tui::text_layout::{action_hints, wrap_spans};
use crate::tui::theme::{StyleRole, ThemeSymbol};

/// What choosing a menu item does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MenuAction {
    /// Sorts the table of the current tab by the column with this index, or reverses the order if it is already sorted by that
    /// column.
    Sort(usize),
    /// Copies text to the terminal's clipboard.
    Copy(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MenuItem {
    pub label: String,
    /// Muted explanation to the right of the label.
    pub explanation: String,
    pub action: MenuAction,
}

#[derive(Debug)]
pub struct MenuPopup {
    title: String,
    /// Verb for the key hint of Enter, such as "sort".
    verb: &'static str,
    items: Vec<MenuItem>,
    selected: usize,
    /// Key press that opened the menu; pressing it again chooses the selected item.
    repeat_key: Option<char>,
}

impl MenuPopup {
    /// Creates a menu. `verb` is the key hint of Enter, such as "copy".
    pub fn new(title: impl Into<String>, verb: &'static str, items: Vec<MenuItem>) -> Self {
        Self { title: title.into(), verb, items, selected: 0, repeat_key: None }
    }

    /// Creates the sort menu of a table. Pressing the key that opened it again reverses the order.
    pub fn for_sorting<R>(context: &Context, columns: &[TableColumn<R>], table: &Table) -> Self {
        let theme = context.theme();
        let mut items = Vec::new();
        let mut at = 0;
        for (column, c) in columns.iter().enumerate().filter(|(_, c)| c.order.is_some()) {
            let sorted = column == table.sort_column;
            if sorted {
                at = items.len();
            }
            let symbol =
                theme.symbol(if table.descending { ThemeSymbol::Descending } else { ThemeSymbol::Ascending });
            items.push(MenuItem {
                label: c.title.to_owned(),
                explanation: if sorted { format!("{symbol} choose again to reverse") } else { String::new() },
                action: MenuAction::Sort(column),
            });
        }
        let repeat_key = context.key_press(Action::Sort).chars().next();
        Self { title: "Sort by".to_owned(), verb: "sort", items, selected: at, repeat_key }
    }

    /// Creates a menu with the values that can be copied from these keys.
    pub fn for_copying(keys: &[&Key]) -> Self {
        let joined = |of: &dyn Fn(&Key) -> String| keys.iter().map(|k| of(k)).collect::<Vec<_>>().join("\n");
        let json = |key: &Key| serde_json::to_string(key).unwrap_or_default();
        let title = match keys {
            [key] => format!("Copy from {}", key.name),
            _ => format!("Copy from {} keys", keys.len()),
        };
        let explanation = |text: String| if keys.len() == 1 { text } else { "one per line".to_owned() };
        let first = |of: &dyn Fn(&Key) -> String| keys.first().map_or_else(String::new, |k| of(k));
        let entry = |label: &str, of: &dyn Fn(&Key) -> String, explanation: String| MenuItem {
            label: label.to_owned(),
            explanation,
            action: MenuAction::Copy(joined(of)),
        };
        let items = vec![
            entry("Id", &|k| k.id.to_string(), explanation(first(&|k| k.id.to_string()))),
            entry("Name", &|k| k.name.clone(), explanation(first(&|k| k.name.clone()))),
            entry("Masked secret", &|k| k.masked.clone(), explanation(first(&|k| k.masked.clone()))),
            entry("Row as JSON", &json, explanation("all fields except the secret".to_owned())),
        ];
        Self::new(title, "copy", items)
    }

    /// Creates a menu with the commands that are equivalent to the UI's actions on this key, for the current profile.
    pub fn for_commands(context: &Context, in_review: bool, key: &Key) -> Self {
        let program = match context.start.profile.as_str() {
            "" => "keyward".to_owned(),
            profile => format!("keyward --profile {}", shell_quote(profile)),
        };
        let workspace = if key.kind == KeyKind::Organization { " --workspace" } else { "" };
        let id = key.id;
        let mut items = Vec::new();
        let mut add = |label: &str, command: String| {
            let command = format!("{program} {command}");
            items.push(MenuItem {
                label: label.to_owned(),
                explanation: command.clone(),
                action: MenuAction::Copy(command),
            });
        };
        add("Details", format!("keys show {id}{workspace}"));
        if key.revoked_at.is_none() {
            if in_review {
                add("Keep", format!("review keep {id}"));
            }
            add("Revoke", format!("keys revoke {id}{workspace}"));
            let old = key.replaces.and_then(|old| context.keys(key.kind).get(old));
            let replaces = old.is_some_and(|old| old.revoked_at.is_none());
            if key.replaced_by.is_some() || replaces {
                add("Rotation", format!("rotate status {id}"));
                add("Finish", format!("rotate finish {id}"));
            } else {
                add("Rotate", format!("rotate start {id}"));
            }
            // The current name, to be edited on the command line; running the command unchanged does nothing.
            add("Edit", format!("keys edit {id}{workspace} --name={}", shell_quote(&key.name)));
        }
        if in_review {
            add("Queue", "review list".to_owned());
        } else {
            add("List", format!("keys list{workspace}"));
        }
        Self::new("Equivalent commands", "copy", items)
    }

    fn choose_selected(&mut self, context: &mut Context) -> PopupAction {
        let Some(entry) = self.items.get(self.selected) else { return PopupAction::Close };
        match &entry.action {
            MenuAction::Sort(column) => return PopupAction::Sort(*column),
            MenuAction::Copy(text) => {
                context.deliver(ReplyTo::Notice, Delivery::Copy(text.clone()));
            }
        }
        PopupAction::Close
    }
}

/// Quotes a word for a POSIX shell if necessary.
fn shell_quote(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@%+=,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", text::sanitize_line(word).replace('\'', r"'\''"))
}

impl Popup for MenuPopup {
    fn key_contexts(&self) -> &'static [KeyContext] {
        stack::POPUP
    }

    fn run_action(&mut self, context: &mut Context, action: Action) -> PopupAction {
        match action {
            Action::Activate => return self.choose_selected(context),
            Action::ScrollDown => self.selected = (self.selected + 1).min(self.items.len().saturating_sub(1)),
            Action::ScrollUp => self.selected = self.selected.saturating_sub(1),
            Action::Cancel => return PopupAction::Close,
            _ => {}
        }
        PopupAction::Stay
    }

    fn handle_key(&mut self, context: &mut Context, key: KeyCombination) -> PopupAction {
        let KeyCode::Char(c) = *key.codes.first() else { return PopupAction::Stay };
        if Some(c) == self.repeat_key {
            return self.choose_selected(context);
        }
        match c.to_digit(10).and_then(|d| usize::try_from(d).ok()) {
            Some(digit) if (1..=self.items.len()).contains(&digit) => {
                self.selected = digit - 1;
                self.choose_selected(context)
            }
            _ => PopupAction::Stay,
        }
    }

    fn draw(&self, context: &Context, area: Rect, buf: &mut Buffer) -> PopupFrame {
        let theme = context.theme();
        let width = content_width(area, 72);
        let wide = self.items.iter().map(|e| text::display_width(&e.label)).max().unwrap_or(0);
        let mut body = Vec::new();
        let mut chosen = 0..0;
        let room = usize::from(width).saturating_sub(wide + 6).max(8);
        let whole = |entry: &MenuItem| {
            let explanation = Span::styled(theme.text(&entry.explanation), theme.style(StyleRole::Muted));
            wrap_spans(&[explanation], room)
        };
        let rows = self.items.iter().map(|entry| whole(entry).len()).max().unwrap_or(1);
        for (at, entry) in self.items.iter().enumerate() {
            let (marker, style) = if at == self.selected {
                (theme.symbol(ThemeSymbol::Selected), theme.style(StyleRole::Accent))
            } else {
                (" ", Style::new())
            };
            let pad = " ".repeat(wide - text::display_width(&entry.label) + 2);
            let mut line = Line::from(vec![
                Span::styled(format!("{marker} {} ", at + 1), style),
                Span::styled(entry.label.clone(), style),
                Span::raw(pad),
            ]);
            if at != self.selected {
                line.push_span(Span::styled(entry.explanation.clone(), theme.style(StyleRole::Muted)));
                body.push(line);
                continue;
            }
            // The text of the selected item is wrapped instead of cut.
            chosen.start = body.len();
            for row in whole(entry) {
                line.extend(row);
                body.push(std::mem::replace(&mut line, Line::raw(" ".repeat(wide + 6))));
            }
            chosen.end = body.len();
        }
        // In a low window, show the lines around the selected item; else keep the popup's height while the selection moves.
        let fitting = usize::from(area.height.saturating_sub(4));
        if self.items.len() + rows - 1 > fitting {
            let top = chosen.end.saturating_sub(fitting).min(chosen.start);
            body = body.into_iter().skip(top).take(fitting).collect();
        } else {
            body.resize(self.items.len() + rows - 1, Line::default());
        }
        body.push(Line::default());
        body.push(action_hints(&[(Action::Activate, self.verb), (Action::Cancel, "back")], context));
        let needed =
            body.iter().map(Line::width).max().unwrap_or(0).max(text::display_width(&self.title) + 2);
        let size = (
            u16::try_from(needed).unwrap_or(width).min(width),
            u16::try_from(body.len()).unwrap_or(u16::MAX),
        );
        let inside = draw_frame(&self.title, PopupTone::Calm, size, area, theme, buf);
        draw_lines(&body, inside, theme, buf);
        PopupFrame::default()
    }
}
