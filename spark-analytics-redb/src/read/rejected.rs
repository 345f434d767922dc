//! Listing rejected input, the newest first.

use std::ops::Bound;

use redb::ReadTransaction;
use spark_analytics_core::{Rejected, Rejection, Timestamp};

use crate::error::Result;
use crate::tables::REJECTED;
use crate::value::from_postcard;

pub(crate) fn rejected(
    transaction: &ReadTransaction,
    before: Option<i64>,
    limit: usize,
) -> Result<Vec<Rejected>> {
    let table = transaction.open_table(REJECTED)?;
    let upper = before.map_or(Bound::Unbounded, Bound::Excluded);
    let rows = table.range::<i64>((Bound::Unbounded, upper))?.rev().take(limit).map(|row| {
        let (id, value) = row?;
        decode(id.value(), value.value())
    });
    rows.collect()
}

pub(crate) fn decode(id: i64, value: &[u8]) -> Result<Rejected> {
    let (at, reason, raw): (Timestamp, String, String) =
        from_postcard(value, || format!("rejected input {id}"))?;
    Ok(Rejected { id, rejection: Rejection::new(at, reason, raw.as_bytes()) })
}
