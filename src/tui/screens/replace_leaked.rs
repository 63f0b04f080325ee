//! A key leaked: one popup that creates its replacement, revokes it at once, and says before what that breaks.
//!
//! The replacement comes first, since only a live key can be replaced; the revoke follows as soon as the server has answered, without
//! another key press. Where the replacement cannot be created, the key can still be revoked alone.

use crokey::KeyCombination;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::confirm_fields::ConfirmFields;
use crate::domain::key::{IN_USE_WITHIN, Key, KeyKind};
use crate::domain::member::Permission;
use crate::domain::rotation::proposed_name;
use crate::domain::text;
use crate::domain::time::format_ago;
use crate::domain::usage::{ClientUse, Usage};
use crate::tui::context::{Context, Leak, ReplyTo};
use crate::tui::keymap::{Action, KeyContext, stack};
use crate::tui::msg::{ApiRequest, Reply, RequestError};
use crate::tui::popup::{Popup, PopupAction, PopupFrame, PopupTone, content_width, frame, lines};
use crate::tui::text_layout::{key_hints, wrap_paragraph, wrap_text};
use crate::tui::theme::{StyleRole, ThemeSymbol};
use crate::wire::keys::{CreateKey, UsageQuery};

/// Clients that are named; more are counted.
const NAMED: usize = 4;
/// Rows at the end that stay in small windows: two fields, a blank, the keys.
const TAIL: usize = 4;

/// What takes the place of the key.
#[derive(Debug)]
enum ReplacementPlan {
    /// One of this name is created.
    New(String),
    /// It is there already.
    Exists(String),
    /// There is none; why.
    None(String),
}

/// A key that leaked.
#[derive(Debug)]
pub struct ReplaceLeakedPopup {
    key: Key,
    replacement: ReplacementPlan,
    usage: Option<Usage>,
    typed: ConfirmFields,
    armed: bool,
    sending: bool,
    sent: Option<(String, CreateKey)>,
    failed: Option<String>,
}

impl ReplaceLeakedPopup {
    /// For a key that has no live replacement yet.
    pub fn replacing(context: &mut Context, key: Key) -> Self {
        let replacement = match context.check_permission(Permission::CreateKey(key.kind)) {
            Ok(()) => ReplacementPlan::New(proposed_name(&key.name, context.server_now())),
            Err(why) => ReplacementPlan::None(why),
        };
        Self::new(context, key, replacement)
    }

    /// For the old key of a rotation whose new key lives.
    pub fn replaced(context: &mut Context, key: Key, new: &Key) -> Self {
        Self::new(context, key, ReplacementPlan::Exists(new.name.clone()))
    }

    fn new(context: &mut Context, key: Key, replacement: ReplacementPlan) -> Self {
        context.request(
            ReplyTo::Popup,
            ApiRequest::Usage { kind: key.kind, id: key.id, query: UsageQuery::default() },
        );
        let typed = ConfirmFields::with_reason("suspected leak");
        Self { key, replacement, usage: None, typed, armed: false, sending: false, sent: None, failed: None }
    }

    /// The create was not answered with a key. Where that is certain, the key can still be revoked alone.
    fn refused(&mut self, failure: &RequestError) {
        self.sending = false;
        self.failed = Some(format!("It is NOT revoked yet: {failure}"));
        if failure.is_not_applied() && !failure.is_signed_out() {
            self.replacement = ReplacementPlan::None("the server did not create one".to_owned());
        }
    }

    fn submit(&mut self, context: &mut Context) {
        if self.sending || !self.armed {
            return;
        }
        let reason = match self.typed.check_last_four_and_reason(&self.key) {
            Ok(reason) => reason,
            Err(missing) => {
                self.failed = Some(missing);
                return;
            }
        };
        (self.sending, self.failed) = (true, None);
        // What is answered from now on is about this.
        context.cancel_requests(ReplyTo::Popup);
        let ReplacementPlan::New(name) = &self.replacement else {
            let leak = Leak { kind: self.key.kind, id: self.key.id, reason };
            context.revoke_leaked(ReplyTo::Popup, &leak);
            return;
        };
        let body = CreateKey { name: name.clone(), note: self.key.note.clone(), replaces: Some(self.key.id) };
        // The same create again is the same request, whose answer may only have been lost.
        let (idempotency_key, body) = self.sent.take().unwrap_or_else(|| (context.idempotency_key(), body));
        self.sent = Some((idempotency_key.clone(), body.clone()));
        context.create_key(self.key.kind, idempotency_key, body, Some(reason));
    }
}

