//! The upper part of the wizard: the steps, what the phase means, the one next step, both keys side by side, the countdown.

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
use crate::tui::text_layout::{key_hints, wrap_paragraph, wrap_text};
use crate::tui::theme::{StyleRole, Theme, ThemeSymbol, phase_role};
use crate::wire::keys::Rotation;

/// Columns for `Next`, `Old`, `New`, `Quiet`.
const LABEL: usize = 7;
/// Columns of the countdown's bar.
const BAR: usize = 20;

/// What the wizard is drawn from.
pub(super) struct WizardContext<'a> {
    pub(super) rotation: Option<&'a Rotation>,
    pub(super) phase: Option<Phase>,
    pub(super) now: Timestamp,
    pub(super) columns: usize,
    /// Whether there is room for blank lines.
    pub(super) roomy: bool,
}

impl RotatePopup {
    /// The steps, and where this rotation stands.
    pub(super) fn head(&self, at: &WizardContext<'_>, context: &Context) -> Vec<Line<'static>> {
        let theme = context.theme();
        let gap = |lines: &mut Vec<Line<'static>>| {
            if at.roomy {
                lines.push(Line::default());
            }
        };
        let mut head = vec![steps(at.phase, theme), Line::default()];
        let meaning = at
            .phase
            .map_or("Nothing is changed yet: both keys will be accepted side by side.", Phase::explanation);
        head.extend(wrap_paragraph(meaning, theme.style(StyleRole::Strong), at.columns));
        if let Some(next) = self.next(at, context) {
            head.extend(labelled(
                "Next",
                &next,
                theme.style(StyleRole::Strong),
                Style::new(),
                at.columns,
                theme,
            ));
        }
        gap(&mut head);
        if let (Some(rotation), Some(phase)) = (at.rotation, at.phase) {
            head.extend(both(rotation, at, theme));
            if matches!(phase, Phase::Drain | Phase::Ready) {
                head.extend(countdown(rotation, at, theme));
            }
            gap(&mut head);
        }
        head
    }

    /// The one next step, in words.
    fn next(&self, at: &WizardContext<'_>, context: &Context) -> Option<String> {
        let key = |action| context.key_press(action);
        Some(match at.phase {
            None => format!(
                "{} creates the replacement, {}. Enter it where this one is used; this one is revoked last, when nothing uses it any more.",
                key(Action::Activate),
                proposed_name(&self.key.name, at.now)
            ),
            Some(Phase::Switch) => format!(
                "enter the new secret wherever the old key is used; its first use is noticed here. The secret is lost? {} \
                 revokes this replacement and creates another one.",
                key(Action::ReplaceReplacement)
            ),
            Some(Phase::Drain) => {
                "move what still uses the old key over, then wait out its silence.".to_owned()
            }
            Some(Phase::Ready) => format!(
                "{} revokes the old key. If it is used before that, it stays, and you see by whom.",
                key(Action::FinishRotation)
            ),
            Some(Phase::Abandoned) => format!(
                "{} starts again with another replacement; or leave it, and the old key stays as it is.",
                key(Action::ReplaceReplacement)
            ),
            Some(Phase::Done) => return None,
        })
    }
}

/// A label and a text, further lines indented to it.
fn labelled(
    label: &str,
    said: &str,
    label_style: Style,
    style: Style,
    columns: usize,
    theme: Theme,
) -> Vec<Line<'static>> {
    wrap_text(&theme.text(said), columns.saturating_sub(LABEL))
        .into_iter()
        .enumerate()
        .map(|(row, line)| {
            let label = if row == 0 { label } else { "" };
            Line::from(vec![Span::styled(format!("{label:LABEL$}"), label_style), Span::styled(line, style)])
        })
        .collect()
}

