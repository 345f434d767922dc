//! The fields of a wire event before they are checked: one pass over the JSON, whatever
//! types it contains, so that an error can name the field.

use std::borrow::Cow;
use std::fmt;

use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor,
};

use crate::event::Origin;
use crate::event::invalid::{FieldProblem, InvalidEvent};
use crate::event::limits::MAX_EVENT_DEPTH;

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

/// How many more levels a value may have; `None` for any number.
type Levels = Option<usize>;

/// Reads a value of a known field.
struct ScalarSeed(Levels);

impl<'de> DeserializeSeed<'de> for ScalarSeed {
    type Value = Scalar<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ScalarSeed {
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
    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Self::Value, A::Error> {
        Unread(self.0).visit_seq(seq).map(|()| Scalar::List)
    }
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        Unread(self.0).visit_map(map).map(|()| Scalar::Object)
    }
}

/// Passes over a value that no figure needs. With a limit of levels it checks what is given out again with the event: texts
/// must be Unicode and numbers must be in the range of `f64`, as parsers of JSON expect.
struct Unread(Levels);

impl Unread {
    /// For the values within this one.
    fn below<E: Error>(&self) -> Result<Levels, E> {
        match self.0 {
            Some(0) => Err(E::custom(format_args!(
                "lists and objects are nested in more than {MAX_EVENT_DEPTH} levels"
            ))),
            levels => Ok(levels.map(|levels| levels - 1)),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Unread {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        match self.0 {
            Some(_) => deserializer.deserialize_any(self),
            None => IgnoredAny::deserialize(deserializer).map(|_| ()),
        }
    }
}

impl<'de> Visitor<'de> for Unread {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }
    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }
    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }
    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }
    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }
    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }
    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let below = self.below()?;
        while seq.next_element_seed(Self(below))?.is_some() {}
        Ok(())
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let below = self.below()?;
        while map.next_key_seed(Self(below))?.is_some() {
            map.next_value_seed(Self(below))?;
        }
        Ok(())
    }
}

macro_rules! fields {
    ($($field:ident),*) => {
        /// The names of the fields that are read.
        pub(crate) const FIELDS: &[&str] = &[$(stringify!($field)),*];

        /// The fields of one wire event.
        #[derive(Debug, Default)]
        pub(crate) struct Fields<'a> {
            $(pub(crate) $field: Scalar<'a>,)*
        }

        /// The name of a field.
        #[derive(serde::Deserialize)]
        #[serde(field_identifier)]
        #[allow(non_camel_case_types, reason = "they are the names on the wire")]
        enum Name {
            $($field,)*
            #[serde(other)]
            Other,
        }

        impl<'de> Visitor<'de> for FieldsSeed {
            type Value = Fields<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an event")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let levels = self.0;
                let mut fields = Fields::default();
                while let Some(name) = map.next_key::<Name>()? {
                    match name {
                        $(Name::$field => {
                            if !matches!(fields.$field, Scalar::Missing) {
                                return Err(A::Error::duplicate_field(stringify!($field)));
                            }
                            fields.$field = map.next_value_seed(ScalarSeed(levels))?;
                        })*
                        Name::Other => map.next_value_seed(Unread(levels))?,
                    }
                }
                Ok(fields)
            }
        }
    };
}

/// Reads the fields of an event, whose values may have this many levels.
struct FieldsSeed(Levels);

impl<'de> DeserializeSeed<'de> for FieldsSeed {
    type Value = Fields<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'a> Fields<'a> {
    /// Reads an event.
    pub(crate) fn read(json: &'a str, origin: Origin) -> Result<Self, InvalidEvent> {
        let levels = match origin {
            Origin::New => Some(MAX_EVENT_DEPTH - 1),
            Origin::Stored => None,
        };
        let mut deserializer = serde_json::Deserializer::from_str(json);
        let fields = FieldsSeed(levels).deserialize(&mut deserializer)?;
        deserializer.end()?;
        Ok(fields)
    }
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
