//! **Save your key**: the one time that a secret can be taken anywhere.

use std::sync::Arc;
use std::time::Duration;

use crokey::KeyCombination;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Line;

use crate::domain::id::Id;
use crate::domain::key::Key;
use crate::tui::context::{Context, Leak, ReplyTo};
use crate::tui::form::TextField;
use crate::tui::keymap::{Action, KeyContext, stack};
use crate::tui::msg::{ApiRequest, Delivery, Effect, Reply, RequestError, UiTime};
use crate::tui::popup::{Popup, PopupAction, PopupFrame, PopupTone, content_width, frame};
use crate::tui::text_layout::{draw_line, key_hints, wrap_paragraph};
use crate::tui::theme::{StyleRole, ThemeSymbol};
use crate::wire::keys::SecretString;

mod leaked;

use leaked::LeakedKey;

/// How long the secret is shown on request.
const UNMASKED_FOR: Duration = Duration::from_secs(20);

/// What is being asked.
#[derive(Debug)]
enum SaveStep {
    /// Where to take the secret.
    Where,
    /// The name of a new file.
    File(TextField),
    /// A command line.
    Command(TextField),
    /// Whether it is really stored; counts after its frame was shown.
    Stored {
        /// Whether that frame was shown.
        armed: bool,
    },
}

/// A secret that is not stored yet. `Debug` shows nothing of it; wiped when the popup closes.
#[derive(Debug)]
pub struct SaveSecretPopup {
    key: Key,
    secret: Arc<SecretString>,
    idempotency_key: String,
    asking: SaveStep,
    shown_until: Option<UiTime>,
    stored: bool,
    putting: Option<bool>,
    said: Option<(StyleRole, String)>,
    leaked: Option<LeakedKey>,
}

impl SaveSecretPopup {
    /// A fresh secret; `leak` is the key that it replaces, where that leaked and its revoke is on its way.
    pub fn new(key: Key, secret: SecretString, idempotency_key: String, leak: Option<Leak>) -> Self {
        Self {
            key,
            secret: Arc::new(secret),
            idempotency_key,
            asking: SaveStep::Where,
            shown_until: None,
            stored: false,
            putting: None,
            said: None,
            leaked: leak.map(LeakedKey::sent),
        }
    }

    fn put(&mut self, context: &mut Context, put: Delivery, stores: bool) {
        if self.putting.is_none() {
            self.putting = Some(stores);
            self.said = None;
            context.deliver(ReplyTo::Popup, put);
        }
    }

    fn confirm(&mut self, context: &mut Context) {
        if !self.stored {
            self.stored = true;
            context.request(ReplyTo::Confirm, ApiRequest::Confirm(self.key.kind, self.key.id));
        }
        // Until the leaked key is revoked, the record reminds the next start of it.
        if self.leaked.as_ref().is_none_or(LeakedKey::is_done) {
            context.effects.push(Effect::FinishCreate { idempotency_key: self.idempotency_key.clone() });
        }
    }

    /// Whether this key leaked, and the new one replaces it.
    fn leaks(&self, id: Id) -> bool {
        self.leaked.as_ref().is_some_and(|leaked| leaked.leak.id == id)
    }

    /// The revoke of the leaked key was answered; why it failed, if it did.
    fn heard_leaked(&mut self, context: &mut Context, failed: Option<String>) {
        if let Some(leaked) = &mut self.leaked {
            leaked.heard(failed);
        }
        if self.stored {
            self.confirm(context);
        }
    }

    fn submit(&mut self, context: &mut Context) {
        let secret = Arc::clone(&self.secret);
        match std::mem::replace(&mut self.asking, SaveStep::Where) {
            SaveStep::File(path) if !path.text().trim().is_empty() => {
                let put = Delivery::SecretToFile { path: path.text().trim().to_owned(), secret };
                self.put(context, put, true);
                // Kept until it has worked, so that a failure does not cost what was typed.
                self.asking = SaveStep::File(path);
            }
            SaveStep::Command(command) if !command.text().trim().is_empty() => {
                let put = Delivery::SecretToCommand { command: command.text().trim().to_owned(), secret };
                self.put(context, put, true);
                self.asking = SaveStep::Command(command);
            }
            asking => self.asking = asking,
        }
    }
}

