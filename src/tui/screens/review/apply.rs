//! The popup that applies the drafts: what will happen to which key, then the progress, then a result for each.

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

/// From so many revokes on, their number is typed.
const TYPED_FROM: usize = 2;

/// Applying the drafts.
#[derive(Debug)]
pub struct ApplyPopup {
    /// What is sent, in this order.
    send: Vec<Id>,
    /// Keys that were revoked meanwhile: their drafts are dropped.
    gone: Vec<Id>,
    /// What happens, as it is listed.
    listed: Vec<PreviewRow>,
    revokes: usize,
    typed: TextField,
    shown: bool,
    running: bool,
    wrong: Option<String>,
    scroll: Scroll,
}

/// What has to be known for the preview. Without the keys, each would be left alone as if it were gone.
fn needed<'a>(context: &'a Context, review: &'a State) -> [(&'a LoadState, &'static str); 2] {
    let keys = &context.keys(KeyKind::Organization).load_state;
    [(&review.history, "what was applied before"), (keys, "all keys")]
}

#[derive(Debug)]
enum PreviewRow {
    Heading(String, StyleRole),
    Key(Id, String),
}

impl ApplyPopup {
    /// The preview of all drafts. `Err` says why there is nothing to apply now.
    ///
    /// # Errors
    /// No drafts, or not all is known that the preview shows.
    pub fn new(context: &Context, review: &State) -> Result<Self, String> {
        if review.drafts.is_empty() {
            return Err("nothing is decided yet".to_owned());
        }
        for (load, what) in needed(context, review) {
            match load {
                LoadState::Complete => {}
                LoadState::Loading { .. } => {
                    return Err(format!("not known yet: {what}; the preview opens then"));
                }
                LoadState::NotLoaded | LoadState::Failed(_) => {
                    return Err(format!("not known: {what}; once that is loaded, the preview opens"));
                }
            }
        }
        let mut silent = Vec::new();
        let (mut held, mut moot) = (Vec::new(), Vec::new());
        let mut others = Vec::new();
        for (id, draft) in review.drafts.iter() {
            let Some(key) = context.keys(KeyKind::Organization).get(id) else {
                held.push((id, "not among the keys any more".to_owned()));
                continue;
            };
            match (draft.decision, held_back(key, draft, context)) {
                _ if key.revoked_at.is_some() => moot.push((id, revoked_by(key, context))),
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
        let mut listed = Vec::new();
        let mut group = |heading: String, role, keys: Vec<(Id, String)>| {
            if !keys.is_empty() {
                listed.push(PreviewRow::Heading(heading, role));
                listed.extend(keys.into_iter().map(|(id, why)| PreviewRow::Key(id, why)));
            }
        };
        let keys =
            |n: usize| if n == 1 { "1 key".to_owned() } else { format!("{} keys", format_count(n as u64)) };
        group(
            format!("{} will be revoked, for good", keys(silent.len())),
            StyleRole::Danger,
            silent.iter().map(|&id| (id, last_use(id))).collect(),
        );
        group(format!("{} left alone", keys(held.len())), StyleRole::Stale, held);
        for (decision, does) in [
            (Decision::Keep, "kept"),
            (Decision::Rotate, "to be rotated; the wizard opens afterwards"),
            (Decision::Skip, "skipped"),
        ] {
            let these: Vec<_> =
                others.iter().filter(|(d, _)| *d == decision).map(|&(_, id)| (id, String::new())).collect();
            group(format!("{} {does}", keys(these.len())), StyleRole::Strong, these);
        }
        let gone = moot.iter().map(|&(id, _)| id).collect();
        group(
            format!("{} revoked already; nothing is left to decide", keys(moot.len())),
            StyleRole::Muted,
            moot,
        );
        let revokes = silent.len();
        let mut send = silent;
        send.extend(others.into_iter().map(|(_, id)| id));
        Ok(Self {
            send,
            gone,
            listed,
            revokes,
            typed: TextField::default(),
            shown: false,
            running: false,
            wrong: None,
            scroll: Scroll::default(),
        })
    }

    /// Whether all is known that the preview shows; nothing where it is not even on its way.
    pub fn is_ready(context: &Context, review: &State) -> Option<bool> {
        let mut ready = true;
        for (load, _) in needed(context, review) {
            match load {
                LoadState::Complete => {}
                LoadState::Loading { .. } => ready = false,
                LoadState::NotLoaded | LoadState::Failed(_) => return None,
            }
        }
        Some(ready)
    }

    fn types(&self) -> bool {
        !self.running && self.revokes >= TYPED_FROM
    }

    fn phrase(&self) -> String {
        format!("revoke {}", self.revokes)
    }

    fn confirm(&mut self) -> PopupAction {
        if !self.shown || (self.send.is_empty() && self.gone.is_empty()) {
            return PopupAction::Stay;
        }
        if self.types() && self.typed.text().trim() != self.phrase() {
            self.wrong = Some(format!("Type {} to go on.", self.phrase()));
            return PopupAction::Stay;
        }
        let action =
            PopupAction::ApplyDrafts { dropped: self.gone.clone(), applied: std::mem::take(&mut self.send) };
        self.running = true;
        self.scroll.to_top();
        action
    }

    /// The failed ones once more, each under its own `Idempotency-Key`, so that nothing is done twice.
    fn retry(context: &Context) -> PopupAction {
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

/// Who revoked a key, and when.
fn revoked_by(key: &Key, context: &Context) -> String {
    let by = key.revoked_by.as_ref().map_or(String::new(), |by| format!(" by {}", by.name));
    key.revoked_at.map_or(String::new(), |at| format!("{}{by}", format_ago(at, context.server_now())))
}

/// Why a revoke would not go through, or should not: the key was used since it was looked at, or is in use.
fn held_back(key: &Key, draft: &Draft, context: &Context) -> Option<String> {
    let now = context.server_now();
    let at = key.last_used_at?;
    let by = key.last_used_by.as_ref().map_or(String::new(), |by| format!(" by {by}"));
    if at >= draft.seen_until {
        Some(format!("used {}{by}, after you looked", format_ago(at, now)))
    } else if key.is_in_use(now) {
        Some(format!("live: used {}{by}; revoke it on Workspace if it must go", format_ago(at, now)))
    } else {
        None
    }
}

impl Popup for ApplyPopup {
    fn key_contexts(&self) -> &'static [KeyContext] {
        match () {
            () if self.running => stack::POPUP,
            () if self.types() => stack::TEXT,
            () => stack::CONFIRM,
        }
    }

    fn act(&mut self, context: &mut Context, action: Action) -> PopupAction {
        let over = context.apply_run.as_ref().is_none_or(ApplyRun::is_over);
        match action {
            Action::Yes if !self.running && !self.types() => return self.confirm(),
            Action::Submit => return self.confirm(),
            Action::ScrollDown => self.scroll.by(1),
            Action::ScrollUp => self.scroll.by(-1),
            Action::Activate if self.running && over => return Self::retry(context),
            Action::Cancel if self.running && !over => context.apply_run.iter_mut().for_each(ApplyRun::stop),
            Action::Cancel => {
                context.apply_run = None;
                return PopupAction::Close;
            }
            _ => {}
        }
        PopupAction::Stay
    }

    fn press(&mut self, _: &mut Context, key: KeyCombination) -> PopupAction {
        self.wrong = None;
        match key.codes.first() {
            KeyCode::Up => self.scroll.by(-1),
            KeyCode::Down => self.scroll.by(1),
            _ if self.types() && self.shown => drop(self.typed.handle_key(key)),
            _ => {}
        }
        PopupAction::Stay
    }

    fn paste(&mut self, _: &mut Context, text: &str) {
        if self.types() && self.shown {
            self.typed.paste(text);
        }
    }

    fn shown(&mut self) {
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
