//! A deterministic random number generator: the same seed gives the same organization, also in tests and pictures. Not for secrets.

use crate::domain::time::TimeDelta;

/// The `SplitMix64` random number generator (Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators", 2014).
pub struct Rng(u64);

impl Rng {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Returns the next 64 random bits.
    fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Returns a random number in `low..high`, or `low` if the range is empty.
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        let size = u64::try_from(high.saturating_sub(low)).unwrap_or(0).max(1);
        low + i64::try_from(self.next_u64() % size).expect("a number below the range size fits into an i64")
    }

    /// Returns a random duration in `low..high` in whole milliseconds, or `low` if the range is empty.
    pub fn duration_between(&mut self, low: TimeDelta, high: TimeDelta) -> TimeDelta {
        TimeDelta::milliseconds(self.between(low.num_milliseconds(), high.num_milliseconds()))
    }

    /// Returns `true` with a probability of `percent` %.
    pub fn chance(&mut self, percent: i64) -> bool {
        self.between(0, 100) < percent
    }

    /// Returns a random item.
    ///
    /// # Panics
    /// Panics if `items` is empty.
    pub fn pick<T: Copy>(&mut self, items: &[T]) -> T {
        let index = self.between(0, i64::try_from(items.len()).expect("a list has fewer than 2^63 items"));
        items[usize::try_from(index).expect("the index is not negative")]
    }

    /// Returns `N` random bytes.
    pub fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut out = [0; N];
        for chunk in out.chunks_mut(8) {
            chunk.copy_from_slice(&self.next_u64().to_le_bytes()[..chunk.len()]);
        }
        out
    }
}
