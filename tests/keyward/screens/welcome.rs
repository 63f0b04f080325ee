//! The welcome screen: server address, sign-in code, demo.

use keyward::tui::keymap::KeySequence;
use keyward::tui::msg::{ApiRequest, Effect, Msg, RequestError, Ticket};
use keyward::tui::ui_model::UiModel as _;
use keyward::tui::welcome::{Welcome, WelcomeChoice};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use zeroize::Zeroizing;

use super::driver::start_options;

const SIGN_IN_CODE: &str = "inv_0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

fn render(welcome: &Welcome, columns: u16, rows: u16) -> String {
    let mut buffer = Buffer::empty(Rect::new(0, 0, columns, rows));
    welcome.draw(&mut buffer);
    let line = |y| (0..columns).map(|x| buffer[(x, y)].symbol()).collect::<String>();
    (0..rows).map(|y| line(y).trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}

fn press(welcome: &mut Welcome, keys: &[&str]) -> Vec<Effect> {
    keys.iter()
        .flat_map(|key| welcome.update(Msg::KeyPress(KeySequence::parse(key).unwrap().first)))
        .collect()
}

fn paste(welcome: &mut Welcome, text: &str) {
    welcome.update(Msg::Paste(Zeroizing::new(text.to_owned())));
}

#[test]
fn the_form_asks_for_a_server_and_a_code_and_explains_where_to_get_them() {
    let (welcome, effects) = Welcome::new(start_options(80, 24));
    assert!(effects.is_empty());
    insta::assert_snapshot!(render(&welcome, 80, 24));
    insta::assert_snapshot!(render(&welcome, 40, 10));
}

#[test]
fn invalid_input_is_kept_and_the_code_is_never_shown() {
    let (mut welcome, _) = Welcome::new(start_options(80, 24));
    assert!(press(&mut welcome, &["tab", "tab", "enter"]).is_empty(), "no request is sent");
    assert!(render(&welcome, 80, 24).contains("Enter the address of the server"));
    paste(&mut welcome, "http://keys.plant.example\n");
    assert!(
        render(&welcome, 80, 24).contains("Enter the address of the server"),
        "the message stays until the next try"
    );
    press(&mut welcome, &["esc"]);
    assert!(render(&welcome, 80, 24).contains("not encrypted"));
    press(&mut welcome, &["enter"]);
    paste(&mut welcome, "nonsense");
    assert!(press(&mut welcome, &["enter"]).is_empty());
    assert!(render(&welcome, 80, 24).contains("not a complete sign-in code"));
    press(&mut welcome, &["ctrl-u"]);
    paste(&mut welcome, SIGN_IN_CODE);
    let effects = press(&mut welcome, &["enter", "enter"]);
    let [Effect::Request { ticket, request: ApiRequest::SignInAt { server, code } }] = effects.as_slice()
    else {
        panic!("{effects:?}");
    };
    assert_eq!((server.as_str(), code.expose()), ("http://keys.plant.example", SIGN_IN_CODE));
    let result = Err(RequestError::Unreachable("Nothing answers there.".to_owned()));
    welcome.update(Msg::Reply { ticket: *ticket, result });
    let screen = render(&welcome, 80, 24);
    assert!(screen.contains("Nothing answers there.") && screen.contains("http://keys.plant.example"));
    assert!(!screen.contains("inv_"), "{screen}");
    insta::assert_snapshot!(screen);
    let effects = press(&mut welcome, &["tab", "enter", "esc"]);
    assert!(matches!(effects[..], [Effect::Request { .. }, Effect::CancelRequest(Ticket(2))]), "{effects:?}");
    assert!(welcome.choice.is_none());
}

#[test]
fn the_buttons_start_the_demo_and_quit() {
    let (mut welcome, _) = Welcome::new(start_options(80, 24));
    let effects = press(&mut welcome, &["tab", "tab", "tab", "enter"]);
    assert!(matches!(effects[..], [Effect::Quit]) && welcome.choice == Some(WelcomeChoice::Demo));
    for keys in [&["ctrl-c"][..], &["backtab", "enter"], &["up", "q"], &["tab", "tab", "q"]] {
        let (mut welcome, _) = Welcome::new(start_options(80, 24));
        let effects = press(&mut welcome, keys);
        assert!(matches!(effects[..], [Effect::Quit]) && welcome.choice.is_none(), "{keys:?}");
    }
    let (mut welcome, _) = Welcome::new(start_options(80, 24));
    assert!(press(&mut welcome, &["esc", "esc", "q"]).is_empty(), "Esc never quits, and q is a letter here");
    assert!(render(&welcome, 80, 24).contains(" q "));
}

#[test]
fn every_window_size_is_drawn() {
    let (mut welcome, _) = Welcome::new(start_options(80, 24));
    press(&mut welcome, &["tab", "enter"]);
    for columns in 1..100 {
        for rows in 1..30 {
            let screen = render(&welcome, columns, rows);
            let whole = columns >= 40 && rows >= 10;
            assert_eq!(
                whole,
                screen.contains("[Leave]") && screen.contains("Code"),
                "{columns}x{rows}\n{screen}"
            );
        }
    }
}
