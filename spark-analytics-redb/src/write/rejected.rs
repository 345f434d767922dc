//! Rejected input.

use redb::{ReadableTable, WriteTransaction};
use spark_analytics_core::backend::{FORGOTTEN_INPUT, mention_of};
use spark_analytics_core::{MAX_REJECTED, Rejected, Rejection};

use crate::error::Result;
use crate::handle::Written;
use crate::read::rejected::decode;
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

/// Removes the texts that name an application; whether there were any.
pub(crate) fn forget(transaction: &WriteTransaction, app_id: &str) -> Result<bool> {
    let mention = mention_of(app_id);
    let mut table = transaction.open_table(REJECTED)?;
    let mut found = Vec::new();
    for row in table.iter()? {
        let (id, value) = row?;
        let Rejected { id, rejection } = decode(id.value(), value.value())?;
        if rejection.raw.contains(&mention) {
            found.push((id, Rejection::new(rejection.at, FORGOTTEN_INPUT, b"")));
        }
    }
    for (id, rejection) in &found {
        table.insert(id, encode_rejection(rejection)?.as_slice())?;
    }
    Ok(!found.is_empty())
}

fn encode_rejection(rejection: &Rejection) -> Result<Vec<u8>> {
    to_postcard(&(rejection.at, &rejection.reason, &rejection.raw))
}
