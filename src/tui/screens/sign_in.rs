//! Popup that signs in again with a sign-in code after the session ended. The screens and a covered popup keep their state.

use std::sync::Arc;

use crokey::KeyCombination;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Line;

use crate::domain::secret::TokenKind;
use crate::domain::text;
use crate::tui::context::{Connection, Context, ReplyTo};
use crate::tui::form::TextField;
use crate::tui::keymap::{Action, KeyContext, stack};
use crate::tui::msg::{ApiRequest, Reply, RequestError};
use crate::tui::popup::{Popup, PopupAction, PopupFrame, PopupTone, content_width, draw_frame, draw_lines};
use crate::tui::text_layout::{action_hints, wrap_paragraph};
use crate::tui::theme::StyleRole;
use crate::wire::keys::SecretString;

#[derive(Debug)]
pub struct SignInPopup {
    code: TextField,
    sending: bool,
    error: Option<String>,
    under: Option<Box<dyn Popup>>,
}

impl SignInPopup {
    /// Creates the sign-in popup. When it closes, it reopens `under`, the popup that it covers, with everything that was typed
    /// there.
    pub fn over(under: Option<Box<dyn Popup>>) -> Self {
        Self { code: TextField::new_secret(), sending: false, error: None, under }
    }

    fn close(&mut self) -> PopupAction {
        self.under.take().map_or(PopupAction::Close, PopupAction::Open)
    }
}

impl Popup for SignInPopup {
    fn key_contexts(&self) -> &'static [KeyContext] {
        stack::TEXT
    }

    fn run_action(&mut self, context: &mut Context, action: Action) -> PopupAction {
        match action {
            Action::Submit if !self.sending => {
                let code = self.code.text().trim();
                if TokenKind::Code.digest(code).is_some() {
                    context.request(ReplyTo::Popup, ApiRequest::SignIn(Arc::new(SecretString::new(code))));
                    (self.sending, self.error) = (true, None);
                } else {
                    self.error = Some(
                        "That is not a sign-in code: paste the whole code, which begins with inv_."
                            .to_owned(),
                    );
                }
                self.code.clear();
            }
            Action::Cancel => return self.close(),
            _ => {}
        }
        PopupAction::Stay
    }

    fn handle_key(&mut self, _context: &mut Context, key: KeyCombination) -> PopupAction {
        self.code.handle_key(key);
        PopupAction::Stay
    }

    fn paste(&mut self, _context: &mut Context, text: &str) {
        self.code.paste(text);
    }

    fn apply_reply(&mut self, context: &mut Context, result: Result<Reply, RequestError>) -> PopupAction {
        self.sending = false;
        match result {
            Ok(Reply::Me(me)) => {
                context.connection = Connection::Connected;
                context.notices.info(context.now, format!("Signed in as {}", me.member.name));
                // Loads the member again, as at the start, because roles may have changed.
                context.request(ReplyTo::Me, ApiRequest::Me);
                self.close()
            }
            Ok(_) => PopupAction::Stay,
            Err(failure) => {
                self.error = Some(failure.to_string());
                PopupAction::Stay
            }
        }
    }

    fn draw(&self, context: &Context, area: Rect, buf: &mut Buffer) -> PopupFrame {
        let theme = context.theme();
        let width = content_width(area, 60);
        let columns = usize::from(width);
        let explanation = format!(
            "Paste a sign-in code. An admin can create one with `{}` on the Members tab, or run `keyward sessions code` on a \
             machine where you are signed in. Your work here is kept.",
            context.key_press(Action::Invite)
        );
        let mut body = wrap_paragraph(&theme.text(&explanation), Style::new(), columns);
        body.extend([Line::default(), Line::styled("Code", theme.style(StyleRole::Accent)), Line::default()]);
        let row = u16::try_from(body.len()).unwrap_or(0).saturating_sub(2);
        if let Some(why) = &self.error {
            body.extend(wrap_paragraph(
                &theme.text(&text::sanitize_line(why)),
                theme.style(StyleRole::Danger),
                columns,
            ));
            body.push(Line::default());
        }
        let verb = if self.sending { "signing in" } else { "sign in" };
        body.push(action_hints(&[(Action::Submit, verb), (Action::Cancel, "later")], context));
        let size = (width, u16::try_from(body.len()).unwrap_or(u16::MAX));
        let inside = draw_frame("Sign in again", PopupTone::Calm, size, area, theme, buf);
        draw_lines(&body, inside, theme, buf);
        let y = inside.y + row;
        let place = Rect { x: inside.x + 6, y, width: inside.width.saturating_sub(6), height: 1 };
        PopupFrame::from(self.code.draw(place, !self.sending && y < inside.bottom(), theme, buf))
    }
}
