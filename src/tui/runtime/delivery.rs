//! Takes a text or secret out of the program: to the clipboard, into a file, into a command. Said to be done only when it was.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use zeroize::Zeroizing;

use crate::domain::text;
use crate::terminal::capabilities::TerminalEnv;
use crate::terminal::clipboard::{self, Clipboard, Route};
use crate::tui::msg::{Delivery, Reply, RequestError};

/// Said of what went to the terminal: nothing confirms that it arrived.
const SENT: &str = "sent to your terminal";

/// Where texts and secrets may go.
pub(super) struct Deliveries {
    pub(super) clipboard: Clipboard,
    pub(super) hints: TerminalEnv,
    /// Neither files nor commands.
    pub(super) restricted: bool,
    /// What `~` stands for.
    pub(super) home: Option<PathBuf>,
    /// Environment variables that no command may see.
    pub(super) private: Vec<String>,
}

/// What is to be done now, and what later.
pub(super) enum Step {
    /// These bytes go to the terminal, between two frames; then this is the answer.
    Send(Zeroizing<Vec<u8>>, Reply),
    /// [`Deliveries::carry_out`] does the rest, beside the screens.
    Work(Work),
    /// This is the answer.
    Answer(RequestError),
}

/// Work beside the screens.
pub(super) struct Work {
    what: What,
    content: Content,
}

enum What {
    Tmux,
    Clipboard(Vec<String>),
    Command(Vec<String>),
    File(PathBuf),
}

/// What is put somewhere.
enum Content {
    Text(String),
    Secret(Arc<crate::wire::keys::SecretString>),
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
    /// The first step of putting something somewhere.
    pub(super) fn begin(&self, put: Delivery) -> Step {
        match put {
            Delivery::Copy(text) => self.copy(Content::Text(text)),
            Delivery::CopySecret(secret) => self.copy(Content::Secret(secret)),
            Delivery::SecretToFile { path, secret } => self.file(&path, Content::Secret(secret)),
            Delivery::TextToFile { path, text } => self.file(&path, Content::Text(text)),
            Delivery::SecretToCommand { command, secret } => self.command(&command, Content::Secret(secret)),
        }
    }

    fn copy(&self, content: Content) -> Step {
        let route = match self.clipboard.route(content.expose(), &self.hints) {
            Ok(route) => route,
            Err(why) => return Step::Answer(RequestError::Local(why.to_string())),
        };
        let what = match route {
            Route::Send(bytes) => return Step::Send(bytes, Reply::Done(SENT.to_owned())),
            Route::Tmux | Route::Command(_) if self.restricted => return refused("Other programs are"),
            Route::Tmux => What::Tmux,
            Route::Command(words) => What::Clipboard(words),
        };
        Step::Work(Work { what, content })
    }

    fn file(&self, path: &str, content: Content) -> Step {
        if self.restricted {
            return refused("Files are");
        }
        match self.expand(path.trim()) {
            Some(path) => Step::Work(Work { what: What::File(path), content }),
            None => Step::Answer(RequestError::Local("Name a file, such as ~/grafana.key.".to_owned())),
        }
    }

    fn command(&self, line: &str, content: Content) -> Step {
        if self.restricted {
            return refused("Commands are");
        }
        match shell_words::split(line) {
            Ok(words) if !words.is_empty() => Step::Work(Work { what: What::Command(words), content }),
            Ok(_) => Step::Answer(RequestError::Local(
                "Name a command that reads the secret, such as pass insert -m keys/grafana.".to_owned(),
            )),
            Err(_) => Step::Answer(RequestError::Local("A quote in the command is not closed.".to_owned())),
        }
    }

    /// The path meant, nothing where none was given. `~/` is the home folder.
    fn expand(&self, path: &str) -> Option<PathBuf> {
        match (path.strip_prefix("~/"), &self.home) {
            _ if path.is_empty() || path.ends_with('/') => None,
            (Some(rest), Some(home)) => Some(home.join(rest)),
            _ => Some(PathBuf::from(path)),
        }
    }

    /// Does the work, and says in words what was done.
    pub(super) async fn carry_out(&self, Work { what, content }: Work) -> Result<Reply, RequestError> {
        let local = |error: &dyn std::error::Error| {
            RequestError::Local(text::sanitize_line(&error.to_string()).into_owned())
        };
        let done = match what {
            What::Tmux => {
                clipboard::through_tmux(content.expose(), &self.private).await.map_err(|e| local(&e))?;
                format!("{SENT} by tmux")
            }
            What::Clipboard(words) | What::Command(words) => {
                clipboard::run(&words, content.expose(), &self.private).await.map_err(|e| local(&e))?;
                format!("handed to {}, which succeeded", text::sanitize_line(&words[0]))
            }
            What::File(path) => {
                let shown = text::sanitize_line(&path.display().to_string()).into_owned();
                tokio::task::spawn_blocking(move || write_new(&path, content.expose()))
                    .await
                    .map_err(|e| local(&e))?
                    .map_err(|wrong| not_written(&shown, &wrong))?;
                format!("written to {shown}")
            }
        };
        Ok(Reply::Done(done))
    }
}

