//! Draws the popup that applies the drafts: the preview, then the progress and the results.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::{ApplyPopup, PreviewRow};
use crate::domain::id::Id;
use crate::domain::key::KeyKind;
use crate::domain::review::Decision;
use crate::tui::apply_run::{ApplyRun, DecisionResult};
use crate::tui::context::Context;
use crate::tui::keymap::Action;
use crate::tui::popup::{PopupFrame, PopupTone, asks_for, scrolled};
use crate::tui::text_layout::{format_count, key_hints, wrap_paragraph};
use crate::tui::theme::{StyleRole, Theme, ThemeSymbol};

impl ApplyPopup {
    pub(super) fn draw_preview(
        &self,
        context: &Context,
        columns: u16,
        area: Rect,
        buf: &mut Buffer,
    ) -> PopupFrame {
        let theme = context.theme();
        let (yes, esc) = (context.key_press(Action::Yes), context.key_press(Action::Cancel));
        let row = |at: usize| listed_line(&self.listed[at], context, theme, columns);
        let mut foot = vec![Line::default()];
        if let Some(wrong) = &self.wrong {
            foot.extend(wrap_paragraph(wrong, theme.style(StyleRole::Danger), usize::from(columns)));
        }
        let typed_row = foot.len();
        foot.push(match () {
            () if self.send.is_empty() && self.gone.is_empty() => key_hints(&[(&esc, "back")], theme),
            () if self.types() => Line::raw(asks_for(&self.phrase(), context, columns)),
            () if self.revokes > 0 => {
                key_hints(&[(&yes, "revoke it and apply the rest"), (&esc, "back")], theme)
            }
            () => key_hints(&[(&yes, "apply"), (&esc, "back")], theme),
        });
        let mood = if self.revokes > 0 { PopupTone::Danger } else { PopupTone::Calm };
        let (inside, max_scroll) = scrolled(
            "Apply the review",
            mood,
            (self.listed.len(), &row),
            &foot,
            &self.scroll,
            (columns, area),
            theme,
            buf,
        );
        if !self.types() {
            return PopupFrame { cursor: None, max_scroll };
        }
        let y = inside.bottom().saturating_sub(u16::try_from(foot.len() - typed_row).unwrap_or(1));
        let label = u16::try_from(foot[typed_row].width()).unwrap_or(0);
        let field = Rect { x: inside.x + label, y, width: inside.width.saturating_sub(label), height: 1 };
        PopupFrame { cursor: self.typed.draw(field, true, theme, buf), max_scroll }
    }

    pub(super) fn draw_run(
        &self,
        run: &ApplyRun,
        context: &Context,
        columns: u16,
        area: Rect,
        buf: &mut Buffer,
    ) -> PopupFrame {
        let theme = context.theme();
        // The latest first, so that what just happened is seen.
        let row = |at: usize| match at {
            0 => progress(run, columns, theme),
            1 => Line::default(),
            _ => {
                let (id, outcome) = &run.results[run.results.len() + 1 - at];
                result_line(*id, outcome, context, theme, columns)
            }
        };
        let failed = run.failed();
        let (enter, esc) = (context.key_press(Action::Activate), context.key_press(Action::Cancel));
        let hint = match (run.is_over(), failed) {
            (false, _) => key_hints(&[(&esc, "stop after those on their way")], theme),
            (true, 0) => key_hints(&[(&esc, "close")], theme),
            (true, _) => {
                key_hints(&[(&enter, "try the failed ones again"), (&esc, "close; they stay drafts")], theme)
            }
        };
        let title = if run.is_over() { "Applied" } else { "Applying" };
        let (_, max_scroll) = scrolled(
            title,
            PopupTone::Calm,
            (run.results.len() + 2, &row),
            &[Line::default(), hint],
            &self.scroll,
            (columns, area),
            theme,
            buf,
        );
        PopupFrame { cursor: None, max_scroll }
    }
}

fn named(id: Id, context: &Context) -> (&str, &str) {
    context
        .keys(KeyKind::Organization)
        .get(id)
        .map_or(("a key that is gone", ""), |key| (key.name.as_str(), key.masked.as_str()))
}

fn listed_line<'a>(listed: &'a PreviewRow, context: &'a Context, theme: Theme, columns: u16) -> Line<'a> {
    match listed {
        PreviewRow::Heading(text, role) => Line::styled(text.as_str(), theme.style(*role)),
        PreviewRow::Key(id, why) => {
            let (name, mask) = named(*id, context);
            let room = usize::from(columns.saturating_sub(14)).min(34);
            let muted = theme.style(StyleRole::Muted);
            Line::from(vec![
                Span::raw(format!("  {:room$} ", crate::domain::text::truncate_to_width(name, room))),
                Span::styled(format!("{mask}  "), muted),
                Span::styled(why.as_str(), muted),
            ])
        }
    }
}

fn result_line<'a>(
    id: Id,
    outcome: &'a DecisionResult,
    context: &'a Context,
    theme: Theme,
    columns: u16,
) -> Line<'a> {
    let (name, mask) = named(id, context);
    // What went wrong takes the rest of the line.
    let room = usize::from(columns.saturating_sub(24)).min(if columns < 90 { 22 } else { 34 });
    let name = Span::raw(format!("{} ", crate::domain::text::pad_to_width(&theme.text(name), room)));
    let mask = Span::styled(format!("{mask}  "), theme.style(StyleRole::Muted));
    match outcome {
        DecisionResult::Applied(decision) => {
            let done = match decision {
                Decision::Keep => "kept",
                Decision::Revoke => "revoked",
                Decision::Rotate => "to rotate",
                Decision::Skip => "skipped",
            };
            Line::from(vec![Span::styled(format!("{done:10}"), theme.style(StyleRole::InUse)), name, mask])
        }
        DecisionResult::Failed(why) => Line::from(vec![
            Span::styled(format!("{:10}", "not done"), theme.style(StyleRole::Danger)),
            name,
            mask,
            Span::raw(why.as_str()),
        ]),
    }
}

fn progress(run: &ApplyRun, columns: u16, theme: Theme) -> Line<'static> {
    let done = run.results.len();
    let failed = run.failed();
    let room = usize::from(columns.saturating_sub(34).clamp(6, 40));
    let full = (done * room).checked_div(run.total).unwrap_or(room).min(room);
    let words = match (run.is_over(), failed) {
        (true, 0) => format!("  all {} done", format_count(done as u64)),
        (_, 0) => format!("  {} of {}", format_count(done as u64), format_count(run.total as u64)),
        _ => format!(
            "  {} of {}, {} failed",
            format_count(done as u64),
            format_count(run.total as u64),
            format_count(failed as u64)
        ),
    };
    Line::from(vec![
        Span::styled(theme.symbol(ThemeSymbol::Full).repeat(full), theme.style(StyleRole::Accent)),
        Span::styled(theme.symbol(ThemeSymbol::Empty).repeat(room - full), theme.style(StyleRole::Muted)),
        Span::raw(words),
    ])
}
