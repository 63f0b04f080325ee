//! The rotation wizard: its steps, where this rotation stands, who uses the old key, and the one thing to do next.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::domain::id::Id;
use crate::domain::key::Key;
use crate::domain::member::Permission;
use crate::domain::rotation::{Phase, finish_unless_used_since, proposed_name};
use crate::domain::time::Timestamp;
use crate::domain::usage::Usage;
use crate::tui::chart::{RotationChart, draw_rotation_chart};
use crate::tui::context::{Context, ReplyTo};
use crate::tui::key_list::LoadState;
use crate::tui::keymap::{Action, KeyContext, stack};
use crate::tui::msg::{ApiRequest, Reply, RequestError};
use crate::tui::popup::{Popup, PopupAction, PopupFrame, PopupTone, Scroll, frame, lines};
use crate::tui::screens::{create, replace_leaked, revoke};
use crate::tui::theme::StyleRole;
use crate::wire::keys::{Rotation, UsageQuery};

mod guide;
mod head;

/// Fewest and most rows that the chart of both keys takes.
const CHART: (u16, u16) = (7, 13);
/// Rows of the list below the chart that have room before the chart grows.
const LISTED: usize = 3;
/// Up to this width the wizard takes all of the window, in wider ones so many columns.
const NARROW: u16 = 108;
const WIDEST: u16 = 100;
/// From this height of the body on there are blank lines between its parts.
const ROOMY: u16 = 28;

/// The wizard of one rotation, or of a key whose rotation may begin.
#[derive(Debug)]
pub struct RotatePopup {
    key: Key,
    /// The replacement, where the wizard was opened on a rotation.
    new: Option<Id>,
    usage: Option<Usage>,
    failed: Option<String>,
    scroll: Scroll,
}

impl RotatePopup {
    /// On a key: enters its rotation where one is under way, else offers to begin one.
    pub fn on_key(context: &mut Context, key: &Key) -> Self {
        let rotation = context.rotations.open_rotation(key.id);
        let old = rotation.map_or_else(|| key.clone(), |rotation| rotation.old.clone());
        let wizard = Self {
            key: old,
            new: rotation.map(|rotation| rotation.new.id),
            usage: None,
            failed: None,
            scroll: Scroll::default(),
        };
        if *context.rotations.load_state() == LoadState::NotLoaded {
            context.load_rotations();
        }
        wizard.ask(context);
        wizard
    }

    /// On a rotation.
    pub fn on(context: &mut Context, rotation: &Rotation) -> Self {
        let wizard = Self {
            key: rotation.old.clone(),
            new: Some(rotation.new.id),
            usage: None,
            failed: None,
            scroll: Scroll::default(),
        };
        wizard.ask(context);
        wizard
    }

    fn ask(&self, context: &mut Context) {
        let ask = ApiRequest::Usage { kind: self.key.kind, id: self.key.id, query: UsageQuery::default() };
        context.request(ReplyTo::Popup, ask);
    }

    fn rotation<'a>(&self, context: &'a Context) -> Option<&'a Rotation> {
        match self.new {
            Some(new) => context.rotations.by_new_key(new),
            None => context.rotations.open_rotation(self.key.id),
        }
    }

    /// A rotation is known to be under way that has not arrived yet.
    fn awaits(&self, context: &Context) -> bool {
        let linked = self.key.replaced_by.is_some() || self.new.is_some();
        linked && matches!(context.rotations.load_state(), LoadState::NotLoaded | LoadState::Loading { .. })
    }
}

/// Whether an action makes sense on a rotation now.
///
/// # Errors
/// The sentence that says why not.
pub fn possible(context: &Context, rotation: &Rotation, action: Action) -> Result<(), String> {
    let phase = rotation.phase_at(context.server_now());
    let kind = rotation.old.kind;
    context.check_permission(Permission::RevokeKey(kind))?;
    match (action, phase) {
        (_, Phase::Done) => Err("this rotation is done".to_owned()),
        (Action::ReplaceReplacement, Phase::Switch | Phase::Abandoned) => {
            context.check_permission(Permission::CreateKey(kind))
        }
        (Action::ReplaceReplacement, _) => Err("the replacement is in use already".to_owned()),
        (Action::CancelRotation, Phase::Abandoned) => Err("the replacement is revoked already".to_owned()),
        _ => Ok(()),
    }
}

/// The popup that an action opens on a rotation whose use was seen up to `seen`.
///
/// # Errors
/// The sentence that says why there is none.
pub fn step(
    context: &mut Context,
    rotation: &Rotation,
    seen: Timestamp,
    action: Action,
) -> Result<Box<dyn Popup>, String> {
    possible(context, rotation, action)?;
    let now = context.server_now();
    let phase = rotation.phase_at(now);
    let (old, new) = (rotation.old.clone(), rotation.new.clone());
    match (action, phase) {
        (Action::FinishRotation, Phase::Ready) => {
            Ok(Box::new(revoke::RevokePopup::silent(old, finish_unless_used_since(rotation.window(), now))))
        }
        (Action::FinishRotation, _) => Ok(Box::new(revoke::RevokePopup::early(old, seen))),
        (Action::LeakedKey, Phase::Abandoned) => {
            Ok(Box::new(replace_leaked::ReplaceLeakedPopup::replacing(context, old)))
        }
        (Action::LeakedKey, _) => {
            Ok(Box::new(replace_leaked::ReplaceLeakedPopup::replaced(context, old, &new)))
        }
        (Action::ReplaceReplacement, Phase::Abandoned) => begin(context, &old),
        (Action::ReplaceReplacement, _) => {
            let name = proposed_name(&old.name, now);
            Ok(Box::new(create::CreatePopup::instead_of(new, old, &name)))
        }
        (Action::CancelRotation, Phase::Switch) => Ok(Box::new(revoke::RevokePopup::silent(new, seen))),
        (Action::CancelRotation, _) => Ok(Box::new(revoke::RevokePopup::new(new, seen))),
        _ => Err("that is not for a rotation".to_owned()),
    }
}

