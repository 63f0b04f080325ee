//! How the terminal UI looks and behaves.

use serde::{Deserialize, Serialize};

use crate::domain::words::words;

/// Settings of the terminal UI.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct UiSettings {
    /// The colours.
    pub theme: ThemeName,
    /// How many colours the terminal is given.
    pub color: ColorMode,
    /// Whether only ASCII is drawn.
    pub ascii: AsciiMode,
    /// How a secret is copied.
    pub clipboard: ClipboardMode,
    /// The program that takes a copy on its standard input, for `clipboard = "command"`. Run without a shell.
    pub clipboard_command: String,
    /// Changes nothing.
    pub read_only: bool,
    /// Draws each frame in one piece on terminals that can; others ignore it.
    pub synchronized_update: bool,
    /// Seconds between two refreshes; 0 counts as 1.
    pub refresh_seconds: u32,
}

impl Default for UiSettings {
    fn default() -> Self {
        Self {
            theme: ThemeName::Default,
            color: ColorMode::Auto,
            ascii: AsciiMode::Auto,
            clipboard: ClipboardMode::Auto,
            clipboard_command: String::new(),
            read_only: false,
            synchronized_update: true,
            refresh_seconds: 5,
        }
    }
}

/// A set of colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ThemeName {
    /// The 16 colours on the terminal's own background.
    Default,
    /// Bold and bright only.
    HighContrast,
    /// No colours.
    Mono,
}

/// How many colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ColorMode {
    /// As many as the environment says that the terminal has.
    Auto,
    /// None.
    Never,
    /// The 16 of ANSI.
    #[serde(rename = "16")]
    Ansi16,
    /// 256.
    #[serde(rename = "256")]
    Ansi256,
    /// All.
    Truecolor,
}

/// Whether only ASCII is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AsciiMode {
    /// Where the locale is not UTF-8 or the terminal is the Linux console.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// How a secret is copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClipboardMode {
    /// Through tmux or screen where one is in between, else OSC 52.
    Auto,
    /// OSC 52.
    Osc52,
    /// `tmux load-buffer -w`.
    Tmux,
    /// OSC 52 wrapped for GNU screen.
    Screen,
    /// Into the standard input of `clipboard_command`.
    Command,
    /// Not at all.
    Off,
}

words!(ThemeName { Default = "default", HighContrast = "high-contrast", Mono = "mono" });
words!(ColorMode { Auto = "auto", Never = "never", Ansi16 = "16", Ansi256 = "256", Truecolor = "truecolor" });
words!(AsciiMode { Auto = "auto", Always = "always", Never = "never" });
words!(ClipboardMode { Auto = "auto", Osc52 = "osc52", Tmux = "tmux", Screen = "screen", Command = "command", Off = "off" });
