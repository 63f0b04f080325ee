//! Popup that leads through the rotation of a key: the steps, the current phase, the clients of the old key, and the next action.
//!
//! [`open_next_step`] opens the popup for an action; the Rotations tab uses it too. `head` lays out the upper part and `guide`
//! the clients and their instructions.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::domain::id::Id;
use crate::domain::key::Key;
use crate::domain::permission::Permission;
use crate::domain::rotation::{Phase, finish_unless_used_since, proposed_name};
use crate::domain::time::Timestamp;
use crate::domain::usage::Usage;
use crate::tui::chart::{RotationChart, draw_rotation_chart};
use crate::tui::context::{Context, ReplyTo};
use crate::tui::key_list::LoadState;
use crate::tui::keymap::{Action, KeyContext, stack};
use crate::tui::msg::{ApiRequest, Reply, RequestError};
use crate::tui::popup::{Popup, PopupAction, PopupFrame, PopupTone, Scroll, draw_frame, draw_lines};
use crate::tui::screens::{create, replace_leaked, revoke};
use crate::tui::text_layout::action_hints;
use crate::tui::theme::StyleRole;
use crate::wire::keys::{Rotation, UsageQuery};

mod guide;
mod head;

/// Minimum and maximum height of the chart of both keys, in rows.
const CHART_HEIGHT: (u16, u16) = (7, 13);
/// The chart grows beyond its minimum height only if at least this many rows of the client list are visible.
const LIST_ROWS: usize = 3;
/// Maximum width of a window that the popup fills entirely, in columns.
const NARROW_WINDOW: u16 = 108;
/// Width of the popup's content in wider windows, in columns.
const MAX_COLUMNS: u16 = 100;
/// Minimum window height at which blank lines separate the sections, in rows.
const ROOMY_HEIGHT: u16 = 28;

/// Popup for a rotation, or for a key whose rotation can be started.
#[derive(Debug)]
pub struct RotatePopup {
    /// Old key of the rotation.
    key: Key,
    /// Id of the new key; `None` if the popup was opened for a key without a rotation.
    new: Option<Id>,
    usage: Option<Usage>,
    error: Option<String>,
    scroll: Scroll,
}

impl RotatePopup {
    /// Opens the rotation of a key, or offers to start one. Requests the rotations if they are not loaded.
    pub fn for_key(context: &mut Context, key: &Key) -> Self {
        let rotation = context.rotations.open_rotation(key.id);
        let old = rotation.map_or_else(|| key.clone(), |rotation| rotation.old.clone());
        let popup = Self {
            key: old,
            new: rotation.map(|rotation| rotation.new.id),
            usage: None,
            error: None,
            scroll: Scroll::default(),
        };
        if *context.rotations.load_state() == LoadState::NotLoaded {
            context.load_rotations();
        }
        popup.request_usage(context);
        popup
    }

    /// Creates the popup for a rotation and requests the usage of its keys.
    pub fn for_rotation(context: &mut Context, rotation: &Rotation) -> Self {
        let popup = Self {
            key: rotation.old.clone(),
            new: Some(rotation.new.id),
            usage: None,
            error: None,
            scroll: Scroll::default(),
        };
        popup.request_usage(context);
        popup
    }

    fn request_usage(&self, context: &mut Context) {
        let ask = ApiRequest::Usage { kind: self.key.kind, id: self.key.id, query: UsageQuery::default() };
        context.request(ReplyTo::Popup, ask);
    }

    fn rotation<'a>(&self, context: &'a Context) -> Option<&'a Rotation> {
        match self.new {
            Some(new) => context.rotations.by_new_key(new),
            None => context.rotations.open_rotation(self.key.id),
        }
    }

    /// Returns whether the key has a rotation that is not loaded yet.
    fn is_loading(&self, context: &Context) -> bool {
        let linked = self.key.replaced_by.is_some() || self.new.is_some();
        linked && matches!(context.rotations.load_state(), LoadState::NotLoaded | LoadState::Loading { .. })
    }
}

/// Checks that an action is available in the rotation's current phase.
///
/// # Errors
/// Fails if the action is not available. Returns the reason as a message for the user.
pub fn check_available(context: &Context, rotation: &Rotation, action: Action) -> Result<(), String> {
    let phase = rotation.phase_at(context.server_now());
    let kind = rotation.old.kind;
    context.check_permission(Permission::RevokeKey(kind))?;
    match (action, phase) {
        (_, Phase::Done) => Err("this rotation is done".to_owned()),
        (Action::ReplaceReplacement, Phase::Switch | Phase::Abandoned) => {
            context.check_permission(Permission::CreateKey(kind))
        }
        (Action::ReplaceReplacement, _) => Err("the replacement has already been used".to_owned()),
        (Action::CancelRotation, Phase::Abandoned) => Err("the replacement is already revoked".to_owned()),
        _ => Ok(()),
    }
}

