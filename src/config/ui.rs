//! Settings of the terminal UI.

use serde::{Deserialize, Serialize};

use crate::domain::words::words;

/// Appearance and behavior of the terminal UI.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct UiSettings {
    pub(crate) theme: ThemeName,
    /// Number of colors to use.
    pub(crate) color: ColorMode,
    /// When to draw with ASCII characters only.
    pub(crate) ascii: AsciiMode,
    /// How to copy a secret to the clipboard.
    pub(crate) clipboard: ClipboardMode,
    /// Command that receives the secret on its standard input if `clipboard = "command"`. Run without a shell.
    pub(crate) clipboard_command: String,
    /// Whether the terminal UI refuses changes.
    pub(crate) read_only: bool,
    /// Whether to use synchronized updates, with which a terminal shows a frame at once. Terminals that do not support them ignore the
    /// setting.
    pub(crate) synchronized_update: bool,
    /// Refresh interval in seconds, at least 1.
    pub(crate) refresh_seconds: u32,
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
    /// As many colors as the terminal supports according to the environment.
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
    /// Only if the locale is not UTF-8 or the terminal is the Linux console.
    Auto,
    /// ASCII characters only.
    Always,
    /// All characters.
    Never,
}

/// How to copy a secret to the clipboard.
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
    /// Copying is disabled.
    Off,
}

words!(ThemeName { Default = "default", HighContrast = "high-contrast", Mono = "mono" });
words!(ColorMode { Auto = "auto", Never = "never", Ansi16 = "16", Ansi256 = "256", Truecolor = "truecolor" });
words!(AsciiMode { Auto = "auto", Always = "always", Never = "never" });
words!(ClipboardMode { Auto = "auto", Osc52 = "osc52", Tmux = "tmux", Screen = "screen", Command = "command", Off = "off" });
