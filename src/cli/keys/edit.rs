//! `keyward keys edit`

use clap::Args;

use super::{KeyRow, KindArgs, describe, target};
use crate::cli::connect::CommandContext;
use crate::cli::error::{CommandError, ExitCode};
use crate::cli::output::{Output, OutputArgs, OutputFormat, print_message};
use crate::domain::key;
use crate::wire::keys::EditKey;

/// `keyward keys edit`
#[derive(Args, Clone, Debug)]
#[command(
    after_help = "Example:\n  keyward keys edit --workspace 'Grafana' --note 'Hall 3, ask maintenance'"
)]
#[command(group(clap::ArgGroup::new("change").args(["name", "note"]).required(true).multiple(true)))]
pub struct EditArgs {
    /// The key: its id, or its exact name
    #[arg(value_name = "KEY")]
    key: String,
    #[command(flatten)]
    kind: KindArgs,
    /// The new name
    #[arg(long, value_name = "TEXT")]
    name: Option<String>,
    /// The new note; an empty one removes it
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
    #[command(flatten)]
    output: OutputArgs,
}

pub(super) async fn run(args: EditArgs, context: &CommandContext) -> Result<ExitCode, CommandError> {
    let wrong =
        |field: &str, e: key::TextError| CommandError::usage(format!("--{field} {e}; nothing was changed"));
    let body = EditKey {
        name: args.name.map(|n| key::normalize_name(&n)).transpose().map_err(|e| wrong("name", e))?,
        note: args
            .note
            .map(|n| key::normalize_note(&n).map(Option::unwrap_or_default))
            .transpose()
            .map_err(|e| wrong("note", e))?,
    };
    let output = Output::new::<KeyRow>(&args.output, context.is_ascii_only())?;
    let connection = context.connect()?;
    let key = target::find(&connection, args.kind.kind(), &args.key).await?;
    let key = connection.client.edit_key(key.kind, key.id, key.version, body).await?;
    if output.format() == OutputFormat::Table {
        print_message(&format!("Changed {}.", describe(&key)));
    } else {
        output.print_one(&KeyRow::new(key, None), &[])?;
    }
    Ok(ExitCode::Success)
}
