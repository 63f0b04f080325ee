//! `keyward verify` uses a key once and explains the reply. `keyward whoami` looks a key up without using it.

use clap::{Args, ValueEnum};
use serde::Serialize;
use zeroize::Zeroizing;

use super::connect::CommandContext;
use super::error::{CommandError, ExitCode};
use super::output::schema::{FOUND_KEY_FIELDS, MEMBER_REF_FIELDS, field, object, one_of, outline};
use super::output::{self, JsonField, Output, OutputArgs, OutputColumn, OutputRow, format_time};
use super::prompt;
use super::words::word_of;
use crate::client::{CallRequest, Client, ClientError, Credential, ProbeReply};
use crate::domain::key::KeyKind;
use crate::domain::member::Role;
use crate::domain::text;
use crate::wire::keys::{FoundKey, LookUpKey, LookUpKeyCall, SecretString};
use crate::wire::problem::ProblemType;
use crate::wire::sessions::{GetMe, Me};

mod pasted;

use pasted::PastedKey;

/// Arguments of `keyward verify`.
#[derive(Args, Clone, Debug)]
#[command(after_help = verify_after_help())]
pub struct VerifyArgs {
    #[command(flatten)]
    output: OutputArgs,
}

fn verify_after_help() -> String {
    format!(
        "The key is read from standard input or a prompt, never from an argument. With --url, any server that accepts \
         `Authorization: Bearer` and has `/api/v2/sites` can verify the key.\n\nExamples:\n  keyward verify < key.txt\n  \
        keyward verify --url https://app.plant.example < key.txt\n\n\
        Output with --json: {outline}.",
        outline = outline(VerifyRow::FIELDS)
    )
}

/// Arguments of `keyward whoami`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "Examples:\n  keyward whoami < key.txt\n  keyward whoami < /dev/null")]
pub struct WhoamiArgs {
    #[command(flatten)]
    output: OutputArgs,
}

/// Why a key was accepted or refused. `CredentialsMissing` to `KeyInvalid` correspond to problem types of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
enum VerifyCause {
    Valid,
    CredentialsMissing,
    AuthorizationMalformed,
    KeyMalformed,
    KeyInvalid,
    Forbidden,
}

/// Result of `keyward verify`.
#[derive(Serialize)]
pub(super) struct VerifyRow {
    valid: bool,
    status: Option<u16>,
    cause: VerifyCause,
    #[serde(rename = "detail")]
    sentences: Vec<String>,
    #[serde(rename = "key")]
    found_key: Option<FoundKey>,
}

impl OutputRow for VerifyRow {
    const FIELDS: &'static [JsonField] = &[
        field("valid", "true if the server accepts the key"),
        field("status", "number; the HTTP status, or null if no request was sent"),
        one_of::<VerifyCause>("cause"),
        field("detail", "list of sentences"),
        object("key", "key that was looked up, or null", FOUND_KEY_FIELDS),
    ];

    const COLUMNS: &'static [OutputColumn<Self>] = &[
        OutputColumn {
            title: "Valid",
            field: "valid",
            rank: 0,
            cut: false,
            cell: |v| v.valid.to_string().into(),
        },
        OutputColumn {
            title: "Status",
            field: "status",
            rank: 0,
            cut: false,
            cell: |v| v.status.map_or_else(String::new, |s| s.to_string()).into(),
        },
        OutputColumn {
            title: "Cause",
            field: "cause",
            rank: 0,
            cut: false,
            cell: |v| word_of(&v.cause).into(),
        },
        OutputColumn {
            title: "Detail",
            field: "detail",
            rank: 0,
            cut: true,
            cell: |v| v.sentences.join(" ").into(),
        },
        OutputColumn { title: "Id", field: "id", rank: 1, cut: false, cell: |v| v.id().into() },
    ];

    fn json(&self) -> String {
        output::to_json(self)
    }

    fn id(&self) -> String {
        self.found_key.as_ref().map_or_else(String::new, |f| f.id.to_string())
    }
}

pub(super) async fn verify(args: VerifyArgs, context: &CommandContext) -> Result<ExitCode, CommandError> {
    let output = Output::new::<VerifyRow>(&args.output, context.is_ascii_only())?;
    let target = context.target()?;
    let secret = prompt::read_secret(&format!("API key to verify at {} (counts as a use):", target.label()))?;
    let pasted = PastedKey::new(&secret);
    if pasted.key().is_empty() {
        return Err(CommandError::usage("No key was given."));
    }
    let client = context.client(&target, Credential::none())?;
    let verdict = if pasted.can_be_sent() {
        let probe = client.probe(&pasted.authorization()).await?;
        let signed_in = context.connect().ok().map(|c| c.client);
        explain_reply(&probe, &pasted, signed_in.as_ref(), &client).await?
    } else {
        let sentences =
            [vec!["The key cannot be sent in a header, so no request was sent.".to_owned()], pasted.hints()]
                .concat();
        VerifyRow { valid: false, status: None, cause: VerifyCause::KeyMalformed, sentences, found_key: None }
    };
    if output.is_table() {
        output::write_stdout(
            format!("{}\n", text::sanitize_block(&verdict.sentences.join("\n"))).as_bytes(),
        )?;
    } else {
        output.print_one(&verdict, &[])?;
    }
    Ok(if verdict.valid { ExitCode::Success } else { ExitCode::Failure })
}

