//! Sets of small numbers that mostly lie close together: task ids, partitions.

use std::collections::HashMap;

/// A set of `(group, index)`, a bit each in words of 64 neighbours.
#[derive(Debug, Default)]
pub(crate) struct Indices(HashMap<(i64, i64), u64>);

impl Indices {
    /// Puts one in; whether it is new.
    pub(crate) fn insert(&mut self, group: i64, index: i64) -> bool {
        let word = self.0.entry((group, index >> 6)).or_default();
        let before = *word;
        *word |= bit(index);
        *word != before
    }

    /// Takes one out; whether it was there.
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
