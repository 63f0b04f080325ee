//! Popup that revokes one key. Shows its last use first, and is never confirmed by the key press that opened it.
//!
//! A key that is not in use needs one key press; a key in use, the last four characters of its masked secret. If the server refuses
//! because the key was used while the popup was open, it shows that use and also requires a reason.

use crokey::KeyCombination;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use crate::domain::key::Key;
use crate::domain::text;
use crate::domain::time::{MILLISECOND, Timestamp, format_ago};
use crate::tui::context::{Context, ReplyTo};
use crate::tui::form::REQUEST_IN_FLIGHT;
use crate::tui::keymap::{Action, KeyContext, stack};
use crate::tui::msg::{ApiRequest, Reply, RequestError};
use crate::tui::popup::{Popup, PopupAction, PopupFrame, PopupTone, content_width, draw_frame, draw_lines};
use crate::tui::screens::confirm_fields::ConfirmFields;
use crate::tui::text_layout::{action_hints, labelled_lines, wrap_paragraph};
use crate::tui::theme::{StyleRole, ThemeSymbol};
use crate::wire::keys::RevokeKey;
use crate::wire::problem::ProblemType;

/// Maximum width of a key's name in a message, so that the end of the message is never cut off.
const NAME_COLUMNS: usize = 40;

/// What the user must type to revoke the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ConfirmationLevel {
    /// One key press. For keys that are not in use.
    Yes,
    /// The last four characters of the secret, for a key in use. If the user also gives a reason, the key is revoked even if it
    /// is used before the request arrives.
    LastFour,
    /// The last four characters and a reason, for a key that was used while the popup was open.
    LastFourAndReason,
    /// The last four characters and a reason, for the old key of a rotation that has not reached the phase ready.
    BeforeReady,
}

#[derive(Debug)]
pub struct RevokePopup {
    key: Key,
    /// Server time up to which the user has seen the key's usage. The server refuses to revoke a key that was used later.
    seen: Timestamp,
    confirmation: ConfirmationLevel,
    fields: ConfirmFields,
    /// Whether a frame with the popup was written; confirmations are ignored before that.
    armed: bool,
    sending: bool,
    error: Option<String>,
}

impl RevokePopup {
    /// Creates the popup for a key whose usage is known up to `seen`.
    pub fn new(key: Key, seen: Timestamp) -> Self {
        let confirmation =
            if key.is_in_use(seen) { ConfirmationLevel::LastFour } else { ConfirmationLevel::Yes };
        Self {
            key,
            seen,
            confirmation,
            fields: ConfirmFields::default(),
            armed: false,
            sending: false,
            error: None,
        }
    }

    /// Creates the popup for a key that was last used before `since`. The server refuses to revoke it if it was used later.
    pub fn for_silent_key(key: Key, since: Timestamp) -> Self {
        Self { confirmation: ConfirmationLevel::Yes, ..Self::new(key, since) }
    }

    /// Creates the popup for the old key of a rotation that has not reached the phase ready.
    pub fn before_ready(key: Key, seen: Timestamp) -> Self {
        Self { confirmation: ConfirmationLevel::BeforeReady, ..Self::new(key, seen) }
    }

    /// Returns the most recently loaded version of the key.
    fn current_key<'a>(&'a self, context: &'a Context) -> &'a Key {
        context.keys(self.key.kind).get(self.key.id).unwrap_or(&self.key)
    }

    fn submit(&mut self, context: &mut Context) {
        if self.sending || !self.armed || self.current_key(context).revoked_at.is_some() {
            return;
        }
        let reason = match self.check_confirmation() {
            Ok(reason) => reason,
            Err(missing) => {
                self.error = Some(missing);
                return;
            }
        };
        self.error = None;
        let body = match reason {
            Some(reason) => {
                RevokeKey { even_if_used: Some(true), reason: Some(reason), ..RevokeKey::default() }
            }
            None => RevokeKey { unless_used_since: Some(self.seen), ..RevokeKey::default() },
        };
        self.sending = true;
        context.request(ReplyTo::Popup, ApiRequest::Revoke { kind: self.key.kind, id: self.key.id, body });
    }

    /// Checks what the user typed. Returns the reason, if there is one, or an error message for the user.
    fn check_confirmation(&mut self) -> Result<Option<String>, String> {
        match self.confirmation {
            ConfirmationLevel::Yes => self.fields.check_reason(),
            ConfirmationLevel::LastFour => {
                let reason = self.fields.check_reason()?;
                self.fields.check_last_four(&self.key)?;
                Ok(reason)
            }
            ConfirmationLevel::LastFourAndReason | ConfirmationLevel::BeforeReady => {
                self.fields.check_last_four_and_reason(&self.key).map(Some)
            }
        }
    }
}

