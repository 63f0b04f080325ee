//! Connects a command to its server: flags, environment, configuration and saved sessions decide the address and the credential.
//!
//! Start reading at [`CommandContext::connect`]. Nothing here sends a request.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use clap::Args;
use futures_util::StreamExt as _;
use zeroize::Zeroizing;

use super::error::{CommandError, ExitCode};
use super::output::Progress;
use super::{output, prompt, terminal};
use crate::client::state::StateFolder;
use crate::client::{
    CallRequest, Client, ClientOptions, Credential, PagedQuery, Retention, RetryNotice, ServerAddress,
};
use crate::clock::Clock;
use crate::config::{Config, Environment, ProfileSettings, check_profile_name};
use crate::domain::text;
use crate::secret_delivery::command::CommandLine;
use crate::wire::Call;
use crate::wire::page::Page;

/// Flags that select the server and the session.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Connection")]
pub struct ConnectArgs {
    /// Profile to use [env: KEYWARD_PROFILE]
    #[arg(long, global = true, value_name = "NAME")]
    pub profile: Option<String>,
    /// Address of the server to use instead of a profile [env: KEYWARD_URL]
    #[arg(long, global = true, value_name = "URL", conflicts_with = "profile")]
    pub url: Option<String>,
    /// Read the session token from a file that only you can read
    #[arg(long, global = true, value_name = "FILE", conflicts_with = "token_stdin")]
    pub token_file: Option<PathBuf>,
    /// Read the session token from standard input [env: KEYWARD_TOKEN]
    #[arg(long, global = true)]
    pub token_stdin: bool,
    /// CA certificates (PEM) to trust in addition to the system's [env: KEYWARD_CA_CERT]
    #[arg(long, global = true, value_name = "FILE")]
    pub ca_cert: Option<PathBuf>,
    /// Path of the configuration file [env: KEYWARD_CONFIG]
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// Everything that a command depends on besides its own arguments.
#[derive(Debug)]
pub struct CommandContext {
    /// Environment variables of the `keyward` process.
    pub environment: Environment,
    /// Settings from the configuration file, after overrides by environment variables and flags.
    pub config: Config,
    /// Folder with saved sessions, interrupted key creations and draft decisions.
    pub state: StateFolder,
    /// Source of the current time.
    pub clock: Clock,
    /// Flags that select the server and the session.
    pub flags: ConnectArgs,
}

/// The server that a command connects to, and the profile that selected it.
#[derive(Clone, Debug)]
pub struct ServerTarget {
    /// Address of the server, such as `https://keys.plant.example`.
    pub address: ServerAddress,
    /// Name of the profile; `None` if a flag or an environment variable gives the server's address instead.
    pub profile: Option<String>,
    /// Settings of the profile; the defaults if there is no profile.
    pub settings: ProfileSettings,
}

/// A signed-in client. Retries calls that are safe to retry, and reports each retry if standard error is a terminal.
#[derive(Clone, Debug)]
pub struct Connection {
    /// Client that authenticates every call with `credential`.
    pub client: Client,
    /// Session credential, also used by the terminal UI to create a client of its own.
    pub credential: Credential,
    /// Server and profile that the credential belongs to.
    pub target: ServerTarget,
}

impl ServerTarget {
    /// Returns the profile and address of the server for prompts and messages: `production (https://keys.plant.example)`.
    pub fn label(&self) -> String {
        match &self.profile {
            Some(profile) => format!("{profile} ({})", self.address),
            None => self.address.to_string(),
        }
    }
}

impl Connection {
    /// Sends one API call and returns the reply.
    pub(super) async fn send<C: Call>(&self, request: CallRequest<C>) -> Result<C::Reply, CommandError> {
        Ok(self.client.send(request).await?)
    }

