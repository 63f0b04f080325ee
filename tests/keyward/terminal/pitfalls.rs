//! Known pitfalls of terminals, each with the test that shows that keyward avoids it.
//!
//! | pitfall | test |
//! |---|---|
//! | tmux drops OSC 52 silently, but accepts `load-buffer -w` | `tmux::a_copy_passes_through_tmux_and_leaves_no_buffer` |
//! | screen needs BEL inside its string, which has at most 768 bytes | `tmux::a_copy_passes_through_screen_and_screen_keeps_no_secret`, `clipboard::gnu_screen_receives_strings_that_it_can_buffer` |
//! | terminals never acknowledge a copy | [`a_copy_is_reported_as_sent_never_as_copied`], `popups::a_new_secret_is_masked_until_revealed_and_discarded_after_closing` |
//! | screen content stays readable after the program ends | `tmux::*`, `terminal::assert_restored`, `terminal::a_secret_*`, [`no_signal_leaves_a_secret_on_the_terminal`] |
//! | a closed terminal makes read loops spin | `terminal::a_closed_terminal_ends_the_process`, `ssh::*` |
//! | a late reply to OSC 11 arrives as key presses | [`a_late_terminal_reply_changes_nothing`], `input::terminal_replies_are_not_key_presses` |
//! | DECRPM and mode 2031 replies block readers | [`unsolicited_terminal_replies_are_harmless`] |
//! | `NO_COLOR` hides reverse video | `terminal::the_selected_row_is_visible_without_colours` |
//! | clearing queries the cursor position and waits | [`the_terminal_is_never_queried`], `terminal::suspending_and_resuming_restores_the_terminal` |
//! | a frame takes thousands of writes | [`each_frame_is_one_write`], `output_bytes::moving_and_scrolling_write_few_bytes` |
//! | CA files are missing; redirects send bodies again | `client::tests`, `hostile::tls` |
//! | widgets draw bidi and control characters | `screens::hostile`, `ansi_encoder::control_characters_are_never_written` |
//! | some characters have an ambiguous width | `terminal::locales_without_utf_8_get_only_ascii_characters`, [`the_linux_console_gets_only_ascii_characters`] |
//! | names contain characters that cannot be typed | `popups::revoking_a_key_in_use_requires_its_last_four_characters_and_a_reason_if_it_was_just_used` |
//! | ssh does not forward COLORTERM | `capabilities::the_colour_depth_follows_the_environment`, `screens::themes` |

use rustix::process::Signal;

use super::super::ssh::create_and_reveal;
use super::super::support::installed_programs::find_program;
use super::super::support::pty::{Pty, PtyOutput, program};
use super::{Demo, READY_TEXT, ROW_TEXT, start_and_wait, start_demo};

/// Escape sequences that query the cursor position, device attributes, modes, colours or size, or request another keyboard protocol.
const QUERIES: [&str; 16] = [
    "\x1b[6n", "\x1b[5n", "\x1b[c", "\x1b[0c", "\x1b[>c", "\x1b[>0c", "\x1b[=c", "\x1b[?u", "\x1b[>1u", "$p",
    "\x1b[>q", "\x1b[18t", "\x1b[14t", ";?\x07", ";?\x1b\\", "\x1bP+q",
];

#[test]
fn the_terminal_is_never_queried() {
    let mut demo = start_demo(|_| ());
    demo.pty.wait_for_text(ROW_TEXT);
    for (keys, until) in [
        ("j\r", "Created"),
        ("q?", "Help"),
        ("\x1b", READY_TEXT),
        ("y1", "Sent to your terminal"),
        (":", "Commands"),
        ("\x1b", READY_TEXT),
    ] {
        demo.pty.press(keys);
        demo.pty.wait_for_text(until);
    }
    demo.pty.resize(100, 30);
    demo.pty.wait_until("a frame of the new size", |output| {
        output.text().lines().nth(29).is_some_and(|line| !line.trim().is_empty()).then_some(())
    });
    demo.pty.press("qqq");
    assert_eq!(demo.pty.wait(), 0);
    let written = String::from_utf8(demo.pty.take_bytes()).unwrap();
    for query in QUERIES {
        assert!(!written.contains(query), "{query:?}");
    }
}

