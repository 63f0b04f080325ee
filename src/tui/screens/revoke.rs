//! The popup that revokes a key: never blind, and never by the key that opened it.

use crokey::KeyCombination;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Line;

use crate::domain::key::Key;
use crate::domain::text;
use crate::domain::time::{Timestamp, format_ago};
use crate::tui::app::Tables;
use crate::tui::context::{Context, ReplyTo};
use crate::tui::keymap::{Action, KeyContext, stack};
use crate::tui::msg::{ApiRequest, Reply, RequestError};
use crate::tui::popup::{Popup, PopupAction, PopupContext, PopupTone, content_width, frame, lines};
use crate::tui::screens::confirm_fields;
use crate::tui::text_layout::{key_hints, labelled_lines, wrap_paragraph};
use crate::tui::theme::{StyleRole, ThemeSymbol};
use crate::wire::keys::RevokeKey;
use crate::wire::problem::ProblemType;

/// Most columns of a name in a message, so that what happened is never what is cut.
const NAME: usize = 40;

/// How sure one has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ConfirmationLevel {
    /// Silent: one key.
    Yes,
    /// Live: the last four of the mask; a reason lets it go even if it is used meanwhile.
    Four,
    /// Used since one looked: the last four, and a reason.
    FourAndReason,
    /// The same, before its rotation is ready.
    Early,
}

/// Which key, and what was seen of it.
#[derive(Debug)]
pub struct RevokePopup {
    key: Key,
    seen: Timestamp,
    proof: ConfirmationLevel,
    typed: confirm_fields::ConfirmFields,
    armed: bool,
    sending: bool,
    failed: Option<String>,
}

impl RevokePopup {
    /// For a key whose use was seen up to `seen`, the time of the server's last answer.
    pub fn new(key: Key, seen: Timestamp) -> Self {
        let proof = if key.is_in_use(seen) { ConfirmationLevel::Four } else { ConfirmationLevel::Yes };
        Self {
            key,
            seen,
            proof,
            typed: confirm_fields::ConfirmFields::default(),
            armed: false,
            sending: false,
            failed: None,
        }
    }

    /// For the old key of a rotation that is ready: it was silent since `since`, and is refused if that is not so.
    pub fn silent(key: Key, since: Timestamp) -> Self {
        Self { proof: ConfirmationLevel::Yes, ..Self::new(key, since) }
    }

    /// For a key that must go now, whatever still uses it.
    pub fn early(key: Key, seen: Timestamp) -> Self {
        Self { proof: ConfirmationLevel::Early, ..Self::new(key, seen) }
    }

    /// The key as it is known now.
    fn known<'a>(&'a self, tables: &'a Tables) -> &'a Key {
        tables.of(self.key.kind).key_list.get(self.key.id).unwrap_or(&self.key)
    }

    fn submit(&mut self, cx: &mut PopupContext<'_>) {
        if self.sending || !self.armed || self.known(cx.tables).revoked_at.is_some() {
            return;
        }
        let context = &mut *cx.context;
        let reason = match self.typed() {
            Ok(reason) => reason,
            Err(missing) => {
                self.failed = Some(missing);
                return;
            }
        };
        self.failed = None;
        let body = match reason {
            Some(reason) => {
                RevokeKey { even_if_used: Some(true), reason: Some(reason), ..RevokeKey::default() }
            }
            None => RevokeKey { unless_used_since: Some(self.seen), ..RevokeKey::default() },
        };
        self.sending = true;
        context.request(ReplyTo::Popup, ApiRequest::Revoke { kind: self.key.kind, id: self.key.id, body });
    }

    /// The reason, once all that it takes was typed.
    fn typed(&mut self) -> Result<Option<String>, String> {
        match self.proof {
            ConfirmationLevel::Yes => self.typed.check_reason(),
            ConfirmationLevel::Four => {
                let reason = self.typed.check_reason()?;
                self.typed.check_last_four(&self.key)?;
                Ok(reason)
            }
            ConfirmationLevel::FourAndReason | ConfirmationLevel::Early => {
                self.typed.check_last_four_and_reason(&self.key).map(Some)
            }
        }
    }
}

