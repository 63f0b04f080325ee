//! Upper part of the rotation popup: the steps, the meaning of the phase, the next action, both keys, and the quiet window.

use std::cmp::Ordering;

use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::RotatePopup;
use crate::domain::key::Key;
use crate::domain::rotation::{Phase, proposed_name, quiet_since, ready_at};
use crate::domain::text;
use crate::domain::time::{TimeDelta, Timestamp, format_ago, format_duration};
use crate::tui::context::Context;
use crate::tui::keymap::Action;
use crate::tui::text_layout::{wrap_hanging, wrap_paragraph};
use crate::tui::theme::{StyleRole, Theme, ThemeSymbol, phase_role};
use crate::wire::keys::Rotation;

/// Columns reserved for the labels `Next`, `Old`, `New` and `Quiet`.
const LABEL_WIDTH: usize = 7;
/// Width of the quiet window's progress bar, in columns.
const BAR: usize = 20;

/// State of the rotation and the window that the popup is laid out for.
pub(super) struct WizardContext<'a> {
    pub(super) rotation: Option<&'a Rotation>,
    pub(super) phase: Option<Phase>,
    pub(super) now: Timestamp,
    pub(super) columns: usize,
    /// Whether there is room for blank lines between the sections.
    pub(super) roomy: bool,
}

impl RotatePopup {
    /// Lays out the steps of the rotation, what the current phase means, both keys, and the quiet window. The steps are the
    /// first line.
    pub(super) fn layout_head(&self, at: &WizardContext<'_>, context: &Context) -> Vec<Line<'static>> {
        let theme = context.theme();
        let gap = |lines: &mut Vec<Line<'static>>| {
            if at.roomy {
                lines.push(Line::default());
            }
        };
        let mut head = vec![layout_steps(at.phase, theme), Line::default()];
        let meaning = at.phase.map_or(
            "Nothing has changed yet. During a rotation, both keys are accepted.",
            Phase::explanation,
        );
        head.extend(wrap_paragraph(meaning, theme.style(StyleRole::Strong), at.columns));
        if let Some(next) = self.describe_next_step(at, context) {
            let label = Span::styled(format!("{:LABEL_WIDTH$}", "Next"), theme.style(StyleRole::Strong));
            head.extend(wrap_hanging(&label, &theme.text(&next), Style::new(), at.columns));
        }
        gap(&mut head);
        if let (Some(rotation), Some(phase)) = (at.rotation, at.phase) {
            head.extend(layout_keys(rotation, at, theme));
            if matches!(phase, Phase::Drain | Phase::Ready) {
                head.extend(layout_quiet_window(rotation, at, theme));
            }
            gap(&mut head);
        }
        head
    }

    /// Returns a sentence that tells the user what to do next, or `None` once the rotation is done.
    fn describe_next_step(&self, at: &WizardContext<'_>, context: &Context) -> Option<String> {
        let key = |action| context.key_press(action);
        Some(match at.phase {
            None => format!(
                "press {} to create the replacement, {}. Enter its secret wherever this key is used. This key is revoked last, when nothing uses it any more.",
                key(Action::Activate),
                proposed_name(&self.key.name, at.now)
            ),
            Some(Phase::Switch) => format!(
                "enter the new secret wherever the old key is used; its first use will show up here. If you lost the secret, press {} to \
                 revoke this replacement and create another.",
                key(Action::ReplaceReplacement)
            ),
            Some(Phase::Drain) => {
                "switch the clients that still use the old key, then wait for the quiet window.".to_owned()
            }
            Some(Phase::Ready) => format!(
                "press {} to revoke the old key. If it is used before that, it is kept and the client is shown.",
                key(Action::FinishRotation)
            ),
            Some(Phase::Abandoned) => format!(
                "press {} to start again with another replacement, or leave the old key as it is.",
                key(Action::ReplaceReplacement)
            ),
            Some(Phase::Done) => return None,
        })
    }
}