impl Popup for ReplaceLeakedPopup {
    fn key_contexts(&self) -> &'static [KeyContext] {
        stack::TEXT
    }

    fn act(&mut self, context: &mut Context, action: Action) -> PopupAction {
        match action {
            Action::Submit => self.submit(context),
            Action::Cancel if self.sending => {
                context.notices.info(context.now, "The request is on its way; its answer decides");
            }
            Action::Cancel => return PopupAction::Close,
            _ => self.typed.move_focus(action),
        }
        PopupAction::Stay
    }

    fn press(&mut self, _context: &mut Context, key: KeyCombination) -> PopupAction {
        if self.armed && !self.sending {
            self.typed.handle_key(key);
        }
        PopupAction::Stay
    }

    fn paste(&mut self, _context: &mut Context, text: &str) {
        if self.armed && !self.sending {
            self.typed.paste(text);
        }
    }

    fn reply(&mut self, context: &mut Context, result: Result<Reply, RequestError>) -> PopupAction {
        match result {
            Ok(Reply::Usage(usage)) => self.usage = Some(usage),
            Ok(Reply::Key(key)) => {
                let said = match &self.replacement {
                    ReplacementPlan::Exists(new) => {
                        format!("Revoked {}: what used it needs the secret of {new} now", key.name)
                    }
                    _ => format!("Revoked {}: its next request gets 401", key.name),
                };
                context.apply_key(*key);
                context.notices.info(context.now, said);
                return PopupAction::Close;
            }
            Ok(_) => {}
            Err(failure) => {
                context.record_failure(&failure);
                // Who uses it is only not known; a revoke that failed has to be said.
                if self.sending {
                    self.sending = false;
                    self.failed = Some(format!("It is NOT revoked: {failure}"));
                }
            }
        }
        PopupAction::Stay
    }

    fn shown(&mut self) {
        self.armed = true;
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
        let width = content_width(area, 72);
        let mut body = self.body(context, usize::from(width));
        let room = usize::from(area.height.saturating_sub(2));
        if body.len() > room {
            // The fields and the keys stay in small windows; first the space between the facts gives way, then the facts.
            let tail = body.split_off(body.len() - TAIL);
            body.retain(|line| line.width() > 0);
            body.truncate(room.saturating_sub(TAIL));
            body.extend(tail);
        }
        let size = (width, u16::try_from(body.len()).unwrap_or(u16::MAX));
        let title = match self.replacement {
            ReplacementPlan::New(_) => "It leaked: replace it and revoke it now",
            _ => "It leaked: revoke it now",
        };
        let inside = frame(title, PopupTone::Danger, size, area, theme, buf);
        lines(&body, inside, theme, buf);
        if inside.height < 4 {
            return PopupFrame::default();
        }
        PopupFrame::from(self.typed.draw(inside, inside.bottom() - 4, !self.sending, theme, buf))
    }
}

