//! Rejected input.

use redb::WriteTransaction;
use spark_analytics_core::{MAX_REJECTED, Rejection};

use crate::error::Result;
use crate::handle::Written;
use crate::tables::{META, REJECTED, State};
use crate::value::to_postcard;

/// Keeps rejected input, and of all of it the newest [`MAX_REJECTED`].
pub(crate) fn reject(
    transaction: &WriteTransaction,
    rejections: &[Rejection],
) -> Result<Written<()>> {
    if rejections.is_empty() {
        return Ok(Written::Unchanged(()));
    }
    let mut meta = transaction.open_table(META)?;
    let mut table = transaction.open_table(REJECTED)?;
    let mut state = State::load(&meta)?;
    let first_id = state.next_rejected_id;
    state.next_rejected_id += rejections.len() as i64;
    state.save(&mut meta)?;
    let keep_from = state.next_rejected_id.saturating_sub(MAX_REJECTED as i64);
    table.retain_in::<i64, _>(..keep_from, |_, _| false)?;
    for (id, rejection) in (first_id..).zip(rejections) {
        if id >= keep_from {
            table.insert(id, encode_rejection(rejection)?.as_slice())?;
        }
    }
    Ok(Written::Changed(()))
}

fn encode_rejection(rejection: &Rejection) -> Result<Vec<u8>> {
    to_postcard(&(rejection.at, &rejection.reason, &rejection.raw))
}
