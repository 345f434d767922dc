//! A store of your own, in one JSON file: `cargo run --example custom_store`.
//!
//! `docs/writing-a-store.md` explains it, and the tests of all stores run the conformance suite on it.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs::{self, File, TryLockError};
use std::io::{self, BufWriter};
use std::ops::Bound;
use std::path::{self, Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use spark_analytics_core::backend::{
    Batch, EventId, FORGOTTEN_INPUT, Held, HeldLog, JobWrite, LogWriteSet, Removed, RollupKey,
    mention_of, plan, plan_forget, plan_log, plan_prune_logs,
};
use spark_analytics_core::log::{
    Application, Environment, Executor, LogSnapshot, LogSource, SqlExecution, Stage,
};
use spark_analytics_core::{
    Analytics, AttemptKey, Day, Dedup, Error, Event, EventCursor, Forgotten, IncompatibleCause,
    Job, JobCursor, JobFilter, JobKey, JobRecord, LogReceipt, MAX_REJECTED, PruneScope, Pruned,
    PrunedLogs, Receipt, Rejected, Rejection, Result, Rollup, Store, StoredEvent, Timestamp,
};

/// A [`Store`] that keeps everything in one JSON file and writes the whole file at each change.
#[derive(Debug)]
pub struct JsonStore {
    path: PathBuf,
    dedup: Dedup,
    /// `None` once it is closed.
    open: Mutex<Option<Open>>,
}

#[derive(Debug)]
struct Open {
    state: State,
    /// Keeps every other store out of the file, until it is dropped.
    _lock: File,
}

/// The content of the file. Maps are stored as lists of pairs, because keys in JSON are strings.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct State {
    /// By location.
    #[serde(default)]
    sources: BTreeMap<String, LogSource>,
    dedup: String,
    pruned_before: Day,
    #[serde(default)]
    logs_pruned_before: Option<Day>,
    #[serde(default, with = "pairs")]
    removed: BTreeMap<AttemptKey, Removed>,
    next_event_id: i64,
    #[serde(with = "pairs")]
    jobs: BTreeMap<JobKey, JobRecord>,
    #[serde(with = "pairs")]
    events: BTreeMap<EventPlace, (i64, Event)>,
    #[serde(with = "pairs")]
    rollups: BTreeMap<(Option<String>, Day), Rollup>,
    #[serde(with = "pairs")]
    logs: BTreeMap<(String, String), Log>,
    #[serde(with = "pairs")]
    rejected: BTreeMap<i64, (Timestamp, String, String)>,
}

/// Job, time, code of the type, task: the order in which a job's events are listed.
type EventPlace = (JobKey, Timestamp, u8, String);

/// The facts of an application's event log, except its jobs, which are with all others.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Log {
    application: Application,
    #[serde(with = "pairs")]
    stages: BTreeMap<(i64, i64), Stage>,
    executors: BTreeMap<String, Executor>,
    environment: Option<Environment>,
    #[serde(with = "pairs")]
    sql: BTreeMap<i64, SqlExecution>,
}

