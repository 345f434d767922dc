//! Keeping a store up to date with a folder of event logs.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use serde::Serialize;
use spark_analytics_core::{LogSnapshot, LogSource, Store, Timestamp};
use spark_analytics_eventlog::{Follower, FoundLog, is_url};

/// Whether logs are as many, or tell as much together, as is stored in one transaction.
pub const fn is_full(logs: usize, bytes: usize) -> bool {
    logs >= 64 || bytes >= 32 * 1024 * 1024
}

/// About as many bytes as what a log tells takes.
pub fn bytes_of(log: &LogSnapshot) -> usize {
    const ROW: usize = 2_048;
    let text = |text: &Option<String>| text.as_ref().map_or(0, String::len);
    let texts = |map: &BTreeMap<String, String>| -> usize {
        map.iter().map(|(name, value)| name.len() + value.len()).sum()
    };
    let reasons = |kills: &BTreeMap<String, i64>| -> usize { kills.keys().map(String::len).sum() };
    let jobs = log.jobs.iter().map(|job| {
        job.name.len()
            + text(&job.description)
            + text(&job.failure_message)
            + reasons(&job.killed_tasks_summary)
    });
    let stages = log.stages.iter().map(|stage| {
        stage.name.len()
            + text(&stage.description)
            + text(&stage.failure_reason)
            + reasons(&stage.killed_tasks_summary)
    });
    let executors = log.executors.iter().map(|executor| {
        texts(&executor.executor_logs) + texts(&executor.attributes) + text(&executor.remove_reason)
    });
    let sql = log.sql.iter().map(|execution| {
        execution.plan_description.len()
            + execution.description.len()
            + text(&execution.error_message)
    });
    let environment = log.environment.iter().map(|environment| {
        let profiles = environment.resource_profiles.iter();
        let requests = profiles.flat_map(|profile| &profile.executor_resources);
        let scripts: usize =
            requests.map(|(name, request)| name.len() + request.discovery_script.len()).sum();
        texts(&environment.spark_properties)
            + texts(&environment.hadoop_properties)
            + texts(&environment.system_properties)
            + texts(&environment.metrics_properties)
            + texts(&environment.classpath_entries)
            + scripts
    });
    let rows: Vec<usize> =
        jobs.chain(stages).chain(executors).chain(sql).chain(environment).collect();
    rows.len() * ROW + rows.iter().sum::<usize>()
}

/// What became of a log: told when that is new.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Update {
    /// The log's path.
    pub log: String,
    /// The application, `""` where the log does not tell it.
    pub app_id: String,
    /// Its attempt, `""` where Spark has none.
    pub attempt_id: String,
    /// `running`, `ended`, `skipped` or `failed`.
    pub state: &'static str,
    /// How many jobs the log tells of.
    pub jobs: usize,
    /// Why it was skipped or failed; how many warnings there are.
    pub detail: Option<String>,
}

const ENDED: &str = "ended";

fn plural(count: u64, word: &str) -> String {
    if count == 1 { word.to_owned() } else { format!("{word}s") }
}

impl fmt::Display for Update {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.state, &self.detail) {
            (state @ ("skipped" | "failed"), Some(why)) => write!(f, "{state}: {why}"),
            (state, detail) => {
                let attempt = if self.attempt_id.is_empty() { "" } else { " attempt " };
                let jobs = plural(self.jobs as u64, "job");
                write!(
                    f,
                    "{}{attempt}{}: {} {jobs}, {state}",
                    self.app_id, self.attempt_id, self.jobs
                )?;
                detail.as_ref().map_or(Ok(()), |detail| write!(f, ", {detail}"))
            }
        }
    }
}

/// Takes into the store, every interval, what is new in the logs of a folder, and tells of each log whose
/// state or number of jobs is new.
///
/// A log that has ended is skipped unread if the store noted it with the same size and time; what the store
/// fails to take is given to it again at the next look. A log that is deleted leaves its figures. Dropping the
/// future ends it, and leaves what was committed. It also ends when `tell` fails, with that error.
pub async fn follow<E>(
    store: Arc<dyn Store>,
    folder: PathBuf,
    interval: Duration,
    mut tell: impl FnMut(&Update) -> Result<(), E> + Send,
) -> E {
    let folder = std::path::absolute(&folder).unwrap_or(folder);
    let mut following = Following {
        store,
        follower: Arc::new(Mutex::new(Follower::new(folder))),
        told: BTreeMap::new(),
    };
    loop {
        if let Err(error) = following.look(&mut tell).await {
            return error;
        }
        tokio::time::sleep(interval.max(Duration::from_millis(10))).await;
    }
}

struct Following {
    store: Arc<dyn Store>,
    follower: Arc<Mutex<Follower>>,
    /// What was told last of each log, by its id.
    told: BTreeMap<String, Update>,
}

/// What a log told and the store has not taken yet.
struct Pending {
    log: FoundLog,
    snapshot: LogSnapshot,
    update: Update,
}

