//! Popup with earlier messages, the latest first, searchable by typing.

use crokey::KeyCombination;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::list::{ListSearch, SearchableList};
use crate::domain::time::{TimeDelta, format_duration};
use crate::tui::context::Context;
use crate::tui::keymap::{Action, KeyContext, stack};
use crate::tui::notice::Notice;
use crate::tui::popup::{Popup, PopupAction, PopupFrame};
use crate::tui::theme::StyleRole;

/// Popup with the messages that were retained when it was opened.
#[derive(Debug)]
pub struct MessagesPopup {
    notices: Vec<Notice>,
    list: SearchableList,
}

impl MessagesPopup {
    /// Creates the popup with every retained message.
    pub fn new(context: &Context) -> Self {
        let notices: Vec<Notice> = context.notices.history().cloned().collect();
        let texts = notices.iter().map(|notice| notice.text.clone()).collect();
        Self { list: SearchableList::new(texts, ListSearch::Words), notices }
    }
}

impl Popup for MessagesPopup {
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

    /// Hides the key hint for `Submit`, which has no effect here.
    fn is_available(&self, _: &Context, action: Action) -> bool {
        action != Action::Submit
    }

    fn draw(&self, context: &Context, area: Rect, buf: &mut Buffer) -> PopupFrame {
        let theme = context.theme();
        let lines: Vec<(Span<'_>, Line<'_>)> = self
            .notices
            .iter()
            .map(|notice| {
                let ago = format_duration(
                    TimeDelta::from_std(context.now.since(notice.at)).unwrap_or(TimeDelta::MAX),
                );
                let role = if notice.error { StyleRole::Danger } else { StyleRole::Plain };
                let head =
                    Span::styled(format!("{:>10}  ", format!("{ago} ago")), theme.style(StyleRole::Muted));
                (head, Line::from(Span::styled(notice.text.as_str(), theme.style(role))))
            })
            .collect();
        PopupFrame::from(self.list.draw("Messages", &lines, context, area, buf))
    }
}
