//! Popup that invites someone or creates a sign-in code for a member, and then shows the code once.

use crokey::KeyCombination;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use std::sync::Arc;
use std::time::Duration;

use crate::domain::email::{fold_case, normalize_email};
use crate::domain::member::{MemberStatus, Role};
use crate::domain::time::Timestamp;
use crate::tui::context::{Context, ReplyTo};
use crate::tui::form::{TextField, choice_step, wrap_index};
use crate::tui::keymap::{Action, KeyContext, stack};
use crate::tui::msg::{ApiRequest, Delivery, Reply, RequestError, UiTime};
use crate::tui::popup::{Popup, PopupAction, PopupFrame, PopupTone, content_width, draw_frame, draw_lines};
use crate::tui::text_layout::{action_hints, radio_button, wrap_paragraph};
use crate::tui::theme;
use crate::wire::keys::SecretString;
use crate::wire::members::{InviteMember, Member};

const ROLES: [Role; 3] = [Role::Normal, Role::Operator, Role::Admin];
/// Time after which an unmasked sign-in code is masked again.
const UNMASKED_FOR: Duration = Duration::from_secs(20);

#[derive(Debug)]
pub struct InvitePopup {
    address: TextField,
    role: usize,
    sending: bool,
    error: Option<String>,
    code: Option<IssuedCode>,
}

/// Sign-in code to hand over. The server does not return it again.
#[derive(Debug)]
struct IssuedCode {
    secret: Arc<SecretString>,
    member: Member,
    expires_at: Timestamp,
    readable_until: Option<UiTime>,
    message: Option<String>,
}

impl InvitePopup {
    /// Creates the form. If `member` has not accepted an invitation yet, proposes that address.
    pub fn new(member: Option<&Member>) -> Self {
        let proposed =
            member.filter(|member| member.status == MemberStatus::Invited).map_or("", |member| &member.email);
        Self { address: TextField::with_text(proposed), role: 0, sending: false, error: None, code: None }
    }

    fn send(&mut self, context: &mut Context) {
        let email = match normalize_email(self.address.text()) {
            Ok(email) => email,
            Err(error) => {
                self.error = Some(format!("The address {error}."));
                return;
            }
        };
        self.sending = true;
        context.request(ReplyTo::Popup, ApiRequest::Invite(InviteMember { email, role: ROLES[self.role] }));
    }

    /// Describes the effect of inviting the typed address: a new member, another code, or a replaced invitation.
    fn describe_effect(&self, context: &Context) -> String {
        let typed = fold_case(self.address.text().trim());
        let known = context
            .members
            .rows()
            .iter()
            .find(|member| fold_case(&member.email) == typed && member.status != MemberStatus::Removed);
        match known {
            Some(member) if member.status == MemberStatus::Active => format!(
                "{} is already a member ({}). They get a new sign-in code and keep their role; earlier codes stop working.",
                member.name, member.role
            ),
            Some(member) => {
                format!("{} has already been invited. The new code replaces the earlier one.", member.name)
            }
            None => match ROLES[self.role] {
                Role::Admin => {
                    "An admin can see and manage all organization keys and all members.".to_owned()
                }
                Role::Normal => {
                    "A normal member can create personal keys and cannot see other members' keys.".to_owned()
                }
                Role::Operator => "An operator cannot create keys.".to_owned(),
            },
        }
    }
}

