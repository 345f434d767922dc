//! The report of a batch: the outcome of each event.

use std::borrow::Cow;

use serde::{Serialize, Serializer};
use spark_analytics_core::Receipt;
use utoipa::ToSchema;

use crate::counts::Counts;

/// The outcome of a batch.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(crate) struct BatchOutcome {
    #[serde(flatten)]
    pub(crate) counts: Counts,
    /// One entry for each element, in their order.
    #[schema(value_type = Vec<ElementOutcome>)]
    pub(crate) results: Results,
}

/// The outcome of one element of a batch.
#[derive(Debug, Serialize, ToSchema)]
struct ElementOutcome {
    /// The index of the element, from 0; blank lines do not count.
    index: usize,
    /// `recorded`, `duplicate`, `replaced`, `queued` or `rejected`.
    #[schema(example = "recorded")]
    outcome: &'static str,
    /// The id of the stored event; null if it was queued or rejected.
    log_id: Option<i64>,
    /// Why it was rejected; null otherwise.
    #[schema(value_type = Option<String>)]
    detail: Option<Cow<'static, str>>,
}

/// How an event was accepted.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Accepted {
    Stored(Receipt),
    Queued,
}

/// The outcomes of the elements, in little memory: there may be a million.
#[derive(Debug, Default)]
pub(crate) struct Results {
    /// How each element was accepted, or `None` if it was rejected. Empty if only errors are requested.
    pub(crate) accepted: Vec<Option<Accepted>>,
    /// The rejected elements and the reasons, in their order.
    pub(crate) rejected: Vec<(usize, Cow<'static, str>)>,
}

impl Serialize for Results {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut rejected = self.rejected.iter().map(|(index, reason)| {
            let detail = Some(reason.clone());
            ElementOutcome { index: *index, outcome: "rejected", log_id: None, detail }
        });
        if self.accepted.is_empty() {
            return serializer.collect_seq(rejected);
        }
        serializer.collect_seq(self.accepted.iter().enumerate().filter_map(|(index, accepted)| {
            let (outcome, log_id) = match accepted {
                Some(Accepted::Stored(Receipt::Recorded(id))) => ("recorded", Some(*id)),
                Some(Accepted::Stored(Receipt::Duplicate(id))) => ("duplicate", Some(*id)),
                Some(Accepted::Stored(Receipt::Replaced(id))) => ("replaced", Some(*id)),
                Some(Accepted::Queued) => ("queued", None),
                Some(Accepted::Stored(Receipt::TooOld)) | None => return rejected.next(),
            };
            Some(ElementOutcome { index, outcome, log_id, detail: None })
        }))
    }
}
