//! Exports of a review for an auditor: Markdown to read, CSV for spreadsheets, JSON to process and to verify.
//!
//! Each export contains a SHA-256 digest of its records, which the activity log records, too. The digest is computed from the
//! records as compact JSON, one per line, oldest first. For a JSON export, `jq -c '.records[]' FILE | sha256sum` prints it.

use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::policy::Policy;
use super::review::{Decision, ReviewRecord};
use super::text;
use super::time::Timestamp;
use super::words::words;

/// File format of a review export.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ExportFormat {
    /// A document for people to read.
    Markdown,
    /// A table for spreadsheets.
    Csv,
    /// Data for other programs. The digest can be verified with the records in it.
    Json,
}

words!(ExportFormat { Markdown = "markdown", Csv = "csv", Json = "json" });

impl ExportFormat {
    /// Returns the file name extension, without a dot.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Markdown => "md",
            Self::Csv => "csv",
            Self::Json => "json",
        }
    }
}

/// Review decisions prepared for export: sanitized, ordered by time, with their digest.
#[derive(Clone, Debug, Serialize)]
pub struct ReviewExport {
    organization: String,
    period: Period,
    reviewers: Vec<String>,
    policy: Policy,
    exported_at: Timestamp,
    exported_by: String,
    sha256: String,
    records: Vec<ReviewRecord>,
}

/// Times of the first and the last decision; `None` if there are no decisions.
#[derive(Clone, Copy, Debug, Serialize)]
struct Period {
    from: Option<Timestamp>,
    to: Option<Timestamp>,
}

impl ReviewExport {
    /// Creates an export: sorts and sanitizes the records, and computes their digest. `exported_by` is the email address of the
    /// member who exports.
    pub fn new(
        organization: &str,
        policy: Policy,
        mut records: Vec<ReviewRecord>,
        now: Timestamp,
        exported_by: &str,
    ) -> Self {
        records.sort_by_key(|record| (record.reviewed_at, record.id));
        records.iter_mut().for_each(sanitize_record);
        let mut reviewers: Vec<String> =
            records.iter().map(|r| format_person(&r.reviewer.name, &r.reviewer.email)).collect();
        reviewers.sort_unstable();
        reviewers.dedup();
        Self {
            organization: text::sanitize_line(organization).into_owned(),
            period: Period {
                from: records.first().map(|r| r.reviewed_at),
                to: records.last().map(|r| r.reviewed_at),
            },
            reviewers,
            policy,
            exported_at: now,
            exported_by: text::sanitize_line(exported_by).into_owned(),
            sha256: digest(&records),
            records,
        }
    }

    /// Returns the number of decisions in the export.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Returns whether the export contains no decisions.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Returns the SHA-256 digest of the records as 64 hexadecimal digits.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// Returns the file name for a format, such as `keyward-review-2026-11-24.md`.
    pub fn file_name(&self, format: ExportFormat) -> String {
        format!("keyward-review-{}.{}", self.exported_at.format_date(), format.extension())
    }

    /// Returns the content of the export file in the given format.
    pub fn render(&self, format: ExportFormat) -> String {
        match format {
            ExportFormat::Markdown => self.to_markdown(),
            ExportFormat::Csv => self.to_csv(),
            ExportFormat::Json => self.to_json(),
        }
    }

    /// Formats the period of the export, such as `2026-11-24` or `2026-11-20 to 2026-11-24`.
    fn format_period(&self) -> String {
        let (from, to) =
            (self.period.from.map(Timestamp::format_date), self.period.to.map(Timestamp::format_date));
        match (from, to) {
            (Some(from), Some(to)) if from == to => from,
            (Some(from), Some(to)) => format!("{from} to {to}"),
            _ => "no decisions".to_owned(),
        }
    }

    fn format_policy(&self) -> String {
        let p = &self.policy;
        format!(
            "keys are stale if never used for {} d, unused for {} d or not rotated for {} d",
            p.never_used_after_days, p.unused_after_days, p.rotate_after_days
        )
    }

