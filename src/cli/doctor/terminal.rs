//! What `keyward doctor` says about the terminal: colours, locale, tmux, and whether copies arrive.

use std::io::{self, Write as _};

use super::{Check, ok, warning};
use crate::cli::connect::CommandContext;
use crate::cli::error::CommandError;
use crate::cli::terminal::{capabilities, clipboard, hints};
use crate::cli::{prompt, secret_output};
use crate::clock;
use crate::domain::text;
use crate::terminal::capabilities::{ColorDepth, Multiplexer};
use crate::terminal::clipboard::{Clipboard, Route, run, through_tmux};

pub(super) async fn checks(context: &CommandContext) -> Vec<Check> {
    let environment = &context.environment;
    let hints = hints(environment);
    let mut checks = Vec::new();
    match environment.get("TERM") {
        None | Some("dumb") => {
            checks.push(warning(
                "terminal",
                "TERM is not set, or dumb",
                "over SSH use `ssh -t HOST keyward`",
            ));
        }
        Some(term) => {
            let colors = match capabilities(&context.config, &hints).depth {
                ColorDepth::Mono => "no colours",
                ColorDepth::Ansi16 => "16 colours",
                ColorDepth::Indexed256 => "256 colours",
                ColorDepth::TrueColor => "all colours",
            };
            let set: Vec<String> = ["COLORTERM", "NO_COLOR", "CLICOLOR_FORCE"]
                .into_iter()
                .filter_map(|name| Some(format!(", {name}={}", environment.get(name)?)))
                .collect();
            checks.push(ok("terminal", format!("{colors}: TERM={term}{}", set.concat())));
        }
    }
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(|name| environment.get(name));
    checks.push(if context.ascii() {
        warning(
            "locale",
            format!("{}: only ASCII is drawn", locale.unwrap_or("not set")),
            "set LANG to a UTF-8 locale, such as C.UTF-8; over SSH the client may send it (SendEnv LANG)",
        )
    } else {
        ok("locale", locale.unwrap_or("ascii = \"never\""))
    });
    if hints.multiplexer == Some(Multiplexer::Tmux) {
        checks.push(tmux(context).await);
    }
    checks.push(copies(context, hints.multiplexer));
    checks
}

/// How copies would be made.
fn copies(context: &CommandContext, inside: Option<Multiplexer>) -> Check {
    let try_it = "`keyward doctor --clipboard` tries it";
    match (clipboard(&context.config), inside) {
        (Err(wrong), _) => super::error("clipboard", "the settings are wrong", wrong),
        (Ok(Clipboard::Off), _) => ok("clipboard", "switched off (clipboard = \"off\")"),
        (Ok(Clipboard::Command(words)), _)
            if secret_output::find(&words[0], &context.environment).is_none() =>
        {
            super::error(
                "clipboard",
                format!("there is no program `{}`", words[0]),
                "install it, or change clipboard_command in keyward.toml",
            )
        }
        (Ok(Clipboard::Command(words)), _) => ok("clipboard", format!("through {}; {try_it}", words[0])),
        (Ok(Clipboard::Tmux), _) | (Ok(Clipboard::Auto), Some(Multiplexer::Tmux)) => {
            ok("clipboard", format!("through tmux (load-buffer -w), to your terminal; {try_it}"))
        }
        (Ok(Clipboard::Screen), _) | (Ok(Clipboard::Auto), Some(Multiplexer::Screen)) => {
            ok("clipboard", format!("through GNU screen, to your terminal; {try_it}"))
        }
        (Ok(_), _) => ok("clipboard", format!("OSC 52, to your terminal, if it allows that; {try_it}")),
    }
}

/// Whether tmux is new enough, and hands copies on.
async fn tmux(context: &CommandContext) -> Check {
    let ask = async |arguments: &[&str]| {
        let program = secret_output::find("tmux", &context.environment)?;
        let arguments: Vec<String> = arguments.iter().map(|&a| a.to_owned()).collect();
        let command = secret_output::bare(&program, &arguments, &context.environment);
        let mut command = tokio::process::Command::from(command);
        let output = command.stdin(std::process::Stdio::null()).kill_on_drop(true).output();
        // A server of tmux that is stuck is no reason to be stuck.
        let output = tokio::time::timeout(std::time::Duration::from_secs(2), output).await.ok()?.ok()?;
        Some(text::sanitize_line(String::from_utf8_lossy(&output.stdout).trim()).into_owned())
    };
    let Some(version) = ask(&["-V"]).await else {
        return warning(
            "tmux",
            "TMUX is set, and tmux is not here or does not answer",
            "copies are not made",
        );
    };
    let set = ask(&["show-options", "-sv", "set-clipboard"]).await.unwrap_or_default();
    match version_of(&version) {
        Some(number) if number < (3, 2) => warning(
            "tmux",
            format!("{version}, which hands no copies to the terminal"),
            "update tmux to 3.2 or newer, or set clipboard = \"off\" in keyward.toml",
        ),
        _ if set == "off" => warning(
            "tmux",
            format!("{version} with set-clipboard off: copies do not reach your terminal"),
            "run `tmux set -s set-clipboard external`, and write it into ~/.tmux.conf",
        ),
        _ => ok("tmux", format!("{version}, set-clipboard {set}")),
    }
}

/// `tmux 3.3a` → (3, 3). Nothing for what is built from the sources between two versions.
fn version_of(words: &str) -> Option<(u32, u32)> {
    let (major, minor) = words.split_whitespace().nth(1)?.split_once('.')?;
    let minor: String = minor.chars().take_while(char::is_ascii_digit).collect();
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// Copies a text that nobody could guess, and asks for it.
pub(super) async fn copy(context: &CommandContext) -> Result<Check, CommandError> {
    if !prompt::possible() {
        return Err(CommandError::usage("--clipboard needs a terminal, to copy to and to paste back on"));
    }
    let nonce = format!("keyward-{:08x}", u32::from_be_bytes(clock::random_bytes()));
    let chosen = clipboard(&context.config).map_err(CommandError::usage)?;
    let private: Vec<String> = context.environment.names("KEYWARD_").into_iter().map(str::to_owned).collect();
    let sent = match chosen.route(&nonce, &hints(&context.environment)) {
        Ok(Route::Send(bytes)) => {
            let mut terminal = io::stderr().lock();
            let _ = terminal.write_all(&bytes).and_then(|()| terminal.flush());
            Ok(())
        }
        Ok(Route::Tmux) => through_tmux(&nonce, &private).await,
        Ok(Route::Command(words)) => run(&words, &nonce, &private).await,
        Err(why) => Err(why),
    };
    if let Err(why) = sent {
        return Ok(super::error("copy", "nothing was copied", why.to_string()));
    }
    let pasted =
        prompt::line("A text was copied. Paste it here, then press Enter (nothing came: just Enter):")?;
    Ok(if pasted == nonce {
        ok("copy", "arrived in your clipboard")
    } else {
        warning(
            "copy",
            "did not arrive in your clipboard",
            "allow OSC 52 in your terminal's settings, or hand secrets over with --write-to and --exec",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_tmux_are_compared_as_numbers() {
        assert_eq!(version_of("tmux 3.3a"), Some((3, 3)));
        assert_eq!(version_of("tmux 3.10"), Some((3, 10)));
        assert_eq!(version_of("tmux next-3.6"), None);
        assert!(version_of("tmux 2.9").unwrap() < (3, 2));
    }
}
