//! A sparse logarithmic histogram of integers that can be added and subtracted exactly.

use std::ops::{AddAssign, SubAssign};
use std::sync::Arc;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Bits of the mantissa that identify a bucket: 64 buckets per octave.
const MANTISSA_BITS: u32 = 6;

/// Counts of values in buckets whose width grows with the value.
///
/// Each value from -127 to 127 has its own bucket. Beyond that, a bucket is identified by the value's exponent and
/// the top six bits of its mantissa, so the middle of a bucket is within 1/128 (0.8 %) of
/// every value in it. All arithmetic is on integers and a bucket whose count is zero is dropped, so
/// `a + b - b == a` holds exactly, in any order.
///
/// Clones share their buckets until one of them changes.
///
/// Its serialized form is a list of `[bucket, count]` pairs in the order of values.
///
/// ```
/// use spark_analytics_core::Histogram;
///
/// let mut h = Histogram::default();
/// h.record(40);
/// h.record(4_000);
/// assert_eq!(h.count(), 2);
/// assert_eq!(h.quantile(50, 100), Some(40));
/// let max = h.quantile(1, 1).unwrap();
/// assert!((max - 4_000).abs() <= 40);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Histogram(
    /// Buckets in ascending order, with counts other than zero; `None` if nothing is counted, which saves
    /// the allocation.
    Option<Arc<Vec<(i16, i64)>>>,
);

impl Histogram {
    /// Counts `value` once.
    pub fn record(&mut self, value: i64) {
        self.add(bucket_of(value), 1);
    }

    /// Removes one count of `value`.
    pub fn unrecord(&mut self, value: i64) {
        self.add(bucket_of(value), -1);
    }

    /// The number of values counted.
    pub fn count(&self) -> i64 {
        self.entries().iter().fold(0, |sum, (_, n)| sum.wrapping_add(*n))
    }

    /// Whether nothing is counted.
    pub const fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// The buckets with their counts, in the order of values: `(middle of the bucket, count)`.
    pub fn buckets(&self) -> impl ExactSizeIterator<Item = (i64, i64)> + '_ {
        self.entries().iter().map(|(bucket, n)| (middle_of(*bucket), *n))
    }

    /// The quantile `num/den` by nearest rank, as the middle of the bucket that contains the value of
    /// rank `ceil(count * num / den)`; `quantile(1, 1)` is the greatest bucket. `None` when empty.
    pub fn quantile(&self, num: u32, den: u32) -> Option<i64> {
        let den = i128::from(den.max(1));
        let rank = (i128::from(self.count()) * i128::from(num) + den - 1) / den;
        let mut seen = 0;
        for (bucket, n) in self.entries() {
            seen += i128::from(*n);
            if seen >= rank.max(1) {
                return Some(middle_of(*bucket));
            }
        }
        self.entries().last().map(|(bucket, _)| middle_of(*bucket))
    }

    fn entries(&self) -> &[(i16, i64)] {
        self.0.as_deref().map_or(&[], Vec::as_slice)
    }

    fn add(&mut self, bucket: i16, n: i64) {
        let at = self.entries().binary_search_by_key(&bucket, |(b, _)| *b);
        let entries = self.own();
        match at {
            Ok(at) => {
                entries[at].1 = entries[at].1.wrapping_add(n);
                if entries[at].1 == 0 {
                    entries.remove(at);
                }
            }
            Err(at) if n != 0 => entries.insert(at, (bucket, n)),
            Err(_) => {}
        }
        if entries.is_empty() {
            self.0 = None;
        }
    }

    /// The entries to change, copied with spare capacity if they are shared.
    fn own(&mut self) -> &mut Vec<(i16, i64)> {
        let entries = self.0.get_or_insert_default();
        if Arc::get_mut(entries).is_none() {
            let mut own = Vec::with_capacity(entries.len() + 4);
            own.extend_from_slice(entries);
            *entries = Arc::new(own);
        }
        Arc::make_mut(entries)
    }

    fn merge(&mut self, other: &Self, sign: i64) {
        if self.is_empty() && sign == 1 {
            self.clone_from(other);
            return;
        }
        // For a few buckets, single searches are faster than a pass over all.
        if other.entries().len() * 16 < self.entries().len() + 16 {
            for (bucket, n) in other.entries() {
                self.add(*bucket, n.wrapping_mul(sign));
            }
            return;
        }
        let (a, b) = (self.entries(), other.entries());
        let mut merged = Vec::with_capacity(a.len() + b.len());
        let (mut a, mut b) = (a.iter().peekable(), b.iter().peekable());
        loop {
            let entry = match (a.peek(), b.peek()) {
                (Some(x), Some(y)) if x.0 == y.0 => {
                    let sum = (x.0, x.1.wrapping_add(y.1.wrapping_mul(sign)));
                    a.next();
                    b.next();
                    sum
                }
                (Some(x), Some(y)) if x.0 > y.0 => {
                    let taken = (y.0, y.1.wrapping_mul(sign));
                    b.next();
                    taken
                }
                (Some(x), _) => {
                    let taken = **x;
                    a.next();
                    taken
                }
                (None, Some(y)) => {
                    let taken = (y.0, y.1.wrapping_mul(sign));
                    b.next();
                    taken
                }
                (None, None) => break,
            };
            if entry.1 != 0 {
                merged.push(entry);
            }
        }
        self.0 = (!merged.is_empty()).then(|| Arc::new(merged));
    }
}

