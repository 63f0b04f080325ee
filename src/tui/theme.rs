//! What a thing is ([`Role`]) → how it looks, for each colour depth; and the symbols, for terminals with and without Unicode.
//!
//! Meaning is never carried by colour alone: each role that matters has a word or a symbol of its own beside it.

use std::borrow::Cow;

use ratatui::style::{Color, Modifier, Style};

use crate::domain::text;

/// What a piece of text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StyleRole {
    /// Ordinary text.
    Plain,
    /// A heading, or a name that matters most on its line.
    Strong,
    /// Less important: labels, hints, what is not available.
    Muted,
    /// Where one is: selected row's marker, chosen tab, focused field.
    Accent,
    /// The marker of the selected row, a filled block.
    Selected,
    /// Marked rows.
    Marked,
    /// In use within 24 hours.
    InUse,
    /// Never used, unused, rotation due.
    Stale,
    /// Without an owner.
    Orphaned,
    /// Revoked.
    Revoked,
    /// What destroys, and errors.
    Danger,
    /// The name of a production profile.
    Production,
    /// A key to press.
    Key,
    /// The last known rows while newer ones load.
    Dimmed,
    /// The frame of a popup.
    Border,
    /// Bars of a chart.
    Bar,
    /// The second of two series in a chart.
    OtherBar,
}

/// Which colours there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ColorScheme {
    /// The 16 ANSI colours on the terminal's own background.
    #[default]
    Ansi,
    /// Bright and bold on the terminal's own background.
    HighContrast,
    /// No colours; bold, dim, underlined and reversed only (also for `NO_COLOR`).
    Mono,
}

/// How everything looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Theme {
    /// Which colours.
    pub palette: ColorScheme,
    /// Only ASCII characters: for locales without UTF-8 and `TERM=linux`.
    pub ascii: bool,
}

impl Theme {
    /// The style of a role.
    pub fn style(self, role: StyleRole) -> Style {
        let plain = Style::new();
        let bold = plain.add_modifier(Modifier::BOLD);
        match self.palette {
            ColorScheme::Ansi => match role {
                StyleRole::Plain => plain,
                StyleRole::Strong | StyleRole::Key | StyleRole::Marked => bold,
                StyleRole::Muted | StyleRole::Dimmed => plain.add_modifier(Modifier::DIM),
                StyleRole::Revoked => plain.add_modifier(Modifier::DIM | Modifier::CROSSED_OUT),
                StyleRole::Accent => bold.add_modifier(Modifier::UNDERLINED),
                StyleRole::Border | StyleRole::Bar => plain.fg(Color::Cyan),
                StyleRole::Selected => plain.fg(Color::Cyan).add_modifier(Modifier::REVERSED),
                StyleRole::InUse => plain.fg(Color::Green),
                // Text in yellow or cyan cannot be read on white; in these two it can, on black too.
                StyleRole::Stale | StyleRole::OtherBar => plain.fg(Color::Magenta),
                StyleRole::Orphaned => plain.fg(Color::Red),
                StyleRole::Danger => bold.fg(Color::Red),
                StyleRole::Production => bold.fg(Color::Red).add_modifier(Modifier::REVERSED),
            },
            ColorScheme::HighContrast => match role {
                StyleRole::Plain | StyleRole::Muted => plain,
                StyleRole::Dimmed => plain.add_modifier(Modifier::ITALIC),
                StyleRole::Strong | StyleRole::Border | StyleRole::Bar => bold,
                StyleRole::Revoked => plain.add_modifier(Modifier::CROSSED_OUT),
                StyleRole::Accent | StyleRole::Key | StyleRole::Marked => {
                    bold.add_modifier(Modifier::UNDERLINED)
                }
                StyleRole::Selected => bold.add_modifier(Modifier::REVERSED),
                StyleRole::InUse => bold.fg(Color::Green),
                StyleRole::Stale => bold.fg(Color::Blue),
                StyleRole::Orphaned | StyleRole::OtherBar => bold.fg(Color::Magenta),
                StyleRole::Danger => bold.fg(Color::Red),
                StyleRole::Production => bold.fg(Color::Red).add_modifier(Modifier::REVERSED),
            },
            ColorScheme::Mono => match role {
                StyleRole::Plain | StyleRole::InUse | StyleRole::Bar | StyleRole::Border => plain,
                StyleRole::Strong | StyleRole::Marked | StyleRole::Key | StyleRole::Orphaned => bold,
                StyleRole::Muted | StyleRole::Dimmed | StyleRole::OtherBar => {
                    plain.add_modifier(Modifier::DIM)
                }
                StyleRole::Revoked => plain.add_modifier(Modifier::DIM | Modifier::CROSSED_OUT),
                StyleRole::Accent => bold.add_modifier(Modifier::UNDERLINED),
                StyleRole::Stale => plain.add_modifier(Modifier::UNDERLINED),
                StyleRole::Selected | StyleRole::Danger | StyleRole::Production => {
                    bold.add_modifier(Modifier::REVERSED)
                }
            },
        }
    }

    /// A symbol.
    pub fn symbol(self, symbol: ThemeSymbol) -> &'static str {
        let (unicode, ascii) = symbol.forms();
        if self.ascii { ascii } else { unicode }
    }

    /// Cleaned text as this terminal can show it.
    pub fn text(self, clean: &str) -> Cow<'_, str> {
        if self.ascii { text::to_ascii(clean) } else { Cow::Borrowed(clean) }
    }
}

/// A symbol that is drawn in one way with Unicode and in another without. Each takes as many columns in both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ThemeSymbol {
    /// Before the selected row.
    Selected,
    /// Before a marked row.
    Marked,
    /// Beside a key that was used within 24 hours.
    InUse,
    /// Beside a key that was never used, or not for long.
    Stale,
    /// Beside a key without an owner.
    Orphaned,
    /// Beside the title of a column that is sorted, smallest first.
    Ascending,
    /// The same, largest first.
    Descending,
    /// Between two facts on a line.
    Dot,
    /// A horizontal rule.
    Rule,
    /// A vertical rule.
    Divider,
    /// A filled cell of a progress bar.
    Full,
    /// An empty cell of a progress bar.
    Empty,
    /// The mask's stand-in for one hidden character.
    Hidden,
    /// What was cut off.
    Ellipsis,
}

impl ThemeSymbol {
    fn forms(self) -> (&'static str, &'static str) {
        match self {
            Self::Selected => ("▶", ">"),
            Self::Marked => ("✓", "*"),
            Self::InUse => ("●", "+"),
            Self::Stale => ("○", "-"),
            Self::Orphaned => ("!", "!"),
            Self::Ascending => ("▲", "^"),
            Self::Descending => ("▼", "v"),
            Self::Dot => ("·", "-"),
            Self::Rule => ("─", "-"),
            Self::Divider => ("│", "|"),
            Self::Full => ("━", "#"),
            Self::Empty => ("─", "."),
            Self::Hidden => ("•", "*"),
            Self::Ellipsis => ("…", "~"),
        }
    }
}

/// The spinner's frames, four a second.
pub const SPINNER: [[&str; 4]; 2] = [["⠋", "⠙", "⠴", "⠦"], ["|", "/", "-", "\\"]];
