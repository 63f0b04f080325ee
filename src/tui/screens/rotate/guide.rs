//! Lower part of the rotation popup: the clients that use the old key, and instructions for replacing it in each product.

use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::RotatePopup;
use super::head::WizardContext;
use crate::domain::integration::{self, Integration};
use crate::domain::rotation::Phase;
use crate::domain::text;
use crate::domain::time::{Timestamp, format_ago};
use crate::domain::usage::ClientUse;
use crate::tui::context::Context;
use crate::tui::text_layout::{format_count, wrap_hanging, wrap_paragraph};
use crate::tui::theme::{StyleRole, Theme, ThemeSymbol};

impl RotatePopup {
    /// Lays out the clients that use the old key, and how to enter the new secret in each product.
    pub(super) fn layout_clients(&self, at: &WizardContext<'_>, context: &Context) -> Vec<Line<'static>> {
        let theme = context.theme();
        let (strong, muted) = (theme.style(StyleRole::Strong), theme.style(StyleRole::Muted));
        let mut out = Vec::new();
        // In these phases, the new secret does not have to be entered anywhere.
        if matches!(at.phase, Some(Phase::Done | Phase::Ready)) {
            return out;
        }
        let heading = match at.phase {
            Some(Phase::Drain) => "Clients of the old key",
            Some(Phase::Switch) => "Clients of the old key that need the new secret",
            _ => "Clients of the key",
        };
        out.extend(wrap_paragraph(heading, strong, at.columns));
        let Some(usage) = &self.usage else {
            let message = self.error.clone().unwrap_or_else(|| "loading".to_owned());
            out.extend(wrap_paragraph(&theme.text(&text::sanitize_line(&message)), muted, at.columns));
            return out;
        };
        let mut clients: Vec<&ClientUse> = usage.clients.iter().collect();
        clients.sort_by_key(|client| std::cmp::Reverse(client.last_seen_at));
        if clients.is_empty() {
            out.push(Line::styled("none", muted));
        }
        let fresh = at.rotation.map(|rotation| at.now.minus(rotation.window().duration));
        out.extend(layout_client_table(&clients, fresh, at, theme));
        if at.phase == Some(Phase::Abandoned) {
            return out;
        }
        let mut known: Vec<&'static Integration> = Vec::new();
        let mut unknown = clients.is_empty();
        for client in clients {
            match integration::find_by_agent(&client.agent) {
                Some(product) if !known.contains(&product) => known.push(product),
                Some(_) => {}
                None => unknown = true,
            }
        }
        let places = known.into_iter().map(|product| (format!("In {}", product.name), product.steps));
        let elsewhere = unknown.then(|| ("Elsewhere".to_owned(), &integration::GENERIC_STEPS[..]));
        for (heading, steps) in places.chain(elsewhere) {
            out.push(Line::default());
            out.push(Line::styled(heading, strong));
            out.extend(
                steps.iter().flat_map(|step| wrap_hanging(&Span::raw("- "), step, Style::new(), at.columns)),
            );
        }
        out
    }
}

/// Lays out the clients as a table. If it does not fit, the number of uses is left out first, then the date of the first use.
fn layout_client_table(
    clients: &[&ClientUse],
    fresh: Option<Timestamp>,
    at: &WizardContext<'_>,
    theme: Theme,
) -> Vec<Line<'static>> {
    let cells = |client: &ClientUse| {
        let agent = if client.agent.is_empty() { "unnamed client" } else { &client.agent };
        let uses = format_count(u64::try_from(client.count).unwrap_or(0));
        [
            theme.text(agent).into_owned(),
            theme.text(&client.address).into_owned(),
            format_ago(client.last_seen_at, at.now),
            format!("since {}", client.first_seen_at.format_date()),
            format!("{uses} uses"),
        ]
    };
    let rows: Vec<_> = clients.iter().map(|client| (client.last_seen_at, cells(client))).collect();
    let mut widths = [0; 5];
    for (_, row) in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = text::display_width(cell).max(*width);
        }
    }
    let room = at.columns.saturating_sub(2);
    let mut shown = widths.len();
    while shown > 2 && widths[..shown].iter().map(|width| width + 2).sum::<usize>() > room + 2 {
        shown -= 1;
    }
    let others: usize = widths[1..shown].iter().map(|width| width + 2).sum();
    widths[0] = widths[0].min(room.saturating_sub(others).max(8));
    let row = |(last, cells): (Timestamp, [String; 5])| {
        let is_recent = fresh.is_some_and(|from| last >= from);
        let badge = if is_recent { theme.symbol(ThemeSymbol::InUse) } else { " " };
        let mut spans = vec![Span::styled(format!("{badge} "), theme.style(StyleRole::Stale))];
        for (column, cell) in cells.into_iter().take(shown).enumerate() {
            let cell = text::truncate_to_width(&cell, widths[column]).into_owned();
            let gap = widths[column].saturating_sub(text::display_width(&cell)) + 2;
            let pad = if column + 1 < shown { " ".repeat(gap) } else { String::new() };
            let style = theme.style(if column == 0 { StyleRole::Plain } else { StyleRole::Muted });
            spans.push(Span::styled(format!("{cell}{pad}"), style));
        }
        Line::from(spans)
    };
    rows.into_iter().map(row).collect()
}
