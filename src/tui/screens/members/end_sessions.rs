//! The popup that ends all sessions of a member.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Line;

use crate::tui::app::Tables;
use crate::tui::keymap::{Action, Context, stack};
use crate::tui::msg::Ask;
use crate::tui::popup::{Cx, Mood, Popup, Then, content_width, frame, lines};
use crate::tui::prose::{hints, paragraph};
use crate::tui::shared::{Owner, Shared};
use crate::wire::members::Member;

/// Ending a member's sessions.
#[derive(Debug)]
pub struct EndSessions {
    member: Member,
    shown: bool,
}

impl EndSessions {
    /// Of this member.
    pub fn new(member: Member) -> Self {
        Self { member, shown: false }
    }
}

impl Popup for EndSessions {
    fn contexts(&self) -> &'static [Context] {
        stack::CONFIRM
    }

    fn act(&mut self, cx: &mut Cx<'_>, action: Action) -> Then {
        match action {
            Action::Yes if self.shown => {
                cx.shared.ask(Owner::Notice, Ask::EndSessions(self.member.id));
                Then::Close
            }
            Action::Cancel | Action::Activate => Then::Close,
            _ => Then::Stay,
        }
    }

    fn shown(&mut self) {
        self.shown = true;
    }

    fn draw(&self, shared: &Shared, _: &Tables, area: Rect, buf: &mut Buffer) -> Option<(u16, u16)> {
        let theme = shared.theme();
        let columns = content_width(area, 58);
        let said = if shared.is_me(self.member.id) {
            "This is you: you are signed out everywhere, here too, and need a new sign-in code. Your keys go on working."
        } else {
            "They are signed out everywhere and need a new sign-in code. Their keys go on working."
        };
        let mut content = paragraph(said, Style::new(), usize::from(columns));
        content.push(Line::default());
        let (yes, esc) = (shared.key(Action::Yes), shared.key(Action::Cancel));
        content.push(hints(&[(&yes, "end all sessions"), (&esc, "back")], theme));
        let height = u16::try_from(content.len()).unwrap_or(4);
        let title = format!("End all sessions of {}", self.member.name);
        let inside = frame(&title, Mood::Danger, (columns, height), area, theme, buf);
        lines(&content, inside, theme, buf);
        None
    }
}
