//! Popup that applies the drafts of the review: first a preview, then the progress and a result for each key.
//!
//! `run` sends the decisions; `draw` draws the popup.

use crokey::KeyCombination;
use crokey::crossterm::event::KeyCode;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::State;
use crate::domain::draft::Draft;
use crate::domain::id::Id;
use crate::domain::key::{Key, KeyKind};
use crate::domain::review::Decision;
use crate::domain::time::format_ago;
use crate::tui::apply_run::{ApplyRun, DecisionResult};
use crate::tui::context::Context;
use crate::tui::form::TextField;
use crate::tui::key_list::LoadState;
use crate::tui::keymap::{Action, KeyContext, stack};
use crate::tui::popup::{Popup, PopupAction, PopupFrame, Scroll, content_width};
use crate::tui::text_layout::format_count;
use crate::tui::theme::StyleRole;

mod draw;

/// If at least this many keys will be revoked, the user must type a phrase.
const PHRASE_FROM: usize = 2;

#[derive(Debug)]
pub struct ApplyPopup {
    /// Keys whose drafts will be applied, in this order.
    send: Vec<Id>,
    /// Keys that were revoked after the decision was drafted; their drafts will be discarded.
    gone: Vec<Id>,
    /// Rows of the preview.
    preview: Vec<PreviewRow>,
    /// Number of keys that will be revoked.
    revokes: usize,
    typed: TextField,
    shown: bool,
    running: bool,
    error: Option<String>,
    scroll: Scroll,
}

/// Returns the lists that the preview needs, and their names for messages. Without the list of keys, every draft would look
/// obsolete.
fn required_lists<'a>(context: &'a Context, review: &'a State) -> [(&'a LoadState, &'static str); 2] {
    let keys = &context.keys(KeyKind::Organization).load_state;
    [(&review.history, "earlier decisions"), (keys, "the keys")]
}

/// Row of the preview.
#[derive(Debug)]
enum PreviewRow {
    Heading(String, StyleRole),
    /// Key, with the time of its last use or the reason why its draft is not applied.
    Key(Id, String),
}

impl ApplyPopup {
    /// Creates the preview of all drafts.
    ///
    /// # Errors
    /// Fails if there are no drafts, or if a list that the preview needs is not loaded. Returns a message for the user.
    pub fn new(context: &Context, review: &State) -> Result<Self, String> {
        if review.drafts.is_empty() {
            return Err("no decisions have been drafted yet".to_owned());
        }
        for (load, what) in required_lists(context, review) {
            match load {
                LoadState::Complete => {}
                LoadState::Loading { .. } => {
                    return Err(format!("still loading {what}; the preview will open when that is done"));
                }
                LoadState::NotLoaded | LoadState::Failed(_) => {
                    return Err(format!(
                        "could not load {what}; press {} to retry",
                        context.key_press(Action::Refresh)
                    ));
                }
            }
        }
        let mut silent = Vec::new();
        let (mut held, mut obsolete) = (Vec::new(), Vec::new());
        let mut others = Vec::new();
        for (id, draft) in review.drafts.iter() {
            let Some(key) = context.keys(KeyKind::Organization).get(id) else {
                held.push((id, "the key no longer exists".to_owned()));
                continue;
            };
            match (draft.decision, reason_to_hold(key, draft, context)) {
                _ if key.revoked_at.is_some() => obsolete.push((id, describe_revocation(key, context))),
                (Decision::Revoke, None) => silent.push(id),
                (Decision::Revoke, Some(why)) => held.push((id, why)),
                (decision, _) => others.push((decision, id)),
            }
        }
        others.sort_by_key(|&(decision, id)| (decision, id));
        let last_use = |id: Id| {
            context
                .keys(KeyKind::Organization)
                .get(id)
                .map_or(String::new(), |key| context.staleness_rules().last_use(key))
        };
        let mut preview = Vec::new();
        let mut group = |heading: String, role, keys: Vec<(Id, String)>| {
            if !keys.is_empty() {
                preview.push(PreviewRow::Heading(heading, role));
                preview.extend(keys.into_iter().map(|(id, why)| PreviewRow::Key(id, why)));
            }
        };
        let keys =
            |n: usize| if n == 1 { "1 key".to_owned() } else { format!("{} keys", format_count(n as u64)) };
        group(
            format!("{} will be revoked for good", keys(silent.len())),
            StyleRole::Danger,
            silent.iter().map(|&id| (id, last_use(id))).collect(),
        );
        group(format!("{} will not be changed", keys(held.len())), StyleRole::Stale, held);
        for (decision, verb) in [
            (Decision::Keep, "will be kept"),
            (Decision::Rotate, "to rotate; the rotation popup opens next"),
            (Decision::Skip, "will be skipped"),
        ] {
            let these: Vec<_> =
                others.iter().filter(|(d, _)| *d == decision).map(|&(_, id)| (id, String::new())).collect();
            group(format!("{} {verb}", keys(these.len())), StyleRole::Strong, these);
        }
        let gone = obsolete.iter().map(|&(id, _)| id).collect();
        group(
            format!("{} already revoked; no decision needed", keys(obsolete.len())),
            StyleRole::Muted,
            obsolete,
        );
        let revokes = silent.len();
        let mut send = silent;
        send.extend(others.into_iter().map(|(_, id)| id));
        Ok(Self {
            send,
            gone,
            preview,
            revokes,
            typed: TextField::default(),
            shown: false,
            running: false,
            error: None,
            scroll: Scroll::default(),
        })
    }

