//! Popup that creates a key, which may replace another key. Gives hints about the name and the kind while the user types.

use crokey::KeyCombination;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use crate::domain::key::{self, Key, KeyKind, recommended_kind};
use crate::domain::permission::Permission;
use crate::tui::context::{Context, ReplyTo};
use crate::tui::form::{FormFocus, REQUEST_IN_FLIGHT, SWITCH_KEY, TextField, is_switch_key};
use crate::tui::keymap::{Action, KeyContext, stack};
use crate::tui::msg::{ApiRequest, Reply, RequestError};
use crate::tui::popup::{Popup, PopupAction, PopupFrame, PopupTone, content_width, draw_frame};
use crate::tui::text_layout::{action_hints, draw_line, radio_button, wrap_paragraph, wrap_text};
use crate::tui::theme::StyleRole;
use crate::wire::keys::{CreateKey, RevokeKey};
use crate::wire::problem::ProblemType;

/// Warning about the power of a key, shown before it is created.
pub const WARNING: &str = "A key gives access to all of the organization's data. Treat it like a password.";

/// Shorter [`WARNING`] for windows with few rows.
const SHORT_WARNING: &str = "Like a password, a key gives access to all data.";

const NAME_FIELD: usize = 0;
const NOTE_FIELD: usize = 1;
const KIND_FIELD: usize = 2;

#[derive(Debug)]
pub struct CreatePopup {
    kind: KeyKind,
    /// Whether the member may create both kinds of key, so that the popup has a field for the kind.
    choice: bool,
    /// Key that the new one will replace; `None` if the new key does not replace any.
    replaces: Option<Key>,
    /// Earlier replacement that is revoked first, so that a key never has two replacements.
    lost: Option<LostReplacement>,
    name: TextField,
    note: TextField,
    focus: FormFocus,
    /// Whether the user has tried to submit the form; an empty name is reported only after that.
    tried: bool,
    sending: bool,
    /// Idempotency key and content of the last request, to retry it with the same idempotency key if the user changes nothing.
    sent: Option<(String, CreateKey, KeyKind)>,
    error: Option<String>,
}

/// Replacement that was never used and whose secret is lost.
#[derive(Debug)]
struct LostReplacement {
    key: Key,
    /// Whether a frame that announces the revocation was written; Enter is ignored before that.
    shown: bool,
}

impl CreatePopup {
    /// Creates an empty form. `choice` adds a field for the kind of key.
    pub fn new(kind: KeyKind, choice: bool) -> Self {
        Self {
            kind,
            choice,
            replaces: None,
            lost: None,
            name: TextField::default(),
            note: TextField::default(),
            focus: FormFocus::new(if choice { 3 } else { 2 }),
            tried: false,
            sending: false,
            sent: None,
            error: None,
        }
    }

    /// Creates the form for a replacement of `old`, with a proposed name and the note of `old`.
    pub fn replacing(old: Key, name: &str) -> Self {
        let mut state = Self::new(old.kind, false);
        state.name = TextField::with_text(name);
        state.note = TextField::with_text(old.note.as_deref().unwrap_or_default());
        state.replaces = Some(old);
        state
    }

    /// Creates the form for a replacement of `old` that also revokes `lost`, an unused replacement whose secret is lost.
    pub fn replacing_lost(lost: Key, old: Key, name: &str) -> Self {
        Self { lost: Some(LostReplacement { key: lost, shown: false }), ..Self::replacing(old, name) }
    }

    /// Shows why the key was not created. The fields keep their content.
    fn show_refusal(&mut self, failure: &RequestError) {
        self.sending = false;
        self.error = Some(failure.to_string());
    }

    fn first_error(&self) -> Option<(usize, String)> {
        let name =
            key::normalize_name(self.name.text()).err().map(|why| (NAME_FIELD, format!("The name {why}.")));
        name.or_else(|| {
            key::normalize_note(self.note.text()).err().map(|why| (NOTE_FIELD, format!("The note {why}.")))
        })
    }

