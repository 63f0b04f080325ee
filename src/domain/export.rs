//! Exports of a review for an auditor: Markdown to read, CSV for spreadsheets, JSON to process and to verify.
//!
//! Each export carries a SHA-256 digest that the activity log also has. It is computed over the records as compact JSON, one per
//! line, oldest first: the output of `jq -c '.records[]' FILE
//! sha256sum` for the JSON export.

use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::policy::Policy;
use super::review::{Decision, ReviewRecord};
use super::text;
use super::time::Timestamp;
use super::words::words;

/// File format of an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ExportFormat {
    /// A document to read.
    Markdown,
    /// A table for spreadsheets.
    Csv,
    /// Data to process; the digest can be verified with it.
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

/// A review ready to be exported: sanitized, ordered, with its digest.
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

/// Times of the first and the last decision.
#[derive(Clone, Copy, Debug, Serialize)]
struct Period {
    from: Option<Timestamp>,
    to: Option<Timestamp>,
}

impl ReviewExport {
    /// Prepares an export: orders and sanitizes the records and computes the digest. `by` is the email address of the exporting
    /// member.
    pub fn new(
        organization: &str,
        policy: Policy,
        mut records: Vec<ReviewRecord>,
        now: Timestamp,
        by: &str,
    ) -> Self {
        records.sort_by_key(|record| (record.reviewed_at, record.id));
        records.iter_mut().for_each(clean);
        let mut reviewers: Vec<String> =
            records.iter().map(|r| person(&r.reviewer.name, &r.reviewer.email)).collect();
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
            exported_by: text::sanitize_line(by).into_owned(),
            sha256: digest(&records),
            records,
        }
    }

    /// Returns the number of decisions.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Returns whether there are no decisions.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Returns the digest as 64 hexadecimal digits.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// Returns a name such as `keyward-review-2026-11-24.md`.
    pub fn file_name(&self, format: ExportFormat) -> String {
        format!("keyward-review-{}.{}", self.exported_at.format_date(), format.extension())
    }

    /// Writes the export as text.
    pub fn write(&self, format: ExportFormat) -> String {
        match format {
            ExportFormat::Markdown => self.markdown(),
            ExportFormat::Csv => self.csv(),
            ExportFormat::Json => self.json(),
        }
    }

    /// Formats the period: `2026-11-24` or `2026-11-20 to 2026-11-24`.
    fn period(&self) -> String {
        let (from, to) =
            (self.period.from.map(Timestamp::format_date), self.period.to.map(Timestamp::format_date));
        match (from, to) {
            (Some(from), Some(to)) if from == to => from,
            (Some(from), Some(to)) => format!("{from} to {to}"),
            _ => "no decisions".to_owned(),
        }
    }

    fn policy(&self) -> String {
        let p = &self.policy;
        format!(
            "never used after {} d, unused after {} d, rotation due after {} d",
            p.never_used_after_days, p.unused_after_days, p.rotate_after_days
        )
    }

    fn markdown(&self) -> String {
        let mut out = String::new();
        let mut line = |text: &str| {
            out.push_str(text);
            out.push('\n');
        };
        line(&format!("# Review of API keys: {}\n", markdown(&self.organization)));
        line(&format!("- Period: {}", self.period()));
        line(&format!("- Reviewer: {}", markdown(&self.reviewers.join(", "))));
        line(&format!("- Policy: {}", self.policy()));
        line(&format!("- Exported: {} by {}", self.exported_at, markdown(&self.exported_by)));
        let counts = [Decision::Revoke, Decision::Keep, Decision::Rotate, Decision::Skip].map(|decision| {
            let n = self.records.iter().filter(|record| record.decision == decision).count();
            format!("{decision} {n}")
        });
        line(&format!("- Decisions: {} ({})", self.records.len(), counts.join(", ")));
        line(&format!("- SHA-256 over the records: `{}`", self.sha256));
        line(
            "- Check it: export as JSON, then `jq -c '.records[]' FILE | sha256sum`; the activity log keeps the same digest.",
        );
        line(
            "\n| Decided | Reviewer | Key | Secret key | Decision | Until | Note | Evidence at that moment |",
        );
        line("|---|---|---|---|---|---|---|---|");
        for record in &self.records {
            let cells = [
                record.reviewed_at.format_minute(),
                markdown(&record.reviewer.name),
                markdown(&record.key_name),
                markdown(&record.key_masked),
                record.decision.to_string(),
                record.until.map_or(String::new(), Timestamp::format_date),
                markdown(record.note.as_deref().unwrap_or("")),
                markdown(&evidence(record)),
            ];
            line(&format!("| {} |", cells.join(" | ")));
        }
        out
    }

    fn csv(&self) -> String {
        let mut out = String::from(
            "organization,period,policy,review_id,record_id,reviewed_at,reviewer,reviewer_email,key_id,key_name,\
             secret_key,decision,until,note,flags,evidence,last_used_at,sha256\r\n",
        );
        let (period, policy) = (self.period(), self.policy());
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
                &evidence(record),
                &stamp(record.last_used_at),
                &self.sha256,
            ];
            let cells: Vec<String> = cells.iter().map(|cell| text::csv_cell(cell)).collect();
            out.push_str(&cells.join(","));
            out.push_str("\r\n");
        }
        out
    }

    /// Writes one record per line, so that the file also suits text editors, `grep` and `diff`.
    fn json(&self) -> String {
        let facts = serde_json::json!({
            "organization": self.organization,
            "period": self.period,
            "reviewers": self.reviewers,
            "policy": self.policy,
            "exported_at": self.exported_at,
            "exported_by": self.exported_by,
            "sha256": self.sha256,
        });
        let facts = facts.to_string();
        let lines: Vec<String> = self.records.iter().map(record_line).collect();
        format!("{},\"records\":[\n{}\n]}}\n", facts.trim_end_matches('}'), lines.join(",\n"))
    }
}

