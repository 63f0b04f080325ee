//! The table of key bindings, and the contexts in which they hold. To add an action, add a row: the handler is found by a test.

/// Context in which a key binding holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyContext {
    /// Everywhere, including text fields and popups.
    Always,
    /// Outside text fields, including popups.
    Untyped,
    /// On every tab, outside text fields and popups.
    Global,
    /// In the table of any tab.
    Table,
    /// In a table of API keys.
    Key,
    /// On the tabs Personal and Workspace.
    Keys,
    /// On the tab Review.
    Review,
    /// On the tab Rotations.
    Rotations,
    /// On the tab Rotations and in the popup of a rotation.
    Rotation,
    /// On the tab Members.
    Members,
    /// On the tab Activity.
    Activity,
    /// In a text field.
    Text,
    /// In a list that is filtered by typing.
    List,
    /// In any popup without a text field.
    Popup,
    /// In a popup that asks for a confirmation.
    Confirm,
    /// In a popup with a secret to be saved.
    Reveal,
}

impl KeyContext {
    /// Heading in the help and the README.
    pub fn title(self) -> &'static str {
        match self {
            Self::Always => "everywhere",
            Self::Untyped => "outside text fields",
            Self::Global => "on every tab",
            Self::Table => "on a table",
            Self::Key => "on a key",
            Self::Keys => "Personal, Workspace",
            Self::Review => "Review",
            Self::Rotations => "Rotations",
            Self::Rotation => "on a rotation",
            Self::Members => "Members",
            Self::Activity => "Activity",
            Self::Text => "in a text field",
            Self::List => "in a list",
            Self::Popup => "in a popup",
            Self::Confirm => "asked to confirm",
            Self::Reveal => "saving a new key",
        }
    }

    /// Returns whether both contexts can hold at the same time, so that a key press must not be bound in both.
    pub fn overlaps(self, other: Self) -> bool {
        self == other || STACKS.iter().any(|stack| stack.contains(&self) && stack.contains(&other))
    }
}

/// Contexts that hold together.
const STACKS: [&[KeyContext]; 10] = [
    stack::KEYS,
    stack::REVIEW,
    stack::ROTATIONS,
    stack::ROTATION_POPUP,
    stack::MEMBERS,
    stack::ACTIVITY,
    stack::TEXT,
    stack::LIST,
    stack::CONFIRM,
    stack::REVEAL,
];

/// The contexts that hold in each place, innermost first.
pub mod stack {
    use super::KeyContext::{
        self, Activity, Always, Confirm, Global, Key, Keys, List, Members, Popup, Reveal, Review, Rotation,
        Rotations, Table, Text, Untyped,
    };

    /// The tabs Personal and Workspace.
    pub const KEYS: &[KeyContext] = &[Keys, Key, Table, Global, Untyped, Always];
    /// The tab Review, outside text fields.
    pub const REVIEW: &[KeyContext] = &[Review, Key, Table, Global, Untyped, Always];
    /// The tab Rotations, outside text fields.
    pub const ROTATIONS: &[KeyContext] = &[Rotations, Rotation, Table, Global, Untyped, Always];
    /// The popup of a rotation.
    pub const ROTATION_POPUP: &[KeyContext] = &[Rotation, Popup, Untyped, Always];
    /// The tab Members, outside text fields.
    pub const MEMBERS: &[KeyContext] = &[Members, Table, Global, Untyped, Always];
    /// The tab Activity, outside text fields.
    pub const ACTIVITY: &[KeyContext] = &[Activity, Table, Global, Untyped, Always];
    /// A text field on a tab or in a popup.
    pub const TEXT: &[KeyContext] = &[Text, Always];
    /// A list that is filtered by typing.
    pub const LIST: &[KeyContext] = &[List, Text, Always];
    /// A popup that asks for a confirmation.
    pub const CONFIRM: &[KeyContext] = &[Confirm, Popup, Untyped, Always];
    /// A popup without text field, confirmation or secret.
    pub const POPUP: &[KeyContext] = &[Popup, Untyped, Always];
    /// A popup with a secret to be saved.
    pub const REVEAL: &[KeyContext] = &[Reveal, Popup, Untyped, Always];
}

/// A key binding: one row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Binding {
    /// Context in which the binding holds.
    pub context: KeyContext,
    /// The action it runs.
    pub action: Action,
    /// Name of the action in the configuration.
    pub name: &'static str,
    /// The default key presses.
    pub keys: &'static [&'static str],
    /// Description for the help, the palette and the README.
    pub help: &'static str,
    /// Short description for the footer; empty if it is not shown there.
    pub hint: &'static str,
}

