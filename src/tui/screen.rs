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

/// What the model does after a screen was given an action.
#[derive(Debug)]
pub enum ScreenAction {
    /// The action is not one of the screen.
    Unhandled,
    /// The screen did what there was to do.
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

/// How much of the window a screen has.
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
    /// The contexts in which key presses are looked up, innermost first, unless a filter is typed.
    fn key_contexts(&self) -> &'static [KeyContext];

    /// The table of the screen.
    fn table(&self) -> &dyn AnyFilteredTable;

    /// The table of the screen, to be changed; [`Self::refilter`] follows a change of its filter.
    fn table_mut(&mut self) -> &mut dyn AnyFilteredTable;

    /// Filters the rows again, after the filter or the marks changed.
    fn refilter(&mut self, context: &Context);

    /// Called when the tab is opened: loads what was never loaded.
    fn open(&mut self, context: &mut Context);

    /// Loads again what could not be loaded.
    fn reload(&mut self, context: &mut Context);

    /// Checks whether an action of the screen's key contexts would do something now. The footer, the help, the palette and the
    /// dispatch of key presses all follow this answer.
    ///
    /// # Errors
    /// A sentence that says why not.
    fn check_available(&self, context: &Context, action: Action) -> Result<(), String>;

    /// Runs an available action.
    fn run_action(&mut self, context: &mut Context, action: Action) -> ScreenAction;

    /// Undoes one step of narrowing down: the filter, then the marks. Returns false if there is none.
    fn go_back(&mut self, context: &Context) -> bool;

    /// Follows the size of the window and the selection.
    fn update_layout(&mut self, context: &mut Context, viewport: Viewport);

    /// Draws the screen into the body.
    fn draw(&self, context: &Context, pane: &DetailPane, body: Rect, buf: &mut Buffer) -> FrameInfo;

    /// Returns whether replies for this recipient go to [`Self::apply_reply`].
    fn awaits(&self, reply_to: ReplyTo) -> bool;

    /// Applies a reply.
    fn apply_reply(&mut self, context: &mut Context, reply_to: ReplyTo, result: Result<Reply, RequestError>);

    /// Follows changes of the keys of a kind.
    fn keys_changed(&mut self, _context: &mut Context, _kind: KeyKind, _changes: &Changes) {}

    /// Sorts by the column of this index; reverses the order if the table is sorted by it.
    fn sort_by(&mut self, _context: &Context, _column: usize) {}

    /// Returns the popup that opens by itself. `is_free`: the tab is open, no popup is, and no filter is typed.
    fn next_popup(&mut self, _context: &mut Context, _is_free: bool) -> Option<Box<dyn Popup>> {
        None
    }

    /// The selected key, if the rows are keys.
    fn selected_key<'a>(&self, _context: &'a Context) -> Option<&'a Key> {
        None
    }
}
