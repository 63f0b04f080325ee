//! The popup that creates a key: name, note, kind, with advice and warnings while one types.

use crokey::KeyCombination;
use crokey::crossterm::event::KeyCode;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use crate::domain::key::{self, Key, KeyKind, recommended_kind};
use crate::domain::member::Permission;
use crate::tui::app::Tables;
use crate::tui::context::{Context, ReplyTo};
use crate::tui::form::{FormFocus, TextField};
use crate::tui::keymap::{Action, KeyContext, stack};
use crate::tui::msg::{ApiRequest, Reply, RequestError};
use crate::tui::popup::{Popup, PopupAction, PopupContext, PopupTone, content_width, frame};
use crate::tui::text_layout::{draw_line, key_hints, radio_button, wrap_paragraph, wrap_text};
use crate::tui::theme::StyleRole;
use crate::wire::keys::{CreateKey, RevokeKey};
use crate::wire::problem::ProblemType;

/// The warning of the documentation of such keys.
pub const WARNING: &str =
    "A key opens all data of the organization to whoever has it. Treat it like a password.";

/// The same in two lines of a narrow window.
const LOW_WARNING: &str = "A key opens all data to whoever has it, like a password.";

const NAME: usize = 0;
const NOTE: usize = 1;
const KIND: usize = 2;

/// What was typed so far.
#[derive(Debug)]
pub struct CreatePopup {
    kind: KeyKind,
    choice: bool,
    replaces: Option<Key>,
    /// A replacement whose secret is lost: it is revoked first, so that there is never a second one.
    lost: Option<LostReplacement>,
    name: TextField,
    note: TextField,
    focus: FormFocus,
    tried: bool,
    sending: bool,
    sent: Option<(String, CreateKey, KeyKind)>,
    failed: Option<String>,
}

/// A replacement whose secret is lost.
#[derive(Debug)]
struct LostReplacement {
    key: Key,
    /// Whether it was shown that it will be revoked.
    shown: bool,
}

impl CreatePopup {
    /// An empty popup; `choice` says whether the member may choose the other kind too.
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
            failed: None,
        }
    }

    /// For the replacement of a key, with a proposed name.
    pub fn replacing(old: Key, name: &str) -> Self {
        let mut state = Self::new(old.kind, false);
        state.name = TextField::with_text(name);
        state.note = TextField::with_text(old.note.as_deref().unwrap_or_default());
        state.replaces = Some(old);
        state
    }

    /// For another replacement of a key, instead of one that was never used and whose secret is lost.
    pub fn instead_of(lost: Key, old: Key, name: &str) -> Self {
        Self { lost: Some(LostReplacement { key: lost, shown: false }), ..Self::replacing(old, name) }
    }

    /// The key that is to be replaced.
    pub fn replaces(&self) -> Option<&Key> {
        self.replaces.as_ref()
    }

    /// The create was not answered with a key: everything typed stays.
    pub fn refused(&mut self, failure: &RequestError) {
        self.sending = false;
        self.failed = Some(failure.to_string());
    }

    fn wrong(&self) -> Option<(usize, String)> {
        let name = key::normalize_name(self.name.text()).err().map(|why| (NAME, format!("The name {why}.")));
        name.or_else(|| {
            key::normalize_note(self.note.text()).err().map(|why| (NOTE, format!("The note {why}.")))
        })
    }

    fn submit(&mut self, context: &mut Context) {
        self.tried = true;
        // Where something is revoked first, Enter counts only after that was shown.
        if self.sending || self.lost.as_ref().is_some_and(|lost| !lost.shown) {
            return;
        }
        if let Some((field, _)) = self.wrong() {
            self.focus.index = field;
            return;
        }
        if let Some(LostReplacement { key: lost, .. }) = &self.lost {
            // Since its creation nobody may have used it: else someone has its secret.
            let body = RevokeKey { unless_used_since: Some(lost.created_at), ..RevokeKey::default() };
            let ask = ApiRequest::Revoke { kind: lost.kind, id: lost.id, body };
            (self.sending, self.failed) = (true, None);
            context.request(ReplyTo::Popup, ask);
            return;
        }
        let (Ok(name), Ok(note)) =
            (key::normalize_name(self.name.text()), key::normalize_note(self.note.text()))
        else {
            return;
        };
        let body = CreateKey { name, note, replaces: self.replaces.as_ref().map(|old| old.id) };
        // The same create again is the same request; another one gets a key of its own.
        let idempotency_key = match &self.sent {
            Some((key, sent, kind)) if *sent == body && *kind == self.kind => key.clone(),
            _ => context.idempotency_key(),
        };
        self.sent = Some((idempotency_key.clone(), body.clone(), self.kind));
        (self.sending, self.failed) = (true, None);
        context.create_key(self.kind, idempotency_key, body, None);
    }

    /// What is to be said about the name: wrong, a twin, or which kind suits it.
    fn advice(&self, tables: &Tables) -> Option<(StyleRole, String)> {
        let typed = self.name.text().trim();
        if let Some((_, why)) = self.wrong().filter(|_| self.tried || !typed.is_empty()) {
            return Some((StyleRole::Danger, why));
        }
        let replaced = self.replaces.as_ref().map(|old| old.id);
        let twin = |key: &&Key| {
            key.revoked_at.is_none() && Some(key.id) != replaced && key.name.eq_ignore_ascii_case(typed)
        };
        let keys = tables.of(self.kind).key_list.keys();
        if let Some(twin) = keys.iter().find(twin).filter(|_| !typed.is_empty()) {
            return Some((
                StyleRole::Stale,
                format!("There is a key of this name already: {}.", twin.masked),
            ));
        }
        let (kind, why) = recommended_kind(typed)?;
        if kind == self.kind {
            return Some((StyleRole::Muted, format!("Right kind: {why}.")));
        }
        Some((
            StyleRole::Stale,
            format!("Better {} {kind} key: {why}.", if kind == KeyKind::Personal { "a" } else { "an" }),
        ))
    }
}

