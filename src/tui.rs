//! The terminal UI: what happened goes in as [`msg::Msg`], what to do comes out as [`msg::Effect`], and a frame is drawn from
//! the [`app::Model`] alone. Nothing here touches a terminal, a clock or a network; `runtime` does.

pub mod app;
pub mod chart;
pub mod first;
pub mod fleet;
pub mod form;
pub mod keymap;
pub mod msg;
pub mod notice;
pub mod popup;
pub mod prose;
pub mod runtime;
pub mod screens;
pub mod search;
pub mod shared;
pub mod stage;
pub mod table;
pub mod theme;
pub mod view;
