//! The popup that revokes a key: never blind, and never by the key that opened it.

use crokey::KeyCombination;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Line;

use crate::domain::key::Key;
use crate::domain::text;
use crate::domain::time::{Stamp, ago};
use crate::tui::app::Tables;
use crate::tui::keymap::{Action, Context, stack};
use crate::tui::msg::{Ask, Failure, Reply};
use crate::tui::popup::{Cx, Mood, Popup, Then, content_width, frame, lines};
use crate::tui::prose::{fact, hints, paragraph};
use crate::tui::screens::proof;
use crate::tui::shared::{Owner, Shared};
use crate::tui::theme::{Role, Symbol};
use crate::wire::keys::RevokeKey;
use crate::wire::problem::ProblemType;

/// Most columns of a name in a message, so that what happened is never what is cut.
const NAME: usize = 40;

/// How sure one has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Proof {
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
pub struct State {
    key: Key,
    seen: Stamp,
    proof: Proof,
    typed: proof::Proof,
    armed: bool,
    sending: bool,
    failed: Option<String>,
}

impl State {
    /// For a key whose use was seen up to `seen`, the time of the server's last answer.
    pub fn new(key: Key, seen: Stamp) -> Self {
        let proof = if key.is_live(seen) { Proof::Four } else { Proof::Yes };
        Self { key, seen, proof, typed: proof::Proof::default(), armed: false, sending: false, failed: None }
    }

    /// For the old key of a rotation that is ready: it was silent since `since`, and is refused if that is not so.
    pub fn silent(key: Key, since: Stamp) -> Self {
        Self { proof: Proof::Yes, ..Self::new(key, since) }
    }

    /// For a key that must go now, whatever still uses it.
    pub fn early(key: Key, seen: Stamp) -> Self {
        Self { proof: Proof::Early, ..Self::new(key, seen) }
    }

    /// The key as it is known now.
    fn known<'a>(&'a self, tables: &'a Tables) -> &'a Key {
        tables.of(self.key.kind).fleet.get(self.key.id).unwrap_or(&self.key)
    }

    fn submit(&mut self, cx: &mut Cx<'_>) {
        if self.sending || !self.armed || self.known(cx.tables).revoked_at.is_some() {
            return;
        }
        let shared = &mut *cx.shared;
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
        shared.ask(Owner::Overlay, Ask::Revoke { kind: self.key.kind, id: self.key.id, body });
    }

    /// The reason, once all that it takes was typed.
    fn typed(&mut self) -> Result<Option<String>, String> {
        match self.proof {
            Proof::Yes => self.typed.reason(),
            Proof::Four => {
                let reason = self.typed.reason()?;
                self.typed.four(&self.key)?;
                Ok(reason)
            }
            Proof::FourAndReason | Proof::Early => self.typed.both(&self.key).map(Some),
        }
    }
}

impl Popup for State {
    fn contexts(&self) -> &'static [Context] {
        if self.proof == Proof::Yes { stack::CONFIRM } else { stack::TEXT }
    }

    fn act(&mut self, cx: &mut Cx<'_>, action: Action) -> Then {
        match action {
            Action::Yes if self.proof == Proof::Yes => self.submit(cx),
            Action::Submit => self.submit(cx),
            Action::NextField | Action::PreviousField => self.typed.act(action),
            Action::Cancel if self.sending => {
                cx.shared.notices.info(cx.shared.now, "The request is on its way; its answer decides");
            }
            // The focus is on Cancel.
            Action::Cancel | Action::Activate => return Then::Close,
            _ => {}
        }
        Then::Stay
    }

    fn press(&mut self, _cx: &mut Cx<'_>, key: KeyCombination) -> Then {
        if self.armed && self.proof != Proof::Yes {
            self.typed.press(key);
        }
        Then::Stay
    }

    fn paste(&mut self, _cx: &mut Cx<'_>, text: &str) {
        if self.armed && self.proof != Proof::Yes {
            self.typed.paste(text);
        }
    }

    fn reply(&mut self, cx: &mut Cx<'_>, result: Result<Reply, Failure>) -> Then {
        self.sending = false;
        let shared = &mut *cx.shared;
        match result {
            Ok(Reply::Key(key)) => {
                let name = text::fit(&key.name, NAME).into_owned();
                // Asked twice, the server answers the same twice: of two admins one did it.
                let me = shared.me.as_ref().map(|me| me.member.id);
                let other = key.revoked_by.as_ref().filter(|by| Some(by.id) != me);
                let said = other.map(|by| format!("{name} was revoked by {} already", text::line(&by.name)));
                cx.tables.heard_key(shared, *key);
                shared
                    .notices
                    .info(shared.now, said.unwrap_or(format!("Revoked {name}: its next request gets 401")));
                return Then::Close;
            }
            Ok(_) => {}
            Err(Failure::Refused(problem)) if problem.kind == ProblemType::UsedSince => {
                // Decided again, on what is known now.
                if let Some(key) = problem.key {
                    cx.tables.heard_key(shared, (*key).clone());
                    self.key = *key;
                }
                self.seen = self
                    .key
                    .last_used_at
                    .map_or(shared.server_now(), |at| at.plus(1))
                    .max(shared.server_now());
                self.proof = Proof::FourAndReason;
                self.armed = false;
                self.typed.ask_again();
            }
            Err(failure) => {
                shared.heard_failure(&failure);
                self.failed = Some(failure.to_string());
            }
        }
        Then::Stay
    }

    fn shown(&mut self) {
        self.armed = true;
    }

    fn offers(&self, _shared: &Shared, tables: &Tables, action: Action) -> bool {
        self.known(tables).revoked_at.is_none() || !matches!(action, Action::Yes | Action::Submit)
    }

    fn draw(&self, shared: &Shared, tables: &Tables, area: Rect, buf: &mut Buffer) -> Option<(u16, u16)> {
        let theme = shared.theme();
        let width = content_width(area, 58);
        let known = self.known(tables);
        if known.revoked_at.is_some() {
            let content = gone(known, shared, usize::from(width));
            let size = (width, u16::try_from(content.len()).unwrap_or(u16::MAX));
            let inside = frame("Revoke", Mood::Calm, size, area, theme, buf);
            lines(&content, inside, theme, buf);
            return None;
        }
        let mut content = self.content(shared, usize::from(width));
        // The fields and the keys stay visible in small windows; the facts give way.
        let room = usize::from(area.height.saturating_sub(2));
        let tail = if self.proof == Proof::Yes { 1 } else { 4 };
        if content.len() > room {
            let keys = content.split_off(content.len() - tail.min(content.len()));
            content.truncate(room.saturating_sub(keys.len()));
            content.extend(keys);
        }
        let size = (width, u16::try_from(content.len()).unwrap_or(u16::MAX));
        let inside = frame("Revoke", Mood::Danger, size, area, theme, buf);
        lines(&content, inside, theme, buf);
        if self.proof == Proof::Yes || inside.height < 4 {
            return None;
        }
        self.typed.draw(inside, inside.bottom() - 4, !self.sending, theme, buf)
    }
}

