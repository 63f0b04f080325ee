//! The [`Popup`] trait, and the helpers that draw a popup.
//!
//! A popup reads and changes the [`Context`]. It never reaches into a tab's screen: what a screen has to do is returned as a
//! [`PopupAction`], which the model carries out.

use std::fmt::Debug;

use crokey::KeyCombination;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Line;
use ratatui::widgets::{Block, BorderType, Clear, Padding, Widget as _};

use super::context::Context;
use super::keymap::{Action, KeyContext};
use super::msg::{Reply, RequestError, UiTime};
use super::text_layout::draw_line;
use super::theme::{StyleRole, Theme};
use crate::domain::id::Id;
use crate::domain::text;
use crate::domain::time::Timestamp;

/// What happens to a popup, and to the screen below it, after the popup handled a message.
#[derive(Debug)]
pub enum PopupAction {
    /// The popup stays open.
    Stay,
    /// The popup is closed.
    Close,
    /// The popup is replaced by another.
    Open(Box<dyn Popup>),
    /// The popup is closed and an action is run on the current tab.
    Run(Action),
    /// The popup is closed and the table of the current tab is sorted by the column with this index.
    Sort(usize),
    /// The popup stays open and the row of this key is unmarked in the current tab.
    Unmark(Id),
    /// The popup is closed and the decision to keep the selected keys of the review is drafted.
    Keep {
        /// Date on which the keys return to the review queue; `None` if they return only when another flag is raised.
        until: Option<Timestamp>,
        /// Reason for keeping the keys.
        note: Option<String>,
    },
    /// Some drafts of the review are discarded and others are applied. The popup is closed if there are none to apply.
    ApplyDrafts {
        /// Keys whose drafts are discarded.
        dropped: Vec<Id>,
        /// Keys whose drafts are applied, in this order.
        applied: Vec<Id>,
    },
    /// The popup is closed and the Review tab is opened with a filter.
    Review {
        /// Text of the filter, as a user would type it.
        filter: String,
    },
}

/// What the event loop needs to know about a popup after drawing it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PopupFrame {
    /// Column and row of the text cursor; `None` if the cursor is hidden.
    pub cursor: Option<(u16, u16)>,
    /// Scroll offset at which the last line of the popup is visible. Passed to [`Popup::clamp_scroll`] after the frame.
    pub max_scroll: usize,
}

impl From<Option<(u16, u16)>> for PopupFrame {
    fn from(cursor: Option<(u16, u16)>) -> Self {
        Self { cursor, max_scroll: 0 }
    }
}

/// Dialog that is drawn over the current tab and receives all key presses.
pub trait Popup: Debug {
    /// Returns the contexts in which a key press is looked up, innermost first.
    fn key_contexts(&self) -> &'static [KeyContext];

    /// Runs an action that a key press is bound to in one of the popup's key contexts.
    fn run_action(&mut self, context: &mut Context, action: Action) -> PopupAction;

    /// Handles a key press that is not bound to an action, such as a typed character.
    fn handle_key(&mut self, _context: &mut Context, _key: KeyCombination) -> PopupAction {
        PopupAction::Stay
    }

    /// Inserts pasted text into the focused field; ignored by popups without one.
    fn paste(&mut self, _context: &mut Context, _text: &str) {}

    /// Handles the reply to a request that the popup sent.
    fn apply_reply(&mut self, context: &mut Context, result: Result<Reply, RequestError>) -> PopupAction {
        if let Err(failure) = result {
            context.report_failure(&failure);
        }
        PopupAction::Stay
    }

    /// Called after a frame that shows the popup was written to the terminal. A popup accepts a confirmation only after this
    /// call.
    fn mark_shown(&mut self) {}

    /// Reduces the scroll offset to `max`, the value that the last frame returned as [`PopupFrame::max_scroll`].
    fn clamp_scroll(&mut self, _max: usize) {}

