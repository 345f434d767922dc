//! Task lines in Spark's own layout, read without a JSON parser.

pub(crate) mod cursor;
pub(crate) mod scan;
pub(crate) mod template;
