//! Popup that ends all of a member's sessions.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Line;

use crate::tui::context::{Context, ReplyTo};
use crate::tui::keymap::{Action, KeyContext, stack};
use crate::tui::msg::ApiRequest;
use crate::tui::popup::{Popup, PopupAction, PopupFrame, PopupTone, content_width, draw_frame, draw_lines};
use crate::tui::text_layout::{action_hints, wrap_paragraph};
use crate::wire::members::Member;

#[derive(Debug)]
pub struct EndSessionsPopup {
    member: Member,
    shown: bool,
}

impl EndSessionsPopup {
    pub fn new(member: Member) -> Self {
        Self { member, shown: false }
    }
}

impl Popup for EndSessionsPopup {
    fn key_contexts(&self) -> &'static [KeyContext] {
        stack::CONFIRM
    }

    fn run_action(&mut self, context: &mut Context, action: Action) -> PopupAction {
        match action {
            Action::Yes if self.shown => {
                context.request(ReplyTo::Notice, ApiRequest::EndSessions(self.member.id));
                PopupAction::Close
            }
            Action::Cancel | Action::Activate => PopupAction::Close,
            _ => PopupAction::Stay,
        }
    }

    fn mark_shown(&mut self) {
        self.shown = true;
    }

    fn draw(&self, context: &Context, area: Rect, buf: &mut Buffer) -> PopupFrame {
        let theme = context.theme();
        let columns = content_width(area, 58);
        let message = if context.is_me(self.member.id) {
            "This is you. You will be signed out everywhere, including here, and will need a new sign-in code. Your keys keep working."
        } else {
            "They will be signed out everywhere and will need a new sign-in code. Their keys keep working."
        };
        let mut body = wrap_paragraph(message, Style::new(), usize::from(columns));
        body.push(Line::default());
        body.push(action_hints(&[(Action::Yes, "end all sessions"), (Action::Cancel, "back")], context));
        let height = u16::try_from(body.len()).unwrap_or(4);
        let title = format!("End {}'s sessions", self.member.name);
        let inside = draw_frame(&title, PopupTone::Danger, (columns, height), area, theme, buf);
        draw_lines(&body, inside, theme, buf);
        PopupFrame::default()
    }
}
