//! `keyward keys create`: a new key whose secret goes to exactly one place.
//!
//! The place is opened first, then a record is kept of the create (never of the secret), then the key is made, then the secret is
//! handed over, and only then the server is told that it arrived. What breaks in between loses nothing: `--resume` issues the
//! secret anew.

use clap::Args;

use super::{KeyRow, KindArgs, named};
use crate::cli::connect::{CommandContext, Connection};
use crate::cli::error::{CommandError, ExitCode};
use crate::cli::output::{Output, OutputArgs, print_message};
use crate::cli::secret_output::{Delivered, SecretOutput, SecretOutputArgs};
use crate::client::state::{PendingCreate, PendingCreateFile};
use crate::clock;
use crate::domain::key::{self, KeyKind};
use crate::domain::text;
use crate::wire::keys::{CreateKey, CreatedKey};
use crate::wire::sessions::Me;

/// `keyward keys create`
#[derive(Args, Clone, Debug)]
#[command(
    after_help = "A key opens all data of the organization: treat its secret like a password. Grafana, SAP, shared reports and \
    servers get an organization key (--workspace); scripts and notebooks on one's own machine a personal one.\n\nExamples:\n  \
    keyward keys create --workspace --name 'Dashboard' --exec 'pass insert -m plant/key'\n  \
    keyward keys create --name 'notebook' --write-to key.txt\n  \
    keyward keys create --name 'notebook' | some-command"
)]
pub struct CreateArgs {
    /// The key's name
    #[arg(long, value_name = "TEXT", required_unless_present = "resume")]
    name: Option<String>,
    /// A note
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
    #[command(flatten)]
    kind: KindArgs,
    /// Issue the secret of an interrupted create anew (the earlier secret dies); says which where several were interrupted
    #[arg(long, value_name = "ID", num_args = 0..=1, require_equals = true, default_missing_value = "", conflicts_with_all = ["name", "note", "workspace"])]
    resume: Option<String>,
    #[command(flatten)]
    sink: SecretOutputArgs,
    #[command(flatten)]
    output: OutputArgs,
}

pub(super) async fn run(args: CreateArgs, context: &CommandContext) -> Result<ExitCode, CommandError> {
    if let Some(id) = &args.resume {
        return resume(id, &args, context).await;
    }
    let wrong =
        |field: &str, e: key::TextError| CommandError::usage(format!("--{field} {e}; no key was created"));
    let name = key::normalize_name(args.name.as_deref().unwrap_or("")).map_err(|e| wrong("name", e))?;
    let note = key::normalize_note(args.note.as_deref().unwrap_or("")).map_err(|e| wrong("note", e))?;
    let kind = args.kind.kind();
    advise(&name, kind);
    let connection = context.connect()?;
    let (me, _) = super::me(&connection).await?;
    let create = CreateKey { name, note, replaces: None };
    make(&connection, &me, context, kind, create, &args.sink, &args.output).await
}

/// Says on a terminal that the name suggests the other kind.
pub(crate) fn advise(name: &str, kind: KeyKind) {
    if let Some((better, why)) = key::recommended_kind(name)
        && better != kind
        && std::io::IsTerminal::is_terminal(&std::io::stderr())
    {
        let how = if better == KeyKind::Organization { "with --workspace" } else { "without --workspace" };
        print_message(&format!("note: this looks like a case for {better} keys ({how}): {why}"));
    }
}

/// Makes a key and hands its secret over.
pub(crate) async fn make(
    connection: &Connection,
    me: &Me,
    context: &CommandContext,
    kind: KeyKind,
    create: CreateKey,
    sink: &SecretOutputArgs,
    output: &OutputArgs,
) -> Result<ExitCode, CommandError> {
    let output = Output::new::<KeyRow>(output, context.ascii())?;
    let sink = sink.open(&context.environment)?;
    let pending = PendingCreate {
        idempotency_key: idempotency_key(),
        url: connection.target.address.to_string(),
        member: me.member.id,
        kind,
        create,
        at: context.clock.now(),
        key_id: None,
        leaked: None,
    };
    let record = match context.state.record_create(&pending) {
        Ok(record) => record,
        Err(e) => {
            sink.abandon();
            return Err(CommandError::from(e).with_prefix(
                "no key was created, since nothing could be noted for the case of a broken connection",
            ));
        }
    };
    issue(connection, &pending, record, sink, &output).await
}