impl JsonStore {
    /// Opens a file, or creates it with the rule.
    ///
    /// # Errors
    /// [`Error::Incompatible`] if the file was created with the other rule, [`Error::Unavailable`] if
    /// another store has it open, [`Error::Damaged`] if it cannot be understood, [`Error::Engine`] if it cannot be read.
    pub fn open(path: impl AsRef<Path>, dedup: Dedup) -> Result<Self> {
        let path = path::absolute(path.as_ref())
            .map_err(|e| Error::engine(BACKEND, "find its file", e))?;
        let lock = lock(&path)?;
        let state = match fs::read(&path) {
            Ok(json) => State::from_json(&path, &json)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let state = State::new(dedup);
                save(&path, &state).map_err(|e| Error::engine(BACKEND, "create its file", e))?;
                state
            }
            Err(error) => return Err(Error::engine(BACKEND, "read its file", error)),
        };
        if state.dedup != dedup.name() {
            return Err(Error::incompatible(
                IncompatibleCause::Dedup,
                format!(
                    "{} was created with the dedup rule `{}`, not `{dedup}`: open it with that one",
                    path.display(),
                    state.dedup
                ),
            ));
        }
        Ok(Self { path, dedup, open: Mutex::new(Some(Open { state, _lock: lock })) })
    }

    /// Reads the current state.
    fn read<T>(&self, answer: impl FnOnce(&State) -> T) -> Result<T> {
        self.guard().as_ref().map(|open| answer(&open.state)).ok_or_else(closed)
    }

    /// Changes a copy of the state, which becomes current once it is in the file.
    fn write<T>(&self, change: impl FnOnce(&mut State) -> T) -> Result<T> {
        let mut guard = self.guard();
        let open = guard.as_mut().ok_or_else(closed)?;
        let mut next = open.state.clone();
        let answer = change(&mut next);
        if next != open.state {
            save(&self.path, &next).map_err(|e| Error::engine(BACKEND, "write its file", e))?;
            open.state = next;
        }
        Ok(answer)
    }

    // A panic while the lock is held leaves the state as it was: changes are made to a copy.
    fn guard(&self) -> MutexGuard<'_, Option<Open>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const BACKEND: &str = "JSON";

fn closed() -> Error {
    Error::engine(BACKEND, "use its file", "the store was closed; open it again")
}

/// Replaces the file with the state. Whatever happens in between, the file is whole.
fn save(path: &Path, state: &State) -> io::Result<()> {
    let temporary = beside(path, ".tmp");
    let mut file = BufWriter::new(File::create(&temporary)?);
    serde_json::to_writer(&mut file, state)?;
    file.into_inner()?.sync_all()?;
    fs::rename(&temporary, path)?;
    // Only then does the new name survive a power failure. Windows cannot sync folders.
    match path.parent() {
        Some(folder) if cfg!(unix) => File::open(folder)?.sync_all(),
        _ => Ok(()),
    }
}

fn lock(path: &Path) -> Result<File> {
    let failed = |error| Error::engine(BACKEND, "lock its file", error);
    let lock = File::create(beside(path, ".lock")).map_err(failed)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::Error(error)) => Err(failed(error)),
        Err(TryLockError::WouldBlock) => {
            let reason = "is open already, here or in another process: close that store first";
            Err(Error::unavailable(BACKEND, format!("{} {reason}", path.display())))
        }
    }
}

fn beside(path: &Path, ending: &str) -> OsString {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name
}

/// Maps as lists of pairs.
mod pairs {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<K: Serialize, V: Serialize, S: Serializer>(
        map: &BTreeMap<K, V>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(map)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>, K, V>(
        deserializer: D,
    ) -> Result<BTreeMap<K, V>, D::Error>
    where
        K: Deserialize<'de> + Ord,
        V: Deserialize<'de>,
    {
        Vec::deserialize(deserializer).map(BTreeMap::from_iter)
    }
}

impl State {
    fn take_log(&mut self, log: LogSnapshot) -> LogReceipt {
        let attempt = log.application.key();
        let writes = plan_log(log, self.held_log(&attempt));
        let receipt = writes.receipt;
        self.put_log(attempt, writes);
        receipt
    }

