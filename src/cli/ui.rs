//! Flags of the terminal UI.

use clap::Args;

use crate::config::{AsciiMode, ColorMode, Config, ThemeName};

/// How the terminal UI looks and what it may do.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Terminal UI")]
pub struct UiArgs {
    /// Change nothing
    #[arg(long)]
    pub read_only: bool,
    /// No files, pipes or other programs: for a forced command of sshd
    #[arg(long)]
    pub restricted: bool,
    /// Colours: default, high-contrast or mono
    #[arg(long, value_name = "THEME")]
    pub theme: Option<ThemeName>,
    /// How many colours: auto, never, 16, 256 or truecolor
    #[arg(long, value_name = "DEPTH")]
    pub color: Option<ColorMode>,
    /// Draw with ASCII only
    #[arg(long)]
    pub ascii: bool,
}

impl UiArgs {
    /// Lays the flags over the settings.
    pub fn apply_to(&self, config: &mut Config) {
        config.ui.read_only |= self.read_only;
        if let Some(theme) = self.theme {
            config.ui.theme = theme;
        }
        if let Some(color) = self.color {
            config.ui.color = color;
        }
        if self.ascii {
            config.ui.ascii = AsciiMode::Always;
        }
    }
}
