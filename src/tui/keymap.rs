//! The key bindings: which action a key press has in which context. [`TABLE`] is the only list; dispatch, footer, help, palette and
//! README are derived from it.

use std::collections::{BTreeMap, HashMap};
use std::fmt::{self, Write as _};

use crokey::KeyCombination;
use crokey::crossterm::event::{KeyCode, KeyModifiers};

pub use bindings::{Action, Binding, KeyContext, TABLE, stack};

mod bindings;

/// One key press, or two consecutive ones, to which an action can be bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct KeySequence {
    /// The first key press.
    pub first: KeyCombination,
    /// The second key press, if there are two.
    pub second: Option<KeyCombination>,
}

impl KeySequence {
    /// Parses a key sequence such as `g g`, `G`, `ctrl-d`, `space` or `?`. A capital letter means the letter with Shift.
    ///
    /// # Errors
    /// Returns a sentence that names the part that is not a key press.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut keys = text.split_whitespace().map(parse_key_press);
        let first = keys.next().ok_or_else(|| "an empty string is not a key press".to_owned())??;
        let second = keys.next().transpose()?;
        if keys.next().is_some() {
            return Err(format!("`{text}` has more than two key presses"));
        }
        Ok(Self { first, second })
    }

    /// Returns whether the two sequences cannot both be bound, because they are equal or one begins with the other.
    fn clashes_with(&self, other: &Self) -> bool {
        self.first == other.first
            && (self.second == other.second || self.second.is_none() || other.second.is_none())
    }
}

fn parse_key_press(text: &str) -> Result<KeyCombination, String> {
    let mut rest = text;
    let mut modifiers = KeyModifiers::NONE;
    for (name, modifier) in
        [("ctrl-", KeyModifiers::CONTROL), ("alt-", KeyModifiers::ALT), ("shift-", KeyModifiers::SHIFT)]
    {
        if let Some(cut) = rest.strip_prefix(name) {
            (rest, modifiers) = (cut, modifiers | modifier);
        }
    }
    let mut letters = rest.chars();
    if let (Some(letter), None) = (letters.next(), letters.next()) {
        return Ok(KeyCombination::one_key(KeyCode::Char(letter), modifiers).normalized());
    }
    crokey::parse(text).map_err(|_| format!("`{text}` is not a key press"))
}

impl fmt::Display for KeySequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        format_key_press(f, self.first)?;
        self.second.map_or(Ok(()), |second| {
            f.write_char(' ')?;
            format_key_press(f, second)
        })
    }
}

fn format_key_press(f: &mut fmt::Formatter<'_>, key: KeyCombination) -> fmt::Result {
    if key.modifiers.contains(KeyModifiers::CONTROL) {
        f.write_str("Ctrl-")?;
    }
    if key.modifiers.contains(KeyModifiers::ALT) {
        f.write_str("Alt-")?;
    }
    match *key.codes.first() {
        KeyCode::Char(' ') => f.write_str("Space"),
        KeyCode::Char(c) => f.write_char(c),
        KeyCode::BackTab => f.write_str("Shift-Tab"),
        KeyCode::PageUp => f.write_str("PgUp"),
        KeyCode::PageDown => f.write_str("PgDn"),
        KeyCode::F(n) => write!(f, "F{n}"),
        other => write!(f, "{other:?}"),
    }
}

/// The current key bindings: the defaults, with the changes made in the configuration.
#[derive(Clone, Debug)]
pub struct Keymap {
    keys: HashMap<Action, Vec<KeySequence>>,
    by_key: HashMap<(KeyContext, KeySequence), Action>,
}

/// Result of looking up a key press in a [`Keymap`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyMatch {
    /// The key press is bound to this action.
    Action(Action),
    /// The key press is the first of a two-press binding.
    Prefix,
    /// The key press is not bound in these contexts.
    NoMatch,
}

impl Default for Keymap {
    fn default() -> Self {
        Self::new(&BTreeMap::new()).expect("a test checks that the default bindings do not clash")
    }
}

impl Keymap {
    /// Creates the default bindings and replaces those in `changed`, which maps action names to key presses. An empty list unbinds
    /// the action.
    ///
    /// # Errors
    /// Returns one sentence for each mistake in `changed`.
    pub fn new(changed: &BTreeMap<String, Vec<String>>) -> Result<Self, Vec<String>> {
        let mut mistakes = Vec::new();
        for name in changed.keys() {
            if !TABLE.iter().any(|binding| binding.name == name) {
                mistakes.push(format!("[keys] {name}: no action has this name"));
            }
        }
        let mut keys: HashMap<Action, Vec<KeySequence>> = HashMap::new();
        for binding in TABLE {
            let texts: Vec<&str> = match changed.get(binding.name) {
                Some(own) => own.iter().map(String::as_str).collect(),
                None => binding.keys.to_vec(),
            };
            let mut chords = Vec::new();
            for text in texts {
                match KeySequence::parse(text) {
                    Ok(chord) => chords.push(chord),
                    Err(why) => mistakes.push(format!("[keys] {}: {why}", binding.name)),
                }
            }
            keys.insert(binding.action, chords);
        }
        for (at, a) in TABLE.iter().enumerate() {
            for b in &TABLE[at + 1..] {
                if !a.context.overlaps(b.context) {
                    continue;
                }
                let both =
                    keys[&a.action].iter().filter(|x| keys[&b.action].iter().any(|y| x.clashes_with(y)));
                mistakes.extend(
                    both.map(|chord| format!("[keys] {chord} is bound to both {} and {}", a.name, b.name)),
                );
            }
        }
        if !mistakes.is_empty() {
            return Err(mistakes);
        }
        let by_key = TABLE
            .iter()
            .flat_map(|b| keys[&b.action].iter().map(|&chord| ((b.context, chord), b.action)))
            .collect();
        Ok(Self { keys, by_key })
    }

