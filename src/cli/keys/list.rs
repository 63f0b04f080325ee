//! `keyward keys list`: lists keys, filtered and sorted. Unsorted JSON, CSV and ids are printed while the pages arrive.

use std::ops::ControlFlow;

use clap::{Args, ValueEnum};

use super::{KeyRow, KindArgs, for_each_page};
use crate::cli::connect::CommandContext;
use crate::cli::error::{CommandError, ExitCode};
use crate::cli::output::{Output, OutputArgs, OutputFormat};
use crate::client::Retention;
use crate::domain::filter::KeyFilter;
use crate::domain::key::Key;

/// Arguments of `keyward keys list`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "Examples:\n  keyward keys list --workspace\n  \
    keyward keys list --workspace --filter 'flag:orphaned idle:>90d' --json=id,name\n  \
    keyward keys list -w -f 'idle:>1y' -o id | keyward keys revoke -wy --max 20 -")]
pub struct ListArgs {
    #[command(flatten)]
    kind: KindArgs,
    /// List only keys that match this filter, as in the terminal UI: `sales !test owner:removed idle:>90d flag:orphaned`
    #[arg(short, long, value_name = "TERMS", default_value = "")]
    filter: String,
    /// Include revoked keys
    #[arg(short, long)]
    revoked: bool,
    /// Sort order [default: newest first]
    #[arg(short, long, value_enum, value_name = "COLUMN")]
    sort: Option<KeySort>,
    /// Reverse the sort order
    #[arg(long)]
    reverse: bool,
    /// Maximum number of keys to list
    #[arg(short = 'n', long, value_name = "N")]
    limit: Option<usize>,
    #[command(flatten)]
    output: OutputArgs,
}

/// Sort order of listed keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum KeySort {
    /// Alphabetically by name
    Name,
    /// Never-used keys first, then those unused the longest
    LastUsed,
    /// Newest first
    Created,
}

pub(super) async fn run(args: ListArgs, context: &CommandContext) -> Result<ExitCode, CommandError> {
    let filter = KeyFilter::parse(&args.filter)
        .map_err(|e| CommandError::usage(format!("--filter: {e}. Nothing was listed.")))?;
    let output = Output::new::<KeyRow>(&args.output, context.is_ascii_only())?;
    let connection = context.connect()?;
    // Flags and filters depend on the server's time and policy.
    let rules = if filter.is_empty() && matches!(output.format(), OutputFormat::Json | OutputFormat::Id) {
        None
    } else {
        Some(super::fetch_me(&connection).await?.1)
    };
    let rows = |page: Vec<Key>| {
        let matching = page.into_iter().filter(|key| rules.is_none_or(|rules| filter.matches(key, &rules)));
        matching.map(|key| KeyRow::new(key, rules.as_ref())).collect::<Vec<_>>()
    };
    let (kind, include_revoked) = (args.kind.kind(), args.revoked || filter.includes_revoked());
    let limit = args.limit.unwrap_or(usize::MAX);
    let is_sorted = args.sort.is_some() || args.reverse;
    if limit == 0 {
        output.print_list::<KeyRow>(&[], NO_KEYS)?;
    } else if output.is_table() || is_sorted {
        let mut all = Vec::new();
        for_each_page(&connection, kind, include_revoked, Retention::All, |page| {
            all.append(&mut rows(page));
            Ok(if !is_sorted && all.len() >= limit {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            })
        })
        .await?;
        sort_rows(&mut all, args.sort, args.reverse);
        all.truncate(limit);
        output.print_list(&all, NO_KEYS)?;
    } else {
        let mut stream = output.start_stream();
        let mut remaining = limit;
        for_each_page(&connection, kind, include_revoked, Retention::Page, |page| {
            let mut rows = rows(page);
            rows.truncate(remaining);
            remaining -= rows.len();
            stream.print_rows(&rows)?;
            Ok(if remaining == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        })
        .await?;
        stream.finish()?;
    }
    Ok(ExitCode::Success)
}

/// Printed instead of an empty table.
const NO_KEYS: &str = "No keys to list.";

fn sort_rows(rows: &mut [KeyRow], by: Option<KeySort>, reverse: bool) {
    match by {
        Some(KeySort::Name) => rows.sort_by_cached_key(|row| row.key.name.to_lowercase()),
        Some(KeySort::LastUsed) => rows.sort_by_key(|row| row.key.last_used_at),
        Some(KeySort::Created) | None => {}
    }
    if reverse {
        rows.reverse();
    }
}
