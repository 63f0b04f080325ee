//! `keyward keys show`: shows one key with its flags, its use in the last 30 days, and its clients.

use clap::Args;

use super::{KeyRow, KindArgs, target};
use crate::cli::connect::CommandContext;
use crate::cli::error::{CommandError, ExitCode};
use crate::cli::output::{Output, OutputArgs, OutputFormat, format_time};
use crate::domain::key::Key;
use crate::domain::staleness::StalenessRules;
use crate::domain::usage::{Bucket, BucketWidth, Usage};
use crate::wire::keys::UsageQuery;

/// Arguments of `keyward keys show`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "Example:\n  keyward keys show --workspace 'Grafana' --json")]
pub struct ShowArgs {
    /// Id or exact name of the key
    #[arg(value_name = "KEY")]
    key: String,
    #[command(flatten)]
    kind: KindArgs,
    #[command(flatten)]
    output: OutputArgs,
}

pub(super) async fn run(args: ShowArgs, context: &CommandContext) -> Result<ExitCode, CommandError> {
    let output = Output::new::<KeyRow>(&args.output, context.is_ascii_only())?;
    let connection = context.connect()?;
    let key = target::find_key(&connection, args.kind.kind(), &args.key).await?;
    if output.format() != OutputFormat::Table {
        output.print_one(&KeyRow::new(key, None), &[])?;
        return Ok(ExitCode::Success);
    }
    let (_, rules) = super::fetch_me(&connection).await?;
    let query = UsageQuery { bucket: BucketWidth::Day, ..UsageQuery::default() };
    let usage = connection.client.key_usage(key.kind, key.id, query).await?;
    let details = detail_lines(&key, &usage, &rules);
    output.print_one(&KeyRow::new(key, Some(&rules)), &details)?;
    Ok(ExitCode::Success)
}

fn detail_lines(key: &Key, usage: &Usage, rules: &StalenessRules) -> Vec<(&'static str, String)> {
    let mut details = vec![
        ("Name", key.name.clone()),
        ("Secret key", key.masked.clone()),
        ("Id", key.id.to_string()),
        ("Kind", key.kind.to_string()),
        ("Note", key.note.clone().unwrap_or_default()),
        (
            "Created",
            format!(
                "{time} by {creator}",
                time = format_time(key.created_at),
                creator = key.created_by.email
            ),
        ),
        (
            "Last used",
            match (key.last_used_at, &key.last_used_by) {
                (Some(at), Some(by)) => format!("{time} by {by}", time = format_time(at)),
                (Some(at), None) => format_time(at),
                (None, _) => "Never".to_owned(),
            },
        ),
        ("Uses", key.use_count.to_string()),
    ];
    if let Some(at) = key.revoked_at {
        let by = key.revoked_by.as_ref().map_or_else(String::new, |m| format!(" by {}", m.email));
        let why = key.revoke_reason.as_ref().map_or_else(String::new, |r| format!(": {r}"));
        details.push(("Revoked", format!("{}{by}{why}", format_time(at))));
    }
    for (name, id) in [("Replaces", key.replaces), ("Replaced by", key.replaced_by)] {
        details.extend(id.map(|id| (name, id.to_string())));
    }
    if key.is_in_use(rules.now) {
        details.push((
            "In use",
            "used within the last 24 hours: revoking it would interrupt a client".to_owned(),
        ));
    }
    for finding in rules.raised_flags(key) {
        details.push(("Review", format!("{}: {}", finding.flag.label(), finding.evidence)));
    }
    let total = |count: fn(&Bucket) -> i64| usage.buckets.iter().map(count).fold(0, i64::saturating_add);
    let (days, refused) = (total(|b| b.count), total(|b| b.refused));
    let refused =
        if refused > 0 { format!(", {refused} refused after it was revoked") } else { String::new() };
    details.push(("30 days", format!("{}{refused}", format_uses(days))));
    for client in &usage.clients {
        let seen = format!(
            "{first} to {last}",
            first = format_time(client.first_seen_at),
            last = format_time(client.last_seen_at)
        );
        let agent = if client.agent.is_empty() { "an unnamed client" } else { &client.agent };
        details.push((
            "Client",
            format!(
                "{agent} from {address}, {uses}, {seen}",
                address = client.address,
                uses = format_uses(client.count)
            ),
        ));
    }
    details
}

fn format_uses(count: i64) -> String {
    if count == 1 { "1 use".to_owned() } else { format!("{count} uses") }
}
