//! Rng that repeats itself: the same seed gives the same organization, in tests and pictures too. Never for secrets.

use crate::domain::time::TimeDelta;

/// `SplitMix64` (Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators", 2014).
pub struct Rng(u64);

impl Rng {
    /// Rng that begins at `seed`.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number from `low` up to, but not, `high`; `low` where there is none between.
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        let span = u64::try_from(high.saturating_sub(low)).unwrap_or(0).max(1);
        low + i64::try_from(self.draw() % span).expect("smaller than the span, which fits")
    }

    /// A duration from `low` up to, but not, `high`, in milliseconds; `low` where there is none between.
    pub fn duration_between(&mut self, low: TimeDelta, high: TimeDelta) -> TimeDelta {
        TimeDelta::milliseconds(self.between(low.num_milliseconds(), high.num_milliseconds()))
    }

    /// True in `percent` of all cases.
    pub fn percent(&mut self, percent: i64) -> bool {
        self.between(0, 100) < percent
    }

    /// One of the items.
    ///
    /// # Panics
    /// There are none.
    pub fn pick<T: Copy>(&mut self, items: &[T]) -> T {
        let at = self.between(0, i64::try_from(items.len()).expect("a short list"));
        items[usize::try_from(at).expect("not negative")]
    }

    /// `N` bytes.
    pub fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut out = [0; N];
        for chunk in out.chunks_mut(8) {
            chunk.copy_from_slice(&self.draw().to_le_bytes()[..chunk.len()]);
        }
        out
    }
}
