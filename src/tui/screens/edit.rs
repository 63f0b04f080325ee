//! The popup that changes a key's name and note.

use crokey::KeyCombination;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Line;

use crate::domain::key::{self, Key};
use crate::domain::text;
use crate::tui::app::Tables;
use crate::tui::form::{Field, Form};
use crate::tui::keymap::{Action, Context, stack};
use crate::tui::msg::{Ask, Failure, Reply};
use crate::tui::popup::{Cx, Mood, Popup, Then, content_width, frame, lines};
use crate::tui::prose::{hints, paragraph};
use crate::tui::shared::{Owner, Shared};
use crate::tui::theme::Role;
use crate::wire::keys::EditKey;

/// The key as it was, and what was typed.
#[derive(Debug)]
pub struct State {
    key: Key,
    name: Field,
    note: Field,
    focus: Form,
    sending: bool,
    failed: Option<String>,
}

impl State {
    /// For a key.
    pub fn new(key: Key) -> Self {
        Self {
            name: Field::with(&key.name),
            note: Field::with(key.note.as_deref().unwrap_or_default()),
            focus: Form::new(2),
            sending: false,
            failed: None,
            key,
        }
    }

    fn submit(&mut self, shared: &mut Shared) -> Then {
        if self.sending {
            return Then::Stay;
        }
        let (name, note) = match (key::name(self.name.text()), key::note(self.note.text())) {
            (Ok(name), Ok(note)) => (name, note),
            (Err(why), _) => {
                (self.focus.at, self.failed) = (0, Some(format!("The name {why}.")));
                return Then::Stay;
            }
            (_, Err(why)) => {
                (self.focus.at, self.failed) = (1, Some(format!("The note {why}.")));
                return Then::Stay;
            }
        };
        let body = EditKey {
            name: (name != self.key.name).then_some(name),
            note: (note != self.key.note).then(|| note.unwrap_or_default()),
        };
        if body == EditKey::default() {
            return Then::Close;
        }
        (self.sending, self.failed) = (true, None);
        let (kind, id, version) = (self.key.kind, self.key.id, self.key.version);
        shared.ask(Owner::Overlay, Ask::Edit { kind, id, version, body });
        Then::Stay
    }
}

impl Popup for State {
    fn contexts(&self) -> &'static [Context] {
        stack::TEXT
    }

    fn act(&mut self, cx: &mut Cx<'_>, action: Action) -> Then {
        match action {
            Action::Submit => return self.submit(cx.shared),
            Action::NextField => self.focus.next(),
            Action::PreviousField => self.focus.previous(),
            Action::Cancel => return Then::Close,
            _ => {}
        }
        Then::Stay
    }

    fn press(&mut self, _cx: &mut Cx<'_>, key: KeyCombination) -> Then {
        let field = if self.focus.at == 0 { &mut self.name } else { &mut self.note };
        field.press(key);
        Then::Stay
    }

    fn paste(&mut self, _cx: &mut Cx<'_>, text: &str) {
        let field = if self.focus.at == 0 { &mut self.name } else { &mut self.note };
        field.paste(text);
    }

    fn reply(&mut self, cx: &mut Cx<'_>, result: Result<Reply, Failure>) -> Then {
        self.sending = false;
        match result {
            Ok(Reply::Key(key)) => {
                cx.tables.heard_key(cx.shared, *key);
                cx.shared.notices.info(cx.shared.now, "Saved");
                return Then::Close;
            }
            Ok(_) => {}
            Err(failure) => {
                cx.shared.heard_failure(&failure);
                self.failed = Some(failure.to_string());
                if let Failure::Refused(problem) = failure
                    && let Some(key) = problem.key
                {
                    // Saving again is then a decision on what is there now.
                    let note = key.note.as_deref().map_or_else(String::new, |n| format!(", note: {n}"));
                    self.failed = Some(format!(
                        "It was changed meanwhile and is now called {}{note}. Saving again replaces that.",
                        key.name
                    ));
                    cx.tables.heard_key(cx.shared, (*key).clone());
                    self.key = *key;
                }
            }
        }
        Then::Stay
    }

    fn draw(&self, shared: &Shared, _tables: &Tables, area: Rect, buf: &mut Buffer) -> Option<(u16, u16)> {
        let theme = shared.theme();
        let width = content_width(area, 58);
        let label = |at, text: &str| {
            let role = if self.focus.at == at { Role::Accent } else { Role::Muted };
            Line::styled(text.to_owned(), theme.style(role))
        };
        let mut content = vec![label(0, "Name"), label(1, "Note"), Line::default()];
        if let Some(why) = &self.failed {
            content.extend(paragraph(
                &theme.text(&text::line(why)),
                theme.style(Role::Danger),
                usize::from(width),
            ));
            content.push(Line::default());
        }
        let (enter, tab, esc) =
            (shared.key(Action::Submit), shared.key(Action::NextField), shared.key(Action::Cancel));
        let does = if self.sending { "saving" } else { "save" };
        content.push(hints(&[(&enter, does), (&tab, "next field"), (&esc, "cancel")], theme));
        let size = (width, u16::try_from(content.len()).unwrap_or(u16::MAX));
        let inside = frame(&format!("Edit {}", self.key.masked), Mood::Calm, size, area, theme, buf);
        lines(&content, inside, theme, buf);
        let place = |row: u16| Rect {
            x: inside.x + 6,
            y: inside.y + row,
            width: inside.width.saturating_sub(6),
            height: 1,
        };
        let focused = |at| self.focus.at == at && !self.sending;
        buf.set_style(inside, Style::new());
        let name = self.name.draw(place(0), focused(0), theme, buf);
        name.or(self.note.draw(place(1), focused(1), theme, buf))
    }
}
