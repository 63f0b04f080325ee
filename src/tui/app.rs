//! The model of the whole UI, and the root of its update: a message comes in, effects go out.

use crokey::KeyCombination;

use super::context::{Context, ReplyTo, StartOptions};
use super::key_list::Changes;
use super::keymap::Action;
use super::msg::{ApiRequest, Effect, Msg, UiTime};
use super::screens::{activity, detail, keys, members, review, rotations};
use super::view;
use crate::domain::key::{Key, KeyKind};
use crate::domain::member::Permission;

mod available;
mod input;
mod open;
mod overlay;
mod replies;
mod tabs;
mod ticks;

pub use overlay::Overlay;
pub use tabs::TablePosition;

/// A screen that fills the body. A tab exists when its screen does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Tab {
    /// One's own keys.
    Personal,
    /// The organization's keys.
    Workspace,
    /// The organization's keys that wait for a decision.
    Review,
    /// Keys that are being replaced.
    Rotations,
    /// The organization's members.
    Members,
    /// Who did what.
    Activity,
}

impl Tab {
    /// All tabs, in their order.
    pub const ALL: &[Self] =
        &[Self::Personal, Self::Workspace, Self::Review, Self::Rotations, Self::Members, Self::Activity];

    /// The title.
    pub fn title(self) -> &'static str {
        match self {
            Self::Personal => "Personal",
            Self::Workspace => "Workspace",
            Self::Review => "Review",
            Self::Rotations => "Rotations",
            Self::Members => "Members",
            Self::Activity => "Activity",
        }
    }

    /// The digit that opens it.
    pub fn digit(self) -> usize {
        self as usize + 1
    }

    /// The tab so many places further on; the first follows the last.
    #[must_use]
    pub fn beside(self, places: usize) -> Self {
        Self::ALL[(self as usize + places) % Self::ALL.len()]
    }

    /// The tab that an action opens.
    pub fn opened_by(action: Action) -> Option<Self> {
        Some(match action {
            Action::Tab1 => Self::Personal,
            Action::Tab2 => Self::Workspace,
            Action::Tab3 => Self::Review,
            Action::Tab4 => Self::Rotations,
            Action::Tab5 => Self::Members,
            Action::Tab6 => Self::Activity,
            _ => return None,
        })
    }

    /// What it takes to see it.
    pub fn permission(self) -> Permission {
        match self {
            Self::Personal | Self::Rotations => Permission::ListKeys(KeyKind::Personal),
            Self::Workspace => Permission::ListKeys(KeyKind::Organization),
            Self::Review => Permission::Review,
            Self::Members => Permission::ManageMembers,
            Self::Activity => Permission::ReadActivity,
        }
    }
}

/// The tables of keys, and the pane that shows one of them.
#[derive(Debug)]
pub struct Tables {
    /// The member's own keys.
    pub personal: keys::State,
    /// The organization's keys.
    pub workspace: keys::State,
    /// The detail pane.
    pub detail: detail::State,
    /// The review.
    pub review: review::State,
    /// The rotations.
    pub rotations: rotations::State,
    /// The members.
    pub members: members::State,
    /// The activity log.
    pub activity: activity::State,
}

impl Tables {
    /// The table of a kind.
    pub fn of(&self, kind: KeyKind) -> &keys::State {
        match kind {
            KeyKind::Personal => &self.personal,
            KeyKind::Organization => &self.workspace,
        }
    }

    /// A key as it is now, after it was changed here.
    pub fn heard_key(&mut self, context: &Context, key: Key) {
        let kind = key.kind;
        let changes = self.of_mut(kind).heard_key(context, key);
        self.changed(context, kind, &changes);
    }

    /// Keys of a kind changed: the review and the rotations follow.
    pub fn changed(&mut self, context: &Context, kind: KeyKind, changes: &Changes) {
        self.rotations.outdated |= !changes.added.is_empty() || !changes.changed.is_empty();
        if kind == KeyKind::Organization {
            let rules = self.workspace.rules(context);
            self.review.keys_changed(&self.workspace.key_list, changes, rules);
        }
    }

    /// The table of a kind, to be changed.
    pub fn of_mut(&mut self, kind: KeyKind) -> &mut keys::State {
        match kind {
            KeyKind::Personal => &mut self.personal,
            KeyKind::Organization => &mut self.workspace,
        }
    }
}

