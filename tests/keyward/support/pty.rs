//! Runs a program in a pseudo-terminal and interprets its output with a terminal emulator.

use std::io::{Read as _, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use keyward::clock::monotonic_now;
use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, SlavePty, native_pty_system};
use rustix::process::{Pid, Signal, kill_process};

/// Timeout for every condition, long enough for debug builds on busy machines.
pub const TIMEOUT: Duration = Duration::from_mins(1);

/// What the program has written to the terminal.
pub struct PtyOutput {
    /// Terminal emulator that has processed the output.
    pub emulator: vt100::Parser,
    /// Bytes since the last [`Pty::take_bytes`].
    pub bytes: Vec<u8>,
}

impl PtyOutput {
    /// Returns the text on the screen.
    pub fn text(&self) -> String {
        self.emulator.screen().contents()
    }
}

/// A program in a pseudo-terminal.
pub struct Pty {
    context: Arc<(Mutex<PtyOutput>, Condvar)>,
    stop: Arc<AtomicBool>,
    master: Option<Box<dyn MasterPty + Send>>,
    writer: Option<Box<dyn Write + Send>>,
    /// Kept open, so that the terminal's modes can be read after the program has ended.
    slave: Option<Box<dyn SlavePty + Send>>,
    child: Mutex<Box<dyn Child + Send + Sync>>,
    /// Modes of the terminal before the program was started.
    pub initial_modes: String,
}

/// Returns a command for keyward with a minimal environment.
pub fn keyward(home: &Path, arguments: &[&str]) -> CommandBuilder {
    let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_keyward"));
    command.args(arguments);
    set_plain_environment(&mut command, home);
    command
}

/// Returns a command for any program with the same environment.
pub fn program(home: &Path, words: &[&str]) -> CommandBuilder {
    let mut command = CommandBuilder::new(words[0]);
    command.args(&words[1..]);
    set_plain_environment(&mut command, home);
    command
}

fn set_plain_environment(command: &mut CommandBuilder, home: &Path) {
    command.env_clear();
    command.env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    command.env("HOME", home);
    command.env("TMPDIR", home);
    command.env("TERM", "xterm-256color");
    command.env("LANG", "C.UTF-8");
    command.cwd(home);
}

/// Returns the first child process of a shell.
pub fn first_child_of(shell: Pid) -> Pid {
    let pid = shell.as_raw_pid();
    let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap();
    Pid::from_raw(children.split_whitespace().next().unwrap().parse().unwrap()).unwrap()
}