impl Popup for SaveSecretPopup {
    fn key_contexts(&self) -> &'static [KeyContext] {
        match self.asking {
            SaveStep::Where => stack::REVEAL,
            SaveStep::File(_) | SaveStep::Command(_) => stack::TEXT,
            SaveStep::Stored { .. } => stack::CONFIRM,
        }
    }

    fn act(&mut self, context: &mut Context, action: Action) -> PopupAction {
        match (&self.asking, action) {
            (SaveStep::Where, Action::Unmask) => {
                let shown = self.shown_until.take();
                self.shown_until = shown.is_none().then(|| context.now.plus(UNMASKED_FOR));
            }
            (SaveStep::Where, Action::RetryRevoke) => {
                if let Some(leaked) = &mut self.leaked {
                    leaked.again(context);
                }
            }
            (SaveStep::Where, Action::CopySecret) => {
                self.put(context, Delivery::CopySecret(Arc::clone(&self.secret)), false);
            }
            (SaveStep::Where, Action::WriteSecret | Action::PipeSecret) if context.start.restricted => {
                self.said = Some((
                    StyleRole::Danger,
                    "Files and commands are out of reach here (--restricted).".to_owned(),
                ));
            }
            (SaveStep::Where, Action::WriteSecret) => self.asking = SaveStep::File(TextField::default()),
            (SaveStep::Where, Action::PipeSecret) => self.asking = SaveStep::Command(TextField::default()),
            (SaveStep::Where, Action::Stored | Action::Cancel) if self.stored => return PopupAction::Close,
            (SaveStep::Where, Action::Stored | Action::Cancel) => {
                self.asking = SaveStep::Stored { armed: false }
            }
            (SaveStep::File(_) | SaveStep::Command(_), Action::Submit) => self.submit(context),
            (SaveStep::Stored { armed: true }, Action::Yes) => {
                self.confirm(context);
                return PopupAction::Close;
            }
            (SaveStep::Where, _) => {}
            (_, Action::Cancel) => self.asking = SaveStep::Where,
            _ => {}
        }
        PopupAction::Stay
    }

    fn press(&mut self, _context: &mut Context, key: KeyCombination) -> PopupAction {
        if let SaveStep::File(field) | SaveStep::Command(field) = &mut self.asking {
            field.handle_key(key);
        }
        PopupAction::Stay
    }

    fn paste(&mut self, _context: &mut Context, text: &str) {
        if let SaveStep::File(field) | SaveStep::Command(field) = &mut self.asking {
            field.paste(text);
        }
    }

    fn reply(&mut self, context: &mut Context, result: Result<Reply, RequestError>) -> PopupAction {
        let stores = self.putting.take().unwrap_or(false);
        match result {
            Ok(Reply::Done(said)) if stores => {
                self.asking = SaveStep::Where;
                self.confirm(context);
                self.said = Some((StyleRole::InUse, format!("Stored: {said}.")));
            }
            Ok(Reply::Done(said)) => {
                let text = format!(
                    "The secret was {said}. Nothing confirms that it arrived: paste it before you close."
                );
                self.said = Some((StyleRole::Strong, text));
            }
            Ok(_) => {}
            Err(failure) => {
                self.said = Some((StyleRole::Danger, failure.to_string()));
                context.record_failure(&failure);
            }
        }
        PopupAction::Stay
    }

    fn shown(&mut self) {
        if let SaveStep::Stored { armed } = &mut self.asking {
            *armed = true;
        }
    }

    fn tick(&mut self, context: &mut Context) -> PopupAction {
        if self.shown_until.is_some_and(|until| context.now >= until) {
            self.shown_until = None;
        }
        PopupAction::Stay
    }

    fn wake_at(&self) -> Option<UiTime> {
        self.shown_until
    }

    fn conceal(&mut self) {
        self.shown_until = None;
    }

    fn leaked_key_revoked(&mut self, context: &mut Context, id: Id, failure: Option<String>) -> bool {
        let is_mine = self.leaks(id);
        if is_mine {
            self.heard_leaked(context, failure);
        }
        is_mine
    }

    fn draw(&self, context: &Context, area: Rect, buf: &mut Buffer) -> PopupFrame {
        let theme = context.theme();
        let width = content_width(area, 58);
        let columns = usize::from(width);
        let small = area.height < 15;
        let below = self.below(context, columns, small);
        let secret_lines = if columns >= 43 { 1 } else { 2 };
        let mut head = wrap_paragraph(&theme.text(&self.key.name), theme.style(StyleRole::Strong), columns);
        if small {
            head.truncate(1);
        }
        if let Some(leaked) = &self.leaked {
            head.extend(leaked.said(context, columns));
        }
        let gap = usize::from(!small);
        let height = head.len() + gap + secret_lines + gap + below.len();
        let size = (width, u16::try_from(height).unwrap_or(u16::MAX));
        let inside = frame("Save your key", PopupTone::Calm, size, area, theme, buf);
        let mut y = inside.y;
        for line in &head {
            draw_line(buf, (inside.x, y), inside.width, line, Style::new(), theme);
            y += 1;
        }
        y += u16::try_from(gap).unwrap_or(0);
        self.draw_secret(context, Rect { y, ..inside }, buf);
        y += u16::try_from(secret_lines + gap).unwrap_or(0);
        let mut cursor = None;
        for line in &below {
            if y >= inside.bottom() {
                break;
            }
            draw_line(buf, (inside.x, y), inside.width, line, Style::new(), theme);
            y += 1;
        }
        if let SaveStep::File(field) | SaveStep::Command(field) = &self.asking {
            let at = Rect {
                x: inside.x + 2,
                y: inside.bottom().saturating_sub(3),
                width: inside.width.saturating_sub(2),
                height: 1,
            };
            cursor = field.draw(at, true, theme, buf);
        }
        PopupFrame::from(cursor)
    }
}

