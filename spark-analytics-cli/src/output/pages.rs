//! Lists that are read and written page by page.

/// How many rows are read and written at a time.
pub(crate) const PAGE: usize = 1_000;