impl State {
    fn content(&self, shared: &Shared, columns: usize) -> Vec<Line<'static>> {
        let theme = shared.theme();
        let plain = Style::new();
        let key = &self.key;
        let now = shared.server_now();
        let mut out = paragraph(&theme.text(&text::line(&key.name)), theme.style(Role::Strong), columns);
        out.extend(fact("Secret key", &text::line(&key.masked), plain, columns, theme));
        let used = match (key.last_used_at, &key.last_used_by) {
            (Some(at), Some(by)) => format!("{} by {}", ago(at, now), text::line(&by.to_string())),
            (Some(at), None) => ago(at, now),
            (None, _) => shared.judge().last_use(key),
        };
        let live = self.proof != Proof::Yes;
        let style = theme.style(if live { Role::Strong } else { Role::Plain });
        let badge = key.is_live(now).then(|| format!("{} ", theme.symbol(Symbol::Live)));
        let used = format!("{}{used}", badge.unwrap_or_default());
        out.extend(fact("Last used", &used, style, columns, theme));
        out.push(Line::default());
        let says = match self.proof {
            Proof::Yes => "Its next request gets 401. This is final: a revoked key never comes back.".to_owned(),
            Proof::Four => "It is in use: revoking it cuts off what uses it. This is final. With a reason it goes even if it is used meanwhile.".to_owned(),
            Proof::Early => "Whatever still uses it is cut off at once; see who that is before you go on. It takes a reason, which is recorded. This is final.".to_owned(),
            Proof::FourAndReason => format!(
                "Not revoked: it was used {}, after you looked. Decide again; now it takes a reason, which is recorded.",
                key.last_used_at.map_or_else(|| "meanwhile".to_owned(), |at| ago(at, now))
            ),
        };
        let role = if matches!(self.proof, Proof::FourAndReason | Proof::Early) {
            Role::Danger
        } else {
            Role::Plain
        };
        out.extend(paragraph(&says, theme.style(role), columns));
        if let Some(why) = &self.failed {
            out.push(Line::default());
            out.extend(paragraph(&theme.text(&text::line(why)), theme.style(Role::Danger), columns));
        }
        out.push(Line::default());
        let cancel = shared.key(Action::Cancel);
        if self.proof == Proof::Yes {
            let yes = shared.key(Action::Yes);
            let mut keys = hints(
                &[(&yes, if self.sending { "revoking" } else { "revoke" }), (&cancel, "cancel")],
                theme,
            );
            keys.spans.insert(0, ratatui::text::Span::styled("[ Cancel ]", theme.style(Role::Selected)));
            keys.spans.insert(1, ratatui::text::Span::raw("   "));
            out.push(keys);
        } else {
            out.extend(self.typed.labels(key, theme));
            out.push(Line::default());
            let (enter, tab) = (shared.key(Action::Submit), shared.key(Action::NextField));
            let does = if self.sending { "revoking" } else { "revoke" };
            out.push(hints(&[(&enter, does), (&tab, "next field"), (&cancel, "cancel")], theme));
        }
        out
    }
}

/// What is said once someone else revoked the key while the popup was open.
fn gone(key: &Key, shared: &Shared, columns: usize) -> Vec<Line<'static>> {
    let theme = shared.theme();
    let mut out = paragraph(&theme.text(&text::line(&key.name)), theme.style(Role::Strong), columns);
    out.extend(fact("Secret key", &text::line(&key.masked), Style::new(), columns, theme));
    out.push(Line::default());
    let ago = key.revoked_at.map_or_else(String::new, |at| format!(" {}", ago(at, shared.server_now())));
    let by = key.revoked_by.as_ref().map_or_else(String::new, |by| format!(" by {}", text::line(&by.name)));
    let says = format!("It was revoked{ago}{by}, while this was open. Nothing is left to do.");
    out.extend(paragraph(&theme.text(&says), Style::new(), columns));
    out.push(Line::default());
    out.push(hints(&[(&shared.key(Action::Cancel), "close")], theme));
    out
}