/// Returns the popup that an action on a rotation opens. The usage of both keys is known up to `seen`, a server time.
///
/// # Errors
/// Fails if the action is not available. Returns the reason as a message for the user.
pub fn open_next_step(
    context: &mut Context,
    rotation: &Rotation,
    seen: Timestamp,
    action: Action,
) -> Result<Box<dyn Popup>, String> {
    check_available(context, rotation, action)?;
    let now = context.server_now();
    let phase = rotation.phase_at(now);
    let (old, new) = (rotation.old.clone(), rotation.new.clone());
    match (action, phase) {
        (Action::FinishRotation, Phase::Ready) => Ok(Box::new(revoke::RevokePopup::for_silent_key(
            old,
            finish_unless_used_since(rotation.window(), now),
        ))),
        (Action::FinishRotation, _) => Ok(Box::new(revoke::RevokePopup::before_ready(old, seen))),
        (Action::LeakedKey, Phase::Abandoned) => {
            Ok(Box::new(replace_leaked::ReplaceLeakedPopup::replacing(context, old)))
        }
        (Action::LeakedKey, _) => {
            Ok(Box::new(replace_leaked::ReplaceLeakedPopup::replaced(context, old, &new)))
        }
        (Action::ReplaceReplacement, Phase::Abandoned) => open_create(context, &old),
        (Action::ReplaceReplacement, _) => {
            let name = proposed_name(&old.name, now);
            Ok(Box::new(create::CreatePopup::replacing_lost(new, old, &name)))
        }
        (Action::CancelRotation, Phase::Switch) => {
            Ok(Box::new(revoke::RevokePopup::for_silent_key(new, seen)))
        }
        (Action::CancelRotation, _) => Ok(Box::new(revoke::RevokePopup::new(new, seen))),
        _ => Err("this action does not apply to a rotation".to_owned()),
    }
}

/// Returns the popup that creates a replacement for a key.
fn open_create(context: &Context, old: &Key) -> Result<Box<dyn Popup>, String> {
    context.check_permission(Permission::CreateKey(old.kind))?;
    let name = proposed_name(&old.name, context.server_now());
    Ok(Box::new(create::CreatePopup::replacing(old.clone(), &name)))
}