fn refused(what: &str) -> Step {
    Step::Answer(RequestError::Local(format!("{what} out of reach here (--restricted).")))
}

fn not_written(path: &str, wrong: &io::Error) -> RequestError {
    RequestError::Local(match wrong.kind() {
        io::ErrorKind::AlreadyExists => {
            format!("{path} exists, and is never overwritten: name another file.")
        }
        io::ErrorKind::NotFound => format!("{path} is in a folder that does not exist: make it first."),
        _ => format!("{path} cannot be written: {wrong}. Name another file."),
    })
}

/// A new file for its owner only, on the disk when this returns. What fails halfway leaves nothing behind.
fn write_new(path: &Path, content: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let written = file
        .write_all(content.as_bytes())
        .and_then(|()| file.sync_all())
        .and_then(|()| File::open(folder)?.sync_all());
    if written.is_err() {
        let _ = std::fs::remove_file(path);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::keys::SecretString;
    use std::os::unix::fs::PermissionsExt as _;

    fn sinks(home: &Path) -> Deliveries {
        Deliveries {
            clipboard: Clipboard::Auto,
            hints: TerminalEnv::default(),
            restricted: false,
            home: Some(home.to_owned()),
            private: vec!["KEYWARD_TOKEN".to_owned()],
        }
    }

    async fn done(sinks: &Deliveries, put: Delivery) -> Result<String, String> {
        match sinks.begin(put) {
            Step::Work(work) => match sinks.carry_out(work).await {
                Ok(Reply::Done(words)) => Ok(words),
                Ok(other) => panic!("{other:?}"),
                Err(failure) => Err(failure.to_string()),
            },
            Step::Answer(failure) => Err(failure.to_string()),
            Step::Send(bytes, _) => Ok(String::from_utf8(bytes.to_vec()).unwrap()),
        }
    }

    #[tokio::test]
    async fn a_secret_goes_into_a_new_file_of_its_own() {
        let home = tempfile::tempdir().unwrap();
        let sinks = sinks(home.path());
        let put =
            || Delivery::SecretToFile { path: "~/k".into(), secret: Arc::new(SecretString::new("sk_x")) };
        assert!(done(&sinks, put()).await.unwrap().contains("/k"));
        let path = home.path().join("k");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "sk_x");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let again = done(&sinks, put()).await.unwrap_err();
        assert!(again.contains("never overwritten"), "{again}");
        let nowhere = Delivery::TextToFile { path: "~/no/k".into(), text: String::new() };
        assert!(done(&sinks, nowhere).await.unwrap_err().contains("does not exist"));
        for empty in ["", " ", "~/"] {
            let put = Delivery::TextToFile { path: empty.into(), text: String::new() };
            assert!(done(&sinks, put).await.unwrap_err().contains("Name a file"));
        }
    }

    #[tokio::test]
    async fn a_secret_goes_into_a_command_without_a_shell() {
        let home = tempfile::tempdir().unwrap();
        let sinks = sinks(home.path());
        let put = |line: String| Delivery::SecretToCommand {
            command: line,
            secret: Arc::new(SecretString::new("sk_x")),
        };
        let out = home.path().join("a b; c");
        let told = done(&sinks, put(format!("tee '{}'", out.display()))).await.unwrap();
        assert!(told.contains("handed to tee"), "{told}");
        assert_eq!(std::fs::read_to_string(&out).unwrap(), "sk_x");
        for (line, why) in
            [("", "Name a command"), ("a 'b", "not closed"), ("false", "failed"), ("/no/x", "started")]
        {
            let failed = done(&sinks, put(line.to_owned())).await.unwrap_err();
            assert!(failed.contains(why) && !failed.contains("sk_x"), "{line}: {failed}");
        }
    }

    #[tokio::test]
    async fn restricted_leaves_only_the_terminal() {
        let home = tempfile::tempdir().unwrap();
        let sinks = Deliveries { restricted: true, ..sinks(home.path()) };
        let file = Delivery::TextToFile { path: "~/k".into(), text: String::new() };
        assert!(done(&sinks, file).await.unwrap_err().contains("--restricted"));
        assert_eq!(done(&sinks, Delivery::Copy("hi".into())).await.unwrap(), "\u{1b}]52;c;aGk=\u{7}");
    }
}
