//! Popup for interrupted key creations whose secret may not have been stored: confirm that it was, issue a new secret, or revoke the key.

use crokey::KeyCombination;
use crokey::crossterm::event::KeyCode;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use crate::domain::id::Id;
use crate::domain::text;
use crate::domain::time::{Timestamp, format_ago};
use crate::tui::context::{Context, Leak, ReplyTo};
use crate::tui::keymap::{Action, KeyContext, stack};
use crate::tui::msg::{ApiRequest, Effect, Reply, RequestError, UnfinishedCreate};
use crate::tui::popup::{Popup, PopupAction, PopupFrame, PopupTone, content_width, draw_frame, draw_lines};
use crate::tui::text_layout::{action_hints, labelled_lines, wrap_paragraph};
use crate::tui::theme::{StyleRole, ThemeSymbol};
use crate::wire::keys::RevokeKey;
use crate::wire::problem::ProblemType;

const CHOICES: [(&str, &str); 3] = [
    ("I have it", "the secret is already stored"),
    ("New secret", "the earlier secret stops working"),
    ("Revoke it", "the key is no longer needed"),
];

/// Which reply the popup is waiting for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum AwaitedReply {
    Nothing,
    Confirmed,
    /// Reply to the retried create, which contains the id of the key to revoke.
    Id,
    Revoked,
}

#[derive(Debug)]
pub struct UnfinishedCreatesPopup {
    left: Vec<UnfinishedCreate>,
    selected: usize,
    armed: bool,
    awaiting: AwaitedReply,
    error: Option<String>,
}

impl UnfinishedCreatesPopup {
    /// Creates the popup for one or more creates that were interrupted.
    pub fn new(left: Vec<UnfinishedCreate>) -> Self {
        Self { left, selected: 0, armed: false, awaiting: AwaitedReply::Nothing, error: None }
    }

    /// Removes the first create from the list once the user's choice was carried out. Closes the popup after the last one.
    fn settle_first(&mut self, context: &mut Context) -> PopupAction {
        if !self.left.is_empty() {
            let done = self.left.remove(0);
            if let Some((id, reason)) = done.body.replaces.zip(done.leaked) {
                // The user confirmed this revoke when the key was created; repeating it changes nothing.
                context.revoke_leaked(ReplyTo::Leaked(id), &Leak { kind: done.kind, id, reason });
            }
            context.effects.push(Effect::FinishCreate { idempotency_key: done.idempotency_key.clone() });
            context
                .start
                .unfinished_creates
                .retain(|pending| pending.idempotency_key != done.idempotency_key);
        }
        (self.selected, self.armed, self.awaiting, self.error) = (0, false, AwaitedReply::Nothing, None);
        if self.left.is_empty() { PopupAction::Close } else { PopupAction::Stay }
    }

    fn choose(&mut self, context: &mut Context) -> PopupAction {
        let Some(pending) =
            self.left.first().filter(|_| self.armed && self.awaiting == AwaitedReply::Nothing)
        else {
            return PopupAction::Stay;
        };
        self.error = None;
        let kind = pending.kind;
        match (self.selected, pending.key_id) {
            (0, Some(id)) => {
                self.awaiting = AwaitedReply::Confirmed;
                context.request(ReplyTo::Popup, ApiRequest::Confirm(kind, id));
            }
            (0, None) => return self.settle_first(context),
            (1, _) => {
                let pending = pending.clone();
                context
                    .start
                    .unfinished_creates
                    .retain(|other| other.idempotency_key != pending.idempotency_key);
                context.create_key(kind, pending.idempotency_key, pending.body, pending.leaked);
                return PopupAction::Close;
            }
            (_, Some(id)) => self.revoke(context, id),
            (_, None) => {
                self.awaiting = AwaitedReply::Id;
                let ask = ApiRequest::Create {
                    kind,
                    idempotency_key: pending.idempotency_key.clone(),
                    body: pending.body.clone(),
                    leaked: pending.leaked.clone(),
                };
                context.request(ReplyTo::Popup, ask);
            }
        }
        PopupAction::Stay
    }

    fn revoke(&mut self, context: &mut Context, id: Id) {
        let Some(pending) = self.left.first() else { return };
        // If the key has ever been used, someone has its secret, and the server refuses.
        let body = RevokeKey { unless_used_since: Some(Timestamp::default()), ..RevokeKey::default() };
        self.awaiting = AwaitedReply::Revoked;
        context.request(ReplyTo::Popup, ApiRequest::Revoke { kind: pending.kind, id, body });
    }
}