/// Terminal replies to queries that a previous program sent, delayed by a slow connection.
#[test]
fn unsolicited_terminal_replies_are_harmless() {
    let mut demo = start_demo(|_| ());
    demo.pty.wait_for_text(ROW_TEXT);
    let before = demo.pty.inspect(PtyOutput::text);
    for answer in [
        "\x1b[?2026;2$y",
        "\x1b[?997;1n",
        "\x1b[?62;22c",
        "\x1b[>41;390;0c",
        "\x1b[24;80R",
        "\x1b[?1u",
        "\x1b]11;rgb:1d1d/dddd/2323\x1b\\",
        "\x1b]11;rgb:1d1d/dddd/2323\x07",
        "\x1bP>|XTerm(390)\x1b\\",
        "\x1b[I",
        "\x1b[O",
    ] {
        demo.pty.press(answer);
    }
    // The terminal UI still handles key presses, and the replies opened, moved and hid nothing.
    demo.pty.press("jk?");
    demo.pty.wait_for_text("Help");
    demo.pty.press("\x1b");
    demo.pty.wait_until("the table as it was", |output| {
        let text = output.text();
        (masked_secrets_in(&text) == masked_secrets_in(&before)
            && selected_secret_in(&text) == selected_secret_in(&before))
        .then_some(())
    });
}

/// A lone ESC is the Escape key, so the rest of a late reply is read as letters, among them `d`, `r`, `/` and `:`.
#[test]
fn a_late_terminal_reply_changes_nothing() {
    let mut demo = start_demo(|_| ());
    demo.pty.wait_for_text(ROW_TEXT);
    let rows = masked_secrets_in(&demo.pty.inspect(PtyOutput::text));
    for answer in ["]11;rgb:1d1d/dddd/2323", "]4;1;rgb:xxxx/yyyy/dddd", "[?2026;2$y", "[?62;22c"] {
        demo.pty.press(answer);
        demo.pty.press("\x1b\x1b\x1b");
    }
    demo.pty.press("\x1b\x1b2gg");
    demo.pty.wait_until("the table as it was", |output| {
        (masked_secrets_in(&output.text()) == rows).then_some(())
    });
}

/// Returns the masked secrets on the screen.
fn masked_secrets_in(text: &str) -> Vec<String> {
    let mask =
        |line: &str| line.split_whitespace().find(|word| word.starts_with(ROW_TEXT)).map(str::to_owned);
    text.lines().filter_map(mask).collect()
}

/// Returns the masked secret of the selected row.
fn selected_secret_in(text: &str) -> Option<String> {
    let line = text.lines().find(|line| line.contains('▶'))?;
    masked_secrets_in(line).pop()
}

#[test]
fn the_linux_console_gets_only_ascii_characters() {
    let demo = start_demo(|command| command.env("TERM", "linux"));
    demo.pty.wait_for_text("sk_...");
    demo.pty.inspect(|output| assert!(output.bytes.is_ascii()));
}

#[test]
fn a_copy_is_reported_as_sent_never_as_copied() {
    let mut demo = start_demo(|_| ());
    demo.pty.wait_for_text(ROW_TEXT);
    for choice in ["1", "2", "3", "4"] {
        demo.pty.take_bytes();
        demo.pty.press(&format!("y{choice}"));
        demo.pty.wait_until("a copy on its way, and reported as sent", |output| {
            let sent = String::from_utf8_lossy(&output.bytes).contains("\x1b]52;c;");
            (sent && output.text().contains("Sent to your terminal")).then_some(())
        });
        demo.pty
            .inspect(|output| assert!(!output.text().to_lowercase().contains("copied"), "{}", output.text()));
    }
}

#[test]
fn no_signal_leaves_a_secret_on_the_terminal() {
    for (signal, code) in [(Signal::INT, 130), (Signal::QUIT, 131), (Signal::TERM, 143), (Signal::HUP, 129)] {
        let mut demo = start_demo(|_| ());
        let secret = create_and_reveal(&mut demo.pty);
        demo.pty.take_bytes();
        demo.pty.signal(signal);
        assert_eq!(demo.pty.wait(), code, "{signal:?}");
        demo.pty.wait_until("the alternate screen left", |output| {
            (!output.emulator.screen().alternate_screen()).then_some(())
        });
        // On a terminal without an alternate screen, the blanked screen is what remains.
        let written = String::from_utf8(demo.pty.take_bytes()).unwrap();
        let blanked = written.split("\x1b[?1049l").next().unwrap();
        assert!(blanked.matches("\x1b[K").count() >= 24 && !written.contains(&secret), "{written:?}");
        demo.assert_restored();
    }
}

