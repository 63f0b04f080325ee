//! Derives the capabilities of the terminal and the way to the clipboard from environment and settings.

use crate::config::{self, AsciiMode, ColorMode, Config, Environment};
use crate::secret_delivery::clipboard::Clipboard;
use crate::secret_delivery::command::CommandLine;
use crate::terminal::capabilities::{Capabilities, ColorDepth, Multiplexer, TerminalEnv};

/// Collects the environment variables that describe the terminal.
pub fn terminal_env(environment: &Environment) -> TerminalEnv {
    let get = |name: &str| environment.get(name).unwrap_or_default().to_owned();
    let multiplexer = match (environment.get("TMUX"), environment.get("STY")) {
        (Some(_), _) => Some(Multiplexer::Tmux),
        (None, Some(_)) => Some(Multiplexer::Screen),
        (None, None) => None,
    };
    TerminalEnv {
        term: get("TERM"),
        colorterm: get("COLORTERM"),
        // `config` has applied NO_COLOR to the settings already, and a flag may have overridden it since.
        no_color: false,
        force_color: environment.get("CLICOLOR_FORCE").is_some_and(|v| v != "0"),
        locale: ["LC_ALL", "LC_CTYPE", "LANG"]
            .iter()
            .find_map(|name| environment.get(name))
            .unwrap_or_default()
            .to_owned(),
        multiplexer,
    }
}

/// Returns the capabilities of the terminal, without those that the settings disable.
pub fn capabilities(config: &Config, hints: &TerminalEnv) -> Capabilities {
    let detected = Capabilities::detect(hints);
    Capabilities {
        depth: match config.ui.color {
            ColorMode::Auto => detected.depth,
            ColorMode::Never => ColorDepth::Mono,
            ColorMode::Ansi16 => ColorDepth::Ansi16,
            ColorMode::Ansi256 => ColorDepth::Indexed256,
            ColorMode::Truecolor => ColorDepth::TrueColor,
        },
        unicode: match config.ui.ascii {
            AsciiMode::Auto => detected.unicode,
            AsciiMode::Always => false,
            AsciiMode::Never => true,
        },
        synchronized: detected.synchronized && config.ui.synchronized_update,
    }
}

/// Returns the configured method of copying to the clipboard.
///
/// # Errors
/// Returns a sentence that describes the mistake in the settings.
pub fn clipboard(config: &Config) -> Result<Clipboard, String> {
    Ok(match config.ui.clipboard {
        config::ClipboardMode::Auto => Clipboard::Auto,
        config::ClipboardMode::Osc52 => Clipboard::Osc52,
        config::ClipboardMode::Tmux => Clipboard::Tmux,
        config::ClipboardMode::Screen => Clipboard::Screen,
        config::ClipboardMode::Off => Clipboard::Off,
        config::ClipboardMode::Command => CommandLine::parse(&config.ui.clipboard_command)
            .map(Clipboard::Command)
            .map_err(|e| {
                format!(
                    "clipboard = \"command\" needs clipboard_command, a program that reads the text on standard input, such as \
                     \"wl-copy\". {e}"
                )
            })?,
    })
}
