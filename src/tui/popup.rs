//! The trait of all popups, and the box that each of them is drawn in.
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

/// What the model does after a popup handled a message.
#[derive(Debug)]
pub enum PopupAction {
    /// Keeps the popup open.
    Stay,
    /// Closes the popup.
    Close,
    /// Replaces the popup by another one.
    Open(Box<dyn Popup>),
    /// Closes the popup and runs an action on the open tab.
    Run(Action),
    /// Closes the popup and sorts the table of the open tab by the column of this index.
    Sort(usize),
    /// Keeps the popup open and removes the mark of this key in the open tab.
    Unmark(Id),
    /// Closes the popup and drafts the decision to keep the chosen keys of the review.
    Keep {
        /// When the keys return to the review; `None`: as soon as they get worse.
        until: Option<Timestamp>,
        /// Why they are kept.
        note: Option<String>,
    },
    /// Removes some drafts of the review and applies others. Closes the popup if there is none to apply.
    ApplyDrafts {
        /// Keys whose drafts are removed.
        dropped: Vec<Id>,
        /// Keys whose drafts are applied, in this order.
        applied: Vec<Id>,
    },
    /// Closes the popup and opens the tab Review with this filter.
    Review {
        /// In the language of filters.
        filter: String,
    },
}

/// Result of drawing a popup.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PopupFrame {
    /// Column and row of the text cursor; `None` hides it.
    pub cursor: Option<(u16, u16)>,
    /// Largest useful offset of the popup's [`Scroll`]; known only once the popup was laid out.
    pub max_scroll: usize,
}

impl From<Option<(u16, u16)>> for PopupFrame {
    fn from(cursor: Option<(u16, u16)>) -> Self {
        Self { cursor, max_scroll: 0 }
    }
}

/// A popup over the open tab.
pub trait Popup: Debug {
    /// The contexts in which key presses are looked up, innermost first.
    fn key_contexts(&self) -> &'static [KeyContext];

    /// Handles an action of the popup's key contexts.
    fn act(&mut self, context: &mut Context, action: Action) -> PopupAction;

    /// Handles a key press that is bound to no action: text.
    fn press(&mut self, _context: &mut Context, _key: KeyCombination) -> PopupAction {
        PopupAction::Stay
    }

    /// Inserts pasted text.
    fn paste(&mut self, _context: &mut Context, _text: &str) {}

    /// Handles the reply to a request of the popup.
    fn reply(&mut self, context: &mut Context, result: Result<Reply, RequestError>) -> PopupAction {
        if let Err(failure) = result {
            context.report_failure(&failure);
        }
        PopupAction::Stay
    }

    /// Called when a frame with the popup was written to the terminal: confirmations count from now on.
    fn shown(&mut self) {}

    /// Limits how far the popup is scrolled, after each frame.
    fn clamp_scroll(&mut self, _max: usize) {}

    /// Handles the passage of time.
    fn tick(&mut self, _context: &mut Context) -> PopupAction {
        PopupAction::Stay
    }

    /// When the popup needs its next [`Self::tick`].
    fn wake_at(&self) -> Option<UiTime> {
        None
    }

    /// Returns whether an action of the popup's key contexts would do something now.
    fn offers(&self, _context: &Context, _action: Action) -> bool {
        true
    }

    /// Hides secrets, because the terminal is about to be left.
    fn conceal(&mut self) {}

    /// Returns whether the popup comes back after the user signed in again, because text was typed into it.
    fn survives_sign_in(&self) -> bool {
        false
    }

    /// Returns whether the popup shows a rotation, so that rotations are kept up to date while it is open.
    fn shows_rotation(&self) -> bool {
        false
    }

    /// Shows that the server refused to create a key; returns false if the popup has nothing to do with it.
    fn create_failed(&mut self, _failure: &RequestError) -> bool {
        false
    }

    /// Shows the result of revoking a leaked key, `failure` being why it was not revoked; returns false if the popup has nothing
    /// to do with that key.
    fn leaked_key_revoked(&mut self, _context: &mut Context, _id: Id, _failure: Option<String>) -> bool {
        false
    }

    /// Draws the popup over `area`.
    fn draw(&self, context: &Context, area: Rect, buf: &mut Buffer) -> PopupFrame;
}

/// How far a popup or pane is scrolled, in lines.
///
/// How far it can be scrolled is known only when it is drawn. The offset may therefore be too large until [`Self::clamp`] is
/// called after the frame; [`Self::window`] never goes beyond the last line.
#[derive(Debug, Default)]
pub struct Scroll(usize);

impl Scroll {
    /// Scrolls down by `lines`; up, if negative.
    pub fn by(&mut self, lines: isize) {
        self.0 = self.0.saturating_add_signed(lines);
    }

    /// Scrolls to the first line.
    pub fn to_top(&mut self) {
        self.0 = 0;
    }

    /// Scrolls to the last line.
    pub fn to_bottom(&mut self) {
        self.0 = usize::MAX;
    }

    /// Limits the offset to what the last frame allowed.
    pub fn clamp(&mut self, max: usize) {
        self.0 = self.0.min(max);
    }

    /// Returns the first line to draw of `lines`, when `rows` of them fit, and the largest useful offset.
    pub fn window(&self, lines: usize, rows: usize) -> (usize, usize) {
        let max = lines.saturating_sub(rows);
        (self.0.min(max), max)
    }
}

/// Tone of a popup, which colours its border and title.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PopupTone {
    /// Nothing is destroyed.
    Calm,
    /// Confirming it may destroy something.
    Danger,
}

/// Number of columns beside a popup that are too few to show anything, and are cleared.
const SLIVER: u16 = 5;

/// Draws the box of a popup in the middle of `area`, for content of this width and height; returns the area inside.
pub fn frame(
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
    if area.width - width <= 2 * SLIVER {
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

/// Label of a text field for a confirmation phrase, short enough to leave room for the phrase.
pub fn asks_for(phrase: &str, context: &Context, columns: u16) -> String {
    let (enter, cancel) = (context.key_press(Action::Submit), context.key_press(Action::Cancel));
    let whole = format!("Type {phrase} and {enter}, or {cancel}: ");
    let fits = text::display_width(&whole) + text::display_width(phrase) < usize::from(columns);
    if fits { whole } else { format!("Type {phrase}: ") }
}

/// Width of the content of a popup: at most `most`, with a margin where the window has room for one.
pub fn content_width(area: Rect, most: u16) -> u16 {
    area.width.saturating_sub(8).min(most).max(area.width.saturating_sub(4).min(32))
}

/// Draws as many of the lines as fit, one below the other.
pub fn lines(content: &[Line<'_>], area: Rect, theme: Theme, buf: &mut Buffer) {
    for (y, line) in (area.y..area.bottom()).zip(content) {
        draw_line(buf, (area.x, y), area.width, line, Style::new(), theme);
    }
}

/// Draws a popup with `count` rows that scroll, and lines below them that do not. Returns the area inside, and the largest useful scroll
/// offset. Only visible rows are formatted, since there may be very many.
#[expect(clippy::too_many_arguments, reason = "a drawing takes what it draws with")]
pub fn scrolled<'a>(
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
    let inside = frame(title, mood, (columns, rows + foot_rows), area, theme, buf);
    let list_area = Rect { height: inside.height.saturating_sub(foot_rows), ..inside };
    let (top, max_scroll) = scroll.window(count, usize::from(list_area.height));
    let seen: Vec<Line<'_>> = (top..count).take(usize::from(list_area.height)).map(row).collect();
    lines(&seen, list_area, theme, buf);
    lines(
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