/// Starts the demo under strace, which records its writes in `trace`. The demo is the child process, and strace its grandchild.
fn start_under_strace() -> Option<Demo> {
    find_program("strace", "KEYWARD_REQUIRE_TERMINALS")?;
    let home = tempfile::tempdir().unwrap();
    let bin = env!("CARGO_BIN_EXE_keyward");
    let words =
        ["strace", "-D", "-f", "-q", "-s", "65536", "-e", "trace=write,writev", "-o", "trace", bin, "demo"];
    Some(start_and_wait(program(home.path(), &words), home))
}

impl Demo {
    /// Waits until the trace satisfies `holds`, and returns it.
    fn wait_for_trace(&self, holds: impl Fn(&str) -> bool) -> String {
        let read = || std::fs::read_to_string(self.home.path().join("trace")).unwrap_or_default();
        self.pty.wait_until("the trace", |_| Some(read()).filter(|trace| holds(trace)))
    }
}

#[test]
fn each_frame_is_one_write() {
    let Some(mut demo) = start_under_strace() else { return };
    demo.pty.wait_for_text(ROW_TEXT);
    for (keys, until) in [
        ("jjj", ROW_TEXT),
        ("?", "Help"),
        ("\x1b", READY_TEXT),
        ("G", ROW_TEXT),
        ("kkk", ROW_TEXT),
        (":", "Commands"),
    ] {
        demo.pty.press(keys);
        demo.pty.wait_for_text(until);
    }
    demo.pty.press("\x1bqq");
    assert_eq!(demo.pty.wait(), 0);
    let trace = demo.wait_for_trace(|trace| trace.contains("\\33[?1049l"));
    let first = trace.lines().find(|line| line.contains("\"\\33[?2026h")).unwrap();
    let to =
        |line: &str| line.split_once("write(").map(|(_, rest)| rest.split(',').next().unwrap().to_owned());
    let terminal = to(first).unwrap();
    let frames: Vec<&str> = trace.lines().filter(|line| to(line).as_ref() == Some(&terminal)).collect();
    // Frames at the start, with the rows, with the help, without it, with the commands. Other redraws may be merged into these.
    assert!(frames.len() >= 5, "{trace}");
    for frame in frames {
        assert!(frame.contains("\"\\33[?2026h") && frame.contains("\\33[?2026l\""), "{frame}");
    }
}

#[test]
fn nothing_is_written_to_a_closed_terminal() {
    let Some(mut demo) = start_under_strace() else { return };
    demo.pty.wait_for_text(ROW_TEXT);
    demo.pty.hang_up();
    assert_eq!(demo.pty.wait(), 129);
    let trace = demo.wait_for_trace(|trace| trace.contains("+++ exited"));
    let (_, after) = trace.split_once("--- SIGHUP").unwrap_or(("", &trace));
    // Only the rest of a frame that was already being written may follow.
    for leaving in ["?1049l", "?2004l", "?25h"] {
        assert!(!after.contains(leaving), "{after}");
    }
}

#[test]
fn a_hangup_restores_a_terminal_that_is_still_open() {
    let mut demo = start_demo(|_| ());
    demo.pty.signal(Signal::HUP);
    assert_eq!(demo.pty.wait(), 129);
    demo.pty.wait_until("the alternate screen left", |output| {
        (!output.emulator.screen().alternate_screen()).then_some(())
    });
    demo.assert_restored();
}

#[test]
fn no_core_dump_is_ever_written() {
    let demo = start_demo(|_| ());
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", demo.pty.pid().as_raw_pid())).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().skip(4).take(2).collect::<Vec<_>>(), ["0", "0"], "{core}");
}

/// A terminal that accepts no more output, as on a dead network connection, does not keep keyward from exiting.
#[test]
fn a_blocked_terminal_does_not_block_the_exit() {
    let home = tempfile::tempdir().unwrap();
    let bin = env!("CARGO_BIN_EXE_keyward");
    let mut pty = Pty::start(program(home.path(), &[bin, "demo"]), 80, 24);
    pty.wait_for_text(READY_TEXT);
    pty.stop_reading();
    for n in 0..60 {
        pty.resize(80 + n % 2, 24);
        pty.press("?\x1b");
    }
    pty.signal(Signal::TERM);
    assert_eq!(pty.wait(), 143);
    assert_eq!(pty.modes(), pty.initial_modes);
}