fn clean(record: &mut ReviewRecord) {
    let clean = |text: &mut String| *text = text::sanitize_line(text).into_owned();
    clean(&mut record.key_name);
    clean(&mut record.key_masked);
    clean(&mut record.reviewer.name);
    clean(&mut record.reviewer.email);
    record.note.iter_mut().for_each(clean);
    record.findings.iter_mut().for_each(|finding| clean(&mut finding.evidence));
}

fn record_line(record: &ReviewRecord) -> String {
    serde_json::to_string(record).expect("a record is plain data and always becomes JSON")
}

fn digest(records: &[ReviewRecord]) -> String {
    let mut hash = Sha256::new();
    for record in records {
        hash.update(record_line(record));
        hash.update("\n");
    }
    hex::encode(hash.finalize())
}

fn person(name: &str, email: &str) -> String {
    if name == email { email.to_owned() } else { format!("{name} <{email}>") }
}

/// Formats flags and evidence: `orphaned: creator removed 41 d ago; unused: last used 99 d ago`.
fn evidence(record: &ReviewRecord) -> String {
    let parts: Vec<String> = record
        .findings
        .iter()
        .map(|finding| format!("{}: {}", finding.flag.label(), finding.evidence))
        .collect();
    parts.join("; ")
}

/// Escapes Markdown. GitHub still turns addresses such as `https://…` into links.
fn markdown(text: &str) -> String {
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
    fn the_digest_is_over_the_lines_of_the_json() {
        let export = export();
        let json = export.write(ExportFormat::Json);
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
    fn nothing_acts_in_a_spreadsheet_or_on_a_page() {
        let (csv, markdown) = (export().write(ExportFormat::Csv), export().write(ExportFormat::Markdown));
        assert!(csv.contains("\"'=HYPERLINK(\"\"http://x\"\")|*Grafana*\u{fffd}\""), "{csv}");
        assert!(csv.contains("\"asked, says \"\"needed\"\"\""), "{csv}");
        assert_eq!(csv.lines().count(), 3);
        assert!(markdown.contains("=HYPERLINK(\"http://x\")\\|\\*Grafana\\*\u{fffd}"), "{markdown}");
        assert!(markdown.contains("- Decisions: 2 (revoke 1, keep 1, rotate 0, skip 0)"));
    }

    #[test]
    fn an_empty_export_is_whole() {
        let export = ReviewExport::new("Plant", Policy::default(), vec![], NOW, "ada@plant.example");
        assert!(serde_json::from_str::<serde_json::Value>(&export.write(ExportFormat::Json)).is_ok());
        assert!(export.write(ExportFormat::Markdown).contains("no decisions"));
    }
}
