//! Command palette: the actions that apply on the current tab, with their key presses, found by fuzzy search.

use crokey::KeyCombination;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::list::{ListSearch, SearchableList};
use crate::domain::text;
use crate::tui::context::Context;
use crate::tui::keymap::{Action, KeyContext, TABLE, stack};
use crate::tui::popup::{Popup, PopupAction, PopupFrame};
use crate::tui::theme::StyleRole;

/// Row of the command palette.
#[derive(Debug)]
struct PaletteCommand {
    action: Action,
    description: &'static str,
    /// Why the action is unavailable now; `None` if it is available.
    unavailable: Option<String>,
}

#[derive(Debug)]
pub struct PalettePopup {
    commands: Vec<PaletteCommand>,
    list: SearchableList,
}

/// Actions that are not offered as commands: moving the selection, and closing or submitting a popup.
const OMITTED_ACTIONS: [Action; 12] = [
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

impl PalettePopup {
    /// Creates the palette with the actions in `key_contexts`. `available` checks whether an action is available now, and
    /// returns the reason if not.
    pub fn new(key_contexts: &[KeyContext], available: impl Fn(Action) -> Result<(), String>) -> Self {
        let rows = key_contexts.iter().flat_map(|&c| TABLE.iter().filter(move |row| row.context == c));
        let mut commands: Vec<PaletteCommand> = rows
            .filter(|row| !OMITTED_ACTIONS.contains(&row.action))
            .map(|row| PaletteCommand {
                action: row.action,
                description: row.help,
                unavailable: available(row.action).err(),
            })
            .collect();
        commands.sort_by_key(|command| command.unavailable.is_some());
        let texts = commands.iter().map(|command| command.description.to_owned()).collect();
        Self { list: SearchableList::new(texts, ListSearch::Fuzzy), commands }
    }
}

impl Popup for PalettePopup {
    fn key_contexts(&self) -> &'static [KeyContext] {
        stack::LIST
    }

    fn run_action(&mut self, context: &mut Context, action: Action) -> PopupAction {
        if self.list.move_selection(action) {
            return PopupAction::Stay;
        }
        match action {
            Action::Submit => match self.list.selected().map(|at| &self.commands[at]) {
                Some(PaletteCommand { unavailable: Some(why), .. }) => {
                    context.notices.error(context.now, format!("Not available: {why}"));
                    PopupAction::Stay
                }
                Some(command) => PopupAction::Run(command.action),
                None => PopupAction::Stay,
            },
            Action::Cancel => PopupAction::Close,
            _ => PopupAction::Stay,
        }
    }

    fn handle_key(&mut self, _context: &mut Context, key: KeyCombination) -> PopupAction {
        self.list.handle_key(key);
        PopupAction::Stay
    }

    fn paste(&mut self, _context: &mut Context, text: &str) {
        self.list.paste(text);
    }

    fn draw(&self, context: &Context, area: Rect, buf: &mut Buffer) -> PopupFrame {
        let theme = context.theme();
        let keys: Vec<String> = self
            .commands
            .iter()
            .map(|c| context.start.keymap.key_press(c.action).unwrap_or_default())
            .collect();
        let wide = keys.iter().map(|key| text::display_width(key)).max().unwrap_or(0);
        let lines: Vec<(Span<'_>, Line<'_>)> = self
            .commands
            .iter()
            .zip(&keys)
            .map(|(command, key)| {
                let role = if command.unavailable.is_some() { StyleRole::Muted } else { StyleRole::Plain };
                let pad = wide - text::display_width(key) + 2;
                let head = Span::styled(format!("{key}{}", " ".repeat(pad)), theme.style(StyleRole::Key));
                let mut spans = vec![Span::styled(command.description, theme.style(role))];
                if let Some(why) = &command.unavailable {
                    spans.push(Span::styled(format!("  ({why})"), theme.style(StyleRole::Muted)));
                }
                (head, Line::from(spans))
            })
            .collect();
        PopupFrame::from(self.list.draw("Commands", &lines, context, area, buf))
    }
}
