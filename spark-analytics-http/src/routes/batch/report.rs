//! What became of a batch, as it is answered.

use std::borrow::Cow;

use serde::{Serialize, Serializer};
use spark_analytics_core::Receipt;
use utoipa::ToSchema;

use crate::counts::Counts;

/// What became of a batch.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(crate) struct BatchOutcome {
    #[serde(flatten)]
    pub(crate) counts: Counts,
    /// One for each element, in their order.
    #[schema(value_type = Vec<ElementOutcome>)]
    pub(crate) results: Results,
}

/// What became of one element of a batch.
#[derive(Debug, Serialize, ToSchema)]
struct ElementOutcome {
    /// Which element, from 0; blank lines do not count.
    index: usize,
    /// `recorded`, `duplicate`, `replaced`, `queued` or `rejected`.
    #[schema(example = "recorded")]
    outcome: &'static str,
    /// The id that the event is stored under; null if it was queued or rejected.
    log_id: Option<i64>,
    /// Why it was rejected, else null.
    #[schema(value_type = Option<String>)]
    detail: Option<Cow<'static, str>>,
}

/// How an event was taken.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Taken {
    Stored(Receipt),
    Queued,
}

/// What became of the elements: as little of each as can be, for there may be a million.
#[derive(Debug, Default)]
pub(crate) struct Results {
    /// For each element how it was taken, and none if it was rejected; nothing at all if only errors are
    /// wanted.
    pub(crate) taken: Vec<Option<Taken>>,
    /// Which were rejected, and why, in their order.
    pub(crate) rejected: Vec<(usize, Cow<'static, str>)>,
}

impl Serialize for Results {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut rejected = self.rejected.iter().map(|(index, reason)| {
            let detail = Some(reason.clone());
            ElementOutcome { index: *index, outcome: "rejected", log_id: None, detail }
        });
        if self.taken.is_empty() {
            return serializer.collect_seq(rejected);
        }
        serializer.collect_seq(self.taken.iter().enumerate().filter_map(|(index, taken)| {
            let (outcome, log_id) = match taken {
                Some(Taken::Stored(Receipt::Recorded(id))) => ("recorded", Some(*id)),
                Some(Taken::Stored(Receipt::Duplicate(id))) => ("duplicate", Some(*id)),
                Some(Taken::Stored(Receipt::Replaced(id))) => ("replaced", Some(*id)),
                Some(Taken::Queued) => ("queued", None),
                Some(Taken::Stored(Receipt::TooOld)) | None => return rejected.next(),
            };
            Some(ElementOutcome { index, outcome, log_id, detail: None })
        }))
    }
}
