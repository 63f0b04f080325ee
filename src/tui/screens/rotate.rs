//! The rotation wizard: its steps, where this rotation stands, who uses the old key, and the one thing to do next.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use crate::domain::id::Id;
use crate::domain::key::Key;
use crate::domain::member::Permission;
use crate::domain::rotation::{Phase, finish_guard, proposed_name};
use crate::domain::time::{Stamp, span};
use crate::domain::usage::Usage;
use crate::tui::app::{Overlay, Tables};
use crate::tui::chart::{TwoKeys, draw_rotation};
use crate::tui::fleet::Load;
use crate::tui::keymap::{Action, Context, stack};
use crate::tui::msg::{Ask, Failure, Reply};
use crate::tui::popup::{Cx, Mood, Popup, Then, frame, lines};
use crate::tui::prose::{hints, paragraph};
use crate::tui::screens::rotations::phase_role;
use crate::tui::screens::{create, revoke};
use crate::tui::shared::{Owner, Shared};
use crate::tui::theme::{Role, Symbol, Theme};
use crate::wire::keys::{Rotation, UsageQuery};

mod guide;

/// Rows that the chart of both keys takes.
const CHART: u16 = 8;

/// The wizard of one rotation, or of a key whose rotation may begin.
#[derive(Debug)]
pub struct Wizard {
    key: Key,
    /// The replacement, where the wizard was opened on a rotation.
    new: Option<Id>,
    usage: Option<Usage>,
    failed: Option<String>,
    top: usize,
}

impl Wizard {
    /// On a key: enters its rotation where one is under way, else offers to begin one.
    pub fn on_key(shared: &mut Shared, tables: &mut Tables, key: &Key) -> Self {
        let rotation = tables.rotations.of(key.id);
        let old = rotation.map_or_else(|| key.clone(), |rotation| rotation.old.clone());
        let wizard = Self {
            key: old,
            new: rotation.map(|rotation| rotation.new.id),
            usage: None,
            failed: None,
            top: 0,
        };
        if tables.rotations.load == Load::Nothing {
            tables.rotations.load(shared);
        }
        wizard.ask(shared);
        wizard
    }

    /// On a rotation.
    pub fn on(shared: &mut Shared, rotation: &Rotation) -> Self {
        let wizard =
            Self { key: rotation.old.clone(), new: Some(rotation.new.id), usage: None, failed: None, top: 0 };
        wizard.ask(shared);
        wizard
    }

    fn ask(&self, shared: &mut Shared) {
        let ask = Ask::Usage { kind: self.key.kind, id: self.key.id, query: UsageQuery::default() };
        shared.ask(Owner::Overlay, ask);
    }

    fn rotation<'a>(&self, tables: &'a Tables) -> Option<&'a Rotation> {
        match self.new {
            Some(new) => tables.rotations.by_new(new),
            None => tables.rotations.of(self.key.id),
        }
    }

    /// A rotation is known to be under way that has not arrived yet.
    fn awaits(&self, tables: &Tables) -> bool {
        let linked = self.key.replaced_by.is_some() || self.new.is_some();
        linked && matches!(tables.rotations.load, Load::Nothing | Load::Loading { .. })
    }
}

/// What a key does on a rotation whose use was seen up to `seen`: the popup that it opens, or why there is none.
///
/// # Errors
/// The sentence that says why not.
pub fn step(shared: &Shared, rotation: &Rotation, seen: Stamp, action: Action) -> Result<Overlay, String> {
    let now = shared.server_now();
    let phase = rotation.phase_at(now);
    let (old, new) = (&rotation.old, &rotation.new);
    shared.may(Permission::RevokeKey(old.kind))?;
    match (action, phase) {
        (_, Phase::Done) => Err("this rotation is done".to_owned()),
        (Action::FinishRotation, Phase::Ready) => {
            Ok(Overlay::Revoke(revoke::State::silent(old.clone(), finish_guard(rotation.window(), now))))
        }
        (Action::FinishRotation, _) => Ok(Overlay::Revoke(revoke::State::early(old.clone(), seen))),
        (Action::LeakedKey, Phase::Abandoned) => Ok(leaked(shared, old)),
        (Action::LeakedKey, _) => Ok(Overlay::Revoke(revoke::State::leaked(old.clone(), seen, None))),
        (Action::ReplaceReplacement, Phase::Abandoned) => begin(shared, old),
        (Action::ReplaceReplacement | Action::CancelRotation, Phase::Switch) => {
            Ok(Overlay::Revoke(revoke::State::silent(new.clone(), seen)))
        }
        (Action::ReplaceReplacement, _) => Err("the replacement is in use already".to_owned()),
        (Action::CancelRotation, Phase::Abandoned) => Err("the replacement is revoked already".to_owned()),
        (Action::CancelRotation, _) => Ok(Overlay::Revoke(revoke::State::new(new.clone(), seen))),
        _ => Err("that is not for a rotation".to_owned()),
    }
}

