//! `keyward login`, `logout` and `profiles`: signs in and out, and lists the profiles.

use clap::Args;
use serde::Serialize;

use super::connect::{CommandContext, ServerTarget};
use super::error::{CommandError, ExitCode};
use super::output::schema::field;
use super::output::{self, CellValue, JsonField, Output, OutputArgs, OutputColumn, OutputRow, print_message};
use super::prompt;
use crate::client::state::SavedSession;
use crate::client::{CallRequest, Credential, ServerAddress};
use crate::config::{ProfileSettings, check_profile_name};
use crate::domain::text;
use crate::domain::time::Timestamp;
use crate::wire::keys::SecretString;
use crate::wire::problem::ProblemType;
use crate::wire::sessions::{CreateSession, CreateSessionCall, EndCurrentSession, GetMe};

/// Arguments of `keyward login`.
#[derive(Args, Clone, Debug)]
#[command(
    after_help = "The code comes from an admin (`keyward members invite`), from `keyward admin init`, or from another machine \
    where you are signed in (`keyward sessions code`).\n\nExamples:\n  keyward login https://keys.plant.example\n  \
    keyward login --code-stdin https://keys.plant.example < code.txt"
)]
pub struct LoginArgs {
    /// Server address [default: the profile's]
    #[arg(value_name = "URL")]
    server: Option<ServerAddress>,
    /// Read the sign-in code from standard input
    #[arg(long)]
    code_stdin: bool,
}

/// Arguments of `keyward logout`.
#[derive(Args, Clone, Debug)]
pub struct LogoutArgs {
    /// Remove the session from this machine even if the server cannot end it
    #[arg(long)]
    forget: bool,
}

/// Arguments of `keyward profiles`.
#[derive(Args, Clone, Debug)]
pub struct ProfilesArgs {
    #[command(flatten)]
    output: OutputArgs,
}

pub(super) async fn login(args: LoginArgs, context: &CommandContext) -> Result<ExitCode, CommandError> {
    let named = context
        .flags
        .profile
        .clone()
        .or_else(|| context.environment.get("KEYWARD_PROFILE").map(str::to_owned));
    let target = match args.server {
        Some(address) => {
            let name = named.unwrap_or_else(|| profile_name_for(&address, context));
            let settings = context.config.profile_settings(&name);
            ServerTarget { address, profile: Some(name), settings }
        }
        None => context.target().map_err(|_| {
            CommandError::usage("No server is specified. Pass its address, for example `keyward login https://keys.plant.example`.")
        })?,
    };
    let name = target.profile.clone().unwrap_or_else(|| profile_name_for(&target.address, context));
    check_profile_name(&name).map_err(|e| CommandError::usage(format!("--profile: {e}")))?;
    let replaced = context.state.session(&name)?;
    if let Some(replaced) = &replaced
        && replaced.url.parse() != Ok(target.address.clone())
    {
        return Err(CommandError::new(
            ExitCode::Refused,
            format!(
                "The profile {name} belongs to {url}. Choose another name with --profile, or sign out there first with `keyward logout \
                 --profile {name}`.",
                url = text::sanitize_line(&replaced.url)
            ),
        ));
    }
    if target.address.is_unencrypted() {
        print_message(&format!(
            "warning: the connection to {address} is not encrypted, so others on the network can read the session token.",
            address = target.address
        ));
    }
    let code = if args.code_stdin {
        prompt::read_stdin()?
    } else {
        prompt::read_secret(&format!("Sign-in code for {server}:", server = target.label()))?
    };
    let code = code.trim();
    if code.is_empty() {
        return Err(CommandError::usage("No sign-in code was given. A code looks like `inv_…`."));
    }
    if code.starts_with("sk_") {
        return Err(CommandError::usage(
            "This is an API key, which cannot manage keys. Sign in with a code that looks like `inv_…`.",
        ));
    }
    let client = context.client(&target, Credential::none())?;
    let body = CreateSession { code: SecretString::new(code) };
    let created = client.send(CallRequest::with(CreateSessionCall, body)).await?;
    let mut saved = SavedSession {
        url: target.address.to_string(),
        token: created.token,
        email: created.member.email.clone(),
        organization: String::new(),
        expires_at: created.session.expires_at,
    };
    context.state.save_session(&name, &saved)?;
    let signed_in = client.with_credential(Credential::bearer(saved.token.expose())?);
    let me = signed_in.send(CallRequest::to(GetMe)).await?;
    saved.organization = text::sanitize_line(&me.organization.name).into_owned();
    context.state.save_session(&name, &saved)?;
    if let Some(replaced) = replaced
        && let Ok(credential) = Credential::bearer(replaced.token.expose())
    {
        // Best effort: a replaced session that cannot be ended expires by itself.
        let _ = client.with_credential(credential).send(CallRequest::to(EndCurrentSession)).await;
    }
    print_message(&format!(
        "Signed in to {organization} as {email} ({role}). Profile: {name}.",
        organization = me.organization.name,
        email = me.member.email,
        role = me.role
    ));
    Ok(ExitCode::Success)
}

