//! Checks of the terminal: colours, locale, tmux, and the way to the clipboard.

use std::io::{self, Write as _};
use std::process::Stdio;
use std::time::Duration;

use super::{Check, error, ok, warning};
use crate::cli::connect::CommandContext;
use crate::cli::error::CommandError;
use crate::cli::prompt;
use crate::cli::terminal::{capabilities, clipboard, terminal_env};
use crate::clock;
use crate::domain::text;
use crate::secret_delivery::clipboard::{Clipboard, CopyRoute};
use crate::secret_delivery::command::CommandLine;
use crate::terminal::capabilities::{ColorDepth, Multiplexer};

/// Time limit for each `tmux` command, so that an unresponsive tmux server does not block `doctor`.
const TMUX_TIMEOUT: Duration = Duration::from_secs(2);
/// Oldest tmux version (major, minor) that passes copied text on to the terminal.
const TMUX_VERSION_MIN: (u32, u32) = (3, 2);

pub(super) async fn check_terminal(context: &CommandContext) -> Vec<Check> {
    let environment = &context.environment;
    let hints = terminal_env(environment);
    let mut checks = Vec::new();
    match environment.get("TERM") {
        None | Some("dumb") => {
            checks.push(warning(
                "terminal",
                "TERM is not set, or is `dumb`",
                "Over SSH, use `ssh -t HOST keyward`.",
            ));
        }
        Some(term) => {
            let colors = match capabilities(&context.config, &hints).depth {
                ColorDepth::Mono => "no colours",
                ColorDepth::Ansi16 => "16 colours",
                ColorDepth::Indexed256 => "256 colours",
                ColorDepth::TrueColor => "true colour",
            };
            let variables: Vec<String> = ["COLORTERM", "NO_COLOR", "CLICOLOR_FORCE"]
                .into_iter()
                .filter_map(|name| Some(format!(", {name}={}", environment.get(name)?)))
                .collect();
            checks.push(ok("terminal", format!("{colors}: TERM={term}{}", variables.concat())));
        }
    }
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(|name| environment.get(name));
    checks.push(if context.is_ascii_only() {
        warning(
            "locale",
            format!("{locale}: only ASCII characters are drawn", locale = locale.unwrap_or("not set")),
            "Set LANG to a UTF-8 locale such as C.UTF-8. Over SSH, the client can send it (SendEnv LANG).",
        )
    } else {
        ok("locale", locale.unwrap_or("ascii = \"never\""))
    });
    if hints.multiplexer == Some(Multiplexer::Tmux) {
        checks.push(check_tmux(context).await);
    }
    checks.push(check_clipboard_route(context, hints.multiplexer));
    checks
}

/// Reports how copied text reaches the clipboard.
fn check_clipboard_route(context: &CommandContext, inside: Option<Multiplexer>) -> Check {
    let try_it = "test it with `keyward doctor --clipboard`";
    let clipboard = match clipboard(&context.config) {
        Ok(clipboard) => clipboard,
        Err(mistake) => return error("clipboard", "the settings are invalid", mistake),
    };
    let route = match (clipboard, inside) {
        (Clipboard::Off, _) => return ok("clipboard", "turned off (clipboard = \"off\")"),
        (Clipboard::Command(command), _) => {
            let program = command.program().to_owned();
            if let Err(not_found) = command.find_executable(context.environment.get("PATH")) {
                return error(
                    "clipboard",
                    format!("{program} cannot be used"),
                    format!("{not_found} Or change clipboard_command in keyward.toml."),
                );
            }
            format!("through {program}")
        }
        (Clipboard::Tmux, _) | (Clipboard::Auto, Some(Multiplexer::Tmux)) => {
            "through tmux (load-buffer -w), to your terminal".to_owned()
        }
        (Clipboard::Screen, _) | (Clipboard::Auto, Some(Multiplexer::Screen)) => {
            "through GNU screen, to your terminal".to_owned()
        }
        (Clipboard::Osc52 | Clipboard::Auto, _) => "with OSC 52, if your terminal allows it".to_owned(),
    };
    ok("clipboard", format!("{route}; {try_it}"))
}

