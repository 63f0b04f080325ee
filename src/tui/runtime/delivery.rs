//! Carries out [`Effect::Deliver`](crate::tui::msg::Effect::Deliver): takes a text or secret to the clipboard, into a file or into a
//! command by way of [`crate::secret_delivery`]. Start reading at [`Deliveries::start`].
//!
//! Deliveries that `--restricted` forbids are refused here, independently of the screens.

use std::path::PathBuf;
use std::sync::Arc;

use zeroize::Zeroizing;

use crate::domain::text;
use crate::secret_delivery::clipboard::{Clipboard, CopyProgram, CopyRoute};
use crate::secret_delivery::command::{CommandLine, Interaction};
use crate::secret_delivery::file::NewFile;
use crate::terminal::capabilities::TerminalEnv;
use crate::tui::msg::{Delivery, Reply, RequestError};
use crate::wire::keys::SecretString;

/// Result of copying through the terminal, which does not confirm that the copy worked.
const SENT_TO_TERMINAL: &str = "sent to your terminal";

/// Settings that control how text and secrets are delivered.
pub(super) struct Deliveries {
    pub(super) clipboard: Clipboard,
    pub(super) hints: TerminalEnv,
    /// Whether files and commands must not be used (`--restricted`).
    pub(super) restricted: bool,
    /// Home folder, which replaces `~/` in paths.
    pub(super) home: Option<PathBuf>,
    /// Names of environment variables that are hidden from commands.
    pub(super) private_variables: Vec<String>,
}

/// What the event loop must do to carry out a delivery.
pub(super) enum DeliveryStep {
    /// Write these bytes to the terminal between two frames, then send the reply.
    WriteToTerminal(Zeroizing<Vec<u8>>, Reply),
    /// Run [`Deliveries::finish`] in a task.
    InBackground(BackgroundDelivery),
    /// Report that the delivery was refused.
    Refused(RequestError),
}

/// A delivery that runs in a task, because it may take long.
pub(super) struct BackgroundDelivery {
    destination: Destination,
    content: Content,
}

enum Destination {
    Clipboard(CopyProgram),
    Command(CommandLine),
    File(PathBuf),
}

enum Content {
    Text(String),
    Secret(Arc<SecretString>),
}

impl Content {
    fn expose(&self) -> &str {
        match self {
            Self::Text(text) => text,
            Self::Secret(secret) => secret.expose(),
        }
    }
}

impl Deliveries {
    /// Starts a delivery. Never blocks.
    pub(super) fn start(&self, delivery: Delivery) -> DeliveryStep {
        match delivery {
            Delivery::Copy(text) => self.copy(Content::Text(text)),
            Delivery::CopySecret(secret) => self.copy(Content::Secret(secret)),
            Delivery::SecretToFile { path, secret } => self.write_file(&path, Content::Secret(secret)),
            Delivery::TextToFile { path, text } => self.write_file(&path, Content::Text(text)),
            Delivery::SecretToCommand { command, secret } => {
                self.run_command(&command, Content::Secret(secret))
            }
        }
    }

    fn copy(&self, content: Content) -> DeliveryStep {
        match self.clipboard.route(content.expose(), &self.hints) {
            Ok(CopyRoute::Terminal(bytes)) => {
                DeliveryStep::WriteToTerminal(bytes, Reply::Done(SENT_TO_TERMINAL.to_owned()))
            }
            Ok(CopyRoute::Program(_)) if self.restricted => restricted("Other programs are"),
            Ok(CopyRoute::Program(program)) => DeliveryStep::InBackground(BackgroundDelivery {
                destination: Destination::Clipboard(program),
                content,
            }),
            Err(error) => DeliveryStep::Refused(local_error(&error)),
        }
    }

    fn write_file(&self, path: &str, content: Content) -> DeliveryStep {
        if self.restricted {
            return restricted("Files are");
        }
        match self.expand_home(path.trim()) {
            Some(path) => DeliveryStep::InBackground(BackgroundDelivery {
                destination: Destination::File(path),
                content,
            }),
            None => DeliveryStep::Refused(RequestError::Local(
                "Enter the path of a new file, such as ~/grafana.key.".to_owned(),
            )),
        }
    }

    fn run_command(&self, line: &str, content: Content) -> DeliveryStep {
        if self.restricted {
            return restricted("Commands are");
        }
        match CommandLine::parse(line) {
            Ok(command) => DeliveryStep::InBackground(BackgroundDelivery {
                destination: Destination::Command(command),
                content,
            }),
            Err(error) => DeliveryStep::Refused(local_error(&error)),
        }
    }

    /// Replaces `~/` by the home folder. Returns `None` if the path is empty or ends with a slash.
    fn expand_home(&self, path: &str) -> Option<PathBuf> {
        if path.is_empty() || path.ends_with('/') {
            return None;
        }
        match (path.strip_prefix("~/"), &self.home) {
            (Some(rest), Some(home)) => Some(home.join(rest)),
            _ => Some(PathBuf::from(path)),
        }
    }

