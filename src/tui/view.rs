//! Draws a frame: header, tabs, the body of the open tab, the popup over it, footer.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::app::Model;
use super::frame::{FrameInfo, SMALLEST_WINDOW, body_area, popup_area, replace_non_ascii};
use super::msg::{Effect, Msg, UiTime};
use super::theme::StyleRole;
use super::ui_model::UiModel;

mod footer;
mod header;

impl UiModel for Model {
    fn update(&mut self, msg: Msg) -> Vec<Effect> {
        Self::update(self, msg)
    }

    fn is_deferrable(&self, msg: &Msg) -> bool {
        Self::is_deferrable(self, msg)
    }

    fn wake_at(&self) -> Option<UiTime> {
        Self::wake_at(self)
    }

    fn draw(&self, buf: &mut Buffer) -> FrameInfo {
        draw(self, buf)
    }
}

/// Draws the model, overwriting the content of the buffer.
pub fn draw(model: &Model, buf: &mut Buffer) -> FrameInfo {
    buf.reset();
    let area: Rect = buf.area;
    let size = (area.width, area.height);
    let context = &model.context;
    if size.0 < SMALLEST_WINDOW.0 || size.1 < SMALLEST_WINDOW.1 {
        let text = format!("needs {}x{}, has {}x{}", SMALLEST_WINDOW.0, SMALLEST_WINDOW.1, size.0, size.1);
        buf.set_stringn(0, 0, text, usize::from(area.width), Style::new());
        return FrameInfo::default();
    }
    header::draw(model, Rect { height: 1, ..area }, buf);
    header::draw_tabs(model, Rect { y: 1, height: 1, ..area }, buf);
    let body = body_area(size);
    let mut info = model.screens.get(model.tab).draw(context, &model.detail_pane, body, buf);
    if let Some(popup) = &model.popup {
        buf.set_style(body, context.theme().style(StyleRole::Dimmed));
        let popup = popup.draw(context, popup_area(size), buf);
        info = FrameInfo { cursor: popup.cursor, scroll: None, max_scroll: popup.max_scroll };
    }
    if footer::draw(model, area, buf) {
        info.scroll = None;
    }
    if context.theme().ascii {
        replace_non_ascii(buf);
    }
    info
}
