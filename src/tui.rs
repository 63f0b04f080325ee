//! The terminal UI as a pure model: a [`msg::Msg`] goes in, [`msg::Effect`]s come out, and a frame is drawn from the model alone.
//!
//! Start with [`msg`], the whole vocabulary, then [`app`], the model and its update. A tab's [`screen`] and a `popup` share the
//! [`context`]; [`view`] draws the frame around them. Only [`runtime`] touches a terminal, a clock or a network: its event loop lists
//! the steps from a key press to the HTTP request.

mod activity_log;
pub mod app;
mod apply_run;
mod chart;
pub mod context;
mod detail_pane;
mod filter_line;
mod filtered_table;
mod form;
pub mod frame;
pub mod key_list;
pub mod keymap;
mod layout;
mod list_screen;
pub mod msg;
pub mod notice;
mod pending_requests;
mod popup;
mod rotation_list;
mod row_list;
pub mod runtime;
pub mod screen;
mod screens;
mod table;
mod text_layout;
pub mod theme;
pub mod ui_model;
pub mod view;
pub mod welcome;