impl Popup for CreatePopup {
    fn key_contexts(&self) -> &'static [KeyContext] {
        stack::TEXT
    }

    fn act(&mut self, cx: &mut PopupContext<'_>, action: Action) -> PopupAction {
        match action {
            Action::Submit => self.submit(cx.context),
            Action::NextField => self.focus.focus_next(),
            Action::PreviousField => self.focus.focus_previous(),
            Action::Cancel if self.sending => {
                cx.context.notices.info(cx.context.now, "The request is on its way; its answer decides");
            }
            Action::Cancel => return PopupAction::Close,
            _ => {}
        }
        PopupAction::Stay
    }

    fn press(&mut self, _cx: &mut PopupContext<'_>, key: KeyCombination) -> PopupAction {
        match self.focus.index {
            _ if self.sending => {}
            NAME => drop(self.name.handle_key(key)),
            NOTE => drop(self.note.handle_key(key)),
            _ if matches!(key.codes.first(), KeyCode::Left | KeyCode::Right | KeyCode::Char(' ')) => {
                self.kind = self.kind.other();
            }
            _ => {}
        }
        PopupAction::Stay
    }

    fn paste(&mut self, _cx: &mut PopupContext<'_>, text: &str) {
        match self.focus.index {
            NAME => self.name.paste(text),
            NOTE => self.note.paste(text),
            _ => {}
        }
    }

    fn reply(&mut self, cx: &mut PopupContext<'_>, result: Result<Reply, RequestError>) -> PopupAction {
        self.sending = false;
        match result {
            Ok(Reply::Key(key)) => {
                cx.tables.heard_key(cx.context, *key);
                self.lost = None;
                self.submit(cx.context);
            }
            Ok(_) => {}
            Err(failure) => {
                cx.context.record_failure(&failure);
                let used = failure.problem_type() == Some(ProblemType::UsedSince);
                self.failed = Some(if used {
                    "The replacement is in use by now, so someone has its secret: it stays, and nothing was created.".to_owned()
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

    fn draw(&self, context: &Context, tables: &Tables, area: Rect, buf: &mut Buffer) -> Option<(u16, u16)> {
        let theme = context.theme();
        let width = content_width(area, 62);
        let columns = usize::from(width);
        let advice = self.advice(tables).map_or_else(Vec::new, |(role, text)| {
            wrap_text(&theme.text(&text), columns - 6)
                .into_iter()
                .map(|l| Line::styled(format!("      {l}"), theme.style(role)))
                .collect()
        });
        // Room for two lines of advice at all times, so that the fields stand still while one types.
        let advice_lines = advice.len().max(2).min(if area.height < 14 { 1 } else { 3 });
        let low = area.height < 13;
        let warning = match &self.lost {
            Some(lost) => wrap_paragraph(
                &theme.text(&format!(
                    "The replacement {} was never used. It is revoked first, then this one is created in its place.",
                    lost.key.masked
                )),
                Style::new(),
                columns,
            ),
            // In a low window the failure is more urgent.
            None if low && self.failed.is_some() => vec![],
            None => wrap_paragraph(if low { LOW_WARNING } else { WARNING }, Style::new(), columns),
        };
        let failed = self.failed.as_ref().map_or_else(Vec::new, |why| {
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
        draw_line(buf, (inside.x, y), inside.width, &self.kind_line(context), Style::new(), theme);
        y += 1;
        let rest = blank.iter().cloned().chain(warning).chain(failed).chain(blank.iter().cloned());
        let does = if self.sending { "creating" } else { "create" };
        let enter = context.key_press(Action::Submit);
        let (tab, esc) = (context.key_press(Action::NextField), context.key_press(Action::Cancel));
        let keys = key_hints(&[(&enter, does), (&tab, "next field"), (&esc, "cancel")], theme);
        // The keys stay visible.
        let room = usize::from(inside.bottom().saturating_sub(y + 1));
        for line in rest.take(room).chain([keys]) {
            draw_line(buf, (inside.x, y), inside.width, &line, Style::new(), theme);
            y += 1;
        }
        cursor
    }
}

impl CreatePopup {
    fn kind_line(&self, context: &Context) -> Line<'static> {
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
            spans.push(Span::styled("Space changes it", theme.style(StyleRole::Muted)));
        }
        Line::from(spans)
    }
}

/// The popup for a new key on the tab of `kind`, or why there is none.
///
/// # Errors
/// The member may not create such keys.
pub fn open(context: &Context, kind: KeyKind) -> Result<CreatePopup, String> {
    context.check_permission(Permission::CreateKey(kind))?;
    let choice = context.check_permission(Permission::CreateKey(kind.other())).is_ok();
    Ok(CreatePopup::new(kind, choice))
}
