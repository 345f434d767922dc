//! An in-memory store: complete, for tests and for programs that need no persistence.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::Bound;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use async_trait::async_trait;

use crate::backend::plan::{Batch, Held, JobWrite, plan};
use crate::backend::plan_log::{HeldLog, LogWriteSet, plan_log};
use crate::backend::plan_removal::{Removed, plan_forget, plan_prune_logs};
use crate::error::Result;
use crate::event::Event;
use crate::figures::job::{Job, JobRecord};
use crate::figures::rollup::Rollup;
use crate::identity::{AttemptKey, Dedup, JobKey, RollupKey};
use crate::log::{Application, Environment, Executor, LogSnapshot, LogSource, SqlExecution, Stage};
use crate::rejected::{FORGOTTEN_INPUT, MAX_REJECTED, Rejected, Rejection, mention_of};
use crate::store::facts::{Facts, KeyRange};
use crate::store::{
    EventCursor, Forgotten, JobCursor, JobFilter, JobOrder, LogReceipt, PruneScope, Pruned,
    PrunedLogs, Receipt, Store, StoredEvent,
};
use crate::time::Day;

/// A [`Store`] that keeps everything in memory. Clones share its content, which is dropped with the last one.
#[derive(Clone, Debug)]
pub struct MemoryStore {
    dedup: Dedup,
    state: Arc<RwLock<State>>,
}

#[derive(Debug)]
struct State {
    pruned_before: Day,
    logs_pruned_before: Option<Day>,
    next_event_id: i64,
    next_rejected_id: i64,
    /// By application and attempt.
    applications: BTreeMap<String, BTreeMap<String, ApplicationRows>>,
    by_end: BTreeSet<(i64, JobKey)>,
    by_duration: BTreeSet<(i64, JobKey)>,
    rollups: BTreeMap<(Option<String>, Day), Rollup>,
    rejected: VecDeque<Rejected>,
    /// By location.
    log_sources: BTreeMap<String, LogSource>,
}

#[derive(Debug, Default)]
struct JobRows {
    record: JobRecord,
    events: BTreeMap<EventCursor, StoredEvent>,
}

#[derive(Debug, Default)]
struct ApplicationRows {
    /// `None` if known from single events only.
    application: Option<Application>,
    jobs: BTreeMap<i64, JobRows>,
    stages: BTreeMap<(i64, i64), Stage>,
    executors: BTreeMap<String, Executor>,
    environment: Option<Environment>,
    sql: BTreeMap<i64, SqlExecution>,
    removed: Option<Removed>,
}

impl ApplicationRows {
    fn held(&self, pruned_before: Option<Day>) -> HeldLog {
        let record = |(id, rows): (&i64, &JobRows)| (*id, rows.record.clone());
        HeldLog {
            application: self.application.clone(),
            jobs: self.jobs.iter().map(record).collect(),
            stages: self.stages.clone(),
            executors: self.executors.clone(),
            environment: self.environment.clone(),
            sql: self.sql.clone(),
            removed: self.removed,
            pruned_before,
        }
    }
}

impl MemoryStore {
    /// An empty store with a dedup rule.
    pub fn new(dedup: Dedup) -> Self {
        let state = State {
            pruned_before: Day::MIN,
            logs_pruned_before: None,
            next_event_id: 1,
            next_rejected_id: 1,
            applications: BTreeMap::new(),
            by_end: BTreeSet::new(),
            by_duration: BTreeSet::new(),
            rollups: BTreeMap::new(),
            rejected: VecDeque::new(),
            log_sources: BTreeMap::new(),
        };
        Self { dedup, state: Arc::new(RwLock::new(state)) }
    }

    // A panic while writing is a bug that the caller has seen; the state is still readable.
    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new(Dedup::default())
    }
}

impl State {
    fn application(&self, app_id: &str, attempt_id: &str) -> Option<&ApplicationRows> {
        self.applications.get(app_id)?.get(attempt_id)
    }