    fn put_log(&mut self, attempt: AttemptKey, writes: LogWriteSet) {
        self.put(writes.jobs, writes.rollups);
        if let Some(removed) = writes.removed {
            self.removed.insert(attempt.clone(), removed);
        }
        let key = (attempt.app_id, attempt.attempt_id);
        // The first log of an application always writes the application itself, unless it is refused.
        if writes.removes_application
            || (writes.application.is_none() && !self.logs.contains_key(&key))
        {
            self.logs.remove(&key);
            return;
        }
        let held = self.logs.entry(key).or_default();
        let Log { application, stages, executors, environment, sql } = held;
        if let Some(changed) = writes.application {
            *application = changed;
        }
        stages.retain(|key, _| !writes.removed_stages.contains(key));
        stages.extend(writes.stages.into_iter().map(|s| ((s.stage_id, s.stage_attempt_id), s)));
        executors.retain(|id, _| !writes.removed_executors.contains(id));
        executors.extend(writes.executors.into_iter().map(|e| (e.id.clone(), e)));
        if writes.removes_environment || writes.environment.is_some() {
            *environment = writes.environment;
        }
        sql.retain(|id, _| !writes.removed_sql.contains(id));
        sql.extend(writes.sql.into_iter().map(|e| (e.execution_id, e)));
    }

    fn new(dedup: Dedup) -> Self {
        let dedup = dedup.name().to_owned();
        Self { dedup, pruned_before: Day::MIN, next_event_id: 1, ..Self::default() }
    }

    fn from_json(path: &Path, json: &[u8]) -> Result<Self> {
        let damaged = |error| Error::damaged(BACKEND, format!("file {}", path.display()), error);
        serde_json::from_slice(json).map_err(damaged)
    }

    fn held(&self, batch: &Batch) -> Held {
        let jobs: Vec<&JobKey> = batch.jobs().collect();
        let event =
            |(job, id): (usize, EventId<'_>)| self.events.get(&place(jobs[job], &id)).map(stored);
        Held {
            pruned_before: self.pruned_before,
            next_event_id: self.next_event_id,
            events: batch.identities().map(event).collect(),
            jobs: jobs.iter().map(|key| self.jobs.get(key).cloned().unwrap_or_default()).collect(),
            removed: jobs.iter().map(|key| self.removed.contains_key(&attempt_of(key))).collect(),
        }
    }

    fn held_log(&self, attempt: &AttemptKey) -> HeldLog {
        let AttemptKey { app_id, attempt_id } = attempt;
        let jobs = self.jobs_of(app_id, attempt_id);
        let jobs = jobs.map(|(key, record)| (key.job_id, record.clone())).collect();
        let (removed, pruned_before) =
            (self.removed.get(attempt).copied(), self.logs_pruned_before);
        let held = HeldLog { jobs, removed, pruned_before, ..HeldLog::default() };
        let log = self.logs.get(&(app_id.clone(), attempt_id.clone())).cloned();
        let Some(Log { application, stages, executors, environment, sql }) = log else {
            return held;
        };
        HeldLog { application: Some(application), stages, executors, environment, sql, ..held }
    }

    fn jobs_of(&self, app: &str, attempt: &str) -> impl Iterator<Item = (&JobKey, &JobRecord)> {
        let key = |job_id| JobKey::in_app(app, attempt, job_id);
        self.jobs.range(key(i64::MIN)..=key(i64::MAX))
    }

    /// Stores jobs and adds to roll-ups; roll-ups that become empty are removed.
    fn put(&mut self, jobs: Vec<JobWrite>, rollups: BTreeMap<RollupKey, Rollup>) {
        for JobWrite { key, record, .. } in jobs {
            if record.is_empty() {
                self.jobs.remove(&key);
                self.events.retain(|(job, ..), _| *job != key);
            } else {
                self.jobs.insert(key, record);
            }
        }
        for (RollupKey { day, user }, change) in rollups {
            let mut total = self.rollups.remove(&(user.clone(), day)).unwrap_or_default();
            total += &change;
            if !total.is_empty() {
                self.rollups.insert((user, day), total);
            }
        }
    }
}

fn attempt_of(key: &JobKey) -> AttemptKey {
    AttemptKey::new(&*key.app_id, &*key.attempt_id)
}

fn place(job: &JobKey, id: &EventId<'_>) -> EventPlace {
    (job.clone(), id.timestamp, id.event_type.code(), id.task.to_owned())
}

fn stored((id, event): &(i64, Event)) -> StoredEvent {
    StoredEvent { id: *id, event: event.clone() }
}

#[async_trait]
impl Store for JsonStore {
    fn dedup(&self) -> Dedup {
        self.dedup
    }

