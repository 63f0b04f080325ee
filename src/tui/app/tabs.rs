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
        /// A tab of the UI; `1` to `6` open them in this order.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Tab {
            $($(#[$doc])* $tab),+
        }

        impl Tab {
            /// The tabs in their order on the screen.
            pub const ALL: &[Self] = &[$(Self::$tab),+];

            /// Title, as shown in the second line of the screen.
            pub fn title(self) -> &'static str {
                match self { $(Self::$tab => $title),+ }
            }

            /// The permission needed to open the tab.
            pub fn permission(self) -> Permission {
                match self { $(Self::$tab => $permission),+ }
            }

            /// The tab that an action opens.
            pub fn opened_by(action: Action) -> Option<Self> {
                match action {
                    $(Action::$action => Some(Self::$tab),)+
                    _ => None,
                }
            }
        }

        /// The screens of the tabs.
        #[derive(Debug)]
        pub struct Screens {
            $($(#[$doc])* pub $field: $screen),+
        }

        impl Screens {
            pub(super) fn new($start: &StartOptions) -> Self {
                Self { $($field: $new),+ }
            }

            /// The screen of a tab.
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
    /// The member's own keys.
    Personal, "Personal", Tab1, Permission::ListKeys(KeyKind::Personal),
        personal: keys::State = keys::State::new(KeyKind::Personal);
    /// The keys that belong to the organization.
    Workspace, "Workspace", Tab2, Permission::ListKeys(KeyKind::Organization),
        workspace: keys::State = keys::State::new(KeyKind::Organization);
    /// The organization's keys that wait for a decision.
    Review, "Review", Tab3, Permission::Review,
        review: review::State = review::State::new(start);
    /// Keys that are being replaced.
    Rotations, "Rotations", Tab4, Permission::ListKeys(KeyKind::Personal),
        rotations: rotations::State = rotations::State::default();
    /// The members of the organization, with their roles.
    Members, "Members", Tab5, Permission::ManageMembers,
        members: members::State = members::State::default();
    /// The activity log of the organization.
    Activity, "Activity", Tab6, Permission::ReadActivity,
        activity: activity::State = activity::State::default();
}

impl Tab {
    /// The digit shown before the title, counted from 1.
    pub fn digit(self) -> usize {
        self as usize + 1
    }

    /// The tab that lists the keys of a kind.
    pub fn of_kind(kind: KeyKind) -> Self {
        match kind {
            KeyKind::Personal => Self::Personal,
            KeyKind::Organization => Self::Workspace,
        }
    }

    /// The tab `offset` positions to the right, wrapping around.
    #[must_use]
    pub fn offset_by(self, offset: usize) -> Self {
        Self::ALL[(self as usize + offset) % Self::ALL.len()]
    }
}

impl Screens {
    /// The screen that lists the keys of a kind.
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