impl ReplaceLeakedPopup {
    fn body(&self, context: &Context, columns: usize) -> Vec<Line<'static>> {
        let theme = context.theme();
        let key = &self.key;
        let mut out = wrap_paragraph(
            &theme.text(&format!("{}  {}", text::sanitize_line(&key.name), text::sanitize_line(&key.masked))),
            theme.style(StyleRole::Strong),
            columns,
        );
        out.push(Line::default());
        out.push(Line::styled("What stops working at once", theme.style(StyleRole::Danger)));
        out.extend(self.breaks(context, columns));
        out.push(Line::default());
        out.extend(self.steps(context, columns));
        if let Some(why) = &self.failed {
            out.push(Line::default());
            out.extend(wrap_paragraph(
                &theme.text(&text::sanitize_line(why)),
                theme.style(StyleRole::Danger),
                columns,
            ));
        }
        out.push(Line::default());
        out.extend(self.typed.label_lines(key, theme));
        out.push(Line::default());
        let (enter, tab, cancel) = (
            context.key_press(Action::Submit),
            context.key_press(Action::NextField),
            context.key_press(Action::Cancel),
        );
        let does = match (&self.replacement, self.sending) {
            (_, true) => "on its way",
            (ReplacementPlan::New(_), false) => "replace and revoke",
            (_, false) => "revoke",
        };
        out.push(key_hints(&[(&enter, does), (&tab, "next"), (&cancel, "cancel")], theme));
        out
    }

    /// Who uses the key, the latest first.
    fn breaks(&self, context: &Context, columns: usize) -> Vec<Line<'static>> {
        let theme = context.theme();
        let muted = theme.style(StyleRole::Muted);
        let now = context.server_now();
        let who = |agent: &str, address: &str| {
            let agent = text::sanitize_line(agent);
            let agent = if agent.is_empty() { "an unnamed client" } else { &agent };
            theme.text(&format!("{agent} from {}", text::sanitize_line(address))).into_owned()
        };
        let seen = |who: String, live: bool, said: String| {
            let mark = if live { theme.symbol(ThemeSymbol::InUse) } else { " " };
            let who = text::truncate_to_width(&who, columns.saturating_sub(text::display_width(&said) + 4))
                .into_owned();
            Line::from(vec![
                Span::styled(format!("{mark} "), theme.style(StyleRole::InUse)),
                Span::raw(who),
                Span::styled(format!("  {said}"), muted),
            ])
        };
        let live = |client: &ClientUse| now.since(client.last_seen_at) <= IN_USE_WITHIN;
        let mut clients: Vec<&ClientUse> = self.usage.iter().flat_map(|usage| &usage.clients).collect();
        clients.sort_by_key(|client| std::cmp::Reverse(client.last_seen_at));
        let mut out: Vec<Line<'static>> = clients
            .iter()
            .take(NAMED)
            .map(|client| {
                let said = format!("last {}", format_ago(client.last_seen_at, now));
                seen(who(&client.agent, &client.address), live(client), said)
            })
            .collect();
        if let (true, Some(by), Some(at)) = (out.is_empty(), &self.key.last_used_by, self.key.last_used_at) {
            out.push(seen(
                who(&by.agent, &by.address),
                self.key.is_in_use(now),
                format!("last {}", format_ago(at, now)),
            ));
        }
        if out.is_empty() {
            let said = context.staleness_rules().last_use(&self.key);
            out.push(Line::styled(format!("  nothing that was seen: {said}"), muted));
        }
        if clients.len() > NAMED {
            out.push(Line::styled(format!("  and {} more", clients.len() - NAMED), muted));
        }
        out
    }

    /// What Enter does, in its order.
    fn steps(&self, context: &Context, columns: usize) -> Vec<Line<'static>> {
        let kind = if self.key.kind == KeyKind::Personal { "personal" } else { "organization" };
        let steps = match &self.replacement {
            ReplacementPlan::New(name) => vec![
                format!("A new {kind} key is created: {}.", text::sanitize_line(name)),
                "This one is revoked, for good: whatever uses it gets 401.".to_owned(),
                "The new secret is shown, to be entered wherever this one was.".to_owned(),
            ],
            ReplacementPlan::Exists(new) => vec![
                "It is revoked, for good: whatever uses it gets 401.".to_owned(),
                format!(
                    "Its replacement is there: {}. Enter its secret where it is missing.",
                    text::sanitize_line(new)
                ),
            ],
            ReplacementPlan::None(why) => vec![
                "It is revoked, for good: whatever uses it gets 401.".to_owned(),
                format!("There will be no replacement: {why}."),
            ],
        };
        let mut out = Vec::new();
        for (at, step) in steps.iter().enumerate() {
            out.extend(numbered(at + 1, step, columns, context));
        }
        out
    }
}

/// A numbered step.
fn numbered(number: usize, step: &str, columns: usize, context: &Context) -> Vec<Line<'static>> {
    let theme = context.theme();
    wrap_text(&theme.text(step), columns.saturating_sub(3))
        .into_iter()
        .enumerate()
        .map(|(at, line)| {
            let mark = if at == 0 { format!("{number}  ") } else { "   ".to_owned() };
            Line::from(vec![Span::styled(mark, theme.style(StyleRole::Strong)), Span::raw(line)])
        })
        .collect()
}
