//! The terminal UI: what happened goes in as [`msg::Msg`], what to do comes out as [`msg::Effect`], and a frame is drawn from
//! the [`app::Model`] alone. Nothing here touches a terminal, a clock or a network; `runtime` does.

pub mod app;
pub mod chart;
pub mod context;
pub mod form;
pub mod key_list;
pub mod keymap;
pub mod msg;
pub mod notice;
pub mod popup;
pub mod runtime;
pub mod screens;
pub mod search;
pub mod table;
pub mod text_layout;
pub mod theme;
pub mod ui_model;
pub mod view;
pub mod welcome;
