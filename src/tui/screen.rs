//! The trait of the screens behind the tabs. [`super::app`] lists the tabs; each is one value of a type that implements this trait.
//!
//! A screen shows lists of the [`Context`] and never another screen: what concerns others is returned as a [`ScreenAction`].

use std::fmt::Debug;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::context::{Context, ReplyTo};
use super::detail_pane::DetailPane;
use super::filtered_table::AnyFilteredTable;
use super::frame::FrameInfo;
use super::key_list::Changes;
use super::keymap::{Action, KeyContext};
use super::msg::{Reply, RequestError};
use super::popup::Popup;
use crate::domain::id::Id;
use crate::domain::key::{Key, KeyKind};

/// What the model does next, after a screen has run an action.
#[derive(Debug)]
pub enum ScreenAction {
    /// The screen does not handle this action.
    Unhandled,
    /// The screen has handled the action; there is nothing more to do.
    Done,
    /// Opens a popup.
    Open(Box<dyn Popup>),
    /// Opens the tab that lists this key, and selects it.
    ShowKey(Id),
}

impl ScreenAction {
    /// Opens `popup`.
    pub fn open(popup: impl Popup + 'static) -> Self {
        Self::Open(Box::new(popup))
    }
}

/// The part of the window that is available to a screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Viewport {
    /// Area between the tabs and the footer.
    pub body: Rect,
    /// Whether the screen's tab is open.
    pub is_open: bool,
    /// Whether the detail pane is open.
    pub has_pane: bool,
}

/// The screen of a tab.
pub trait Screen: Debug {
    /// Returns the key contexts that apply on the screen, innermost first, while no filter is being typed.
    fn key_contexts(&self) -> &'static [KeyContext];

    /// Returns the table of the screen.
    fn table(&self) -> &dyn AnyFilteredTable;

    /// Returns the table of the screen for changes. Call [`Self::refilter`] after its filter has changed.
    fn table_mut(&mut self) -> &mut dyn AnyFilteredTable;

    /// Filters the rows again after the filter or the marks have changed.
    fn refilter(&mut self, context: &Context);

    /// Called when the tab is opened. Loads the rows if they were never requested.
    fn open(&mut self, context: &mut Context);

    /// Loads the rows again after loading them failed.
    fn reload(&mut self, context: &mut Context);

    /// Checks whether an action of the screen is available. The footer, the help, the palette and the dispatch of key presses all
    /// use this check.
    ///
    /// # Errors
    /// Returns a sentence that says why the action is not available.
    fn check_available(&self, context: &Context, action: Action) -> Result<(), String>;

    /// Runs an available action.
    fn run_action(&mut self, context: &mut Context, action: Action) -> ScreenAction;

    /// Removes the filter, or the marks if there is no filter. Returns `false` if there is nothing to remove.
    fn go_back(&mut self, context: &Context) -> bool;

    /// Adapts the scroll position to the window size and the selection.
    fn update_layout(&mut self, context: &mut Context, viewport: Viewport);

    /// Draws the screen into the body.
    fn draw(&self, context: &Context, pane: &DetailPane, body: Rect, buf: &mut Buffer) -> FrameInfo;

    /// Returns whether replies for this recipient go to [`Self::apply_reply`].
    fn awaits(&self, reply_to: ReplyTo) -> bool;

    /// Applies a reply.
    fn apply_reply(&mut self, context: &mut Context, reply_to: ReplyTo, result: Result<Reply, RequestError>);

    /// Called after keys of this kind were added or changed.
    fn keys_changed(&mut self, _context: &mut Context, _kind: KeyKind, _changes: &Changes) {}

    /// Sorts by the column with this index, or reverses the order if the table is already sorted by it.
    fn sort_by(&mut self, _context: &Context, _column: usize) {}

    /// Returns a popup that opens without a key press, if there is one. `is_free` is set if the tab is open without a popup and no
    /// filter is being typed.
    fn next_popup(&mut self, _context: &mut Context, _is_free: bool) -> Option<Box<dyn Popup>> {
        None
    }

    /// Returns the selected key; `None` if no row is selected or the rows are not keys.
    fn selected_key<'a>(&self, _context: &'a Context) -> Option<&'a Key> {
        None
    }
}
