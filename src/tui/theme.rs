//! Styles and symbols of the UI: maps the meaning of a text ([`StyleRole`]) to a style for each colour scheme, and each
//! [`ThemeSymbol`] to a Unicode or an ASCII form.
//!
//! Start at [`Theme`]. Colour alone never carries meaning: a word or a symbol always says the same.

use std::borrow::Cow;

use ratatui::style::{Color, Modifier, Style};

use crate::domain::rotation::Phase;
use crate::domain::text;

/// Meaning of a piece of text, from which the theme derives its style.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StyleRole {
    /// Text without special meaning.
    Plain,
    /// Heading, or the most important word of a line.
    Strong,
    /// Less important text: labels, hints, unavailable actions.
    Muted,
    /// Current position: the active tab, the focused field, the chosen item.
    Accent,
    /// Marker of the selected row; the current step of the rotation wizard.
    Selected,
    /// Symbol of a marked row.
    Marked,
    /// A key that was used within the last 24 hours.
    InUse,
    /// A stale key, other than an orphaned one.
    Stale,
    /// A key without an owner.
    Orphaned,
    /// A revoked key, or a removed member.
    Revoked,
    /// Errors, and actions that cannot be undone.
    Danger,
    /// Name of a production profile.
    Production,
    /// Key press in a hint, such as `Esc`.
    Key,
    /// Rows from before, while newer ones load.
    Dimmed,
    /// Frame of a popup.
    Border,
    /// Bars of a chart.
    Bar,
    /// Bars of the old key in the chart of a rotation.
    OtherBar,
}

/// Colour scheme, as configured by `theme`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ColorScheme {
    /// The 16 ANSI colours on the terminal's own background.
    #[default]
    Ansi,
    /// Bold text and few colours on the terminal's own background; nothing is dimmed.
    HighContrast,
    /// No colours, only modifiers such as bold and reverse video. Also used for `NO_COLOR`.
    Mono,
}

/// Colour scheme and character set of the UI.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Theme {
    /// Colour scheme of all styles.
    pub color_scheme: ColorScheme,
    /// Uses ASCII characters only, for locales without UTF-8 and `TERM=linux`.
    pub ascii: bool,
}

impl Theme {
    /// Returns the style of a role.
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

    /// Returns a symbol in the character set of the theme.
    pub fn symbol(self, symbol: ThemeSymbol) -> &'static str {
        let (unicode, ascii) = symbol.forms();
        if self.ascii { ascii } else { unicode }
    }

    /// Replaces characters beyond ASCII if the theme is ASCII only. `clean` must be free of control characters.
    pub fn text(self, clean: &str) -> Cow<'_, str> {
        if self.ascii { text::to_ascii(clean) } else { Cow::Borrowed(clean) }
    }
}

/// Symbol with a Unicode and an ASCII form of the same width.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ThemeSymbol {
    /// Precedes the selected row.
    Selected,
    /// Precedes a marked row, and a completed step of the rotation wizard.
    Marked,
    /// Precedes a key that was used within the last 24 hours.
    InUse,
    /// Precedes a stale key, other than an orphaned one.
    Stale,
    /// Precedes an orphaned key.
    Orphaned,
    /// Follows the title of the sorted column, smallest first.
    Ascending,
    /// Follows the title of the sorted column, largest first.
    Descending,
    /// Separates two items on a line.
    Dot,
    /// One column of a horizontal rule.
    Rule,
    /// One row of a vertical rule.
    Divider,
    /// A filled column of a progress bar.
    Full,
    /// An empty column of a progress bar.
    Empty,
    /// One hidden character of a secret.
    Hidden,
    /// Replaces text that does not fit.
    Ellipsis,
}

impl ThemeSymbol {
    /// Returns the Unicode and the ASCII form.
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

/// Frames of the spinner in Unicode and in ASCII, shown at four frames a second.
pub const SPINNER: [[&str; 4]; 2] = [["⠋", "⠙", "⠴", "⠦"], ["|", "/", "-", "\\"]];

/// Role in which a phase of a rotation is drawn.
pub fn phase_role(phase: Phase) -> StyleRole {
    match phase {
        Phase::Switch => StyleRole::Accent,
        Phase::Drain => StyleRole::Stale,
        Phase::Ready => StyleRole::InUse,
        Phase::Done => StyleRole::Muted,
        Phase::Abandoned => StyleRole::Orphaned,
    }
}
