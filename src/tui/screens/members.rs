//! The Members tab: who belongs to the organization, and the popups that invite, change and remove members.

use crate::domain::filter::Filter;
use crate::domain::id::Id;
use crate::domain::member::MemberStatus;
use crate::domain::permission::Permission;
use crate::domain::staleness::StalenessRules;
use crate::tui::context::{Context, ReplyTo};
use crate::tui::key_list::LoadState;
use crate::tui::keymap::{Action, KeyContext, stack};
use crate::tui::list_screen::{ListRow, ListScreen};
use crate::tui::msg::Reply;
use crate::tui::screen::ScreenAction;
use crate::tui::screens::menu::MenuPopup;
use crate::tui::table::{TableColumn, TableRow};
use crate::wire::members::Member;

mod columns;
mod details;
mod end_sessions;
mod filter;
mod invite;
mod remove;
mod role;

use columns::COLUMNS;
use details::MemberDetailsPopup;
use end_sessions::EndSessionsPopup;
pub use filter::MemberTest;
use invite::InvitePopup;
use remove::RemoveMemberPopup;
use role::ChangeRolePopup;

/// Screen of the Members tab.
pub type State = ListScreen<Member>;

impl TableRow for Member {
    fn id(&self) -> Id {
        self.id
    }
}

impl ListRow for Member {
    type Test = MemberTest;

    const COLUMNS: &'static [TableColumn<Self>] = COLUMNS;
    const KEY_CONTEXTS: &'static [KeyContext] = stack::MEMBERS;
    const FILTER_EXAMPLE: &'static str = "name or email address, role:admin status:removed keys:>0 idle:>90d";
    const REPLY_TO: ReplyTo = ReplyTo::Members;
    const PERMISSION: Option<Permission> = Some(Permission::ManageMembers);
    const NO_MARKS: &'static str = "members cannot be marked";
    const CAN_SORT: Result<(), &'static str> = Ok(());

    fn rows(context: &Context) -> &[Self] {
        context.members.rows()
    }

    fn load_state(context: &Context) -> &LoadState {
        &context.members.load_state
    }

    fn load(context: &mut Context) {
        context.load_members();
    }

    fn apply_page(context: &mut Context, reply: Reply) -> bool {
        let Reply::Members(page) = reply else { return false };
        context.apply_members(page)
    }

    fn passes(&self, filter: &Filter<MemberTest>, rules: &StalenessRules) -> bool {
        filter.matches_row(&[&self.name, &self.email], |test| test.matches(self, rules))
    }

    fn empty_message(context: &Context, is_filtered: bool) -> String {
        if context.members.load_state == LoadState::Complete && is_filtered {
            format!("No members match the filter. Press {} to clear it.", context.key_press(Action::Cancel))
        } else {
            "Loading members.".to_owned()
        }
    }

    fn check_available(context: &Context, selected: Option<&Self>, action: Action) -> Result<(), String> {
        let changes = matches!(
            action,
            Action::Invite | Action::ChangeRole | Action::RemoveMember | Action::EndSessions
        );
        if changes {
            context.check_permission(Permission::ManageMembers)?;
        }
        match (action, selected) {
            (Action::OpenMember | Action::ChangeRole | Action::RemoveMember | Action::EndSessions, None) => {
                Err("no member is selected".to_owned())
            }
            (Action::ChangeRole | Action::RemoveMember | Action::EndSessions, Some(member))
                if member.status == MemberStatus::Removed =>
            {
                Err("this member has been removed".to_owned())
            }
            _ => Ok(()),
        }
    }

    fn run_action(screen: &ListScreen<Self>, context: &mut Context, action: Action) -> ScreenAction {
        let selected = screen.selected(context).cloned();
        match (action, selected) {
            (Action::Sort, _) => {
                ScreenAction::open(MenuPopup::for_sorting(context, COLUMNS, &screen.list.table))
            }
            (Action::Invite, selected) => ScreenAction::open(InvitePopup::new(selected.as_ref())),
            (Action::OpenMember, Some(member)) => ScreenAction::open(MemberDetailsPopup::new(member)),
            (Action::ChangeRole, Some(member)) => ScreenAction::open(ChangeRolePopup::new(member)),
            (Action::RemoveMember, Some(member)) => {
                ScreenAction::open(RemoveMemberPopup::new(context, member))
            }
            (Action::EndSessions, Some(member)) => ScreenAction::open(EndSessionsPopup::new(member)),
            _ => ScreenAction::Unhandled,
        }
    }
}
