//! Every action with a key binding has a handler, and is available on at least one tab.

use std::collections::HashSet;

use keyward::tui::keymap::{Action, Binding, TABLE};

use super::driver::Driver;

/// Key presses that open each tab, with a draft in the review so that its actions are available.
const TAB_KEY_PRESSES: [&str; 6] = ["1", "2", "3S", "4", "5", "6"];
/// Number of rows to try: an action may be available on only some of them.
const ROWS_TO_TRY: usize = 8;

fn bindings_of(driver: &Driver) -> impl Iterator<Item = &'static Binding> + use<> {
    let contexts = driver.model.key_contexts();
    TABLE.iter().filter(|binding| contexts.contains(&binding.context))
}

/// Returns whether the action is available on one of the first rows of the tab. Panics if the action has no handler.
fn is_available_somewhere(open: &str, action: Action) -> bool {
    (0..ROWS_TO_TRY).any(|row| {
        let mut driver = Driver::new().press(open).press(&"j".repeat(row));
        let is_available = driver.model.check_available(action).is_ok();
        assert!(driver.model.run_action(action), "no handler for {action:?} after {open}");
        is_available
    })
}

#[test]
fn every_bound_action_has_a_handler_and_is_available_on_some_tab() {
    let mut available = HashSet::new();
    let mut unavailable = HashSet::new();
    for open in TAB_KEY_PRESSES {
        for binding in bindings_of(&Driver::new().press(open)) {
            let is_available = is_available_somewhere(open, binding.action);
            if is_available { &mut available } else { &mut unavailable }.insert(binding.action);
        }
    }
    let nowhere: Vec<&Action> = unavailable.difference(&available).collect();
    assert!(nowhere.is_empty(), "available in no tab: {nowhere:?}");
    assert!(available.contains(&Action::RemoveMember) && available.contains(&Action::CancelRotation));
}
