//! Errors of stores.

use std::sync::Arc;

/// Why a call failed. Nothing of the call's batch was stored, except possibly with
/// [`Error::Engine`] and [`Error::Unavailable`].
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Too many events are already waiting to be committed; retry shortly.
    #[error("{waiting} events are waiting to be stored (limit: {limit}); retry shortly")]
    Busy {
        /// Events waiting, this call's included.
        waiting: usize,
        /// The limit.
        limit: usize,
    },
    /// The storage engine failed. The batch was stored whole or not at all; sending it again is always safe.
    #[error("the {backend} store failed to {action}: {reason}")]
    Engine {
        /// The backend's name.
        backend: &'static str,
        /// The operation that failed.
        action: &'static str,
        /// The error of the engine.
        reason: Arc<dyn std::error::Error + Send + Sync>,
    },
    /// Another process holds the store, its server is unreachable, or no connection became free in time.
    /// Retry later. Nothing was stored, unless the connection was lost during a commit: then the batch was
    /// stored whole or not at all, and retrying is safe as well.
    #[error("the {backend} store cannot be used now: {reason}")]
    Unavailable {
        /// The backend's name.
        backend: &'static str,
        /// The reason, and what to do.
        reason: String,
    },
    /// The store can never take something of what it was given, because of its content. Nothing of the call was stored.
    #[error("the {backend} store refuses the content: {reason}")]
    Refused {
        /// The backend's name.
        backend: &'static str,
        /// The reason, as the engine states it.
        reason: String,
    },
    /// Stored data cannot be read; the message names it.
    #[error("the {backend} store holds a damaged {what}: {reason}")]
    Damaged {
        /// The backend's name.
        backend: &'static str,
        /// Which row.
        what: String,
        /// What is wrong with it.
        reason: String,
    },
    /// There is no store that can be used at the given URL or path.
    #[error("{reason}")]
    Location {
        /// What is wrong with the location.
        cause: LocationCause,
        /// The location, what is wrong with it and what to do.
        reason: String,
    },
    /// The store was written by another version or created with another rule, and cannot be opened with these.
    #[error("{reason}")]
    Incompatible {
        /// What differs.
        cause: IncompatibleCause,
        /// The store, what differs and what to do.
        reason: String,
    },
}

/// What is wrong with the location of a store, see [`Error::Location`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LocationCause {
    /// The URL or path is malformed, or names another kind of store.
    Invalid,
    /// The file, folder, database or server does not exist.
    NotFound,
    /// A store was to be created, but there is one already.
    AlreadyExists,
    /// The file cannot be read and written, or the server refuses the login.
    PermissionDenied,
    /// The file holds something else.
    NotAStore,
    /// The program was built without this kind of store.
    NotBuiltIn,
}

/// Why an existing store cannot be opened, see [`Error::Incompatible`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum IncompatibleCause {
    /// Its schema is newer than this version supports, or unknown.
    Schema,
    /// It was created with the other [`Dedup`](crate::Dedup) rule.
    Dedup,
    /// This version cannot read the engine's file format.
    Engine,
    /// Its database has an encoding in which not every text can be stored.
    Encoding,
}

impl Error {
    /// An unusable location; `reason` names it and says what to do.
    pub fn location(cause: LocationCause, reason: impl Into<String>) -> Self {
        Self::Location { cause, reason: reason.into() }
    }

    /// An incompatible store; `reason` names it and says what to do.
    pub fn incompatible(cause: IncompatibleCause, reason: impl Into<String>) -> Self {
        Self::Incompatible { cause, reason: reason.into() }
    }

    /// A failure of the engine during `action`, an infinitive such as "commit".
    pub fn engine(
        backend: &'static str,
        action: &'static str,
        reason: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self::Engine { backend, action, reason: Arc::from(reason.into()) }
    }

    /// A store that cannot be used at the moment; `reason` includes what to do.
    pub fn unavailable(backend: &'static str, reason: impl Into<String>) -> Self {
        Self::Unavailable { backend, reason: reason.into() }
    }

    /// Content that the store can never take; `reason` is the engine's.
    pub fn refused(backend: &'static str, reason: impl ToString) -> Self {
        Self::Refused { backend, reason: reason.to_string() }
    }

    /// Whether one part of what the call was given, such as an event, may have failed all of it, so that the other parts may
    /// succeed without it: the store refuses its content, or cannot read the row that it changes.
    /// [`ingest_apart`](crate::backend::ingest_apart) finds that part.
    pub const fn is_of_one_part(&self) -> bool {
        matches!(self, Self::Refused { .. } | Self::Damaged { .. })
    }

    /// Whether the same call may succeed later although nothing else is changed: the store is busy, held by another
    /// process, or out of reach.
    ///
    /// ```
    /// use spark_analytics_core::Error;
    ///
    /// assert!(Error::Busy { waiting: 3, limit: 2 }.is_retryable());
    /// assert!(!Error::damaged("redb", "job 7", "it ends early").is_retryable());
    /// ```
    pub const fn is_retryable(&self) -> bool {
        matches!(self, Self::Busy { .. } | Self::Unavailable { .. })
    }

    /// A stored row, named by `what`, that cannot be read.
    pub fn damaged(backend: &'static str, what: impl Into<String>, reason: impl ToString) -> Self {
        Self::Damaged { backend, what: what.into(), reason: reason.to_string() }
    }
}

/// A result whose error is [`enum@Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

#[cfg(test)]
mod tests {
    use std::error::Error as _;

    use super::*;

    #[test]
    fn an_engines_message_is_not_repeated() {
        let error = Error::engine("redb", "commit", "the disk is full");
        assert_eq!(error.to_string(), "the redb store failed to commit: the disk is full");
        assert!(error.source().is_none());
    }
}
