//! Popup for a leaked key: lists the clients that will stop working, creates the replacement, and revokes the key at once.
//!
//! The replacement is created first, because only an active key can be replaced. The revocation is requested as soon as the server has
//! replied, without another key press. If the replacement cannot be created, the key can still be revoked.

use crokey::KeyCombination;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::confirm_fields::ConfirmFields;
use crate::domain::key::{IN_USE_WITHIN, Key};
use crate::domain::permission::Permission;
use crate::domain::rotation::proposed_name;
use crate::domain::text;
use crate::domain::time::format_ago;
use crate::domain::usage::{ClientUse, Usage};
use crate::tui::context::{Context, Leak, ReplyTo};
use crate::tui::form::REQUEST_IN_FLIGHT;
use crate::tui::keymap::{Action, KeyContext, stack};
use crate::tui::msg::{ApiRequest, Reply, RequestError};
use crate::tui::popup::{Popup, PopupAction, PopupFrame, PopupTone, content_width, draw_frame, draw_lines};
use crate::tui::text_layout::{action_hints, wrap_hanging, wrap_paragraph};
use crate::tui::theme::{StyleRole, ThemeSymbol};
use crate::wire::keys::{CreateKey, UsageQuery};

/// Maximum number of clients listed by name.
const MAX_CLIENTS: usize = 4;
/// Number of rows at the bottom that are shown in every window: two fields, a blank line, the key hints.
const FIXED_ROWS: usize = 4;

/// What will replace the leaked key.
#[derive(Debug)]
enum ReplacementPlan {
    /// A key with this name will be created.
    New(String),
    /// A replacement with this name was created earlier.
    Exists(String),
    /// Nothing will replace the key, for this reason.
    None(String),
}

#[derive(Debug)]
pub struct ReplaceLeakedPopup {
    key: Key,
    replacement: ReplacementPlan,
    usage: Option<Usage>,
    fields: ConfirmFields,
    armed: bool,
    sending: bool,
    sent: Option<(String, CreateKey)>,
    error: Option<String>,
}

impl ReplaceLeakedPopup {
    /// Creates the popup for a key without an active replacement. Proposes a new replacement if the member may create one.
    pub fn replacing(context: &mut Context, key: Key) -> Self {
        let replacement = match context.check_permission(Permission::CreateKey(key.kind)) {
            Ok(()) => ReplacementPlan::New(proposed_name(&key.name, context.server_now())),
            Err(why) => ReplacementPlan::None(why),
        };
        Self::new(context, key, replacement)
    }

    /// Creates the popup for the old key of a rotation whose new key, `new`, is active.
    pub fn replaced(context: &mut Context, key: Key, new: &Key) -> Self {
        Self::new(context, key, ReplacementPlan::Exists(new.name.clone()))
    }

    fn new(context: &mut Context, key: Key, replacement: ReplacementPlan) -> Self {
        context.request(
            ReplyTo::Popup,
            ApiRequest::Usage { kind: key.kind, id: key.id, query: UsageQuery::default() },
        );
        let fields = ConfirmFields::with_reason("suspected leak");
        Self { key, replacement, usage: None, fields, armed: false, sending: false, sent: None, error: None }
    }

    /// Shows why the replacement was not created. If the server certainly did not create one, the next Enter revokes the key
    /// without a replacement.
    fn show_refusal(&mut self, failure: &RequestError) {
        self.sending = false;
        self.error = Some(format!("The key is NOT revoked yet: {failure}"));
        if failure.is_not_applied() && !failure.is_signed_out() {
            self.replacement = ReplacementPlan::None("the server did not create one".to_owned());
        }
    }