    fn application_mut(&mut self, app_id: &str, attempt_id: &str) -> &mut ApplicationRows {
        let attempts = self.applications.entry(app_id.to_owned()).or_default();
        attempts.entry(attempt_id.to_owned()).or_default()
    }

    fn job(&self, key: &JobKey) -> Option<&JobRows> {
        self.application(&key.app_id, &key.attempt_id)?.jobs.get(&key.job_id)
    }

    fn held(&self, batch: &Batch) -> Held {
        let rows: Vec<Option<&JobRows>> = batch.jobs().map(|key| self.job(key)).collect();
        let events = batch
            .identities()
            .map(|(job, id)| rows[job]?.events.get(&EventCursor::from(id)).cloned());
        Held {
            pruned_before: self.pruned_before,
            next_event_id: self.next_event_id,
            events: events.collect(),
            jobs: rows.iter().map(|r| r.map(|r| r.record.clone()).unwrap_or_default()).collect(),
            removed: batch
                .jobs()
                .map(|key| self.application(&key.app_id, &key.attempt_id))
                .map(|rows| rows.is_some_and(|rows| rows.removed.is_some()))
                .collect(),
        }
    }

    fn held_log(&self, attempt: &AttemptKey) -> HeldLog {
        let rows = self.application(&attempt.app_id, &attempt.attempt_id);
        match rows {
            Some(rows) => rows.held(self.logs_pruned_before),
            None => HeldLog { pruned_before: self.logs_pruned_before, ..HeldLog::default() },
        }
    }

    fn put_job(&mut self, write: JobWrite) {
        let (before, after) = (write.figures_before.as_ref(), write.figures.as_ref());
        let (before, after) = (before.map(JobCursor::from), after.map(JobCursor::from));
        if before != after {
            for (order, index) in
                [(JobOrder::Oldest, &mut self.by_end), (JobOrder::Longest, &mut self.by_duration)]
            {
                let place = |cursor: &JobCursor| (cursor.rank(order), cursor.key.clone());
                before.as_ref().map(|cursor| index.remove(&place(cursor)));
                after.as_ref().map(|cursor| index.insert(place(cursor)));
            }
        }
        let JobKey { app_id, attempt_id, job_id } = &write.key;
        let jobs = &mut self.application_mut(app_id, attempt_id).jobs;
        if write.record.is_empty() {
            jobs.remove(job_id);
        } else {
            jobs.entry(*job_id).or_default().record = write.record;
        }
    }

    fn take_log(&mut self, log: LogSnapshot) -> LogReceipt {
        let attempt = log.application.key();
        let writes = plan_log(log, self.held_log(&attempt));
        let receipt = writes.receipt;
        self.put_log(&attempt, writes);
        receipt
    }

    fn put_log(&mut self, attempt: &AttemptKey, writes: LogWriteSet) {
        if writes.is_empty() {
            return;
        }
        for write in writes.jobs {
            self.put_job(write);
        }
        self.add_rollups(writes.rollups);
        let rows = self.application_mut(&attempt.app_id, &attempt.attempt_id);
        let held = rows.application.take().filter(|_| !writes.removes_application);
        rows.application = writes.application.or(held);
        rows.removed = writes.removed.or(rows.removed);
        for key in &writes.removed_stages {
            rows.stages.remove(key);
        }
        for id in &writes.removed_executors {
            rows.executors.remove(id);
        }
        let stages = writes.stages.into_iter();
        rows.stages.extend(stages.map(|s| ((s.stage_id, s.stage_attempt_id), s)));
        rows.executors.extend(writes.executors.into_iter().map(|e| (e.id.clone(), e)));
        let held = rows.environment.take().filter(|_| !writes.removes_environment);
        rows.environment = writes.environment.or(held);
        for id in &writes.removed_sql {
            rows.sql.remove(id);
        }
        rows.sql.extend(writes.sql.into_iter().map(|e| (e.execution_id, e)));
    }

