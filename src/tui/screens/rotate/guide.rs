//! Who uses a key, and where each of them takes it from: what the wizard says below its steps.

use ratatui::text::{Line, Span};

use super::Wizard;
use crate::domain::integration::{self, Integration};
use crate::domain::rotation::Phase;
use crate::domain::text;
use crate::domain::time::{Stamp, ago};
use crate::tui::keymap::Action;
use crate::tui::prose::{number, paragraph};
use crate::tui::shared::Shared;
use crate::tui::theme::{Role, Symbol};
use crate::wire::keys::Rotation;

impl Wizard {
    /// Who uses the old key, and what to do about it.
    pub(super) fn body(
        &self,
        rotation: Option<&Rotation>,
        phase: Option<Phase>,
        now: Stamp,
        shared: &Shared,
        columns: usize,
    ) -> Vec<Line<'static>> {
        let theme = shared.theme();
        let (strong, muted) = (theme.style(Role::Strong), theme.style(Role::Muted));
        let mut out = Vec::new();
        if matches!(phase, Some(Phase::Done)) {
            return out;
        }
        if phase == Some(Phase::Switch) {
            let said = format!(
                "The new secret was shown when it was created and cannot be shown again. If it is lost, {} replaces the replacement.",
                shared.key(Action::ReplaceReplacement)
            );
            out.extend(paragraph(&said, muted, columns));
        }
        let heading = if phase == Some(Phase::Drain) {
            "Who used the old key lately"
        } else {
            "Where the key is used from"
        };
        out.push(Line::styled(heading, strong));
        let Some(usage) = &self.usage else {
            let said = self.failed.clone().unwrap_or_else(|| "loading".to_owned());
            out.extend(paragraph(&said, muted, columns));
            return out;
        };
        if usage.clients.is_empty() {
            out.push(Line::styled("nothing seen", muted));
        }
        let fresh = rotation.map(|rotation| now.minus(rotation.window().ms));
        let mut known: Vec<&'static Integration> = Vec::new();
        let mut unknown = false;
        for client in &usage.clients {
            let agent = text::line(&client.agent).into_owned();
            match integration::of_agent(&agent) {
                Some(product) if !known.contains(&product) => known.push(product),
                Some(_) => {}
                None => unknown = true,
            }
            let agent = if agent.is_empty() { "an unnamed client".to_owned() } else { agent };
            let still = fresh.is_some_and(|from| client.last_seen_at >= from);
            let badge = if still { theme.symbol(Symbol::Live) } else { " " };
            let seen = format!(
                "  {}  first {}, last {}, {} uses",
                text::line(&client.address),
                client.first_seen_at.date(),
                ago(client.last_seen_at, now),
                number(u64::try_from(client.count).unwrap_or(0)),
            );
            out.push(Line::from(vec![
                Span::styled(format!("{badge} "), theme.style(Role::Stale)),
                Span::raw(agent),
                Span::styled(seen, muted),
            ]));
        }
        if !matches!(phase, None | Some(Phase::Switch | Phase::Drain)) {
            return out;
        }
        for product in known {
            out.push(Line::default());
            out.push(Line::styled(format!("In {}", product.name), strong));
            for step in product.steps {
                out.extend(item(step, columns));
            }
        }
        if unknown || usage.clients.is_empty() {
            out.push(Line::default());
            out.push(Line::styled("Elsewhere", strong));
            for step in integration::ANY {
                out.extend(item(step, columns));
            }
        }
        out
    }
}

/// One instruction, its further lines indented.
fn item(text: &str, columns: usize) -> Vec<Line<'static>> {
    let lines = crate::tui::prose::wrap(text, columns.saturating_sub(2));
    lines
        .into_iter()
        .enumerate()
        .map(|(at, line)| Line::raw(format!("{}{line}", if at == 0 { "- " } else { "  " })))
        .collect()
}
