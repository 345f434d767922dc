//! The parts that events share, read as leniently as Spark reads them.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer};

/// A stage id and its attempt number.
pub(crate) type StageKey = (i64, i64);

/// A text, borrowed from its line unless it contains an escape.
#[derive(Debug, Default, Deserialize)]
#[serde(transparent)]
pub(crate) struct Text<'a>(#[serde(borrow)] pub(crate) Cow<'a, str>);

/// Reads a field that may be absent or `null`.
pub(crate) fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}