    /// Fetches all pages of a list, or only its first `limit` items.
    pub(super) async fn fetch_all<C, T>(
        &self,
        call: C,
        query: C::Query,
        limit: Option<usize>,
    ) -> Result<Vec<T>, CommandError>
    where
        C: Call<Body = (), Reply = Page<T>>,
        C::Query: PagedQuery,
        T: Send,
    {
        let mut progress = Progress::new();
        let mut items = Vec::new();
        let mut pages = std::pin::pin!(self.client.pages(call, query, Retention::All));
        while let Some(page) = pages.next().await {
            items.append(&mut page?.data);
            if limit.is_some_and(|limit| items.len() >= limit) {
                break;
            }
            progress.show(&format!("{loaded} so far", loaded = items.len()));
        }
        items.truncate(limit.unwrap_or(usize::MAX));
        Ok(items)
    }
}

/// Prints that a call is being retried, if standard error is a terminal.
fn report_retry(RetryNotice { error, attempt, .. }: RetryNotice<'_>) {
    if std::io::IsTerminal::is_terminal(&std::io::stderr()) {
        output::print_message(&format!("{error} Retrying ({attempt} of 3)."));
    }
}

impl CommandContext {
    /// Returns whether terminal output must be limited to ASCII characters.
    pub(super) fn is_ascii_only(&self) -> bool {
        !terminal::capabilities(&self.config, &terminal::terminal_env(&self.environment)).unicode
    }

    /// Returns the names of the environment variables to hide from external programs: all that start with `KEYWARD_`.
    pub fn private_variables(&self) -> Vec<String> {
        self.environment.names("KEYWARD_").into_iter().map(str::to_owned).collect()
    }

    /// Adds the profile name to an error message, so that a test system is not mistaken for production. Also completes the
    /// advice to run `keyward login` with the server address and profile.
    pub(super) fn name_profile(&self, error: CommandError) -> CommandError {
        let Ok(target) = self.target() else { return error };
        let flag = target.profile.as_ref().map_or_else(String::new, |name| format!(" --profile {name}"));
        let login = format!("`keyward login {}{flag}`", target.address);
        let message = error.message.replace("`keyward login URL`", &login).replace("`keyward login`", &login);
        let Some(profile) = target.profile else { return CommandError { message, ..error } };
        let is_named = message.contains(&profile) || message.is_empty() || error.exit_code == ExitCode::Usage;
        let message = if is_named { message } else { format!("{profile}: {message}") };
        CommandError { message, ..error }
    }

    /// Returns `true` on the first start: no profile exists, and no flag, environment variable or setting names a server.
    ///
    /// # Errors
    /// Fails if the saved sessions cannot be read.
    pub fn has_no_profile(&self) -> Result<bool, CommandError> {
        let is_named = self.flags.profile.is_some()
            || self.flags.url.is_some()
            || self.environment.get("KEYWARD_URL").is_some()
            || !self.config.profile.is_empty();
        Ok(!is_named && self.profiles()?.is_empty())
    }

    /// Determines which server to connect to. A session for this server need not exist.
    ///
    /// # Errors
    /// Fails if no server is specified, or if the specified profile does not exist.
    pub fn target(&self) -> Result<ServerTarget, CommandError> {
        if let Some(url) = &self.flags.url {
            return Ok(ServerTarget {
                address: url.parse()?,
                profile: None,
                settings: ProfileSettings::default(),
            });
        }
        if self.flags.profile.is_none()
            && let Some(url) = self.environment.get("KEYWARD_URL")
        {
            let address = url.parse().map_err(|e| CommandError::from(e).with_prefix("KEYWARD_URL"))?;
            return Ok(ServerTarget { address, profile: None, settings: ProfileSettings::default() });
        }
        let name = self.profile_name()?;
        let settings = self.config.profile_settings(&name);
        let saved = self.state.session(&name)?;
        let url = match (&saved, settings.url.as_str()) {
            (_, url) if !url.is_empty() => url,
            (Some(saved), _) => &saved.url,
            (None, _) => return Err(self.no_session_error(&name)),
        };
        let address =
            url.parse().map_err(|e| CommandError::from(e).with_prefix(&format!("Profile {name}")))?;
        Ok(ServerTarget { address, profile: Some(name), settings })
    }