    /// Looks up a key press in these contexts, innermost first. `prefix` is the preceding key press if it began a two-press
    /// binding.
    pub fn find(
        &self,
        key_contexts: &[KeyContext],
        prefix: Option<KeyCombination>,
        key: KeyCombination,
    ) -> KeyMatch {
        let chord = match prefix {
            Some(first) => KeySequence { first, second: Some(key) },
            None => KeySequence { first: key, second: None },
        };
        if let Some(&action) = key_contexts.iter().find_map(|&c| self.by_key.get(&(c, chord))) {
            return KeyMatch::Action(action);
        }
        let begins = |(&(context, chord), _): (&(KeyContext, KeySequence), _)| {
            chord.second.is_some() && chord.first == key && key_contexts.contains(&context)
        };
        if prefix.is_none() && self.by_key.iter().any(begins) { KeyMatch::Prefix } else { KeyMatch::NoMatch }
    }

    /// Returns the first key press bound to an action, as text; `None` if the action is not bound.
    pub fn key_press(&self, action: Action) -> Option<String> {
        self.keys.get(&action).and_then(|keys| keys.first()).map(ToString::to_string)
    }

    /// Returns all key presses bound to an action, as text: `j Down`.
    pub fn all_key_presses(&self, action: Action) -> String {
        let keys: Vec<String> =
            self.keys.get(&action).into_iter().flatten().map(ToString::to_string).collect();
        keys.join(" ")
    }
}

/// Renders the default bindings as a Markdown table for the README.
pub fn markdown() -> String {
    let map = Keymap::default();
    let mut out = String::from("| where | keys | does |\n|---|---|---|\n");
    for binding in TABLE {
        let keys = map.all_key_presses(binding.action);
        let keys: Vec<String> =
            keys.split_whitespace().map(|k| format!("`{}`", k.replace('|', "\\|"))).collect();
        let keys = if binding.keys.iter().any(|k| k.contains(' ')) {
            binding.keys.iter().map(|k| format!("`{k}`")).collect::<Vec<_>>().join(" ")
        } else {
            keys.join(" ")
        };
        // An action without a key press is run from the palette.
        let keys = if keys.is_empty() { "`:`".to_owned() } else { keys };
        writeln!(out, "| {} | {keys} | {} |", binding.context.title(), binding.help)
            .expect("writing to a String cannot fail");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(pairs: &[(&str, &[&str])]) -> BTreeMap<String, Vec<String>> {
        pairs.iter().map(|(n, k)| ((*n).to_owned(), k.iter().map(|&k| k.to_owned()).collect())).collect()
    }

    #[test]
    fn the_default_bindings_do_not_clash() {
        Keymap::new(&BTreeMap::new()).unwrap();
    }

    #[test]
    fn every_mistake_is_reported_at_once() {
        let wrong = Keymap::new(&changed(&[
            ("down", &["x"]),
            ("revoke", &["ctrl-nothing"]),
            ("fly", &["f"]),
            ("top", &["n"]),
        ]))
        .unwrap_err();
        assert!(wrong.iter().any(|w| w.contains("fly")), "{wrong:?}");
        assert!(wrong.iter().any(|w| w.contains("ctrl-nothing")), "{wrong:?}");
        assert!(wrong.iter().any(|w| w.contains('n') && w.contains("top") && w.contains("new")), "{wrong:?}");
    }

    #[test]
    fn actions_can_be_unbound_and_rebound() {
        let map = Keymap::new(&changed(&[("quit", &[]), ("down", &["ctrl-j"])])).unwrap();
        assert_eq!(map.key_press(Action::Quit), None);
        let key = KeySequence::parse("ctrl-j").unwrap().first;
        assert_eq!(map.find(&[KeyContext::Table], None, key), KeyMatch::Action(Action::Down));
    }

    #[test]
    fn a_capital_letter_is_shift_and_two_key_presses_are_one_binding() {
        let g = KeySequence::parse("g").unwrap().first;
        let map = Keymap::default();
        assert_eq!(map.find(&[KeyContext::Table], None, g), KeyMatch::Prefix);
        assert_eq!(map.find(&[KeyContext::Table], Some(g), g), KeyMatch::Action(Action::Top));
        let shifted = KeySequence::parse("G").unwrap();
        assert_eq!(map.find(&[KeyContext::Table], None, shifted.first), KeyMatch::Action(Action::Bottom));
        assert_eq!(shifted.to_string(), "G");
    }
}
