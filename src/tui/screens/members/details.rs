//! Popup with the details of a member and the organization keys that the member created.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use crate::domain::key::KeyKind;
use crate::domain::text::pad_to_width;
use crate::domain::time::format_ago;
use crate::tui::context::Context;
use crate::tui::keymap::{Action, KeyContext, stack};
use crate::tui::popup::{Popup, PopupAction, PopupFrame, PopupTone, Scroll, content_width, draw_scrolled};
use crate::tui::text_layout::{key_hints, labelled_lines};
use crate::tui::theme::StyleRole;
use crate::wire::members::Member;

/// Popup with a member's details and the organization keys that the member created.
#[derive(Debug)]
pub struct MemberDetailsPopup {
    member: Member,
    scroll: Scroll,
}

impl MemberDetailsPopup {
    pub fn new(member: Member) -> Self {
        Self { member, scroll: Scroll::default() }
    }
}

impl Popup for MemberDetailsPopup {
    fn key_contexts(&self) -> &'static [KeyContext] {
        stack::POPUP
    }

    fn run_action(&mut self, _: &mut Context, action: Action) -> PopupAction {
        match action {
            Action::Cancel | Action::Activate => return PopupAction::Close,
            Action::ScrollDown => self.scroll.scroll_by(1),
            Action::ScrollUp => self.scroll.scroll_by(-1),
            _ => {}
        }
        PopupAction::Stay
    }

    fn draw(&self, context: &Context, area: Rect, buf: &mut Buffer) -> PopupFrame {
        let theme = context.theme();
        let columns = content_width(area, 72);
        let member = &self.member;
        let now = context.server_now();
        let mut list = Vec::new();
        let mut add = |label: &str, value: &str| {
            list.extend(labelled_lines(label, value, Style::new(), usize::from(columns), theme));
        };
        add("Address", &member.email);
        add("Role", member.role.word());
        let since = member.removed_at.map_or(String::new(), |at| format!(" {}", format_ago(at, now)));
        add("Status", &format!("{}{since}", member.status));
        add(
            "Member for",
            &format!(
                "{}, since {}",
                format_ago(member.created_at, now).trim_end_matches(" ago"),
                member.created_at.format_date()
            ),
        );
        add("Last seen", &member.last_seen_at.map_or("never".to_owned(), |at| format_ago(at, now)));
        let keys = |count: i64, on_removal: &str| match count {
            0 => "no keys".to_owned(),
            1 => format!("1 key; {on_removal} if the member is removed"),
            _ => format!("{count} keys; {on_removal} if the member is removed"),
        };
        add("Personal", &keys(member.personal_keys, "revoked"));
        add("Workspace", &keys(member.organization_keys, "kept"));
        let created = context.keys(KeyKind::Organization).keys().iter();
        let created = created.filter(|key| key.created_by.id == member.id && key.revoked_at.is_none());
        let room = usize::from(columns.saturating_sub(30)).min(36);
        for key in created {
            list.push(Line::from(vec![
                Span::raw(format!("  {} ", pad_to_width(&theme.text(&key.name), room))),
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
        let foot = [Line::default(), key_hints(&[(&context.key_press(Action::Cancel), "close")], theme)];
        let (_, max_scroll) = draw_scrolled(
            &member.name,
            PopupTone::Calm,
            (list.len(), &|row| list[row].clone()),
            &foot,
            &self.scroll,
            (columns, area),
            theme,
            buf,
        );
        PopupFrame { cursor: None, max_scroll }
    }

    fn clamp_scroll(&mut self, max: usize) {
        self.scroll.clamp(max);
    }
}