    /// Carries out a delivery in the background. The reply says where the content went.
    pub(super) async fn finish(&self, delivery: BackgroundDelivery) -> Result<Reply, RequestError> {
        let BackgroundDelivery { destination, content } = delivery;
        let private_variables = &self.private_variables;
        let done = match destination {
            Destination::Clipboard(program) => {
                program.copy(content.expose(), private_variables).await.map_err(|e| local_error(&e))?;
                match &program {
                    CopyProgram::Tmux => format!("{SENT_TO_TERMINAL} by tmux"),
                    CopyProgram::Command(command) => piped_to(command),
                }
            }
            Destination::Command(command) => {
                let background = Interaction::Background;
                let result = command.run(content.expose(), background, private_variables).await;
                result.map_err(|e| local_error(&e))?;
                piped_to(&command)
            }
            Destination::File(path) => {
                let path_on_screen = text::sanitize_line(&path.display().to_string()).into_owned();
                tokio::task::spawn_blocking(move || NewFile::create(&path)?.write(content.expose()))
                    .await
                    .map_err(|e| local_error(&e))?
                    .map_err(|e| local_error(&e))?;
                format!("written to {path_on_screen}")
            }
        };
        Ok(Reply::Done(done))
    }
}

fn piped_to(command: &CommandLine) -> String {
    format!("piped to {}, which succeeded", text::sanitize_line(command.program()))
}

fn local_error(error: &dyn std::error::Error) -> RequestError {
    RequestError::Local(text::sanitize_line(&error.to_string()).into_owned())
}

fn restricted(subject_and_verb: &str) -> DeliveryStep {
    DeliveryStep::Refused(RequestError::Local(format!(
        "{subject_and_verb} out of reach here (--restricted)."
    )))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn deliveries(home: &Path) -> Deliveries {
        Deliveries {
            clipboard: Clipboard::Auto,
            hints: TerminalEnv::default(),
            restricted: false,
            home: Some(home.to_owned()),
            private_variables: vec!["KEYWARD_TOKEN".to_owned()],
        }
    }

    async fn deliver(deliveries: &Deliveries, delivery: Delivery) -> Result<String, String> {
        match deliveries.start(delivery) {
            DeliveryStep::InBackground(delivery) => match deliveries.finish(delivery).await {
                Ok(Reply::Done(words)) => Ok(words),
                Ok(other) => panic!("an unexpected reply: {other:?}"),
                Err(error) => Err(error.to_string()),
            },
            DeliveryStep::Refused(error) => Err(error.to_string()),
            DeliveryStep::WriteToTerminal(bytes, _) => Ok(String::from_utf8(bytes.to_vec()).unwrap()),
        }
    }

    #[tokio::test]
    async fn a_secret_is_written_to_a_new_file_below_the_home_folder() {
        let home = tempfile::tempdir().unwrap();
        let deliveries = deliveries(home.path());
        let to_file =
            || Delivery::SecretToFile { path: "~/k".into(), secret: Arc::new(SecretString::new("sk_x")) };
        assert!(deliver(&deliveries, to_file()).await.unwrap().contains("/k"));
        assert_eq!(std::fs::read_to_string(home.path().join("k")).unwrap(), "sk_x");
        let again = deliver(&deliveries, to_file()).await.unwrap_err();
        assert!(again.contains("never overwritten"), "{again}");
        let in_missing_folder = Delivery::TextToFile { path: "~/no/k".into(), text: String::new() };
        assert!(deliver(&deliveries, in_missing_folder).await.unwrap_err().contains("does not exist"));
        for path in ["", " ", "~/"] {
            let without_name = Delivery::TextToFile { path: path.into(), text: String::new() };
            assert!(deliver(&deliveries, without_name).await.unwrap_err().contains("path of a new file"));
        }
    }

    #[tokio::test]
    async fn a_secret_is_piped_to_a_command_without_a_shell() {
        let home = tempfile::tempdir().unwrap();
        let deliveries = deliveries(home.path());
        let to_command = |line: String| Delivery::SecretToCommand {
            command: line,
            secret: Arc::new(SecretString::new("sk_x")),
        };
        let path = home.path().join("a b; c");
        let done = deliver(&deliveries, to_command(format!("tee '{}'", path.display()))).await.unwrap();
        assert!(done.contains("piped to tee"), "{done}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "sk_x");
        for (line, cause) in
            [("", "is empty"), ("a 'b", "not closed"), ("false", "failed"), ("/no/x", "was not found")]
        {
            let message = deliver(&deliveries, to_command(line.to_owned())).await.unwrap_err();
            assert!(message.contains(cause) && !message.contains("sk_x"), "{line}: {message}");
        }
    }

    #[tokio::test]
    async fn restricted_mode_allows_only_copies_through_the_terminal() {
        let home = tempfile::tempdir().unwrap();
        let deliveries = Deliveries { restricted: true, ..deliveries(home.path()) };
        let to_file = Delivery::TextToFile { path: "~/k".into(), text: String::new() };
        assert!(deliver(&deliveries, to_file).await.unwrap_err().contains("--restricted"));
        let copied = deliver(&deliveries, Delivery::Copy("hi".into())).await.unwrap();
        assert_eq!(copied, "\u{1b}]52;c;aGk=\u{7}");
    }
}
