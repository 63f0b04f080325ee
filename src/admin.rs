//! What is done on the server's host: run the server, set up its organization, rescue, back up. Wiring, for the program.

use std::path::PathBuf;

use crate::cli::{AdminCommand, BackupArgs, CommandContext, CommandError, DatabaseArgs, ExitCode, output};
use crate::clock;
use crate::domain::email;
use crate::domain::key;
use crate::domain::secret::{Token, TokenKind};
use crate::domain::text;
use crate::domain::time::DAY;
use crate::store::{
    AdminInvitation, BackupError, DatabaseLocation, OpenMode, OpenStoreError, SetUpError, Store,
};

mod serve;

pub use serve::serve;

/// How long a sign-in code of the host is good for, as that of an invitation.
const CODE_LIVES: i64 = 3 * DAY;

/// `keyward admin …`
///
/// # Errors
/// The database cannot be used, or is not as it should be.
pub async fn admin(command: AdminCommand, context: &CommandContext) -> Result<ExitCode, CommandError> {
    match command {
        AdminCommand::Init { database, organization, email } => {
            let organization = key::normalize_name(&organization)
                .map_err(|e| CommandError::usage(format!("--organization {e}")))?;
            let (invitation, code) = invitation(&email, context)?;
            let store = open(&database, OpenMode::SetUp, context).await?;
            let done = store
                .set_up_organization(organization.clone(), invitation.clone(), clock::random_bytes)
                .await;
            store.close().await;
            done?;
            output::print_message(&format!("Set up {organization}. {}", hand_over(&invitation)));
            code_out(&code)
        }
        AdminCommand::Invite { database, email } => {
            let (invitation, code) = invitation(&email, context)?;
            let store = open(&database, OpenMode::Tool, context).await?;
            let done = store.invite_admin(invitation.clone(), clock::random_bytes).await;
            store.close().await;
            done?;
            output::print_message(&hand_over(&invitation));
            code_out(&code)
        }
        AdminCommand::AcceptRestore { database } => {
            let store = open(&database, OpenMode::Tool, context).await?;
            let done = store.accept_restore(context.clock.now(), clock::random_bytes).await;
            store.close().await;
            let restored = done?;
            output::print_message(&if restored.was_pending {
                format!(
                    "Accepted. Keys revoked again: {}. Keys that were revoked after the backup and are not known here live: \
                     look through `keyward activity` and revoke them. Start the server now.",
                    restored.revoked_again
                )
            } else {
                "There was nothing to accept: the database and its list of revocations fit together."
                    .to_owned()
            });
            Ok(ExitCode::Success)
        }
    }
}

/// `keyward backup`
///
/// # Errors
/// The database cannot be used, or the file cannot be written.
pub async fn backup(args: &BackupArgs, context: &CommandContext) -> Result<ExitCode, CommandError> {
    let store = open(&args.database, OpenMode::Tool, context).await?;
    let done = store.backup(&args.to).await;
    store.close().await;
    done?;
    output::print_message(&format!(
        "Wrote {}. Restoring it: stop the server, put it in the database's place, remove what ends in -wal and -shm beside it, \
         start the server.",
        args.to.display()
    ));
    Ok(ExitCode::Success)
}

/// Which database: the flag, else the configuration with the environment over it.
fn target(database: &DatabaseArgs, context: &CommandContext) -> Result<DatabaseLocation, CommandError> {
    let server = &context.config.server;
    match (&database.data, server.database_url.as_str(), server.data.as_str()) {
        (Some(file), ..) => Ok(DatabaseLocation::Sqlite(file.clone())),
        (None, "", "") => Err(CommandError::usage(
            "which database? Say --data FILE for SQLite, or set KEYWARD_DATABASE_URL for PostgreSQL",
        )),
        (None, "", file) => Ok(DatabaseLocation::Sqlite(PathBuf::from(file))),
        (None, url, _) => Ok(DatabaseLocation::Postgres(url.to_owned())),
    }
}

async fn open(
    database: &DatabaseArgs,
    access: OpenMode,
    context: &CommandContext,
) -> Result<Store, CommandError> {
    let target = target(database, context)?;
    Ok(Store::open(&target, access, context.clock.now(), clock::random_bytes).await?)
}

fn invitation(address: &str, context: &CommandContext) -> Result<(AdminInvitation, Token), CommandError> {
    let email = email::normalize_email(address).map_err(|e| CommandError::usage(format!("--email: {e}")))?;
    let code = Token::new(TokenKind::Code, clock::random_bytes());
    let at = context.clock.now();
    let digest = TokenKind::Code.digest(code.expose()).expect("a new token is well-formed");
    Ok((AdminInvitation { email, code: digest, at, expires_at: at.plus(CODE_LIVES) }, code))
}

fn hand_over(invitation: &AdminInvitation) -> String {
    format!(
        "{} signs in with `keyward login URL` and the code below; it works once, until {}.",
        text::sanitize_line(&invitation.email),
        output::format_time(invitation.expires_at)
    )
}

/// The code alone on standard output.
fn code_out(code: &Token) -> Result<ExitCode, CommandError> {
    output::write_stdout(code.expose().as_bytes())?;
    output::write_stdout(b"\n")?;
    Ok(ExitCode::Success)
}

impl From<OpenStoreError> for CommandError {
    fn from(error: OpenStoreError) -> Self {
        let exit = match &error {
            OpenStoreError::Missing(_) => ExitCode::NotFound,
            OpenStoreError::Exposed { .. } | OpenStoreError::Served(_) | OpenStoreError::Newer(_) => {
                ExitCode::Refused
            }
            OpenStoreError::Address => ExitCode::Usage,
            OpenStoreError::Database(error) => of_database(error),
            _ => ExitCode::Failure,
        };
        Self::new(exit, error.to_string())
    }
}

impl From<SetUpError> for CommandError {
    fn from(error: SetUpError) -> Self {
        let exit = match &error {
            SetUpError::AlreadySetUp => ExitCode::Refused,
            SetUpError::NotSetUp => ExitCode::NotFound,
            SetUpError::Database(error) => of_database(error),
        };
        Self::new(exit, error.to_string())
    }
}

impl From<BackupError> for CommandError {
    fn from(error: BackupError) -> Self {
        match error {
            BackupError::NotSqlite => Self::new(ExitCode::Refused, error.to_string()),
            BackupError::File(OpenStoreError::File { path, error })
                if error.kind() == std::io::ErrorKind::AlreadyExists =>
            {
                Self::new(
                    ExitCode::Refused,
                    format!("{} exists and is never overwritten: name another file", path.display()),
                )
            }
            BackupError::File(error) => error.into(),
            BackupError::Database(error) => Self::new(of_database(&error), error.to_string()),
        }
    }
}

fn of_database(error: &crate::store::StoreError) -> ExitCode {
    match error {
        crate::store::StoreError::Unreachable(_) | crate::store::StoreError::Busy => ExitCode::Unreachable,
        _ => ExitCode::Failure,
    }
}
