//! Joining what was told before and after Spark compacted a log.
//!
//! A compacted log has an application's end and executors' ends, but only some of the tasks before them. So these
//! are joined field by field: what ends does, and sums are those over more events. The order of logs does not
//! matter, nor repetition.

use crate::{Application, Executor};

/// Joins what two logs of one run tell of the application.
pub(crate) fn join_applications(a: &Application, b: &Application) -> Application {
    let sums = |of: &Application| Application {
        ended: false,
        end_time: None,
        last_event_time: None,
        core_time_ms: None,
        is_compacted: false,
        ..of.clone()
    };
    Application {
        ended: a.ended || b.ended,
        end_time: a.end_time.max(b.end_time),
        last_event_time: a.last_event_time.max(b.last_event_time),
        core_time_ms: a.core_time_ms.max(b.core_time_ms),
        is_compacted: a.is_compacted || b.is_compacted,
        ..sums(a).max(sums(b))
    }
}

/// Joins what two logs of one run tell of an executor.
pub(crate) fn join_executors(a: &Executor, b: &Executor) -> Executor {
    let sums = |of: &Executor| Executor {
        ended: false,
        is_active: false,
        remove_time: None,
        remove_reason: None,
        ..of.clone()
    };
    Executor {
        ended: a.ended || b.ended,
        is_active: a.is_active && b.is_active,
        remove_time: a.remove_time.max(b.remove_time),
        remove_reason: a.remove_reason.clone().max(b.remove_reason.clone()),
        ..sums(a).max(sums(b))
    }
}
