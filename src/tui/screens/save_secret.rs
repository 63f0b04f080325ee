//! Popup that shows a new secret once: to copy it, write it to a file, or pipe it into a command.
//!
//! The secret is masked by default and wiped from memory when the popup closes. The popup closes only after the secret was stored
//! or the user confirmed that it is; `leaked` shows the revocation of a leaked key that the new one replaces.

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
use crate::tui::popup::{Popup, PopupAction, PopupFrame, PopupTone, content_width, draw_frame};
use crate::tui::text_layout::{action_hints, draw_line, wrap_paragraph};
use crate::tui::theme::{StyleRole, ThemeSymbol};
use crate::wire::keys::SecretString;

mod leaked;

use leaked::LeakedKey;

/// Time after which an unmasked secret is masked again.
const UNMASKED_FOR: Duration = Duration::from_secs(20);

/// What the popup currently asks the user for.
#[derive(Debug)]
enum SaveStep {
    /// Whether to save the secret in a file, pipe it into a command, or copy it.
    ChooseTarget,
    /// Path of a file to create.
    File(TextField),
    /// Command line to pipe the secret into.
    Command(TextField),
    /// Confirmation that the secret is stored.
    ConfirmStored {
        /// Whether a frame with the question was written; confirmations are ignored before that.
        armed: bool,
    },
}

/// Popup that shows a new secret once. Its `Debug` output does not contain the secret.
#[derive(Debug)]
pub struct SaveSecretPopup {
    key: Key,
    secret: Arc<SecretString>,
    idempotency_key: String,
    step: SaveStep,
    /// When the secret is masked again; `None` while it is masked.
    visible_until: Option<UiTime>,
    stored: bool,
    /// Whether the delivery in flight stores the secret: `true` for a file or a command, `false` for the clipboard, `None` if
    /// nothing is in flight.
    delivery_stores: Option<bool>,
    message: Option<(StyleRole, String)>,
    leaked: Option<LeakedKey>,
}

impl SaveSecretPopup {
    /// Creates the popup for a new secret. `leak` is the leaked key that the new key replaces; its revocation is already in
    /// flight.
    pub fn new(key: Key, secret: SecretString, idempotency_key: String, leak: Option<Leak>) -> Self {
        Self {
            key,
            secret: Arc::new(secret),
            idempotency_key,
            step: SaveStep::ChooseTarget,
            visible_until: None,
            stored: false,
            delivery_stores: None,
            message: None,
            leaked: leak.map(LeakedKey::sent),
        }
    }

    fn deliver(&mut self, context: &mut Context, delivery: Delivery, stores: bool) {
        if self.delivery_stores.is_none() {
            self.delivery_stores = Some(stores);
            self.message = None;
            context.deliver(ReplyTo::Popup, delivery);
        }
    }

    fn confirm(&mut self, context: &mut Context) {
        if !self.stored {
            self.stored = true;
            context.request(ReplyTo::Confirm, ApiRequest::Confirm(self.key.kind, self.key.id));
        }
        // The record of the create is kept until the leaked key is revoked, so that the next start resumes the revocation.
        if self.leaked.as_ref().is_none_or(LeakedKey::is_done) {
            context.effects.push(Effect::FinishCreate { idempotency_key: self.idempotency_key.clone() });
        }
    }

    /// Returns whether the new key replaces the leaked key with this id.
    fn replaces_leaked(&self, id: Id) -> bool {
        self.leaked.as_ref().is_some_and(|leaked| leaked.leak.id == id)
    }

    /// Records whether the leaked key was revoked: `None` if it was, else the reason for the failure.
    fn record_leaked_revoke(&mut self, context: &mut Context, failed: Option<String>) {
        if let Some(leaked) = &mut self.leaked {
            leaked.record_result(failed);
        }
        if self.stored {
            self.confirm(context);
        }
    }

    fn submit(&mut self, context: &mut Context) {
        let secret = Arc::clone(&self.secret);
        match std::mem::replace(&mut self.step, SaveStep::ChooseTarget) {
            SaveStep::File(path) if !path.text().trim().is_empty() => {
                let delivery = Delivery::SecretToFile { path: path.text().trim().to_owned(), secret };
                self.deliver(context, delivery, true);
                // Keeps what was typed, in case the delivery fails.
                self.step = SaveStep::File(path);
            }
            SaveStep::Command(command) if !command.text().trim().is_empty() => {
                let delivery =
                    Delivery::SecretToCommand { command: command.text().trim().to_owned(), secret };
                self.deliver(context, delivery, true);
                self.step = SaveStep::Command(command);
            }
            step => self.step = step,
        }
    }
}

