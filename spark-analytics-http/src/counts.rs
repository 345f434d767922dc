//! The counts of a batch, which both its report and a problem carry.

use serde::Serialize;
use utoipa::ToSchema;

/// The number of events of a batch by outcome.
#[derive(Clone, Copy, Debug, Default, Serialize, ToSchema)]
pub(crate) struct Counts {
    /// New events.
    pub(crate) recorded: usize,
    /// Events that were already known.
    pub(crate) duplicate: usize,
    /// Events that replaced one with the same identity and less content.
    pub(crate) replaced: usize,
    /// Events that are in the queue, if the server publishes to one; their outcome is decided later.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) queued: Option<usize>,
    /// Elements that are not an event, or are an event before the prune day.
    pub(crate) rejected: usize,
}
