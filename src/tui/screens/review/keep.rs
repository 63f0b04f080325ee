//! Popup that drafts the decision to keep keys, with a note and the date on which they return to the queue.

use crokey::KeyCombination;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::State;
use crate::domain::key::{self, KeyKind};
use crate::domain::review::Decision;
use crate::domain::time::{TimeDelta, Timestamp};
use crate::tui::context::Context;
use crate::tui::form::{CHOICE_KEYS, TextField, choice_step, wrap_index};
use crate::tui::keymap::{Action, KeyContext, stack};
use crate::tui::popup::{Popup, PopupAction, PopupFrame, PopupTone, content_width, draw_frame, draw_lines};
use crate::tui::text_layout::{key_hints, wrap_paragraph};
use crate::tui::theme::{StyleRole, Theme};

/// Proposed dates, in days from now. `None` stands for no date: the key is kept until another flag is raised.
const PROPOSED_DAYS: [Option<i64>; 5] = [Some(30), Some(90), Some(180), Some(365), None];
/// Index of the proposal shown first: 90 days, when the next quarterly review is due.
const FIRST_PROPOSAL: usize = 1;

/// Popup that asks until when and why keys are kept.
#[derive(Debug)]
pub struct KeepPopup {
    title: String,
    note: TextField,
    until: TextField,
    proposal: usize,
    on_until: bool,
    now: Timestamp,
    error: Option<String>,
}

impl KeepPopup {
    /// Creates the popup for the marked keys, or for the selected key if none is marked. Returns `None` if no key is listed.
    pub fn new(context: &Context, review: &State) -> Option<Self> {
        let key_list = context.keys(KeyKind::Organization);
        let targets = review.chosen_ids(context);
        let first = key_list.get(*targets.first()?)?;
        let title = if targets.len() == 1 {
            format!("Keep {}", first.name)
        } else {
            format!("Keep {} keys", targets.len())
        };
        let draft = review.drafts.draft_for(first.id).filter(|draft| draft.decision == Decision::Keep);
        let now = context.server_now();
        let mut popup = Self {
            title,
            note: TextField::with_text(draft.and_then(|draft| draft.note.as_deref()).unwrap_or("")),
            until: TextField::default(),
            proposal: FIRST_PROPOSAL,
            on_until: false,
            now,
            error: None,
        };
        match draft.map(|draft| draft.until) {
            Some(until) => {
                popup.until = TextField::with_text(&until.map_or(String::new(), Timestamp::format_date));
            }
            None => popup.step_proposal(0),
        }
        Some(popup)
    }

    fn step_proposal(&mut self, by: isize) {
        self.proposal = wrap_index(self.proposal, by, PROPOSED_DAYS.len());
        let date =
            PROPOSED_DAYS[self.proposal].map(|days| self.now.plus(TimeDelta::days(days)).format_date());
        self.until = TextField::with_text(&date.unwrap_or_default());
    }

    fn parse_fields(&self) -> Result<(Option<Timestamp>, Option<String>), String> {
        let note = key::normalize_note(self.note.text()).map_err(|why| format!("The note {why}."))?;
        let date = self.until.text().trim();
        let until = if date.is_empty() {
            None
        } else {
            let at = Timestamp::parse(&format!("{date}T00:00:00Z"));
            let at = at.map_err(|_| {
                format!(
                    "{date} is not a date; write it as {}.",
                    self.now.plus(TimeDelta::days(90)).format_date()
                )
            })?;
            if at <= self.now {
                return Err(format!("{date} is not in the future."));
            }
            Some(at)
        };
        Ok((until, note))
    }
}

impl Popup for KeepPopup {
    fn key_contexts(&self) -> &'static [KeyContext] {
        stack::TEXT
    }

    fn run_action(&mut self, _: &mut Context, action: Action) -> PopupAction {
        match action {
            Action::Submit => match self.parse_fields() {
                Ok((until, note)) => return PopupAction::Keep { until, note },
                Err(error) => self.error = Some(error),
            },
            Action::NextField | Action::PreviousField => self.on_until = !self.on_until,
            Action::Cancel => return PopupAction::Close,
            _ => {}
        }
        PopupAction::Stay
    }

    fn handle_key(&mut self, _: &mut Context, key: KeyCombination) -> PopupAction {
        self.error = None;
        match choice_step(key) {
            Some(step) => self.step_proposal(step),
            None if self.on_until => drop(self.until.handle_key(key)),
            None => drop(self.note.handle_key(key)),
        }
        PopupAction::Stay
    }

    fn paste(&mut self, _: &mut Context, text: &str) {
        if self.on_until { self.until.paste(text) } else { self.note.paste(text) }
    }

    fn draw(&self, context: &Context, area: Rect, buf: &mut Buffer) -> PopupFrame {
        let theme = context.theme();
        let columns = content_width(area, 62);
        let until = self.until.text().trim();
        let after = if until.is_empty() {
            "Stays out of the queue until another flag is raised.".to_owned()
        } else {
            format!("Returns to the queue on {until}, or earlier if another flag is raised.")
        };
        let after = match &self.error {
            Some(error) => wrap_paragraph(error, theme.style(StyleRole::Danger), usize::from(columns)),
            None => wrap_paragraph(&after, theme.style(StyleRole::Muted), usize::from(columns)),
        };
        let height = 5 + u16::try_from(after.len()).unwrap_or(2);
        let inside = draw_frame(&self.title, PopupTone::Calm, (columns, height), area, theme, buf);
        let mut body = vec![
            field_label("Why", !self.on_until, theme),
            field_label("Until", self.on_until, theme),
            Line::default(),
        ];
        body.extend(after);
        body.push(Line::default());
        let (enter, tab, esc) = (
            context.key_press(Action::Submit),
            context.key_press(Action::NextField),
            context.key_press(Action::Cancel),
        );
        body.push(key_hints(
            &[(&enter, "keep"), (&tab, "next field"), (CHOICE_KEYS, "change date"), (&esc, "back")],
            theme,
        ));
        draw_lines(&body, inside, theme, buf);
        let field = |row: u16| Rect {
            x: inside.x + 7,
            y: inside.y + row,
            width: inside.width.saturating_sub(7),
            height: 1,
        };
        let note = self.note.draw(field(0), !self.on_until, theme, buf);
        let date = self.until.draw(field(1), self.on_until, theme, buf);
        PopupFrame::from(note.or(date))
    }
}

fn field_label(text: &'static str, focused: bool, theme: Theme) -> Line<'static> {
    let role = if focused { StyleRole::Accent } else { StyleRole::Muted };
    Line::from(Span::styled(text, theme.style(role)))
}