/// Lays out one line for each key: masked secret, name, and when it was last used or revoked.
fn layout_keys(rotation: &Rotation, at: &WizardContext<'_>, theme: Theme) -> Vec<Line<'static>> {
    let used = |key: &Key| match (key.revoked_at, key.last_used_at, &key.last_used_by) {
        (Some(when), ..) => {
            let by = key.revoked_by.as_ref().map_or(String::new(), |by| format!(" by {}", by.name));
            format!("revoked {}{by}", format_ago(when, at.now))
        }
        (_, Some(when), Some(by)) if at.columns >= 64 => {
            format!("used {} by {}", format_ago(when, at.now), by.agent)
        }
        (_, Some(when), _) => format!("used {}", format_ago(when, at.now)),
        (_, None, _) => format!("never used, created {}", format_ago(key.created_at, at.now)),
    };
    let keys = [("Old", &rotation.old, StyleRole::OtherBar), ("New", &rotation.new, StyleRole::Bar)];
    let masks = keys.iter().map(|(_, key, _)| text::display_width(&key.masked)).max().unwrap_or(0);
    let names = keys.iter().map(|(_, key, _)| text::display_width(&key.name)).max().unwrap_or(0);
    let facts = keys.iter().map(|(_, key, _)| text::display_width(&used(key))).max().unwrap_or(0);
    // The name has priority: the last use ends in the client, which the list below names too.
    let room = at.columns.saturating_sub(LABEL_WIDTH + masks + 4);
    let names = names.min(room.saturating_sub(facts.min(24)).max(12));
    keys.into_iter()
        .map(|(label, key, role)| {
            let name = text::truncate_to_width(&theme.text(&key.name), names).into_owned();
            let pad = " ".repeat(names.saturating_sub(text::display_width(&name)) + 2);
            Line::from(vec![
                Span::styled(format!("{label:LABEL_WIDTH$}"), theme.style(role)),
                Span::styled(format!("{}  ", theme.text(&key.masked)), theme.style(StyleRole::Muted)),
                Span::raw(name),
                Span::raw(pad),
                Span::styled(theme.text(&used(key)).into_owned(), theme.style(StyleRole::Muted)),
            ])
        })
        .collect()
}

/// Lays out a progress bar of the quiet window, the remaining time, and the reason for its length.
fn layout_quiet_window(rotation: &Rotation, at: &WizardContext<'_>, theme: Theme) -> Vec<Line<'static>> {
    let window = rotation.window();
    let silent = at.now.since(quiet_since(&rotation.old)).max(TimeDelta::zero());
    let left = ready_at(&rotation.old, window).since(at.now).max(TimeDelta::zero());
    let full = usize::try_from(
        silent.num_milliseconds().saturating_mul(20) / window.duration.num_milliseconds().max(1),
    )
    .unwrap_or(BAR)
    .min(BAR);
    // The bar is full only once the window has passed.
    let full = if left > TimeDelta::zero() { full.min(BAR - 1) } else { BAR };
    let message = if left > TimeDelta::zero() {
        let until = ready_at(&rotation.old, window).to_chrono().format(" (%b %d, %H:%M UTC)");
        let until = if at.columns >= 72 { until.to_string() } else { String::new() };
        format!(
            "  {} of {}, {} to go{until}",
            format_duration(silent),
            format_duration(window.duration),
            format_days_and_hours(left)
        )
    } else {
        format!("  unused for {}, {} needed", format_duration(silent), format_duration(window.duration))
    };
    let role = if left > TimeDelta::zero() { StyleRole::Stale } else { StyleRole::InUse };
    let mut out = vec![Line::from(vec![
        Span::styled(format!("{:LABEL_WIDTH$}", "Quiet"), theme.style(StyleRole::Muted)),
        Span::styled(theme.symbol(ThemeSymbol::Full).repeat(full), theme.style(role)),
        Span::styled(theme.symbol(ThemeSymbol::Empty).repeat(BAR - full), theme.style(StyleRole::Muted)),
        Span::styled(
            message,
            theme.style(if left > TimeDelta::zero() { StyleRole::Strong } else { StyleRole::Plain }),
        ),
    ])];
    let muted = theme.style(StyleRole::Muted);
    if at.roomy || window.raised_by_gap.is_some() {
        let head = Span::styled(" ".repeat(LABEL_WIDTH), muted);
        let reason = format!("window of {}", window.reason());
        out.extend(wrap_hanging(&head, &theme.text(&reason), muted, at.columns));
    }
    out
}

/// Formats a duration in days and hours, such as `1 d 10 h`; a duration of less than a day as [`format_duration`] does.
fn format_days_and_hours(left: TimeDelta) -> String {
    let (days, hours) = (left.num_days(), left.num_hours() % 24);
    match (days, hours) {
        (0, _) => format_duration(left),
        (days, 0) => format!("{days} d"),
        (days, hours) => format!("{days} d {hours} h"),
    }
}

/// Lays out the steps with the current one highlighted: `✓ create ── 2 switch ── 3 drain ── 4 revoke`.
fn layout_steps(phase: Option<Phase>, theme: Theme) -> Line<'static> {
    let current = match phase {
        None | Some(Phase::Abandoned) => 0,
        Some(Phase::Switch) => 1,
        Some(Phase::Drain) => 2,
        Some(Phase::Ready) => 3,
        Some(Phase::Done) => 4,
    };
    let mut spans = Vec::new();
    for (at, name) in ["create", "switch", "drain", "revoke"].into_iter().enumerate() {
        if at > 0 {
            let rule = theme.symbol(ThemeSymbol::Rule);
            spans.push(Span::styled(format!(" {rule}{rule} "), theme.style(StyleRole::Muted)));
        }
        spans.push(match at.cmp(&current) {
            Ordering::Less => Span::styled(
                format!("{} {name}", theme.symbol(ThemeSymbol::Marked)),
                theme.style(StyleRole::InUse),
            ),
            Ordering::Equal => Span::styled(format!(" {} {name} ", at + 1), theme.style(StyleRole::Selected)),
            Ordering::Greater => Span::styled(format!("{} {name}", at + 1), theme.style(StyleRole::Muted)),
        });
    }
    if let Some(phase @ (Phase::Done | Phase::Abandoned)) = phase {
        spans.push(Span::styled(format!("  {phase}"), theme.style(phase_role(phase))));
    }
    Line::from(spans)
}

/// Returns the actions that a phase offers, with the texts of their key hints. `None` is the phase before the rotation starts.
pub(super) fn actions_in(phase: Option<Phase>) -> &'static [(Action, &'static str)] {
    use Action::{Activate, Cancel, CancelRotation, FinishRotation, LeakedKey, ReplaceReplacement};
    match phase {
        None => &[(Activate, "create the replacement"), (LeakedKey, "key leaked"), (Cancel, "back")],
        Some(Phase::Switch) => &[
            (ReplaceReplacement, "secret lost"),
            (CancelRotation, "cancel"),
            (LeakedKey, "leaked"),
            (Cancel, "back"),
        ],
        Some(Phase::Drain) => &[
            (FinishRotation, "revoke early"),
            (CancelRotation, "cancel"),
            (LeakedKey, "leaked"),
            (Cancel, "back"),
        ],
        Some(Phase::Ready) => {
            &[(FinishRotation, "revoke the old key"), (CancelRotation, "cancel"), (Cancel, "back")]
        }
        Some(Phase::Done) => &[(Cancel, "close")],
        Some(Phase::Abandoned) => {
            &[(ReplaceReplacement, "start again"), (LeakedKey, "key leaked"), (Cancel, "leave it")]
        }
    }
}
