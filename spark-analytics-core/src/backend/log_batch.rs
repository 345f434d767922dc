//! Logs of one call, in parts that a store can load and plan as a whole.

use std::collections::BTreeSet;

use crate::identity::AttemptKey;
use crate::log::LogSnapshot;

/// Logs in the order in which they are ingested, split into parts so that no part has two logs of one attempt.
///
/// The changes of a log depend on the earlier logs of its attempt. A store therefore loads the attempts of one part,
/// plans and writes its logs, and continues with the next part.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogBatch {
    parts: Vec<Vec<LogSnapshot>>,
}

impl LogBatch {
    /// Splits logs into as few parts as their order allows.
    pub fn new(logs: Vec<LogSnapshot>) -> Self {
        let mut parts: Vec<Vec<LogSnapshot>> = Vec::new();
        let mut seen = BTreeSet::new();
        for log in logs {
            let key = log.application.key();
            if seen.insert(key.clone())
                && let Some(part) = parts.last_mut()
            {
                part.push(log);
            } else {
                seen = BTreeSet::from([key]);
                parts.push(vec![log]);
            }
        }
        Self { parts }
    }

    /// The distinct attempts of all logs, in their order.
    pub fn attempts(&self) -> BTreeSet<AttemptKey> {
        self.parts.iter().flatten().map(|log| log.application.key()).collect()
    }

    /// All logs, in order.
    pub fn logs(&self) -> impl Iterator<Item = &LogSnapshot> {
        self.parts.iter().flatten()
    }

    /// The parts, in order. No part is empty.
    pub fn into_parts(self) -> Vec<Vec<LogSnapshot>> {
        self.parts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(app_id: &str, attempt_id: &str) -> LogSnapshot {
        let mut log = LogSnapshot::default();
        log.application.app_id = app_id.to_owned();
        log.application.attempt_id = attempt_id.to_owned();
        log
    }

    #[test]
    fn a_part_has_each_attempt_once_and_the_order_is_kept() {
        assert_eq!(LogBatch::new(Vec::new()).into_parts(), Vec::<Vec<LogSnapshot>>::new());
        let logs =
            [log("a", ""), log("b", ""), log("a", "1"), log("b", ""), log("a", ""), log("a", "")];
        let batch = LogBatch::new(logs.to_vec());
        assert_eq!(batch.attempts().len(), 3);
        assert_eq!(batch.logs().count(), 6);
        let parts = batch.into_parts();
        assert_eq!(parts.iter().map(Vec::len).collect::<Vec<_>>(), [3, 2, 1]);
        assert_eq!(parts.concat(), logs);
    }
}
