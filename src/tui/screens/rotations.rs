//! The Rotations tab: the phase of each rotation, which client still uses the old key, and how long it must stay unused.

use crate::domain::filter::Filter;
use crate::domain::id::Id;
use crate::domain::permission::Permission;
use crate::domain::staleness::StalenessRules;
use crate::tui::context::{Context, ReplyTo};
use crate::tui::key_list::{Changes, LoadState};
use crate::tui::keymap::{Action, KeyContext, stack};
use crate::tui::list_screen::{ListRow, ListScreen};
use crate::tui::msg::Reply;
use crate::tui::screen::ScreenAction;
use crate::tui::screens::rotate::{self, RotatePopup};
use crate::tui::table::{TableColumn, TableRow};
use crate::tui::text_layout::as_sentence;
use crate::wire::keys::Rotation;

mod columns;
mod filter;

use columns::COLUMNS;
pub use filter::RotationTest;

/// Screen of the Rotations tab.
pub type State = ListScreen<Rotation>;

impl TableRow for Rotation {
    fn id(&self) -> Id {
        self.new.id
    }
}

impl ListRow for Rotation {
    type Test = RotationTest;

    const COLUMNS: &'static [TableColumn<Self>] = COLUMNS;
    const KEY_CONTEXTS: &'static [KeyContext] = stack::ROTATIONS;
    const FILTER_EXAMPLE: &'static str = "name or masked secret, phase:ready agent:grafana";
    const REPLY_TO: ReplyTo = ReplyTo::Rotations;
    const PERMISSION: Option<Permission> = None;
    const NO_MARKS: &'static str = "rotations cannot be marked";
    const CAN_SORT: Result<(), &'static str> = Err("rotations are always sorted by urgency");
    const HAS_TEXT_BELOW: bool = true;

    fn rows(context: &Context) -> &[Self] {
        context.rotations.list.rows()
    }

    fn load_state(context: &Context) -> &LoadState {
        context.rotations.load_state()
    }

    fn load(context: &mut Context) {
        context.load_rotations();
    }

    fn apply_page(context: &mut Context, reply: Reply) -> bool {
        let Reply::Rotations(page) = reply else { return false };
        context.apply_rotations(page)
    }

    fn rules(context: &Context) -> StalenessRules {
        StalenessRules { now: context.rotations.as_of, ..context.staleness_rules() }
    }

    fn passes(&self, filter: &Filter<RotationTest>, rules: &StalenessRules) -> bool {
        let (old, new) = (&self.old, &self.new);
        filter
            .matches_row(&[&old.name, &old.masked, &new.name, &new.masked], |test| test.matches(self, rules))
    }

    fn text_below(&self, rules: &StalenessRules) -> Option<String> {
        Some(format!("{} {}", self.phase_at(rules.now).explanation(), as_sentence(&self.evidence)))
    }

    fn empty_message(context: &Context, is_filtered: bool) -> String {
        match context.rotations.load_state() {
            LoadState::Complete if is_filtered => {
                format!(
                    "No rotations match the filter. Press {} to clear it.",
                    context.key_press(Action::Cancel)
                )
            }
            LoadState::Complete => format!(
                "No key is being replaced. To start a rotation, press {} on a key: keyward creates the replacement and \
                 monitors the old key until nothing uses it any more.",
                context.key_press(Action::Rotate)
            ),
            _ => "Loading rotations.".to_owned(),
        }
    }

    fn check_available(context: &Context, selected: Option<&Self>, action: Action) -> Result<(), String> {
        let is_rotation_action = matches!(
            action,
            Action::OpenRotation
                | Action::FinishRotation
                | Action::ReplaceReplacement
                | Action::CancelRotation
                | Action::LeakedKey
        );
        match selected {
            _ if !is_rotation_action => Ok(()),
            None => Err("no rotation is selected".to_owned()),
            Some(_) if action == Action::OpenRotation => Ok(()),
            Some(rotation) => rotate::check_available(context, rotation, action),
        }
    }

    fn run_action(screen: &ListScreen<Self>, context: &mut Context, action: Action) -> ScreenAction {
        let Some(rotation) = screen.selected(context).cloned() else { return ScreenAction::Unhandled };
        match action {
            Action::OpenRotation => ScreenAction::open(RotatePopup::for_rotation(context, &rotation)),
            Action::FinishRotation
            | Action::ReplaceReplacement
            | Action::CancelRotation
            | Action::LeakedKey => {
                let seen = context.rotations.seen;
                match rotate::open_next_step(context, &rotation, seen, action) {
                    Ok(popup) => ScreenAction::Open(popup),
                    Err(why) => {
                        context.report_unavailable(&why);
                        ScreenAction::Done
                    }
                }
            }
            _ => ScreenAction::Unhandled,
        }
    }

    fn keys_changed(context: &mut Context, changes: &Changes) {
        context.rotations.is_outdated |= !changes.is_empty();
    }
}