    /// Creates a signed-in client for the selected server.
    ///
    /// # Errors
    /// Fails if there is no session for the server, or if the session cannot be read.
    pub fn connect(&self) -> Result<Connection, CommandError> {
        let target = self.target()?;
        let token = self.token(&target)?;
        let credential = Credential::bearer(&token)
            .map_err(|e| CommandError::from(e).with_prefix(&format!("Session for {}", target.label())))?;
        let client = self.client(&target, credential.clone())?.with_retries(report_retry);
        Ok(Connection { client, credential, target })
    }

    /// Creates a client for the target that authenticates with this credential.
    pub(super) fn client(
        &self,
        target: &ServerTarget,
        credential: Credential,
    ) -> Result<Client, CommandError> {
        let options = ClientOptions { ca_certs: self.ca_certs(target)?, ..ClientOptions::default() };
        // Only the certificates can be invalid here.
        Client::new(target.address.clone(), credential, &options)
            .map_err(|e| CommandError::usage(e.to_string()))
    }

    /// Reads the CA certificates to trust in addition to the system's; `None` if no file is configured. A flag takes
    /// precedence over the profile, and the profile over the environment and the configuration file.
    ///
    /// # Errors
    /// Fails if the file cannot be read.
    pub fn ca_certs(&self, target: &ServerTarget) -> Result<Option<Vec<u8>>, CommandError> {
        let file = match (&self.flags.ca_cert, target.settings.ca_cert.as_str(), self.config.ca_cert.as_str())
        {
            (Some(file), ..) => file.clone(),
            (None, "", "") => return Ok(None),
            (None, "", file) | (None, file, _) => PathBuf::from(file),
        };
        std::fs::read(&file).map(Some).map_err(|e| {
            CommandError::usage(format!("The CA certificates in {} cannot be read: {e}.", file.display()))
        })
    }

    /// Returns the session token for the target. Flags take precedence over the environment, and the environment over the
    /// profile.
    fn token(&self, target: &ServerTarget) -> Result<Zeroizing<String>, CommandError> {
        if self.flags.token_stdin {
            return prompt::read_stdin().map(|token| trim_token(&token));
        }
        if let Some(file) = &self.flags.token_file {
            return read_token_file(file);
        }
        let Some(profile) = &target.profile else {
            return match self.environment.get("KEYWARD_TOKEN") {
                Some(token) if self.environment_token_is_for(&target.address) => Ok(trim_token(token)),
                _ => self.saved_token_for(&target.address),
            };
        };
        if !target.settings.credential_command.is_empty() {
            return self.run_credential_command(&target.settings.credential_command, profile);
        }
        let Some(saved) = self.state.session(profile)? else { return Err(self.no_session_error(profile)) };
        if saved.url.parse() != Ok(target.address.clone()) {
            return Err(CommandError::new(
                ExitCode::NotSignedIn,
                format!(
                    "The session of the profile {profile} is for {saved_url}, but the configuration names {configured_url}. Sign in again with \
                     `keyward login {configured_url} --profile {profile}`.",
                    saved_url = text::sanitize_line(&saved.url),
                    configured_url = target.address
                ),
            ));
        }
        Ok(Zeroizing::new(saved.token.expose().to_owned()))
    }

    /// Returns whether `KEYWARD_TOKEN` may be sent to this server. If `KEYWARD_URL` is set, the token is for that server only.
    fn environment_token_is_for(&self, address: &ServerAddress) -> bool {
        self.environment
            .get("KEYWARD_URL")
            .is_none_or(|url| url.parse().is_ok_and(|named: ServerAddress| named == *address))
    }

    /// Returns the saved session token of any profile whose session belongs to this server.
    fn saved_token_for(&self, address: &ServerAddress) -> Result<Zeroizing<String>, CommandError> {
        for profile in self.state.profiles()? {
            if let Some(saved) = self.state.session(&profile)?
                && saved.url.parse() == Ok(address.clone())
            {
                return Ok(Zeroizing::new(saved.token.expose().to_owned()));
            }
        }
        Err(CommandError::new(
            ExitCode::NotSignedIn,
            format!(
                "You are not signed in to {address}. Sign in with `keyward login {address}`, or set KEYWARD_TOKEN to a session token."
            ),
        ))
    }