    fn submit(&mut self, context: &mut Context) {
        self.tried = true;
        // If a key is to be revoked first, Enter is accepted only after a frame has shown that.
        if self.sending || self.lost.as_ref().is_some_and(|lost| !lost.shown) {
            return;
        }
        if let Some((field, _)) = self.first_error() {
            self.focus.index = field;
            return;
        }
        if let Some(LostReplacement { key: lost, .. }) = &self.lost {
            // If it has been used since its creation, someone has its secret, and the server refuses.
            let body = RevokeKey { unless_used_since: Some(lost.created_at), ..RevokeKey::default() };
            let ask = ApiRequest::Revoke { kind: lost.kind, id: lost.id, body };
            (self.sending, self.error) = (true, None);
            context.request(ReplyTo::Popup, ask);
            return;
        }
        let (Ok(name), Ok(note)) =
            (key::normalize_name(self.name.text()), key::normalize_note(self.note.text()))
        else {
            return;
        };
        let body = CreateKey { name, note, replaces: self.replaces.as_ref().map(|old| old.id) };
        // An unchanged repetition reuses the idempotency key; a changed request gets a new one.
        let idempotency_key = match &self.sent {
            Some((key, sent, kind)) if *sent == body && *kind == self.kind => key.clone(),
            _ => context.idempotency_key(),
        };
        self.sent = Some((idempotency_key.clone(), body.clone(), self.kind));
        (self.sending, self.error) = (true, None);
        context.create_key(self.kind, idempotency_key, body, None);
    }

    /// Returns a hint about the name: it is invalid, it already exists, or it suggests the other kind of key.
    fn advice(&self, context: &Context) -> Option<(StyleRole, String)> {
        let typed = self.name.text().trim();
        if let Some((_, why)) = self.first_error().filter(|_| self.tried || !typed.is_empty()) {
            return Some((StyleRole::Danger, why));
        }
        let replaced = self.replaces.as_ref().map(|old| old.id);
        let has_same_name = |key: &&Key| {
            key.revoked_at.is_none() && Some(key.id) != replaced && key.name.eq_ignore_ascii_case(typed)
        };
        let keys = context.keys(self.kind).keys();
        if let Some(existing) = keys.iter().find(has_same_name).filter(|_| !typed.is_empty()) {
            return Some((
                StyleRole::Stale,
                format!("A key with this name already exists: {}.", existing.masked),
            ));
        }
        let (kind, why) = recommended_kind(typed)?;
        if kind == self.kind {
            return Some((StyleRole::Muted, format!("Right kind: {why}.")));
        }
        Some((
            StyleRole::Stale,
            format!(
                "Consider {} {kind} key instead: {why}.",
                if kind == KeyKind::Personal { "a" } else { "an" }
            ),
        ))
    }
}

