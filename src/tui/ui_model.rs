//! The trait of what the event loop runs: the screens, or the welcome screen.

use ratatui::buffer::Buffer;

use super::frame::FrameInfo;
use super::msg::{Effect, Msg, UiTime};

/// A model that the event loop runs. It turns messages into effects, and its state alone determines each frame.
pub trait UiModel {
    /// Handles a message and returns the effects to carry out.
    fn update(&mut self, msg: Msg) -> Vec<Effect>;

    /// Returns whether the frame after this message may be deferred, because the user is not waiting for it.
    fn is_deferrable(&self, msg: &Msg) -> bool;

    /// Returns when the model needs its next [`Msg::Tick`]; `None` if it waits for nothing but other messages.
    fn wake_at(&self) -> Option<UiTime>;

    /// Draws a frame.
    fn draw(&self, buf: &mut Buffer) -> FrameInfo;
}
