//! What a terminal shows (colours, characters), told from the environment alone: the terminal itself is never asked, since an
//! answer that comes late would be taken for key presses.

/// How many colours the terminal shows. Ordered: more is greater.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum ColorDepth {
    /// No colour: meaning is carried by words, signs and modifiers (bold, reverse).
    Mono,
    /// The sixteen colours that the terminal's own theme defines.
    #[default]
    Ansi16,
    /// The 256 colours of xterm.
    Indexed256,
    /// 24 bits a colour.
    TrueColor,
}

/// What the environment says about the terminal. `config` reads it; this room may not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TerminalEnv {
    /// `TERM`.
    pub term: String,
    /// `COLORTERM`.
    pub colorterm: String,
    /// `NO_COLOR` is set and not empty (no-color.org).
    pub no_color: bool,
    /// `CLICOLOR_FORCE` is set and neither empty nor `0`.
    pub force_color: bool,
    /// The first of `LC_ALL`, `LC_CTYPE`, `LANG` that is not empty.
    pub locale: String,
    /// What runs on this machine, around us: `TMUX` is set, or else `STY`.
    pub inside: Option<Multiplexer>,
}

/// A program that stands between us and the terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Multiplexer {
    /// tmux.
    Tmux,
    /// GNU screen.
    Screen,
}

/// What we may send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// How many colours.
    pub depth: ColorDepth,
    /// Whether characters beyond ASCII are shown.
    pub unicode: bool,
    /// Whether frames are put between the marks of a synchronized update (DEC private mode 2026).
    pub synchronized: bool,
}

impl Capabilities {
    /// What the environment promises.
    pub fn detect(hints: &TerminalEnv) -> Self {
        let plain = matches!(hints.term.as_str(), "" | "dumb" | "linux") || hints.term.starts_with("vt");
        Self { depth: detect_color_depth(hints), unicode: detect_unicode(hints), synchronized: !plain }
    }
}

fn detect_color_depth(hints: &TerminalEnv) -> ColorDepth {
    if hints.no_color {
        return ColorDepth::Mono;
    }
    let term = hints.term.as_str();
    let direct = term.ends_with("-direct") || ["xterm-kitty", "xterm-ghostty", "alacritty"].contains(&term);
    let found = match (hints.colorterm.as_str(), term) {
        (_, "" | "dumb") => ColorDepth::Mono,
        (_, "linux") => ColorDepth::Ansi16,
        // GNU screen passes COLORTERM on but does not show what it promises.
        ("truecolor" | "24bit", _) if !term.starts_with("screen") => ColorDepth::TrueColor,
        _ if direct => ColorDepth::TrueColor,
        _ if term.contains("256color") => ColorDepth::Indexed256,
        _ if term.starts_with("vt") || term.ends_with("-m") || term.ends_with("-mono") => ColorDepth::Mono,
        _ => ColorDepth::Ansi16,
    };
    if hints.force_color { found.max(ColorDepth::Ansi16) } else { found }
}

fn detect_unicode(hints: &TerminalEnv) -> bool {
    let locale = hints.locale.to_ascii_lowercase();
    let utf8 = locale.contains("utf-8") || locale.contains("utf8");
    utf8 && hints.term != "linux"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hints(term: &str, colorterm: &str) -> TerminalEnv {
        TerminalEnv {
            term: term.to_owned(),
            colorterm: colorterm.to_owned(),
            locale: "en_US.UTF-8".to_owned(),
            ..TerminalEnv::default()
        }
    }

    #[test]
    fn the_depth_follows_the_environment() {
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
            assert_eq!(Capabilities::detect(&hints(term, colorterm)).depth, expected, "{term} {colorterm}");
        }
        let no = TerminalEnv { no_color: true, force_color: true, ..hints("xterm-256color", "truecolor") };
        assert_eq!(detect_color_depth(&no), ColorDepth::Mono, "NO_COLOR wins");
        let forced = TerminalEnv { force_color: true, ..hints("dumb", "") };
        assert_eq!(detect_color_depth(&forced), ColorDepth::Ansi16);
    }

    #[test]
    fn characters_beyond_ascii_need_a_utf_8_locale() {
        assert!(Capabilities::detect(&hints("xterm", "")).unicode);
        assert!(!Capabilities::detect(&hints("linux", "")).unicode);
        for locale in ["", "C", "POSIX", "de_DE.ISO-8859-1"] {
            let hints = TerminalEnv { locale: locale.to_owned(), ..hints("xterm", "") };
            assert!(!Capabilities::detect(&hints).unicode, "{locale:?}");
        }
        let c_utf8 = TerminalEnv { locale: "C.UTF-8".to_owned(), ..hints("xterm", "") };
        assert!(Capabilities::detect(&c_utf8).unicode);
    }
}
