//! `keyward keys list`

use clap::{Args, ValueEnum};

use super::{KeyRow, KindArgs};
use crate::cli::connect::Context;
use crate::cli::exit::{Exit, Failure};
use crate::cli::output::{Format, Output, OutputArgs};
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

pub(super) async fn run(args: ListArgs, context: &Context) -> Result<Exit, Failure> {
    let filter = KeyFilter::parse(&args.filter)
        .map_err(|e| Failure::usage(format!("--filter: {e}; nothing was listed")))?;
    let output = Output::new(&args.output, context.ascii());
    let connection = context.connect()?;
    // Flags and filters are judged by the server's time and policy.
    let judge = if filter.is_empty() && matches!(output.format(), Format::Json | Format::Id) {
        None
    } else {
        Some(super::me(&connection).await?.1)
    };
    let matches = |key: &Key| judge.is_none_or(|judge| filter.matches(key, &judge));
    let revoked = args.revoked || filter.asks_for_revoked();
    let early = args.limit.filter(|_| args.sort.is_none() && !args.reverse);
    let mut keys = super::all(&connection, args.kind.kind(), revoked, early, matches).await?;
    match args.sort {
        Some(Sort::Name) => keys.sort_by_cached_key(|key| key.name.to_lowercase()),
        Some(Sort::LastUsed) => keys.sort_by_key(|key| key.last_used_at),
        Some(Sort::Created) | None => {}
    }
    if args.reverse {
        keys.reverse();
    }
    keys.truncate(args.limit.unwrap_or(usize::MAX));
    let rows: Vec<KeyRow> = keys.into_iter().map(|key| KeyRow::new(key, judge.as_ref())).collect();
    output.list(&rows)?;
    Ok(Exit::Done)
}