/// Checks that tmux is recent enough and configured to pass copied text on to the terminal.
async fn check_tmux(context: &CommandContext) -> Check {
    let run = async |arguments: &[&str]| {
        let command =
            CommandLine::new("tmux", arguments).find_executable(context.environment.get("PATH")).ok()?;
        let mut command = tokio::process::Command::from(command.to_command(&context.private_variables()));
        let output = command.stdin(Stdio::null()).kill_on_drop(true).output();
        let output = tokio::time::timeout(TMUX_TIMEOUT, output).await.ok()?.ok()?;
        Some(text::sanitize_line(String::from_utf8_lossy(&output.stdout).trim()).into_owned())
    };
    let Some(version) = run(&["-V"]).await else {
        return warning(
            "tmux",
            "TMUX is set, but tmux is not installed here or does not respond",
            "Make sure that tmux is in PATH; copying does not work without it.",
        );
    };
    let set_clipboard = run(&["show-options", "-sv", "set-clipboard"]).await.unwrap_or_default();
    match parse_tmux_version(&version) {
        Some(number) if number < TMUX_VERSION_MIN => warning(
            "tmux",
            format!("{version}, which does not pass copied text on to the terminal"),
            "Update tmux to 3.2 or newer, or set clipboard = \"off\" in keyward.toml.",
        ),
        _ if set_clipboard == "off" => warning(
            "tmux",
            format!("{version} with set-clipboard off: copied text does not reach your terminal"),
            "Run `tmux set -s set-clipboard external`, and add it to ~/.tmux.conf.",
        ),
        _ => ok("tmux", format!("{version}, set-clipboard {set_clipboard}")),
    }
}

/// Parses `tmux 3.3a` into (3, 3). Returns `None` for a development version, such as `tmux next-3.6`.
fn parse_tmux_version(version: &str) -> Option<(u32, u32)> {
    let (major, minor) = version.split_whitespace().nth(1)?.split_once('.')?;
    let minor: String = minor.chars().take_while(char::is_ascii_digit).collect();
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// Copies a random text to the clipboard and asks the user to paste it back.
pub(super) async fn copy_and_paste_back(context: &CommandContext) -> Result<Check, CommandError> {
    if !prompt::is_interactive() {
        return Err(CommandError::usage("--clipboard needs a terminal to copy to and to paste into."));
    }
    let nonce = format!("keyward-{:08x}", u32::from_be_bytes(clock::random_bytes()));
    let clipboard = clipboard(&context.config).map_err(CommandError::usage)?;
    let copied = match clipboard.route(&nonce, &terminal_env(&context.environment)) {
        Ok(CopyRoute::Terminal(bytes)) => {
            let mut terminal = io::stderr().lock();
            let _ = terminal.write_all(&bytes).and_then(|()| terminal.flush());
            Ok(())
        }
        Ok(CopyRoute::Program(program)) => program.copy(&nonce, &context.private_variables()).await,
        Err(e) => Err(e),
    };
    if let Err(e) = copied {
        return Ok(error("copy", "nothing was copied", e.to_string()));
    }
    let question =
        "A text was copied. Paste it here and press Enter, or just press Enter if nothing is pasted:";
    let pasted = prompt::ask_line(question)?;
    Ok(if pasted == nonce {
        ok("copy", "the copied text arrived in your clipboard")
    } else {
        warning(
            "copy",
            "the copied text did not arrive in your clipboard",
            "Allow OSC 52 in your terminal's settings, or deliver secrets with --write-to or --exec.",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tmux_versions_are_compared_as_numbers() {
        assert_eq!(parse_tmux_version("tmux 3.3a"), Some((3, 3)));
        assert_eq!(parse_tmux_version("tmux 3.10"), Some((3, 10)));
        assert_eq!(parse_tmux_version("tmux next-3.6"), None);
        assert!(parse_tmux_version("tmux 2.9").unwrap() < TMUX_VERSION_MIN);
    }
}
