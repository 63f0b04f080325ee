//! The popup that removes a member: what dies and what survives, from the server's own trial, then the way into the review.

use crokey::KeyCombination;
use crokey::crossterm::event::KeyCode;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::domain::filter::quote;
use crate::domain::key::{IN_USE_WITHIN, KeyKind};
use crate::domain::text::{pad_to_width, sanitize_line};
use crate::domain::time::format_ago;
use crate::tui::context::{Context, ReplyTo};
use crate::tui::form::TextField;
use crate::tui::keymap::{Action, KeyContext, stack};
use crate::tui::msg::{ApiRequest, Reply, RequestError};
use crate::tui::popup::{
    Popup, PopupAction, PopupFrame, PopupTone, Scroll, asks_for, content_width, scrolled,
};
use crate::tui::text_layout::{key_hints, wrap_paragraph};
use crate::tui::theme::{StyleRole, ThemeSymbol};
use crate::wire::members::{KeySummary, Member, MemberRemoval};

/// Removing a member.
#[derive(Debug)]
pub struct RemoveMemberPopup {
    member: Member,
    removal: Option<MemberRemoval>,
    /// What is typed where keys that are in use would die: `remove 3`.
    phrase: Option<String>,
    typed: TextField,
    shown: bool,
    sending: bool,
    wrong: Option<String>,
    scroll: Scroll,
}

impl RemoveMemberPopup {
    /// Asks the server what removing this member would do.
    pub fn new(context: &mut Context, member: Member) -> Self {
        context.request(ReplyTo::Popup, ApiRequest::Remove { id: member.id, dry_run: true });
        Self {
            member,
            removal: None,
            phrase: None,
            typed: TextField::default(),
            shown: false,
            sending: false,
            wrong: None,
            scroll: Scroll::default(),
        }
    }

    fn done(&self) -> bool {
        self.removal.as_ref().is_some_and(|removal| !removal.dry_run)
    }

    fn confirm(&mut self, context: &mut Context) {
        if !self.shown || self.sending || !self.removal.as_ref().is_some_and(|removal| removal.dry_run) {
            return;
        }
        if let Some(phrase) = &self.phrase
            && self.typed.text().trim() != phrase
        {
            self.wrong = Some(format!("Type {phrase} to go on."));
            return;
        }
        self.sending = true;
        context.request(ReplyTo::Popup, ApiRequest::Remove { id: self.member.id, dry_run: false });
    }

    /// Into the review of what the member left behind.
    fn review(&self) -> PopupAction {
        let survivors = self.removal.as_ref().is_some_and(|removal| !removal.to_review.is_empty());
        if !survivors {
            return PopupAction::Close;
        }
        PopupAction::Review { filter: format!("owner:{}", quote(&self.member.email, true)) }
    }
}

