//! Popup that removes a member. Shows which keys will be revoked and which will be orphaned, as the server reports in a dry run;
//! the orphaned keys can be reviewed next.

use crokey::KeyCombination;
use crokey::crossterm::event::KeyCode;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::domain::filter::quote;
use crate::domain::key::{IN_USE_WITHIN, KeyKind};
use crate::domain::text::pad_to_width;
use crate::domain::time::format_ago;
use crate::tui::context::{Context, ReplyTo};
use crate::tui::form::TextField;
use crate::tui::keymap::{Action, KeyContext, stack};
use crate::tui::msg::{ApiRequest, Reply, RequestError};
use crate::tui::popup::{
    Popup, PopupAction, PopupFrame, PopupTone, Scroll, content_width, draw_scrolled, phrase_prompt,
};
use crate::tui::text_layout::{action_hints, wrap_paragraph};
use crate::tui::theme::{StyleRole, ThemeSymbol};
use crate::wire::members::{KeySummary, Member, MemberRemoval};

#[derive(Debug)]
pub struct RemoveMemberPopup {
    member: Member,
    removal: Option<MemberRemoval>,
    /// Phrase that must be typed if a key in use would be revoked, such as `remove 3`; `None` if no phrase is needed.
    phrase: Option<String>,
    typed: TextField,
    shown: bool,
    sending: bool,
    error: Option<String>,
    scroll: Scroll,
}

impl RemoveMemberPopup {
    /// Creates the popup and requests a dry run of the removal, to show its effects before the confirmation.
    pub fn new(context: &mut Context, member: Member) -> Self {
        context.request(ReplyTo::Popup, ApiRequest::Remove { id: member.id, dry_run: true });
        Self {
            member,
            removal: None,
            phrase: None,
            typed: TextField::default(),
            shown: false,
            sending: false,
            error: None,
            scroll: Scroll::default(),
        }
    }

    fn is_done(&self) -> bool {
        self.removal.as_ref().is_some_and(|removal| !removal.dry_run)
    }

    fn confirm(&mut self, context: &mut Context) {
        if !self.shown || self.sending || !self.removal.as_ref().is_some_and(|removal| removal.dry_run) {
            return;
        }
        if let Some(phrase) = &self.phrase
            && self.typed.text().trim() != phrase
        {
            self.error = Some(format!("Type {phrase} to continue."));
            return;
        }
        self.sending = true;
        context.request(ReplyTo::Popup, ApiRequest::Remove { id: self.member.id, dry_run: false });
    }

