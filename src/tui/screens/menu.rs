//! A menu: a few choices, one chosen by its digit or by moving to it. Sorts, copies, and gives commands.

use crokey::KeyCombination;
use crokey::crossterm::event::KeyCode;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use crate::domain::key::{Key, KeyKind};
use crate::domain::text;
use crate::tui::app::{Tab, Tables};
use crate::tui::context::{Context, ReplyTo};
use crate::tui::keymap::{Action, KeyContext, stack};
use crate::tui::msg::Delivery;
use crate::tui::popup::{Popup, PopupAction, PopupContext, PopupTone, content_width, frame, lines};
use crate::tui::screens::members;
use crate::tui::table::{Table, TableColumn};
use crate::tui::text_layout::{key_hints, wrap_spans};
use crate::tui::theme::{StyleRole, ThemeSymbol};

/// What a choice does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MenuAction {
    /// Sorts the table of this kind by a column; the other way round where it is that column already.
    Sort(KeyKind, usize),
    /// The same for the members.
    SortMembers(usize),
    /// Copies a text by way of the terminal.
    Copy(String),
    /// Does what an action does on the screen below.
    Do(Action),
}

/// One line of a menu.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MenuItem {
    /// What it is called.
    pub label: String,
    /// What stands beside it, muted.
    pub aside: String,
    /// What it does.
    pub choice: MenuAction,
}

/// A menu.
#[derive(Debug)]
pub struct MenuPopup {
    title: String,
    does: &'static str,
    entries: Vec<MenuItem>,
    at: usize,
    again: Option<char>,
}

impl MenuPopup {
    /// A menu; `does` is what Enter does.
    pub fn new(title: impl Into<String>, does: &'static str, entries: Vec<MenuItem>) -> Self {
        Self { title: title.into(), does, entries, at: 0, again: None }
    }

    /// The sort menu of a table of keys. The key that opened it turns the order around.
    pub fn sort(context: &Context, tables: &Tables, kind: KeyKind) -> Self {
        let table = tables.of(kind);
        Self::of_columns(context, table.columns(), &table.table, |column| MenuAction::Sort(kind, column))
    }

    /// The sort menu of the members.
    pub fn sort_members(context: &Context, tables: &Tables) -> Self {
        Self::of_columns(context, members::COLUMNS, &tables.members.table, MenuAction::SortMembers)
    }

    fn of_columns<R>(
        context: &Context,
        columns: &[TableColumn<R>],
        table: &Table,
        choice: impl Fn(usize) -> MenuAction,
    ) -> Self {
        let theme = context.theme();
        let mut entries = Vec::new();
        let mut at = 0;
        for (column, c) in columns.iter().enumerate().filter(|(_, c)| c.order.is_some()) {
            let sorted = column == table.sort_column;
            if sorted {
                at = entries.len();
            }
            let symbol =
                theme.symbol(if table.descending { ThemeSymbol::Descending } else { ThemeSymbol::Ascending });
            entries.push(MenuItem {
                label: c.title.to_owned(),
                aside: if sorted { format!("{symbol} again turns it around") } else { String::new() },
                choice: choice(column),
            });
        }
        let again = context.key_press(Action::Sort).chars().next();
        Self { title: "Sort by".to_owned(), does: "sort", entries, at, again }
    }

    /// What can be copied of a key, or of the marked ones.
    pub fn copy(keys: &[&Key]) -> Self {
        let joined = |of: &dyn Fn(&Key) -> String| keys.iter().map(|k| of(k)).collect::<Vec<_>>().join("\n");
        let json = |key: &Key| serde_json::to_string(key).unwrap_or_default();
        let title = match keys {
            [key] => format!("Copy of {}", key.name),
            _ => format!("Copy of {} keys", keys.len()),
        };
        let aside = |text: String| if keys.len() == 1 { text } else { "one a line".to_owned() };
        let first = |of: &dyn Fn(&Key) -> String| keys.first().map_or_else(String::new, |k| of(k));
        let entry = |label: &str, of: &dyn Fn(&Key) -> String, aside: String| MenuItem {
            label: label.to_owned(),
            aside,
            choice: MenuAction::Copy(joined(of)),
        };
        let entries = vec![
            entry("Id", &|k| k.id.to_string(), aside(first(&|k| k.id.to_string()))),
            entry("Name", &|k| k.name.clone(), aside(first(&|k| k.name.clone()))),
            entry("Mask", &|k| k.masked.clone(), aside(first(&|k| k.masked.clone()))),
            entry("Row as JSON", &json, aside("all facts, never the secret".to_owned())),
        ];
        Self::new(title, "copy", entries)
    }

