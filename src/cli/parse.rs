//! Parses the command line, and refuses secrets on it. A refused secret is never repeated in a message.

use std::ffi::OsString;

use clap::Parser as _;
use clap::error::ErrorKind;

use super::error::{CommandError, ExitCode};
use super::{Cli, output};
use crate::domain::text;

/// Prefixes of API keys, session tokens and sign-in codes, which are refused as arguments.
const SECRET_PREFIXES: [&str; 3] = ["sk_", "ses_", "inv_"];
/// Minimum length of a secret in characters, including the prefix. Shorter words with a prefix are not treated as secrets.
const SECRET_LENGTH_MIN: usize = 24;

/// Parses the command line. Returns `None` after printing the help or the version.
///
/// # Errors
/// Fails if the command line is invalid or contains a secret.
pub fn parse_arguments(arguments: &[OsString]) -> Result<Option<Cli>, CommandError> {
    refuse_secrets(arguments)?;
    match Cli::try_parse_from(arguments) {
        Ok(cli) => Ok(Some(cli)),
        Err(e) if matches!(e.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => {
            output::write_stdout(e.render().to_string().as_bytes())?;
            Ok(None)
        }
        Err(e) => {
            let mut message = e.render().to_string();
            if e.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
                message = format!("Specify one of these commands.\n\n{message}");
            }
            let message = message.strip_prefix("error: ").unwrap_or(&message);
            let has_detached_fields = e.kind() == ErrorKind::UnknownArgument
                && arguments.iter().any(|a| a == "--json")
                && !message.contains("'--json");
            let tip = if has_detached_fields {
                "\n\n  tip: write JSON fields after an equals sign: --json=id,name"
            } else {
                ""
            };
            Err(CommandError::new(ExitCode::Usage, redact(message.trim_end()) + tip))
        }
    }
}

fn refuse_secrets(arguments: &[OsString]) -> Result<(), CommandError> {
    // Arguments after `--` belong to another command.
    for argument in arguments.iter().skip(1).take_while(|a| *a != "--") {
        let argument = argument.to_string_lossy();
        let secret = if argument == "--token" || argument.starts_with("--token=") {
            "A session"
        } else if contains_secret(&argument) {
            "A secret"
        } else {
            continue;
        };
        return Err(CommandError::usage(format!(
            "{secret} on the command line is refused: every user of this machine can see it in `ps`, and the shell saves it in \
             its history. Pass it on standard input (--token-stdin, --code-stdin, `keyward verify < FILE`), in a file \
             (--token-file FILE), or as KEYWARD_TOKEN. If it is a real secret, treat it as leaked."
        )));
    }
    Ok(())
}

fn contains_secret(text: &str) -> bool {
    remove_secrets(text) != text
}

/// Removes secrets and control characters from a message.
fn redact(message: &str) -> String {
    text::sanitize_block(&remove_secrets(message))
}

fn remove_secrets(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let first_prefix = |text: &str| {
        SECRET_PREFIXES.iter().filter_map(|p| Some((text.find(p)?, p.len()))).min_by_key(|(at, _)| *at)
    };
    while let Some((at, prefix)) = first_prefix(rest) {
        let body = &rest[at + prefix..];
        let end = body.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(body.len());
        out.push_str(&rest[..at + prefix]);
        out.push_str(if prefix + end >= SECRET_LENGTH_MIN { "…" } else { &body[..end] });
        rest = &body[end..];
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_definition_is_valid() {
        use clap::CommandFactory as _;
        Cli::command().debug_assert();
    }

    #[test]
    fn secrets_in_arguments_are_refused_and_never_printed() {
        let secret = format!("sk_{}", "a1".repeat(20));
        for arguments in [
            vec!["keyward", "verify", &secret],
            vec!["keyward", "--token", "x", "whoami"],
            vec!["keyward", "--token=ses_x", "whoami"],
            vec!["keyward", "keys", "create", "--name", &secret],
        ] {
            let arguments: Vec<OsString> = arguments.into_iter().map(OsString::from).collect();
            let error = parse_arguments(&arguments).unwrap_err();
            assert_eq!(error.exit_code, ExitCode::Usage);
            assert!(error.message.contains("history") && !error.message.contains("a1a1"), "{error}");
        }
        let demo: Vec<OsString> = ["keyward", "demo", "--", "echo", &secret].map(OsString::from).into();
        assert!(parse_arguments(&demo).is_ok());
        assert_eq!(redact("sk_x and ses_"), "sk_x and ses_");
        assert_eq!(redact(&format!("a {secret}, b")), "a sk_…, b");
    }
}
