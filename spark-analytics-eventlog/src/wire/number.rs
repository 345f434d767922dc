//! Whole numbers, read as leniently as Spark reads them.
//!
//! Spark writes integers, but also accepts numbers with a fraction, which it truncates.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, Unexpected, Visitor};
use spark_analytics_core::Timestamp;

/// A number that must be present.
pub(crate) fn required<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    deserializer.deserialize_any(Number { null: None })
}

/// A number that is 0 where the log has `null`.
pub(crate) fn or_zero<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    deserializer.deserialize_any(Number { null: Some(0) })
}

/// The first time, in ms, after those that logs may have.
pub(crate) const END_OF_TIME: i64 = Timestamp::END.as_millis();

/// A time that must be present.
pub(crate) fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    required(deserializer).and_then(in_time)
}

/// A time that is 0 where the log has `null`.
pub(crate) fn time_or_zero<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    or_zero(deserializer).and_then(in_time)
}

/// A time that is -1, as in Spark, where the log has `null`.
pub(crate) fn time_or_none<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    deserializer.deserialize_any(Number { null: Some(NO_TIME) }).and_then(in_time)
}

/// A time that may be missing.
pub(crate) fn optional_time<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<i64>, D::Error> {
    optional(deserializer)?.map(in_time).transpose()
}

/// Checks that a time is one that single events may have, too, or none.
fn in_time<E: Error>(millis: i64) -> Result<i64, E> {
    match (NO_TIME..END_OF_TIME).contains(&millis) {
        true => Ok(millis),
        false => {
            Err(E::custom(format_args!("the time {millis} is outside the years 1970 to 2262")))
        }
    }
}

/// A number that may be missing.
pub(crate) fn optional<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<i64>, D::Error> {
    deserializer.deserialize_option(OptionalNumber)
}

/// A number in a list or a map; 0 where the log has `null`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(transparent)]
pub(crate) struct Whole(#[serde(deserialize_with = "or_zero")] pub(crate) i64);

/// The time that Spark assumes for an event without one.
pub(crate) const NO_TIME: i64 = -1;

pub(crate) const fn no_time() -> i64 {
    NO_TIME
}

struct Number {
    /// The value of `null`, if it is accepted.
    null: Option<i64>,
}

impl Visitor<'_> for Number {
    type Value = i64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("i64")
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<i64, E> {
        Ok(value)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<i64, E> {
        i64::try_from(value).map_err(|_| E::invalid_value(Unexpected::Unsigned(value), &self))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<i64, E> {
        // The bounds are powers of two, so they are exact.
        if (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&value) {
            return Ok(value as i64);
        }
        Err(E::invalid_type(Unexpected::Float(value), &self))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<i64, E> {
        value.trim().parse().map_err(|_| E::invalid_type(Unexpected::Str(value), &self))
    }

    fn visit_unit<E: Error>(self) -> Result<i64, E> {
        self.null.ok_or_else(|| E::invalid_type(Unexpected::Other("null"), &self))
    }
}

struct OptionalNumber;

impl<'de> Visitor<'de> for OptionalNumber {
    type Value = Option<i64>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("i64 or null")
    }

    fn visit_none<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        required(deserializer).map(Some)
    }
}
