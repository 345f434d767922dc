//! The attempts of an application, read without their logs.

use spark_analytics_core::log::Application;
use spark_analytics_core::{AttemptKey, Result, Store};

/// How many attempts are read at a time.
const PAGE: usize = 1_000;

/// The attempts of an application, in the order of their ids.
pub(crate) async fn of(store: &impl Store, app_id: &str) -> Result<Vec<Application>> {
    let mut found = Vec::new();
    let mut after = before(app_id).map(|before| AttemptKey::new(before, ""));
    loop {
        let (page, next) = page(store, after.as_ref()).await?;
        let is_beyond = page.last().is_some_and(|last| last.app_id.as_str() > app_id);
        found.extend(page.into_iter().filter(|attempt| attempt.app_id == app_id));
        if next.is_none() || is_beyond {
            return Ok(found);
        }
        after = next;
    }
}

/// The attempts after the given one, and the last of them if more may follow.
pub(crate) async fn page(
    store: &impl Store,
    after: Option<&AttemptKey>,
) -> Result<(Vec<Application>, Option<AttemptKey>)> {
    let page = store.applications(after, PAGE).await?;
    let last = page.last().filter(|_| page.len() == PAGE);
    let next = last.map(Application::key);
    Ok((page, next))
}

/// A text that sorts before this one, with hardly any other between the two; `None` for the first text.
fn before(text: &str) -> Option<String> {
    let last = text.chars().next_back()?;
    let mut before = text[..text.len() - last.len_utf8()].to_owned();
    let lower = u32::from(last).checked_sub(1)?;
    // Surrogates are not characters.
    before.push(char::from_u32(lower).unwrap_or('\u{d7ff}'));
    before.push(char::MAX);
    Some(before)
}