/// The popup that revokes a leaked key, after which its replacement is created.
fn leaked(shared: &Shared, key: &Key) -> Overlay {
    let now = shared.server_now();
    Overlay::Revoke(revoke::State::leaked(key.clone(), now, Some(proposed_name(&key.name, now))))
}

/// The popup that creates the replacement of a key.
fn begin(shared: &Shared, old: &Key) -> Result<Overlay, String> {
    shared.may(Permission::CreateKey(old.kind))?;
    let name = proposed_name(&old.name, shared.server_now());
    Ok(Overlay::Create(create::State::replacing(old.clone(), &name)))
}

impl Popup for Wizard {
    fn contexts(&self) -> &'static [Context] {
        stack::WIZARD
    }

    fn act(&mut self, cx: &mut Cx<'_>, action: Action) -> Then {
        let opened = match (action, self.rotation(cx.tables)) {
            (Action::Cancel, _) => return Then::Close,
            (Action::ScrollDown, _) => {
                self.top += 1;
                return Then::Stay;
            }
            (Action::ScrollUp, _) => {
                self.top = self.top.saturating_sub(1);
                return Then::Stay;
            }
            (Action::Activate, None) if !self.awaits(cx.tables) => begin(cx.shared, &self.key),
            (Action::LeakedKey, None) => Ok(leaked(cx.shared, &self.key)),
            (Action::Activate, Some(rotation)) => match rotation.phase_at(cx.shared.server_now()) {
                Phase::Ready => step(cx.shared, rotation, cx.tables.rotations.seen, Action::FinishRotation),
                Phase::Abandoned => {
                    step(cx.shared, rotation, cx.tables.rotations.seen, Action::ReplaceReplacement)
                }
                Phase::Switch | Phase::Drain | Phase::Done => return Then::Close,
            },
            (action, Some(rotation)) => step(cx.shared, rotation, cx.tables.rotations.seen, action),
            _ => return Then::Stay,
        };
        match opened {
            Ok(overlay) => Then::Open(Box::new(overlay)),
            Err(why) => {
                cx.shared.notices.info(cx.shared.now, why);
                Then::Stay
            }
        }
    }

    fn reply(&mut self, cx: &mut Cx<'_>, result: Result<Reply, Failure>) -> Then {
        match result {
            Ok(Reply::Usage(usage)) => self.usage = Some(usage),
            Ok(_) => {}
            Err(failure) => {
                cx.shared.heard_failure(&failure);
                self.failed = Some(failure.to_string());
            }
        }
        Then::Stay
    }

    fn draw(&self, shared: &Shared, tables: &Tables, area: Rect, buf: &mut Buffer) -> Option<(u16, u16)> {
        let theme = shared.theme();
        let now = shared.server_now();
        let rotation = self.rotation(tables);
        let phase = rotation.map(|rotation| rotation.phase_at(now));
        let columns = area.width.saturating_sub(8).min(100);
        let (head, foot) =
            (self.head(rotation, phase, now, shared, usize::from(columns)), footer(phase, shared));
        let body = self.body(rotation, phase, now, shared, usize::from(columns));
        let charted = rotation.filter(|_| matches!(phase, Some(Phase::Drain | Phase::Ready)));
        let charted = charted.and_then(|rotation| rotation.usage.as_ref().map(|usage| (rotation, usage)));
        let rows = |n: usize| u16::try_from(n).unwrap_or(u16::MAX);
        let fixed = rows(head.len()) + 2;
        let room = area.height.saturating_sub(2 + fixed);
        let chart = if charted.is_some() && room >= CHART { CHART + 1 } else { 0 };
        let height = (fixed + chart).saturating_add(rows(body.len()));
        let title = format!("Rotate {}", self.key.name);
        let inside = frame(&title, Mood::Calm, (columns, height), area, theme, buf);
        lines(&head, inside, theme, buf);
        let mut y = inside.y + rows(head.len());
        if let (Some((rotation, usage)), true) = (charted, chart > 0) {
            let keys = TwoKeys {
                old: &usage.old,
                new: &usage.new,
                tracking_since: usage.tracking_since,
                old_created_at: rotation.old.created_at,
                new_created_at: rotation.new.created_at,
                quiet_ms: rotation.window().ms,
                now,
            };
            draw_rotation(Rect { y, height: CHART, ..inside }, buf, theme, &keys);
            y += chart;
        }
        let list = Rect { y, height: inside.bottom().saturating_sub(y + 2), ..inside };
        let top = self.top.min(body.len().saturating_sub(usize::from(list.height)));
        lines(&body[top..], list, theme, buf);
        lines(&foot, Rect { y: inside.bottom().saturating_sub(1), height: 1, ..inside }, theme, buf);
        None
    }
}

