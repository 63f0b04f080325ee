//! Flags of the terminal UI, which override the settings.

use clap::Args;

use crate::config::{AsciiMode, ColorMode, Config, ThemeName};

/// Flags that control how the terminal UI looks and what it may do.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Terminal UI")]
pub struct UiArgs {
    /// Disable all changes
    #[arg(long)]
    pub read_only: bool,
    /// Disable files, pipes and external programs, for use as a forced command of sshd
    #[arg(long)]
    pub restricted: bool,
    /// Colour theme
    #[arg(long, value_enum, value_name = "THEME")]
    pub theme: Option<ThemeName>,
    /// Number of colours to use
    #[arg(long, value_enum, value_name = "DEPTH")]
    pub color: Option<ColorMode>,
    /// Draw with ASCII characters only
    #[arg(long)]
    pub ascii: bool,
}

impl UiArgs {
    /// Overrides the settings with the flags that were passed.
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