impl Following {
    async fn look<E>(
        &mut self,
        tell: &mut (impl FnMut(&Update) -> Result<(), E> + Send),
    ) -> Result<(), E> {
        let Some(found) = self.blocking(Follower::look).await else { return Ok(()) };
        for (state, left_out) in [("failed", &found.failed), ("skipped", &found.skipped)] {
            for left_out in left_out {
                self.tell(&left_out.name, update(&left_out.name, state, &left_out.reason), tell)?;
            }
        }
        let left_out = found.failed.iter().chain(&found.skipped).map(|left_out| &*left_out.name);
        let there: BTreeSet<&str> = left_out.chain(found.logs.iter().map(FoundLog::id)).collect();
        self.told.retain(|id, _| there.contains(&**id));
        let (mut batch, mut bytes) = (Vec::new(), 0);
        for log in found.logs {
            let Some(pending) = self.read(log, tell).await? else { continue };
            bytes += bytes_of(&pending.snapshot);
            batch.push(pending);
            if is_full(batch.len(), bytes) {
                self.store(std::mem::take(&mut batch), tell).await?;
                bytes = 0;
            }
        }
        self.store(batch, tell).await
    }

    /// Reads what is new in a log, if anything is.
    async fn read<E>(
        &mut self,
        log: FoundLog,
        tell: &mut (impl FnMut(&Update) -> Result<(), E> + Send),
    ) -> Result<Option<Pending>, E> {
        let is_known = self.told.contains_key(log.id());
        if !self.lock().has_news(&log) {
            return Ok(None);
        }
        if !is_known && self.is_noted(&log).await {
            self.lock().taken(&log);
            return Ok(None);
        }
        let listed = log.clone();
        let Some(read) = self.blocking(move |follower| follower.read(&listed)).await else {
            return Ok(None);
        };
        match read {
            Ok(None) => Ok(None),
            Ok(Some(file)) => {
                let application = &file.snapshot.application;
                let is_running = log.is_in_progress && !application.ended;
                let warnings = file.warnings.len() as u64 + file.warnings_left_out;
                let update = Update {
                    log: log.name.clone(),
                    app_id: application.app_id.clone(),
                    attempt_id: application.attempt_id.clone(),
                    state: if is_running { "running" } else { ENDED },
                    jobs: file.snapshot.jobs.len(),
                    detail: (warnings > 0)
                        .then(|| format!("{warnings} {}", plural(warnings, "warning"))),
                };
                Ok(Some(Pending { log, snapshot: file.snapshot, update }))
            }
            Err(error) => {
                let state = if error.is_failure() { "failed" } else { "skipped" };
                let update = update(&log.name, state, &error.to_string());
                self.tell(log.id(), update, tell)?;
                Ok(None)
            }
        }
    }

    async fn store<E>(
        &mut self,
        batch: Vec<Pending>,
        tell: &mut (impl FnMut(&Update) -> Result<(), E> + Send),
    ) -> Result<(), E> {
        if batch.is_empty() {
            return Ok(());
        }
        let ended = batch.iter().filter(|pending| pending.update.state == ENDED);
        let sources = ended.map(|pending| source_of(&pending.log)).collect();
        let (mut logs, mut taken) = (Vec::new(), Vec::new());
        for Pending { log, snapshot, update } in batch {
            logs.push(snapshot);
            taken.push((log, update));
        }
        let stored = self.store.ingest_logs(logs, sources).await;
        for (log, update) in taken {
            match &stored {
                Ok(_) => {
                    self.lock().taken(&log);
                    self.tell(log.id(), update, tell)?;
                }
                Err(error) => {
                    let why = format!("cannot store {}, trying again: {error}", log.name);
                    self.tell(log.id(), self::update(&log.name, "failed", &why), tell)?;
                }
            }
        }
        Ok(())
    }

    async fn is_noted(&self, log: &FoundLog) -> bool {
        let source = source_of(log);
        // A store that fails says so when the log is to be stored.
        self.store.log_source(&source.location).await.is_ok_and(|noted| noted == Some(source))
    }

    fn tell<E>(
        &mut self,
        id: &str,
        update: Update,
        tell: &mut (impl FnMut(&Update) -> Result<(), E> + Send),
    ) -> Result<(), E> {
        // That the log was renamed is nothing new.
        let is_told = |told: &Update| Update { log: update.log.clone(), ..told.clone() } == update;
        if !self.told.get(id).is_some_and(is_told) {
            tell(&update)?;
            self.told.insert(id.to_owned(), update);
        }
        Ok(())
    }

    /// Runs on a thread that may block; `None` if that panicked.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Follower) -> T + Send + 'static,
    ) -> Option<T> {
        let follower = Arc::clone(&self.follower);
        let work = move || work(&mut follower.lock().unwrap_or_else(PoisonError::into_inner));
        tokio::task::spawn_blocking(work).await.ok()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Follower> {
        self.follower.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn update(log: &str, state: &'static str, why: &str) -> Update {
    Update {
        log: log.to_owned(),
        app_id: String::new(),
        attempt_id: String::new(),
        state,
        jobs: 0,
        detail: Some(why.to_owned()),
    }
}

/// What is noted of a log when it is taken.
pub fn source_of(log: &FoundLog) -> LogSource {
    let newest = log.parts.iter().map(|part| part.modified).max();
    let since_epoch = newest.and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok());
    let micros = since_epoch.unwrap_or_default().as_micros();
    let absolute = std::path::absolute(&log.name).ok().filter(|_| !is_url(&log.name));
    LogSource {
        location: absolute.map_or_else(|| log.name.clone(), |path| path.display().to_string()),
        size: log.size(),
        modified: Timestamp::from_micros(i64::try_from(micros).unwrap_or(i64::MAX)),
    }
}