/// The popup that creates the replacement of a key.
fn begin(context: &Context, old: &Key) -> Result<Box<dyn Popup>, String> {
    context.check_permission(Permission::CreateKey(old.kind))?;
    let name = proposed_name(&old.name, context.server_now());
    Ok(Box::new(create::CreatePopup::replacing(old.clone(), &name)))
}

impl Popup for RotatePopup {
    fn key_contexts(&self) -> &'static [KeyContext] {
        stack::WIZARD
    }

    fn act(&mut self, context: &mut Context, action: Action) -> PopupAction {
        let rotation = self.rotation(context).cloned();
        let seen = context.rotations.seen;
        let opened: Result<Box<dyn Popup>, String> = match (action, rotation) {
            (Action::Cancel, _) => return PopupAction::Close,
            (Action::ScrollDown, _) => {
                self.scroll.by(1);
                return PopupAction::Stay;
            }
            (Action::ScrollUp, _) => {
                self.scroll.by(-1);
                return PopupAction::Stay;
            }
            (Action::Activate, None) if !self.awaits(context) => begin(context, &self.key),
            (Action::LeakedKey, None) => {
                Ok(Box::new(replace_leaked::ReplaceLeakedPopup::replacing(context, self.key.clone())))
            }
            (Action::Activate, Some(rotation)) => match rotation.phase_at(context.server_now()) {
                Phase::Ready => step(context, &rotation, seen, Action::FinishRotation),
                Phase::Abandoned => step(context, &rotation, seen, Action::ReplaceReplacement),
                Phase::Switch | Phase::Drain | Phase::Done => return PopupAction::Close,
            },
            (action, Some(rotation)) => step(context, &rotation, seen, action),
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

    fn reply(&mut self, context: &mut Context, result: Result<Reply, RequestError>) -> PopupAction {
        match result {
            Ok(Reply::Usage(usage)) => self.usage = Some(usage),
            Ok(_) => {}
            Err(failure) => {
                context.record_failure(&failure);
                self.failed = Some(failure.to_string());
            }
        }
        PopupAction::Stay
    }

    fn offers(&self, context: &Context, action: Action) -> bool {
        let phase = self.rotation(context).map(|rotation| rotation.phase_at(context.server_now()));
        match action {
            Action::FinishRotation | Action::CancelRotation => {
                head::keys(phase).iter().any(|key| key.0 == action)
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
        let columns = if area.width <= NARROW { area.width.saturating_sub(4) } else { WIDEST };
        let at = head::WizardContext {
            rotation,
            phase,
            now,
            columns: usize::from(columns),
            roomy: area.height >= ROOMY,
        };
        let (head, foot) = (self.head(&at, context), head::footer(phase, context));
        let mut body = self.body(&at, context);
        let rows = |n: usize| u16::try_from(n).unwrap_or(u16::MAX);
        // The steps, a line before the keys, the keys.
        let room = area.height.saturating_sub(2 + 2);
        let charted = rotation.filter(|_| matches!(phase, Some(Phase::Drain | Phase::Ready)));
        let charted = charted.and_then(|rotation| rotation.usage.as_ref().map(|usage| (rotation, usage)));
        let spare = room.saturating_sub(rows(head.len() + body.len().min(LISTED)));
        let chart = if charted.is_some() && spare >= CHART.0 { spare.min(CHART.1) } else { 0 };
        let blank = u16::from(at.roomy && chart > CHART.0);
        // Both panels are of the same height, beside three rows for marks and time.
        let chart = if chart > 0 && (chart - blank).is_multiple_of(2) { chart - 1 } else { chart };
        // Without a chart, everything but the steps scrolls where it does not fit.
        let fixed = if chart > 0 { head.len() } else { 1 };
        body.splice(0..0, head[fixed..].iter().cloned());
        let height = (rows(fixed) + chart + 2).saturating_add(rows(body.len()));
        let title = format!("Rotate {}", self.key.name);
        let inside = frame(&title, PopupTone::Calm, (columns, height), area, theme, buf);
        lines(&head[..fixed], inside, theme, buf);
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
        let (top, max_scroll) = self.scroll.window(body.len(), usize::from(list.height));
        lines(&body[top..], list, theme, buf);
        let hidden = body.len() - top - usize::from(list.height).min(body.len() - top);
        if hidden > 0 {
            let more = format!(
                "{hidden} more {}, {} and {}",
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
        lines(&foot, Rect { y: inside.bottom().saturating_sub(1), height: 1, ..inside }, theme, buf);
        PopupFrame { cursor: None, max_scroll }
    }

    fn clamp_scroll(&mut self, max: usize) {
        self.scroll.clamp(max);
    }

    fn shows_rotation(&self) -> bool {
        true
    }
}