    async fn ingest(&self, events: Vec<Event>) -> Result<Vec<Receipt>> {
        let batch = Batch::new(events, self.dedup);
        self.write(|state| {
            let held = state.held(&batch);
            let writes = plan(batch, held);
            state.next_event_id = writes.next_event_id;
            for write in writes.inserts.into_iter().chain(writes.updates) {
                let place = place(write.event.job(), &write.event.id(self.dedup));
                state.events.insert(place, (write.id, write.event));
            }
            state.put(writes.jobs, writes.rollups);
            writes.receipts
        })
    }

    async fn ingest_logs(
        &self,
        logs: Vec<LogSnapshot>,
        sources: Vec<LogSource>,
    ) -> Result<Vec<LogReceipt>> {
        self.write(|state| {
            let recorded = sources.into_iter().filter(LogSource::can_be_recorded);
            state.sources.extend(recorded.map(|source| (source.location.clone(), source)));
            logs.into_iter().map(|log| state.take_log(log)).collect()
        })
    }

    async fn log_source(&self, location: &str) -> Result<Option<LogSource>> {
        self.read(|state| state.sources.get(location).cloned())
    }

    async fn job(&self, key: &JobKey) -> Result<Option<JobRecord>> {
        self.read(|state| state.jobs.get(key).cloned())
    }

    async fn jobs(
        &self,
        filter: &JobFilter,
        after: Option<&JobCursor>,
        limit: usize,
    ) -> Result<Vec<Job>> {
        let order = filter.order;
        let is_after = |job: &Job| {
            after.is_none_or(|after| order.compare(after, &JobCursor::from(job)).is_lt())
        };
        self.read(|state| {
            let jobs = state.jobs.iter().filter_map(|(key, record)| record.figures(key));
            let mut jobs: Vec<Job> =
                jobs.filter(|job| filter.matches(job) && is_after(job)).collect();
            jobs.sort_by(|one, other| order.compare(&one.into(), &other.into()));
            jobs.truncate(limit);
            jobs
        })
    }

    async fn rollups(&self, from: Day, to: Day, user: Option<&str>) -> Result<Vec<(Day, Rollup)>> {
        if from > to {
            return Ok(Vec::new());
        }
        let key = |day| (user.map(str::to_owned), day);
        self.read(|state| {
            let rows = state.rollups.range(key(from)..=key(to));
            rows.map(|((_, day), rollup)| (*day, rollup.clone())).collect()
        })
    }

    async fn events(
        &self,
        key: &JobKey,
        after: Option<&EventCursor>,
        limit: usize,
    ) -> Result<Vec<StoredEvent>> {
        let place = |time, code, task| (key.clone(), time, code, task);
        let lower = match after {
            Some(last) => {
                let code = last.event_type.code();
                Bound::Excluded(place(last.timestamp, code, last.task.clone()))
            }
            None => Bound::Included(place(Timestamp::from_micros(i64::MIN), 0, String::new())),
        };
        self.read(|state| {
            let rows = state.events.range((lower, Bound::Unbounded));
            let rows = rows.take_while(|(place, _)| place.0 == *key);
            rows.take(limit).map(|(_, event)| stored(event)).collect()
        })
    }

    async fn applications(
        &self,
        after: Option<&AttemptKey>,
        limit: usize,
    ) -> Result<Vec<Application>> {
        let after = after.map(|after| (after.app_id.clone(), after.attempt_id.clone()));
        let lower = after.map_or(Bound::Unbounded, Bound::Excluded);
        self.read(|state| {
            let logs = state.logs.range((lower, Bound::Unbounded));
            logs.take(limit).map(|(_, log)| log.application.clone()).collect()
        })
    }

