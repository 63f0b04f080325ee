//! The model of the whole UI, and the root of its update: a message comes in, effects go out.

use crokey::KeyCombination;
use crokey::crossterm::event::{KeyCode, KeyModifiers};

use super::keymap::{Action, Context, Meaning, stack};
use super::msg::{Ask, Effect, Failure, Moment, Msg, Reply, Ticket};
use super::shared::{Link, Owner, Shared, Start};

/// How long a second Ctrl-C counts as the second one, in milliseconds.
const TWICE_MS: u64 = 2_000;

/// A screen that fills the body. A tab exists when its screen does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Tab {
    /// One's own keys.
    Personal,
    /// The organization's keys.
    Workspace,
}

impl Tab {
    /// All tabs, in their order.
    pub const ALL: &[Self] = &[Self::Personal, Self::Workspace];

    /// The title.
    pub fn title(self) -> &'static str {
        match self {
            Self::Personal => "Personal",
            Self::Workspace => "Workspace",
        }
    }

    /// The digit that opens it.
    pub fn digit(self) -> usize {
        Self::ALL.iter().position(|&t| t == self).map_or(0, |at| at + 1)
    }
}

/// What lies over the body; one at most.
#[derive(Debug)]
pub enum Overlay {}

/// Everything the UI knows.
#[derive(Debug)]
pub struct Model {
    /// What all screens share.
    pub shared: Shared,
    /// The open tab.
    pub tab: Tab,
    /// What lies over it.
    pub overlay: Option<Overlay>,
    /// Whether secrets are hidden because the terminal is about to be given back.
    pub concealed: bool,
    half: Option<KeyCombination>,
    interrupted: Option<Moment>,
}

impl Model {
    /// The model at the start, and what to do first.
    pub fn new(start: Start) -> (Self, Vec<Effect>) {
        let mut model = Self {
            shared: Shared::new(start),
            tab: Tab::Personal,
            overlay: None,
            concealed: false,
            half: None,
            interrupted: None,
        };
        model.shared.ask(Owner::Me, Ask::Me);
        let effects = model.take_effects();
        (model, effects)
    }

    fn take_effects(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.shared.effects)
    }

    /// When a [`Msg::Tick`] is wanted next, if nothing else happens before.
    pub fn wake_at(&self) -> Option<Moment> {
        self.shared.notices.goes_at()
    }

    /// Takes what happened, and says what to do.
    pub fn update(&mut self, msg: Msg) -> Vec<Effect> {
        match msg {
            Msg::Tick { now } => {
                self.shared.now = now.max(self.shared.now);
                self.shared.notices.tick(now);
            }
            Msg::Resize { columns, rows } => self.shared.size = (columns, rows),
            Msg::Key(key) => self.press(key),
            Msg::Paste(_) | Msg::Shown => {}
            Msg::Conceal => self.concealed = true,
            Msg::Reply { ticket, result } => self.reply(ticket, result),
        }
        self.take_effects()
    }

    /// The contexts of the keyboard, the nearest first.
    pub fn contexts(&self) -> &'static [Context] {
        match self.tab {
            Tab::Personal | Tab::Workspace => stack::KEYS,
        }
    }

    fn press(&mut self, key: KeyCombination) {
        self.concealed = false;
        self.shared.notices.pressed();
        let half = self.half.take();
        match self.shared.start.keymap.meaning(self.contexts(), half, key) {
            Meaning::Action(action) => self.act(action),
            Meaning::Half => self.half = Some(key),
            // Alt and a key is what a terminal sends for Esc followed by that key.
            Meaning::Nothing if key.modifiers.contains(KeyModifiers::ALT) => {
                self.press(KeyCode::Esc.into());
                self.press(KeyCombination { modifiers: key.modifiers - KeyModifiers::ALT, ..key });
            }
            Meaning::Nothing => {}
        }
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Quit => self.shared.effects.push(Effect::Quit),
            Action::Suspend => self.shared.effects.push(Effect::Suspend),
            Action::Interrupt => self.interrupt(),
            Action::Tab1 => self.open(1),
            Action::Tab2 => self.open(2),
            Action::Times => self.shared.exact_times = !self.shared.exact_times,
            _ => {}
        }
    }

    fn open(&mut self, digit: usize) {
        if let Some(&tab) = Tab::ALL.get(digit - 1) {
            self.tab = tab;
        }
    }

    fn interrupt(&mut self) {
        let now = self.shared.now;
        match self.interrupted.replace(now) {
            Some(before) if now.since(before) < TWICE_MS => self.shared.effects.push(Effect::Quit),
            _ => self.shared.notices.info(now, "Ctrl-C once more quits"),
        }
    }

    fn reply(&mut self, ticket: Ticket, result: Result<Reply, Failure>) {
        let Some(owner) = self.shared.owner(ticket) else { return };
        match (owner, result) {
            (Owner::Me, Ok(Reply::Me(me))) => {
                self.shared.answered(ticket);
                self.shared.heard_time(me.as_of);
                self.shared.link = Link::Live;
                self.shared.me = Some(*me);
            }
            (_, Err(failure)) => {
                self.shared.answered(ticket);
                self.shared.failed(&failure);
            }
            _ => {}
        }
    }
}