/// Sends the create, for the first time or again, and hands the secret over.
async fn issue(
    connection: &Connection,
    pending: &PendingCreate,
    mut record: PendingCreateFile,
    sink: SecretOutput,
    output: &Output,
) -> Result<ExitCode, CommandError> {
    let created =
        connection.client.create_key(pending.kind, pending.create.clone(), &pending.idempotency_key).await;
    let CreatedKey { key, secret } = match created {
        Ok(created) => created,
        Err(error) => {
            sink.abandon();
            if error.is_outcome_unknown() {
                let again = resume_command(&pending.idempotency_key);
                let failure = CommandError::from(error);
                let words = format!(
                    "{} Whether the key was created is not known: {again} finds out and gives its secret.",
                    failure.message
                );
                return Err(CommandError::new(failure.exit_code, words));
            }
            record.remove()?;
            return Err(error.into());
        }
    };
    let Some(secret) = secret else {
        sink.abandon();
        record.remove()?;
        return Err(CommandError::new(
            ExitCode::Refused,
            format!(
                "the key {} was used or its secret confirmed meanwhile, so the secret is not issued again. If you do not have it, \
                 revoke the key and create another.",
                named(&key)
            ),
        ));
    };
    // Only a help for the next start: without it the idempotency key still finds the key.
    let _ = record.update(&PendingCreate { key_id: Some(key.id), ..pending.clone() });
    let takes_stdout = sink.takes_stdout();
    match sink.deliver(secret.expose()) {
        Err(why) => {
            return Err(CommandError::new(
                ExitCode::Failure,
                format!(
                    "The key {} was created, but its secret did not arrive: {why}.\nIssue it anew, elsewhere if need be (the earlier \
                     secret dies): {}\nOr revoke it: keyward keys revoke {}",
                    named(&key),
                    resume_command(&pending.idempotency_key),
                    key.id
                ),
            ));
        }
        Ok(Delivered::Perhaps) => {
            print_message(&format!(
                "note: nobody has read the secret yet. If it gets lost, {} issues it anew.",
                resume_command(&pending.idempotency_key)
            ));
            return Ok(ExitCode::Success);
        }
        Ok(Delivered::Surely) => {}
    }
    let key = match connection.client.confirm_key(key.kind, key.id).await {
        Ok(key) => key,
        Err(e) => {
            print_message(&format!("warning: the secret arrived, but the server could not be told: {e}"));
            key
        }
    };
    record.remove()?;
    if takes_stdout || output.is_table() {
        print_message(&format!("Created the {} key {}.", pending.kind, named(&key)));
    } else {
        output.one(&KeyRow::new(key, None), &[])?;
    }
    Ok(ExitCode::Success)
}

async fn resume(id: &str, args: &CreateArgs, context: &CommandContext) -> Result<ExitCode, CommandError> {
    let output = Output::new::<KeyRow>(&args.output, context.ascii())?;
    let connection = context.connect()?;
    let (me, _) = super::me(&connection).await?;
    let url = connection.target.address.to_string();
    let mut left = context.state.take_over_abandoned()?;
    left.retain(|(pending, _)| {
        pending.url == url
            && pending.member == me.member.id
            && (id.is_empty() || pending.idempotency_key == id)
    });
    match left.len() {
        0 => Err(CommandError::new(
            ExitCode::NotFound,
            format!("no create was interrupted here on {}", connection.target.label()),
        )),
        1 => {
            let (pending, record) = left.remove(0);
            let sink = args.sink.open(&context.environment)?;
            issue(&connection, &pending, record, sink, &output).await
        }
        _ => {
            let lines: Vec<String> = left
                .iter()
                .map(|(p, _)| {
                    format!(
                        "  --resume={}  \"{}\" at {}",
                        p.idempotency_key,
                        text::sanitize_line(&p.create.name),
                        p.at
                    )
                })
                .collect();
            Err(CommandError::new(
                ExitCode::Refused,
                format!("several creates were interrupted; say which:\n{}", lines.join("\n")),
            ))
        }
    }
}

fn resume_command(idempotency_key: &str) -> String {
    format!("`keyward keys create --resume={idempotency_key}`")
}

/// 128 random bits in hexadecimal.
pub(crate) fn idempotency_key() -> String {
    format!("{:032x}", u128::from_be_bytes(clock::random_bytes()))
}
