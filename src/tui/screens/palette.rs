//! All commands by name, found fuzzily, each with its key.

use crokey::KeyCombination;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::list::{List, Search};
use crate::domain::text;
use crate::tui::app::Tables;
use crate::tui::keymap::{Action, Context, TABLE, stack};
use crate::tui::popup::{Cx, Popup, Then};
use crate::tui::shared::Shared;
use crate::tui::theme::Role;

/// A command that can be chosen here.
#[derive(Debug)]
struct Command {
    action: Action,
    does: &'static str,
    not: Option<String>,
}

/// The palette.
#[derive(Debug)]
pub struct State {
    commands: Vec<Command>,
    list: List,
}

/// Motions: of no use in a list of commands.
const LEFT_OUT: [Action; 12] = [
    Action::Down,
    Action::Up,
    Action::PageDown,
    Action::PageUp,
    Action::HalfDown,
    Action::HalfUp,
    Action::Palette,
    Action::Cancel,
    Action::NextField,
    Action::PreviousField,
    Action::Interrupt,
    Action::Submit,
];

impl State {
    /// The commands of these contexts; `available` says why one does not work now.
    pub fn new(contexts: &[Context], available: impl Fn(Action) -> Result<(), String>) -> Self {
        let rows = contexts.iter().flat_map(|&c| TABLE.iter().filter(move |row| row.context == c));
        let mut commands: Vec<Command> = rows
            .filter(|row| !LEFT_OUT.contains(&row.action))
            .map(|row| Command { action: row.action, does: row.help, not: available(row.action).err() })
            .collect();
        commands.sort_by_key(|command| command.not.is_some());
        let texts = commands.iter().map(|command| command.does.to_owned()).collect();
        Self { list: List::new(texts, Search::Letters), commands }
    }
}

impl Popup for State {
    fn contexts(&self) -> &'static [Context] {
        stack::LIST
    }

    fn act(&mut self, cx: &mut Cx<'_>, action: Action) -> Then {
        if self.list.act(action) {
            return Then::Stay;
        }
        match action {
            Action::Submit => match self.list.chosen().map(|at| &self.commands[at]) {
                Some(Command { not: Some(why), .. }) => {
                    cx.shared.notices.error(cx.shared.now, format!("Not now: {why}"));
                    Then::Stay
                }
                Some(command) => Then::Do(command.action),
                None => Then::Stay,
            },
            Action::Cancel => Then::Close,
            _ => Then::Stay,
        }
    }

    fn press(&mut self, _cx: &mut Cx<'_>, key: KeyCombination) -> Then {
        self.list.press(key);
        Then::Stay
    }

    fn paste(&mut self, _cx: &mut Cx<'_>, text: &str) {
        self.list.paste(text);
    }

    fn draw(&self, shared: &Shared, _tables: &Tables, area: Rect, buf: &mut Buffer) -> Option<(u16, u16)> {
        let theme = shared.theme();
        let keys: Vec<String> =
            self.commands.iter().map(|c| shared.start.keymap.key(c.action).unwrap_or_default()).collect();
        let wide = keys.iter().map(|key| text::width(key)).max().unwrap_or(0);
        let lines: Vec<(Span<'_>, Line<'_>)> = self
            .commands
            .iter()
            .zip(&keys)
            .map(|(command, key)| {
                let role = if command.not.is_some() { Role::Muted } else { Role::Plain };
                let pad = wide - text::width(key) + 2;
                let head = Span::styled(format!("{key}{}", " ".repeat(pad)), theme.style(Role::Key));
                let mut spans = vec![Span::styled(command.does, theme.style(role))];
                if let Some(why) = &command.not {
                    spans.push(Span::styled(format!("  ({why})"), theme.style(Role::Muted)));
                }
                (head, Line::from(spans))
            })
            .collect();
        self.list.draw("Commands", &lines, shared, area, buf)
    }
}
