//! Removing facts of logs, and whole applications.

use std::collections::BTreeSet;

use redb::{ReadableTable, WriteTransaction};
use spark_analytics_core::backend::{plan_forget, plan_prune_logs};
use spark_analytics_core::{AttemptKey, Day, Forgotten, PruneScope, PrunedLogs};

use crate::error::{Fault, Result};
use crate::handle::Written;
use crate::keys;
use crate::rows::job::job_key;
use crate::tables::{
    APPLICATIONS, JOBS, META, REMOVED, logs_pruned_before, set_logs_pruned_before,
};
use crate::value::NOT_A_KEY;
use crate::write::logs::change;
use crate::write::rejected;

/// Moves the day of logs forward and returns the day in force.
pub(crate) fn move_day(transaction: &WriteTransaction, before: Day) -> Result<Written<Day>> {
    let mut meta = transaction.open_table(META)?;
    match logs_pruned_before(&meta)? {
        Some(held) if before <= held => Ok(Written::Unchanged(held)),
        _ => {
            set_logs_pruned_before(&mut meta, before)?;
            Ok(Written::Changed(before))
        }
    }
}

/// Prunes attempts, and counts them.
pub(crate) fn prune_logs(
    transaction: &WriteTransaction,
    attempts: &[AttemptKey],
    before: Day,
    scope: PruneScope,
    mut pruned: PrunedLogs,
) -> Result<Written<PrunedLogs>> {
    let mut is_changed = false;
    for attempt in attempts {
        let plan = |held| {
            let writes = plan_prune_logs(attempt, held, before, scope);
            pruned.count(&writes);
            writes
        };
        is_changed |= change(transaction, attempt, plan)?;
    }
    Ok(if is_changed { Written::Changed(pruned) } else { Written::Unchanged(pruned) })
}

/// Forgets an application, or one of its attempts.
pub(crate) fn forget(
    transaction: &WriteTransaction,
    app_id: &str,
    attempt_id: Option<&str>,
) -> Result<Written<Forgotten>> {
    let mut forgotten = Forgotten::default();
    for attempt in known(transaction, app_id)? {
        if attempt_id.is_none_or(|wanted| wanted == attempt.attempt_id) {
            let plan = |held| {
                let writes = plan_forget(&attempt, held);
                forgotten.count(&writes);
                writes
            };
            change(transaction, &attempt, plan)?;
        }
    }
    let has_input =
        attempt_id.is_none() && !app_id.is_empty() && rejected::forget(transaction, app_id)?;
    let is_changed = has_input || forgotten != Forgotten::default();
    Ok(if is_changed { Written::Changed(forgotten) } else { Written::Unchanged(forgotten) })
}

/// The attempts of an application of which anything is known.
fn known(transaction: &WriteTransaction, app_id: &str) -> Result<BTreeSet<AttemptKey>> {
    let (first, after) = keys::attempts(app_id);
    let range = first.as_slice()..after.as_slice();
    let mut attempts = BTreeSet::new();
    for table in [APPLICATIONS, REMOVED] {
        for row in transaction.open_table(table)?.range::<&[u8]>(range.clone())? {
            let key = row?.0;
            let attempt = keys::read_application(key.value())
                .ok_or_else(|| Fault::damaged(format!("key {:02x?}", key.value()), NOT_A_KEY))?;
            attempts.insert(attempt);
        }
    }
    for row in transaction.open_table(JOBS)?.range::<&[u8]>(range)? {
        let key = job_key(row?.0.value())?;
        attempts.insert(AttemptKey::new(key.app_id, key.attempt_id));
    }
    Ok(attempts)
}
