//! Which attempt of an application a command means.

use anyhow::bail;
use spark_analytics_core::log::Application;
use spark_analytics_core::{AttemptKey, JobKey, JobRecord, Store, attempts_of, newest_attempt};

use crate::flags::WhichJob;
use crate::output::{progress, text};

/// The attempt that flags name, or else the only one, or the newest, which is said on standard error.
///
/// # Errors
/// If no event log of the application, or of that attempt of it, was imported.
pub(crate) async fn find(
    store: &dyn Store,
    app: &str,
    attempt: Option<&str>,
) -> anyhow::Result<AttemptKey> {
    let attempts = attempts_of(store, app).await?;
    let Some(newest) = newest_attempt(&attempts) else {
        bail!("no event log of application {app} was imported");
    };
    let has = |id: &str| attempts.iter().any(|known| known.attempt_id == id);
    match attempt {
        Some(attempt) if has(attempt) => Ok(AttemptKey::new(app, attempt)),
        Some(attempt) => {
            bail!("there is no attempt {attempt} of application {app}; {}", of(&attempts))
        }
        None if has("") => Ok(AttemptKey::new(app, "")),
        None => {
            say_newest(newest, &attempts);
            Ok(newest.key())
        }
    }
}

/// The job that flags name, and what is stored of it. Without an attempt it is that of the application
/// as a whole, or else of its newest attempt, which is said on standard error.
pub(crate) async fn find_job(
    store: &dyn Store,
    which: &WhichJob,
) -> anyhow::Result<(JobKey, Option<JobRecord>)> {
    let key = key(which);
    let record = store.job(&key).await?;
    if record.is_some() || which.attempt.is_some() || which.app.is_empty() {
        return Ok((key, record));
    }
    let attempts = attempts_of(store, &which.app).await?;
    let Some(newest) = newest_attempt(&attempts) else { return Ok((key, None)) };
    let key = JobKey::in_app(&which.app, &newest.attempt_id, which.id);
    let record = store.job(&key).await?;
    if record.is_some() {
        say_newest(newest, &attempts);
    }
    Ok((key, record))
}

/// Why a job is unknown, and what to do.
pub(crate) async fn why_unknown(store: &dyn Store, which: &WhichJob) -> anyhow::Result<String> {
    let key = key(which);
    if which.app.is_empty() {
        return Ok(format!("{key} is unknown; name its application with --app"));
    }
    Ok(match &*attempts_of(store, &which.app).await? {
        [] => format!(
            "{key} is unknown: no event names it, and no event log of its application was imported"
        ),
        [only] if only.attempt_id.is_empty() => {
            format!("{key} is unknown: its application is known, but has no job of this id")
        }
        attempts => format!("{key} is unknown; {}", of(attempts)),
    })
}

fn key(WhichJob { id, app, attempt }: &WhichJob) -> JobKey {
    JobKey::in_app(app, attempt.as_deref().unwrap_or_default(), *id)
}

fn say_newest(newest: &Application, attempts: &[Application]) {
    let id = text(&newest.attempt_id.as_str().into());
    let which = if attempts.len() == 1 { "the only one" } else { "the newest" };
    progress::say(&format!("attempt {id}, {which}; {}", of(attempts)));
}

/// Which attempts an application has.
fn of(attempts: &[Application]) -> String {
    const LISTED: usize = 10;
    let ids: Vec<&str> = attempts.iter().map(|attempt| attempt.attempt_id.as_str()).collect();
    match ids[..] {
        [""] => "its application has no attempts".to_owned(),
        [id] => format!("its application has the attempt {id} only"),
        _ => {
            let dots = if ids.len() > LISTED { "…, " } else { "" };
            let last = &ids[ids.len().saturating_sub(LISTED)..];
            format!("its application has the attempts {dots}{}", last.join(", "))
        }
    }
}