    /// The commands that do the same as the keys here, for this key, on this profile.
    pub fn commands(context: &Context, tables: &Tables, tab: Tab, key: &Key) -> Self {
        let program = match context.start.profile.as_str() {
            "" => "keyward".to_owned(),
            profile => format!("keyward --profile {}", quoted(profile)),
        };
        let workspace = if key.kind == KeyKind::Organization { " --workspace" } else { "" };
        let id = key.id;
        let mut entries = Vec::new();
        let mut add = |label: &str, command: String| {
            let command = format!("{program} {command}");
            entries.push(MenuItem {
                label: label.to_owned(),
                aside: command.clone(),
                choice: MenuAction::Copy(command),
            });
        };
        add("Details", format!("keys show {id}{workspace}"));
        if key.revoked_at.is_none() {
            if tab == Tab::Review {
                add("Keep", format!("review keep {id}"));
            }
            add("Revoke", format!("keys revoke {id}{workspace}"));
            let old = key.replaces.and_then(|old| tables.of(key.kind).key_list.get(old));
            let replaces = old.is_some_and(|old| old.revoked_at.is_none());
            if key.replaced_by.is_some() || replaces {
                add("Rotation", format!("rotate status {id}"));
                add("Finish", format!("rotate finish {id}"));
            } else {
                add("Rotate", format!("rotate start {id}"));
            }
            // The name as it is: to be changed on the command line, and harmless before that.
            add("Edit", format!("keys edit {id}{workspace} --name={}", quoted(&key.name)));
        }
        match tab {
            Tab::Review => add("Queue", "review list".to_owned()),
            _ => add("List", format!("keys list{workspace}")),
        }
        Self::new("The same as a command", "copy", entries)
    }

    fn choose(&mut self, cx: &mut PopupContext<'_>) -> PopupAction {
        let Some(entry) = self.entries.get(self.at) else { return PopupAction::Close };
        match &entry.choice {
            MenuAction::Sort(kind, column) => cx.tables.of_mut(*kind).sort_by(cx.context, *column),
            MenuAction::SortMembers(column) => cx.tables.members.sort_by(cx.context, *column),
            MenuAction::Copy(text) => {
                cx.context.deliver(ReplyTo::Notice, Delivery::Copy(text.clone()));
            }
            MenuAction::Do(action) => return PopupAction::Act(*action),
        }
        PopupAction::Close
    }
}

/// A word that a POSIX shell takes as it is.
fn quoted(word: &str) -> String {
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

    fn act(&mut self, cx: &mut PopupContext<'_>, action: Action) -> PopupAction {
        match action {
            Action::Activate => return self.choose(cx),
            Action::ScrollDown => self.at = (self.at + 1).min(self.entries.len().saturating_sub(1)),
            Action::ScrollUp => self.at = self.at.saturating_sub(1),
            Action::Cancel => return PopupAction::Close,
            _ => {}
        }
        PopupAction::Stay
    }

    fn press(&mut self, cx: &mut PopupContext<'_>, key: KeyCombination) -> PopupAction {
        let KeyCode::Char(c) = *key.codes.first() else { return PopupAction::Stay };
        if Some(c) == self.again {
            return self.choose(cx);
        }
        match c.to_digit(10).and_then(|d| usize::try_from(d).ok()) {
            Some(digit) if (1..=self.entries.len()).contains(&digit) => {
                self.at = digit - 1;
                self.choose(cx)
            }
            _ => PopupAction::Stay,
        }
    }

    fn draw(&self, context: &Context, _tables: &Tables, area: Rect, buf: &mut Buffer) -> Option<(u16, u16)> {
        let theme = context.theme();
        let width = content_width(area, 72);
        let wide = self.entries.iter().map(|e| text::display_width(&e.label)).max().unwrap_or(0);
        let mut body = Vec::new();
        let mut chosen = 0..0;
        let room = usize::from(width).saturating_sub(wide + 6).max(8);
        let whole = |entry: &MenuItem| {
            let aside = Span::styled(theme.text(&entry.aside), theme.style(StyleRole::Muted));
            wrap_spans(&[aside], room)
        };
        let rows = self.entries.iter().map(|entry| whole(entry).len()).max().unwrap_or(1);
        for (at, entry) in self.entries.iter().enumerate() {
            let (marker, style) = if at == self.at {
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
            if at != self.at {
                line.push_span(Span::styled(entry.aside.clone(), theme.style(StyleRole::Muted)));
                body.push(line);
                continue;
            }
            // The chosen one is shown whole.
            chosen.start = body.len();
            for row in whole(entry) {
                line.extend(row);
                body.push(std::mem::replace(&mut line, Line::raw(" ".repeat(wide + 6))));
            }
            chosen.end = body.len();
        }
        // In a low window, the lines around the chosen one; else the frame stays where it is while one moves.
        let fitting = usize::from(area.height.saturating_sub(4));
        if self.entries.len() + rows - 1 > fitting {
            let top = chosen.end.saturating_sub(fitting).min(chosen.start);
            body = body.into_iter().skip(top).take(fitting).collect();
        } else {
            body.resize(self.entries.len() + rows - 1, Line::default());
        }
        body.push(Line::default());
        let (enter, esc) = (context.key_press(Action::Activate), context.key_press(Action::Cancel));
        body.push(key_hints(&[(&enter, self.does), (&esc, "back")], theme));
        let needed =
            body.iter().map(Line::width).max().unwrap_or(0).max(text::display_width(&self.title) + 2);
        let size = (
            u16::try_from(needed).unwrap_or(width).min(width),
            u16::try_from(body.len()).unwrap_or(u16::MAX),
        );
        let inside = frame(&self.title, PopupTone::Calm, size, area, theme, buf);
        lines(&body, inside, theme, buf);
        None
    }
}
