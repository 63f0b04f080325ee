//! Creates of earlier runs whose secret may not have been stored: have it, issue it anew, or revoke it.

use crokey::KeyCombination;
use crokey::crossterm::event::KeyCode;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use crate::domain::id::Id;
use crate::domain::text;
use crate::domain::time::{Stamp, ago};
use crate::tui::app::Tables;
use crate::tui::keymap::{Action, Context, stack};
use crate::tui::msg::{Ask, Effect, Failure, Pending, Reply};
use crate::tui::popup::{Cx, Mood, Popup, Then, content_width, frame, lines};
use crate::tui::prose::{fact, hints, paragraph};
use crate::tui::shared::{Leak, Owner, Shared};
use crate::tui::theme::{Role, Symbol};
use crate::wire::keys::RevokeKey;
use crate::wire::problem::ProblemType;

const CHOICES: [(&str, &str); 3] = [
    ("I have it", "the secret is stored where it is needed"),
    ("Issue it anew", "a new secret; the earlier one is dead"),
    ("Revoke it", "it is not needed any more"),
];

/// What the answer that is awaited is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Awaiting {
    Nothing,
    Confirmed,
    /// The id is learned by repeating the create, then the key is revoked.
    Id,
    Revoked,
}

/// The records that are left.
#[derive(Debug)]
pub struct State {
    left: Vec<Pending>,
    at: usize,
    armed: bool,
    awaiting: Awaiting,
    failed: Option<String>,
}

impl State {
    /// For at least one record.
    pub fn new(left: Vec<Pending>) -> Self {
        Self { left, at: 0, armed: false, awaiting: Awaiting::Nothing, failed: None }
    }

    /// The first record is settled.
    fn settled(&mut self, shared: &mut Shared) -> Then {
        if !self.left.is_empty() {
            let done = self.left.remove(0);
            if let Some((id, reason)) = done.body.replaces.zip(done.leaked) {
                // Asked for and confirmed before; a repetition changes nothing.
                shared.revoke_leaked(Owner::Leaked(id), &Leak { kind: done.kind, id, reason });
            }
            shared.effects.push(Effect::DropPending { idempotency_key: done.idempotency_key.clone() });
            shared.start.pending.retain(|pending| pending.idempotency_key != done.idempotency_key);
        }
        (self.at, self.armed, self.awaiting, self.failed) = (0, false, Awaiting::Nothing, None);
        if self.left.is_empty() { Then::Close } else { Then::Stay }
    }

    fn choose(&mut self, shared: &mut Shared) -> Then {
        let Some(pending) = self.left.first().filter(|_| self.armed && self.awaiting == Awaiting::Nothing)
        else {
            return Then::Stay;
        };
        self.failed = None;
        let kind = pending.kind;
        match (self.at, pending.key_id) {
            (0, Some(id)) => {
                self.awaiting = Awaiting::Confirmed;
                shared.ask(Owner::Overlay, Ask::Confirm(kind, id));
            }
            (0, None) => return self.settled(shared),
            (1, _) => {
                let pending = pending.clone();
                shared.start.pending.retain(|other| other.idempotency_key != pending.idempotency_key);
                shared.create(kind, pending.idempotency_key, pending.body, pending.leaked);
                return Then::Close;
            }
            (_, Some(id)) => self.revoke(shared, id),
            (_, None) => {
                self.awaiting = Awaiting::Id;
                let ask = Ask::Create {
                    kind,
                    idempotency_key: pending.idempotency_key.clone(),
                    body: pending.body.clone(),
                    leaked: pending.leaked.clone(),
                };
                shared.ask(Owner::Overlay, ask);
            }
        }
        Then::Stay
    }

    fn revoke(&mut self, shared: &mut Shared, id: Id) {
        let Some(pending) = self.left.first() else { return };
        // A key that was used, whenever that was, is in someone's hands.
        let body = RevokeKey { unless_used_since: Some(Stamp::default()), ..RevokeKey::default() };
        self.awaiting = Awaiting::Revoked;
        shared.ask(Owner::Overlay, Ask::Revoke { kind: pending.kind, id, body });
    }
}