impl SaveSecretPopup {
    /// Writes the secret, or what stands for it, straight into the cells: no copy of it is made on the way.
    fn draw_secret(&self, context: &Context, area: Rect, buf: &mut Buffer) {
        let theme = context.theme();
        let secret = self.secret.expose();
        let style = theme.style(StyleRole::Strong);
        let width = usize::from(area.width).max(1);
        let last = secret.len().saturating_sub(4);
        for (at, c) in secret.char_indices() {
            let (x, y) = (at % width, at / width);
            let at_x = area.x + u16::try_from(x).unwrap_or(0);
            let Some(cell) = buf.cell_mut((at_x, area.y + u16::try_from(y).unwrap_or(0))) else { continue };
            cell.set_style(style);
            if self.shown_until.is_some() || at < 3 || at >= last {
                cell.set_char(c);
            } else {
                cell.set_symbol(theme.symbol(ThemeSymbol::Hidden));
            }
        }
    }

    fn below(&self, context: &Context, columns: usize, small: bool) -> Vec<Line<'static>> {
        let theme = context.theme();
        let key = |action| context.key_press(action);
        let mut out = Vec::new();
        match &self.asking {
            SaveStep::Where if small => {
                let pairs: Vec<(String, &str)> = [
                    (Action::CopySecret, "copy"),
                    (Action::WriteSecret, "file"),
                    (Action::PipeSecret, "command"),
                    (Action::Unmask, "show"),
                    (Action::Stored, if self.stored { "done" } else { "stored" }),
                ]
                .into_iter()
                .map(|(action, does)| (key(action), does))
                .collect();
                let pairs: Vec<(&str, &str)> =
                    pairs.iter().map(|(key, does)| (key.as_str(), *does)).collect();
                out.extend(pairs.chunks(2).map(|two| key_hints(two, theme)));
            }
            SaveStep::Where => {
                if !self.stored {
                    let text = "This is the only time it can be taken anywhere. Only its digest is kept.";
                    out.extend(wrap_paragraph(text, Style::new(), columns));
                    out.push(Line::default());
                }
                let show = if self.shown_until.is_some() { "hide it" } else { "show it for 20 seconds" };
                let mut choices = vec![(Action::CopySecret, "copy it, by way of your terminal")];
                if !context.start.restricted {
                    choices.push((Action::WriteSecret, "write it to a new file, readable by you alone"));
                    choices.push((Action::PipeSecret, "pipe it into a command, such as pass insert -m NAME"));
                }
                choices.push((Action::Unmask, show));
                choices.push((Action::Stored, if self.stored { "done" } else { "I have stored it" }));
                out.extend(
                    choices.into_iter().map(|(action, does)| key_hints(&[(&key(action), does)], theme)),
                );
            }
            SaveStep::File(_) => {
                out.push(Line::raw("Write it to a new file, 0600; no file is overwritten:"));
                out.extend([Line::default(), Line::default()]);
                out.push(key_hints(
                    &[(&key(Action::Submit), "write"), (&key(Action::Cancel), "back")],
                    theme,
                ));
            }
            SaveStep::Command(_) => {
                out.push(Line::raw("Pipe it into the standard input of, without a shell:"));
                out.extend([Line::default(), Line::default()]);
                out.push(key_hints(&[(&key(Action::Submit), "run"), (&key(Action::Cancel), "back")], theme));
            }
            SaveStep::Stored { .. } => {
                let text = "After this it can never be shown again. Is it stored where it is needed?";
                out.extend(wrap_paragraph(text, theme.style(StyleRole::Strong), columns));
                out.push(Line::default());
                out.push(key_hints(
                    &[(&key(Action::Yes), "it is stored"), (&key(Action::Cancel), "back")],
                    theme,
                ));
            }
        }
        if let Some((role, text)) = &self.said {
            // Above the keys, where the eye is: what was done, or why not.
            let mut said = wrap_paragraph(
                &theme.text(&crate::domain::text::sanitize_line(text)),
                theme.style(*role),
                columns,
            );
            said.push(Line::default());
            said.append(&mut out);
            out = said;
        }
        out
    }
}
