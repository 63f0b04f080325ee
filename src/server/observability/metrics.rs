//! Counters for Prometheus: requests by operation and status, and how long verifications took.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use crate::wire::{self, Call, CallVisitor};

/// The operation of requests that are none of the contract.
pub const OTHER: &str = "other";
/// The statuses that are counted apart; others are counted as the last.
const STATUSES: [u16; 24] = [
    200, 201, 204, 400, 401, 403, 404, 405, 408, 409, 412, 413, 415, 421, 422, 428, 429, 500, 503, 507, 301,
    304, 431, 0,
];
/// Upper bounds of the histogram's buckets, in microseconds.
const BOUNDS_US: [u64; 12] =
    [50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 100_000, 500_000, 2_000_000];

/// The counters of a process.
pub struct Metrics {
    operations: Vec<(&'static str, [AtomicU64; STATUSES.len()])>,
    verifications: [AtomicU64; BOUNDS_US.len() + 1],
    verification_us: AtomicU64,
}

/// An operation of the contract, as an index into the counters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OperationCounter(usize);

struct Names(Vec<&'static str>);

impl CallVisitor for Names {
    fn call<C: Call>(&mut self) {
        self.0.push(C::OPERATION);
    }
}

impl Default for Metrics {
    fn default() -> Self {
        let mut names = Names(vec![OTHER]);
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
    /// The operation of this name.
    pub fn operation(&self, name: &str) -> OperationCounter {
        OperationCounter(self.operations.iter().position(|(known, _)| *known == name).unwrap_or(0))
    }

    /// Its name.
    pub fn name(&self, operation: OperationCounter) -> &'static str {
        self.operations[operation.0].0
    }

    /// Counts an answer.
    pub fn answered(&self, operation: OperationCounter, status: u16) {
        let at = STATUSES.iter().position(|&s| s == status).unwrap_or(STATUSES.len() - 1);
        self.operations[operation.0].1[at].fetch_add(1, Relaxed);
    }

    /// Counts an answer of the data plane, with how long it took.
    pub fn verified(&self, operation: OperationCounter, status: u16, took: Duration) {
        self.answered(operation, status);
        let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let at = BOUNDS_US.iter().position(|&bound| us <= bound).unwrap_or(BOUNDS_US.len());
        self.verifications[at].fetch_add(1, Relaxed);
        self.verification_us.fetch_add(us, Relaxed);
    }

    /// All counters in Prometheus' text format. Those that are zero are left out.
    pub fn text(&self) -> String {
        let mut out = format!(
            "# HELP keyward_build_info The version that runs.\n# TYPE keyward_build_info gauge\n\
             keyward_build_info{{version=\"{}\"}} 1\n\
             # HELP keyward_requests_total Requests answered, by operation and status.\n\
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
            "# HELP keyward_verification_seconds How long answers of the data plane took.\n\
             # TYPE keyward_verification_seconds histogram\n",
        );
        let mut so_far = 0;
        for (at, count) in self.verifications.iter().enumerate() {
            so_far += count.load(Relaxed);
            let bound = BOUNDS_US.get(at).map_or("+Inf".to_owned(), |&us| seconds(us));
            let _ = writeln!(out, "keyward_verification_seconds_bucket{{le=\"{bound}\"}} {so_far}");
        }
        let sum = seconds(self.verification_us.load(Relaxed));
        let _ = writeln!(out, "keyward_verification_seconds_sum {sum}");
        let _ = writeln!(out, "keyward_verification_seconds_count {so_far}");
        out
    }
}

/// Microseconds in seconds, without rounding: `0.00025`.
fn seconds(us: u64) -> String {
    let text = format!("{}.{:06}", us / 1_000_000, us % 1_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_read_as_prometheus_wants_them() {
        let metrics = Metrics::default();
        let sites = metrics.operation("listSites");
        assert_eq!(metrics.name(sites), "listSites");
        metrics.verified(sites, 200, Duration::from_micros(60));
        metrics.verified(sites, 401, Duration::from_secs(3));
        metrics.answered(metrics.operation("no such thing"), 999);
        let text = metrics.text();
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
