//! The locations of ingested logs.

use redb::{ReadableTable, WriteTransaction};
use spark_analytics_core::log::LogSource;

use crate::error::Result;
use crate::tables::LOG_SOURCES;
use crate::value::encode_source;

/// Records sources. If a location occurs more than once, the last source counts. Returns whether anything changed.
pub(crate) fn note(transaction: &WriteTransaction, sources: &[LogSource]) -> Result<bool> {
    let mut table = transaction.open_table(LOG_SOURCES)?;
    let mut is_changed = false;
    for source in sources.iter().filter(|source| source.can_be_recorded()) {
        let value = encode_source(source)?;
        let location = source.location.as_str();
        if table.get(location)?.is_none_or(|held| held.value() != value.as_slice()) {
            table.insert(location, value.as_slice())?;
            is_changed = true;
        }
    }
    Ok(is_changed)
}