async fn explain_reply(
    probe: &ProbeReply,
    pasted: &PastedKey<'_>,
    signed_in: Option<&Client>,
    client: &Client,
) -> Result<VerifyRow, CommandError> {
    let server = client.address();
    let hints = pasted.hints();
    let kind = probe.problem.as_ref().map(|p| p.kind);
    let mut sentences = Vec::new();
    let (valid, cause) = match (probe.status, kind) {
        (200..=299, _) if !probe.json => {
            return Err(CommandError::new(
                ExitCode::Failure,
                format!(
                    "{server} replied {status} with a page that is not JSON, which says nothing about the key. Check the address.",
                    status = probe.status
                ),
            ));
        }
        (200..=299, _) => {
            sentences.push(format!("The key is valid: {server} accepts it."));
            sentences.push(format!(
                "This verification counted as a use by keyward/{version}.",
                version = env!("CARGO_PKG_VERSION")
            ));
            sentences.extend(hints.iter().map(|hint| format!("But the pasted text has a problem: {hint}")));
            (true, VerifyCause::Valid)
        }
        (401, Some(ProblemType::CredentialsMissing)) => (false, VerifyCause::CredentialsMissing),
        (401, Some(ProblemType::AuthorizationMalformed)) => (false, VerifyCause::AuthorizationMalformed),
        (401, Some(ProblemType::KeyMalformed)) => (false, VerifyCause::KeyMalformed),
        (401, _) => (false, VerifyCause::KeyInvalid),
        (429 | 500..=599, _) => {
            let problem = probe.problem.as_ref().map_or_else(String::new, |p| format!(" ({p})"));
            return Err(CommandError::new(
                ExitCode::Unreachable,
                format!(
                    "{server} replied {status}{problem}, which says nothing about the key. Try again in a moment.",
                    status = probe.status
                ),
            ));
        }
        (403, _) => (false, VerifyCause::Forbidden),
        (404, _) => {
            return Err(CommandError::new(
                ExitCode::NotFound,
                format!("{server} has no /api/v2/sites (404), so it cannot verify keys. Check the address."),
            ));
        }
        (status, _) => {
            return Err(CommandError::new(
                ExitCode::Failure,
                format!("{server} replied {status}, which says nothing about the key. Check the address."),
            ));
        }
    };
    if !valid {
        sentences.push(format!(
            "The key is not accepted: {server} replied {status} ({cause}).",
            status = probe.status,
            cause = word_of(&cause)
        ));
        sentences.extend(hints.iter().cloned());
        if cause == VerifyCause::Forbidden {
            sentences.push("The server knows the key, but does not allow this request.".to_owned());
        }
    }
    let found_key = look_up(signed_in, pasted.key()).await;
    match &found_key {
        Some(found) => sentences.push(describe(found)),
        None if !valid && hints.is_empty() && cause != VerifyCause::Forbidden => sentences.push(
            "The key is well-formed, so it was revoked, its member was removed, or it belongs to another server. An admin of \
             the server can tell which."
                .to_owned(),
        ),
        None => {}
    }
    Ok(VerifyRow { valid, status: Some(probe.status), cause, sentences, found_key })
}

/// Looks up a key by its secret. Returns `None` if nobody is signed in, or if the member may not see the key.
async fn look_up(signed_in: Option<&Client>, key: &str) -> Option<FoundKey> {
    let body = LookUpKey { secret: SecretString::new(key) };
    signed_in?.send(CallRequest::with(LookUpKeyCall, body)).await.ok()
}

fn describe(found: &FoundKey) -> String {
    let kind = match found.kind {
        KeyKind::Personal => format!("a personal key of {email}", email = found.created_by.email),
        KeyKind::Organization => "an organization key".to_owned(),
    };
    let name = found.key.as_ref().map_or_else(String::new, |k| format!(" \"{}\"", k.name));
    let key_in_words = format!("It is {kind}{name} ({masked}, {id})", masked = found.masked, id = found.id);
    let Some(at) = found.revoked_at else { return format!("{key_in_words}, and it is active.") };
    let key = found.key.as_ref();
    let by = key.and_then(|k| k.revoked_by.as_ref()).map_or_else(String::new, |m| format!(" by {}", m.email));
    let why = key.and_then(|k| k.revoke_reason.as_ref()).map_or_else(String::new, |r| format!(": {r}"));
    format!("{key_in_words}, revoked {time}{by}{why}.", time = format_time(at))
}

