//! Pages: how many rows one has, and where the next one starts.

use crate::problem::Problem;
use crate::request::cursor::Cursor;
use crate::request::params;

/// How many rows a page has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PageSize {
    /// Without `limit`.
    pub(crate) default: usize,
    /// At most.
    pub(crate) max: usize,
}

/// The size of pages of figures.
pub(crate) const FIGURES: PageSize = PageSize { default: 1_000, max: 10_000 };
/// The size of pages of raw input, of which a row may have 64 KiB.
pub(crate) const RAW: PageSize = PageSize { default: 100, max: 1_000 };

/// The page that a request asks for.
#[derive(Debug)]
pub(crate) struct Page<C> {
    /// The cursor after which the page starts.
    pub(crate) after: Option<C>,
    pub(crate) limit: usize,
}

impl<C: Cursor> Page<C> {
    /// The page that the parameters `limit` and `cursor` ask for.
    pub(crate) fn new(
        limit: Option<&str>,
        cursor: Option<&str>,
        size: PageSize,
    ) -> Result<Self, Problem> {
        let limit = params::limit(limit, size.default, size.max)?;
        Ok(Self { after: cursor.map(C::decode).transpose()?, limit })
    }
}
