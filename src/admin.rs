//! Commands on the server's host: `serve`, `admin` and `backup`. They open the database themselves, without HTTP.
//!
//! Start reading with [`serve()`]. This module only connects the layers: rules belong in `domain`, SQL in `store`.

use std::path::PathBuf;

use crate::cli::{AdminCommand, BackupArgs, CommandContext, CommandError, DatabaseArgs, ExitCode, output};
use crate::clock;
use crate::domain::email;
use crate::domain::key;
use crate::domain::secret::{Token, TokenKind};
use crate::domain::text;
use crate::domain::time::TimeDelta;
use crate::store::{
    AdminInvitation, BackupError, DatabaseLocation, OpenMode, OpenStoreError, SetUpError, Store,
};

mod serve;

pub use serve::serve;

/// How long a sign-in code that was created on the server's host is valid: as long as an invitation.
const CODE_LIFETIME: TimeDelta = TimeDelta::days(3);

/// Runs `keyward admin init`, `invite` or `accept-restore`.
///
/// # Errors
/// Fails if the database cannot be opened or written, or is in the wrong state for the command.
pub async fn admin(command: AdminCommand, context: &CommandContext) -> Result<ExitCode, CommandError> {
    match command {
        AdminCommand::Init { database, organization, email } => {
            let organization = key::normalize_name(&organization)
                .map_err(|e| CommandError::usage(format!("--organization {e}")))?;
            let (invitation, code) = new_invitation(&email, context)?;
            let store = open_store(&database, OpenMode::SetUp, context).await?;
            let done = store
                .set_up_organization(organization.clone(), invitation.clone(), clock::random_bytes)
                .await;
            store.close().await;
            done?;
            output::print_message(&format!("{organization} is set up. {}", describe_invitation(&invitation)));
            print_code(&code)
        }
        AdminCommand::Invite { database, email } => {
            let (invitation, code) = new_invitation(&email, context)?;
            let store = open_store(&database, OpenMode::Tool, context).await?;
            let done = store.invite_admin(invitation.clone(), clock::random_bytes).await;
            store.close().await;
            done?;
            output::print_message(&describe_invitation(&invitation));
            print_code(&code)
        }
        AdminCommand::AcceptRestore { database } => {
            let store = open_store(&database, OpenMode::Tool, context).await?;
            let done = store.accept_restore(context.clock.now(), clock::random_bytes).await;
            store.close().await;
            let restored = done?;
            output::print_message(&if restored.was_pending {
                format!(
                    "Restore accepted. Keys revoked again: {}. A key that was revoked after the backup is active again if it is missing \
                     from this host's list of revocations. Start the server, then check `keyward activity` and revoke such keys.",
                    restored.revoked_again
                )
            } else {
                "There is nothing to accept: the database already matches this host's list of revocations."
                    .to_owned()
            });
            Ok(ExitCode::Success)
        }
    }
}

/// Runs `keyward backup`.
///
/// # Errors
/// Fails if the database cannot be opened, or if the backup file already exists or cannot be written.
pub async fn backup(args: &BackupArgs, context: &CommandContext) -> Result<ExitCode, CommandError> {
    let store = open_store(&args.database, OpenMode::Tool, context).await?;
    let done = store.backup(&args.to).await;
    store.close().await;
    done?;
    output::print_message(&format!(
        "Wrote the backup {}. To restore it, stop the server, replace the database file with the backup, remove the files next to \
         it that end in -wal and -shm, and start the server.",
        args.to.display()
    ));
    Ok(ExitCode::Success)
}

/// Returns the database to use: from `--data`, else from the environment, else from the configuration file.
fn database_location(
    database: &DatabaseArgs,
    context: &CommandContext,
) -> Result<DatabaseLocation, CommandError> {
    let server = &context.config.server;
    match (&database.data, server.database_url.as_str(), server.data.as_str()) {
        (Some(file), ..) => Ok(DatabaseLocation::Sqlite(file.clone())),
        (None, "", "") => Err(CommandError::usage(
            "no database was specified; pass --data FILE for SQLite, or set KEYWARD_DATABASE_URL for PostgreSQL",
        )),
        (None, "", file) => Ok(DatabaseLocation::Sqlite(PathBuf::from(file))),
        (None, url, _) => Ok(DatabaseLocation::Postgres(url.to_owned())),
    }
}

async fn open_store(
    database: &DatabaseArgs,
    access: OpenMode,
    context: &CommandContext,
) -> Result<Store, CommandError> {
    let location = database_location(database, context)?;
    Ok(Store::open(&location, access, context.clock.now(), clock::random_bytes).await?)
}

fn new_invitation(address: &str, context: &CommandContext) -> Result<(AdminInvitation, Token), CommandError> {
    let email = email::normalize_email(address).map_err(|e| CommandError::usage(format!("--email: {e}")))?;
    let code = Token::new(TokenKind::Code, clock::random_bytes());
    let at = context.clock.now();
    let digest = TokenKind::Code.digest(code.expose()).expect("new tokens are well-formed");
    Ok((AdminInvitation { email, code: digest, at, expires_at: at.plus(CODE_LIFETIME) }, code))
}

fn describe_invitation(invitation: &AdminInvitation) -> String {
    format!(
        "{} can sign in with `keyward login URL` and the code below. The code works once and expires at {}.",
        text::sanitize_line(&invitation.email),
        output::format_time(invitation.expires_at)
    )
}

/// Prints the code alone to standard output, so that scripts can read it.
fn print_code(code: &Token) -> Result<ExitCode, CommandError> {
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
            OpenStoreError::Database(error) => exit_code_for(error),
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
            SetUpError::Database(error) => exit_code_for(error),
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
                    format!(
                        "{} already exists and will not be overwritten; choose another file",
                        path.display()
                    ),
                )
            }
            BackupError::File(error) => error.into(),
            BackupError::Database(error) => Self::new(exit_code_for(&error), error.to_string()),
        }
    }
}

fn exit_code_for(error: &crate::store::StoreError) -> ExitCode {
    match error {
        crate::store::StoreError::Unreachable(_) | crate::store::StoreError::Busy => ExitCode::Unreachable,
        _ => ExitCode::Failure,
    }
}