    fn to_markdown(&self) -> String {
        let mut out = String::new();
        let mut line = |text: &str| {
            out.push_str(text);
            out.push('\n');
        };
        line(&format!("# Review of API keys: {}\n", escape_markdown(&self.organization)));
        line(&format!("- Period: {}", self.format_period()));
        line(&format!("- Reviewer: {}", escape_markdown(&self.reviewers.join(", "))));
        line(&format!("- Policy: {}", self.format_policy()));
        line(&format!("- Exported: {} by {}", self.exported_at, escape_markdown(&self.exported_by)));
        let counts = [Decision::Revoke, Decision::Keep, Decision::Rotate, Decision::Skip].map(|decision| {
            let n = self.records.iter().filter(|record| record.decision == decision).count();
            format!("{decision} {n}")
        });
        line(&format!("- Decisions: {} ({})", self.records.len(), counts.join(", ")));
        line(&format!("- SHA-256 of the records: `{}`", self.sha256));
        line(
            "- To verify: export as JSON and run `jq -c '.records[]' FILE | sha256sum`. The activity log contains the same digest.",
        );
        line(
            "\n| Decided | Reviewer | Key | Masked secret | Decision | Until | Note | Evidence at the time |",
        );
        line("|---|---|---|---|---|---|---|---|");
        for record in &self.records {
            let cells = [
                record.reviewed_at.format_minute(),
                escape_markdown(&record.reviewer.name),
                escape_markdown(&record.key_name),
                escape_markdown(&record.key_masked),
                record.decision.to_string(),
                record.until.map_or(String::new(), Timestamp::format_date),
                escape_markdown(record.note.as_deref().unwrap_or("")),
                escape_markdown(&format_evidence(record)),
            ];
            line(&format!("| {} |", cells.join(" | ")));
        }
        out
    }

    fn to_csv(&self) -> String {
        let mut out = String::from(
            "organization,period,policy,review_id,record_id,reviewed_at,reviewer,reviewer_email,key_id,key_name,\
             secret_key,decision,until,note,flags,evidence,last_used_at,sha256\r\n",
        );
        let (period, policy) = (self.format_period(), self.format_policy());
        for record in &self.records {
            let flags: Vec<&str> = record.findings.iter().map(|finding| finding.flag.word()).collect();
            let stamp = |at: Option<Timestamp>| at.map_or(String::new(), |at| at.to_string());
            let cells: [&str; 18] = [
                &self.organization,
                &period,
                &policy,
                &record.review_id.to_string(),
                &record.id.to_string(),
                &record.reviewed_at.to_string(),
                &record.reviewer.name,
                &record.reviewer.email,
                &record.key_id.to_string(),
                &record.key_name,
                &record.key_masked,
                record.decision.word(),
                &stamp(record.until),
                record.note.as_deref().unwrap_or(""),
                &flags.join(" "),
                &format_evidence(record),
                &stamp(record.last_used_at),
                &self.sha256,
            ];
            let cells: Vec<String> = cells.iter().map(|cell| text::csv_cell(cell)).collect();
            out.push_str(&cells.join(","));
            out.push_str("\r\n");
        }
        out
    }

    /// Formats the export as JSON with one record per line, which suits text editors, `grep` and `diff`.
    fn to_json(&self) -> String {
        let header = serde_json::json!({
            "organization": self.organization,
            "period": self.period,
            "reviewers": self.reviewers,
            "policy": self.policy,
            "exported_at": self.exported_at,
            "exported_by": self.exported_by,
            "sha256": self.sha256,
        });
        let header = header.to_string();
        let lines: Vec<String> = self.records.iter().map(record_line).collect();
        format!("{},\"records\":[\n{}\n]}}\n", header.trim_end_matches('}'), lines.join(",\n"))
    }
}