    fn add_rollups(&mut self, changes: BTreeMap<RollupKey, Rollup>) {
        for (RollupKey { day, user }, change) in changes {
            let key = (user, day);
            let total = self.rollups.entry(key.clone()).or_default();
            *total += &change;
            if total.is_empty() {
                self.rollups.remove(&key);
            }
        }
    }
}

/// The rows of a range, in its order.
fn in_range<'a, K: Clone + Ord, T>(
    rows: &'a BTreeMap<K, T>,
    range: &KeyRange<K>,
) -> Box<dyn Iterator<Item = &'a T> + 'a> {
    if range.is_empty() {
        return Box::new(std::iter::empty());
    }
    let rows = rows.range(range.bounds()).map(|(_, row)| row);
    if range.is_descending { Box::new(rows.rev()) } else { Box::new(rows) }
}

#[async_trait]
impl Store for MemoryStore {
    fn dedup(&self) -> Dedup {
        self.dedup
    }

    async fn ingest(&self, events: Vec<Event>) -> Result<Vec<Receipt>> {
        let batch = Batch::new(events, self.dedup);
        let mut state = self.write();
        let held = state.held(&batch);
        let writes = plan(batch, held);
        state.next_event_id = writes.next_event_id;
        for write in writes.jobs {
            state.put_job(write);
        }
        for write in writes.inserts.into_iter().chain(writes.updates) {
            let cursor = EventCursor::from(write.event.id(self.dedup));
            let JobKey { app_id, attempt_id, job_id } = write.event.job();
            let rows = state.application_mut(app_id, attempt_id).jobs.get_mut(job_id);
            if let Some(rows) = rows {
                rows.events.insert(cursor, StoredEvent { id: write.id, event: write.event });
            }
        }
        state.add_rollups(writes.rollups);
        Ok(writes.receipts)
    }

    async fn ingest_logs(
        &self,
        logs: Vec<LogSnapshot>,
        sources: Vec<LogSource>,
    ) -> Result<Vec<LogReceipt>> {
        let mut state = self.write();
        let sources = sources.into_iter().filter(LogSource::can_be_recorded);
        state.log_sources.extend(sources.map(|source| (source.location.clone(), source)));
        Ok(logs.into_iter().map(|log| state.take_log(log)).collect())
    }

    async fn job(&self, key: &JobKey) -> Result<Option<JobRecord>> {
        Ok(self.read().job(key).map(|rows| rows.record.clone()))
    }

    async fn jobs(
        &self,
        filter: &JobFilter,
        after: Option<&JobCursor>,
        limit: usize,
    ) -> Result<Vec<Job>> {
        let state = self.read();
        let order = filter.order;
        let index = match order {
            JobOrder::Oldest | JobOrder::Newest => &state.by_end,
            JobOrder::Longest => &state.by_duration,
        };
        let after = after.map(|after| (after.rank(order), after.key.clone()));
        // Days narrow the orders of ends.
        let days = Some(filter).filter(|_| order != JobOrder::Longest);
        let first_at = |micros: i64| (micros, JobKey::new(i64::MIN));
        let from = days.and_then(|days| days.from).map(|day| first_at(day.start().as_micros()));
        let past = days.and_then(|days| days.to?.end().as_micros().checked_add(1)).map(first_at);
        let (lower, upper) = if order.is_descending() {
            (from, after.clone().into_iter().chain(past).min())
        } else {
            (after.clone().max(from), past)
        };
        if lower.is_some() && upper.is_some() && lower >= upper {
            return Ok(Vec::new());
        }
        let lower = match lower {
            Some(lower) if Some(&lower) == after.as_ref() => Bound::Excluded(lower),
            Some(lower) => Bound::Included(lower),
            None => Bound::Unbounded,
        };
        let range = index.range((lower, upper.map_or(Bound::Unbounded, Bound::Excluded)));
        let places: Box<dyn Iterator<Item = _> + Send> =
            if order.is_descending() { Box::new(range.rev()) } else { Box::new(range) };
        Ok(places
            .filter(|(_, key)| filter.app_id.as_ref().is_none_or(|app| *app == key.app_id))
            .filter_map(|(_, key)| state.job(key)?.record.figures(key))
            .filter(|job| filter.matches(job))
            .take(limit)
            .collect())
    }

