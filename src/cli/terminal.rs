//! What the environment and the settings say about the terminal.

use crate::config::{self, AsciiMode, ColorMode, Config, Environment};
use crate::terminal::capabilities::{Capabilities, ColorDepth, Multiplexer, TerminalEnv};
use crate::terminal::clipboard::Clipboard;

/// What the environment says about the terminal.
pub fn hints(environment: &Environment) -> TerminalEnv {
    let get = |name: &str| environment.get(name).unwrap_or_default().to_owned();
    let multiplexer = match (environment.get("TMUX"), environment.get("STY")) {
        (Some(_), _) => Some(Multiplexer::Tmux),
        (None, Some(_)) => Some(Multiplexer::Screen),
        (None, None) => None,
    };
    TerminalEnv {
        term: get("TERM"),
        colorterm: get("COLORTERM"),
        // Laid over the settings by `config`, where a flag may lie over it again.
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

/// What the terminal is given: what it can show, as far as the settings let it.
pub fn capabilities(config: &Config, hints: &TerminalEnv) -> Capabilities {
    let can = Capabilities::detect(hints);
    Capabilities {
        depth: match config.ui.color {
            ColorMode::Auto => can.depth,
            ColorMode::Never => ColorDepth::Mono,
            ColorMode::Ansi16 => ColorDepth::Ansi16,
            ColorMode::Ansi256 => ColorDepth::Indexed256,
            ColorMode::Truecolor => ColorDepth::TrueColor,
        },
        unicode: match config.ui.ascii {
            AsciiMode::Auto => can.unicode,
            AsciiMode::Always => false,
            AsciiMode::Never => true,
        },
        synchronized: can.synchronized && config.ui.synchronized_update,
    }
}

/// How copies are made.
///
/// # Errors
/// What is wrong with the settings, in a sentence.
pub fn clipboard(config: &Config) -> Result<Clipboard, String> {
    Ok(match config.ui.clipboard {
        config::ClipboardMode::Auto => Clipboard::Auto,
        config::ClipboardMode::Osc52 => Clipboard::Osc52,
        config::ClipboardMode::Tmux => Clipboard::Tmux,
        config::ClipboardMode::Screen => Clipboard::Screen,
        config::ClipboardMode::Off => Clipboard::Off,
        config::ClipboardMode::Command => {
            match shell_words::split(&config.ui.clipboard_command) {
                Ok(words) if !words.is_empty() => Clipboard::Command(words),
                _ => {
                    return Err("clipboard = \"command\" needs clipboard_command, a program that takes the text on its \
                            standard input, such as \"wl-copy\""
                    .to_owned());
                }
            }
        }
    })
}
