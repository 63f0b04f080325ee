//! The list of tabs. To add one, add a row to `tabs!`, its actions and key context to the keymap, and a screen.

use crate::domain::key::KeyKind;
use crate::domain::permission::Permission;
use crate::tui::context::StartOptions;
use crate::tui::keymap::Action;
use crate::tui::screen::Screen;
use crate::tui::screens::{activity, keys, members, review, rotations};

macro_rules! tabs {
    ($start:ident: $($(#[$doc:meta])* $tab:ident, $title:literal, $action:ident, $permission:expr,
        $field:ident: $screen:ty = $new:expr;)+) => {
        /// A tab of the UI. The keys `1` to `6` open the tabs in this order.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Tab {
            $($(#[$doc])* $tab),+
        }

        impl Tab {
            /// All tabs, in the order in which they are shown.
            pub const ALL: &[Self] = &[$(Self::$tab),+];

            /// Returns the title shown in the tab bar.
            pub fn title(self) -> &'static str {
                match self { $(Self::$tab => $title),+ }
            }

            /// Returns the permission that a member needs to open the tab.
            pub fn permission(self) -> Permission {
                match self { $(Self::$tab => $permission),+ }
            }

            /// Returns the tab that an action opens; `None` for other actions.
            pub fn opened_by(action: Action) -> Option<Self> {
                match action {
                    $(Action::$action => Some(Self::$tab),)+
                    _ => None,
                }
            }
        }

        /// One screen for each tab.
        #[derive(Debug)]
        pub struct Screens {
            $($(#[$doc])* pub $field: $screen),+
        }

        impl Screens {
            pub(super) fn new($start: &StartOptions) -> Self {
                Self { $($field: $new),+ }
            }

            /// Returns the screen of a tab.
            pub fn get(&self, tab: Tab) -> &dyn Screen {
                match tab { $(Tab::$tab => &self.$field),+ }
            }

            pub(super) fn get_mut(&mut self, tab: Tab) -> &mut dyn Screen {
                match tab { $(Tab::$tab => &mut self.$field),+ }
            }
        }
    };
}

tabs! {
    start:
    /// Personal keys of the signed-in member.
    Personal, "Personal", Tab1, Permission::ListKeys(KeyKind::Personal),
        personal: keys::State = keys::State::new(KeyKind::Personal);
    /// Keys of the organization.
    Workspace, "Workspace", Tab2, Permission::ListKeys(KeyKind::Organization),
        workspace: keys::State = keys::State::new(KeyKind::Organization);
    /// Organization keys that wait for a review decision.
    Review, "Review", Tab3, Permission::Review,
        review: review::State = review::State::new(start);
    /// Rotations of keys: old keys and their replacements.
    Rotations, "Rotations", Tab4, Permission::ListKeys(KeyKind::Personal),
        rotations: rotations::State = rotations::State::default();
    /// Members of the organization, with their roles.
    Members, "Members", Tab5, Permission::ManageMembers,
        members: members::State = members::State::default();
    /// Activity log of the organization.
    Activity, "Activity", Tab6, Permission::ReadActivity,
        activity: activity::State = activity::State::default();
}

impl Tab {
    /// Returns the digit shown before the title: 1 for the first tab.
    pub fn digit(self) -> usize {
        self as usize + 1
    }

    /// Returns the tab that lists keys of this kind.
    pub fn of_kind(kind: KeyKind) -> Self {
        match kind {
            KeyKind::Personal => Self::Personal,
            KeyKind::Organization => Self::Workspace,
        }
    }

    /// Returns the tab `offset` positions to the right, wrapping around.
    #[must_use]
    pub fn offset_by(self, offset: usize) -> Self {
        Self::ALL[(self as usize + offset) % Self::ALL.len()]
    }
}

impl Screens {
    /// Returns the screen that lists keys of this kind.
    pub fn keys(&self, kind: KeyKind) -> &keys::State {
        match kind {
            KeyKind::Personal => &self.personal,
            KeyKind::Organization => &self.workspace,
        }
    }

    pub(super) fn keys_mut(&mut self, kind: KeyKind) -> &mut keys::State {
        match kind {
            KeyKind::Personal => &mut self.personal,
            KeyKind::Organization => &mut self.workspace,
        }
    }
}