    async fn rollups(&self, from: Day, to: Day, user: Option<&str>) -> Result<Vec<(Day, Rollup)>> {
        if from > to {
            return Ok(Vec::new());
        }
        let user = user.map(str::to_owned);
        let range = (user.clone(), from)..=(user, to);
        Ok(self.read().rollups.range(range).map(|((_, day), r)| (*day, r.clone())).collect())
    }

    async fn total(&self, from: Day, to: Day, user: Option<&str>) -> Result<Rollup> {
        let mut total = Rollup::default();
        if from <= to {
            let user = user.map(str::to_owned);
            for (_, rollup) in self.read().rollups.range((user.clone(), from)..=(user, to)) {
                total += rollup;
            }
        }
        Ok(total)
    }

    async fn events(
        &self,
        key: &JobKey,
        after: Option<&EventCursor>,
        limit: usize,
    ) -> Result<Vec<StoredEvent>> {
        let lower = after.map_or(Bound::Unbounded, Bound::Excluded);
        let state = self.read();
        let rows = state.job(key).map(|rows| rows.events.range((lower, Bound::Unbounded)));
        Ok(rows.into_iter().flatten().take(limit).map(|(_, event)| event.clone()).collect())
    }

    async fn applications(
        &self,
        after: Option<&AttemptKey>,
        limit: usize,
    ) -> Result<Vec<Application>> {
        let lower = after.map_or(Bound::Unbounded, |after| Bound::Included(&*after.app_id));
        let state = self.read();
        let rows = state.applications.range::<str, _>((lower, Bound::Unbounded));
        Ok(rows
            .flat_map(|(_, attempts)| attempts.values())
            .filter_map(|rows| rows.application.as_ref())
            .filter(|app| {
                let key = (&app.app_id, &app.attempt_id);
                after.is_none_or(|after| key > (&after.app_id, &after.attempt_id))
            })
            .take(limit)
            .cloned()
            .collect())
    }

    async fn log(&self, attempt: &AttemptKey) -> Result<Option<LogSnapshot>> {
        let state = self.read();
        let Some(rows) = state.application(&attempt.app_id, &attempt.attempt_id) else {
            return Ok(None);
        };
        let log = |application: &Application| LogSnapshot {
            application: application.clone(),
            jobs: rows
                .jobs
                .values()
                .filter_map(|rows| rows.record.log.as_deref().cloned())
                .collect(),
            stages: rows.stages.values().cloned().collect(),
            executors: rows.executors.values().cloned().collect(),
            environment: rows.environment.clone(),
            sql: rows.sql.values().cloned().collect(),
        };
        Ok(rows.application.as_ref().map(log))
    }

    async fn facts(
        &self,
        attempt: &AttemptKey,
        facts: &Facts,
        limit: usize,
    ) -> Result<Option<LogSnapshot>> {
        let state = self.read();
        let rows = state.application(&attempt.app_id, &attempt.attempt_id);
        let Some((rows, application)) =
            rows.and_then(|rows| Some((rows, rows.application.clone()?)))
        else {
            return Ok(None);
        };
        let mut part = LogSnapshot { application, ..LogSnapshot::default() };
        match facts {
            Facts::Application => {}
            Facts::Environment => part.environment = rows.environment.clone(),
            Facts::Jobs(range) => {
                let jobs = in_range(&rows.jobs, range);
                let jobs = jobs.filter_map(|rows| rows.record.log.as_deref());
                part.jobs = jobs.take(limit).cloned().collect();
            }
            Facts::Stages(range) => {
                part.stages = in_range(&rows.stages, range).take(limit).cloned().collect();
            }
            Facts::Executors(range) => {
                part.executors = in_range(&rows.executors, range).take(limit).cloned().collect();
            }
            Facts::Sql(range) => {
                part.sql = in_range(&rows.sql, range).take(limit).cloned().collect();
            }
        }
        Ok(Some(part))
    }

