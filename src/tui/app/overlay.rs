//! What may lie over the body, one at most.

use crate::tui::popup::Popup;
use crate::tui::screens::{
    create, edit, help, members, menu, messages, palette, replace_leaked, review, revoke, revoke_many,
    rotate, save_secret, sign_in, unfinished_creates,
};

/// Each popup as a variant, and all of them as a [`Popup`].
macro_rules! overlays {
    ($($(#[$doc:meta])* $name:ident($state:ty)),+ $(,)?) => {
        /// What lies over the body.
        #[derive(Debug)]
        pub enum Overlay {
            $($(#[$doc])* $name($state)),+
        }

        impl Overlay {
            /// What it has in common with the others.
            pub fn popup(&self) -> &dyn Popup {
                match self { $(Self::$name(state) => state),+ }
            }

            /// The same, to be changed.
            pub fn popup_mut(&mut self) -> &mut dyn Popup {
                match self { $(Self::$name(state) => state),+ }
            }
        }
    };
}

overlays! {
    /// A new key.
    Create(create::CreatePopup),
    /// A secret to be stored.
    Reveal(save_secret::SaveSecretPopup),
    /// A key to be revoked.
    Revoke(revoke::RevokePopup),
    /// A key that leaked, to be replaced and revoked.
    Leak(replace_leaked::ReplaceLeakedPopup),
    /// The marked keys to be revoked.
    RevokeMany(revoke_many::RevokeManyPopup),
    /// A key's name and note.
    Edit(edit::EditPopup),
    /// A few choices.
    Menu(menu::MenuPopup),
    /// All commands.
    Palette(palette::PalettePopup),
    /// The help.
    Help(help::HelpPopup),
    /// Earlier messages.
    Messages(messages::MessagesPopup),
    /// Unfinished creates.
    UnfinishedCreate(unfinished_creates::UnfinishedCreatesPopup),
    /// A code to sign in again.
    SignIn(sign_in::SignInPopup),
    /// Keeps keys in the review.
    Keep(review::KeepPopup),
    /// Applies the review's decisions.
    Apply(review::ApplyPopup),
    /// Writes applied decisions to a file.
    Export(review::ExportPopup),
    /// What hangs on a member.
    MemberDetails(members::Details),
    /// Invites someone, or makes a sign-in code.
    Invite(members::InvitePopup),
    /// Changes a role.
    ChangeRole(members::ChangeRolePopup),
    /// Removes a member.
    RemoveMember(members::RemoveMemberPopup),
    /// Ends a member's sessions.
    EndSessions(members::EndSessionsPopup),
    /// The wizard of a rotation.
    Rotate(rotate::RotatePopup),
}