/// Returns the name of an existing profile for this server, or else the default name.
fn profile_name_for(address: &ServerAddress, context: &CommandContext) -> String {
    let is_for_server = |name: &String| {
        let url = match context.config.profile_settings(name) {
            ProfileSettings { url, .. } if !url.is_empty() => url,
            _ => context.state.session(name).ok().flatten().map(|s| s.url).unwrap_or_default(),
        };
        url.parse() == Ok(address.clone())
    };
    let profiles = context.profiles().unwrap_or_default();
    profiles.into_iter().find(is_for_server).unwrap_or_else(|| address.default_profile_name())
}

pub(super) async fn logout(args: &LogoutArgs, context: &CommandContext) -> Result<ExitCode, CommandError> {
    let connection = context.connect()?;
    let Some(name) = connection.target.profile.clone() else {
        return Err(CommandError::usage(
            "KEYWARD_URL or --url selects a server without a profile. Pass --profile to choose the profile to sign out of.",
        ));
    };
    match connection.client.send(CallRequest::to(EndCurrentSession)).await {
        Ok(()) => {}
        Err(e) if e.is_problem(ProblemType::SessionEnded) || e.is_problem(ProblemType::SessionMissing) => {}
        Err(e) if args.forget => {
            print_message(&format!(
                "warning: the server could not end the session, which will expire by itself: {e}"
            ));
        }
        Err(e) => {
            let error = CommandError::from(e);
            let message = format!(
                "{error} You are still signed in. To only remove the session from this machine, pass --forget.",
                error = error.message
            );
            return Err(CommandError::new(error.exit_code, message));
        }
    }
    context.state.remove_session(&name)?;
    print_message(&format!("Signed out of {server}.", server = connection.target.label()));
    Ok(ExitCode::Success)
}

/// A profile in the output of `keyward profiles`.
#[derive(Serialize)]
pub(super) struct ProfileRow {
    name: String,
    url: String,
    email: String,
    organization: String,
    expires_at: Option<Timestamp>,
    chosen: bool,
}

impl OutputRow for ProfileRow {
    const FIELDS: &'static [JsonField] = &[
        field("name", "text"),
        field("url", "text"),
        field("email", "text; empty if not signed in"),
        field("organization", "text; empty if not signed in"),
        field("expires_at", "time; null if not signed in"),
        field("chosen", "true if commands use the profile by default"),
    ];

    const COLUMNS: &'static [OutputColumn<Self>] = &[
        OutputColumn {
            title: "Profile",
            field: "name",
            rank: 0,
            cut: true,
            cell: |p| p.name.as_str().into(),
        },
        OutputColumn {
            title: "Chosen",
            field: "chosen",
            rank: 1,
            cut: false,
            cell: |p| if p.chosen { "yes" } else { "" }.into(),
        },
        OutputColumn { title: "Server", field: "url", rank: 0, cut: true, cell: |p| p.url.as_str().into() },
        OutputColumn {
            title: "Member",
            field: "email",
            rank: 2,
            cut: true,
            cell: |p| p.email.as_str().into(),
        },
        OutputColumn {
            title: "Organization",
            field: "organization",
            rank: 4,
            cut: true,
            cell: |p| p.organization.as_str().into(),
        },
        OutputColumn {
            title: "Ends by",
            field: "expires_at",
            rank: 3,
            cut: false,
            cell: |p| CellValue::Time(p.expires_at, "not signed in"),
        },
    ];

    fn json(&self) -> String {
        output::to_json(self)
    }

    fn id(&self) -> String {
        self.name.clone()
    }
}

pub(super) fn profiles(args: &ProfilesArgs, context: &CommandContext) -> Result<ExitCode, CommandError> {
    let output = Output::new::<ProfileRow>(&args.output, context.is_ascii_only())?;
    let chosen = context.target().ok().and_then(|t| t.profile);
    let mut rows = Vec::new();
    for name in context.profiles()? {
        let saved = context.state.session(&name)?;
        let settings = context.config.profile_settings(&name);
        let url = if settings.url.is_empty() { saved.as_ref().map_or("", |s| &s.url) } else { &settings.url };
        rows.push(ProfileRow {
            url: url.to_owned(),
            email: saved.as_ref().map_or_else(String::new, |s| s.email.clone()),
            organization: saved.as_ref().map_or_else(String::new, |s| s.organization.clone()),
            expires_at: saved.as_ref().map(|s| s.expires_at),
            chosen: chosen.as_ref() == Some(&name),
            name,
        });
    }
    let if_empty =
        "There are no profiles. Sign in with `keyward login URL`, or try keyward out with `keyward demo`.";
    output.print_list(&rows, if_empty)?;
    Ok(ExitCode::Success)
}