/// The old key above the new one: mask, name, what became of it.
fn both(rotation: &Rotation, at: &WizardContext<'_>, theme: Theme) -> Vec<Line<'static>> {
    let used = |key: &Key| match (key.revoked_at, key.last_used_at, &key.last_used_by) {
        (Some(when), ..) => {
            let by = key
                .revoked_by
                .as_ref()
                .map_or(String::new(), |by| format!(" by {}", text::sanitize_line(&by.name)));
            format!("revoked {}{by}", format_ago(when, at.now))
        }
        (_, Some(when), Some(by)) if at.columns >= 64 => {
            format!("used {} by {}", format_ago(when, at.now), text::sanitize_line(&by.agent))
        }
        (_, Some(when), _) => format!("used {}", format_ago(when, at.now)),
        (_, None, _) => format!("never used, created {}", format_ago(key.created_at, at.now)),
    };
    let keys = [("Old", &rotation.old, StyleRole::OtherBar), ("New", &rotation.new, StyleRole::Bar)];
    let masks = keys.iter().map(|(_, key, _)| text::display_width(&key.masked)).max().unwrap_or(0);
    let names = keys.iter().map(|(_, key, _)| text::display_width(&key.name)).max().unwrap_or(0);
    let facts = keys.iter().map(|(_, key, _)| text::display_width(&used(key))).max().unwrap_or(0);
    // Of the two, what became of it gives way first: it ends in the agent, which the list below names too.
    let room = at.columns.saturating_sub(LABEL + masks + 4);
    let names = names.min(room.saturating_sub(facts.min(24)).max(12));
    keys.into_iter()
        .map(|(label, key, role)| {
            let name = text::truncate_to_width(&theme.text(&key.name), names).into_owned();
            let pad = " ".repeat(names.saturating_sub(text::display_width(&name)) + 2);
            Line::from(vec![
                Span::styled(format!("{label:LABEL$}"), theme.style(role)),
                Span::styled(format!("{}  ", theme.text(&key.masked)), theme.style(StyleRole::Muted)),
                Span::raw(name),
                Span::raw(pad),
                Span::styled(theme.text(&used(key)).into_owned(), theme.style(StyleRole::Muted)),
            ])
        })
        .collect()
}

/// How much of the silence that it takes has passed: a bar, how long yet, and why that long.
fn countdown(rotation: &Rotation, at: &WizardContext<'_>, theme: Theme) -> Vec<Line<'static>> {
    let window = rotation.window();
    let silent = at.now.since(quiet_since(&rotation.old)).max(TimeDelta::zero());
    let left = ready_at(&rotation.old, window).since(at.now).max(TimeDelta::zero());
    let full = usize::try_from(
        silent.num_milliseconds().saturating_mul(20) / window.duration.num_milliseconds().max(1),
    )
    .unwrap_or(BAR)
    .min(BAR);
    // Full only when it is: a bar may not promise what the next line denies.
    let full = if left > TimeDelta::zero() { full.min(BAR - 1) } else { BAR };
    let said = if left > TimeDelta::zero() {
        let until = ready_at(&rotation.old, window).to_chrono().format(": %b %d, %H:%M UTC");
        let until = if at.columns >= 72 { until.to_string() } else { String::new() };
        format!(
            "  {} of {}, {} to go{until}",
            format_duration(silent),
            format_duration(window.duration),
            days_and_hours(left)
        )
    } else {
        format!("  {} of silence, {} needed", format_duration(silent), format_duration(window.duration))
    };
    let role = if left > TimeDelta::zero() { StyleRole::Stale } else { StyleRole::InUse };
    let mut out = vec![Line::from(vec![
        Span::styled(format!("{:LABEL$}", "Quiet"), theme.style(StyleRole::Muted)),
        Span::styled(theme.symbol(ThemeSymbol::Full).repeat(full), theme.style(role)),
        Span::styled(theme.symbol(ThemeSymbol::Empty).repeat(BAR - full), theme.style(StyleRole::Muted)),
        Span::styled(
            said,
            theme.style(if left > TimeDelta::zero() { StyleRole::Strong } else { StyleRole::Plain }),
        ),
    ])];
    let muted = theme.style(StyleRole::Muted);
    if at.roomy || window.raised_by_gap.is_some() {
        out.extend(labelled("", &format!("window of {}", window.reason()), muted, muted, at.columns, theme));
    }
    out
}

/// `1 d 10 h`; below a day as everywhere.
fn days_and_hours(left: TimeDelta) -> String {
    let (days, hours) = (left.num_days(), left.num_hours() % 24);
    match (days, hours) {
        (0, _) => format_duration(left),
        (days, 0) => format!("{days} d"),
        (days, hours) => format!("{days} d {hours} h"),
    }
}

/// `1 create > 2 switch > 3 drain > 4 revoke`, those behind ticked off, the current one a block.
fn steps(phase: Option<Phase>, theme: Theme) -> Line<'static> {
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

/// The keys that help in a phase.
pub(super) fn keys(phase: Option<Phase>) -> &'static [(Action, &'static str)] {
    use Action::{Activate, Cancel, CancelRotation, FinishRotation, LeakedKey, ReplaceReplacement};
    match phase {
        None => &[(Activate, "create the replacement"), (LeakedKey, "it leaked"), (Cancel, "back")],
        Some(Phase::Switch) => &[
            (ReplaceReplacement, "lost: another one"),
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
            &[(ReplaceReplacement, "start again"), (LeakedKey, "it leaked"), (Cancel, "leave it")]
        }
    }
}

/// The same as they are bound now.
pub(super) fn footer(phase: Option<Phase>, context: &Context) -> Vec<Line<'static>> {
    let keys: Vec<(String, &str)> =
        keys(phase).iter().map(|&(action, does)| (context.key_press(action), does)).collect();
    let keys: Vec<(&str, &str)> = keys.iter().map(|(key, does)| (key.as_str(), *does)).collect();
    vec![key_hints(&keys, context.theme())]
}
