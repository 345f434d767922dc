//! Sets of small numbers that are mostly close together: task ids, partitions.

use std::collections::HashMap;

use foldhash::fast::RandomState;

/// What a word takes, with its key and its part of the table.
pub(crate) const WORD_BYTES: usize = 48;

/// A set of `(group, index)`, stored as one bit each in words of 64 neighbours.
#[derive(Clone, Debug, Default)]
pub(crate) struct Indices(HashMap<(i64, i64), u64, RandomState>);

impl Indices {
    /// Inserts an index. Returns whether it is new.
    pub(crate) fn insert(&mut self, group: i64, index: i64) -> bool {
        self.insert_all(group, &[index]) == 1
    }

    /// Inserts ascending indices of a group. Returns how many are new.
    pub(crate) fn insert_all(&mut self, group: i64, indices: &[i64]) -> i64 {
        let mut new = 0;
        for neighbours in indices.chunk_by(|a, b| a >> 6 == b >> 6) {
            let bits = neighbours.iter().fold(0, |bits, index| bits | bit(*index));
            let word = self.0.entry((group, neighbours[0] >> 6)).or_default();
            new += i64::from((bits & !*word).count_ones());
            *word |= bits;
        }
        new
    }

    /// The number of words, each of which takes about [`WORD_BYTES`].
    pub(crate) fn words(&self) -> usize {
        self.0.len()
    }

    /// Removes an index. Returns whether it was present.
    pub(crate) fn remove(&mut self, group: i64, index: i64) -> bool {
        let key = (group, index >> 6);
        let Some(word) = self.0.get_mut(&key) else { return false };
        let was_there = *word & bit(index) != 0;
        *word &= !bit(index);
        if *word == 0 {
            self.0.remove(&key);
        }
        was_there
    }
}

const fn bit(index: i64) -> u64 {
    1 << (index & 63)
}