impl Popup for UnfinishedCreatesPopup {
    fn key_contexts(&self) -> &'static [KeyContext] {
        stack::POPUP
    }

    fn run_action(&mut self, context: &mut Context, action: Action) -> PopupAction {
        match action {
            Action::Activate => return self.choose(context),
            Action::ScrollDown => self.selected = (self.selected + 1).min(CHOICES.len() - 1),
            Action::ScrollUp => self.selected = self.selected.saturating_sub(1),
            Action::Cancel => return PopupAction::Close,
            _ => {}
        }
        PopupAction::Stay
    }

    fn handle_key(&mut self, _context: &mut Context, key: KeyCombination) -> PopupAction {
        if let KeyCode::Char(c @ '1'..='3') = *key.codes.first() {
            self.selected = usize::try_from(u32::from(c) - u32::from('1')).unwrap_or(0);
        }
        PopupAction::Stay
    }

    fn apply_reply(&mut self, context: &mut Context, result: Result<Reply, RequestError>) -> PopupAction {
        let awaiting = std::mem::replace(&mut self.awaiting, AwaitedReply::Nothing);
        match (awaiting, result) {
            (AwaitedReply::Id, Ok(Reply::Created(created))) => {
                let id = created.key.id;
                context.apply_key(created.key);
                self.revoke(context, id);
                PopupAction::Stay
            }
            (AwaitedReply::Confirmed | AwaitedReply::Revoked, Ok(Reply::Key(key))) => {
                context.apply_key(*key);
                self.settle_first(context)
            }
            (_, Ok(_)) => PopupAction::Stay,
            (AwaitedReply::Confirmed | AwaitedReply::Revoked, Err(failure))
                if matches!(
                    failure.problem_type(),
                    Some(ProblemType::NotFound | ProblemType::KeyRevoked)
                ) =>
            {
                self.settle_first(context)
            }
            (_, Err(failure)) => {
                context.record_failure(&failure);
                let used = failure.problem_type() == Some(ProblemType::UsedSince);
                self.error = Some(if used {
                    "This key has been used, so someone has its secret. Choose “I have it” and, if necessary, revoke the key on its tab."
                        .to_owned()
                } else {
                    failure.to_string()
                });
                PopupAction::Stay
            }
        }
    }

    fn mark_shown(&mut self) {
        self.armed = true;
    }

    fn draw(&self, context: &Context, area: Rect, buf: &mut Buffer) -> PopupFrame {
        let theme = context.theme();
        let Some(pending) = self.left.first() else { return PopupFrame::default() };
        let width = content_width(area, 60);
        let columns = usize::from(width);
        let mut body = wrap_paragraph(
            "keyward exited or lost the connection before it knew that this secret was stored.",
            Style::new(),
            columns,
        );
        body.push(Line::default());
        body.extend(labelled_lines(
            "Key",
            &text::sanitize_line(&pending.body.name),
            theme.style(StyleRole::Strong),
            columns,
            theme,
        ));
        let asked = format!("{} key, {}", pending.kind, format_ago(pending.at, context.server_now()));
        body.extend(labelled_lines("Created", &asked, Style::new(), columns, theme));
        if let Some(old) = pending.body.replaces {
            let old = context.keys(pending.kind).get(old);
            let name =
                old.map_or_else(|| "another key".to_owned(), |old| format!("{}  {}", old.name, old.masked));
            body.extend(labelled_lines("Replaces", &name, Style::new(), columns, theme));
            if pending.leaked.is_some() {
                let message =
                    "That key leaked. Whatever you choose, it will be revoked unless it already is.";
                body.extend(wrap_paragraph(message, theme.style(StyleRole::Danger), columns));
            }
        }
        body.push(Line::default());
        for (at, (label, means)) in CHOICES.iter().enumerate() {
            let chosen = at == self.selected;
            let style = theme.style(if chosen { StyleRole::Accent } else { StyleRole::Plain });
            let marker = if chosen { theme.symbol(ThemeSymbol::Selected) } else { " " };
            body.push(Line::from(vec![
                Span::styled(format!("{marker} {} {label:15}", at + 1), style),
                Span::styled(*means, theme.style(StyleRole::Muted)),
            ]));
        }
        body.push(Line::default());
        if let Some(why) = &self.error {
            body.extend(wrap_paragraph(
                &theme.text(&text::sanitize_line(why)),
                theme.style(StyleRole::Danger),
                columns,
            ));
            body.push(Line::default());
        }
        let verb = if self.awaiting == AwaitedReply::Nothing { "choose" } else { "waiting for the server" };
        body.push(action_hints(
            &[(Action::Activate, verb), (Action::Cancel, "ask again at the next start")],
            context,
        ));
        let size = (width, u16::try_from(body.len()).unwrap_or(u16::MAX));
        let title = match self.left.len() {
            1 => "Unfinished key creation".to_owned(),
            n => format!("{n} unfinished key creations"),
        };
        let inside = draw_frame(&title, PopupTone::Calm, size, area, theme, buf);
        draw_lines(&body, inside, theme, buf);
        PopupFrame::default()
    }
}
