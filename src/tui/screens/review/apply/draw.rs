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
use crate::tui::popup::{PopupFrame, PopupTone, draw_scrolled, phrase_prompt};
use crate::tui::text_layout::{action_hints, format_count, wrap_paragraph};
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

        let row = |at: usize| layout_preview_row(&self.preview[at], context, theme, columns);
        let mut foot = vec![Line::default()];
        if let Some(error) = &self.error {
            foot.extend(wrap_paragraph(error, theme.style(StyleRole::Danger), usize::from(columns)));
        }
        let typed_row = foot.len();
        foot.push(if self.send.is_empty() && self.gone.is_empty() {
            action_hints(&[(Action::Cancel, "back")], context)
        } else if self.needs_phrase() {
            Line::raw(phrase_prompt(&self.phrase(), context, columns))
        } else {
            let verb = if self.revokes > 0 { "revoke it and apply the rest" } else { "apply" };
            action_hints(&[(Action::Yes, verb), (Action::Cancel, "back")], context)
        });
        let mood = if self.revokes > 0 { PopupTone::Danger } else { PopupTone::Calm };
        let (inside, max_scroll) = draw_scrolled(
            "Apply the review",
            mood,
            (self.preview.len(), &row),
            &foot,
            &self.scroll,
            (columns, area),
            theme,
            buf,
        );
        if !self.needs_phrase() {
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
        // The latest result comes first, where it is visible.
        let row = |at: usize| match at {
            0 => layout_progress(run, columns, theme),
            1 => Line::default(),
            _ => {
                let (id, outcome) = &run.results[run.results.len() + 1 - at];
                layout_result(*id, outcome, context, theme, columns)
            }
        };
        let failed = run.failed();

        let hint = match (run.is_over(), failed) {
            (false, _) => action_hints(&[(Action::Cancel, "stop after the decisions in flight")], context),
            (true, 0) => action_hints(&[(Action::Cancel, "close")], context),
            (true, _) => action_hints(
                &[(Action::Activate, "retry failed decisions"), (Action::Cancel, "close, keep the drafts")],
                context,
            ),
        };
        let title = if run.is_over() { "Applied" } else { "Applying" };
        let (_, max_scroll) = draw_scrolled(
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

fn name_and_masked_secret(id: Id, context: &Context) -> (&str, &str) {
    context
        .keys(KeyKind::Organization)
        .get(id)
        .map_or(("unknown key", ""), |key| (key.name.as_str(), key.masked.as_str()))
}

fn layout_preview_row<'a>(
    listed: &'a PreviewRow,
    context: &'a Context,
    theme: Theme,
    columns: u16,
) -> Line<'a> {
    match listed {
        PreviewRow::Heading(text, role) => Line::styled(text.as_str(), theme.style(*role)),
        PreviewRow::Key(id, why) => {
            let (name, masked) = name_and_masked_secret(*id, context);
            let room = usize::from(columns.saturating_sub(14)).min(34);
            let muted = theme.style(StyleRole::Muted);
            Line::from(vec![
                Span::raw(format!("  {:room$} ", crate::domain::text::truncate_to_width(name, room))),
                Span::styled(format!("{masked}  "), muted),
                Span::styled(why.as_str(), muted),
            ])
        }
    }
}

fn layout_result<'a>(
    id: Id,
    outcome: &'a DecisionResult,
    context: &'a Context,
    theme: Theme,
    columns: u16,
) -> Line<'a> {
    let (name, masked) = name_and_masked_secret(id, context);
    // The error message takes the rest of the line.
    let room = usize::from(columns.saturating_sub(24)).min(if columns < 90 { 22 } else { 34 });
    let name = Span::raw(format!("{} ", crate::domain::text::pad_to_width(&theme.text(name), room)));
    let masked = Span::styled(format!("{masked}  "), theme.style(StyleRole::Muted));
    match outcome {
        DecisionResult::Applied(decision) => {
            let done = match decision {
                Decision::Keep => "kept",
                Decision::Revoke => "revoked",
                Decision::Rotate => "to rotate",
                Decision::Skip => "skipped",
            };
            Line::from(vec![Span::styled(format!("{done:10}"), theme.style(StyleRole::InUse)), name, masked])
        }
        DecisionResult::Failed(why) => Line::from(vec![
            Span::styled(format!("{:10}", "failed"), theme.style(StyleRole::Danger)),
            name,
            masked,
            Span::raw(why.as_str()),
        ]),
    }
}

fn layout_progress(run: &ApplyRun, columns: u16, theme: Theme) -> Line<'static> {
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
