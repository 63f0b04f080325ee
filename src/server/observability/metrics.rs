//! Counters for Prometheus: requests by operation and status, and the duration of verifications.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use crate::wire::{self, Call, CallVisitor};

/// Operation name for requests that do not match any operation of the API.
pub(in crate::server) const OTHER_OPERATION: &str = "other";
/// Statuses that have their own counters. All other statuses share the counter of the last entry, 0.
const STATUSES: [u16; 24] = [
    200, 201, 204, 400, 401, 403, 404, 405, 408, 409, 412, 413, 415, 421, 422, 428, 429, 500, 503, 507, 301,
    304, 431, 0,
];
/// Upper bounds of the histogram's buckets for verification times, in microseconds.
const BUCKET_BOUNDS_US: [u64; 12] =
    [50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 100_000, 500_000, 2_000_000];

/// The request counters and the histogram of a server process.
pub(in crate::server) struct Metrics {
    operations: Vec<(&'static str, [AtomicU64; STATUSES.len()])>,
    verifications: [AtomicU64; BUCKET_BOUNDS_US.len() + 1],
    verification_us: AtomicU64,
}

/// Index of an operation's counters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::server) struct OperationCounter(usize);

struct OperationNames(Vec<&'static str>);

impl CallVisitor for OperationNames {
    fn visit<C: Call>(&mut self) {
        self.0.push(C::OPERATION);
    }
}

impl Default for Metrics {
    fn default() -> Self {
        let mut names = OperationNames(vec![OTHER_OPERATION]);
        wire::visit_calls(&mut names);
        let zeros = || std::array::from_fn(|_| AtomicU64::new(0));
        Self {
            operations: names.0.into_iter().map(|name| (name, zeros())).collect(),
            verifications: std::array::from_fn(|_| AtomicU64::new(0)),
            verification_us: AtomicU64::new(0),
        }
    }
}

impl Metrics {
    /// Returns the counters of an operation, or those of [`OTHER_OPERATION`] if the name is unknown.
    pub(in crate::server) fn counter_of(&self, name: &str) -> OperationCounter {
        OperationCounter(self.operations.iter().position(|(known, _)| *known == name).unwrap_or(0))
    }

    pub(in crate::server) fn operation_name(&self, operation: OperationCounter) -> &'static str {
        self.operations[operation.0].0
    }

    /// Counts a response of an operation.
    pub(in crate::server) fn record_response(&self, operation: OperationCounter, status: u16) {
        let at = STATUSES.iter().position(|&s| s == status).unwrap_or(STATUSES.len() - 1);
        self.operations[operation.0].1[at].fetch_add(1, Relaxed);
    }

    /// Counts a data-plane response, and adds its duration to the histogram.
    pub(in crate::server) fn record_verification(
        &self,
        operation: OperationCounter,
        status: u16,
        took: Duration,
    ) {
        self.record_response(operation, status);
        let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let at = BUCKET_BOUNDS_US.iter().position(|&bound| us <= bound).unwrap_or(BUCKET_BOUNDS_US.len());
        self.verifications[at].fetch_add(1, Relaxed);
        self.verification_us.fetch_add(us, Relaxed);
    }

    /// Renders all counters that are not zero in the Prometheus text format.
    pub(in crate::server) fn render(&self) -> String {
        let mut out = format!(
            "# HELP keyward_build_info Version of the running server.\n# TYPE keyward_build_info gauge\n\
             keyward_build_info{{version=\"{}\"}} 1\n\
             # HELP keyward_requests_total Answered requests, by operation and status.\n\
             # TYPE keyward_requests_total counter\n",
            env!("CARGO_PKG_VERSION")
        );
        for (name, counts) in &self.operations {
            for (status, count) in STATUSES.iter().zip(counts) {
                let count = count.load(Relaxed);
                if count > 0 {
                    let _ = writeln!(
                        out,
                        "keyward_requests_total{{operation=\"{name}\",status=\"{status}\"}} {count}"
                    );
                }
            }
        }
        out.push_str(
            "# HELP keyward_verification_seconds Duration of data-plane requests, from headers to response.\n\
             # TYPE keyward_verification_seconds histogram\n",
        );
        let mut cumulative = 0;
        for (at, count) in self.verifications.iter().enumerate() {
            cumulative += count.load(Relaxed);
            let bound = BUCKET_BOUNDS_US.get(at).map_or("+Inf".to_owned(), |&us| format_seconds(us));
            let _ = writeln!(out, "keyward_verification_seconds_bucket{{le=\"{bound}\"}} {cumulative}");
        }
        let sum = format_seconds(self.verification_us.load(Relaxed));
        let _ = writeln!(out, "keyward_verification_seconds_sum {sum}");
        let _ = writeln!(out, "keyward_verification_seconds_count {cumulative}");
        out
    }
}

/// Formats a number of microseconds in seconds, without rounding: `0.00025`.
fn format_seconds(us: u64) -> String {
    let text = format!("{}.{:06}", us / 1_000_000, us % 1_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_are_rendered_in_the_prometheus_text_format() {
        let metrics = Metrics::default();
        let sites = metrics.counter_of("listSites");
        assert_eq!(metrics.operation_name(sites), "listSites");
        metrics.record_verification(sites, 200, Duration::from_micros(60));
        metrics.record_verification(sites, 401, Duration::from_secs(3));
        metrics.record_response(metrics.counter_of("unknown"), 999);
        let text = metrics.render();
        for line in [
            "keyward_requests_total{operation=\"listSites\",status=\"200\"} 1",
            "keyward_requests_total{operation=\"other\",status=\"0\"} 1",
            "keyward_verification_seconds_bucket{le=\"0.00005\"} 0",
            "keyward_verification_seconds_bucket{le=\"0.0001\"} 1",
            "keyward_verification_seconds_bucket{le=\"2\"} 1",
            "keyward_verification_seconds_bucket{le=\"+Inf\"} 2",
            "keyward_verification_seconds_sum 3.00006",
            "keyward_verification_seconds_count 2",
        ] {
            assert!(text.lines().any(|l| l == line), "{line}\n{text}");
        }
    }
}
