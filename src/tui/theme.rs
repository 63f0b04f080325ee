//! Styles and symbols of the UI: maps the meaning of a text ([`StyleRole`]) to a style for each colour scheme, and each
//! [`ThemeSymbol`] to a Unicode or an ASCII form.
//!
//! Start at [`Theme`]. Colour alone never carries meaning: a word or a symbol always says the same.

use std::borrow::Cow;

use ratatui::style::{Color, Modifier, Style};

use crate::domain::rotation::Phase;
use crate::domain::text;

/// Meaning of a piece of text. The theme decides how each meaning looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StyleRole {
    /// Text without special meaning.
    Plain,
    /// Heading, or the most important word of a line.
    Strong,
    /// Secondary text: labels, hints, unavailable actions.
    Muted,
    /// Current item: the active tab, the focused field, the chosen option.
    Accent,
    /// Marker of the selected row, and the current step of the rotation popup.
    Selected,
    /// Symbol of a marked row.
    Marked,
    /// Key that was used within the last 24 hours.
    InUse,
    /// Stale key that is not orphaned.
    Stale,
    /// Organization key whose creator is no longer an active member.
    Orphaned,
    /// Revoked key or removed member.
    Revoked,
    /// Error, or action that cannot be undone.
    Danger,
    /// Name of a profile that is marked as production.
    Production,
    /// Key press in a key hint, such as `Esc`.
    Key,
    /// Outdated rows, shown while newer ones are loaded.
    Dimmed,
    /// Border of a popup.
    Border,
    /// Bars of a chart.
    Bar,
    /// Bars of the old key in the chart of a rotation.
    OtherBar,
}

/// Colour scheme that the setting `theme` selects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ColorScheme {
    /// The 16 ANSI colours on the terminal's background.
    #[default]
    Ansi,
    /// Few colours and bold text on the terminal's background; no text is dimmed.
    HighContrast,
    /// No colours, only bold, underlined and reverse text. Selected by the environment variable `NO_COLOR`, too.
    Mono,
}

/// Colour scheme and character set of the UI.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Theme {
    /// Which colours are used.
    pub color_scheme: ColorScheme,
    /// Whether only ASCII characters are drawn, for locales without UTF-8 and for `TERM=linux`.
    pub ascii: bool,
}

impl Theme {
    /// Returns the style in which text with this meaning is drawn.
    pub fn style(self, role: StyleRole) -> Style {
        let plain = Style::new();
        let bold = plain.add_modifier(Modifier::BOLD);
        match self.color_scheme {
            ColorScheme::Ansi => match role {
                StyleRole::Plain => plain,
                StyleRole::Strong | StyleRole::Key | StyleRole::Marked => bold,
                StyleRole::Muted | StyleRole::Dimmed => plain.add_modifier(Modifier::DIM),
                StyleRole::Revoked => plain.add_modifier(Modifier::DIM | Modifier::CROSSED_OUT),
                StyleRole::Accent => bold.add_modifier(Modifier::UNDERLINED),
                StyleRole::Border | StyleRole::Bar => plain.fg(Color::Cyan),
                StyleRole::Selected => plain.fg(Color::Cyan).add_modifier(Modifier::REVERSED),
                StyleRole::InUse => plain.fg(Color::Green),
                // Magenta text is readable on white and on black; yellow and cyan are not.
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

    /// Returns a symbol in the theme's character set.
    pub fn symbol(self, symbol: ThemeSymbol) -> &'static str {
        let (unicode, ascii) = symbol.forms();
        if self.ascii { ascii } else { unicode }
    }

    /// Replaces non-ASCII characters if the theme is limited to ASCII. `clean` must not contain control characters.
    pub fn text(self, clean: &str) -> Cow<'_, str> {
        if self.ascii { text::to_ascii(clean) } else { Cow::Borrowed(clean) }
    }
}

/// Symbol with a Unicode and an ASCII form of equal width.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ThemeSymbol {
    /// Marks the selected row.
    Selected,
    /// Marks a marked row, or a completed step of the rotation popup.
    Marked,
    /// Marks a key that was used within the last 24 hours.
    InUse,
    /// Marks a stale key that is not orphaned.
    Stale,
    /// Marks an orphaned key.
    Orphaned,
    /// Follows the title of the column that the table is sorted by, smallest value first.
    Ascending,
    /// Follows the title of the column that the table is sorted by, largest value first.
    Descending,
    /// Separates two items on a line.
    Dot,
    /// One cell of a horizontal line.
    Rule,
    /// One cell of a vertical line.
    Divider,
    /// Filled cell of a progress bar.
    Full,
    /// Empty cell of a progress bar.
    Empty,
    /// Masks one character of a secret.
    Hidden,
    /// Replaces text that does not fit.
    Ellipsis,
}

impl ThemeSymbol {
    /// Returns the Unicode form and the ASCII form.
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

/// Animation frames of the spinner, in Unicode and in ASCII. Each is shown for a quarter of a second.
pub const SPINNER: [[&str; 4]; 2] = [["⠋", "⠙", "⠴", "⠦"], ["|", "/", "-", "\\"]];

/// Returns the meaning that the name of a rotation phase is drawn with.
pub fn phase_role(phase: Phase) -> StyleRole {
    match phase {
        Phase::Switch => StyleRole::Accent,
        Phase::Drain => StyleRole::Stale,
        Phase::Ready => StyleRole::InUse,
        Phase::Done => StyleRole::Muted,
        Phase::Abandoned => StyleRole::Orphaned,
    }
}
