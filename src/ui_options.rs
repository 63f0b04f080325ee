//! Builds the options of the terminal UI from configuration, environment and session. Wiring, shared by the program and the demo.

use std::path::PathBuf;
use std::time::Duration;

use crate::cli::terminal::{capabilities, clipboard, terminal_env};
use crate::client::state::StateFolder;
use crate::client::{self, Credential, ServerAddress};
use crate::clock::Clock;
use crate::config::{self, Config, Environment, ProfileSettings};
use crate::terminal::capabilities::ColorDepth;
use crate::tui::keymap::Keymap;
use crate::tui::runtime::UiOptions;
use crate::tui::theme::{ColorScheme, Theme};

/// The server and session that the terminal UI uses.
pub struct UiSession {
    /// Address of the server.
    pub address: ServerAddress,
    /// Session credential; [`Credential::none`] on the welcome screen.
    pub credential: Credential,
    /// CA certificates (PEM) to trust in addition to the system's.
    pub ca_certs: Option<Vec<u8>>,
    /// Name of the profile; empty if there is none.
    pub profile: String,
    /// Settings of the profile.
    pub settings: ProfileSettings,
    /// Folder for interrupted key creations and draft decisions; `None` in the demo, which does not save them.
    pub state: Option<StateFolder>,
    /// Whether the UI is forbidden to use files and external programs (`--restricted`).
    pub restricted: bool,
}

/// Builds the options of the terminal UI.
///
/// # Errors
/// Returns one sentence for each mistake in the configured key bindings and clipboard.
pub fn build_options(
    session: UiSession,
    config: &Config,
    environment: &Environment,
) -> Result<UiOptions, Vec<String>> {
    let hints = terminal_env(environment);
    let capabilities = capabilities(config, &hints);
    let keymap = Keymap::new(&config.keys);
    let clipboard = clipboard(config);
    let (keymap, clipboard) = match (keymap, clipboard) {
        (Ok(keymap), Ok(clipboard)) => (keymap, clipboard),
        (keymap, clipboard) => {
            let mut mistakes = keymap.err().unwrap_or_default();
            mistakes.extend(clipboard.err());
            return Err(mistakes);
        }
    };
    let color_scheme = match config.ui.theme {
        _ if capabilities.depth == ColorDepth::Mono => ColorScheme::Mono,
        config::ThemeName::Default => ColorScheme::Ansi,
        config::ThemeName::HighContrast => ColorScheme::HighContrast,
        config::ThemeName::Mono => ColorScheme::Mono,
    };
    // An interval of zero would request without end.
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

/// Joins sentences about mistakes in the settings, and appends what to do about them.
pub fn describe_mistakes(mistakes: &[String]) -> String {
    let next = "Correct this in the configuration file. To remove all key bindings of an action, write `ACTION = []`.";
    format!("{}\n{next}", mistakes.join("\n"))
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
    fn options_combine_the_environment_and_the_settings() {
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
    fn every_mistake_is_reported_at_once() {
        let mut config = Config::default();
        config.keys.insert("no-such-action".to_owned(), vec![]);
        config.ui.clipboard = config::ClipboardMode::Command;
        let mistakes = build_options(session(), &config, &Environment::default()).err().unwrap();
        assert_eq!(mistakes.len(), 2, "{mistakes:?}");
    }
}