    /// Called when the time returned by [`Self::wake_at`] has come.
    fn tick(&mut self, _context: &mut Context) -> PopupAction {
        PopupAction::Stay
    }

    /// Returns when [`Self::tick`] must be called, or `None` if the popup does not depend on time.
    fn wake_at(&self) -> Option<UiTime> {
        None
    }

    /// Returns `true` if an action of the popup's key contexts would have an effect now. The key hints of other actions are
    /// hidden.
    fn is_available(&self, _context: &Context, _action: Action) -> bool {
        true
    }

    /// Hides secrets before the UI is suspended and the terminal shows something else.
    fn hide_secrets(&mut self) {}

    /// Returns `true` if the popup is reopened after the user signs in again, because text that the user typed would be lost.
    fn survives_sign_in(&self) -> bool {
        false
    }

    /// Returns `true` if the popup shows a rotation, in which case the rotations are refreshed while it is open.
    fn shows_rotation(&self) -> bool {
        false
    }

    /// Shows why the server did not create a key; returns `false` if the popup did not request one.
    fn show_create_failure(&mut self, _failure: &RequestError) -> bool {
        false
    }

    /// Shows whether a leaked key was revoked. `failure` is the reason if it was not. Returns `false` if the popup did not
    /// request the revocation.
    fn show_leaked_key_result(&mut self, _context: &mut Context, _id: Id, _failure: Option<String>) -> bool {
        false
    }

    /// Draws the popup on top of what `area` already shows.
    fn draw(&self, context: &Context, area: Rect, buf: &mut Buffer) -> PopupFrame;
}

/// Scroll offset of a popup or pane, in lines.
///
/// The maximum is known only when the content is drawn. Until [`Self::clamp`] is called after the frame, the offset may
/// therefore be too large; [`Self::first_line_and_max`] limits it to the last line.
#[derive(Debug, Default)]
pub struct Scroll(usize);

impl Scroll {
    /// Scrolls down by `lines`, or up if `lines` is negative.
    pub fn scroll_by(&mut self, lines: isize) {
        self.0 = self.0.saturating_add_signed(lines);
    }

    /// Scrolls to the first line.
    pub fn scroll_to_top(&mut self) {
        self.0 = 0;
    }

    /// Scrolls to the last line.
    pub fn scroll_to_bottom(&mut self) {
        self.0 = usize::MAX;
    }

    /// Reduces the offset to `max`, which the last frame returned.
    pub fn clamp(&mut self, max: usize) {
        self.0 = self.0.min(max);
    }

    /// Returns the index of the first line to draw and the maximum offset, if `rows` of a total of `lines` fit.
    pub fn first_line_and_max(&self, lines: usize, rows: usize) -> (usize, usize) {
        let max = lines.saturating_sub(rows);
        (self.0.min(max), max)
    }
}

/// Determines the colour of a popup's border and title.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PopupTone {
    /// For popups that destroy nothing.
    Calm,
    /// For popups whose confirmation may destroy something.
    Danger,
}

/// If a popup leaves at most this many columns free on each side, they are cleared, since they are too few to show anything.
const SLIVER_COLUMNS: u16 = 5;