impl Popup for State {
    fn contexts(&self) -> &'static [Context] {
        stack::POPUP
    }

    fn act(&mut self, cx: &mut Cx<'_>, action: Action) -> Then {
        match action {
            Action::Activate => return self.choose(cx.shared),
            Action::ScrollDown => self.at = (self.at + 1).min(CHOICES.len() - 1),
            Action::ScrollUp => self.at = self.at.saturating_sub(1),
            Action::Cancel => return Then::Close,
            _ => {}
        }
        Then::Stay
    }

    fn press(&mut self, _cx: &mut Cx<'_>, key: KeyCombination) -> Then {
        if let KeyCode::Char(c @ '1'..='3') = *key.codes.first() {
            self.at = usize::try_from(u32::from(c) - u32::from('1')).unwrap_or(0);
        }
        Then::Stay
    }

    fn reply(&mut self, cx: &mut Cx<'_>, result: Result<Reply, Failure>) -> Then {
        let awaiting = std::mem::replace(&mut self.awaiting, Awaiting::Nothing);
        match (awaiting, result) {
            (Awaiting::Id, Ok(Reply::Created(created))) => {
                let id = created.key.id;
                cx.tables.heard_key(cx.shared, created.key);
                self.revoke(cx.shared, id);
                Then::Stay
            }
            (Awaiting::Confirmed | Awaiting::Revoked, Ok(Reply::Key(key))) => {
                cx.tables.heard_key(cx.shared, *key);
                self.settled(cx.shared)
            }
            (_, Ok(_)) => Then::Stay,
            (Awaiting::Confirmed | Awaiting::Revoked, Err(failure))
                if matches!(failure.problem(), Some(ProblemType::NotFound | ProblemType::KeyRevoked)) =>
            {
                self.settled(cx.shared)
            }
            (_, Err(failure)) => {
                cx.shared.heard_failure(&failure);
                let used = failure.problem() == Some(ProblemType::UsedSince);
                self.failed = Some(if used {
                    "It is in use already, so someone has its secret. Choose “I have it”, and revoke it in the table if it must go."
                        .to_owned()
                } else {
                    failure.to_string()
                });
                Then::Stay
            }
        }
    }

    fn shown(&mut self) {
        self.armed = true;
    }

    fn draw(&self, shared: &Shared, tables: &Tables, area: Rect, buf: &mut Buffer) -> Option<(u16, u16)> {
        let theme = shared.theme();
        let pending = self.left.first()?;
        let width = content_width(area, 60);
        let columns = usize::from(width);
        let mut content = paragraph(
            "keyward ended, or the connection was lost, before this secret was surely stored.",
            Style::new(),
            columns,
        );
        content.push(Line::default());
        content.extend(fact(
            "Key",
            &text::line(&pending.body.name),
            theme.style(Role::Strong),
            columns,
            theme,
        ));
        let asked = format!("{} key, {}", pending.kind, ago(pending.at, shared.server_now()));
        content.extend(fact("Created", &asked, Style::new(), columns, theme));
        if let Some(old) = pending.body.replaces {
            let old = tables.of(pending.kind).fleet.get(old);
            let name =
                old.map_or_else(|| "another key".to_owned(), |old| format!("{}  {}", old.name, old.masked));
            content.extend(fact("Replaces", &name, Style::new(), columns, theme));
            if pending.leaked.is_some() {
                let said = "That one leaked: whatever you choose, it is revoked now if it was not yet.";
                content.extend(paragraph(said, theme.style(Role::Danger), columns));
            }
        }
        content.push(Line::default());
        for (at, (label, means)) in CHOICES.iter().enumerate() {
            let chosen = at == self.at;
            let style = theme.style(if chosen { Role::Accent } else { Role::Plain });
            let marker = if chosen { theme.symbol(Symbol::Selected) } else { " " };
            content.push(Line::from(vec![
                Span::styled(format!("{marker} {} {label:15}", at + 1), style),
                Span::styled(*means, theme.style(Role::Muted)),
            ]));
        }
        content.push(Line::default());
        if let Some(why) = &self.failed {
            content.extend(paragraph(&theme.text(&text::line(why)), theme.style(Role::Danger), columns));
            content.push(Line::default());
        }
        let (enter, esc) = (shared.key(Action::Activate), shared.key(Action::Cancel));
        let does = if self.awaiting == Awaiting::Nothing { "choose" } else { "asking the server" };
        content.push(hints(&[(&enter, does), (&esc, "ask again at the next start")], theme));
        let size = (width, u16::try_from(content.len()).unwrap_or(u16::MAX));
        let title = match self.left.len() {
            1 => "An unfinished create".to_owned(),
            n => format!("{n} unfinished creates"),
        };
        let inside = frame(&title, Mood::Calm, size, area, theme, buf);
        lines(&content, inside, theme, buf);
        None
    }
}