impl Pty {
    /// Starts a program in a terminal of this size.
    pub fn start(command: CommandBuilder, columns: u16, rows: u16) -> Self {
        let pair = native_pty_system()
            .openpty(PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 })
            .unwrap();
        let initial_modes = modes(&*pair.master);
        let child = pair.slave.spawn_command(command).unwrap();
        let emulator = vt100::Parser::new(rows.try_into().unwrap(), columns.try_into().unwrap(), 1_000);
        let output = PtyOutput { emulator, bytes: Vec::new() };
        let context = Arc::new((Mutex::new(output), Condvar::new()));
        let stop = Arc::new(AtomicBool::new(false));
        let mut reader = pair.master.try_clone_reader().unwrap();
        let (share, stopped) = (context.clone(), stop.clone());
        std::thread::spawn(move || {
            let mut buffer = vec![0; 1 << 16];
            loop {
                let n = reader.read(&mut buffer).unwrap_or(0);
                let mut output = share.0.lock().unwrap_or_else(PoisonError::into_inner);
                output.emulator.process(&buffer[..n]);
                output.bytes.extend_from_slice(&buffer[..n]);
                share.1.notify_all();
                if n == 0 || stopped.load(Ordering::SeqCst) {
                    break;
                }
            }
        });
        let writer = pair.master.take_writer().unwrap();
        Self {
            context,
            stop,
            master: Some(pair.master),
            writer: Some(writer),
            slave: Some(pair.slave),
            child: Mutex::new(child),
            initial_modes,
        }
    }

    /// Sends key presses in one write.
    pub fn press(&mut self, keys: &str) {
        let writer = self.writer.as_mut().unwrap();
        writer.write_all(keys.as_bytes()).unwrap();
        writer.flush().unwrap();
    }

    /// Waits until `holds` returns a value for the output.
    pub fn wait_until<T>(&self, what: &str, mut holds: impl FnMut(&PtyOutput) -> Option<T>) -> T {
        let began = monotonic_now();
        let mut ended = false;
        let mut output = self.output();
        loop {
            if let Some(found) = holds(&output) {
                return found;
            }
            // Output written just before the program ended may arrive a little later.
            let patience = if ended { Duration::from_secs(2) } else { TIMEOUT };
            assert!(
                began.elapsed() < patience,
                "timed out waiting for {what}; the screen:\n{}",
                output.text()
            );
            output = self.context.1.wait_timeout(output, Duration::from_millis(100)).unwrap().0;
            ended = self.child.lock().unwrap().try_wait().unwrap().is_some();
        }
    }

    fn output(&self) -> MutexGuard<'_, PtyOutput> {
        self.context.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until a text is on the screen.
    pub fn wait_for_text(&self, text: &str) {
        self.wait_until(&format!("{text:?}"), |output| output.text().contains(text).then_some(()));
    }

    /// Passes the output to `inspect` and returns its result.
    pub fn inspect<T>(&self, inspect: impl FnOnce(&PtyOutput) -> T) -> T {
        inspect(&self.output())
    }

    /// Returns the bytes written since the last call of this function.
    pub fn take_bytes(&self) -> Vec<u8> {
        std::mem::take(&mut self.output().bytes)
    }

    /// Resizes the terminal.
    pub fn resize(&self, columns: u16, rows: u16) {
        let mut output = self.output();
        output.emulator.screen_mut().set_size(rows.try_into().unwrap(), columns.try_into().unwrap());
        let size = PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 };
        self.master.as_ref().unwrap().resize(size).unwrap();
    }

    /// Returns the terminal's modes (`termios`) as a text that can be compared.
    pub fn modes(&self) -> String {
        modes(&**self.master.as_ref().unwrap())
    }

    /// Returns the process id of the program.
    pub fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.child.lock().unwrap().process_id().unwrap()).unwrap()).unwrap()
    }

    /// Sends a signal to the program.
    pub fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).unwrap();
    }

    /// Waits until the program has ended and returns its exit code.
    pub fn wait(&mut self) -> u32 {
        let began = monotonic_now();
        loop {
            if let Some(status) = self.child.lock().unwrap().try_wait().unwrap() {
                return status.exit_code();
            }
            // Wakes up on output, or after the timeout.
            let output = self.output();
            let still = format!("the program is still running; the screen:\n{}", output.text());
            drop(self.context.1.wait_timeout(output, Duration::from_millis(20)).unwrap());
            if began.elapsed() > TIMEOUT {
                let _ = self.child.lock().unwrap().kill();
                panic!("{still}");
            }
        }
    }

    /// Stops reading the output after the next read, as if the network connection were dead.
    pub fn stop_reading(&self) {
        self.stop.store(true, Ordering::SeqCst);
    }

    /// Closes the terminal like a terminal emulator that crashes. Resizes it first, because only output makes the reader release its
    /// handle.
    pub fn hang_up(&mut self) {
        self.slave = None;
        self.stop.store(true, Ordering::SeqCst);
        self.resize(81, 25);
        let closed = monotonic_now();
        while Arc::strong_count(&self.stop) > 1 {
            assert!(closed.elapsed() < TIMEOUT, "the program did not react to a resize");
            std::thread::yield_now();
        }
        self.writer = None;
        self.master = None;
    }
}

fn modes(master: &(dyn MasterPty + Send)) -> String {
    format!("{:?}", master.get_termios().unwrap())
}

impl Drop for Pty {
    fn drop(&mut self) {
        // A failed test leaves no process behind.
        let _ = self.child.lock().unwrap().kill();
        let _ = self.child.lock().unwrap().wait();
    }
}
