//! The model of the whole UI, and the root of its update: a message comes in, effects go out.

use crokey::KeyCombination;
use crokey::crossterm::event::{KeyCode, KeyModifiers};

use super::fleet::Changes;
use super::keymap::{Action, Context, Meaning, stack};
use super::msg::{Ask, Effect, Failure, Moment, Msg, Reply, Ticket};
use super::popup::{Cx, Popup, Then};
use super::screens::{activity, detail, keys, members, review, rotations, sign_in};
use super::search::Typing as _;
use super::shared::{Link, Owner, Shared, Start};
use super::view;
use crate::domain::key::{Key, Kind};
use crate::domain::member::Permission;

mod available;
mod open;
mod overlay;
mod tabs;

pub use overlay::Overlay;
pub use tabs::Place;

/// How long a second Ctrl-C counts as the second one, in milliseconds.
const TWICE_MS: u64 = 2_000;
/// Between two frames of a spinner, in milliseconds.
const SPIN_MS: u64 = 250;

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
        Self::ALL.iter().position(|&t| t == self).map_or(0, |at| at + 1)
    }

    /// What it takes to see it.
    pub fn permission(self) -> Permission {
        match self {
            Self::Personal | Self::Rotations => Permission::ListKeys(Kind::Personal),
            Self::Workspace => Permission::ListKeys(Kind::Organization),
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
    pub fn of(&self, kind: Kind) -> &keys::State {
        match kind {
            Kind::Personal => &self.personal,
            Kind::Organization => &self.workspace,
        }
    }

    /// A key as it is now, after it was changed here.
    pub fn heard_key(&mut self, shared: &Shared, key: Key) {
        let kind = key.kind;
        let changes = self.of_mut(kind).heard_key(shared, key);
        self.changed(shared, kind, &changes);
    }

    /// Keys of a kind changed: the review and the rotations follow.
    pub fn changed(&mut self, shared: &Shared, kind: Kind, changes: &Changes) {
        self.rotations.outdated |= !changes.added.is_empty() || !changes.changed.is_empty();
        if kind == Kind::Organization {
            let judge = self.workspace.judge(shared);
            self.review.keys_changed(&self.workspace.fleet, changes, judge);
        }
    }

    /// The table of a kind, to be changed.
    pub fn of_mut(&mut self, kind: Kind) -> &mut keys::State {
        match kind {
            Kind::Personal => &mut self.personal,
            Kind::Organization => &mut self.workspace,
        }
    }
}

/// Everything the UI knows.
#[derive(Debug)]
pub struct Model {
    /// What all screens share.
    pub shared: Shared,
    /// The tables of keys.
    pub tables: Tables,
    /// The open tab.
    pub tab: Tab,
    /// What lies over it; one at most.
    pub overlay: Option<Overlay>,
    /// The first of two keys that was pressed.
    pub half: Option<KeyCombination>,
    interrupted: Option<Moment>,
    /// When it is asked again who is signed in, while no answer came yet.
    again: Option<Moment>,
}

impl Model {
    /// The model at the start, and what to do first.
    pub fn new(start: Start) -> (Self, Vec<Effect>) {
        let review = review::State::new(&start);
        let mut model = Self {
            shared: Shared::new(start),
            tables: Tables {
                review,
                rotations: rotations::State::default(),
                members: members::State::default(),
                activity: activity::State::default(),
                personal: keys::State::new(Kind::Personal),
                workspace: keys::State::new(Kind::Organization),
                detail: detail::State::default(),
            },
            tab: Tab::Personal,
            overlay: None,
            half: None,
            interrupted: None,
            again: None,
        };
        model.shared.ask(Owner::Me, Ask::Me);
        model.settle();
        let effects = model.take_effects();
        (model, effects)
    }

    fn take_effects(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.shared.effects)
    }

    /// The kind of keys that the open tab shows, if it shows any.
    pub fn kind(&self) -> Option<Kind> {
        match self.tab {
            Tab::Personal => Some(Kind::Personal),
            Tab::Workspace => Some(Kind::Organization),
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
            Tab::Review => self.tables.review.selected(&self.tables.workspace.fleet),
            _ => self.table().and_then(keys::State::selected),
        }
    }

    /// When a [`Msg::Tick`] is wanted next, if nothing else happens before.
    pub fn wake_at(&self) -> Option<Moment> {
        [
            self.shared.notices.goes_at(),
            self.tables.personal.wake_at(),
            self.tables.workspace.wake_at(),
            self.tables.detail.wake_at(),
            self.overlay.as_ref().and_then(|overlay| overlay.popup().wake_at()),
            self.again,
            self.spins_at(),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// When the spinner turns next.
    fn spins_at(&self) -> Option<Moment> {
        let waits =
            self.overlay.is_some() && self.shared.waits(Owner::Overlay) || self.shared.waits(Owner::Create);
        let connecting = self.shared.me.is_none() && self.shared.link == Link::Connecting;
        (waits || connecting || self.table().is_some_and(keys::State::loads))
            .then(|| Moment((self.shared.now.0 / SPIN_MS + 1) * SPIN_MS))
    }

    /// Takes what happened, and says what to do.
    pub fn update(&mut self, msg: Msg) -> Vec<Effect> {
        match msg {
            Msg::Tick { now } => self.tick(now),
            Msg::Resize { columns, rows } => self.shared.size = (columns, rows),
            Msg::Key(key) => self.press(key),
            Msg::Paste(text) => self.paste(&text),
            Msg::Shown => {
                if let Some(overlay) = &mut self.overlay {
                    overlay.popup_mut().shown();
                }
                return Vec::new();
            }
            Msg::Conceal => {
                if let Some(overlay) = &mut self.overlay {
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
        let body = view::body(self.shared.size);
        let pane = self.tables.detail.open;
        for kind in [Kind::Personal, Kind::Organization] {
            let state = self.tables.of_mut(kind);
            let places = keys::places(body, pane && state.selected().is_some());
            let rows = if places.table.height == 0 { body.height } else { places.table.height };
            state.table.settle(usize::from(rows.saturating_sub(1)));
            let open = self.tab == if kind == Kind::Personal { Tab::Personal } else { Tab::Workspace };
            state.follow(&mut self.shared, if open { places.table.width } else { 0 });
        }
        self.settle_tab(body);
        let Tables { personal, workspace, detail, review, .. } = &mut self.tables;
        let key = match self.tab {
            Tab::Personal => personal.selected(),
            Tab::Workspace => workspace.selected(),
            Tab::Review => review.selected(&workspace.fleet),
            Tab::Rotations | Tab::Members | Tab::Activity => None,
        };
        detail.follow(&mut self.shared, key);
    }

    fn tick(&mut self, now: Moment) {
        self.shared.now = now.max(self.shared.now);
        self.shared.notices.tick(now);
        if self.again.take_if(|at| now >= *at).is_some() {
            self.shared.ask(Owner::Me, Ask::Me);
        }
        self.tables.personal.tick(&mut self.shared);
        self.tables.workspace.tick(&mut self.shared);
        self.tables.detail.tick(&mut self.shared);
        self.with_popup(|popup, cx| popup.tick(cx));
    }

    /// The contexts of the keyboard, the nearest first.
    pub fn contexts(&self) -> &'static [Context] {
        if let Some(overlay) = &self.overlay {
            return overlay.popup().contexts();
        }
        match self.table() {
            Some(table) if table.search.typing => stack::TEXT,
            _ => self.tab_contexts(),
        }
    }

    fn press(&mut self, key: KeyCombination) {
        self.shared.notices.pressed();
        let half = self.half.take();
        match self.shared.start.keymap.meaning(self.contexts(), half, key) {
            Meaning::Action(action) => self.act(action),
            Meaning::Half => self.half = Some(key),
            Meaning::Nothing if self.type_key(key) => {}
            // Alt and a key is what a terminal sends for Esc followed by that key.
            Meaning::Nothing if key.modifiers.contains(KeyModifiers::ALT) => {
                self.press(KeyCode::Esc.into());
                self.press(KeyCombination { modifiers: key.modifiers - KeyModifiers::ALT, ..key });
            }
            Meaning::Nothing => {}
        }
    }

    /// Gives a key that is no action to the text field that has the focus.
    fn type_key(&mut self, key: KeyCombination) -> bool {
        if key.modifiers.contains(KeyModifiers::ALT) && !matches!(key.codes.first(), KeyCode::Backspace) {
            return false;
        }
        if self.overlay.is_some() {
            self.with_popup(|popup, cx| popup.press(cx, key));
            return true;
        }
        let Some(kind) = self.kind() else { return self.type_in_tab(key) };
        let table = self.tables.of_mut(kind);
        if !table.search.typing {
            return false;
        }
        if table.search.press(key) {
            table.refilter(&self.shared);
        }
        true
    }

    fn paste(&mut self, text: &str) {
        if let Some(overlay) = &mut self.overlay {
            overlay.popup_mut().paste(&mut Cx { shared: &mut self.shared, tables: &mut self.tables }, text);
        } else if let Some(kind) = self.kind() {
            let table = self.tables.of_mut(kind);
            if table.search.typing {
                table.search.paste(text);
                table.refilter(&self.shared);
            }
        } else {
            self.paste_in_tab(text);
        }
    }

    fn act(&mut self, action: Action) {
        if action == Action::Interrupt {
            self.interrupt();
        } else if action == Action::Suspend {
            self.shared.effects.push(Effect::Suspend);
        } else if self.overlay.is_some() {
            let action = if action == Action::ClosePopup { Action::Cancel } else { action };
            self.with_popup(|popup, cx| popup.act(cx, action));
        } else {
            self.act_below(action);
        }
    }

    /// Does what an action asks where no popup is open.
    fn act_below(&mut self, action: Action) {
        if let Some(kind) = self.kind() {
            let allowed = self.shared.may(Permission::ListKeys(kind)).is_ok();
            let table = self.tables.of_mut(kind);
            if table.search.typing && matches!(action, Action::Submit | Action::Cancel | Action::NextField) {
                table.search.leave(action == Action::Cancel);
                table.refilter(&self.shared);
                return;
            }
            if self.tables.detail.act(action) {
                return;
            }
            let table = self.tables.of_mut(kind);
            if allowed && table.act(&mut self.shared, action) {
                return;
            }
        } else if self.act_in_tab(action) {
            return;
        }
        match action {
            Action::Quit | Action::Cancel => self.back(action == Action::Quit),
            Action::Tab1 => self.open_tab(0),
            Action::Tab2 => self.open_tab(1),
            Action::Tab3 => self.open_tab(2),
            Action::Tab4 => self.open_tab(3),
            Action::Tab5 => self.open_tab(4),
            Action::Tab6 => self.open_tab(5),
            Action::PreviousTab => self.open_tab((self.tab.digit() + Tab::ALL.len() - 2) % Tab::ALL.len()),
            Action::NextTab => self.open_tab(self.tab.digit() % Tab::ALL.len()),
            Action::Times => self.shared.exact_times = !self.shared.exact_times,
            Action::Refresh => {
                self.shared.ask(Owner::Me, Ask::Me);
            }
            Action::Open => {
                let open = !self.tables.detail.open && self.selected().is_some();
                self.tables.detail.toggle(open);
            }
            Action::ShorterChart => self.tables.detail.show(false),
            Action::LongerChart => self.tables.detail.show(true),
            _ => self.open_overlay(action),
        }
    }

    /// Whether Esc is worth a hint: it leaves a text field or a popup.
    pub fn unwinds(&self) -> bool {
        self.overlay.is_some() || self.table().is_some_and(|table| table.search.typing) || self.types_in_tab()
    }

    /// Unwinds one step; quits where there is none and `quits`.
    fn back(&mut self, quits: bool) {
        if self.tables.detail.open {
            self.tables.detail.toggle(false);
            return;
        }
        if let Some(kind) = self.kind() {
            let table = self.tables.of_mut(kind);
            if !table.search.is_empty() {
                table.search.clear();
                table.refilter(&self.shared);
                return;
            }
            if !table.table.marks.is_empty() {
                table.table.marks.clear();
                return;
            }
        } else if self.back_in_tab() {
            return;
        }
        if quits {
            self.shared.effects.push(Effect::Quit);
        }
    }

    /// Opens a tab by its place, and loads what it shows if that never happened.
    pub fn open_tab(&mut self, at: usize) {
        let Some(&tab) = Tab::ALL.get(at) else { return };
        self.tab = tab;
        if self.shared.may(tab.permission()).is_err() {
            return;
        }
        if let Some(kind) = self.kind() {
            let table = self.tables.of_mut(kind);
            if table.fleet.load == super::fleet::Load::Nothing {
                table.load(&mut self.shared);
            }
        }
        self.opened_tab();
    }

    fn interrupt(&mut self) {
        let now = self.shared.now;
        match self.interrupted.replace(now) {
            Some(before) if now.since(before) < TWICE_MS => self.shared.effects.push(Effect::Quit),
            _ => {
                if self.overlay.is_some() {
                    self.with_popup(|popup, cx| popup.act(cx, Action::Cancel));
                } else {
                    self.act_below(Action::Cancel);
                }
                self.shared.notices.info(now, "Ctrl-C once more quits");
            }
        }
    }

    /// Lets the popup do something, and does what becomes of it.
    fn with_popup(&mut self, what: impl FnOnce(&mut dyn Popup, &mut Cx<'_>) -> Then) {
        let Some(mut overlay) = self.overlay.take() else { return };
        let then = what(overlay.popup_mut(), &mut Cx { shared: &mut self.shared, tables: &mut self.tables });
        match then {
            Then::Stay => self.overlay = Some(overlay),
            Then::Close => self.shared.forget(Owner::Overlay),
            Then::Open(next) => {
                self.shared.forget(Owner::Overlay);
                self.overlay = Some(*next);
            }
            Then::Do(action) => {
                self.shared.forget(Owner::Overlay);
                self.act(action);
            }
        }
    }

    fn reply(&mut self, ticket: Ticket, result: Result<Reply, Failure>) {
        let Some(owner) = self.shared.owner(ticket) else { return };
        let more = result.as_ref().is_ok_and(Reply::has_more);
        if !more {
            self.shared.answered(ticket);
        }
        match owner {
            Owner::Me => self.heard_me(result),
            Owner::List(kind) | Owner::Changes(kind) => match result {
                Ok(Reply::Keys(page)) => {
                    let whole = matches!(owner, Owner::List(_));
                    let changes = self.tables.of_mut(kind).heard(&mut self.shared, page, whole);
                    self.keys_changed(kind, &changes);
                }
                Ok(_) => {}
                Err(failure) => self.tables.of_mut(kind).failed(&mut self.shared, &failure),
            },
            Owner::Daily(kind) => {
                // Without it the column stays empty; the next rest asks again.
                if let Ok(Reply::DailyUse(use_of)) = result {
                    self.tables.of_mut(kind).daily.heard(use_of);
                }
            }
            Owner::Detail => self.tables.detail.heard(&mut self.shared, result),
            Owner::History | Owner::Decide(_) | Owner::Rotations | Owner::Members | Owner::Activity => {
                self.tab_heard(owner, result);
            }
            Owner::Overlay => self.with_popup(|popup, cx| popup.reply(cx, result)),
            Owner::Create => self.heard_created(result),
            Owner::Confirm => match result {
                Ok(Reply::Key(key)) => self.tables.heard_key(&self.shared, *key),
                Ok(_) => {}
                Err(failure) => self.shared.failed(&failure),
            },
            Owner::Notice => match result {
                Ok(Reply::Done(said)) => self.shared.notices.info(self.shared.now, keys::sentence(&said)),
                Ok(_) => {}
                Err(failure) => self.shared.failed(&failure),
            },
        }
    }

    fn heard_me(&mut self, result: Result<Reply, Failure>) {
        match result {
            Ok(Reply::Me(me)) => {
                let first = self.shared.me.is_none();
                self.shared.heard_time(me.as_of);
                self.shared.link = Link::Live;
                self.shared.me = Some(*me);
                if first {
                    let admin = self.shared.may(Tab::Workspace.permission()).is_ok();
                    self.open_tab(usize::from(admin));
                    self.open_pending();
                } else {
                    for kind in [Kind::Personal, Kind::Organization] {
                        if self.shared.may(Permission::ListKeys(kind)).is_ok() {
                            self.tables.of_mut(kind).refresh(&mut self.shared);
                        }
                    }
                }
            }
            Ok(_) => {}
            Err(failure) => {
                self.shared.failed(&failure);
                if failure.is_signed_out() && self.overlay.is_none() {
                    self.overlay = Some(Overlay::SignIn(sign_in::State::default()));
                } else if self.shared.me.is_none() {
                    self.again = Some(self.shared.now.plus(keys::REFRESH_MS));
                }
            }
        }
    }
}
