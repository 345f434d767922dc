//! Errors of stores that cannot be opened as they are, in the same words for every store.

use std::fmt::Display;

use crate::error::{Error, IncompatibleCause};
use crate::identity::Dedup;

/// The store has a newer schema than this version supports.
pub fn newer_schema(store: impl Display, held: impl Display, supported: impl Display) -> Error {
    Error::incompatible(
        IncompatibleCause::Schema,
        format!(
            "{store} has schema {held}, but this version of spark-analytics supports only up to \
             {supported}: use the version that wrote it, or a later one"
        ),
    )
}

/// The store's schema has a known version number but different content.
pub fn other_schema(store: impl Display, held: impl Display) -> Error {
    Error::incompatible(
        IncompatibleCause::Schema,
        format!(
            "{store} has a different schema {held} than this version of spark-analytics: use the \
             version that wrote it"
        ),
    )
}

/// The store was created with another dedup rule. `instead` names what could be opened instead: a file or a database.
pub fn other_dedup(store: impl Display, held: &str, wanted: Dedup, instead: &str) -> Error {
    Error::incompatible(
        IncompatibleCause::Dedup,
        format!(
            "{store} was created with the dedup rule `{held}` and cannot be opened with `{wanted}`: \
             open it with `{held}`, or use another {instead}"
        ),
    )
}