/// Everything the UI knows.
#[derive(Debug)]
pub struct Model {
    /// What all screens share.
    pub context: Context,
    /// The tables of keys.
    pub tables: Tables,
    /// The open tab.
    pub tab: Tab,
    /// What lies over it; one at most.
    pub popup: Option<Overlay>,
    /// The first of two keys that was pressed.
    pub key_prefix: Option<KeyCombination>,
    interrupted_at: Option<UiTime>,
    /// When it is asked again who is signed in, while no answer came yet.
    retry_me_at: Option<UiTime>,
    /// When the open tab is asked for again, after it was not answered.
    retry_tab_at: Option<(Tab, UiTime)>,
}

impl Model {
    /// The model at the start, and what to do first.
    pub fn new(start: StartOptions) -> (Self, Vec<Effect>) {
        let review = review::State::new(&start);
        let mut model = Self {
            context: Context::new(start),
            tables: Tables {
                review,
                rotations: rotations::State::default(),
                members: members::State::default(),
                activity: activity::State::default(),
                personal: keys::State::new(KeyKind::Personal),
                workspace: keys::State::new(KeyKind::Organization),
                detail: detail::State::default(),
            },
            tab: Tab::Personal,
            popup: None,
            key_prefix: None,
            interrupted_at: None,
            retry_me_at: None,
            retry_tab_at: None,
        };
        model.context.request(ReplyTo::Me, ApiRequest::Me);
        model.settle();
        let effects = model.take_effects();
        (model, effects)
    }

    fn take_effects(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.context.effects)
    }

    /// The kind of keys that the open tab shows, if it shows any.
    pub fn kind(&self) -> Option<KeyKind> {
        match self.tab {
            Tab::Personal => Some(KeyKind::Personal),
            Tab::Workspace => Some(KeyKind::Organization),
            Tab::Review | Tab::Rotations | Tab::Members | Tab::Activity => None,
        }
    }

    /// The table of keys of the open tab.
    pub fn table(&self) -> Option<&keys::State> {
        self.kind().map(|kind| self.tables.of(kind))
    }

    /// The selected key of the open tab.
    pub fn selected(&self) -> Option<&Key> {
        match self.tab {
            Tab::Review => self.tables.review.selected(&self.tables.workspace.key_list),
            _ => self.table().and_then(keys::State::selected),
        }
    }

    /// Whether nobody waits to see what this message changes: news of the tables, which come unasked.
    pub fn can_wait(&self, msg: &Msg) -> bool {
        let Msg::Reply { ticket, .. } = msg else { return false };
        matches!(
            self.context.recipient(*ticket),
            Some(ReplyTo::List(_) | ReplyTo::Changes(_) | ReplyTo::Daily(_))
        )
    }

    /// Takes what happened, and says what to do.
    pub fn update(&mut self, msg: Msg) -> Vec<Effect> {
        match msg {
            Msg::Tick { now } => self.tick(now),
            Msg::Resize { columns, rows } => self.context.size = (columns, rows),
            Msg::KeyPress(key) => self.press(key),
            Msg::Paste(text) => self.paste(&text),
            Msg::FrameWritten => {
                if let Some(overlay) = &mut self.popup {
                    overlay.popup_mut().shown();
                }
                return Vec::new();
            }
            Msg::HideSecrets => {
                if let Some(overlay) = &mut self.popup {
                    overlay.popup_mut().conceal();
                }
            }
            Msg::Reply { ticket, result } => self.reply(ticket, result),
        }
        self.settle();
        self.take_effects()
    }

    /// Brings what depends on everything else in line with it.
    fn settle(&mut self) {
        let body = view::body(self.context.size);
        let pane = self.tables.detail.open;
        for kind in [KeyKind::Personal, KeyKind::Organization] {
            let state = self.tables.of_mut(kind);
            let places = keys::places(body, pane && state.selected().is_some());
            let rows = if places.table.height == 0 { body.height } else { places.table.height };
            state.table.scroll_to_selection(usize::from(rows.saturating_sub(1)));
            let open = self.tab == if kind == KeyKind::Personal { Tab::Personal } else { Tab::Workspace };
            state.follow(&mut self.context, if open { places.table.width } else { 0 });
        }
        self.settle_tab(body);
        let Tables { personal, workspace, detail, review, .. } = &mut self.tables;
        let key = match self.tab {
            Tab::Personal => personal.selected(),
            Tab::Workspace => workspace.selected(),
            Tab::Review => review.selected(&workspace.key_list),
            Tab::Rotations | Tab::Members | Tab::Activity => None,
        };
        detail.follow(&mut self.context, key);
    }
}