/// Draws the border and title of a popup in the middle of `area`, for content of the given width and height. Returns the area
/// for the content.
pub fn draw_frame(
    title: &str,
    mood: PopupTone,
    content: (u16, u16),
    area: Rect,
    theme: Theme,
    buf: &mut Buffer,
) -> Rect {
    let (width, height) =
        (content.0.saturating_add(4).min(area.width), content.1.saturating_add(2).min(area.height));
    let place = Rect {
        x: area.x + (area.width - width) / 2,
        // A little above the middle, where people look first.
        y: area.y + (area.height - height) / 3,
        width,
        height,
    };
    // Narrow strips of the screen below would only distract.
    let mut strip = place;
    if area.width - width <= 2 * SLIVER_COLUMNS {
        (strip.x, strip.width) = (area.x, area.width);
    }
    if area.height - height <= 2 {
        (strip.y, strip.height) = (area.y, area.height);
    }
    Clear.render(strip, buf);
    // A wide character that reaches into the box would cover its left border.
    for y in strip.y..strip.bottom() {
        if let Some(cell) = strip.x.checked_sub(1).and_then(|x| buf.cell_mut((x, y)))
            && text::display_width(cell.symbol()) > 1
        {
            cell.set_symbol(" ");
        }
    }
    let role = if mood == PopupTone::Danger { StyleRole::Danger } else { StyleRole::Border };
    let block = Block::bordered()
        .border_type(BorderType::Rounded)
        .border_style(theme.style(role))
        .padding(Padding::horizontal(1))
        .title(Line::styled(
            format!(" {} ", theme.text(title)),
            // Not in the colour of the frame, which is no colour for text.
            Style::reset().patch(theme.style(if mood == PopupTone::Danger {
                StyleRole::Danger
            } else {
                StyleRole::Strong
            })),
        ));
    let inside = block.inner(place);
    block.render(place, buf);
    inside
}

/// Returns the prompt for a confirmation phrase, in a short form if the phrase would not fit beside the long one.
pub fn phrase_prompt(phrase: &str, context: &Context, columns: u16) -> String {
    let (enter, cancel) = (context.key_press(Action::Submit), context.key_press(Action::Cancel));
    let whole = format!("Type {phrase} and {enter}, or {cancel}: ");
    let fits = text::display_width(&whole) + text::display_width(phrase) < usize::from(columns);
    if fits { whole } else { format!("Type {phrase}: ") }
}

/// Returns the width of a popup's content: at most `most`, less if the window is too narrow for that and a margin.
pub fn content_width(area: Rect, most: u16) -> u16 {
    area.width.saturating_sub(8).min(most).max(area.width.saturating_sub(4).min(32))
}

/// Draws as many lines as fit into `area`, one per row.
pub fn draw_lines(content: &[Line<'_>], area: Rect, theme: Theme, buf: &mut Buffer) {
    for (y, line) in (area.y..area.bottom()).zip(content) {
        draw_line(buf, (area.x, y), area.width, line, Style::new(), theme);
    }
}

/// Draws a popup with `count` scrollable rows above fixed lines. Returns the area of the content and the maximum scroll offset.
/// Formats only the visible rows, since there may be very many.
#[expect(clippy::too_many_arguments, reason = "a drawing takes what it draws with")]
pub fn draw_scrolled<'a>(
    title: &str,
    mood: PopupTone,
    (count, row): (usize, &dyn Fn(usize) -> Line<'a>),
    foot: &[Line<'_>],
    scroll: &Scroll,
    (columns, area): (u16, Rect),
    theme: Theme,
    buf: &mut Buffer,
) -> (Rect, usize) {
    let foot_rows = u16::try_from(foot.len()).unwrap_or(3);
    let rows = u16::try_from(count).unwrap_or(u16::MAX).min(area.height.saturating_sub(foot_rows + 2));
    let inside = draw_frame(title, mood, (columns, rows + foot_rows), area, theme, buf);
    let list_area = Rect { height: inside.height.saturating_sub(foot_rows), ..inside };
    let (top, max_scroll) = scroll.first_line_and_max(count, usize::from(list_area.height));
    let seen: Vec<Line<'_>> = (top..count).take(usize::from(list_area.height)).map(row).collect();
    draw_lines(&seen, list_area, theme, buf);
    draw_lines(
        foot,
        Rect { y: list_area.bottom(), height: inside.height - list_area.height, ..inside },
        theme,
        buf,
    );
    let hidden = count - top;
    if hidden > usize::from(list_area.height) && list_area.height > 0 {
        let more = format!("{} more below", hidden - usize::from(list_area.height));
        buf.set_stringn(
            inside.x,
            list_area.bottom(),
            more,
            usize::from(inside.width),
            theme.style(StyleRole::Muted),
        );
    }
    (inside, max_scroll)
}