impl Popup for RemoveMemberPopup {
    fn key_contexts(&self) -> &'static [KeyContext] {
        match &self.removal {
            Some(removal) if removal.dry_run && self.phrase.is_some() => stack::TEXT,
            Some(removal) if removal.dry_run => stack::CONFIRM,
            _ => stack::POPUP,
        }
    }

    fn act(&mut self, context: &mut Context, action: Action) -> PopupAction {
        match action {
            Action::Submit | Action::Yes => self.confirm(context),
            Action::Activate if self.done() => return self.review(),
            Action::ScrollDown => self.scroll.by(1),
            Action::ScrollUp => self.scroll.by(-1),
            // The focus is on Cancel.
            Action::Activate | Action::Cancel if !self.sending => return PopupAction::Close,
            _ => {}
        }
        PopupAction::Stay
    }

    fn press(&mut self, _: &mut Context, key: KeyCombination) -> PopupAction {
        self.wrong = None;
        match key.codes.first() {
            KeyCode::Down => self.scroll.by(1),
            KeyCode::Up => self.scroll.by(-1),
            _ if self.shown && self.phrase.is_some() => drop(self.typed.handle_key(key)),
            _ => {}
        }
        PopupAction::Stay
    }

    fn reply(&mut self, context: &mut Context, result: Result<Reply, RequestError>) -> PopupAction {
        match result {
            Ok(Reply::Removal(removal)) => {
                let done = !removal.dry_run;
                let now = context.server_now();
                let live =
                    |key: &KeySummary| key.last_used_at.is_some_and(|at| now.since(at) <= IN_USE_WITHIN);
                let typed = !done && removal.revoked.iter().any(live);
                self.phrase = typed.then(|| format!("remove {}", removal.revoked.len()));
                self.removal = Some(*removal);
                // The list is another one than before: a confirmation counts after it was shown.
                (self.shown, self.sending) = (false, false);
                self.scroll.to_top();
                if done {
                    context.load_members();
                    context.refresh_keys(KeyKind::Organization);
                }
            }
            Ok(_) => {}
            Err(failure) => {
                context.record_failure(&failure);
                self.sending = false;
                self.wrong = Some(failure.to_string());
            }
        }
        PopupAction::Stay
    }

    fn shown(&mut self) {
        self.shown = self.removal.is_some();
    }

    fn draw(&self, context: &Context, area: Rect, buf: &mut Buffer) -> PopupFrame {
        let theme = context.theme();
        let columns = content_width(area, 76);
        let strong = theme.style(StyleRole::Strong);
        let now = context.server_now();
        let mut list: Vec<Line<'_>> = Vec::new();
        match &self.removal {
            None => list.push(Line::styled("Asking what this would do.", theme.style(StyleRole::Muted))),
            Some(removal) => {
                let dies = if removal.dry_run { "will be revoked" } else { "revoked" };
                let stays =
                    if removal.dry_run { "will stay, without an owner" } else { "left without an owner" };
                let room = usize::from(columns.saturating_sub(34)).min(36);
                for (keys, kind, fate, role) in [
                    (&removal.revoked, "personal", dies, StyleRole::Danger),
                    (&removal.to_review, "organization", stays, StyleRole::Orphaned),
                ] {
                    let count = keys.len();
                    let word = if count == 1 { "key" } else { "keys" };
                    list.push(Line::styled(format!("{count} {kind} {word} {fate}"), theme.style(role)));
                    for key in keys {
                        let live = key.last_used_at.is_some_and(|at| now.since(at) <= IN_USE_WITHIN);
                        let badge = if live { theme.symbol(ThemeSymbol::InUse) } else { " " };
                        list.push(Line::from(vec![
                            Span::styled(format!("{badge} "), theme.style(StyleRole::InUse)),
                            Span::raw(format!(
                                "{} ",
                                pad_to_width(&theme.text(&sanitize_line(&key.name)), room)
                            )),
                            Span::styled(
                                format!(
                                    "{}  {}",
                                    sanitize_line(&key.masked),
                                    key.last_used_at.map_or("Never".to_owned(), |at| format_ago(at, now))
                                ),
                                theme.style(StyleRole::Muted),
                            ),
                        ]));
                    }
                }
                let sessions = removal.sessions_ended;
                let word = if sessions == 1 { "session" } else { "sessions" };
                let ends = if removal.dry_run { "will end" } else { "ended" };
                list.push(Line::raw(format!("{sessions} {word} {ends}")));
            }
        }
        let mut foot = vec![Line::default()];
        if !self.done() && context.is_me(self.member.id) {
            let said = "This is you: you are signed out at once, and cannot come back by yourself.";
            foot.extend(wrap_paragraph(said, theme.style(StyleRole::Danger), usize::from(columns)));
        }
        if let Some(wrong) = &self.wrong {
            foot.extend(wrap_paragraph(wrong, theme.style(StyleRole::Danger), usize::from(columns)));
        }
        let key = |action| context.key_press(action);
        let cancel = key(Action::Cancel);
        foot.push(match (&self.phrase, &self.removal) {
            (_, Some(removal)) if !removal.dry_run && !removal.to_review.is_empty() => {
                key_hints(&[(&key(Action::Activate), "review what is left"), (&cancel, "close")], theme)
            }
            (_, Some(removal)) if !removal.dry_run => key_hints(&[(&cancel, "close")], theme),
            (Some(phrase), _) => Line::styled(asks_for(phrase, context, columns), strong),
            (None, Some(_)) => key_hints(&[(&key(Action::Yes), "remove"), (&cancel, "back")], theme),
            (None, None) => key_hints(&[(&cancel, "back")], theme),
        });
        let title = format!("{} {}", if self.done() { "Removed" } else { "Remove" }, self.member.name);
        let (inside, max_scroll) = scrolled(
            &title,
            if self.done() { PopupTone::Calm } else { PopupTone::Danger },
            (list.len(), &|row| list[row].clone()),
            &foot,
            &self.scroll,
            (columns, area),
            theme,
            buf,
        );
        if self.phrase.is_none() {
            return PopupFrame { cursor: None, max_scroll };
        }
        let label = u16::try_from(foot.last().map_or(0, Line::width)).unwrap_or(0);
        let field = Rect {
            x: inside.x + label,
            y: inside.bottom().saturating_sub(1),
            width: inside.width.saturating_sub(label),
            height: 1,
        };
        PopupFrame { cursor: self.typed.draw(field, true, theme, buf), max_scroll }
    }

    fn clamp_scroll(&mut self, max: usize) {
        self.scroll.clamp(max);
    }
}
