//! The table of key bindings, and the contexts in which they hold. To add an action, add a row: the handler is found by a test.

/// Part of the UI in which a key binding applies.
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
    /// On the Personal and Workspace tabs.
    Keys,
    /// On the Review tab.
    Review,
    /// On the Rotations tab.
    Rotations,
    /// On the Rotations tab and in the popup of a rotation.
    Rotation,
    /// On the Members tab.
    Members,
    /// On the Activity tab.
    Activity,
    /// In a text field.
    Text,
    /// In a list that is filtered by typing.
    List,
    /// In any popup without a text field.
    Popup,
    /// In a popup that asks for confirmation.
    Confirm,
    /// In the popup that shows a new secret until the user has saved it.
    Reveal,
}

impl KeyContext {
    /// Returns the heading of this context in the help and the README.
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

    /// Returns whether both contexts can apply at the same time, so that a key press must not be bound in both.
    pub fn overlaps(self, other: Self) -> bool {
        self == other || STACKS.iter().any(|stack| stack.contains(&self) && stack.contains(&other))
    }
}

/// All combinations of contexts that apply at the same time.
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

/// The key contexts that apply in each part of the UI, innermost first.
pub mod stack {
    use super::KeyContext::{
        self, Activity, Always, Confirm, Global, Key, Keys, List, Members, Popup, Reveal, Review, Rotation,
        Rotations, Table, Text, Untyped,
    };

    /// Key contexts that apply on the Personal and Workspace tabs.
    pub const KEYS: &[KeyContext] = &[Keys, Key, Table, Global, Untyped, Always];
    /// Key contexts that apply on the Review tab, outside text fields.
    pub const REVIEW: &[KeyContext] = &[Review, Key, Table, Global, Untyped, Always];
    /// Key contexts that apply on the Rotations tab, outside text fields.
    pub const ROTATIONS: &[KeyContext] = &[Rotations, Rotation, Table, Global, Untyped, Always];
    /// Key contexts that apply in the popup of a rotation.
    pub const ROTATION_POPUP: &[KeyContext] = &[Rotation, Popup, Untyped, Always];
    /// Key contexts that apply on the Members tab, outside text fields.
    pub const MEMBERS: &[KeyContext] = &[Members, Table, Global, Untyped, Always];
    /// Key contexts that apply on the Activity tab, outside text fields.
    pub const ACTIVITY: &[KeyContext] = &[Activity, Table, Global, Untyped, Always];
    /// Key contexts that apply while a text field has the focus.
    pub const TEXT: &[KeyContext] = &[Text, Always];
    /// Key contexts that apply in a list that is filtered by typing.
    pub const LIST: &[KeyContext] = &[List, Text, Always];
    /// Key contexts that apply in a popup that asks for confirmation.
    pub const CONFIRM: &[KeyContext] = &[Confirm, Popup, Untyped, Always];
    /// Key contexts that apply in a popup without a text field, confirmation or secret.
    pub const POPUP: &[KeyContext] = &[Popup, Untyped, Always];
    /// Key contexts that apply in the popup that shows a new secret.
    pub const REVEAL: &[KeyContext] = &[Reveal, Popup, Untyped, Always];
}

/// An action with its default key presses and its descriptions.
#[derive(Clone, Copy, Debug)]
pub struct Binding {
    /// Context in which the binding applies.
    pub context: KeyContext,
    /// Action that the key presses run.
    pub action: Action,
    /// Name of the action in the configuration file.
    pub name: &'static str,
    /// The default key presses.
    pub keys: &'static [&'static str],
    /// Description in the help, the palette and the README.
    pub help: &'static str,
    /// Short description in the footer; empty if the footer does not show the binding.
    pub hint: &'static str,
}

