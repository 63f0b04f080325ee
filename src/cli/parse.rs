//! Reads the command line, and keeps secrets out of it.

use std::ffi::OsString;

use clap::Parser as _;
use clap::error::ErrorKind;

use super::error::{CommandError, ExitCode};
use super::{Cli, output};
use crate::domain::text;

/// Prefixes of what must never be an argument.
const SECRET_PREFIXES: [&str; 3] = ["sk_", "ses_", "inv_"];
/// Shorter words with such a prefix are no secrets.
const SECRET_MIN: usize = 24;

/// The command line, understood. Help and version are printed here and end with success.
///
/// # Errors
/// It is wrong, or holds a secret; secrets are not repeated.
pub fn parse_arguments(arguments: &[OsString]) -> Result<Option<Cli>, CommandError> {
    refuse_secrets(arguments)?;
    match Cli::try_parse_from(arguments) {
        Ok(cli) => Ok(Some(cli)),
        Err(e) if matches!(e.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => {
            output::write_stdout(e.render().to_string().as_bytes())?;
            Ok(None)
        }
        Err(e) => {
            let mut words = e.render().to_string();
            if e.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
                words = format!("say which of these is meant.\n\n{words}");
            }
            let words = words.strip_prefix("error: ").unwrap_or(&words);
            let fields = e.kind() == ErrorKind::UnknownArgument
                && arguments.iter().any(|a| a == "--json")
                && !words.contains("'--json");
            let tip = if fields {
                "\n\n  tip: fields of JSON are named with an equals sign: --json=id,name"
            } else {
                ""
            };
            Err(CommandError::new(ExitCode::Usage, redacted(words.trim_end()) + tip))
        }
    }
}

fn refuse_secrets(arguments: &[OsString]) -> Result<(), CommandError> {
    // What follows `--` belongs to another command.
    for argument in arguments.iter().skip(1).take_while(|a| *a != "--") {
        let argument = argument.to_string_lossy();
        let what = match () {
            () if argument == "--token" || argument.starts_with("--token=") => "a session",
            () if contains_secret(&argument) => "a secret",
            () => continue,
        };
        return Err(CommandError::usage(format!(
            "{what} on the command line is refused: every user of this machine can see it in `ps`, and the shell keeps it in its \
             history. Hand it over on standard input (--token-stdin, --code-stdin, `keyward verify < FILE`), in a file \
             (--token-file FILE), or as KEYWARD_TOKEN. If this one was real, treat it as leaked."
        )));
    }
    Ok(())
}

fn contains_secret(words: &str) -> bool {
    without_secrets(words) != words
}

/// The text without the secrets in it, safe to show.
fn redacted(words: &str) -> String {
    text::sanitize_block(&without_secrets(words))
}

fn without_secrets(words: &str) -> String {
    let mut out = String::with_capacity(words.len());
    let mut rest = words;
    let first = |text: &str| {
        SECRET_PREFIXES.iter().filter_map(|p| Some((text.find(p)?, p.len()))).min_by_key(|(at, _)| *at)
    };
    while let Some((at, prefix)) = first(rest) {
        let body = &rest[at + prefix..];
        let end = body.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(body.len());
        out.push_str(&rest[..at + prefix]);
        out.push_str(if prefix + end >= SECRET_MIN { "…" } else { &body[..end] });
        rest = &body[end..];
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        use clap::CommandFactory as _;
        Cli::command().debug_assert();
    }

    #[test]
    fn secrets_are_refused_and_not_repeated() {
        let secret = format!("sk_{}", "a1".repeat(20));
        for arguments in [
            vec!["keyward", "verify", &secret],
            vec!["keyward", "--token", "x", "whoami"],
            vec!["keyward", "--token=ses_x", "whoami"],
            vec!["keyward", "keys", "create", "--name", &secret],
        ] {
            let arguments: Vec<OsString> = arguments.into_iter().map(OsString::from).collect();
            let failure = parse_arguments(&arguments).unwrap_err();
            assert_eq!(failure.exit_code, ExitCode::Usage);
            assert!(failure.message.contains("history") && !failure.message.contains("a1a1"), "{failure}");
        }
        let demo: Vec<OsString> = ["keyward", "demo", "--", "echo", &secret].map(OsString::from).into();
        assert!(parse_arguments(&demo).is_ok());
        assert_eq!(redacted("sk_x and ses_"), "sk_x and ses_");
        assert_eq!(redacted(&format!("a {secret}, b")), "a sk_…, b");
    }
}