macro_rules! bindings {
    ($($context:ident { $($action:ident $name:literal [$($key:literal),*] $help:literal $hint:literal;)+ })+) => {
        /// Something that a key press can do.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Action {
            $($(#[doc = $help] $action,)+)+
        }

        /// The key bindings. Hints in the footer follow this order, innermost context first, with that of the help last.
        pub const TABLE: &[Binding] = &[
            $($(Binding {
                context: KeyContext::$context,
                action: Action::$action,
                name: $name,
                keys: &[$($key),*],
                help: $help,
                hint: $hint,
            },)+)+
        ];
    };
}

bindings! {
    Keys {
        New "new" ["n"] "new key" "new";
        Revoke "revoke" ["x"] "revoke, after a confirmation" "revoke";
        ShowRevoked "show-revoked" ["."] "show revoked keys, or hide them" "";
    }
    Review {
        Keep "keep" ["K"] "keep, until a date, with a note" "keep";
        MarkRevoke "mark-revoke" ["x"] "mark to be revoked; nothing happens before apply" "revoke";
        Skip "skip" ["S"] "decide later" "skip";
        Undo "undo" ["u"] "undo the last decision" "undo";
        Apply "apply" ["A"] "preview and apply the decisions" "apply";
        Export "export" ["E"] "export applied decisions for an auditor" "";
    }
    Key {
        Open "open" ["enter"] "details, and close them" "details";
        Rotate "rotate" ["R"] "rotate: replace it without cutting anyone off" "rotate";
        Edit "edit" ["e"] "edit name and note" "";
        Copy "copy" ["y"] "copy its id, name, mask, or the row as JSON" "copy";
        Command "command" ["c"] "the equivalent command" "";
        ShorterChart "shorter-chart" ["<"] "chart over a shorter time" "";
        LongerChart "longer-chart" [">"] "chart over a longer time" "";
    }
    Rotations {
        OpenRotation "open-rotation" ["enter"] "the rotation's next step" "open";
    }
    Rotation {
        FinishRotation "finish-rotation" ["x"] "revoke the old key, after a confirmation" "finish";
        ReplaceReplacement "replace-replacement" ["R"] "replace the replacement, or start again" "";
        CancelRotation "cancel-rotation" ["C"] "revoke the replacement and keep the old key" "cancel";
        LeakedKey "leaked-key" ["L"] "the old key leaked: replace it and revoke it now" "";
    }
    Activity {
        OpenActivity "open-activity" ["enter"] "go to the key" "to the key";
    }
    Members {
        OpenMember "open-member" ["enter"] "details, and close them" "details";
        Invite "invite" ["i"] "invite someone, or make a sign-in code" "invite";
        ChangeRole "change-role" ["e"] "change the role" "role";
        RemoveMember "remove-member" ["x"] "remove, after a confirmation" "remove";
        EndSessions "end-sessions" ["E"] "end all sessions of the member" "";
    }
    Table {
        Filter "filter" ["/"] "filter as you type" "filter";
        Sort "sort" ["s"] "sort menu" "sort";
        Down "down" ["j", "down"] "down" "";
        Up "up" ["k", "up"] "up" "";
        Top "top" ["g g", "home"] "first row" "";
        Bottom "bottom" ["G", "end"] "last row" "";
        PageDown "page-down" ["pagedown", "ctrl-f"] "a page down" "";
        PageUp "page-up" ["pageup", "ctrl-b"] "a page up" "";
        HalfDown "half-down" ["ctrl-d"] "half a page down" "";
        HalfUp "half-up" ["ctrl-u"] "half a page up" "";
        Mark "mark" ["space"] "mark, or unmark" "";
        MarkAll "mark-all" ["a"] "mark all shown, or unmark them" "";
        Refresh "refresh" ["r"] "refresh" "";
    }
    Global {
        Help "help" ["?", "f1"] "help" "help";
        Palette "palette" [":", "ctrl-p"] "all commands, by name" "commands";
        Quit "quit" ["q"] "back; quits at the top" "quit";
        Tab1 "tab-1" ["1"] "Personal" "";
        Tab2 "tab-2" ["2"] "Workspace" "";
        Tab3 "tab-3" ["3"] "Review" "";
        Tab4 "tab-4" ["4"] "Rotations" "";
        Tab5 "tab-5" ["5"] "Members" "";
        Tab6 "tab-6" ["6"] "Activity" "";
        PreviousTab "previous-tab" ["["] "previous tab" "";
        NextTab "next-tab" ["]"] "next tab" "";
        Times "times" ["t"] "relative or exact times" "";
        Messages "messages" [] "earlier messages" "";
        SignIn "sign-in" [] "sign in again with a code" "";
    }
    Untyped {
        Suspend "suspend" ["ctrl-z"] "suspend" "";
    }
    Confirm {
        Yes "yes" ["y"] "yes, do it" "yes";
    }
    Reveal {
        Unmask "unmask" ["v"] "show the secret for 20 seconds, or hide it" "show";
        CopySecret "copy-secret" ["y"] "copy the secret by way of the terminal" "copy";
        WriteSecret "write-secret" ["w"] "write the secret to a new file, 0600" "to a file";
        PipeSecret "pipe-secret" ["p"] "pipe the secret into a command" "into a command";
        Stored "stored" ["s"] "I have stored it" "I have stored it";
        RetryRevoke "retry-revoke" ["x"] "try again to revoke the leaked key that the new one replaces" "";
    }
    Popup {
        ClosePopup "close-popup" ["q"] "close the popup" "";
        Activate "activate" ["enter"] "press the focused button" "choose";
        ScrollDown "scroll-down" ["j", "down"] "scroll down" "";
        ScrollUp "scroll-up" ["k", "up"] "scroll up" "";
    }
    List {
        ListDown "list-down" ["down", "ctrl-n"] "next" "";
        ListUp "list-up" ["up", "ctrl-p"] "previous" "";
        ListPageDown "list-page-down" ["pagedown"] "a page down" "";
        ListPageUp "list-page-up" ["pageup"] "a page up" "";
    }
    Text {
        Submit "submit" ["enter"] "accept" "accept";
    }
    Always {
        Cancel "cancel" ["esc"] "back, one step; never quits" "back";
        NextField "next-field" ["tab"] "move the focus on" "";
        PreviousField "previous-field" ["backtab"] "move the focus back" "";
        Interrupt "interrupt" ["ctrl-c"] "cancel; twice quits" "";
    }
}