macro_rules! bindings {
    ($($context:ident { $($action:ident $name:literal [$($key:literal),*] $help:literal $hint:literal;)+ })+) => {
        /// An action that a key press or the palette can run.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Action {
            $($(#[doc = $help] $action,)+)+
        }

        /// All key bindings. The footer shows its hints in this order, innermost context first, with the hint for the help last.
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
        Revoke "revoke" ["x"] "revoke, after confirmation" "revoke";
        ShowRevoked "show-revoked" ["."] "show or hide revoked keys" "";
    }
    Review {
        Keep "keep" ["K"] "keep, with a note and optionally until a date" "keep";
        MarkRevoke "mark-revoke" ["x"] "mark to revoke; takes effect when applied" "revoke";
        Skip "skip" ["S"] "decide later" "skip";
        Undo "undo" ["u"] "undo the last decision" "undo";
        Apply "apply" ["A"] "preview and apply the decisions" "apply";
        Export "export" ["E"] "export applied decisions for an auditor" "";
    }
    Key {
        Open "open" ["enter"] "open or close the details" "details";
        Rotate "rotate" ["R"] "rotate: replace the key without an outage" "rotate";
        Edit "edit" ["e"] "edit the name and note" "";
        Copy "copy" ["y"] "copy the id, name, masked secret or JSON" "copy";
        Command "command" ["c"] "show the equivalent commands" "";
        ShorterChart "shorter-chart" ["<"] "chart a shorter time range" "";
        LongerChart "longer-chart" [">"] "chart a longer time range" "";
    }
    Rotations {
        OpenRotation "open-rotation" ["enter"] "open the next step of the rotation" "open";
    }
    Rotation {
        FinishRotation "finish-rotation" ["x"] "revoke the old key, after confirmation" "finish";
        ReplaceReplacement "replace-replacement" ["R"] "replace the replacement, or start again" "";
        CancelRotation "cancel-rotation" ["C"] "revoke the replacement and keep the old key" "cancel";
        LeakedKey "leaked-key" ["L"] "the old key leaked: replace and revoke it now" "";
    }
    Activity {
        OpenActivity "open-activity" ["enter"] "go to the key" "to the key";
    }
    Members {
        OpenMember "open-member" ["enter"] "open or close the details" "details";
        Invite "invite" ["i"] "invite someone, or create a sign-in code" "invite";
        ChangeRole "change-role" ["e"] "change the role" "role";
        RemoveMember "remove-member" ["x"] "remove, after confirmation" "remove";
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
        Mark "mark" ["space"] "mark or unmark the row" "";
        MarkAll "mark-all" ["a"] "mark or unmark all shown rows" "";
        Refresh "refresh" ["r"] "refresh" "";
    }
    Global {
        Help "help" ["?", "f1"] "help" "help";
        Palette "palette" [":", "ctrl-p"] "all commands by name" "commands";
        Quit "quit" ["q"] "go back; quit if there is nothing to go back to" "quit";
        Tab1 "tab-1" ["1"] "Personal" "";
        Tab2 "tab-2" ["2"] "Workspace" "";
        Tab3 "tab-3" ["3"] "Review" "";
        Tab4 "tab-4" ["4"] "Rotations" "";
        Tab5 "tab-5" ["5"] "Members" "";
        Tab6 "tab-6" ["6"] "Activity" "";
        PreviousTab "previous-tab" ["["] "previous tab" "";
        NextTab "next-tab" ["]"] "next tab" "";
        Times "times" ["t"] "switch between relative and exact times" "";
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
        CopySecret "copy-secret" ["y"] "copy the secret through the terminal" "copy";
        WriteSecret "write-secret" ["w"] "write the secret to a new file (mode 0600)" "to a file";
        PipeSecret "pipe-secret" ["p"] "pipe the secret into a command" "into a command";
        Stored "stored" ["s"] "I have stored it" "I have stored it";
        RetryRevoke "retry-revoke" ["x"] "retry revoking the leaked key" "";
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
        Cancel "cancel" ["esc"] "go back one step; never quits" "back";
        NextField "next-field" ["tab"] "move the focus forward" "";
        PreviousField "previous-field" ["backtab"] "move the focus back" "";
        Interrupt "interrupt" ["ctrl-c"] "cancel; press twice to quit" "";
    }
}
