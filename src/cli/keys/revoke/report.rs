//! The results of a revoke, one per target, and how they are printed.

use clap::ValueEnum;
use serde::Serialize;

use crate::cli::error::{CommandError, ExitCode};
use crate::cli::keys::describe;
use crate::cli::output::schema::{KEY_FIELDS, field, object, one_of};
use crate::cli::output::{self, JsonField, Output, OutputColumn, OutputFormat, OutputRow, print_message};
use crate::cli::words::word_of;
use crate::domain::key::Key;

/// Result of revoking one target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
#[value(rename_all = "snake_case")]
pub(super) enum RevokeResult {
    Revoked,
    AlreadyRevoked,
    WouldRevoke,
    Refused,
    NotFound,
    NotTried,
    Failed,
}

/// A key to revoke, as named on the command line, with the result.
#[derive(Clone, Serialize)]
pub(in crate::cli) struct RevokeRow {
    pub(super) target: String,
    pub(super) result: RevokeResult,
    pub(super) detail: String,
    pub(super) key: Option<Key>,
    #[serde(skip)]
    pub(super) exit_code: ExitCode,
}

impl OutputRow for RevokeRow {
    const FIELDS: &'static [JsonField] = &[
        field("target", "text; the argument"),
        one_of::<RevokeResult>("result"),
        field("detail", "text"),
        object("key", "key, as it is after the command, or null", KEY_FIELDS),
    ];

    const COLUMNS: &'static [OutputColumn<Self>] = &[
        OutputColumn {
            title: "Result",
            field: "result",
            rank: 0,
            cut: false,
            cell: |r| word_of(&r.result).replace('_', " ").into(),
        },
        OutputColumn {
            title: "Name",
            field: "name",
            rank: 0,
            cut: true,
            cell: |r| r.key.as_ref().map_or_else(|| r.target.clone(), |k| k.name.clone()).into(),
        },
        OutputColumn {
            title: "Secret key",
            field: "masked",
            rank: 2,
            cut: false,
            cell: |r| r.key.as_ref().map_or_else(String::new, |k| k.masked.clone()).into(),
        },
        OutputColumn {
            title: "Why",
            field: "detail",
            rank: 1,
            cut: true,
            cell: |r| r.detail.as_str().into(),
        },
        OutputColumn { title: "Id", field: "id", rank: 3, cut: false, cell: |r| r.id().into() },
    ];

    fn json(&self) -> String {
        output::to_json(self)
    }

    fn id(&self) -> String {
        self.key.as_ref().map_or_else(|| self.target.clone(), |k| k.id.to_string())
    }
}

/// Prints the results and returns the exit code.
pub(super) fn print_report(
    rows: &[RevokeRow],
    is_single: bool,
    output: &Output,
) -> Result<ExitCode, CommandError> {
    let is_success = |row: &&RevokeRow| row.exit_code == ExitCode::Success;
    if output.format() == OutputFormat::Id {
        // The next command in the pipe gets only the keys that this one revoked.
        output.print_list(&rows.iter().filter(is_success).cloned().collect::<Vec<_>>(), "")?;
    } else if !output.is_table() || !is_single {
        output.print_list(rows, "")?;
    }
    let failed: Vec<&RevokeRow> = rows.iter().filter(|row| !is_success(row)).collect();
    let exit_code = match failed.as_slice() {
        [] => ExitCode::Success,
        [first, others @ ..]
            if failed.len() == rows.len() && others.iter().all(|row| row.exit_code == first.exit_code) =>
        {
            first.exit_code
        }
        _ => ExitCode::PartialFailure,
    };
    if let (true, [row]) = (is_single, rows) {
        let sentence = describe_result(row);
        if exit_code != ExitCode::Success {
            return Err(CommandError::new(exit_code, sentence));
        }
        if output.is_table() {
            print_message(&sentence);
        }
    } else if exit_code != ExitCode::Success {
        let message =
            format!("{failed} of {total} keys were not revoked.", failed = failed.len(), total = rows.len());
        return Err(CommandError::new(exit_code, message));
    }
    Ok(exit_code)
}

/// Describes the result of revoking a single key in a sentence.
fn describe_result(row: &RevokeRow) -> String {
    let Some(key) = &row.key else { return row.detail.clone() };
    let (key, detail) = (describe(key), &row.detail);
    match row.result {
        RevokeResult::Revoked => format!("Revoked {key}; it was {detail}."),
        RevokeResult::AlreadyRevoked => format!("{key} was already revoked ({detail})."),
        RevokeResult::WouldRevoke => format!("Would revoke {key}: {detail}. Nothing was done."),
        RevokeResult::Refused => format!(
            "{key} was {detail}, so it was not revoked. To revoke it anyway, pass --even-if-used --reason TEXT."
        ),
        RevokeResult::NotFound | RevokeResult::NotTried | RevokeResult::Failed => format!("{key}: {detail}"),
    }
}
