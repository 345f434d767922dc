//! The attempts of an application, read without their logs.

use crate::error::Result;
use crate::identity::AttemptKey;
use crate::log::Application;
use crate::store::Store;

/// How many attempts are read at a time. Hardly any application has more.
const PAGE: usize = 8;

/// The attempts of an application whose event logs were imported, in the order of their ids. It costs
/// what they hold, however many applications there are.
///
/// # Errors
/// Those of the store.
pub async fn attempts_of<S: Store + ?Sized>(store: &S, app_id: &str) -> Result<Vec<Application>> {
    let mut found = Vec::new();
    let mut after = before(app_id).map(|before| AttemptKey::new(before, ""));
    loop {
        let page = store.applications(after.as_ref(), PAGE).await?;
        let is_last = page.len() < PAGE;
        let Some(last) = page.last().map(Application::key) else { return Ok(found) };
        let is_beyond = last.app_id.as_str() > app_id;
        found.extend(page.into_iter().filter(|attempt| attempt.app_id == app_id));
        if is_last || is_beyond {
            return Ok(found);
        }
        after = Some(last);
    }
}

/// The attempt that started last, of those of one application.
pub fn newest_attempt(attempts: &[Application]) -> Option<&Application> {
    attempts.iter().max_by_key(|attempt| {
        let number: Option<u64> = attempt.attempt_id.parse().ok();
        (attempt.start_time, number, &attempt.attempt_id)
    })
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::log::LogSnapshot;
    use crate::store::memory::MemoryStore;
    use crate::time::Timestamp;

    #[test]
    fn all_attempts_of_an_application_are_found_and_the_newest_is_the_one_that_started_last() {
        futures::executor::block_on(async {
            let store = MemoryStore::default();
            let mut logs = Vec::new();
            for (app, attempts) in [("a", 1), ("app-1", 20), ("app-10", 3), ("b", 1)] {
                for attempt in 1..=attempts {
                    let mut log = LogSnapshot::default();
                    log.application.app_id = app.to_owned();
                    log.application.attempt_id = attempt.to_string();
                    log.application.start_time = Some(Timestamp::from_micros(attempt));
                    logs.push(log);
                }
            }
            store.ingest_logs(logs, Vec::new()).await.unwrap();
            let found = attempts_of(&store, "app-1").await.unwrap();
            assert_eq!(found.len(), 20);
            assert_eq!(newest_attempt(&found).unwrap().attempt_id, "20");
            assert_eq!(attempts_of(&store, "app-10").await.unwrap().len(), 3);
            assert_eq!(attempts_of(&store, "app-").await.unwrap(), []);
            assert_eq!(attempts_of(&store, "").await.unwrap(), []);
        });
    }
}
