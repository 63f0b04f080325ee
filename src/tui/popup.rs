//! What all popups have in common: a box over the body, keys of their own, and when a confirming key counts.

use std::cell::Cell;

use crokey::KeyCombination;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Line;
use ratatui::widgets::{Block, BorderType, Clear, Padding, Widget as _};

use super::app::{Overlay, Tables};
use super::context::Context;
use super::keymap::{Action, KeyContext};
use super::msg::{Reply, RequestError, UiTime};
use super::text_layout::draw_line;
use super::theme::{StyleRole, Theme};
use crate::domain::text;

/// What a popup may use and change besides itself.
#[derive(Debug)]
pub struct PopupContext<'a> {
    /// What all screens share.
    pub context: &'a mut Context,
    /// The tables of keys.
    pub tables: &'a mut Tables,
}

/// What becomes of the popup.
#[derive(Debug)]
pub enum PopupAction {
    /// It stays.
    Stay,
    /// It closes.
    Close,
    /// Another one takes its place.
    Open(Box<Overlay>),
    /// It closes, and the screen below does this.
    Act(Action),
}

/// A popup.
pub trait Popup {
    /// The contexts of the keyboard, the nearest first.
    fn key_contexts(&self) -> &'static [KeyContext];

    /// Does what an action asks.
    fn act(&mut self, cx: &mut PopupContext<'_>, action: Action) -> PopupAction;

    /// Takes a key that is no action: text.
    fn press(&mut self, _cx: &mut PopupContext<'_>, _key: KeyCombination) -> PopupAction {
        PopupAction::Stay
    }

    /// Takes a pasted text.
    fn paste(&mut self, _cx: &mut PopupContext<'_>, _text: &str) {}

    /// Takes the answer that it asked for.
    fn reply(&mut self, cx: &mut PopupContext<'_>, result: Result<Reply, RequestError>) -> PopupAction {
        if let Err(failure) = result {
            cx.context.report_failure(&failure);
        }
        PopupAction::Stay
    }

    /// The frame that shows it was written: from now on a confirming key counts.
    fn shown(&mut self) {}

    /// Time has passed.
    fn tick(&mut self, _cx: &mut PopupContext<'_>) -> PopupAction {
        PopupAction::Stay
    }

    /// When it wants to be told the time.
    fn wake_at(&self) -> Option<UiTime> {
        None
    }

    /// Whether an action of its contexts would do something now.
    fn offers(&self, _shared: &Context, _tables: &Tables, _action: Action) -> bool {
        true
    }

    /// The terminal is about to be given back: hide what is secret.
    fn conceal(&mut self) {}

    /// Draws it over the body; gives the cursor's place.
    fn draw(&self, context: &Context, tables: &Tables, area: Rect, buf: &mut Buffer) -> Option<(u16, u16)>;
}

/// How many lines are scrolled away. Only the drawing knows how many there are and how many fit: what was scrolled beyond the last
/// line is forgotten there, so that the first key back is seen.
#[derive(Debug, Default)]
pub struct Scroll(Cell<usize>);

impl Scroll {
    /// Moves by so many lines.
    pub fn by(&self, lines: isize) {
        self.0.set(self.0.get().saturating_add_signed(lines));
    }

    /// Shows the first line.
    pub fn to_top(&self) {
        self.0.set(0);
    }

    /// Shows the last line.
    pub fn to_bottom(&self) {
        self.0.set(usize::MAX);
    }

    /// The first line to show, of so many, where so many fit.
    pub fn first(&self, lines: usize, fit: usize) -> usize {
        self.0.set(self.0.get().min(lines.saturating_sub(fit)));
        self.0.get()
    }
}

/// How a popup looks from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PopupTone {
    /// Ordinary.
    Calm,
    /// It may destroy something.
    Danger,
}

/// Columns beside a popup that are too few to show anything.
const SLIVER: u16 = 5;

/// Draws the box of a popup in the middle of `area`, for so many lines of content; gives the room inside.
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
        // A little above the middle, where the eye is.
        y: area.y + (area.height - height) / 3,
        width,
        height,
    };
    // Slivers of what lies below say nothing and disturb.
    let mut strip = place;
    if area.width - width <= 2 * SLIVER {
        (strip.x, strip.width) = (area.x, area.width);
    }
    if area.height - height <= 2 {
        (strip.y, strip.height) = (area.y, area.height);
    }
    Clear.render(strip, buf);
    // A wide character that reaches under the frame would cover its left edge.
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

/// What is written before a field into which a phrase is typed to confirm, with room left for the phrase.
pub fn asks_for(phrase: &str, context: &Context, columns: u16) -> String {
    let (enter, cancel) = (context.key_press(Action::Submit), context.key_press(Action::Cancel));
    let whole = format!("Type {phrase} and {enter}, or {cancel}: ");
    let fits = text::display_width(&whole) + text::display_width(phrase) < usize::from(columns);
    if fits { whole } else { format!("Type {phrase}: ") }
}

/// How wide the content of a popup may be.
pub fn content_width(area: Rect, most: u16) -> u16 {
    area.width.saturating_sub(8).min(most).max(area.width.saturating_sub(4).min(32))
}

/// Writes lines one below the other, as many as fit.
pub fn lines(content: &[Line<'_>], area: Rect, theme: Theme, buf: &mut Buffer) {
    for (y, line) in (area.y..area.bottom()).zip(content) {
        draw_line(buf, (area.x, y), area.width, line, Style::new(), theme);
    }
}

/// A popup with a list of `count` rows that scrolls and lines below it that do not; gives the room inside. Only the rows that are
/// seen are made: there may be very many.
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
) -> Rect {
    let foot_rows = u16::try_from(foot.len()).unwrap_or(3);
    let rows = u16::try_from(count).unwrap_or(u16::MAX).min(area.height.saturating_sub(foot_rows + 2));
    let inside = frame(title, mood, (columns, rows + foot_rows), area, theme, buf);
    let list_area = Rect { height: inside.height.saturating_sub(foot_rows), ..inside };
    let top = scroll.first(count, usize::from(list_area.height));
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
    inside
}
