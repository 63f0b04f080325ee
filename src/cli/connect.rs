//! From profile, flags and environment to a client: which server, and as whom.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use clap::Args;
use futures_util::StreamExt as _;
use zeroize::Zeroizing;

use super::error::{CommandError, ExitCode};
use super::output::Progress;
use super::{output, prompt, secret_output, terminal};
use crate::client::state::StateFolder;
use crate::client::{
    CallRequest, Client, ClientOptions, Credential, PagedQuery, Retention, RetryNotice, ServerAddress,
};
use crate::clock::Clock;
use crate::config::{Config, Environment, ProfileSettings, check_profile_name};
use crate::domain::text;
use crate::wire::Call;
use crate::wire::page::Page;

/// Flags that say which server and as whom.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Connection")]
pub struct ConnectArgs {
    /// The profile to use [env: KEYWARD_PROFILE]
    #[arg(long, global = true, value_name = "NAME")]
    pub profile: Option<String>,
    /// The server, instead of a profile's [env: KEYWARD_URL]
    #[arg(long, global = true, value_name = "URL", conflicts_with = "profile")]
    pub url: Option<String>,
    /// Read the session from a file that only you can read
    #[arg(long, global = true, value_name = "FILE", conflicts_with = "token_stdin")]
    pub token_file: Option<PathBuf>,
    /// Read the session from standard input [env: KEYWARD_TOKEN]
    #[arg(long, global = true)]
    pub token_stdin: bool,
    /// Certificates (PEM) to trust besides the system's [env: KEYWARD_CA_CERT]
    #[arg(long, global = true, value_name = "FILE")]
    pub ca_cert: Option<PathBuf>,
    /// The configuration file [env: KEYWARD_CONFIG]
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// Everything that a command may depend on.
#[derive(Debug)]
pub struct CommandContext {
    /// The environment.
    pub environment: Environment,
    /// File and environment, merged.
    pub config: Config,
    /// The state folder.
    pub state: StateFolder,
    /// The time.
    pub clock: Clock,
    /// The flags.
    pub flags: ConnectArgs,
}

/// Which server was chosen, and by what.
#[derive(Clone, Debug)]
pub struct ServerTarget {
    /// The server.
    pub address: ServerAddress,
    /// The profile, unless flags or the environment named a server.
    pub profile: Option<String>,
    /// The profile's settings.
    pub settings: ProfileSettings,
}

/// A client that is signed in. It repeats calls where that is harmless, and says so on a terminal.
#[derive(Clone, Debug)]
pub struct Connection {
    /// The client.
    pub client: Client,
    /// As whom.
    pub credential: Credential,
    /// The server and profile.
    pub target: ServerTarget,
}

impl ServerTarget {
    /// How the target is named in prompts and messages: `production (https://keys.plant.example)`.
    pub fn label(&self) -> String {
        match &self.profile {
            Some(profile) => format!("{profile} ({})", self.address),
            None => self.address.to_string(),
        }
    }
}

impl Connection {
    /// Sends a call.
    ///
    /// # Errors
    /// As the client's, with the exit code.
    pub async fn send<C: Call>(&self, request: CallRequest<C>) -> Result<C::Reply, CommandError> {
        Ok(self.client.send(request).await?)
    }

    /// All items of a list.
    ///
    /// # Errors
    /// As the client's.
    pub async fn all<C, T>(
        &self,
        call: C,
        query: C::Query,
        most: Option<usize>,
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
            if most.is_some_and(|most| items.len() >= most) {
                break;
            }
            progress.show(&format!("{} so far", items.len()));
        }
        items.truncate(most.unwrap_or(usize::MAX));
        Ok(items)
    }
}

/// Says on a terminal that a call is repeated.
fn tell(retrying: RetryNotice<'_>) {
    if std::io::IsTerminal::is_terminal(&std::io::stderr()) {
        output::print_message(&format!("{} Trying again ({} of 3).", retrying.error, retrying.attempt));
    }
}

impl CommandContext {
    /// Whether only ASCII is shown on a terminal.
    pub fn ascii(&self) -> bool {
        !terminal::capabilities(&self.config, &terminal::hints(&self.environment)).unicode
    }

    /// The failure with the profile that it happened on, so that nobody takes the test system for the production, and with the
    /// command that signs in there again.
    pub fn named(&self, failure: CommandError) -> CommandError {
        let Ok(target) = self.target() else { return failure };
        let name = target.profile.as_ref().map_or_else(String::new, |name| format!(" --profile {name}"));
        let login = format!("`keyward login {}{name}`", target.address);
        let words = failure.message.replace("`keyward login URL`", &login).replace("`keyward login`", &login);
        let Some(profile) = target.profile else { return CommandError { message: words, ..failure } };
        let known = words.contains(&profile) || words.is_empty() || failure.exit_code == ExitCode::Usage;
        let words = if known { words } else { format!("{profile}: {words}") };
        CommandError { message: words, ..failure }
    }

