//! Popup that creates a key, alone or as the replacement of another one. Advises on the name and the kind during typing.

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
use crate::tui::popup::{Popup, PopupAction, PopupFrame, PopupTone, content_width, frame};
use crate::tui::text_layout::{action_hints, draw_line, radio_button, wrap_paragraph, wrap_text};
use crate::tui::theme::StyleRole;
use crate::wire::keys::{CreateKey, RevokeKey};
use crate::wire::problem::ProblemType;

/// Warning shown in the popup, from the documentation of these keys.
pub const WARNING: &str = "A key gives access to all data of the organization. Treat it like a password.";

/// Shorter form of [`WARNING`] for low windows.
const SHORT_WARNING: &str = "A key gives access to all data, like a password.";

const NAME: usize = 0;
const NOTE: usize = 1;
const KIND: usize = 2;

/// State of the popup.
#[derive(Debug)]
pub struct CreatePopup {
    kind: KeyKind,
    /// The member may create keys of both kinds.
    choice: bool,
    /// Key that the new one will replace.
    replaces: Option<Key>,
    /// Earlier replacement to revoke first, so that a key never has two replacements.
    lost: Option<LostReplacement>,
    name: TextField,
    note: TextField,
    focus: FormFocus,
    /// The user tried to submit, so an empty name is reported too.
    tried: bool,
    sending: bool,
    /// The last request: repeating it unchanged reuses its idempotency key.
    sent: Option<(String, CreateKey, KeyKind)>,
    error: Option<String>,
}

/// Replacement that was never used and whose secret is lost.
#[derive(Debug)]
struct LostReplacement {
    key: Key,
    /// A frame that announces the revocation was written, so Enter may be accepted.
    shown: bool,
}

impl CreatePopup {
    /// Creates an empty popup. `choice` allows the other kind to be chosen.
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

    /// Creates a popup for the replacement of `old`, with a proposed name and the note of `old`.
    pub fn replacing(old: Key, name: &str) -> Self {
        let mut state = Self::new(old.kind, false);
        state.name = TextField::with_text(name);
        state.note = TextField::with_text(old.note.as_deref().unwrap_or_default());
        state.replaces = Some(old);
        state
    }

    /// Creates a popup for a new replacement of `old` that takes the place of `lost`, an unused one whose secret is lost.
    pub fn instead_of(lost: Key, old: Key, name: &str) -> Self {
        Self { lost: Some(LostReplacement { key: lost, shown: false }), ..Self::replacing(old, name) }
    }

    /// Returns the key that the new one will replace.
    pub fn replaces(&self) -> Option<&Key> {
        self.replaces.as_ref()
    }

    /// Shows why the key was not created. The fields keep their content.
    fn refused(&mut self, failure: &RequestError) {
        self.sending = false;
        self.error = Some(failure.to_string());
    }

    fn first_error(&self) -> Option<(usize, String)> {
        let name = key::normalize_name(self.name.text()).err().map(|why| (NAME, format!("The name {why}.")));
        name.or_else(|| {
            key::normalize_note(self.note.text()).err().map(|why| (NOTE, format!("The note {why}.")))
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

    /// Returns advice on the name: that it is invalid, already exists, or suggests one kind of key.
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
                format!("A key with this name exists already: {}.", existing.masked),
            ));
        }
        let (kind, why) = recommended_kind(typed)?;
        if kind == self.kind {
            return Some((StyleRole::Muted, format!("Right kind: {why}.")));
        }
        Some((
            StyleRole::Stale,
            format!("Better use {} {kind} key: {why}.", if kind == KeyKind::Personal { "a" } else { "an" }),
        ))
    }
}

impl Popup for CreatePopup {
    fn key_contexts(&self) -> &'static [KeyContext] {
        stack::TEXT
    }

    fn act(&mut self, context: &mut Context, action: Action) -> PopupAction {
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

    fn press(&mut self, _context: &mut Context, key: KeyCombination) -> PopupAction {
        match self.focus.index {
            _ if self.sending => {}
            NAME => drop(self.name.handle_key(key)),
            NOTE => drop(self.note.handle_key(key)),
            _ if is_switch_key(key) => self.kind = self.kind.other(),
            _ => {}
        }
        PopupAction::Stay
    }

    fn paste(&mut self, _context: &mut Context, text: &str) {
        match self.focus.index {
            NAME => self.name.paste(text),
            NOTE => self.note.paste(text),
            _ => {}
        }
    }

    fn reply(&mut self, context: &mut Context, result: Result<Reply, RequestError>) -> PopupAction {
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
                    "The replacement has been used, so someone has its secret. It was kept, and nothing was created.".to_owned()
                } else {
                    failure.to_string()
                });
            }
        }
        PopupAction::Stay
    }

    fn shown(&mut self) {
        if let Some(lost) = &mut self.lost {
            lost.shown = true;
        }
    }

    fn survives_sign_in(&self) -> bool {
        true
    }

    fn create_failed(&mut self, failure: &RequestError) -> bool {
        self.refused(failure);
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
                    "The replacement {} was never used. It is revoked first, then this key is created in its place.",
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
            (Some(old), _) if self.lost.is_some() => format!("Replace the replacement of {}", old.name),
            (Some(old), _) => format!("Replace {}", old.name),
            (None, KeyKind::Personal) => "New personal key".to_owned(),
            (None, KeyKind::Organization) => "New organization key".to_owned(),
        };
        let size = (width, u16::try_from(height).unwrap_or(u16::MAX));
        let inside = frame(&title, PopupTone::Calm, size, area, theme, buf);
        let mut y = inside.y;
        let mut cursor = None;
        let mut field = |label: &str, field: &TextField, at: usize, y: u16, buf: &mut Buffer| {
            let focused = self.focus.index == at && !self.sending;
            let role = if focused { StyleRole::Accent } else { StyleRole::Muted };
            buf.set_string(inside.x, y, label, theme.style(role));
            let place = Rect { x: inside.x + 6, y, width: inside.width.saturating_sub(6), height: 1 };
            cursor = cursor.or(field.draw(place, focused, theme, buf));
        };
        field("Name", &self.name, NAME, y, buf);
        for line in advice.iter().take(advice_lines) {
            y += 1;
            draw_line(buf, (inside.x, y), inside.width, line, Style::new(), theme);
        }
        y = inside.y + 1 + u16::try_from(advice_lines).unwrap_or(0);
        field("Note", &self.note, NOTE, y, buf);
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
        let focused = self.focus.index == KIND;
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

/// Returns the popup for a new key on the tab of `kind`.
///
/// # Errors
/// The member may not create keys of this kind.
pub fn open(context: &Context, kind: KeyKind) -> Result<CreatePopup, String> {
    context.check_permission(Permission::CreateKey(kind))?;
    let choice = context.check_permission(Permission::CreateKey(kind.other())).is_ok();
    Ok(CreatePopup::new(kind, choice))
}
