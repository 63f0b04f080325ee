//! Configuration → what the terminal UI is started with. Wiring, for the program and the demo alike.

use std::path::PathBuf;
use std::time::Duration;

use crate::cli::terminal::{capabilities, clipboard, hints};
use crate::client::state::StateFolder;
use crate::client::{self, Credential, ServerAddress};
use crate::clock::Clock;
use crate::config::{self, Config, Environment, ProfileSettings};
use crate::terminal::capabilities::ColorDepth;
use crate::tui::keymap::Keymap;
use crate::tui::runtime::UiOptions;
use crate::tui::theme::{ColorScheme, Theme};

/// Whom the UI works for, and where.
pub struct UiSession {
    /// The server.
    pub address: ServerAddress,
    /// As whom it is asked.
    pub credential: Credential,
    /// Certificates in PEM that are trusted besides the system's.
    pub ca_certs: Option<Vec<u8>>,
    /// The profile's name; empty for none.
    pub profile: String,
    /// The profile's settings.
    pub settings: ProfileSettings,
    /// Where records are kept; nothing keeps none.
    pub state: Option<StateFolder>,
    /// Neither files nor commands (`--restricted`).
    pub restricted: bool,
}

/// What the UI is started with.
///
/// # Errors
/// Everything that is wrong with the configured keys and clipboard, a sentence each.
pub fn build_options(
    session: UiSession,
    config: &Config,
    environment: &Environment,
) -> Result<UiOptions, Vec<String>> {
    let hints = hints(environment);
    let capabilities = capabilities(config, &hints);
    let keymap = Keymap::new(&config.keys);
    let clipboard = clipboard(config);
    let (keymap, clipboard) = match (keymap, clipboard) {
        (Ok(keymap), Ok(clipboard)) => (keymap, clipboard),
        (keymap, clipboard) => {
            let mut wrong = keymap.err().unwrap_or_default();
            wrong.extend(clipboard.err());
            return Err(wrong);
        }
    };
    let color_scheme = match config.ui.theme {
        _ if capabilities.depth == ColorDepth::Mono => ColorScheme::Mono,
        config::ThemeName::Default => ColorScheme::Ansi,
        config::ThemeName::HighContrast => ColorScheme::HighContrast,
        config::ThemeName::Mono => ColorScheme::Mono,
    };
    // Without a pause the server would be asked without end.
    let refresh = Duration::from_secs(config.ui.refresh_seconds.max(1).into());
    Ok(UiOptions {
        address: session.address,
        credential: session.credential,
        client: client::ClientOptions {
            ca_certs: session.ca_certs,
            without_idle_timer: refresh < client::IDLE_TIMEOUT,
        },
        profile: session.profile,
        production: session.settings.production,
        read_only: config.ui.read_only || session.settings.read_only,
        restricted: session.restricted,
        theme: Theme { color_scheme, ascii: !capabilities.unicode },
        keymap,
        refresh_interval: refresh,
        hints,
        capabilities,
        clipboard,
        state: session.state,
        home: environment.get("HOME").map(PathBuf::from),
        private_variables: environment.names("KEYWARD_").into_iter().map(str::to_owned).collect(),
        clock: Clock::System,
    })
}

/// What is wrong with the settings, and what to do.
pub fn describe_mistakes(wrong: &[String]) -> String {
    let next =
        "Correct this in the configuration file; there, `ACTION = []` takes the keys of an action away.";
    format!("{}\n{next}", wrong.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{AsciiMode, ColorMode};
    use crate::terminal::capabilities::Multiplexer;

    fn session() -> UiSession {
        UiSession {
            address: "http://127.0.0.1:7711".parse().unwrap(),
            credential: Credential::none(),
            ca_certs: None,
            profile: String::new(),
            settings: ProfileSettings::default(),
            state: None,
            restricted: false,
        }
    }

    #[test]
    fn the_environment_and_the_settings_decide_together() {
        let environment = Environment::from_pairs([
            ("TERM", "xterm-256color"),
            ("LANG", "C"),
            ("LC_CTYPE", "en_US.UTF-8"),
            ("STY", "1.pts"),
            ("KEYWARD_TOKEN", "x"),
        ]);
        let mut config = Config::default();
        let options = build_options(session(), &config, &environment).unwrap();
        assert_eq!(options.capabilities.depth, ColorDepth::Indexed256);
        assert!(!options.theme.ascii && options.capabilities.synchronized);
        assert_eq!(options.hints.multiplexer, Some(Multiplexer::Screen));
        assert_eq!(options.private_variables, ["KEYWARD_TOKEN"]);
        config.ui.color = ColorMode::Never;
        config.ui.ascii = AsciiMode::Always;
        config.ui.refresh_seconds = 0;
        let options = build_options(session(), &config, &environment).unwrap();
        assert_eq!((options.theme.color_scheme, options.theme.ascii), (ColorScheme::Mono, true));
        assert_eq!(options.refresh_interval, Duration::from_secs(1));
    }

    #[test]
    fn all_that_is_wrong_is_said_at_once() {
        let mut config = Config::default();
        config.keys.insert("no-such-action".to_owned(), vec![]);
        config.ui.clipboard = config::ClipboardMode::Command;
        let wrong = build_options(session(), &config, &Environment::default()).err().unwrap();
        assert_eq!(wrong.len(), 2, "{wrong:?}");
    }
}
