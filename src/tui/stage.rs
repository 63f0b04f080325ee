//! What the loop runs: messages go in, effects come out, a frame is drawn.

use ratatui::buffer::Buffer;

use super::app::Model;
use super::msg::{Effect, Moment, Msg};
use super::view::{self, Drawn};

/// The screens, or the first screen.
pub trait Stage {
    /// Takes a message.
    fn update(&mut self, msg: Msg) -> Vec<Effect>;

    /// Whether nobody waits to see what this message changes: it may be drawn with the next frame.
    fn can_wait(&self, msg: &Msg) -> bool;

    /// When it wants to be told the time.
    fn wake_at(&self) -> Option<Moment>;

    /// Draws a frame.
    fn draw(&self, buf: &mut Buffer) -> Drawn;
}

impl Stage for Model {
    fn update(&mut self, msg: Msg) -> Vec<Effect> {
        Self::update(self, msg)
    }

    fn can_wait(&self, msg: &Msg) -> bool {
        Self::can_wait(self, msg)
    }

    fn wake_at(&self) -> Option<Moment> {
        Self::wake_at(self)
    }

    fn draw(&self, buf: &mut Buffer) -> Drawn {
        view::draw(self, buf)
    }
}
