//! Settings of the terminal UI.

use serde::{Deserialize, Serialize};

use crate::domain::words::words;

/// Appearance and behavior of the terminal UI.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct UiSettings {
    /// Color theme.
    pub theme: ThemeName,
    /// Number of colors to use.
    pub color: ColorMode,
    /// When to draw with ASCII characters only.
    pub ascii: AsciiMode,
    /// How to copy a secret.
    pub clipboard: ClipboardMode,
    /// Command that receives the secret on its standard input, for `clipboard = "command"`. It is run without a shell.
    pub clipboard_command: String,
    /// Refuses changes.
    pub read_only: bool,
    /// Uses synchronized updates, which draw a frame at once. Terminals without them ignore it.
    pub synchronized_update: bool,
    /// Seconds between two refreshes, at least 1.
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

/// A color theme.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ThemeName {
    /// The 16 ANSI colors on the background of the terminal.
    Default,
    /// Bold and bright colors only.
    HighContrast,
    /// No colors.
    Mono,
}

/// The number of colors to use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ColorMode {
    /// As many as the environment says the terminal supports.
    Auto,
    /// No colors.
    Never,
    /// The 16 ANSI colors.
    #[serde(rename = "16")]
    Ansi16,
    /// The 256-color palette.
    #[serde(rename = "256")]
    Ansi256,
    /// 24-bit colors.
    Truecolor,
}

/// When to draw with ASCII characters only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AsciiMode {
    /// If the locale is not UTF-8 or the terminal is the Linux console.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// How to copy a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClipboardMode {
    /// Through tmux or screen if keyward runs inside one, otherwise OSC 52.
    Auto,
    /// With the escape sequence OSC 52.
    Osc52,
    /// With `tmux load-buffer -w`.
    Tmux,
    /// With OSC 52, wrapped for GNU screen.
    Screen,
    /// With the command of `clipboard_command`.
    Command,
    /// Copying is turned off.
    Off,
}

words!(ThemeName { Default = "default", HighContrast = "high-contrast", Mono = "mono" });
words!(ColorMode { Auto = "auto", Never = "never", Ansi16 = "16", Ansi256 = "256", Truecolor = "truecolor" });
words!(AsciiMode { Auto = "auto", Always = "always", Never = "never" });
words!(ClipboardMode { Auto = "auto", Osc52 = "osc52", Tmux = "tmux", Screen = "screen", Command = "command", Off = "off" });