    /// Whether nobody is signed in anywhere and nothing says where to go.
    ///
    /// # Errors
    /// The state cannot be read.
    pub fn has_no_profile(&self) -> Result<bool, CommandError> {
        let named = self.flags.profile.is_some()
            || self.flags.url.is_some()
            || self.environment.get("KEYWARD_URL").is_some()
            || !self.config.profile.is_empty();
        Ok(!named && self.profiles()?.is_empty())
    }

    /// The server to use, without asking whether there is a session.
    ///
    /// # Errors
    /// None was named, or what was named is unknown.
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
            (None, _) => return Err(self.unknown(&name)),
        };
        let address =
            url.parse().map_err(|e| CommandError::from(e).with_prefix(&format!("the profile {name}")))?;
        Ok(ServerTarget { address, profile: Some(name), settings })
    }

    /// A client for the target that is signed in.
    ///
    /// # Errors
    /// There is no session, or it cannot be read.
    pub fn connect(&self) -> Result<Connection, CommandError> {
        let target = self.target()?;
        let token = self.token(&target)?;
        let credential = Credential::bearer(&token)
            .map_err(|e| CommandError::from(e).with_prefix(&format!("the session for {}", target.label())))?;
        let client = self.client(&target, credential.clone())?.with_retries(tell);
        Ok(Connection { client, credential, target })
    }

    /// A client for the target with this credential.
    ///
    /// # Errors
    /// The certificates cannot be read.
    pub fn client(&self, target: &ServerTarget, credential: Credential) -> Result<Client, CommandError> {
        let options = ClientOptions { ca_certs: self.ca_certs(target)?, ..ClientOptions::default() };
        // Nothing but a file of certificates can be wrong here.
        Client::new(target.address.clone(), credential, &options)
            .map_err(|e| CommandError::usage(e.to_string()))
    }

    /// The certificates to trust besides the system's: flag, profile, environment or file.
    ///
    /// # Errors
    /// They cannot be read.
    pub fn ca_certs(&self, target: &ServerTarget) -> Result<Option<Vec<u8>>, CommandError> {
        let file = match (&self.flags.ca_cert, target.settings.ca_cert.as_str(), self.config.ca_cert.as_str())
        {
            (Some(file), ..) => file.clone(),
            (None, "", "") => return Ok(None),
            (None, "", file) | (None, file, _) => PathBuf::from(file),
        };
        std::fs::read(&file).map(Some).map_err(|e| {
            CommandError::usage(format!("the certificates in {} cannot be read: {e}", file.display()))
        })
    }

    /// The session for the target: flags, then environment, then the profile.
    fn token(&self, target: &ServerTarget) -> Result<Zeroizing<String>, CommandError> {
        if self.flags.token_stdin {
            return prompt::piped().map(|t| trimmed(&t));
        }
        if let Some(file) = &self.flags.token_file {
            return token_file(file);
        }
        let Some(name) = &target.profile else {
            return match self.environment.get("KEYWARD_TOKEN") {
                Some(token) if self.is_sessions_server(&target.address) => {
                    Ok(Zeroizing::new(token.trim().to_owned()))
                }
                _ => self.saved_for(&target.address),
            };
        };
        if !target.settings.credential_command.is_empty() {
            return self.ask_command(&target.settings.credential_command, name);
        }
        let Some(saved) = self.state.session(name)? else { return Err(self.unknown(name)) };
        if saved.url.parse() != Ok(target.address.clone()) {
            return Err(CommandError::new(
                ExitCode::NotSignedIn,
                format!(
                    "the profile {name} was signed in at {}, and the configuration names {}: sign in again with `keyward login {} --profile {name}`",
                    text::sanitize_line(&saved.url),
                    target.address,
                    target.address
                ),
            ));
        }
        Ok(Zeroizing::new(saved.token.expose().to_owned()))
    }

    /// Whether the environment's session may go to this server: where KEYWARD_URL says which one it is for, to no other.
    fn is_sessions_server(&self, address: &ServerAddress) -> bool {
        self.environment
            .get("KEYWARD_URL")
            .is_none_or(|url| url.parse().is_ok_and(|named: ServerAddress| named == *address))
    }

    /// The session of any profile that belongs to this server.
    fn saved_for(&self, address: &ServerAddress) -> Result<Zeroizing<String>, CommandError> {
        for name in self.state.profiles()? {
            if let Some(saved) = self.state.session(&name)?
                && saved.url.parse() == Ok(address.clone())
            {
                return Ok(Zeroizing::new(saved.token.expose().to_owned()));
            }
        }
        Err(CommandError::new(
            ExitCode::NotSignedIn,
            format!(
                "not signed in at {address}: sign in with `keyward login {address}`, or set KEYWARD_TOKEN to a session"
            ),
        ))
    }

    /// The name of the profile: flag, environment, file, or the only one there is.
    fn profile_name(&self) -> Result<String, CommandError> {
        let named = self.flags.profile.clone().unwrap_or_else(|| self.config.profile.clone());
        if !named.is_empty() {
            check_profile_name(&named).map_err(|e| CommandError::usage(format!("--profile: {e}")))?;
            return Ok(named);
        }
        let mut known = self.profiles()?;
        match known.len() {
            1 => Ok(known.remove(0)),
            0 => Err(CommandError::new(
                ExitCode::NotSignedIn,
                "not signed in anywhere: sign in with `keyward login URL`, or look around with `keyward demo`",
            )),
            _ => Err(CommandError::usage(format!(
                "there are several profiles: {}; choose one with --profile, KEYWARD_PROFILE, or `profile = \"…\"` in the configuration file",
                known.join(", ")
            ))),
        }
    }

    /// All profiles, of the configuration and of the state, in order.
    ///
    /// # Errors
    /// The state cannot be read.
    pub fn profiles(&self) -> Result<Vec<String>, CommandError> {
        let mut known = self.state.profiles()?;
        known.extend(self.config.profiles.keys().cloned());
        known.sort();
        known.dedup();
        Ok(known)
    }

    fn unknown(&self, name: &str) -> CommandError {
        let known = self.profiles().unwrap_or_default();
        let (url, there_are) = match (self.config.profiles.get(name), known.is_empty()) {
            (Some(profile), _) if !profile.url.is_empty() => (profile.url.as_str(), String::new()),
            (_, true) => ("URL", String::new()),
            (_, false) => ("URL", format!(" (there are: {})", known.join(", "))),
        };
        CommandError::new(
            ExitCode::NotSignedIn,
            format!(
                "no session for the profile `{name}`{there_are}: sign in with `keyward login {} --profile {name}`",
                text::sanitize_line(url)
            ),
        )
    }

    fn ask_command(&self, command: &str, profile: &str) -> Result<Zeroizing<String>, CommandError> {
        let context = format!("the credential_command of the profile {profile}");
        let (program, arguments) = secret_output::words(command).map_err(|e| e.with_prefix(&context))?;
        let Some(path) = secret_output::find(&program, &self.environment) else {
            return Err(CommandError::new(
                ExitCode::NotSignedIn,
                format!("{context}: there is no command `{program}`"),
            ));
        };
        let output = secret_output::bare(&path, &arguments, &self.environment)
            .stdin(Stdio::inherit())
            .stderr(Stdio::inherit())
            .output()
            .map_err(|e| CommandError::new(ExitCode::NotSignedIn, format!("{context}: {e}")))?;
        let bytes = Zeroizing::new(output.stdout);
        if !output.status.success() {
            return Err(CommandError::new(
                ExitCode::NotSignedIn,
                format!("{context} failed ({})", output.status),
            ));
        }
        // Like `pass`: the first line is the secret.
        let text = std::str::from_utf8(&bytes).unwrap_or("");
        Ok(Zeroizing::new(text.lines().next().unwrap_or("").trim().to_owned()))
    }
}

fn token_file(file: &Path) -> Result<Zeroizing<String>, CommandError> {
    use std::os::unix::fs::PermissionsExt as _;
    let unreadable = |e: std::io::Error| {
        CommandError::usage(format!("the session in {} cannot be read: {e}", file.display()))
    };
    let about = std::fs::metadata(file).map_err(unreadable)?;
    if about.is_file() && about.permissions().mode() & 0o077 != 0 {
        return Err(CommandError::new(
            ExitCode::Refused,
            format!(
                "{} can be read by others, and it holds a session: run `chmod 600 {}`",
                file.display(),
                file.display()
            ),
        ));
    }
    let text = Zeroizing::new(std::fs::read_to_string(file).map_err(unreadable)?);
    Ok(trimmed(&text))
}

fn trimmed(text: &str) -> Zeroizing<String> {
    Zeroizing::new(text.trim().to_owned())
}