pub(super) async fn whoami(args: WhoamiArgs, context: &CommandContext) -> Result<ExitCode, CommandError> {
    let connection = context.connect()?;
    let secret = if context.flags.token_stdin {
        Zeroizing::new(String::new())
    } else {
        prompt::read_secret(&format!(
            "API key to look up at {server} (empty: show who is signed in):",
            server = connection.target.label()
        ))?
    };
    let pasted = PastedKey::new(&secret);
    if pasted.key().is_empty() {
        let output = Output::new::<MeRow>(&args.output, context.is_ascii_only())?;
        let me = connection.send(CallRequest::to(GetMe)).await?;
        let details = [
            ("Member", me.member.email.clone()),
            ("Name", me.member.name.clone()),
            ("Role", me.role.to_string()),
            ("Organization", me.organization.name.clone()),
            ("Server", connection.target.label()),
        ];
        output.print_one(&MeRow(me), &details)?;
        return Ok(ExitCode::Success);
    }
    let output = Output::new::<FoundRow>(&args.output, context.is_ascii_only())?;
    let body = LookUpKey { secret: SecretString::new(pasted.key()) };
    match connection.client.send(CallRequest::with(LookUpKeyCall, body)).await {
        Ok(found) => {
            let description = describe(&found);
            output.print_one(&FoundRow(found), &[("Key", description)])?;
            Ok(ExitCode::Success)
        }
        Err(e) => Err(not_found_error(e, &pasted)),
    }
}

fn not_found_error(error: ClientError, pasted: &PastedKey<'_>) -> CommandError {
    let is_unknown_key =
        error.is_problem(ProblemType::NotFound) || error.is_problem(ProblemType::FieldInvalid);
    let mut error = CommandError::from(error);
    if is_unknown_key {
        error.exit_code = ExitCode::NotFound;
        let hints = pasted.hints();
        error.message = if hints.is_empty() {
            "None of the keys that you may see has this secret.".to_owned()
        } else {
            hints.join(" ")
        };
    }
    error
}

/// The signed-in member, in the output of `keyward whoami` without a key.
pub(super) struct MeRow(Me);

impl OutputRow for MeRow {
    const FIELDS: &'static [JsonField] = &[
        object("member", "member", MEMBER_REF_FIELDS),
        one_of::<Role>("role"),
        object("organization", "organization", &[field("id", "id"), field("name", "text")]),
        field("may", "object; for each operation, true if the member may do it"),
        field("usage_tracking_since", "time"),
        field("as_of", "time; the server's current time"),
        field("policy", "object; the policy limits, keyed by name"),
    ];

    const COLUMNS: &'static [OutputColumn<Self>] = &[
        OutputColumn {
            title: "Member",
            field: "email",
            rank: 0,
            cut: true,
            cell: |m| m.0.member.email.as_str().into(),
        },
        OutputColumn {
            title: "Role",
            field: "role",
            rank: 0,
            cut: false,
            cell: |m| m.0.role.to_string().into(),
        },
        OutputColumn {
            title: "Organization",
            field: "organization",
            rank: 0,
            cut: true,
            cell: |m| m.0.organization.name.as_str().into(),
        },
        OutputColumn { title: "Id", field: "id", rank: 0, cut: false, cell: |m| m.id().into() },
    ];

    fn json(&self) -> String {
        output::to_json(&self.0)
    }

    fn id(&self) -> String {
        self.0.member.id.to_string()
    }
}

/// A key that was looked up by its secret.
pub(super) struct FoundRow(FoundKey);

impl OutputRow for FoundRow {
    const FIELDS: &'static [JsonField] = FOUND_KEY_FIELDS;

    const COLUMNS: &'static [OutputColumn<Self>] = &[
        OutputColumn {
            title: "Kind",
            field: "kind",
            rank: 0,
            cut: false,
            cell: |f| f.0.kind.to_string().into(),
        },
        OutputColumn {
            title: "Secret key",
            field: "masked",
            rank: 0,
            cut: false,
            cell: |f| f.0.masked.as_str().into(),
        },
        OutputColumn {
            title: "Created by",
            field: "created_by",
            rank: 0,
            cut: true,
            cell: |f| f.0.created_by.email.as_str().into(),
        },
        OutputColumn {
            title: "Revoked",
            field: "revoked_at",
            rank: 0,
            cut: false,
            cell: |f| output::CellValue::time(f.0.revoked_at),
        },
        OutputColumn { title: "Id", field: "id", rank: 0, cut: false, cell: |f| f.id().into() },
    ];

    fn json(&self) -> String {
        output::to_json(&self.0)
    }

    fn id(&self) -> String {
        self.0.id.to_string()
    }
}
