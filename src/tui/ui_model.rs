//! The trait of what the event loop runs: the screens, or the welcome screen.

use ratatui::buffer::Buffer;

use super::frame::FrameInfo;
use super::msg::{Effect, Msg, UiTime};

/// A model that the event loop runs: messages go in, effects come out, and a frame is drawn from the model alone.
pub trait UiModel {
    /// Updates the model for a message and returns the effects.
    fn update(&mut self, msg: Msg) -> Vec<Effect>;

    /// Returns whether the frame after this message may be deferred until the next one, because nobody waits to see it.
    fn is_deferrable(&self, msg: &Msg) -> bool;

    /// When the model needs its next [`Msg::Tick`], if no other message comes earlier.
    fn wake_at(&self) -> Option<UiTime>;

    /// Draws a frame.
    fn draw(&self, buf: &mut Buffer) -> FrameInfo;
}