impl Popup for RevokePopup {
    fn key_contexts(&self) -> &'static [KeyContext] {
        if self.confirmation == ConfirmationLevel::Yes { stack::CONFIRM } else { stack::TEXT }
    }

    fn run_action(&mut self, context: &mut Context, action: Action) -> PopupAction {
        match action {
            Action::Yes if self.confirmation == ConfirmationLevel::Yes => self.submit(context),
            Action::Submit => self.submit(context),
            Action::NextField | Action::PreviousField => self.fields.move_focus(action),
            Action::Cancel if self.sending => {
                context.notices.info(context.now, REQUEST_IN_FLIGHT);
            }
            // The focus is on Cancel.
            Action::Cancel | Action::Activate => return PopupAction::Close,
            _ => {}
        }
        PopupAction::Stay
    }

    fn handle_key(&mut self, _context: &mut Context, key: KeyCombination) -> PopupAction {
        if self.armed && self.confirmation != ConfirmationLevel::Yes {
            self.fields.handle_key(key);
        }
        PopupAction::Stay
    }

    fn paste(&mut self, _context: &mut Context, text: &str) {
        if self.armed && self.confirmation != ConfirmationLevel::Yes {
            self.fields.paste(text);
        }
    }

    fn apply_reply(&mut self, context: &mut Context, result: Result<Reply, RequestError>) -> PopupAction {
        self.sending = false;
        match result {
            Ok(Reply::Key(key)) => {
                let name = text::truncate_to_width(&key.name, NAME_COLUMNS).into_owned();
                // Revoking is idempotent, so another admin may have revoked the key before.
                let me = context.me.as_ref().map(|me| me.member.id);
                let other = key.revoked_by.as_ref().filter(|by| Some(by.id) != me);
                let message = other.map(|by| format!("{name} was already revoked by {}", by.name));
                context.apply_key(*key);
                context.notices.info(
                    context.now,
                    message.unwrap_or(format!("Revoked {name}; requests with it now get 401")),
                );
                return PopupAction::Close;
            }
            Ok(_) => {}
            Err(RequestError::Refused(problem)) if problem.kind == ProblemType::UsedSince => {
                // The user decides again, knowing about the latest use.
                if let Some(key) = problem.key {
                    context.apply_key((*key).clone());
                    self.key = *key;
                }
                self.seen = self
                    .key
                    .last_used_at
                    .map_or(context.server_now(), |at| at.plus(MILLISECOND))
                    .max(context.server_now());
                self.confirmation = ConfirmationLevel::LastFourAndReason;
                self.armed = false;
                self.fields.clear_last_four();
            }
            Err(failure) => {
                context.record_failure(&failure);
                self.error = Some(failure.to_string());
            }
        }
        PopupAction::Stay
    }

    fn mark_shown(&mut self) {
        self.armed = true;
    }

    fn is_available(&self, context: &Context, action: Action) -> bool {
        self.current_key(context).revoked_at.is_none() || !matches!(action, Action::Yes | Action::Submit)
    }

    fn survives_sign_in(&self) -> bool {
        true
    }

    fn draw(&self, context: &Context, area: Rect, buf: &mut Buffer) -> PopupFrame {
        let theme = context.theme();
        let width = content_width(area, 58);
        let known = self.current_key(context);
        if known.revoked_at.is_some() {
            let body = layout_already_revoked(known, context, usize::from(width));
            let size = (width, u16::try_from(body.len()).unwrap_or(u16::MAX));
            let inside = draw_frame("Revoke", PopupTone::Calm, size, area, theme, buf);
            draw_lines(&body, inside, theme, buf);
            return PopupFrame::default();
        }
        let mut body = self.layout_body(context, usize::from(width));
        // In a small window, fields and key hints stay visible and the lines above them are cut.
        let room = usize::from(area.height.saturating_sub(2));
        let tail = if self.confirmation == ConfirmationLevel::Yes { 1 } else { 4 };
        if body.len() > room {
            let keys = body.split_off(body.len() - tail.min(body.len()));
            body.truncate(room.saturating_sub(keys.len()));
            body.extend(keys);
        }
        let size = (width, u16::try_from(body.len()).unwrap_or(u16::MAX));
        let inside = draw_frame("Revoke", PopupTone::Danger, size, area, theme, buf);
        draw_lines(&body, inside, theme, buf);
        if self.confirmation == ConfirmationLevel::Yes || inside.height < 4 {
            return PopupFrame::default();
        }
        PopupFrame::from(self.fields.draw(inside, inside.bottom() - 4, !self.sending, theme, buf))
    }
}