    fn submit(&mut self, context: &mut Context) {
        if self.sending || !self.armed {
            return;
        }
        let reason = match self.fields.check_last_four_and_reason(&self.key) {
            Ok(reason) => reason,
            Err(missing) => {
                self.error = Some(missing);
                return;
            }
        };
        (self.sending, self.error) = (true, None);
        // Replies from now on belong to this request.
        context.cancel_requests(ReplyTo::Popup);
        let ReplacementPlan::New(name) = &self.replacement else {
            let leak = Leak { kind: self.key.kind, id: self.key.id, reason };
            context.revoke_leaked(ReplyTo::Popup, &leak);
            return;
        };
        let body = CreateKey { name: name.clone(), note: self.key.note.clone(), replaces: Some(self.key.id) };
        // Reuses the idempotency key of an earlier attempt, whose reply may have been lost.
        let (idempotency_key, body) = self.sent.take().unwrap_or_else(|| (context.idempotency_key(), body));
        self.sent = Some((idempotency_key.clone(), body.clone()));
        context.create_key(self.key.kind, idempotency_key, body, Some(reason));
    }
}

impl Popup for ReplaceLeakedPopup {
    fn key_contexts(&self) -> &'static [KeyContext] {
        stack::TEXT
    }

    fn run_action(&mut self, context: &mut Context, action: Action) -> PopupAction {
        match action {
            Action::Submit => self.submit(context),
            Action::Cancel if self.sending => {
                context.notices.info(context.now, REQUEST_IN_FLIGHT);
            }
            Action::Cancel => return PopupAction::Close,
            _ => self.fields.move_focus(action),
        }
        PopupAction::Stay
    }

    fn handle_key(&mut self, _context: &mut Context, key: KeyCombination) -> PopupAction {
        if self.armed && !self.sending {
            self.fields.handle_key(key);
        }
        PopupAction::Stay
    }

    fn paste(&mut self, _context: &mut Context, text: &str) {
        if self.armed && !self.sending {
            self.fields.paste(text);
        }
    }

    fn apply_reply(&mut self, context: &mut Context, result: Result<Reply, RequestError>) -> PopupAction {
        match result {
            Ok(Reply::Usage(usage)) => self.usage = Some(usage),
            Ok(Reply::Key(key)) => {
                let message = match &self.replacement {
                    ReplacementPlan::Exists(new) => {
                        format!("Revoked {}; its clients now need the secret of {new}", key.name)
                    }
                    _ => format!("Revoked {}; requests with it now get 401", key.name),
                };
                context.apply_key(*key);
                context.notices.info(context.now, message);
                return PopupAction::Close;
            }
            Ok(_) => {}
            Err(failure) => {
                context.record_failure(&failure);
                // A failed request for the clients is ignored; a failed revoke is shown.
                if self.sending {
                    self.sending = false;
                    self.error = Some(format!("The key is NOT revoked: {failure}"));
                }
            }
        }
        PopupAction::Stay
    }

    fn mark_shown(&mut self) {
        self.armed = true;
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
        let width = content_width(area, 72);
        let mut body = self.layout_body(context, usize::from(width));
        let room = usize::from(area.height.saturating_sub(2));
        if body.len() > room {
            // In a small window, fields and key hints stay; blank lines above them are removed first, then the last lines.
            let tail = body.split_off(body.len() - FIXED_ROWS);
            body.retain(|line| line.width() > 0);
            body.truncate(room.saturating_sub(FIXED_ROWS));
            body.extend(tail);
        }
        let size = (width, u16::try_from(body.len()).unwrap_or(u16::MAX));
        let title = match self.replacement {
            ReplacementPlan::New(_) => "Leaked key: replace and revoke it now",
            _ => "Leaked key: revoke it now",
        };
        let inside = draw_frame(title, PopupTone::Danger, size, area, theme, buf);
        draw_lines(&body, inside, theme, buf);
        if inside.height < 4 {
            return PopupFrame::default();
        }
        PopupFrame::from(self.fields.draw(inside, inside.bottom() - 4, !self.sending, theme, buf))
    }
}