fn sanitize_record(record: &mut ReviewRecord) {
    let sanitize = |text: &mut String| *text = text::sanitize_line(text).into_owned();
    sanitize(&mut record.key_name);
    sanitize(&mut record.key_masked);
    sanitize(&mut record.reviewer.name);
    sanitize(&mut record.reviewer.email);
    record.note.iter_mut().for_each(sanitize);
    record.findings.iter_mut().for_each(|finding| sanitize(&mut finding.evidence));
}

fn record_line(record: &ReviewRecord) -> String {
    serde_json::to_string(record).expect("ids, times, words and texts can be serialized")
}

fn digest(records: &[ReviewRecord]) -> String {
    let mut hash = Sha256::new();
    for record in records {
        hash.update(record_line(record));
        hash.update("\n");
    }
    hex::encode(hash.finalize())
}

fn format_person(name: &str, email: &str) -> String {
    if name == email { email.to_owned() } else { format!("{name} <{email}>") }
}

/// Formats the flags of a record with their evidence, such as `orphaned: creator removed 41 d ago; unused: last used 99 d ago`.
fn format_evidence(record: &ReviewRecord) -> String {
    let parts: Vec<String> = record
        .findings
        .iter()
        .map(|finding| format!("{}: {}", finding.flag.label(), finding.evidence))
        .collect();
    parts.join("; ")
}

/// Escapes Markdown syntax. Bare URLs are not escaped, and GitHub still turns them into links.
fn escape_markdown(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '\\' | '|' | '*' | '_' | '[' | ']' | '<' | '>' | '`' | '#' | '&' | '!' | '~' | '$') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::queue::tests::review;
    use crate::domain::staleness::tests::{NOW, key};

    fn export() -> ReviewExport {
        let mut key = key();
        key.name = "=HYPERLINK(\"http://x\")|*Grafana*\u{202e}".into();
        let mut kept = review(&key, Decision::Keep);
        kept.note = Some("asked, says \"needed\"".into());
        kept.reviewed_at = NOW;
        ReviewExport::new(
            "Plant",
            Policy::default(),
            vec![kept, review(&key, Decision::Revoke)],
            NOW,
            "ada@plant.example",
        )
    }

    #[test]
    fn the_digest_covers_the_record_lines_of_the_json_export() {
        let export = export();
        let json = export.render(ExportFormat::Json);
        let whole: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(whole["sha256"], export.sha256());
        let mut hash = Sha256::new();
        for line in json.lines().filter(|line| line.starts_with("{\"id\"")) {
            hash.update(line.trim_end_matches(','));
            hash.update("\n");
        }
        assert_eq!(hex::encode(hash.finalize()), export.sha256());
        assert_eq!(whole["records"].as_array().unwrap().len(), 2);
    }

    #[test]
    fn csv_formulas_and_markdown_are_escaped() {
        let (csv, markdown) = (export().render(ExportFormat::Csv), export().render(ExportFormat::Markdown));
        assert!(csv.contains("\"'=HYPERLINK(\"\"http://x\"\")|*Grafana*\u{fffd}\""), "{csv}");
        assert!(csv.contains("\"asked, says \"\"needed\"\"\""), "{csv}");
        assert_eq!(csv.lines().count(), 3);
        assert!(markdown.contains("=HYPERLINK(\"http://x\")\\|\\*Grafana\\*\u{fffd}"), "{markdown}");
        assert!(markdown.contains("- Decisions: 2 (revoke 1, keep 1, rotate 0, skip 0)"));
    }

    #[test]
    fn an_export_without_decisions_is_complete() {
        let export = ReviewExport::new("Plant", Policy::default(), vec![], NOW, "ada@plant.example");
        assert!(serde_json::from_str::<serde_json::Value>(&export.render(ExportFormat::Json)).is_ok());
        assert!(export.render(ExportFormat::Markdown).contains("no decisions"));
    }
}
