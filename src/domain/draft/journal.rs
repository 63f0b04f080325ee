//! How drafts are kept in a file: a line that holds them all, then a line for each change.

use serde::{Deserialize, Serialize};

use super::{Draft, Drafts};
use crate::domain::id::Id;

/// A change of the drafts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DraftChange {
    /// The same was decided on these keys, in one step.
    Decided {
        /// What.
        draft: Draft,
        /// On which keys.
        keys: Vec<Id>,
    },
    /// The last step was undone. A key that was applied meanwhile stays as it is.
    Undone,
    /// These decisions are applied: nothing brings their drafts back.
    Applied(Vec<Id>),
    /// The server did not apply this one; the draft stays, with the reason.
    Refused(Id, String),
}

impl DraftChange {
    /// The change as a line to be appended.
    pub fn to_line(&self) -> String {
        line(self)
    }
}

impl Drafts {
    /// All drafts as the only line.
    pub fn to_line(&self) -> String {
        line(self)
    }

    /// Reads what was kept; nothing where that is empty or damaged. The end may be torn, since a line is not written in one step:
    /// what follows the last whole line is left out.
    pub fn parse(kept: &str) -> Option<Self> {
        let mut lines = kept.lines();
        let mut drafts: Self = serde_json::from_str(lines.next()?).ok()?;
        let mut applied = Vec::new();
        for line in lines {
            match serde_json::from_str(line) {
                // Of many at once, since each is looked for in all steps.
                Ok(DraftChange::Applied(keys)) => applied.extend(keys),
                Ok(change) => {
                    drafts.apply(DraftChange::Applied(std::mem::take(&mut applied)));
                    drafts.apply(change);
                }
                Err(_) => break,
            }
        }
        drafts.apply(DraftChange::Applied(applied));
        Some(drafts)
    }
}

fn line(data: &impl Serialize) -> String {
    let mut line = serde_json::to_string(data).expect("ids, times and words always become JSON");
    line.push('\n');
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::review::Decision;
    use crate::domain::staleness::tests::NOW;

    fn id(n: u8) -> Id {
        Id::new(NOW, [n; 10])
    }

    #[test]
    fn what_is_read_is_what_was_kept_wherever_the_file_is_torn() {
        let decided = |decision, keys: &[u8]| DraftChange::Decided {
            draft: Draft { note: Some("a\nb \u{1f511}".into()), ..Draft::new(decision, NOW) },
            keys: keys.iter().map(|&n| id(n)).collect(),
        };
        let changes = [
            decided(Decision::Revoke, &[1, 2, 3]),
            decided(Decision::Skip, &[2]),
            DraftChange::Refused(id(1), "used 4 s ago".into()),
            DraftChange::Applied(vec![id(3)]),
            DraftChange::Applied(vec![id(2)]),
            DraftChange::Undone,
            decided(Decision::Keep, &[4]),
        ];
        let mut drafts = Drafts::new(id(9), NOW);
        let mut file = drafts.to_line();
        let mut whole = vec![(file.len(), drafts.clone())];
        for change in changes {
            file.push_str(&change.to_line());
            drafts.apply(change);
            whole.push((file.len(), drafts.clone()));
        }
        for end in (0..=file.len()).filter(|&end| file.is_char_boundary(end)) {
            let expected =
                whole.iter().rev().find(|(length, _)| *length <= end + 1).map(|(_, drafts)| drafts);
            assert_eq!(Drafts::parse(&file[..end]).as_ref(), expected, "{end}");
        }
    }
}
