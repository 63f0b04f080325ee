//! The journal that stores the drafts of a review: its format, and how it is read after a crash.

use serde::Serialize;

use super::{DraftChange, Drafts};

impl DraftChange {
    /// Returns the change as a line to append to the journal.
    pub fn to_line(&self) -> String {
        to_json_line(self)
    }
}

impl Drafts {
    /// Returns all drafts as the first line of a new journal.
    pub fn to_line(&self) -> String {
        to_json_line(self)
    }

    /// Restores the drafts from a journal. Returns `None` if the journal is empty or its first line is damaged.
    ///
    /// The last line may be incomplete after a crash, so reading stops at the first line that is not valid JSON.
    pub fn parse(journal: &str) -> Option<Self> {
        let mut lines = journal.lines();
        let mut drafts: Self = serde_json::from_str(lines.next()?).ok()?;
        let mut applied = Vec::new();
        for line in lines {
            match serde_json::from_str(line) {
                // Applied decisions are collected, since removing them searches every step.
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

fn to_json_line(data: &impl Serialize) -> String {
    let mut line = serde_json::to_string(data).expect("ids, times and words can be serialized");
    line.push('\n');
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::draft::Draft;
    use crate::domain::id::Id;
    use crate::domain::review::Decision;
    use crate::domain::staleness::tests::NOW;

    fn id(n: u8) -> Id {
        Id::new(NOW, [n; 10])
    }

    #[test]
    fn a_truncated_journal_restores_every_complete_line() {
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