    /// Returns whether every list that the preview needs is loaded. `None` if a list has not been requested or could not be
    /// loaded.
    pub fn is_ready(context: &Context, review: &State) -> Option<bool> {
        let mut ready = true;
        for (load, _) in required_lists(context, review) {
            match load {
                LoadState::Complete => {}
                LoadState::Loading { .. } => ready = false,
                LoadState::NotLoaded | LoadState::Failed(_) => return None,
            }
        }
        Some(ready)
    }

    /// Returns whether the user must type a phrase to confirm.
    fn needs_phrase(&self) -> bool {
        !self.running && self.revokes >= PHRASE_FROM
    }

    fn phrase(&self) -> String {
        format!("revoke {}", self.revokes)
    }

    fn confirm(&mut self) -> PopupAction {
        if !self.shown || (self.send.is_empty() && self.gone.is_empty()) {
            return PopupAction::Stay;
        }
        if self.needs_phrase() && self.typed.text().trim() != self.phrase() {
            self.error = Some(format!("Type {} to continue.", self.phrase()));
            return PopupAction::Stay;
        }
        let action =
            PopupAction::ApplyDrafts { dropped: self.gone.clone(), applied: std::mem::take(&mut self.send) };
        self.running = true;
        self.scroll.scroll_to_top();
        action
    }

    /// Retries the decisions that failed. They are sent with the same idempotency keys, so that none is applied twice.
    fn retry_failed(context: &Context) -> PopupAction {
        let failed = |run: &ApplyRun| -> Vec<Id> {
            run.results
                .iter()
                .filter(|(_, outcome)| matches!(outcome, DecisionResult::Failed(_)))
                .map(|&(id, _)| id)
                .collect()
        };
        match context.apply_run.as_ref().map(failed) {
            Some(applied) if !applied.is_empty() => PopupAction::ApplyDrafts { dropped: Vec::new(), applied },
            _ => PopupAction::Stay,
        }
    }
}

/// Returns when and by whom a key was revoked, such as "3 h ago by Ada Ampere".
fn describe_revocation(key: &Key, context: &Context) -> String {
    let by = key.revoked_by.as_ref().map_or(String::new(), |by| format!(" by {}", by.name));
    key.revoked_at.map_or(String::new(), |at| format!("{}{by}", format_ago(at, context.server_now())))
}

/// Returns why a drafted revocation must not be applied: the key is in use, or was used after the user last viewed it. `None`
/// if it can be revoked.
fn reason_to_hold(key: &Key, draft: &Draft, context: &Context) -> Option<String> {
    let now = context.server_now();
    let at = key.last_used_at?;
    let by = key.last_used_by.as_ref().map_or(String::new(), |by| format!(" by {by}"));
    if at >= draft.seen_until {
        Some(format!("used {}{by}, since you last viewed it", format_ago(at, now)))
    } else if key.is_in_use(now) {
        Some(format!(
            "still in use: last used {}{by}; revoke it on the Workspace tab if necessary",
            format_ago(at, now)
        ))
    } else {
        None
    }
}

impl Popup for ApplyPopup {
    fn key_contexts(&self) -> &'static [KeyContext] {
        if self.running {
            stack::POPUP
        } else if self.needs_phrase() {
            stack::TEXT
        } else {
            stack::CONFIRM
        }
    }

    fn run_action(&mut self, context: &mut Context, action: Action) -> PopupAction {
        let is_over = context.apply_run.as_ref().is_none_or(ApplyRun::is_over);
        match action {
            Action::Yes if !self.running && !self.needs_phrase() => return self.confirm(),
            Action::Submit => return self.confirm(),
            Action::ScrollDown => self.scroll.scroll_by(1),
            Action::ScrollUp => self.scroll.scroll_by(-1),
            Action::Activate if self.running && is_over => return Self::retry_failed(context),
            Action::Cancel if self.running && !is_over => {
                context.apply_run.iter_mut().for_each(ApplyRun::stop);
            }
            Action::Cancel => {
                context.apply_run = None;
                return PopupAction::Close;
            }
            _ => {}
        }
        PopupAction::Stay
    }

    fn handle_key(&mut self, _: &mut Context, key: KeyCombination) -> PopupAction {
        self.error = None;
        match key.codes.first() {
            KeyCode::Up => self.scroll.scroll_by(-1),
            KeyCode::Down => self.scroll.scroll_by(1),
            _ if self.needs_phrase() && self.shown => drop(self.typed.handle_key(key)),
            _ => {}
        }
        PopupAction::Stay
    }

    fn paste(&mut self, _: &mut Context, text: &str) {
        if self.needs_phrase() && self.shown {
            self.typed.paste(text);
        }
    }

    fn mark_shown(&mut self) {
        self.shown = true;
    }

    fn draw(&self, context: &Context, area: Rect, buf: &mut Buffer) -> PopupFrame {
        let columns = content_width(area, 96);
        match context.apply_run.as_ref().filter(|_| self.running) {
            Some(run) => self.draw_run(run, context, columns, area, buf),
            None => self.draw_preview(context, columns, area, buf),
        }
    }

    fn clamp_scroll(&mut self, max: usize) {
        self.scroll.clamp(max);
    }
}
