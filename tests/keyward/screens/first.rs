//! The first screen: what it asks, what it keeps, and how it ends.

use keyward::tui::keymap::KeySequence;
use keyward::tui::msg::{ApiRequest, Effect, Msg, RequestError, Ticket};
use keyward::tui::ui_model::UiModel as _;
use keyward::tui::welcome::{Welcome, WelcomeChoice};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use zeroize::Zeroizing;

use super::driver::start;

const CODE: &str = "inv_0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

fn shown(first: &Welcome, columns: u16, rows: u16) -> String {
    let mut buffer = Buffer::empty(Rect::new(0, 0, columns, rows));
    first.draw(&mut buffer);
    let line = |y| (0..columns).map(|x| buffer[(x, y)].symbol()).collect::<String>();
    (0..rows).map(|y| line(y).trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}

fn press(first: &mut Welcome, keys: &[&str]) -> Vec<Effect> {
    keys.iter().flat_map(|key| first.update(Msg::KeyPress(KeySequence::parse(key).unwrap().first))).collect()
}

fn paste(first: &mut Welcome, text: &str) {
    first.update(Msg::Paste(Zeroizing::new(text.to_owned())));
}

#[test]
fn it_asks_for_a_server_and_a_code_and_says_where_they_come_from() {
    let (first, effects) = Welcome::new(start(80, 24));
    assert!(effects.is_empty());
    insta::assert_snapshot!(shown(&first, 80, 24));
    insta::assert_snapshot!(shown(&first, 40, 10));
}

#[test]
fn what_was_typed_stays_when_it_was_wrong_and_the_code_is_never_shown() {
    let (mut first, _) = Welcome::new(start(80, 24));
    assert!(press(&mut first, &["tab", "tab", "enter"]).is_empty(), "nothing to send");
    assert!(shown(&first, 80, 24).contains("Which server?"));
    paste(&mut first, "http://keys.plant.example\n");
    assert!(shown(&first, 80, 24).contains("Which server?"), "until it is tried again");
    press(&mut first, &["esc"]);
    assert!(shown(&first, 80, 24).contains("not encrypted"));
    press(&mut first, &["enter"]);
    paste(&mut first, "nonsense");
    assert!(press(&mut first, &["enter"]).is_empty());
    assert!(shown(&first, 80, 24).contains("no sign-in code"));
    press(&mut first, &["ctrl-u"]);
    paste(&mut first, CODE);
    let effects = press(&mut first, &["enter", "enter"]);
    let [Effect::Request { ticket, request: ApiRequest::SignInAt { server, code } }] = effects.as_slice()
    else {
        panic!("{effects:?}");
    };
    assert_eq!((server.as_str(), code.expose()), ("http://keys.plant.example", CODE));
    let result = Err(RequestError::Unreachable("Nothing answers there.".to_owned()));
    first.update(Msg::Reply { ticket: *ticket, result });
    let screen = shown(&first, 80, 24);
    assert!(screen.contains("Nothing answers there.") && screen.contains("http://keys.plant.example"));
    assert!(!screen.contains("inv_"), "{screen}");
    insta::assert_snapshot!(screen);
    let effects = press(&mut first, &["tab", "enter", "esc"]);
    assert!(matches!(effects[..], [Effect::Request { .. }, Effect::CancelRequest(Ticket(2))]), "{effects:?}");
    assert!(first.chosen.is_none());
}

#[test]
fn the_demo_is_a_button_away_and_so_is_the_way_out() {
    let (mut first, _) = Welcome::new(start(80, 24));
    let effects = press(&mut first, &["tab", "tab", "tab", "enter"]);
    assert!(matches!(effects[..], [Effect::Quit]) && first.chosen == Some(WelcomeChoice::Demo));
    for keys in [&["ctrl-c"][..], &["backtab", "enter"], &["up", "q"], &["tab", "tab", "q"]] {
        let (mut first, _) = Welcome::new(start(80, 24));
        let effects = press(&mut first, keys);
        assert!(matches!(effects[..], [Effect::Quit]) && first.chosen.is_none(), "{keys:?}");
    }
    let (mut first, _) = Welcome::new(start(80, 24));
    assert!(press(&mut first, &["esc", "esc", "q"]).is_empty(), "Esc never quits, and q is a letter here");
    assert!(shown(&first, 80, 24).contains(" q "));
}

#[test]
fn every_size_is_drawn() {
    let (mut first, _) = Welcome::new(start(80, 24));
    press(&mut first, &["tab", "enter"]);
    for columns in 1..100 {
        for rows in 1..30 {
            let screen = shown(&first, columns, rows);
            let whole = columns >= 40 && rows >= 10;
            assert_eq!(
                whole,
                screen.contains("[Leave]") && screen.contains("Code"),
                "{columns}x{rows}\n{screen}"
            );
        }
    }
}