    async fn log_source(&self, location: &str) -> Result<Option<LogSource>> {
        Ok(self.read().log_sources.get(location).cloned())
    }

    async fn reject(&self, rejections: Vec<Rejection>) -> Result<()> {
        let mut state = self.write();
        for rejection in rejections {
            let id = state.next_rejected_id;
            state.next_rejected_id += 1;
            state.rejected.push_back(Rejected { id, rejection });
            if state.rejected.len() > MAX_REJECTED {
                state.rejected.pop_front();
            }
        }
        Ok(())
    }

    async fn rejected(&self, before: Option<i64>, limit: usize) -> Result<Vec<Rejected>> {
        let state = self.read();
        let newest_first = state.rejected.iter().rev();
        let wanted = newest_first.filter(|r| before.is_none_or(|before| r.id < before));
        Ok(wanted.take(limit).cloned().collect())
    }

    async fn prune(&self, before: Day) -> Result<Pruned> {
        let mut state = self.write();
        state.pruned_before = state.pruned_before.max(before);
        let before = state.pruned_before;
        let mut events = 0;
        let applications = state.applications.values_mut().flat_map(BTreeMap::values_mut);
        for rows in applications.flat_map(|rows| rows.jobs.values_mut()) {
            let held = rows.events.len();
            rows.events.retain(|cursor, _| cursor.timestamp.day() >= before);
            events += (held - rows.events.len()) as u64;
        }
        Ok(Pruned { events, before })
    }

    async fn prune_logs(&self, before: Day, scope: PruneScope) -> Result<PrunedLogs> {
        let mut state = self.write();
        let in_force = state.logs_pruned_before.map_or(before, |held| held.max(before));
        state.logs_pruned_before = Some(in_force);
        let mut pruned = PrunedLogs::new(in_force);
        let attempts = state.applications.values().flat_map(BTreeMap::values);
        let attempts: Vec<AttemptKey> =
            attempts.filter_map(|rows| rows.application.as_ref()).map(Application::key).collect();
        for attempt in attempts {
            let writes = plan_prune_logs(&attempt, state.held_log(&attempt), before, scope);
            pruned.count(&writes);
            state.put_log(&attempt, writes);
        }
        Ok(pruned)
    }

    async fn forget(&self, app_id: &str, attempt_id: Option<&str>) -> Result<Forgotten> {
        let mut state = self.write();
        let mut forgotten = Forgotten::default();
        let held = state.applications.get(app_id).filter(|_| !app_id.is_empty());
        let held = held.into_iter().flat_map(BTreeMap::keys);
        let attempts = held.filter(|held| attempt_id.is_none_or(|attempt| attempt == *held));
        let attempts: Vec<AttemptKey> =
            attempts.map(|attempt| AttemptKey::new(app_id, attempt.as_str())).collect();
        for attempt in attempts {
            let writes = plan_forget(&attempt, state.held_log(&attempt));
            forgotten.count(&writes);
            state.put_log(&attempt, writes);
        }
        if attempt_id.is_none() && !app_id.is_empty() {
            let mention = mention_of(app_id);
            for Rejected { rejection, .. } in &mut state.rejected {
                if rejection.raw.contains(&mention) {
                    rejection.raw.clear();
                    FORGOTTEN_INPUT.clone_into(&mut rejection.reason);
                }
            }
        }
        Ok(forgotten)
    }

    async fn check(&self) -> Result<()> {
        Ok(())
    }
}