impl Popup for SaveSecretPopup {
    fn key_contexts(&self) -> &'static [KeyContext] {
        match self.step {
            SaveStep::ChooseTarget => stack::REVEAL,
            SaveStep::File(_) | SaveStep::Command(_) => stack::TEXT,
            SaveStep::ConfirmStored { .. } => stack::CONFIRM,
        }
    }

    fn run_action(&mut self, context: &mut Context, action: Action) -> PopupAction {
        match (&self.step, action) {
            (SaveStep::ChooseTarget, Action::Unmask) => {
                let shown = self.visible_until.take();
                self.visible_until = shown.is_none().then(|| context.now.plus(UNMASKED_FOR));
            }
            (SaveStep::ChooseTarget, Action::RetryRevoke) => {
                if let Some(leaked) = &mut self.leaked {
                    leaked.retry(context);
                }
            }
            (SaveStep::ChooseTarget, Action::CopySecret) => {
                self.deliver(context, Delivery::CopySecret(Arc::clone(&self.secret)), false);
            }
            (SaveStep::ChooseTarget, Action::WriteSecret | Action::PipeSecret)
                if context.start.restricted =>
            {
                self.message =
                    Some((StyleRole::Danger, "Files and commands are disabled by --restricted.".to_owned()));
            }
            (SaveStep::ChooseTarget, Action::WriteSecret) => self.step = SaveStep::File(TextField::default()),
            (SaveStep::ChooseTarget, Action::PipeSecret) => {
                self.step = SaveStep::Command(TextField::default());
            }
            (SaveStep::ChooseTarget, Action::Stored | Action::Cancel) if self.stored => {
                return PopupAction::Close;
            }
            (SaveStep::ChooseTarget, Action::Stored | Action::Cancel) => {
                self.step = SaveStep::ConfirmStored { armed: false }
            }
            (SaveStep::File(_) | SaveStep::Command(_), Action::Submit) => self.submit(context),
            (SaveStep::ConfirmStored { armed: true }, Action::Yes) => {
                self.confirm(context);
                return PopupAction::Close;
            }
            (SaveStep::ChooseTarget, _) => {}
            (_, Action::Cancel) => self.step = SaveStep::ChooseTarget,
            _ => {}
        }
        PopupAction::Stay
    }

    fn handle_key(&mut self, _context: &mut Context, key: KeyCombination) -> PopupAction {
        if let SaveStep::File(field) | SaveStep::Command(field) = &mut self.step {
            field.handle_key(key);
        }
        PopupAction::Stay
    }

    fn paste(&mut self, _context: &mut Context, text: &str) {
        if let SaveStep::File(field) | SaveStep::Command(field) = &mut self.step {
            field.paste(text);
        }
    }

    fn apply_reply(&mut self, context: &mut Context, result: Result<Reply, RequestError>) -> PopupAction {
        let stores = self.delivery_stores.take().unwrap_or(false);
        match result {
            Ok(Reply::Done(message)) if stores => {
                self.step = SaveStep::ChooseTarget;
                self.confirm(context);
                self.message = Some((StyleRole::InUse, format!("Stored: {message}.")));
            }
            Ok(Reply::Done(message)) => {
                let text = format!(
                    "The secret was {message}. The terminal cannot confirm that, so paste it before you close this popup."
                );
                self.message = Some((StyleRole::Strong, text));
            }
            Ok(_) => {}
            Err(failure) => {
                self.message = Some((StyleRole::Danger, failure.to_string()));
                context.record_failure(&failure);
            }
        }
        PopupAction::Stay
    }

    fn mark_shown(&mut self) {
        if let SaveStep::ConfirmStored { armed } = &mut self.step {
            *armed = true;
        }
    }

    fn tick(&mut self, context: &mut Context) -> PopupAction {
        if self.visible_until.is_some_and(|until| context.now >= until) {
            self.visible_until = None;
        }
        PopupAction::Stay
    }

    fn wake_at(&self) -> Option<UiTime> {
        self.visible_until
    }

    fn hide_secrets(&mut self) {
        self.visible_until = None;
    }

    fn show_leaked_key_result(&mut self, context: &mut Context, id: Id, failure: Option<String>) -> bool {
        let is_mine = self.replaces_leaked(id);
        if is_mine {
            self.record_leaked_revoke(context, failure);
        }
        is_mine
    }

    fn draw(&self, context: &Context, area: Rect, buf: &mut Buffer) -> PopupFrame {
        let theme = context.theme();
        let width = content_width(area, 58);
        let columns = usize::from(width);
        let small = area.height < 15;
        let below = self.layout_choices(context, columns, small);
        let secret_lines = if columns >= 43 { 1 } else { 2 };
        let mut head = wrap_paragraph(&theme.text(&self.key.name), theme.style(StyleRole::Strong), columns);
        if small {
            head.truncate(1);
        }
        if let Some(leaked) = &self.leaked {
            head.extend(leaked.layout_status(context, columns));
        }
        let gap = usize::from(!small);
        let height = head.len() + gap + secret_lines + gap + below.len();
        let size = (width, u16::try_from(height).unwrap_or(u16::MAX));
        let inside = draw_frame("Save your key", PopupTone::Calm, size, area, theme, buf);
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
        if let SaveStep::File(field) | SaveStep::Command(field) = &self.step {
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
    /// Writes the secret directly into the cells, so that no copy is left in memory. It is masked unless the user chose to show
    /// it.
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
            if self.visible_until.is_some() || at < 3 || at >= last {
                cell.set_char(c);
            } else {
                cell.set_symbol(theme.symbol(ThemeSymbol::Hidden));
            }
        }
    }

    /// Lays out the lines below the secret: the result of the last delivery, the choices, and the key hints.
    fn layout_choices(&self, context: &Context, columns: usize, small: bool) -> Vec<Line<'static>> {
        let theme = context.theme();
        let mut out = Vec::new();
        match &self.step {
            SaveStep::ChooseTarget if small => {
                let pairs = [
                    (Action::CopySecret, "copy"),
                    (Action::WriteSecret, "file"),
                    (Action::PipeSecret, "command"),
                    (Action::Unmask, "show"),
                    (Action::Stored, if self.stored { "done" } else { "stored" }),
                ];
                out.extend(pairs.chunks(2).map(|two| action_hints(two, context)));
            }
            SaveStep::ChooseTarget => {
                if !self.stored {
                    let text = "Save the secret now: it is not shown again. keyward stores only its digest.";
                    out.extend(wrap_paragraph(text, Style::new(), columns));
                    out.push(Line::default());
                }
                let show = if self.visible_until.is_some() { "hide it" } else { "show it for 20 seconds" };
                let mut choices = vec![(Action::CopySecret, "copy it to your terminal's clipboard")];
                if !context.start.restricted {
                    choices.push((Action::WriteSecret, "write it to a new file that only you can read"));
                    choices.push((Action::PipeSecret, "pipe it into a command, such as pass insert -m NAME"));
                }
                choices.push((Action::Unmask, show));
                choices.push((Action::Stored, if self.stored { "done" } else { "I have stored it" }));
                out.extend(choices.into_iter().map(|choice| action_hints(&[choice], context)));
            }
            SaveStep::File(_) => {
                out.push(Line::raw("Path of a new file that only you can read:"));
                out.extend([Line::default(), Line::default()]);
                out.push(action_hints(&[(Action::Submit, "write"), (Action::Cancel, "back")], context));
            }
            SaveStep::Command(_) => {
                out.push(Line::raw("Command that reads the secret (run without a shell):"));
                out.extend([Line::default(), Line::default()]);
                out.push(action_hints(&[(Action::Submit, "run"), (Action::Cancel, "back")], context));
            }
            SaveStep::ConfirmStored { .. } => {
                let text = "The secret can never be shown again. Is it stored where you need it?";
                out.extend(wrap_paragraph(text, theme.style(StyleRole::Strong), columns));
                out.push(Line::default());
                out.push(action_hints(&[(Action::Yes, "it is stored"), (Action::Cancel, "back")], context));
            }
        }
        if let Some((role, text)) = &self.message {
            // The result of a delivery is shown above the key hints, where it is noticed.
            let mut message = wrap_paragraph(
                &theme.text(&crate::domain::text::sanitize_line(text)),
                theme.style(*role),
                columns,
            );
            message.push(Line::default());
            message.append(&mut out);
            out = message;
        }
        out
    }
}
