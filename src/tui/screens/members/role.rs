//! Popup that changes a member's role, after showing the effects.

use crokey::KeyCombination;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::domain::key::KeyKind;
use crate::domain::member::Role;
use crate::domain::permission::Permission;
use crate::tui::context::{Context, ReplyTo};
use crate::tui::form::{CHOICE_KEYS, choice_step, wrap_index};
use crate::tui::keymap::{Action, KeyContext, stack};
use crate::tui::msg::{ApiRequest, Reply, RequestError};
use crate::tui::popup::{Popup, PopupAction, PopupFrame, PopupTone, content_width, draw_frame, draw_lines};
use crate::tui::text_layout::{key_hints, wrap_paragraph};
use crate::tui::theme;
use crate::wire::members::{ChangeRole, Member};

#[derive(Debug)]
pub struct ChangeRolePopup {
    member: Member,
    chosen: usize,
    revoke: bool,
    shown: bool,
    sending: bool,
    error: Option<String>,
}

impl ChangeRolePopup {
    /// Creates the popup with the member's current role selected.
    pub fn new(member: Member) -> Self {
        let chosen = Role::ALL.iter().position(|&role| role == member.role).unwrap_or(1);
        Self { member, chosen, revoke: false, shown: false, sending: false, error: None }
    }

    fn role(&self) -> Role {
        Role::ALL[self.chosen]
    }

    /// Returns whether the member has personal keys but could not create any with the selected role.
    fn leaves_keys(&self) -> bool {
        self.member.personal_keys > 0 && !Permission::CreateKey(KeyKind::Personal).is_granted_to(self.role())
    }

    fn consequence(&self, context: &Context) -> String {
        let manages = |role| Permission::ManageMembers.is_granted_to(role);
        let mut message = match (manages(self.member.role), manages(self.role())) {
            _ if self.role() == self.member.role => return "This is their current role.".to_owned(),
            (false, true) => {
                "They can immediately see and manage all organization keys and all members.".to_owned()
            }
            (true, false) => {
                "They can no longer see organization keys or members. The keys are not revoked.".to_owned()
            }
            _ => String::new(),
        };
        if self.leaves_keys() {
            let n = self.member.personal_keys;
            let keys = if n == 1 { "1 personal key".to_owned() } else { format!("{n} personal keys") };
            let effect = match (self.revoke, n) {
                (true, _) => "will be revoked",
                (false, 1) => "will keep working until it is revoked",
                (false, _) => "will keep working until they are revoked",
            };
            message = format!("{message} They can no longer create keys. {keys} {effect}.");
        }
        let you = if context.is_me(self.member.id) { "This is you. " } else { "" };
        format!("{you}{}", message.trim())
    }
}

impl Popup for ChangeRolePopup {
    fn key_contexts(&self) -> &'static [KeyContext] {
        stack::TEXT
    }

    fn run_action(&mut self, context: &mut Context, action: Action) -> PopupAction {
        match action {
            Action::Submit if self.shown && !self.sending && self.role() != self.member.role => {
                self.sending = true;
                let revoke = (self.revoke && self.leaves_keys()).then_some(true);
                let body = ChangeRole { role: self.role(), revoke_personal_keys: revoke };
                context.request(ReplyTo::Popup, ApiRequest::ChangeRole(self.member.id, body));
            }
            Action::NextField | Action::PreviousField if self.leaves_keys() => self.revoke = !self.revoke,
            Action::Cancel => return PopupAction::Close,
            _ => {}
        }
        PopupAction::Stay
    }

    fn handle_key(&mut self, _: &mut Context, key: KeyCombination) -> PopupAction {
        if let Some(step) = choice_step(key) {
            self.chosen = wrap_index(self.chosen, step, Role::ALL.len());
        }
        self.error = None;
        PopupAction::Stay
    }

    fn apply_reply(&mut self, context: &mut Context, result: Result<Reply, RequestError>) -> PopupAction {
        self.sending = false;
        match result {
            Ok(Reply::RoleChanged(changed)) => {
                let revoked = match changed.revoked.len() {
                    0 => String::new(),
                    1 => "; 1 personal key revoked".to_owned(),
                    n => format!("; {n} personal keys revoked"),
                };
                let message = format!("{} is now {}{revoked}", changed.member.name, changed.member.role);
                context.notices.info(context.now, message);
                context.load_members();
                PopupAction::Close
            }
            Ok(_) => PopupAction::Stay,
            Err(failure) => {
                context.record_failure(&failure);
                self.error = Some(failure.to_string());
                PopupAction::Stay
            }
        }
    }

    fn mark_shown(&mut self) {
        self.shown = true;
    }

    fn draw(&self, context: &Context, area: Rect, buf: &mut Buffer) -> PopupFrame {
        let theme = context.theme();
        let columns = content_width(area, 70);
        let mut body: Vec<Line<'_>> = Role::ALL
            .iter()
            .enumerate()
            .map(|(at, role)| {
                let style =
                    if at == self.chosen { theme::StyleRole::Accent } else { theme::StyleRole::Plain };
                let mark = if at == self.chosen { theme.symbol(theme::ThemeSymbol::Selected) } else { " " };
                let now = if *role == self.member.role { "  (current)" } else { "" };
                Line::from(Span::styled(format!("{mark} {role}{now}"), theme.style(style)))
            })
            .collect();
        body.push(Line::default());
        body.extend(wrap_paragraph(
            &self.consequence(context),
            theme.style(theme::StyleRole::Strong),
            usize::from(columns),
        ));
        if let Some(error) = &self.error {
            body.extend(wrap_paragraph(error, theme.style(theme::StyleRole::Danger), usize::from(columns)));
        }
        body.push(Line::default());
        let (enter, tab, esc) = (
            context.key_press(Action::Submit),
            context.key_press(Action::NextField),
            context.key_press(Action::Cancel),
        );
        let mut keys = vec![(CHOICE_KEYS, "choose"), (enter.as_str(), "change")];
        if self.leaves_keys() {
            keys.push((&tab, if self.revoke { "leave their keys" } else { "revoke their keys" }));
        }
        keys.push((&esc, "back"));
        body.push(key_hints(&keys, theme));
        let height = u16::try_from(body.len()).unwrap_or(8);
        let inside = draw_frame(
            &format!("Change {}'s role", self.member.name),
            PopupTone::Calm,
            (columns, height),
            area,
            theme,
            buf,
        );
        draw_lines(&body, inside, theme, buf);
        PopupFrame::default()
    }
}
