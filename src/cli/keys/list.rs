//! `keyward keys list`

use std::ops::ControlFlow;

use clap::{Args, ValueEnum};

use super::{KeyRow, KindArgs, each_page};
use crate::cli::connect::CommandContext;
use crate::cli::error::{CommandError, ExitCode};
use crate::cli::output::{Output, OutputArgs, OutputFormat};
use crate::client::Retention;
use crate::domain::filter::KeyFilter;
use crate::domain::key::Key;

/// `keyward keys list`
#[derive(Args, Clone, Debug)]
#[command(after_help = "Examples:\n  keyward keys list --workspace\n  \
    keyward keys list --workspace --filter 'flag:orphaned idle:>90d' --json=id,name\n  \
    keyward keys list -w -f 'idle:>1y' -o id | keyward keys revoke -wy --max 20 -")]
pub struct ListArgs {
    #[command(flatten)]
    kind: KindArgs,
    /// Only keys that match, in the language of the terminal UI: `sales !test owner:removed idle:>90d flag:orphaned`
    #[arg(short, long, value_name = "TERMS", default_value = "")]
    filter: String,
    /// Revoked keys too
    #[arg(short, long)]
    revoked: bool,
    /// The order; newest first when absent
    #[arg(short, long, value_enum, value_name = "COLUMN")]
    sort: Option<Sort>,
    /// The other way round
    #[arg(long)]
    reverse: bool,
    /// At most so many
    #[arg(short = 'n', long, value_name = "N")]
    limit: Option<usize>,
    #[command(flatten)]
    output: OutputArgs,
}

/// What a list is ordered by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Sort {
    /// Alphabetically
    Name,
    /// Never used first, then the longest unused
    LastUsed,
    /// Newest first
    Created,
}

pub(super) async fn run(args: ListArgs, context: &CommandContext) -> Result<ExitCode, CommandError> {
    let filter = KeyFilter::parse(&args.filter)
        .map_err(|e| CommandError::usage(format!("--filter: {e}; nothing was listed")))?;
    let output = Output::new::<KeyRow>(&args.output, context.is_ascii_only())?;
    let connection = context.connect()?;
    // Flags and filters are judged by the server's time and policy.
    let rules = if filter.is_empty() && matches!(output.format(), OutputFormat::Json | OutputFormat::Id) {
        None
    } else {
        Some(super::fetch_me(&connection).await?.1)
    };
    let rows = |page: Vec<Key>| {
        let wanted = page.into_iter().filter(|key| rules.is_none_or(|rules| filter.matches(key, &rules)));
        wanted.map(|key| KeyRow::new(key, rules.as_ref())).collect::<Vec<_>>()
    };
    let (kind, revoked) = (args.kind.kind(), args.revoked || filter.includes_revoked());
    let most = args.limit.unwrap_or(usize::MAX);
    let sorted = args.sort.is_some() || args.reverse;
    if most == 0 {
        output.print_list::<KeyRow>(&[], NONE)?;
    } else if output.is_table() || sorted {
        let mut all = Vec::new();
        each_page(&connection, kind, revoked, Retention::All, |page| {
            all.append(&mut rows(page));
            Ok(if !sorted && all.len() >= most { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        })
        .await?;
        sort(&mut all, args.sort, args.reverse);
        all.truncate(most);
        output.print_list(&all, NONE)?;
    } else {
        let mut stream = output.stream();
        let mut left = most;
        each_page(&connection, kind, revoked, Retention::Page, |page| {
            let mut rows = rows(page);
            rows.truncate(left);
            left -= rows.len();
            stream.rows(&rows)?;
            Ok(if left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        })
        .await?;
        stream.end()?;
    }
    Ok(ExitCode::Success)
}

/// What is said in place of an empty table.
const NONE: &str = "No key to list.";

fn sort(rows: &mut [KeyRow], by: Option<Sort>, reverse: bool) {
    match by {
        Some(Sort::Name) => rows.sort_by_cached_key(|row| row.key.name.to_lowercase()),
        Some(Sort::LastUsed) => rows.sort_by_key(|row| row.key.last_used_at),
        Some(Sort::Created) | None => {}
    }
    if reverse {
        rows.reverse();
    }
}
