//! Detects the terminal's colour depth and Unicode support from environment variables.
//!
//! Start at [`Capabilities::detect`]. The terminal itself is never queried, because a late reply would be read as key presses.

/// How many colours a terminal can show, ordered from fewest to most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum ColorDepth {
    /// No colours. Text modifiers such as bold and reverse video still work.
    Mono,
    /// The 16 ANSI colours, as defined by the terminal's theme.
    #[default]
    Ansi16,
    /// The 256-colour palette of xterm.
    Indexed256,
    /// 24-bit RGB colours.
    TrueColor,
}

/// Values of environment variables that describe the terminal. `config` reads them, because this layer must not read the
/// environment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TerminalEnv {
    /// Value of `TERM`; empty if it is unset.
    pub term: String,
    /// Value of `COLORTERM`; empty if it is unset.
    pub colorterm: String,
    /// Whether `NO_COLOR` is set to a non-empty value (<https://no-color.org>).
    pub no_color: bool,
    /// Whether `CLICOLOR_FORCE` is set to a value other than `0`.
    pub force_color: bool,
    /// First non-empty value among `LC_ALL`, `LC_CTYPE` and `LANG`.
    pub locale: String,
    /// Multiplexer that keyward runs in on this machine, detected from `TMUX`, else from `STY`.
    pub multiplexer: Option<Multiplexer>,
}

/// A terminal multiplexer that keyward runs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Multiplexer {
    /// tmux (`TMUX` is set).
    Tmux,
    /// GNU screen (`STY` is set).
    Screen,
}

/// Output features that keyward uses on this terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// Number of colours to which all colours are reduced.
    pub depth: ColorDepth,
    /// Whether non-ASCII characters are written as they are. Otherwise, each is replaced with an ASCII character.
    pub unicode: bool,
    /// Whether each frame is sent as one synchronized update (DEC private mode 2026).
    pub synchronized: bool,
}

impl Capabilities {
    /// Detects the capabilities from environment variables. Synchronized updates are turned off only for terminals that would print
    /// the sequence.
    pub fn detect(env: &TerminalEnv) -> Self {
        let is_basic = matches!(env.term.as_str(), "" | "dumb" | "linux") || env.term.starts_with("vt");
        Self { depth: detect_color_depth(env), unicode: detect_unicode(env), synchronized: !is_basic }
    }
}

fn detect_color_depth(env: &TerminalEnv) -> ColorDepth {
    if env.no_color {
        return ColorDepth::Mono;
    }
    let term = env.term.as_str();
    let direct = term.ends_with("-direct") || ["xterm-kitty", "xterm-ghostty", "alacritty"].contains(&term);
    let found = match (env.colorterm.as_str(), term) {
        (_, "" | "dumb") => ColorDepth::Mono,
        (_, "linux") => ColorDepth::Ansi16,
        // GNU screen passes COLORTERM on, but does not support true colour itself.
        ("truecolor" | "24bit", _) if !term.starts_with("screen") => ColorDepth::TrueColor,
        _ if direct => ColorDepth::TrueColor,
        _ if term.contains("256color") => ColorDepth::Indexed256,
        _ if term.starts_with("vt") || term.ends_with("-m") || term.ends_with("-mono") => ColorDepth::Mono,
        _ => ColorDepth::Ansi16,
    };
    if env.force_color { found.max(ColorDepth::Ansi16) } else { found }
}

fn detect_unicode(env: &TerminalEnv) -> bool {
    let locale = env.locale.to_ascii_lowercase();
    let utf8 = locale.contains("utf-8") || locale.contains("utf8");
    utf8 && env.term != "linux"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(term: &str, colorterm: &str) -> TerminalEnv {
        TerminalEnv {
            term: term.to_owned(),
            colorterm: colorterm.to_owned(),
            locale: "en_US.UTF-8".to_owned(),
            ..TerminalEnv::default()
        }
    }

    #[test]
    fn the_colour_depth_is_detected_from_the_environment() {
        for (term, colorterm, expected) in [
            ("", "", ColorDepth::Mono),
            ("dumb", "truecolor", ColorDepth::Mono),
            ("vt100", "", ColorDepth::Mono),
            ("linux", "", ColorDepth::Ansi16),
            ("xterm", "", ColorDepth::Ansi16),
            ("screen", "truecolor", ColorDepth::Ansi16),
            ("screen.xterm-256color", "", ColorDepth::Indexed256),
            ("xterm-256color", "", ColorDepth::Indexed256),
            ("tmux-256color", "truecolor", ColorDepth::TrueColor),
            ("xterm-kitty", "", ColorDepth::TrueColor),
        ] {
            assert_eq!(Capabilities::detect(&env(term, colorterm)).depth, expected, "{term} {colorterm}");
        }
        let no_color =
            TerminalEnv { no_color: true, force_color: true, ..env("xterm-256color", "truecolor") };
        assert_eq!(detect_color_depth(&no_color), ColorDepth::Mono, "NO_COLOR takes precedence");
        let forced = TerminalEnv { force_color: true, ..env("dumb", "") };
        assert_eq!(detect_color_depth(&forced), ColorDepth::Ansi16);
    }

    #[test]
    fn non_ascii_characters_require_a_utf_8_locale() {
        assert!(Capabilities::detect(&env("xterm", "")).unicode);
        assert!(!Capabilities::detect(&env("linux", "")).unicode);
        for locale in ["", "C", "POSIX", "de_DE.ISO-8859-1"] {
            let env = TerminalEnv { locale: locale.to_owned(), ..env("xterm", "") };
            assert!(!Capabilities::detect(&env).unicode, "{locale:?}");
        }
        let c_utf8 = TerminalEnv { locale: "C.UTF-8".to_owned(), ..env("xterm", "") };
        assert!(Capabilities::detect(&c_utf8).unicode);
    }
}