impl Popup for InvitePopup {
    fn key_contexts(&self) -> &'static [KeyContext] {
        if self.code.is_some() { stack::REVEAL } else { stack::TEXT }
    }

    fn run_action(&mut self, context: &mut Context, action: Action) -> PopupAction {
        let now = context.now;
        match (&mut self.code, action) {
            (None, Action::Submit) if !self.sending => self.send(context),
            (None, Action::NextField) => self.role = wrap_index(self.role, 1, ROLES.len()),
            (None, Action::PreviousField) => self.role = wrap_index(self.role, -1, ROLES.len()),
            (Some(code), Action::Unmask) => {
                code.readable_until = code.readable_until.is_none().then(|| now.plus(UNMASKED_FOR));
            }
            (Some(code), Action::CopySecret) => {
                let secret = Arc::clone(&code.secret);
                context.deliver(ReplyTo::Popup, Delivery::CopySecret(secret));
            }
            (Some(code), Action::WriteSecret | Action::PipeSecret) => {
                code.message = Some(
                    "A sign-in code expires within days. Hand it over instead of storing it.".to_owned(),
                );
            }
            (Some(_), Action::Stored | Action::Cancel) => return PopupAction::Close,
            (None, Action::Cancel) if !self.sending => return PopupAction::Close,
            _ => {}
        }
        PopupAction::Stay
    }

    fn handle_key(&mut self, _: &mut Context, key: KeyCombination) -> PopupAction {
        if self.code.is_none() {
            self.error = None;
            match choice_step(key) {
                Some(step) => self.role = wrap_index(self.role, step, ROLES.len()),
                None => drop(self.address.handle_key(key)),
            }
        }
        PopupAction::Stay
    }

    fn paste(&mut self, _: &mut Context, text: &str) {
        self.address.paste(text);
    }

    fn apply_reply(&mut self, context: &mut Context, result: Result<Reply, RequestError>) -> PopupAction {
        self.sending = false;
        match result {
            Ok(Reply::Invited(invitation)) => {
                let invitation = *invitation;
                self.code = Some(IssuedCode {
                    secret: Arc::new(invitation.code.code),
                    expires_at: invitation.code.expires_at,
                    member: invitation.member,
                    readable_until: None,
                    message: None,
                });
                context.load_members();
            }
            Ok(Reply::Done(message)) => {
                if let Some(code) = &mut self.code {
                    code.message = Some(format!("Code {message}."));
                }
            }
            Ok(_) => {}
            Err(failure) => {
                context.record_failure(&failure);
                match &mut self.code {
                    Some(code) => code.message = Some(failure.to_string()),
                    None => self.error = Some(failure.to_string()),
                }
            }
        }
        PopupAction::Stay
    }

    fn tick(&mut self, context: &mut Context) -> PopupAction {
        if let Some(code) = &mut self.code
            && code.readable_until.is_some_and(|until| context.now >= until)
        {
            code.readable_until = None;
        }
        PopupAction::Stay
    }

    fn wake_at(&self) -> Option<UiTime> {
        self.code.as_ref().and_then(|code| code.readable_until)
    }

    fn hide_secrets(&mut self) {
        if let Some(code) = &mut self.code {
            code.readable_until = None;
        }
    }

    /// Hides the key hints for writing or piping a secret, which do not apply to a sign-in code.
    fn is_available(&self, _: &Context, action: Action) -> bool {
        self.code.is_none() || matches!(action, Action::Unmask | Action::CopySecret | Action::Cancel)
    }

    fn survives_sign_in(&self) -> bool {
        true
    }

    fn draw(&self, context: &Context, area: Rect, buf: &mut Buffer) -> PopupFrame {
        let theme = context.theme();
        let columns = content_width(area, 64);
        let muted = theme.style(theme::StyleRole::Muted);
        let Some(code) = &self.code else {
            let roles: Line<'_> = std::iter::once(Span::styled("Role     ", muted))
                .chain(
                    ROLES
                        .iter()
                        .enumerate()
                        .map(|(at, role)| radio_button(role.word(), at == self.role, theme)),
                )
                .collect();
            let mut body = vec![Line::styled("Address", muted), roles, Line::default()];
            match &self.error {
                Some(error) => {
                    body.extend(wrap_paragraph(
                        error,
                        theme.style(theme::StyleRole::Danger),
                        usize::from(columns),
                    ));
                }
                None => {
                    body.extend(wrap_paragraph(&self.describe_effect(context), muted, usize::from(columns)));
                }
            }
            body.push(Line::default());
            body.push(action_hints(
                &[(Action::Submit, "invite"), (Action::NextField, "role"), (Action::Cancel, "back")],
                context,
            ));
            let height = u16::try_from(body.len()).unwrap_or(7);
            let inside = draw_frame(
                "Invite someone or create a sign-in code",
                PopupTone::Calm,
                (columns, height),
                area,
                theme,
                buf,
            );
            draw_lines(&body, inside, theme, buf);
            let field = Rect { x: inside.x + 9, width: inside.width.saturating_sub(9), height: 1, ..inside };
            return PopupFrame::from(self.address.draw(field, true, theme, buf));
        };
        let secret = code.secret.expose();
        let shown = if code.readable_until.is_some() {
            secret.to_owned()
        } else {
            format!("inv_{}", theme.symbol(theme::ThemeSymbol::Hidden).repeat(24))
        };
        let mut body = wrap_paragraph(&shown, theme.style(theme::StyleRole::Strong), usize::from(columns));
        body.push(Line::default());
        let words = format!(
            "Give this code to {} yourself; no email is sent. It works once, until {}, and is not shown again.",
            code.member.email,
            code.expires_at.to_chrono().format("%Y-%m-%d %H:%M UTC")
        );
        body.extend(wrap_paragraph(&words, muted, usize::from(columns)));
        if let Some(message) = &code.message {
            body.extend(wrap_paragraph(message, theme.style(theme::StyleRole::Accent), usize::from(columns)));
        }
        body.push(Line::default());
        body.push(action_hints(
            &[(Action::Unmask, "show"), (Action::CopySecret, "copy"), (Action::Stored, "handed over")],
            context,
        ));
        let height = u16::try_from(body.len()).unwrap_or(7);
        let inside = draw_frame("Sign-in code", PopupTone::Calm, (columns, height), area, theme, buf);
        draw_lines(&body, inside, theme, buf);
        PopupFrame::default()
    }
}
