//! Where a new secret goes: standard output, a file, or a command's standard input. A sink is opened and checked before the key
//! exists, so that no secret is made that has nowhere to go.

use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use clap::Args;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::error::{CommandError, ExitCode};
use crate::config::Environment;

/// Flags of the commands that make a secret.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Where the secret goes")]
pub struct SecretOutputArgs {
    /// Show the secret on this terminal
    #[arg(long, conflicts_with_all = ["write_to", "exec"])]
    reveal: bool,
    /// Write the secret to a new file that only you can read
    #[arg(long, value_name = "FILE", conflicts_with = "exec")]
    write_to: Option<PathBuf>,
    /// Hand the secret to a command on its standard input (`pass insert -m keys/grafana`); run without a shell
    #[arg(long, value_name = "COMMAND")]
    exec: Option<String>,
}

/// An opened sink.
#[derive(Debug)]
pub enum SecretOutput {
    /// Standard output, which is not a terminal.
    Pipe,
    /// Standard output, which is a terminal, as asked for.
    Screen,
    /// A new file.
    File(PathBuf, File),
    /// A command that exists, with its name.
    Command(String, Box<Command>),
}

/// How sure it is that the secret arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivered {
    /// The file is synced, the command succeeded, the reader took it.
    Surely,
    /// It was handed over, but nobody took it yet.
    Perhaps,
}

impl SecretOutputArgs {
    /// Opens the sink.
    ///
    /// # Errors
    /// There is no place for the secret: nothing was made.
    pub fn open(&self, environment: &Environment) -> Result<SecretOutput, CommandError> {
        if let Some(path) = &self.write_to {
            let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
            return match file {
                Ok(file) => Ok(SecretOutput::File(path.clone(), file)),
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => {
                    Err(CommandError::new(
                        ExitCode::Refused,
                        format!("{} is a folder; no key was created. Name a new file in it.", path.display()),
                    ))
                }
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Err(CommandError::new(
                    ExitCode::Refused,
                    format!(
                        "{} exists and is never overwritten; no key was created. Name another file.",
                        path.display()
                    ),
                )),
                Err(e) => Err(CommandError::new(
                    ExitCode::Failure,
                    format!("{} cannot be written: {e}; no key was created", path.display()),
                )),
            };
        }
        if let Some(command) = &self.exec {
            let (program, arguments) = words(command)?;
            return match find(&program, environment) {
                Some(path) => {
                    Ok(SecretOutput::Command(program, Box::new(bare(&path, &arguments, environment))))
                }
                None => Err(CommandError::new(
                    ExitCode::NotFound,
                    format!(
                        "there is no command `{program}`; no key was created. Is it installed, and in PATH?"
                    ),
                )),
            };
        }
        match (io::stdout().is_terminal(), self.reveal) {
            (false, _) => Ok(SecretOutput::Pipe),
            (true, true) => Ok(SecretOutput::Screen),
            (true, false) => Err(CommandError::usage(
                "the secret exists only once, and a terminal is no place for it: pipe it into a command, or use \
                 --write-to FILE or --exec COMMAND, or --reveal to show it here; no key was created",
            )),
        }
    }
}

impl SecretOutput {
    /// Whether standard output carries the secret, so that nothing else may.
    pub fn takes_stdout(&self) -> bool {
        matches!(self, Self::Pipe | Self::Screen)
    }

    /// Nothing will come: a file that was made for it is removed.
    pub fn abandon(self) {
        if let Self::File(path, _) = self {
            let _ = std::fs::remove_file(path);
        }
    }

    /// Hands the secret over.
    ///
    /// # Errors
    /// What went wrong, as the end of a sentence. The secret did not arrive, or not surely.
    pub fn deliver(self, secret: &str) -> Result<Delivered, String> {
        match self {
            Self::Pipe => pipe(secret),
            Self::Screen => screen(secret),
            Self::File(path, file) => write_file(&path, file, secret),
            Self::Command(name, mut command) => run(&name, &mut command, secret),
        }
    }
}

