//! What the loop runs: messages go in, effects come out, a frame is drawn.

use ratatui::buffer::Buffer;

use super::app::Model;
use super::msg::{Effect, Msg, UiTime};
use super::view::{self, FrameInfo};

/// The screens, or the first screen.
pub trait UiModel {
    /// Takes a message.
    fn update(&mut self, msg: Msg) -> Vec<Effect>;

    /// Whether nobody waits to see what this message changes: it may be drawn with the next frame.
    fn can_wait(&self, msg: &Msg) -> bool;

    /// When it wants to be told the time.
    fn wake_at(&self) -> Option<UiTime>;

    /// Draws a frame.
    fn draw(&self, buf: &mut Buffer) -> FrameInfo;
}

impl UiModel for Model {
    fn update(&mut self, msg: Msg) -> Vec<Effect> {
        Self::update(self, msg)
    }

    fn can_wait(&self, msg: &Msg) -> bool {
        Self::can_wait(self, msg)
    }

    fn wake_at(&self) -> Option<UiTime> {
        Self::wake_at(self)
    }

    fn draw(&self, buf: &mut Buffer) -> FrameInfo {
        view::draw(self, buf)
    }
}