    async fn log(&self, attempt: &AttemptKey) -> Result<Option<LogSnapshot>> {
        self.read(|state| state.held_log(attempt).into_snapshot())
    }

    async fn reject(&self, rejections: Vec<Rejection>) -> Result<()> {
        self.write(|state| {
            for Rejection { at, reason, raw, .. } in rejections {
                let id = state.rejected.last_key_value().map_or(1, |(newest, _)| newest + 1);
                state.rejected.insert(id, (at, reason, raw));
                if state.rejected.len() > MAX_REJECTED {
                    state.rejected.pop_first();
                }
            }
        })
    }

    async fn rejected(&self, before: Option<i64>, limit: usize) -> Result<Vec<Rejected>> {
        self.read(|state| {
            let rows = state.rejected.range(..before.unwrap_or(i64::MAX)).rev().take(limit);
            rows.map(|(id, (at, reason, raw))| Rejected {
                id: *id,
                rejection: Rejection::new(*at, reason, raw.as_bytes()),
            })
            .collect()
        })
    }

    async fn prune(&self, before: Day) -> Result<Pruned> {
        self.write(|state| {
            state.pruned_before = state.pruned_before.max(before);
            let (before, held) = (state.pruned_before, state.events.len());
            state.events.retain(|(_, timestamp, ..), _| timestamp.day() >= before);
            Pruned { events: (held - state.events.len()) as u64, before }
        })
    }

    async fn prune_logs(&self, before: Day, scope: PruneScope) -> Result<PrunedLogs> {
        self.write(|state| {
            let day = state.logs_pruned_before.map_or(before, |held| held.max(before));
            state.logs_pruned_before = Some(day);
            let mut pruned = PrunedLogs::new(day);
            let attempts: Vec<AttemptKey> =
                state.logs.values().map(|log| log.application.key()).collect();
            for attempt in attempts {
                let held = state.held_log(&attempt);
                let writes = plan_prune_logs(&attempt, held, before, scope);
                pruned.count(&writes);
                state.put_log(attempt, writes);
            }
            pruned
        })
    }

    async fn forget(&self, app_id: &str, attempt_id: Option<&str>) -> Result<Forgotten> {
        self.write(|state| {
            let of_logs = state.logs.values().map(|log| log.application.key());
            let known = of_logs
                .chain(state.jobs.keys().map(attempt_of))
                .chain(state.removed.keys().cloned())
                .filter(|held| !app_id.is_empty() && held.app_id == app_id)
                .filter(|held| attempt_id.is_none_or(|id| held.attempt_id == id));
            let mut forgotten = Forgotten::default();
            for attempt in known.collect::<BTreeSet<_>>() {
                let writes = plan_forget(&attempt, state.held_log(&attempt));
                forgotten.count(&writes);
                state.put_log(attempt, writes);
            }
            if attempt_id.is_none() && !app_id.is_empty() {
                let mention = mention_of(app_id);
                for (_, reason, raw) in state.rejected.values_mut() {
                    if raw.contains(&mention) {
                        (*reason, *raw) = (FORGOTTEN_INPUT.to_owned(), String::new());
                    }
                }
            }
            forgotten
        })
    }

    async fn check(&self) -> Result<()> {
        self.read(|_| ())
    }

    async fn close(&self) -> Result<()> {
        *self.guard() = None;
        Ok(())
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args_os().nth(1).unwrap_or_else(|| "custom-store.json".into());
    let analytics = Analytics::new(Arc::new(JsonStore::open(&path, Dedup::WithTask)?));
    let at = "2024-03-30T10:00:00Z".parse()?;
    let receipts = analytics.ingest(vec![Event::job_start(7, at, "ada")?]).await?;
    println!("{receipts:?} in {}", Path::new(&path).display());
    Ok(())
}