impl Popup for RotatePopup {
    fn key_contexts(&self) -> &'static [KeyContext] {
        stack::ROTATION_POPUP
    }

    fn run_action(&mut self, context: &mut Context, action: Action) -> PopupAction {
        let rotation = self.rotation(context).cloned();
        let seen = context.rotations.seen;
        let opened: Result<Box<dyn Popup>, String> = match (action, rotation) {
            (Action::Cancel, _) => return PopupAction::Close,
            (Action::ScrollDown, _) => {
                self.scroll.scroll_by(1);
                return PopupAction::Stay;
            }
            (Action::ScrollUp, _) => {
                self.scroll.scroll_by(-1);
                return PopupAction::Stay;
            }
            (Action::Activate, None) if !self.is_loading(context) => open_create(context, &self.key),
            (Action::LeakedKey, None) => {
                Ok(Box::new(replace_leaked::ReplaceLeakedPopup::replacing(context, self.key.clone())))
            }
            (Action::Activate, Some(rotation)) => match rotation.phase_at(context.server_now()) {
                Phase::Ready => open_next_step(context, &rotation, seen, Action::FinishRotation),
                Phase::Abandoned => open_next_step(context, &rotation, seen, Action::ReplaceReplacement),
                Phase::Switch | Phase::Drain | Phase::Done => return PopupAction::Close,
            },
            (action, Some(rotation)) => open_next_step(context, &rotation, seen, action),
            _ => return PopupAction::Stay,
        };
        match opened {
            Ok(popup) => PopupAction::Open(popup),
            Err(why) => {
                context.report_unavailable(&why);
                PopupAction::Stay
            }
        }
    }

    fn apply_reply(&mut self, context: &mut Context, result: Result<Reply, RequestError>) -> PopupAction {
        match result {
            Ok(Reply::Usage(usage)) => self.usage = Some(usage),
            Ok(_) => {}
            Err(failure) => {
                context.record_failure(&failure);
                self.error = Some(failure.to_string());
            }
        }
        PopupAction::Stay
    }

    fn is_available(&self, context: &Context, action: Action) -> bool {
        let phase = self.rotation(context).map(|rotation| rotation.phase_at(context.server_now()));
        match action {
            Action::FinishRotation | Action::CancelRotation => {
                head::actions_in(phase).iter().any(|key| key.0 == action)
            }
            Action::Activate => matches!(phase, None | Some(Phase::Ready | Phase::Abandoned)),
            _ => true,
        }
    }

    fn draw(&self, context: &Context, area: Rect, buf: &mut Buffer) -> PopupFrame {
        let theme = context.theme();
        let now = context.server_now();
        let rotation = self.rotation(context);
        let phase = rotation.map(|rotation| rotation.phase_at(now));
        let columns = if area.width <= NARROW_WINDOW { area.width.saturating_sub(4) } else { MAX_COLUMNS };
        let at = head::WizardContext {
            rotation,
            phase,
            now,
            columns: usize::from(columns),
            roomy: area.height >= ROOMY_HEIGHT,
        };
        let (head, foot) = (self.layout_head(&at, context), [action_hints(head::actions_in(phase), context)]);
        let mut body = self.layout_clients(&at, context);
        let rows = |n: usize| u16::try_from(n).unwrap_or(u16::MAX);
        // Without the frame, and the key hints and the line above them.
        let room = area.height.saturating_sub(2 + 2);
        let charted = rotation.filter(|_| matches!(phase, Some(Phase::Drain | Phase::Ready)));
        let charted = charted.and_then(|rotation| rotation.usage.as_ref().map(|usage| (rotation, usage)));
        let spare = room.saturating_sub(rows(head.len() + body.len().min(LIST_ROWS)));
        let chart = if charted.is_some() && spare >= CHART_HEIGHT.0 { spare.min(CHART_HEIGHT.1) } else { 0 };
        let blank = u16::from(at.roomy && chart > CHART_HEIGHT.0);
        // Both panels have the same height, and three rows are for markers, axis and legend.
        let chart = if chart > 0 && (chart - blank).is_multiple_of(2) { chart - 1 } else { chart };
        // Without a chart, everything except the steps scrolls if it does not fit.
        let fixed = if chart > 0 { head.len() } else { 1 };
        body.splice(0..0, head[fixed..].iter().cloned());
        let height = (rows(fixed) + chart + 2).saturating_add(rows(body.len()));
        let title = format!("Rotate {}", self.key.name);
        let inside = draw_frame(&title, PopupTone::Calm, (columns, height), area, theme, buf);
        draw_lines(&head[..fixed], inside, theme, buf);
        let mut y = inside.y + rows(fixed);
        if let (Some((rotation, usage)), true) = (charted, chart > 0) {
            let keys = RotationChart {
                old: &usage.old,
                new: &usage.new,
                tracking_since: usage.tracking_since,
                old_created_at: rotation.old.created_at,
                new_created_at: rotation.new.created_at,
                quiet: rotation.window(),
                now,
            };
            draw_rotation_chart(Rect { y, height: chart - blank, ..inside }, buf, theme, &keys);
            y += chart;
        }
        let list = Rect { y, height: inside.bottom().saturating_sub(y + 2), ..inside };
        let (top, max_scroll) = self.scroll.first_line_and_max(body.len(), usize::from(list.height));
        draw_lines(&body[top..], list, theme, buf);
        let hidden = body.len() - top - usize::from(list.height).min(body.len() - top);
        if hidden > 0 {
            let more = format!(
                "{hidden} more {}; scroll with {} and {}",
                if hidden == 1 { "line" } else { "lines" },
                context.key_press(Action::ScrollDown),
                context.key_press(Action::ScrollUp)
            );
            buf.set_stringn(
                inside.x,
                list.bottom(),
                more,
                usize::from(inside.width),
                theme.style(StyleRole::Muted),
            );
        }
        draw_lines(&foot, Rect { y: inside.bottom().saturating_sub(1), height: 1, ..inside }, theme, buf);
        PopupFrame { cursor: None, max_scroll }
    }

    fn clamp_scroll(&mut self, max: usize) {
        self.scroll.clamp(max);
    }

    fn shows_rotation(&self) -> bool {
        true
    }
}