impl Popup for CreatePopup {
    fn key_contexts(&self) -> &'static [KeyContext] {
        stack::TEXT
    }

    fn run_action(&mut self, context: &mut Context, action: Action) -> PopupAction {
        match action {
            Action::Submit => self.submit(context),
            Action::NextField => self.focus.focus_next(),
            Action::PreviousField => self.focus.focus_previous(),
            Action::Cancel if self.sending => {
                context.notices.info(context.now, REQUEST_IN_FLIGHT);
            }
            Action::Cancel => return PopupAction::Close,
            _ => {}
        }
        PopupAction::Stay
    }

    fn handle_key(&mut self, _context: &mut Context, key: KeyCombination) -> PopupAction {
        match self.focus.index {
            _ if self.sending => {}
            NAME_FIELD => drop(self.name.handle_key(key)),
            NOTE_FIELD => drop(self.note.handle_key(key)),
            _ if is_switch_key(key) => self.kind = self.kind.other(),
            _ => {}
        }
        PopupAction::Stay
    }

    fn paste(&mut self, _context: &mut Context, text: &str) {
        match self.focus.index {
            NAME_FIELD => self.name.paste(text),
            NOTE_FIELD => self.note.paste(text),
            _ => {}
        }
    }

    fn apply_reply(&mut self, context: &mut Context, result: Result<Reply, RequestError>) -> PopupAction {
        self.sending = false;
        match result {
            Ok(Reply::Key(key)) => {
                context.apply_key(*key);
                self.lost = None;
                self.submit(context);
            }
            Ok(_) => {}
            Err(failure) => {
                context.record_failure(&failure);
                let used = failure.problem_type() == Some(ProblemType::UsedSince);
                self.error = Some(if used {
                    "The replacement has been used, so someone has its secret. It was not revoked, and no key was created.".to_owned()
                } else {
                    failure.to_string()
                });
            }
        }
        PopupAction::Stay
    }

    fn mark_shown(&mut self) {
        if let Some(lost) = &mut self.lost {
            lost.shown = true;
        }
    }

    fn survives_sign_in(&self) -> bool {
        true
    }

    fn show_create_failure(&mut self, failure: &RequestError) -> bool {
        self.show_refusal(failure);
        true
    }

    fn draw(&self, context: &Context, area: Rect, buf: &mut Buffer) -> PopupFrame {
        let theme = context.theme();
        let width = content_width(area, 62);
        let columns = usize::from(width);
        let advice = self.advice(context).map_or_else(Vec::new, |(role, text)| {
            wrap_text(&theme.text(&text), columns - 6)
                .into_iter()
                .map(|l| Line::styled(format!("      {l}"), theme.style(role)))
                .collect()
        });
        // Always room for two lines of advice, so that the fields do not move during typing.
        let advice_lines = advice.len().max(2).min(if area.height < 14 { 1 } else { 3 });
        let low = area.height < 13;
        let warning = match &self.lost {
            Some(lost) => wrap_paragraph(
                &theme.text(&format!(
                    "The replacement {} was never used. It will be revoked first; then this key will be created in its place.",
                    lost.key.masked
                )),
                Style::new(),
                columns,
            ),
            // In a low window, the error message takes the place of the warning.
            None if low && self.error.is_some() => vec![],
            None => wrap_paragraph(if low { SHORT_WARNING } else { WARNING }, Style::new(), columns),
        };
        let failed = self.error.as_ref().map_or_else(Vec::new, |why| {
            wrap_paragraph(&theme.text(why), theme.style(StyleRole::Danger), columns)
        });
        let blank: &[Line<'_>] = if low { &[] } else { &[Line::default()] };
        let height = 1 + advice_lines + 1 + 1 + 2 * blank.len() + warning.len() + failed.len() + 1;
        let title = match (&self.replaces, self.kind) {
            (Some(old), _) if self.lost.is_some() => format!("New replacement for {}", old.name),
            (Some(old), _) => format!("Replace {}", old.name),
            (None, KeyKind::Personal) => "New personal key".to_owned(),
            (None, KeyKind::Organization) => "New organization key".to_owned(),
        };
        let size = (width, u16::try_from(height).unwrap_or(u16::MAX));
        let inside = draw_frame(&title, PopupTone::Calm, size, area, theme, buf);
        let mut y = inside.y;
        let mut cursor = None;
        let mut field = |label: &str, field: &TextField, at: usize, y: u16, buf: &mut Buffer| {
            let focused = self.focus.index == at && !self.sending;
            let role = if focused { StyleRole::Accent } else { StyleRole::Muted };
            buf.set_string(inside.x, y, label, theme.style(role));
            let place = Rect { x: inside.x + 6, y, width: inside.width.saturating_sub(6), height: 1 };
            cursor = cursor.or(field.draw(place, focused, theme, buf));
        };
        field("Name", &self.name, NAME_FIELD, y, buf);
        for line in advice.iter().take(advice_lines) {
            y += 1;
            draw_line(buf, (inside.x, y), inside.width, line, Style::new(), theme);
        }
        y = inside.y + 1 + u16::try_from(advice_lines).unwrap_or(0);
        field("Note", &self.note, NOTE_FIELD, y, buf);
        y += 1;
        draw_line(buf, (inside.x, y), inside.width, &self.layout_kind_line(context), Style::new(), theme);
        y += 1;
        let rest = blank.iter().cloned().chain(warning).chain(failed).chain(blank.iter().cloned());
        let verb = if self.sending { "creating" } else { "create" };
        let keys = action_hints(
            &[(Action::Submit, verb), (Action::NextField, "next field"), (Action::Cancel, "cancel")],
            context,
        );
        // The key hints stay visible.
        let room = usize::from(inside.bottom().saturating_sub(y + 1));
        for line in rest.take(room).chain([keys]) {
            draw_line(buf, (inside.x, y), inside.width, &line, Style::new(), theme);
            y += 1;
        }
        PopupFrame::from(cursor)
    }
}

impl CreatePopup {
    fn layout_kind_line(&self, context: &Context) -> Line<'static> {
        let theme = context.theme();
        let focused = self.focus.index == KIND_FIELD;
        let label = theme.style(if focused { StyleRole::Accent } else { StyleRole::Muted });
        let mut spans = vec![Span::styled("Kind  ", label)];
        for kind in [KeyKind::Organization, KeyKind::Personal] {
            if kind == self.kind || self.choice {
                spans.push(radio_button(&kind.to_string(), kind == self.kind, theme));
            }
        }
        if focused {
            spans.push(Span::styled(format!("{SWITCH_KEY} changes it"), theme.style(StyleRole::Muted)));
        }
        Line::from(spans)
    }
}

/// Returns the form for a new key of `kind`.
///
/// # Errors
/// Fails if the member may not create keys of this kind. Returns a message for the user.
pub fn open(context: &Context, kind: KeyKind) -> Result<CreatePopup, String> {
    context.check_permission(Permission::CreateKey(kind))?;
    let choice = context.check_permission(Permission::CreateKey(kind.other())).is_ok();
    Ok(CreatePopup::new(kind, choice))
}
