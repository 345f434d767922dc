//! The fields of a wire event before they are checked: one pass over the JSON, whatever
//! types it contains, so that an error can name the field.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::event::invalid::{FieldProblem, InvalidEvent};

/// A field's value, in as much detail as is needed.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum Scalar<'a> {
    #[default]
    Missing,
    Null,
    Bool(bool),
    Integer(i64),
    /// An integer outside the range of i64, or a floating-point number outside it.
    TooBig,
    Fraction(f64),
    Text(Cow<'a, str>),
    List,
    Object,
}

impl Scalar<'_> {
    /// The error for a value of the wrong type.
    pub(crate) const fn not_a(&self, field: &'static str, expected: &'static str) -> InvalidEvent {
        let found = match self {
            Self::Missing | Self::Null => return InvalidEvent::field(field, FieldProblem::Missing),
            Self::Bool(_) => "true or false",
            Self::Integer(_) | Self::TooBig => "a number",
            Self::Fraction(_) => "a number with a fraction",
            Self::Text(_) => "a text",
            Self::List => "a list",
            Self::Object => "an object",
        };
        InvalidEvent::field(field, FieldProblem::WrongType { expected, found })
    }
}

struct ScalarVisitor;

impl<'de> Visitor<'de> for ScalarVisitor {
    type Value = Scalar<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }
    fn visit_bool<E>(self, v: bool) -> Result<Self::Value, E> {
        Ok(Scalar::Bool(v))
    }
    fn visit_i64<E>(self, v: i64) -> Result<Self::Value, E> {
        Ok(Scalar::Integer(v))
    }
    fn visit_u64<E>(self, v: u64) -> Result<Self::Value, E> {
        Ok(i64::try_from(v).map_or(Scalar::TooBig, Scalar::Integer))
    }
    fn visit_f64<E>(self, v: f64) -> Result<Self::Value, E> {
        Ok(if v.abs() >= 9.0e18 { Scalar::TooBig } else { Scalar::Fraction(v) })
    }
    fn visit_str<E>(self, v: &str) -> Result<Self::Value, E> {
        Ok(Scalar::Text(Cow::Owned(v.to_owned())))
    }
    fn visit_borrowed_str<E>(self, v: &'de str) -> Result<Self::Value, E> {
        Ok(Scalar::Text(Cow::Borrowed(v)))
    }
    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Scalar::Null)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Scalar::List)
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Scalar::Object)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Scalar<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ScalarVisitor)
    }
}

macro_rules! fields {
    ($($field:ident),*) => {
        /// The names of the fields that are read.
        pub(crate) const FIELDS: &[&str] = &[$(stringify!($field)),*];

        /// The fields of one wire event.
        #[derive(Debug, Default, serde::Deserialize)]
        #[serde(expecting = "an event")]
        pub(crate) struct Fields<'a> {
            $(#[serde(borrow, default)] pub(crate) $field: Scalar<'a>,)*
        }
    };
}

fields!(
    event,
    job_id,
    app_id,
    attempt_id,
    timestamp,
    user,
    task_id,
    duration_ms,
    successful,
    completion_time,
    job_result
);

impl From<serde_json::Error> for InvalidEvent {
    fn from(error: serde_json::Error) -> Self {
        let message = error.to_string();
        for field in FIELDS {
            if message.starts_with(&format!("duplicate field `{field}`")) {
                return Self::field(field, FieldProblem::Twice);
            }
        }
        Self::NotJson { message }
    }
}
