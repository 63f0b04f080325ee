//! `keyward keys create`: creates a key and delivers its secret to exactly one destination.
//!
//! 1. The destination is opened ([`SecretOutputArgs::open`]).
//! 2. The create is recorded in the state folder, never the secret ([`create_and_deliver`]).
//! 3. The key is created, the secret is delivered, and the delivery is confirmed to the server ([`create_or_retry`]).
//!
//! A failure in between loses nothing: `--resume` issues the secret anew.

use clap::Args;

use super::{KeyRow, KindArgs, describe};
use crate::cli::connect::{CommandContext, Connection};
use crate::cli::error::{CommandError, ExitCode};
use crate::cli::output::{Output, OutputArgs, print_message};
use crate::cli::secret_output::{SecretOutput, SecretOutputArgs};
use crate::client::state::{PendingCreate, PendingCreateFile};
use crate::clock;
use crate::domain::key::{self, KeyKind};
use crate::domain::text;
use crate::secret_delivery::stdout::Receipt;
use crate::wire::keys::{CreateKey, CreatedKey};
use crate::wire::sessions::Me;

/// Arguments of `keyward keys create`.
#[derive(Args, Clone, Debug)]
#[command(
    after_help = "A key gives access to all data of the organization: treat its secret like a password. Use an organization key \
    (--workspace) for Grafana, SAP, shared reports and servers, and a personal key for scripts and notebooks on your own \
    machine.\n\nExamples:\n  \
    keyward keys create --workspace --name 'Dashboard' --exec 'pass insert -m plant/key'\n  \
    keyward keys create --name 'notebook' --write-to key.txt\n  \
    keyward keys create --name 'notebook' | some-command"
)]
pub struct CreateArgs {
    /// Name of the key
    #[arg(long, value_name = "TEXT", required_unless_present = "resume")]
    name: Option<String>,
    /// Note about the key
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
    #[command(flatten)]
    kind: KindArgs,
    /// Reissue the secret of a key whose creation was interrupted (the earlier secret stops working). Without an ID, resume
    /// the only interrupted creation, or list all of them
    #[arg(long, value_name = "ID", num_args = 0..=1, require_equals = true, default_missing_value = "", conflicts_with_all = ["name", "note", "workspace"])]
    resume: Option<String>,
    #[command(flatten)]
    secret_output: SecretOutputArgs,
    #[command(flatten)]
    output: OutputArgs,
}

pub(super) async fn run(args: CreateArgs, context: &CommandContext) -> Result<ExitCode, CommandError> {
    if let Some(id) = &args.resume {
        return resume_creation(id, &args, context).await;
    }
    let invalid =
        |flag: &str, e: key::TextError| CommandError::usage(format!("--{flag} {e}. No key was created."));
    let name = key::normalize_name(args.name.as_deref().unwrap_or("")).map_err(|e| invalid("name", e))?;
    let note = key::normalize_note(args.note.as_deref().unwrap_or("")).map_err(|e| invalid("note", e))?;
    let kind = args.kind.kind();
    suggest_other_kind(&name, kind);
    let connection = context.connect()?;
    let (me, _) = super::fetch_me(&connection).await?;
    let create = CreateKey { name, note, replaces: None };
    create_and_deliver(&connection, &me, context, kind, create, &args.secret_output, &args.output).await
}

/// Prints a hint if the name suggests the other kind of key and standard error is a terminal.
fn suggest_other_kind(name: &str, kind: KeyKind) {
    if let Some((better, reason)) = key::recommended_kind(name)
        && better != kind
        && std::io::IsTerminal::is_terminal(&std::io::stderr())
    {
        let flag = if better == KeyKind::Organization { "with --workspace" } else { "without --workspace" };
        print_message(&format!("note: {better} keys ({flag}) fit this name better: {reason}"));
    }
}

/// Creates a key, delivers its secret, and returns the exit code.
pub(in crate::cli) async fn create_and_deliver(
    connection: &Connection,
    me: &Me,
    context: &CommandContext,
    kind: KeyKind,
    create: CreateKey,
    secret_output: &SecretOutputArgs,
    output: &OutputArgs,
) -> Result<ExitCode, CommandError> {
    let output = Output::new::<KeyRow>(output, context.is_ascii_only())?;
    let secret_output = secret_output.open(context)?;
    let pending = PendingCreate {
        idempotency_key: new_idempotency_key(),
        url: connection.target.address.to_string(),
        member: me.member.id,
        kind,
        create,
        at: context.clock.now(),
        key_id: None,
        leaked: None,
    };
    let record = context.state.record_create(&pending).map_err(|e| {
        CommandError::from(e)
            .with_prefix("No key was created, because the attempt could not be recorded for recovery")
    })?;
    create_or_retry(connection, &pending, record, secret_output, &output).await
}

