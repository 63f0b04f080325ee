//! Popup that changes the name and the note of a key.

use crokey::KeyCombination;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Line;

use crate::domain::key::{self, Key};
use crate::domain::text;
use crate::tui::context::{Context, ReplyTo};
use crate::tui::form::{FormFocus, TextField};
use crate::tui::keymap::{Action, KeyContext, stack};
use crate::tui::msg::{ApiRequest, Reply, RequestError};
use crate::tui::popup::{Popup, PopupAction, PopupFrame, PopupTone, content_width, draw_frame, draw_lines};
use crate::tui::text_layout::{action_hints, wrap_paragraph};
use crate::tui::theme::StyleRole;
use crate::wire::keys::EditKey;

#[derive(Debug)]
pub struct EditPopup {
    /// Version of the key that the edit is based on; the server refuses the edit if the key has changed since then.
    key: Key,
    name: TextField,
    note: TextField,
    focus: FormFocus,
    sending: bool,
    error: Option<String>,
}

impl EditPopup {
    /// Creates the form with the key's current name and note.
    pub fn new(key: Key) -> Self {
        Self {
            name: TextField::with_text(&key.name),
            note: TextField::with_text(key.note.as_deref().unwrap_or_default()),
            focus: FormFocus::new(2),
            sending: false,
            error: None,
            key,
        }
    }

    fn submit(&mut self, context: &mut Context) -> PopupAction {
        if self.sending {
            return PopupAction::Stay;
        }
        let (name, note) =
            match (key::normalize_name(self.name.text()), key::normalize_note(self.note.text())) {
                (Ok(name), Ok(note)) => (name, note),
                (Err(why), _) => {
                    (self.focus.index, self.error) = (0, Some(format!("The name {why}.")));
                    return PopupAction::Stay;
                }
                (_, Err(why)) => {
                    (self.focus.index, self.error) = (1, Some(format!("The note {why}.")));
                    return PopupAction::Stay;
                }
            };
        let body = EditKey {
            name: (name != self.key.name).then_some(name),
            note: (note != self.key.note).then(|| note.unwrap_or_default()),
        };
        if body == EditKey::default() {
            return PopupAction::Close;
        }
        (self.sending, self.error) = (true, None);
        let (kind, id, version) = (self.key.kind, self.key.id, self.key.version);
        context.request(ReplyTo::Popup, ApiRequest::Edit { kind, id, version, body });
        PopupAction::Stay
    }
}

impl Popup for EditPopup {
    fn key_contexts(&self) -> &'static [KeyContext] {
        stack::TEXT
    }

    fn run_action(&mut self, context: &mut Context, action: Action) -> PopupAction {
        match action {
            Action::Submit => return self.submit(context),
            Action::NextField => self.focus.focus_next(),
            Action::PreviousField => self.focus.focus_previous(),
            Action::Cancel => return PopupAction::Close,
            _ => {}
        }
        PopupAction::Stay
    }

    fn handle_key(&mut self, _context: &mut Context, key: KeyCombination) -> PopupAction {
        let field = if self.focus.index == 0 { &mut self.name } else { &mut self.note };
        field.handle_key(key);
        PopupAction::Stay
    }

    fn paste(&mut self, _context: &mut Context, text: &str) {
        let field = if self.focus.index == 0 { &mut self.name } else { &mut self.note };
        field.paste(text);
    }

    fn apply_reply(&mut self, context: &mut Context, result: Result<Reply, RequestError>) -> PopupAction {
        self.sending = false;
        match result {
            Ok(Reply::Key(key)) => {
                context.apply_key(*key);
                context.notices.info(context.now, "Saved");
                return PopupAction::Close;
            }
            Ok(_) => {}
            Err(failure) => {
                context.record_failure(&failure);
                self.error = Some(failure.to_string());
                if let RequestError::Refused(problem) = failure
                    && let Some(key) = problem.key
                {
                    // Saving again will be based on the current version.
                    let note = key.note.as_deref().map_or_else(String::new, |n| format!(", note: {n}"));
                    self.error = Some(format!(
                        "Someone else has changed this key: its name is now {}{note}. Saving again overwrites their changes.",
                        key.name
                    ));
                    context.apply_key((*key).clone());
                    self.key = *key;
                }
            }
        }
        PopupAction::Stay
    }

    fn survives_sign_in(&self) -> bool {
        true
    }

    fn draw(&self, context: &Context, area: Rect, buf: &mut Buffer) -> PopupFrame {
        let theme = context.theme();
        let width = content_width(area, 58);
        let label = |at, text: &str| {
            let role = if self.focus.index == at { StyleRole::Accent } else { StyleRole::Muted };
            Line::styled(text.to_owned(), theme.style(role))
        };
        let mut body = vec![label(0, "Name"), label(1, "Note"), Line::default()];
        if let Some(why) = &self.error {
            body.extend(wrap_paragraph(
                &theme.text(&text::sanitize_line(why)),
                theme.style(StyleRole::Danger),
                usize::from(width),
            ));
            body.push(Line::default());
        }
        let verb = if self.sending { "saving" } else { "save" };
        body.push(action_hints(
            &[(Action::Submit, verb), (Action::NextField, "next field"), (Action::Cancel, "cancel")],
            context,
        ));
        let size = (width, u16::try_from(body.len()).unwrap_or(u16::MAX));
        let inside =
            draw_frame(&format!("Edit {}", self.key.masked), PopupTone::Calm, size, area, theme, buf);
        draw_lines(&body, inside, theme, buf);
        let place = |row: u16| Rect {
            x: inside.x + 6,
            y: inside.y + row,
            width: inside.width.saturating_sub(6),
            height: 1,
        };
        let focused = |at| self.focus.index == at && !self.sending;
        buf.set_style(inside, Style::new());
        let name = self.name.draw(place(0), focused(0), theme, buf);
        PopupFrame::from(name.or(self.note.draw(place(1), focused(1), theme, buf)))
    }
}
