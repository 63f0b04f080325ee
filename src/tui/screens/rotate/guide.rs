//! Who uses a key, and where each of them takes it from: what the wizard says below its steps.

use ratatui::text::{Line, Span};

use super::RotatePopup;
use super::head::WizardContext;
use crate::domain::integration::{self, Integration};
use crate::domain::rotation::Phase;
use crate::domain::text;
use crate::domain::time::{Timestamp, format_ago};
use crate::domain::usage::ClientUse;
use crate::tui::context::Context;
use crate::tui::text_layout::{format_count, wrap_paragraph, wrap_text};
use crate::tui::theme::{StyleRole, Theme, ThemeSymbol};

impl RotatePopup {
    /// Who uses the old key, and what to do about it.
    pub(super) fn body(&self, at: &WizardContext<'_>, context: &Context) -> Vec<Line<'static>> {
        let theme = context.theme();
        let (strong, muted) = (theme.style(StyleRole::Strong), theme.style(StyleRole::Muted));
        let mut out = Vec::new();
        // Where nothing is to be entered anywhere, nobody needs to know where.
        if matches!(at.phase, Some(Phase::Done | Phase::Ready)) {
            return out;
        }
        let heading = match at.phase {
            Some(Phase::Drain) => "Who uses the old key",
            Some(Phase::Switch) => "Where the old key is used, and the new one is to be entered",
            _ => "Where the key is used",
        };
        out.extend(wrap_paragraph(heading, strong, at.columns));
        let Some(usage) = &self.usage else {
            let said = self.failed.clone().unwrap_or_else(|| "loading".to_owned());
            out.extend(wrap_paragraph(&theme.text(&text::sanitize_line(&said)), muted, at.columns));
            return out;
        };
        let mut clients: Vec<&ClientUse> = usage.clients.iter().collect();
        clients.sort_by_key(|client| std::cmp::Reverse(client.last_seen_at));
        if clients.is_empty() {
            out.push(Line::styled("nowhere, as far as was seen", muted));
        }
        let fresh = at.rotation.map(|rotation| at.now.minus(rotation.window().duration));
        out.extend(table(&clients, fresh, at, theme));
        if at.phase == Some(Phase::Abandoned) {
            return out;
        }
        let mut known: Vec<&'static Integration> = Vec::new();
        let mut unknown = clients.is_empty();
        for client in clients {
            match integration::of_agent(&text::sanitize_line(&client.agent)) {
                Some(product) if !known.contains(&product) => known.push(product),
                Some(_) => {}
                None => unknown = true,
            }
        }
        let places = known.into_iter().map(|product| (format!("In {}", product.name), product.steps));
        let elsewhere = unknown.then(|| ("Elsewhere".to_owned(), &integration::ANY[..]));
        for (heading, steps) in places.chain(elsewhere) {
            out.push(Line::default());
            out.push(Line::styled(heading, strong));
            out.extend(steps.iter().flat_map(|step| item(step, at.columns)));
        }
        out
    }
}

/// A row for each client, in columns; where there is no room, the count goes first, then the first day.
fn table(
    clients: &[&ClientUse],
    fresh: Option<Timestamp>,
    at: &WizardContext<'_>,
    theme: Theme,
) -> Vec<Line<'static>> {
    let cells = |client: &ClientUse| {
        let agent = text::sanitize_line(&client.agent);
        let agent = if agent.is_empty() { "an unnamed client".into() } else { agent };
        let uses = format_count(u64::try_from(client.count).unwrap_or(0));
        [
            theme.text(&agent).into_owned(),
            theme.text(&text::sanitize_line(&client.address)).into_owned(),
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
        let still = fresh.is_some_and(|from| last >= from);
        let badge = if still { theme.symbol(ThemeSymbol::InUse) } else { " " };
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

/// One instruction, its further lines indented.
fn item(text: &str, columns: usize) -> Vec<Line<'static>> {
    let lines = wrap_text(text, columns.saturating_sub(2));
    lines
        .into_iter()
        .enumerate()
        .map(|(at, line)| Line::raw(format!("{}{line}", if at == 0 { "- " } else { "  " })))
        .collect()
}