fn pipe(secret: &str) -> Result<Delivered, String> {
    let mut out = io::stdout().lock();
    out.write_all(secret.as_bytes()).and_then(|()| out.flush()).map_err(|e| e.to_string())?;
    // A pipe takes the secret before anyone reads it: see whether someone does.
    let nothing_left = || rustix::io::ioctl_fionread(&out).is_ok_and(|left| left == 0);
    let wait = Timespec { tv_sec: 0, tv_nsec: 10_000_000 };
    let began = crate::clock::monotonic_now();
    loop {
        let mut watched = [PollFd::new(&out, PollFlags::empty())];
        let gone = poll(&mut watched, Some(&wait)).is_ok_and(|n| n > 0)
            && watched[0].revents().intersects(PollFlags::ERR);
        // Not a pipe: a regular file, or /dev/null.
        let is_pipe = rustix::fs::fstat(&out)
            .is_ok_and(|s| rustix::fs::FileType::from_raw_mode(s.st_mode) == rustix::fs::FileType::Fifo);
        match () {
            () if !is_pipe || nothing_left() => return Ok(Delivered::Surely),
            () if gone => return Err("nobody read it (the pipe is broken)".to_owned()),
            () if began.elapsed() > Duration::from_secs(5) => return Ok(Delivered::Perhaps),
            () => {}
        }
    }
}

fn screen(secret: &str) -> Result<Delivered, String> {
    let mut out = io::stdout().lock();
    writeln!(out, "{secret}").and_then(|()| out.flush()).map_err(|e| e.to_string())?;
    Ok(Delivered::Surely)
}

fn write_file(path: &Path, mut file: File, secret: &str) -> Result<Delivered, String> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let written = file
        .write_all(secret.as_bytes())
        .and_then(|()| file.sync_all())
        .and_then(|()| File::open(folder)?.sync_all());
    written.map(|()| Delivered::Surely).map_err(|e| {
        // Half a secret is no secret.
        let _ = std::fs::remove_file(path);
        format!("{} cannot be written: {e}", path.display())
    })
}

fn run(name: &str, command: &mut Command, secret: &str) -> Result<Delivered, String> {
    let mut child =
        command.stdin(Stdio::piped()).spawn().map_err(|e| format!("{name} cannot be started: {e}"))?;
    let written = child.stdin.take().map_or(Ok(()), |mut stdin| stdin.write_all(secret.as_bytes()));
    let status = child.wait().map_err(|e| format!("{name}: {e}"))?;
    match (status.success(), written) {
        (true, Ok(())) => Ok(Delivered::Surely),
        (true, Err(e)) => Err(format!("{name} did not read it: {e}")),
        (false, _) => Err(format!("{name} failed ({status})")),
    }
}

/// A command that learns nothing of what keyward is told by the environment.
pub fn bare(program: &Path, arguments: &[String], environment: &Environment) -> Command {
    let mut command = Command::new(program);
    command.args(arguments);
    for name in environment.names("KEYWARD_") {
        command.env_remove(name);
    }
    command
}

/// A command line taken apart as a shell would, but without a shell.
///
/// # Errors
/// It is empty, or a quote is not closed.
pub fn words(command: &str) -> Result<(String, Vec<String>), CommandError> {
    let mut words = shell_words::split(command)
        .map_err(|_| CommandError::usage("a quote in the command is not closed; nothing was done"))?
        .into_iter();
    match words.next() {
        Some(program) if !program.is_empty() => Ok((program, words.collect())),
        _ => Err(CommandError::usage("the command is empty; nothing was done")),
    }
}

/// The program's file, as the system would find it.
pub fn find(program: &str, environment: &Environment) -> Option<PathBuf> {
    let executable =
        |path: &Path| path.is_file() && rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok();
    if program.contains('/') {
        return Some(PathBuf::from(program)).filter(|p| executable(p));
    }
    let path = environment.get("PATH").unwrap_or("/usr/local/bin:/usr/bin:/bin");
    path.split(':').filter(|f| !f.is_empty()).map(|f| Path::new(f).join(program)).find(|p| executable(p))
}
