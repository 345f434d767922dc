//! Lists that are read and written page by page.

use spark_analytics_core::Result;

/// How many rows are read and written at a time.
pub(crate) const PAGE: usize = 1_000;

/// Reads rows page by page, at most `limit` of them, and passes each page on.
///
/// `read` gets the cursor of the last row that was read, and how many rows to read.
pub(crate) async fn pages<T, C>(
    limit: usize,
    mut read: impl AsyncFnMut(Option<&C>, usize) -> Result<Vec<T>>,
    cursor: impl Fn(&T) -> C,
    mut write: impl FnMut(&[T]) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let (mut after, mut left) = (None, limit);
    while left > 0 {
        let wanted = left.min(PAGE);
        let rows = read(after.as_ref(), wanted).await?;
        write(&rows)?;
        if rows.len() < wanted {
            break;
        }
        left -= rows.len();
        after = rows.last().map(&cursor);
    }
    Ok(())
}
