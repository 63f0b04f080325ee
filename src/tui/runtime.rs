//! Runs the UI on a real terminal. Start with `event_loop`: it lists the steps from a key press to the HTTP request.
//!
//! The event loop runs on a runtime of its own, on the calling thread; requests, files and commands run on the runtime of the handle.
//! Nothing here decides what a key press means or what a screen shows.

use std::io;

use tokio::runtime::Handle;

use super::app::Model;
use super::context::StartOptions;
use super::msg::Effect;
use super::ui_model::UiModel;
use super::welcome::{Welcome, WelcomeChoice};
use crate::terminal::device::{NoTerminal, TerminalDevice};

pub mod api;
mod delivery;
mod drafts;
mod effects;
mod event_loop;
mod options;
pub mod saved_state;
mod signals;
mod timer;

use event_loop::EventLoop;
pub use options::{UiExit, UiOptions};

/// Why the UI could not run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Standard input or output is not a terminal; exit code 2.
    #[error(transparent)]
    NoTerminal(#[from] NoTerminal),
    /// The operating system refused to set up the terminal.
    #[error("the terminal cannot be used: {0}")]
    Io(#[from] io::Error),
}

/// Runs the UI on this thread until it ends. Effects run on the multi-threaded runtime of `handle`.
///
/// # Errors
/// Fails if there is no terminal, or if the terminal cannot be set up.
pub fn run(options: UiOptions, handle: &Handle) -> Result<UiExit, RunError> {
    Ok(run_model(options, handle, Model::new)?.0)
}

/// Runs the welcome screen for a user without a session. Returns how the screen ended, and the choice if one was made. The server
/// in `options` is not contacted.
///
/// # Errors
/// Fails as [`run`] does.
pub fn run_welcome(options: UiOptions, handle: &Handle) -> Result<(UiExit, Option<WelcomeChoice>), RunError> {
    let (exit, welcome) = run_model(options, handle, Welcome::new)?;
    Ok((exit, welcome.choice))
}

fn run_model<M: UiModel>(
    options: UiOptions,
    handle: &Handle,
    new_model: impl FnOnce(StartOptions) -> (M, Vec<Effect>),
) -> Result<(UiExit, M), RunError> {
    let device = TerminalDevice::open()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (exit, model) =
        runtime.block_on(async { EventLoop::start(options, device, handle, new_model)?.run().await })?;
    if let UiExit::Signal(number) = exit {
        signals::exit_after_grace_period(handle, number);
    }
    Ok((exit, model))
}
