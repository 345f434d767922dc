//! Rows by the names of their fields.

use serde::Serialize;
use serde_json::Value;

use crate::output::terminal;

/// The fields of a kind of row by their names; `tasks.failed_tasks` is a field of a field, and
/// `description|name` the first of two that has a value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Columns {
    /// The columns of CSV, in their order: all fields that are not lists.
    pub(crate) all: &'static [&'static str],
    /// The columns of a table, which has less room.
    pub(crate) table: &'static [&'static str],
}

/// A row as JSON. It goes through text, which, unlike a value, holds integers of any size.
pub(crate) fn value<T: Serialize>(row: &T) -> serde_json::Result<Value> {
    serde_json::from_slice(&serde_json::to_vec(row)?)
}

/// A field, null if the row has no field of that name; of `a|b` the first that has a value.
pub(crate) fn field<'a>(row: &'a Value, name: &str) -> &'a Value {
    let of_path = |path: &str| {
        path.split('.').fold(row, |value, part| value.get(part).unwrap_or(&Value::Null))
    };
    let mut values = name.split('|').map(of_path);
    values
        .find(|value| !value.is_null() && value.as_str() != Some(""))
        .unwrap_or_else(|| of_path(name.rsplit('|').next().unwrap_or(name)))
}

/// A field as CSV has it, as it is or for people.
pub(crate) fn csv_field(value: &Value, is_raw: bool) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) if is_raw => text.clone(),
        Value::String(text) => terminal::cell(text).into_owned(),
        other if is_raw => other.to_string(),
        other => terminal::cell(&other.to_string()).into_owned(),
    }
}