impl ReplaceLeakedPopup {
    fn layout_body(&self, context: &Context, columns: usize) -> Vec<Line<'static>> {
        let theme = context.theme();
        let key = &self.key;
        let mut out = wrap_paragraph(
            &theme.text(&format!("{}  {}", key.name, key.masked)),
            theme.style(StyleRole::Strong),
            columns,
        );
        out.push(Line::default());
        out.push(Line::styled("Clients that stop working at once", theme.style(StyleRole::Danger)));
        out.extend(self.layout_clients(context, columns));
        out.push(Line::default());
        out.extend(self.layout_steps(context, columns));
        if let Some(why) = &self.error {
            out.push(Line::default());
            out.extend(wrap_paragraph(
                &theme.text(&text::sanitize_line(why)),
                theme.style(StyleRole::Danger),
                columns,
            ));
        }
        out.push(Line::default());
        out.extend(self.fields.label_lines(key, theme));
        out.push(Line::default());
        let verb = match (&self.replacement, self.sending) {
            (_, true) => "sending",
            (ReplacementPlan::New(_), false) => "replace and revoke",
            (_, false) => "revoke",
        };
        out.push(action_hints(
            &[(Action::Submit, verb), (Action::NextField, "next"), (Action::Cancel, "cancel")],
            context,
        ));
        out
    }

    /// Lays out the clients that use the key, the latest first.
    fn layout_clients(&self, context: &Context, columns: usize) -> Vec<Line<'static>> {
        let theme = context.theme();
        let muted = theme.style(StyleRole::Muted);
        let now = context.server_now();
        let describe_client = |agent: &str, address: &str| {
            let agent = if agent.is_empty() { "unnamed client" } else { agent };
            theme.text(&format!("{agent} from {address}")).into_owned()
        };
        let layout_client = |client_name: String, is_in_use: bool, message: String| {
            let mark = if is_in_use { theme.symbol(ThemeSymbol::InUse) } else { " " };
            let client_name = text::truncate_to_width(
                &client_name,
                columns.saturating_sub(text::display_width(&message) + 4),
            )
            .into_owned();
            Line::from(vec![
                Span::styled(format!("{mark} "), theme.style(StyleRole::InUse)),
                Span::raw(client_name),
                Span::styled(format!("  {message}"), muted),
            ])
        };
        let is_in_use = |client: &ClientUse| now.since(client.last_seen_at) <= IN_USE_WITHIN;
        let mut clients: Vec<&ClientUse> = self.usage.iter().flat_map(|usage| &usage.clients).collect();
        clients.sort_by_key(|client| std::cmp::Reverse(client.last_seen_at));
        let mut out: Vec<Line<'static>> = clients
            .iter()
            .take(MAX_CLIENTS)
            .map(|client| {
                let message = format!("last {}", format_ago(client.last_seen_at, now));
                layout_client(describe_client(&client.agent, &client.address), is_in_use(client), message)
            })
            .collect();
        if let (true, Some(by), Some(at)) = (out.is_empty(), &self.key.last_used_by, self.key.last_used_at) {
            out.push(layout_client(
                describe_client(&by.agent, &by.address),
                self.key.is_in_use(now),
                format!("last {}", format_ago(at, now)),
            ));
        }
        if out.is_empty() {
            let message = context.staleness_rules().last_use(&self.key);
            out.push(Line::styled(format!("  no known clients; {message}"), muted));
        }
        if clients.len() > MAX_CLIENTS {
            out.push(Line::styled(format!("  and {} more", clients.len() - MAX_CLIENTS), muted));
        }
        out
    }

    /// Lays out numbered steps that describe what Enter will do.
    fn layout_steps(&self, context: &Context, columns: usize) -> Vec<Line<'static>> {
        let kind = self.key.kind;
        let theme = context.theme();
        let steps = match &self.replacement {
            ReplacementPlan::New(name) => vec![
                format!("A new {kind} key will be created: {name}."),
                "This key will be revoked for good; requests with it will get 401.".to_owned(),
                "The new secret will be shown. Enter it wherever this key is used.".to_owned(),
            ],
            ReplacementPlan::Exists(new) => vec![
                "This key will be revoked for good; requests with it will get 401.".to_owned(),
                format!(
                    "The replacement {new} already exists. Enter its secret wherever this key is still used."
                ),
            ],
            ReplacementPlan::None(why) => vec![
                "This key will be revoked for good; requests with it will get 401.".to_owned(),
                format!("No replacement will be created: {why}."),
            ],
        };
        let mut out = Vec::new();
        for (at, step) in steps.iter().enumerate() {
            let number = Span::styled(format!("{}  ", at + 1), theme.style(StyleRole::Strong));
            out.extend(wrap_hanging(&number, &theme.text(step), Style::new(), columns));
        }
        out
    }
}