impl Popup for RevokePopup {
    fn key_contexts(&self) -> &'static [KeyContext] {
        if self.proof == ConfirmationLevel::Yes { stack::CONFIRM } else { stack::TEXT }
    }

    fn act(&mut self, cx: &mut PopupContext<'_>, action: Action) -> PopupAction {
        match action {
            Action::Yes if self.proof == ConfirmationLevel::Yes => self.submit(cx),
            Action::Submit => self.submit(cx),
            Action::NextField | Action::PreviousField => self.typed.move_focus(action),
            Action::Cancel if self.sending => {
                cx.context.notices.info(cx.context.now, "The request is on its way; its answer decides");
            }
            // The focus is on Cancel.
            Action::Cancel | Action::Activate => return PopupAction::Close,
            _ => {}
        }
        PopupAction::Stay
    }

    fn press(&mut self, _cx: &mut PopupContext<'_>, key: KeyCombination) -> PopupAction {
        if self.armed && self.proof != ConfirmationLevel::Yes {
            self.typed.handle_key(key);
        }
        PopupAction::Stay
    }

    fn paste(&mut self, _cx: &mut PopupContext<'_>, text: &str) {
        if self.armed && self.proof != ConfirmationLevel::Yes {
            self.typed.paste(text);
        }
    }

    fn reply(&mut self, cx: &mut PopupContext<'_>, result: Result<Reply, RequestError>) -> PopupAction {
        self.sending = false;
        let context = &mut *cx.context;
        match result {
            Ok(Reply::Key(key)) => {
                let name = text::truncate_to_width(&key.name, NAME).into_owned();
                // Asked twice, the server answers the same twice: of two admins one did it.
                let me = context.me.as_ref().map(|me| me.member.id);
                let other = key.revoked_by.as_ref().filter(|by| Some(by.id) != me);
                let said = other
                    .map(|by| format!("{name} was revoked by {} already", text::sanitize_line(&by.name)));
                cx.tables.heard_key(context, *key);
                context
                    .notices
                    .info(context.now, said.unwrap_or(format!("Revoked {name}: its next request gets 401")));
                return PopupAction::Close;
            }
            Ok(_) => {}
            Err(RequestError::Refused(problem)) if problem.kind == ProblemType::UsedSince => {
                // Decided again, on what is known now.
                if let Some(key) = problem.key {
                    cx.tables.heard_key(context, (*key).clone());
                    self.key = *key;
                }
                self.seen = self
                    .key
                    .last_used_at
                    .map_or(context.server_now(), |at| at.plus(1))
                    .max(context.server_now());
                self.proof = ConfirmationLevel::FourAndReason;
                self.armed = false;
                self.typed.clear_last_four();
            }
            Err(failure) => {
                context.record_failure(&failure);
                self.failed = Some(failure.to_string());
            }
        }
        PopupAction::Stay
    }

    fn shown(&mut self) {
        self.armed = true;
    }

    fn offers(&self, _shared: &Context, tables: &Tables, action: Action) -> bool {
        self.known(tables).revoked_at.is_none() || !matches!(action, Action::Yes | Action::Submit)
    }

    fn draw(&self, context: &Context, tables: &Tables, area: Rect, buf: &mut Buffer) -> Option<(u16, u16)> {
        let theme = context.theme();
        let width = content_width(area, 58);
        let known = self.known(tables);
        if known.revoked_at.is_some() {
            let body = gone(known, context, usize::from(width));
            let size = (width, u16::try_from(body.len()).unwrap_or(u16::MAX));
            let inside = frame("Revoke", PopupTone::Calm, size, area, theme, buf);
            lines(&body, inside, theme, buf);
            return None;
        }
        let mut body = self.body(context, usize::from(width));
        // The fields and the keys stay visible in small windows; the facts give way.
        let room = usize::from(area.height.saturating_sub(2));
        let tail = if self.proof == ConfirmationLevel::Yes { 1 } else { 4 };
        if body.len() > room {
            let keys = body.split_off(body.len() - tail.min(body.len()));
            body.truncate(room.saturating_sub(keys.len()));
            body.extend(keys);
        }
        let size = (width, u16::try_from(body.len()).unwrap_or(u16::MAX));
        let inside = frame("Revoke", PopupTone::Danger, size, area, theme, buf);
        lines(&body, inside, theme, buf);
        if self.proof == ConfirmationLevel::Yes || inside.height < 4 {
            return None;
        }
        self.typed.draw(inside, inside.bottom() - 4, !self.sending, theme, buf)
    }
}