    /// Returns the profile name given by the flag, the environment or the configuration file; otherwise, the only existing
    /// profile.
    fn profile_name(&self) -> Result<String, CommandError> {
        let named = self.flags.profile.clone().unwrap_or_else(|| self.config.profile.clone());
        if !named.is_empty() {
            check_profile_name(&named).map_err(|e| CommandError::usage(format!("--profile: {e}")))?;
            return Ok(named);
        }
        let mut profiles = self.profiles()?;
        match profiles.len() {
            1 => Ok(profiles.remove(0)),
            0 => Err(CommandError::new(
                ExitCode::NotSignedIn,
                "You are not signed in to any server. Sign in with `keyward login URL`, or try keyward out with `keyward demo`.",
            )),
            _ => Err(CommandError::usage(format!(
                "There are several profiles: {profiles}. Choose one with --profile, KEYWARD_PROFILE, or `profile = \"…\"` in the \
                 configuration file.",
                profiles = profiles.join(", ")
            ))),
        }
    }

    /// Returns the names of all configured profiles and of those with a saved session, in alphabetical order.
    ///
    /// # Errors
    /// Fails if the saved sessions cannot be read.
    pub fn profiles(&self) -> Result<Vec<String>, CommandError> {
        let mut profiles = self.state.profiles()?;
        profiles.extend(self.config.profiles.keys().cloned());
        profiles.sort();
        profiles.dedup();
        Ok(profiles)
    }

    fn no_session_error(&self, profile: &str) -> CommandError {
        let profiles = self.profiles().unwrap_or_default();
        let (url, existing) = match (self.config.profiles.get(profile), profiles.is_empty()) {
            (Some(settings), _) if !settings.url.is_empty() => (settings.url.as_str(), String::new()),
            (_, true) => ("URL", String::new()),
            (_, false) => ("URL", format!(" Existing profiles: {names}.", names = profiles.join(", "))),
        };
        CommandError::new(
            ExitCode::NotSignedIn,
            format!(
                "There is no session for the profile `{profile}`.{existing} Sign in with `keyward login {url} --profile {profile}`.",
                url = text::sanitize_line(url)
            ),
        )
    }

    /// Runs the `credential_command` of a profile and returns the first line of its output.
    fn run_credential_command(&self, line: &str, profile: &str) -> Result<Zeroizing<String>, CommandError> {
        let subject = format!("The credential_command of the profile {profile}");
        let failed = |message: String| CommandError::new(ExitCode::NotSignedIn, message);
        let command = CommandLine::parse(line)
            .map_err(|e| CommandError::from(e).with_prefix(&subject))?
            .find_executable(self.environment.get("PATH"))
            .map_err(|e| failed(format!("{subject}: {e}")))?;
        let output = command
            .to_command(&self.private_variables())
            .stdin(Stdio::inherit())
            .stderr(Stdio::inherit())
            .output()
            .map_err(|e| failed(format!("{subject} cannot be run: {e}.")))?;
        let stdout = Zeroizing::new(output.stdout);
        if !output.status.success() {
            return Err(failed(format!("{subject} failed ({status}).", status = output.status)));
        }
        // The first line is the secret, as for `pass`; further lines are comments.
        let stdout = std::str::from_utf8(&stdout).unwrap_or("");
        Ok(trim_token(stdout.lines().next().unwrap_or("")))
    }
}

fn read_token_file(file: &Path) -> Result<Zeroizing<String>, CommandError> {
    use std::os::unix::fs::PermissionsExt as _;
    let not_read = |e: std::io::Error| {
        CommandError::usage(format!("The session in {file} cannot be read: {e}.", file = file.display()))
    };
    let metadata = std::fs::metadata(file).map_err(not_read)?;
    if metadata.is_file() && metadata.permissions().mode() & 0o077 != 0 {
        return Err(CommandError::new(
            ExitCode::Refused,
            format!(
                "{file} contains a session token and can be read by others. Run `chmod 600 {file}`.",
                file = file.display()
            ),
        ));
    }
    let content = Zeroizing::new(std::fs::read_to_string(file).map_err(not_read)?);
    Ok(trim_token(&content))
}

fn trim_token(text: &str) -> Zeroizing<String> {
    Zeroizing::new(text.trim().to_owned())
}
