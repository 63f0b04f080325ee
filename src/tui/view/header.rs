//! The first two lines: who is signed in where, and the tabs.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};

use crate::domain::text;
use crate::tui::app::{Model, Tab};
use crate::tui::context::Connection;
use crate::tui::key_list::LoadState;
use crate::tui::text_layout::{draw_line, format_count};
use crate::tui::theme::{StyleRole, ThemeSymbol};

/// Draws organization, member and role on the left; keys to review, profile, server and connection on the right.
pub fn draw(model: &Model, area: Rect, buf: &mut Buffer) {
    let right = right_side(model, area.width);
    let right_width = u16::try_from(right.width()).unwrap_or(0).min(area.width.saturating_sub(12));
    let theme = model.context.theme();
    draw_line(
        buf,
        (area.right().saturating_sub(right_width + 1), area.y),
        right_width,
        &right,
        Style::new(),
        theme,
    );
    let left_width = area.width.saturating_sub(right_width + 4);
    draw_line(buf, (area.x + 1, area.y), left_width, &left_side(model), Style::new(), theme);
}

fn left_side(model: &Model) -> Line<'static> {
    let theme = model.context.theme();
    let muted = theme.style(StyleRole::Muted);
    let Some(me) = &model.context.me else {
        return Line::styled("keyward", theme.style(StyleRole::Strong));
    };
    Line::from(vec![
        Span::styled(me.organization.name.clone(), theme.style(StyleRole::Strong)),
        Span::styled(format!(" {} ", theme.symbol(ThemeSymbol::Dot)), muted),
        Span::raw(me.member.name.clone()),
        Span::styled(format!(" ({})", me.role), muted),
    ])
}

fn right_side(model: &Model, columns: u16) -> Line<'static> {
    let context = &model.context;
    let theme = context.theme();
    let muted = theme.style(StyleRole::Muted);
    let dot = || Span::styled(format!(" {} ", theme.symbol(ThemeSymbol::Dot)), muted);
    let mut spans = Vec::new();
    let waiting = model.screens.review.waiting_count();
    if context.organization_keys.load_state == LoadState::Complete && waiting > 0 {
        let waiting = format_count(u64::try_from(waiting).unwrap_or(u64::MAX));
        spans.push(Span::styled(format!("{waiting} to review"), theme.style(StyleRole::Stale)));
        spans.push(dot());
    }
    if context.start.read_only {
        spans.push(Span::styled("read-only", theme.style(StyleRole::Strong)));
        spans.push(dot());
    }
    let profile = text::sanitize_line(&context.start.profile).into_owned();
    if context.start.production {
        let name = if profile.is_empty() { "production".to_owned() } else { profile };
        spans.push(Span::styled(format!(" {name} "), theme.style(StyleRole::Production)));
        spans.push(dot());
    } else if !profile.is_empty() {
        spans.push(Span::raw(profile));
        spans.push(dot());
    }
    if columns >= 100 {
        spans.push(Span::styled(text::sanitize_line(&context.start.server).into_owned(), muted));
        spans.push(dot());
    }
    spans.push(match &context.connection {
        Connection::Connecting => Span::styled("connecting", muted),
        Connection::Connected => Span::styled("connected", muted),
        Connection::Lost(_) => Span::styled("no answer", theme.style(StyleRole::Danger)),
        Connection::SignedOut => Span::styled("signed out", theme.style(StyleRole::Danger)),
    });
    Line::from(spans)
}

/// Draws the tab bar. In narrow windows only the first two tabs and the open one show a title.
pub fn draw_tabs(model: &Model, area: Rect, buf: &mut Buffer) {
    let context = &model.context;
    let theme = context.theme();
    let mut spans = vec![Span::raw(" ")];
    for &tab in Tab::ALL {
        let open = tab == model.tab;
        let allowed = context.me.is_none() || context.check_permission(tab.permission()).is_ok();
        let style = match (open, allowed) {
            (true, _) => theme.style(StyleRole::Accent).add_modifier(Modifier::BOLD | Modifier::UNDERLINED),
            (false, true) => Style::new(),
            (false, false) => theme.style(StyleRole::Muted),
        };
        let digit = tab.digit();
        let name = if area.width < 80 && digit > 2 && !open {
            digit.to_string()
        } else {
            format!("{digit} {}", tab.title())
        };
        spans.push(Span::styled(name, style));
        spans.push(Span::raw(if area.width < 60 { " " } else { "   " }));
    }
    draw_line(buf, (area.x, area.y), area.width, &Line::from(spans), Style::new(), theme);
}