impl RevokePopup {
    fn body(&self, context: &Context, columns: usize) -> Vec<Line<'static>> {
        let theme = context.theme();
        let plain = Style::new();
        let key = &self.key;
        let now = context.server_now();
        let mut out = wrap_paragraph(
            &theme.text(&text::sanitize_line(&key.name)),
            theme.style(StyleRole::Strong),
            columns,
        );
        out.extend(labelled_lines("Secret key", &text::sanitize_line(&key.masked), plain, columns, theme));
        let used = match (key.last_used_at, &key.last_used_by) {
            (Some(at), Some(by)) => {
                format!("{} by {}", format_ago(at, now), text::sanitize_line(&by.to_string()))
            }
            (Some(at), None) => format_ago(at, now),
            (None, _) => context.staleness_rules().last_use(key),
        };
        let live = self.proof != ConfirmationLevel::Yes;
        let style = theme.style(if live { StyleRole::Strong } else { StyleRole::Plain });
        let badge = key.is_in_use(now).then(|| format!("{} ", theme.symbol(ThemeSymbol::InUse)));
        let used = format!("{}{used}", badge.unwrap_or_default());
        out.extend(labelled_lines("Last used", &used, style, columns, theme));
        out.push(Line::default());
        let says = match self.proof {
            ConfirmationLevel::Yes => "Its next request gets 401. This is final: a revoked key never comes back.".to_owned(),
            ConfirmationLevel::Four => "It is in use: revoking it cuts off what uses it. This is final. With a reason it goes even if it is used meanwhile.".to_owned(),
            ConfirmationLevel::Early => "Whatever still uses it is cut off at once; see who that is before you go on. It takes a reason, which is recorded. This is final.".to_owned(),
            ConfirmationLevel::FourAndReason => format!(
                "Not revoked: it was used {}, after you looked. Decide again; now it takes a reason, which is recorded.",
                key.last_used_at.map_or_else(|| "meanwhile".to_owned(), |at| format_ago(at, now))
            ),
        };
        let role = if matches!(self.proof, ConfirmationLevel::FourAndReason | ConfirmationLevel::Early) {
            StyleRole::Danger
        } else {
            StyleRole::Plain
        };
        out.extend(wrap_paragraph(&says, theme.style(role), columns));
        if let Some(why) = &self.failed {
            out.push(Line::default());
            out.extend(wrap_paragraph(
                &theme.text(&text::sanitize_line(why)),
                theme.style(StyleRole::Danger),
                columns,
            ));
        }
        out.push(Line::default());
        let cancel = context.key_press(Action::Cancel);
        if self.proof == ConfirmationLevel::Yes {
            let yes = context.key_press(Action::Yes);
            let mut keys = key_hints(
                &[(&yes, if self.sending { "revoking" } else { "revoke" }), (&cancel, "cancel")],
                theme,
            );
            keys.spans.insert(0, ratatui::text::Span::styled("[ Cancel ]", theme.style(StyleRole::Selected)));
            keys.spans.insert(1, ratatui::text::Span::raw("   "));
            out.push(keys);
        } else {
            out.extend(self.typed.label_lines(key, theme));
            out.push(Line::default());
            let (enter, tab) = (context.key_press(Action::Submit), context.key_press(Action::NextField));
            let does = if self.sending { "revoking" } else { "revoke" };
            out.push(key_hints(&[(&enter, does), (&tab, "next field"), (&cancel, "cancel")], theme));
        }
        out
    }
}

/// What is said once someone else revoked the key while the popup was open.
fn gone(key: &Key, context: &Context, columns: usize) -> Vec<Line<'static>> {
    let theme = context.theme();
    let mut out =
        wrap_paragraph(&theme.text(&text::sanitize_line(&key.name)), theme.style(StyleRole::Strong), columns);
    out.extend(labelled_lines("Secret key", &text::sanitize_line(&key.masked), Style::new(), columns, theme));
    out.push(Line::default());
    let ago =
        key.revoked_at.map_or_else(String::new, |at| format!(" {}", format_ago(at, context.server_now())));
    let by = key
        .revoked_by
        .as_ref()
        .map_or_else(String::new, |by| format!(" by {}", text::sanitize_line(&by.name)));
    let says = format!("It was revoked{ago}{by}, while this was open. Nothing is left to do.");
    out.extend(wrap_paragraph(&theme.text(&says), Style::new(), columns));
    out.push(Line::default());
    out.push(key_hints(&[(&context.key_press(Action::Cancel), "close")], theme));
    out
}