impl RevokePopup {
    fn layout_body(&self, context: &Context, columns: usize) -> Vec<Line<'static>> {
        let theme = context.theme();
        let plain = Style::new();
        let key = &self.key;
        let now = context.server_now();
        let mut out = wrap_paragraph(&theme.text(&key.name), theme.style(StyleRole::Strong), columns);
        out.extend(labelled_lines("Secret key", &key.masked, plain, columns, theme));
        let used = match (key.last_used_at, &key.last_used_by) {
            (Some(at), Some(by)) => {
                format!("{} by {by}", format_ago(at, now))
            }
            (Some(at), None) => format_ago(at, now),
            (None, _) => context.staleness_rules().last_use(key),
        };
        let is_risky = self.confirmation != ConfirmationLevel::Yes;
        let style = theme.style(if is_risky { StyleRole::Strong } else { StyleRole::Plain });
        let badge = key.is_in_use(now).then(|| format!("{} ", theme.symbol(ThemeSymbol::InUse)));
        let used = format!("{}{used}", badge.unwrap_or_default());
        out.extend(labelled_lines("Last used", &used, style, columns, theme));
        out.push(Line::default());
        let explanation = match self.confirmation {
            ConfirmationLevel::Yes => "Requests with this key will get 401. This is final: a revoked key cannot be restored.".to_owned(),
            ConfirmationLevel::LastFour => "This key is in use, and its clients will stop working. This is final. If you give a reason, the key is revoked even if it is used in the meantime.".to_owned(),
            ConfirmationLevel::BeforeReady => "Clients that still use this key will stop working at once; check them first. A reason is required and recorded. This is final.".to_owned(),
            ConfirmationLevel::LastFourAndReason => format!(
                "Not revoked: the key was used {}, since you last viewed it. To revoke it anyway, give a reason, which is recorded.",
                key.last_used_at.map_or_else(|| "again".to_owned(), |at| format_ago(at, now))
            ),
        };
        let role = if matches!(
            self.confirmation,
            ConfirmationLevel::LastFourAndReason | ConfirmationLevel::BeforeReady
        ) {
            StyleRole::Danger
        } else {
            StyleRole::Plain
        };
        out.extend(wrap_paragraph(&explanation, theme.style(role), columns));
        if let Some(why) = &self.error {
            out.push(Line::default());
            out.extend(wrap_paragraph(
                &theme.text(&text::sanitize_line(why)),
                theme.style(StyleRole::Danger),
                columns,
            ));
        }
        out.push(Line::default());
        let verb = if self.sending { "revoking" } else { "revoke" };
        if self.confirmation == ConfirmationLevel::Yes {
            let mut hints = action_hints(&[(Action::Yes, verb), (Action::Cancel, "cancel")], context);
            hints.spans.insert(0, Span::styled("[ Cancel ]", theme.style(StyleRole::Selected)));
            hints.spans.insert(1, Span::raw("   "));
            out.push(hints);
        } else {
            out.extend(self.fields.label_lines(key, theme));
            out.push(Line::default());
            out.push(action_hints(
                &[(Action::Submit, verb), (Action::NextField, "next field"), (Action::Cancel, "cancel")],
                context,
            ));
        }
        out
    }
}

/// Lays out the popup for a key that was revoked by someone else while the popup was open.
fn layout_already_revoked(key: &Key, context: &Context, columns: usize) -> Vec<Line<'static>> {
    let theme = context.theme();
    let mut out = wrap_paragraph(&theme.text(&key.name), theme.style(StyleRole::Strong), columns);
    out.extend(labelled_lines("Secret key", &key.masked, Style::new(), columns, theme));
    out.push(Line::default());
    let ago =
        key.revoked_at.map_or_else(String::new, |at| format!(" {}", format_ago(at, context.server_now())));
    let by = key.revoked_by.as_ref().map_or_else(String::new, |by| format!(" by {}", by.name));
    let explanation =
        format!("This key was revoked{ago}{by} while this popup was open. There is nothing left to do.");
    out.extend(wrap_paragraph(&theme.text(&explanation), Style::new(), columns));
    out.push(Line::default());
    out.push(action_hints(&[(Action::Cancel, "close")], context));
    out
}