/// Counts each value once; faster than [`record`](Histogram::record) for each.
impl FromIterator<i64> for Histogram {
    fn from_iter<I: IntoIterator<Item = i64>>(values: I) -> Self {
        let mut buckets: Vec<i16> = values.into_iter().map(bucket_of).collect();
        buckets.sort_unstable();
        let equal = buckets.chunk_by(|a, b| a == b);
        let entries: Vec<(i16, i64)> = equal.map(|run| (run[0], run.len() as i64)).collect();
        Self((!entries.is_empty()).then(|| Arc::new(entries)))
    }
}

impl AddAssign<&Self> for Histogram {
    fn add_assign(&mut self, other: &Self) {
        self.merge(other, 1);
    }
}

impl SubAssign<&Self> for Histogram {
    fn sub_assign(&mut self, other: &Self) {
        self.merge(other, -1);
    }
}

impl Serialize for Histogram {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.entries().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Histogram {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let buckets = Vec::<(i16, i64)>::deserialize(deserializer)?;
        let is_sorted = buckets.is_sorted_by(|a, b| a.0 < b.0);
        if !is_sorted || buckets.iter().any(|(_, n)| *n == 0) {
            return Err(D::Error::custom("a histogram has ascending buckets, none of them empty"));
        }
        Ok(Self((!buckets.is_empty()).then(|| Arc::new(buckets))))
    }
}

fn bucket_of(value: i64) -> i16 {
    let magnitude = value.unsigned_abs();
    let shift = (u64::BITS - magnitude.leading_zeros()).saturating_sub(MANTISSA_BITS + 1);
    let bucket = (u64::from(shift) << MANTISSA_BITS) + (magnitude >> shift);
    if value < 0 { -(bucket as i16) } else { bucket as i16 }
}

fn middle_of(bucket: i16) -> i64 {
    let index = u64::from(bucket.unsigned_abs());
    let shift = (index >> MANTISSA_BITS).saturating_sub(1).min(57);
    let low = (index - (shift << MANTISSA_BITS)) << shift;
    let middle = low.saturating_add((1u64 << shift) / 2).min(i64::MAX as u64) as i64;
    if bucket < 0 { -middle } else { middle }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_middle_of_a_bucket_is_within_one_percent(value in any::<i64>()) {
            let middle = middle_of(bucket_of(value));
            let off = (i128::from(middle) - i128::from(value)).abs();
            prop_assert!(off * 100 <= i128::from(value).abs());
        }

        #[test]
        fn buckets_are_in_the_order_of_values(a in any::<i64>(), b in any::<i64>()) {
            let (low, high) = (a.min(b), a.max(b));
            prop_assert!(bucket_of(low) <= bucket_of(high));
        }

        #[test]
        fn subtracting_undoes_adding(
            a in prop::collection::vec(any::<i64>(), 0..40),
            b in prop::collection::vec(any::<i64>(), 0..40),
        ) {
            let of = |values: &[i64]| {
                let mut h = Histogram::default();
                values.iter().for_each(|v| h.record(*v));
                h
            };
            let mut sum = of(&a);
            sum += &of(&b);
            prop_assert_eq!(&sum, &of(&[a.clone(), b.clone()].concat()));
            sum -= &of(&b);
            prop_assert_eq!(&sum, &of(&a));
            prop_assert_eq!(sum, a.into_iter().collect());
        }
    }

    #[test]
    fn damaged_buckets_are_not_read() {
        for text in ["[[5,1],[3,2]]", "[[5,1],[5,1]]", "[[5,0]]", "[[70000,1]]"] {
            assert!(serde_json::from_str::<Histogram>(text).is_err(), "{text}");
        }
        assert_eq!(serde_json::from_str::<Histogram>("[[3,2],[5,1]]").unwrap().count(), 3);
    }

    #[test]
    fn small_values_are_exact() {
        for value in -127..=127 {
            assert_eq!(middle_of(bucket_of(value)), value);
        }
    }

    #[test]
    fn quantiles_are_by_nearest_rank() {
        let mut h = Histogram::default();
        assert_eq!(h.quantile(50, 100), None);
        (1..=100).for_each(|v| h.record(v));
        assert_eq!(h.quantile(50, 100), Some(50));
        assert_eq!(h.quantile(99, 100), Some(99));
        assert_eq!(h.quantile(1, 1), Some(100));
        assert_eq!(h.quantile(0, 1), Some(1));
    }
}
