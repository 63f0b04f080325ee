//! `keyward keys edit`: changes the name or note of a key.

use clap::Args;

use super::{KeyRow, KindArgs, describe, target};
use crate::cli::connect::CommandContext;
use crate::cli::error::{CommandError, ExitCode};
use crate::cli::output::{Output, OutputArgs, OutputFormat, print_message};
use crate::domain::key;
use crate::wire::keys::EditKey;

/// Arguments of `keyward keys edit`.
#[derive(Args, Clone, Debug)]
#[command(
    after_help = "Example:\n  keyward keys edit --workspace 'Grafana' --note 'Hall 3, ask maintenance'"
)]
#[command(group(clap::ArgGroup::new("change").args(["name", "note"]).required(true).multiple(true)))]
pub struct EditArgs {
    /// Id or exact name of the key
    #[arg(value_name = "KEY")]
    key: String,
    #[command(flatten)]
    kind: KindArgs,
    /// New name
    #[arg(long, value_name = "TEXT")]
    name: Option<String>,
    /// New note (an empty one removes the note)
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
    #[command(flatten)]
    output: OutputArgs,
}

pub(super) async fn run(args: EditArgs, context: &CommandContext) -> Result<ExitCode, CommandError> {
    let invalid =
        |field: &str, e: key::TextError| CommandError::usage(format!("--{field} {e}. Nothing was changed."));
    let body = EditKey {
        name: args.name.map(|n| key::normalize_name(&n)).transpose().map_err(|e| invalid("name", e))?,
        note: args
            .note
            .map(|n| key::normalize_note(&n).map(Option::unwrap_or_default))
            .transpose()
            .map_err(|e| invalid("note", e))?,
    };
    let output = Output::new::<KeyRow>(&args.output, context.is_ascii_only())?;
    let connection = context.connect()?;
    let key = target::find_key(&connection, args.kind.kind(), &args.key).await?;
    let key = connection.client.edit_key(key.kind, key.id, key.version, body).await?;
    if output.format() == OutputFormat::Table {
        print_message(&format!("Changed {}.", describe(&key)));
    } else {
        output.print_one(&KeyRow::new(key, None), &[])?;
    }
    Ok(ExitCode::Success)
}