impl Wizard {
    /// The steps, and where this rotation stands.
    fn head(
        &self,
        rotation: Option<&Rotation>,
        phase: Option<Phase>,
        now: Stamp,
        shared: &Shared,
        columns: usize,
    ) -> Vec<Line<'static>> {
        let theme = shared.theme();
        let strong = theme.style(Role::Strong);
        let mut head = vec![steps(phase, theme), Line::default()];
        if let (Some(rotation), Some(phase)) = (rotation, phase) {
            {
                head.extend(paragraph(phase.sentence(), strong, columns));
                let masks = format!(
                    "old {}, new {} ({})",
                    rotation.old.masked, rotation.new.masked, rotation.new.name
                );
                let mut said = vec![masks];
                match phase {
                    Phase::Drain => {
                        let left = rotation.ready_at.map_or(0, |at| at.since(now));
                        said.push(format!(
                            "{} of silence to go; window {}",
                            span(left),
                            rotation.window().reason()
                        ));
                    }
                    Phase::Ready | Phase::Switch => {}
                    Phase::Done | Phase::Abandoned => said.push(rotation.evidence.clone()),
                }
                for said in said {
                    head.extend(paragraph(&theme.text(&said), theme.style(Role::Muted), columns));
                }
            }
        } else {
            {
                let name = proposed_name(&self.key.name, now);
                let said = format!(
                    "Next: a second key, {name}. Both are accepted until you have entered the new one everywhere and the old \
                     one has been silent long enough; only then is the old one revoked.",
                );
                head.extend(paragraph(&theme.text(&said), Style::new(), columns));
            }
        }
        head.push(Line::default());
        head
    }
}

/// `1 create > 2 switch > 3 drain > 4 revoke`, the current one clear.
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
            spans.push(Span::styled(
                format!(" {0}{0} ", theme.symbol(Symbol::Rule)),
                theme.style(Role::Muted),
            ));
        }
        let (mark, style) = match at.cmp(&current) {
            std::cmp::Ordering::Less => (theme.symbol(Symbol::Marked).to_owned(), theme.style(Role::Live)),
            std::cmp::Ordering::Equal => {
                (theme.symbol(Symbol::Selected).to_owned(), theme.style(Role::Accent))
            }
            std::cmp::Ordering::Greater => ((at + 1).to_string(), theme.style(Role::Muted)),
        };
        spans.push(Span::styled(format!("{mark} {name}"), style));
    }
    if let Some(phase @ (Phase::Done | Phase::Abandoned)) = phase {
        spans.push(Span::styled(format!("   {phase}"), theme.style(phase_role(phase))));
    }
    Line::from(spans)
}

/// The keys that help in this phase, as they are bound now.
fn footer(phase: Option<Phase>, shared: &Shared) -> Vec<Line<'static>> {
    use Action::{Activate, Cancel, CancelRotation, FinishRotation, LeakedKey, ReplaceReplacement};
    let keys: &[(Action, &str)] = match phase {
        None => {
            &[(Activate, "create the replacement"), (LeakedKey, "it leaked: revoke now"), (Cancel, "back")]
        }
        Some(Phase::Switch) => &[
            (ReplaceReplacement, "replace the replacement"),
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
        Some(Phase::Abandoned) => &[(ReplaceReplacement, "start again"), (Cancel, "leave it")],
    };
    let keys: Vec<(String, &str)> = keys.iter().map(|&(action, does)| (shared.key(action), does)).collect();
    let keys: Vec<(&str, &str)> = keys.iter().map(|(key, does)| (key.as_str(), *does)).collect();
    vec![hints(&keys, shared.theme())]
}
