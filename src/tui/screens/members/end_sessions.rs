//! The popup that ends all sessions of a member.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Line;

use crate::tui::context::{Context, ReplyTo};
use crate::tui::keymap::{Action, KeyContext, stack};
use crate::tui::msg::ApiRequest;
use crate::tui::popup::{Popup, PopupAction, PopupFrame, PopupTone, content_width, frame, lines};
use crate::tui::text_layout::{key_hints, wrap_paragraph};
use crate::wire::members::Member;

/// Ending a member's sessions.
#[derive(Debug)]
pub struct EndSessionsPopup {
    member: Member,
    shown: bool,
}

impl EndSessionsPopup {
    /// Of this member.
    pub fn new(member: Member) -> Self {
        Self { member, shown: false }
    }
}

impl Popup for EndSessionsPopup {
    fn key_contexts(&self) -> &'static [KeyContext] {
        stack::CONFIRM
    }

    fn act(&mut self, context: &mut Context, action: Action) -> PopupAction {
        match action {
            Action::Yes if self.shown => {
                context.request(ReplyTo::Notice, ApiRequest::EndSessions(self.member.id));
                PopupAction::Close
            }
            Action::Cancel | Action::Activate => PopupAction::Close,
            _ => PopupAction::Stay,
        }
    }

    fn shown(&mut self) {
        self.shown = true;
    }

    fn draw(&self, context: &Context, area: Rect, buf: &mut Buffer) -> PopupFrame {
        let theme = context.theme();
        let columns = content_width(area, 58);
        let said = if context.is_me(self.member.id) {
            "This is you: you are signed out everywhere, here too, and need a new sign-in code. Your keys go on working."
        } else {
            "They are signed out everywhere and need a new sign-in code. Their keys go on working."
        };
        let mut body = wrap_paragraph(said, Style::new(), usize::from(columns));
        body.push(Line::default());
        let (yes, esc) = (context.key_press(Action::Yes), context.key_press(Action::Cancel));
        body.push(key_hints(&[(&yes, "end all sessions"), (&esc, "back")], theme));
        let height = u16::try_from(body.len()).unwrap_or(4);
        let title = format!("End all sessions of {}", self.member.name);
        let inside = frame(&title, PopupTone::Danger, (columns, height), area, theme, buf);
        lines(&body, inside, theme, buf);
        PopupFrame::default()
    }
}
