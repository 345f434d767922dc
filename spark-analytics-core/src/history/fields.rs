//! The fields of a response, in order.

use std::collections::BTreeMap;
use std::fmt;

use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::time::Timestamp;

/// An object that is serialized field by field.
pub(super) struct Fields<M>(M);

impl<M: SerializeMap> Fields<M> {
    pub(super) fn of<S: Serializer<SerializeMap = M, Error = M::Error>>(
        serializer: S,
    ) -> Result<Self, M::Error> {
        serializer.serialize_map(None).map(Self)
    }

    pub(super) fn put(
        &mut self,
        name: &str,
        value: &(impl Serialize + ?Sized),
    ) -> Result<&mut Self, M::Error> {
        self.0.serialize_entry(name, value)?;
        Ok(self)
    }

    /// A field that is left out if it has no value.
    pub(super) fn put_some(
        &mut self,
        name: &str,
        value: Option<impl Serialize>,
    ) -> Result<&mut Self, M::Error> {
        match value {
            Some(value) => self.put(name, &value),
            None => Ok(self),
        }
    }

    /// A field for each of some names, 0 if unknown.
    pub(super) fn put_numbers(
        &mut self,
        names: &[&str],
        known: &BTreeMap<String, i64>,
    ) -> Result<&mut Self, M::Error> {
        for name in names {
            self.0.serialize_entry(name, known.get(*name).unwrap_or(&0))?;
        }
        Ok(self)
    }

    pub(super) fn end(self) -> Result<M::Ok, M::Error> {
        self.0.end()
    }
}

/// An object of numbers, 0 if unknown.
pub(super) struct Numbers<'a>(pub(super) &'a [&'a str], pub(super) &'a BTreeMap<String, i64>);

impl Serialize for Numbers<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = Fields::of(serializer)?;
        fields.put_numbers(self.0, self.1)?;
        fields.end()
    }
}

/// ms since the epoch; -1, as in Spark, for an unknown time.
pub(super) fn millis(time: Option<Timestamp>) -> i64 {
    time.map_or(-1, Timestamp::as_millis)
}

/// Spark's `JacksonMessageWriter` writes dates this way; ms since the epoch.
#[derive(Clone, Copy)]
pub(super) struct Date(pub(super) i64);

impl Date {
    pub(super) fn of(time: Option<Timestamp>) -> Option<Self> {
        time.map(|time| Self(time.as_millis()))
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = Timestamp::from_millis(self.0);
        match time.to_chrono() {
            Some(time) => time.format("%Y-%m-%dT%H:%M:%S%.3fGMT").fmt(f),
            None => time.fmt(f),
        }
    }
}

impl Serialize for Date {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