    /// Opens the Review tab, filtered to the keys that the removed member created, or just closes the popup if there are none.
    fn open_review(&self) -> PopupAction {
        let survivors = self.removal.as_ref().is_some_and(|removal| !removal.to_review.is_empty());
        if !survivors {
            return PopupAction::Close;
        }
        PopupAction::Review { filter: format!("owner:{}", quote(&self.member.email)) }
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

    fn run_action(&mut self, context: &mut Context, action: Action) -> PopupAction {
        match action {
            Action::Submit | Action::Yes => self.confirm(context),
            Action::Activate if self.is_done() => return self.open_review(),
            Action::ScrollDown => self.scroll.scroll_by(1),
            Action::ScrollUp => self.scroll.scroll_by(-1),
            // The focus is on Cancel.
            Action::Activate | Action::Cancel if !self.sending => return PopupAction::Close,
            _ => {}
        }
        PopupAction::Stay
    }

    fn handle_key(&mut self, _: &mut Context, key: KeyCombination) -> PopupAction {
        self.error = None;
        match key.codes.first() {
            KeyCode::Down => self.scroll.scroll_by(1),
            KeyCode::Up => self.scroll.scroll_by(-1),
            _ if self.shown && self.phrase.is_some() => drop(self.typed.handle_key(key)),
            _ => {}
        }
        PopupAction::Stay
    }

    fn apply_reply(&mut self, context: &mut Context, result: Result<Reply, RequestError>) -> PopupAction {
        match result {
            Ok(Reply::Removal(removal)) => {
                let done = !removal.dry_run;
                let now = context.server_now();
                let is_in_use =
                    |key: &KeySummary| key.last_used_at.is_some_and(|at| now.since(at) <= IN_USE_WITHIN);
                let typed = !done && removal.revoked.iter().any(is_in_use);
                self.phrase = typed.then(|| format!("remove {}", removal.revoked.len()));
                self.removal = Some(*removal);
                // The list has changed: a confirmation is accepted only after it was shown.
                (self.shown, self.sending) = (false, false);
                self.scroll.scroll_to_top();
                if done {
                    context.load_members();
                    context.refresh_keys(KeyKind::Organization);
                }
            }
            Ok(_) => {}
            Err(failure) => {
                context.record_failure(&failure);
                self.sending = false;
                self.error = Some(failure.to_string());
            }
        }
        PopupAction::Stay
    }

    fn mark_shown(&mut self) {
        self.shown = self.removal.is_some();
    }

    fn draw(&self, context: &Context, area: Rect, buf: &mut Buffer) -> PopupFrame {
        let theme = context.theme();
        let columns = content_width(area, 76);
        let strong = theme.style(StyleRole::Strong);
        let now = context.server_now();
        let mut list: Vec<Line<'_>> = Vec::new();
        match &self.removal {
            None => {
                list.push(Line::styled(
                    "Checking what this removal will affect.",
                    theme.style(StyleRole::Muted),
                ));
            }
            Some(removal) => {
                let revoked = if removal.dry_run { "will be revoked" } else { "revoked" };
                let kept = if removal.dry_run { "will be orphaned" } else { "orphaned" };
                let room = usize::from(columns.saturating_sub(34)).min(36);
                for (keys, kind, effect, role) in [
                    (&removal.revoked, KeyKind::Personal, revoked, StyleRole::Danger),
                    (&removal.to_review, KeyKind::Organization, kept, StyleRole::Orphaned),
                ] {
                    let count = keys.len();
                    let word = if count == 1 { "key" } else { "keys" };
                    list.push(Line::styled(format!("{count} {kind} {word} {effect}"), theme.style(role)));
                    for key in keys {
                        let is_in_use = key.last_used_at.is_some_and(|at| now.since(at) <= IN_USE_WITHIN);
                        let badge = if is_in_use { theme.symbol(ThemeSymbol::InUse) } else { " " };
                        list.push(Line::from(vec![
                            Span::styled(format!("{badge} "), theme.style(StyleRole::InUse)),
                            Span::raw(format!("{} ", pad_to_width(&theme.text(&key.name), room))),
                            Span::styled(
                                format!(
                                    "{}  {}",
                                    key.masked,
                                    key.last_used_at.map_or("Never".to_owned(), |at| format_ago(at, now))
                                ),
                                theme.style(StyleRole::Muted),
                            ),
                        ]));
                    }
                }
                let sessions = removal.sessions_ended;
                let word = if sessions == 1 { "session" } else { "sessions" };
                let effect = if removal.dry_run { "will end" } else { "ended" };
                list.push(Line::raw(format!("{sessions} {word} {effect}")));
            }
        }
        let mut foot = vec![Line::default()];
        if !self.is_done() && context.is_me(self.member.id) {
            let message =
                "This is you. You will be signed out at once, and only an admin can invite you back.";
            foot.extend(wrap_paragraph(message, theme.style(StyleRole::Danger), usize::from(columns)));
        }
        if let Some(error) = &self.error {
            foot.extend(wrap_paragraph(error, theme.style(StyleRole::Danger), usize::from(columns)));
        }
        foot.push(match (&self.phrase, &self.removal) {
            (_, Some(removal)) if !removal.dry_run && !removal.to_review.is_empty() => {
                action_hints(&[(Action::Activate, "review these keys"), (Action::Cancel, "close")], context)
            }
            (_, Some(removal)) if !removal.dry_run => action_hints(&[(Action::Cancel, "close")], context),
            (Some(phrase), _) => Line::styled(phrase_prompt(phrase, context, columns), strong),
            (None, Some(_)) => action_hints(&[(Action::Yes, "remove"), (Action::Cancel, "back")], context),
            (None, None) => action_hints(&[(Action::Cancel, "back")], context),
        });
        let title = format!("{} {}", if self.is_done() { "Removed" } else { "Remove" }, self.member.name);
        let (inside, max_scroll) = draw_scrolled(
            &title,
            if self.is_done() { PopupTone::Calm } else { PopupTone::Danger },
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