/// Sends the request that creates the key, whether for the first time or as a retry, and delivers the secret.
async fn create_or_retry(
    connection: &Connection,
    pending: &PendingCreate,
    mut record: PendingCreateFile,
    secret_output: SecretOutput,
    output: &Output,
) -> Result<ExitCode, CommandError> {
    let created =
        connection.client.create_key(pending.kind, pending.create.clone(), &pending.idempotency_key).await;
    let CreatedKey { key, secret } = match created {
        Ok(created) => created,
        Err(error) if error.is_outcome_unknown() => {
            let CommandError { exit_code, message } = CommandError::from(error);
            let resume = resume_command(&pending.idempotency_key);
            let message = format!(
                "{message} It is unknown whether the key was created. Run {resume} to find out and to get its secret."
            );
            return Err(CommandError::new(exit_code, message));
        }
        Err(error) => {
            record.remove()?;
            return Err(error.into());
        }
    };
    let Some(secret) = secret else {
        record.remove()?;
        return Err(CommandError::new(
            ExitCode::Refused,
            format!(
                "The key {key} has since been used, or its secret confirmed, so the secret cannot be issued again. If you do not \
                 have the secret, revoke the key and create another.",
                key = describe(&key)
            ),
        ));
    };
    // Saves the next attempt a request; the idempotency key finds the key without it too.
    let _ = record.update(&PendingCreate { key_id: Some(key.id), ..pending.clone() });
    let uses_stdout = secret_output.uses_stdout();
    match secret_output.deliver(secret.expose()).await {
        Err(error) => {
            return Err(CommandError::new(
                ExitCode::Failure,
                format!(
                    "The key {key} was created, but its secret was not delivered: {error}\nReissue the secret, if necessary to \
                     another destination (the earlier secret stops working): {resume_command}\nOr revoke the key: `keyward keys revoke {id}`",
                    key = describe(&key),
                    resume_command = resume_command(&pending.idempotency_key),
                    id = key.id
                ),
            ));
        }
        Ok(Receipt::NotYetRead) => {
            print_message(&format!(
                "note: the secret has not been read yet. If it gets lost, run {resume_command} to reissue it.",
                resume_command = resume_command(&pending.idempotency_key)
            ));
            return Ok(ExitCode::Success);
        }
        Ok(Receipt::Read) => {}
    }
    let key = match connection.client.confirm_key(key.kind, key.id).await {
        Ok(key) => key,
        Err(e) => {
            print_message(&format!(
                "warning: the secret was delivered, but the delivery could not be reported to the server: {e}"
            ));
            key
        }
    };
    record.remove()?;
    if uses_stdout || output.is_table() {
        print_message(&format!("Created the {kind} key {key}.", kind = pending.kind, key = describe(&key)));
    } else {
        output.print_one(&KeyRow::new(key, None), &[])?;
    }
    Ok(ExitCode::Success)
}

async fn resume_creation(
    id: &str,
    args: &CreateArgs,
    context: &CommandContext,
) -> Result<ExitCode, CommandError> {
    let output = Output::new::<KeyRow>(&args.output, context.is_ascii_only())?;
    let connection = context.connect()?;
    let (me, _) = super::fetch_me(&connection).await?;
    let url = connection.target.address.to_string();
    let mut interrupted = context.state.take_over_abandoned()?;
    interrupted.retain(|(pending, _)| {
        pending.url == url
            && pending.member == me.member.id
            && (id.is_empty() || pending.idempotency_key == id)
    });
    match interrupted.len() {
        0 => Err(CommandError::new(
            ExitCode::NotFound,
            format!(
                "No key creation for {server} was interrupted on this machine.",
                server = connection.target.label()
            ),
        )),
        1 => {
            let (pending, record) = interrupted.remove(0);
            let secret_output = args.secret_output.open(context)?;
            create_or_retry(&connection, &pending, record, secret_output, &output).await
        }
        _ => {
            let line = |pending: &PendingCreate| {
                let (id, name) = (&pending.idempotency_key, text::sanitize_line(&pending.create.name));
                format!("  --resume={id}  \"{name}\" at {time}", time = pending.at)
            };
            let lines: Vec<String> = interrupted.iter().map(|(pending, _)| line(pending)).collect();
            Err(CommandError::new(
                ExitCode::Refused,
                format!(
                    "Several key creations were interrupted. Choose the one to resume:\n{creations}",
                    creations = lines.join("\n")
                ),
            ))
        }
    }
}

fn resume_command(idempotency_key: &str) -> String {
    format!("`keyward keys create --resume={idempotency_key}`")
}

/// Returns a new idempotency key: 128 random bits in hexadecimal.
pub(in crate::cli) fn new_idempotency_key() -> String {
    format!("{:032x}", u128::from_be_bytes(clock::random_bytes()))
}
