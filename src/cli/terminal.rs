//! What the environment and the settings say about the terminal.

use crate::config::{self, Ascii, Color, Config, Environment};
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
            Color::Auto => can.depth,
            Color::Never => ColorDepth::Mono,
            Color::Ansi16 => ColorDepth::Ansi16,
            Color::Ansi256 => ColorDepth::Indexed256,
            Color::Truecolor => ColorDepth::TrueColor,
        },
        unicode: match config.ui.ascii {
            Ascii::Auto => can.unicode,
            Ascii::Always => false,
            Ascii::Never => true,
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
        config::Clipboard::Auto => Clipboard::Auto,
        config::Clipboard::Osc52 => Clipboard::Osc52,
        config::Clipboard::Tmux => Clipboard::Tmux,
        config::Clipboard::Screen => Clipboard::Screen,
        config::Clipboard::Off => Clipboard::Off,
        config::Clipboard::Command => {
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
