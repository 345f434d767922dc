//! The `Store` trait: what a backend must do.

pub(crate) mod apart;
pub(crate) mod attempts;
pub(crate) mod cached;
pub(crate) mod durability;
pub(crate) mod facts;
pub(crate) mod memory;

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use async_trait::async_trait;

use crate::error::Result;
use crate::event::Event;
use crate::figures::job::{Job, JobRecord};
use crate::figures::result::JobResult;
use crate::figures::rollup::Rollup;
use crate::identity::{AttemptKey, Dedup, EventId, EventType, JobKey};
use crate::log::{Application, LogSnapshot, LogSource};
use crate::rejected::{Rejected, Rejection};
use crate::store::facts::Facts;
use crate::time::{Day, Timestamp};

/// Storage of events, jobs, roll-ups and facts of event logs.
///
/// A store is thin: it keeps rows and finds them again, and computes no figures. Two pure functions
/// determine what to write, so that figures are the same in every store.
///
/// Long lists are read page by page: the last item of a page is the cursor of the next.
///
/// ```
/// use spark_analytics_core::{Event, EventCursor, JobKey, MemoryStore, Store};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # futures::executor::block_on(async {
/// let store = MemoryStore::default();
/// for task in 0..25 {
///     let end = "2024-03-30T10:00:04Z".parse()?;
///     store.ingest(vec![Event::task_end(7, end, "ada", format!("task_{task}"), 4_000, true)?]).await?;
/// }
/// let (mut after, mut tasks) = (None, 0);
/// loop {
///     let page = store.events(&JobKey::new(7), after.as_ref(), 10).await?;
///     let Some(last) = page.last() else { break };
///     after = Some(EventCursor::from(&last.event));
///     tasks += page.len();
/// }
/// assert_eq!(tasks, 25);
/// # Ok(())
/// # })
/// # }
/// ```
///
/// # Implementing a store
///
/// [`ingest`](Self::ingest) is one transaction that no other writer may interleave with:
///
/// 1. Make a [`Batch`](crate::backend::Batch) of the events; it has the distinct jobs and identities.
/// 2. Load the stored state of them into [`Held`](crate::backend::Held): the prune day, the next event id, a
///    [`JobRecord`] for each job (the default one if unknown) and the stored event, if any, of each identity.
/// 3. Call [`plan`](crate::backend::plan()).
/// 4. Write the [`WriteSet`](crate::backend::WriteSet): insert and update events, put or, if
///    empty, delete job records, add each roll-up's change to the stored one and delete it if it
///    becomes empty, and store the next event id. Commit durably.
/// 5. Return the receipts.
///
/// [`ingest_logs`](Self::ingest_logs) is the same with [`HeldLog`](crate::backend::HeldLog) and
/// [`plan_log`](crate::backend::plan_log()), log by log within one transaction. Ids count up from 1,
/// perhaps with gaps, and are never reused.
///
/// [`prune_logs`](Self::prune_logs) and [`forget`](Self::forget) load the same of an attempt, and call
/// [`plan_prune_logs`](crate::backend::plan_prune_logs) and [`plan_forget`](crate::backend::plan_forget). What they
/// return in [`LogWriteSet::removed`](crate::backend::LogWriteSet::removed) is kept for good, and loaded into
/// [`Held::removed`](crate::backend::Held::removed) and [`HeldLog::removed`](crate::backend::HeldLog::removed).
///
/// Jobs are listed by their figures ([`JobRecord::figures`]) in a [`JobOrder`]; a job without figures
/// is in no list. A store needs an index by end and one by duration, which it updates from
/// [`JobWrite::figures_before`](crate::backend::JobWrite::figures_before) and
/// [`JobWrite::figures`](crate::backend::JobWrite::figures).
///
/// # What holds afterwards
///
/// When a writing method has returned `Ok`, its changes are durable (unless the store was opened with
/// [`Durability::Eventual`](crate::Durability::Eventual)) and visible to every later read through the store. When it has
/// returned an error, or its future was dropped, the batch is stored whole or not at all. All methods may be called
/// concurrently.
///
/// The crate `spark-analytics-conformance` provides a conformance suite for any store.
#[async_trait]
pub trait Store: fmt::Debug + Send + Sync + 'static {
    /// The dedup rule with which the store was created.
    fn dedup(&self) -> Dedup;

    /// Stores a batch of events in order. Receipts are returned in the order of the events. An empty batch does nothing.
    ///
    /// # Errors
    /// [`Error::Engine`](crate::Error::Engine), [`Error::Unavailable`](crate::Error::Unavailable) or
    /// [`Error::Damaged`](crate::Error::Damaged).
    async fn ingest(&self, events: Vec<Event>) -> Result<Vec<Receipt>>;

    /// Stores several log snapshots in order and records their source locations, atomically in one
    /// transaction. Receipts are returned in the order of the logs.
    ///
    /// If a location occurs more than once, its last source counts; sources that
    /// [cannot be recorded](LogSource::can_be_recorded) are skipped. Facts that change nothing are not written.
    ///
    /// # Errors
    /// As [`ingest`](Self::ingest).
    async fn ingest_logs(
        &self,
        logs: Vec<LogSnapshot>,
        sources: Vec<LogSource>,
    ) -> Result<Vec<LogReceipt>>;

    /// Everything stored about a job; `None` if nothing is stored.
    ///
    /// # Errors
    /// [`Error::Engine`](crate::Error::Engine), [`Error::Unavailable`](crate::Error::Unavailable) or
    /// [`Error::Damaged`](crate::Error::Damaged), like all reading methods.
    async fn job(&self, key: &JobKey) -> Result<Option<JobRecord>>;

    /// The first `limit` jobs with figures after the cursor that match, in the filter's order.
    ///
    /// # Errors
    /// As [`job`](Self::job).
    async fn jobs(
        &self,
        filter: &JobFilter,
        after: Option<&JobCursor>,
        limit: usize,
    ) -> Result<Vec<Job>>;

    /// The stored roll-ups of the days `from` to `to`, both included, in order: those of one user, or
    /// those of all users together.
    ///
    /// # Errors
    /// As [`job`](Self::job).
    async fn rollups(&self, from: Day, to: Day, user: Option<&str>) -> Result<Vec<(Day, Rollup)>>;

    /// The sum of the roll-ups of a range of days, of one user or of all users, at a single moment. A store should add
    /// them up as it reads them, because ten years of roll-ups may take hundreds of megabytes.
    ///
    /// # Errors
    /// As [`job`](Self::job).
    async fn total(&self, from: Day, to: Day, user: Option<&str>) -> Result<Rollup> {
        let mut total = Rollup::default();
        for (_, rollup) in self.rollups(from, to, user).await? {
            total += &rollup;
        }
        Ok(total)
    }

    /// The first `limit` events of a job after the cursor, in the order of [`EventCursor`].
    ///
    /// # Errors
    /// As [`job`](Self::job).
    async fn events(
        &self,
        key: &JobKey,
        after: Option<&EventCursor>,
        limit: usize,
    ) -> Result<Vec<StoredEvent>>;

    /// The first `limit` applications of event logs after the given one, in the order of [`AttemptKey`]. The cost depends on
    /// the page only: no jobs and no environments are read.
    ///
    /// # Errors
    /// As [`job`](Self::job).
    async fn applications(
        &self,
        after: Option<&AttemptKey>,
        limit: usize,
    ) -> Result<Vec<Application>>;

    /// All facts of an application attempt from event logs: jobs, stages, executors and SQL executions,
    /// each in the order of their ids. `None` if no log of the attempt is stored.
    ///
    /// # Errors
    /// As [`job`](Self::job).
    async fn log(&self, attempt: &AttemptKey) -> Result<Option<LogSnapshot>>;

    /// A part of what [`log`](Self::log) gives: the application, and beside it the first `limit` of the facts that are
    /// asked for, in the order of their range. `None` if no log of the attempt is stored. Page by page, the ranges are
    /// those of [`Facts::rest`].
    ///
    /// The default reads the whole attempt. A store that does better reads the application and the rows of the page,
    /// both of one snapshot.
    ///
    /// # Errors
    /// As [`job`](Self::job).
    async fn facts(
        &self,
        attempt: &AttemptKey,
        facts: &Facts,
        limit: usize,
    ) -> Result<Option<LogSnapshot>> {
        Ok(self.log(attempt).await?.map(|log| facts.cut(log, limit)))
    }

    /// The last recorded source of a log's location; `None` if it has none.
    ///
    /// # Errors
    /// As [`job`](Self::job).
    async fn log_source(&self, location: &str) -> Result<Option<LogSource>>;

    /// Stores rejected input. Only the newest [`MAX_REJECTED`](crate::MAX_REJECTED) are kept.
    ///
    /// # Errors
    /// As [`ingest`](Self::ingest).
    async fn reject(&self, rejections: Vec<Rejection>) -> Result<()>;

    /// The first `limit` rejected inputs with an id below `before`, newest first.
    ///
    /// # Errors
    /// As [`job`](Self::job).
    async fn rejected(&self, before: Option<i64>, limit: usize) -> Result<Vec<Rejected>>;

    /// Removes raw events before the day and rejects such events from now on ([`Receipt::TooOld`]).
    /// Figures, roll-ups and facts of event logs stay. The day only moves forward: an earlier day than
    /// the current one removes nothing.
    ///
    /// # Errors
    /// As [`ingest`](Self::ingest); the day may already be in force then, and calling again resumes.
    async fn prune(&self, before: Day) -> Result<Pruned>;

    /// Removes facts of event logs of the applications that [were over before](Application::is_before) the day, and
    /// refuses such logs from now on ([`Refusal::TooOld`]). Roll-ups stay as they are. The day only moves forward;
    /// an earlier one than before refuses nothing more, but removes what the scope adds.
    ///
    /// With [`PruneScope::Jobs`] single events of the applications are refused, too ([`Receipt::TooOld`]), and logs
    /// of the same run, however long.
    ///
    /// It takes several transactions, each of a bounded number of applications.
    ///
    /// # Errors
    /// As [`ingest`](Self::ingest); the day may already be in force then, and calling again resumes.
    async fn prune_logs(&self, before: Day, scope: PruneScope) -> Result<PrunedLogs>;

    /// Removes an application, or one attempt of it, in one transaction: facts, jobs with their raw events, and
    /// their part in roll-ups. From now on its single events are refused ([`Receipt::TooOld`]), and its logs unless
    /// they are of another run ([`Refusal::Forgotten`]), or of a later one if several runs were removed.
    ///
    /// What a prune removed of it earlier stays in roll-ups. An application of which nothing is known stays unknown,
    /// and so does `""`. The [sources](Self::log_source) of its logs stay, so that importers skip them unread. Without
    /// an attempt, rejected input with a [mention](crate::backend::mention_of) of it loses its text.
    ///
    /// # Errors
    /// As [`ingest`](Self::ingest).
    async fn forget(&self, app_id: &str, attempt_id: Option<&str>) -> Result<Forgotten>;

    /// Checks that the store responds.
    ///
    /// # Errors
    /// [`Error::Engine`](crate::Error::Engine) with the reason.
    async fn check(&self) -> Result<()>;

    /// Finishes operations in progress and releases files and connections; later calls may fail.
    ///
    /// # Errors
    /// [`Error::Engine`](crate::Error::Engine).
    async fn close(&self) -> Result<()> {
        Ok(())
    }
}

/// The outcome of an event, with the id under which it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Receipt {
    /// It is new.
    Recorded(i64),
    /// An event of the same identity with the same or greater content is stored.
    Duplicate(i64),
    /// It replaced an event of the same identity with lesser content.
    Replaced(i64),
    /// It is before the day up to which events were pruned, or its application was removed, and it was rejected.
    TooOld,
}

/// Why a log was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Refusal {
    /// Its application was over before the day up to which logs were pruned, or its jobs or those of a later run were
    /// removed.
    TooOld,
    /// Its application was forgotten.
    Forgotten,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooOld => "older than the day before which logs were pruned",
            Self::Forgotten => "the application was forgotten",
        })
    }
}

/// The outcome of a log: how many of its facts were new, or greater than the stored ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct LogReceipt {
    /// Jobs written.
    pub jobs: usize,
    /// Stage attempts written.
    pub stages: usize,
    /// Executors written.
    pub executors: usize,
    /// SQL executions written.
    pub sql: usize,
    /// Whether the environment was written.
    pub environment: bool,
    /// Whether the application itself was written.
    pub application: bool,
    /// What happened to another run of the application's id and attempt, if there was one.
    pub other_run: Option<OtherRun>,
    /// Why the log was refused, if it was: then nothing was written.
    pub refused: Option<Refusal>,
}

impl LogReceipt {
    /// Whether the log changed nothing: the store has all of it, or it has a [later run](OtherRun::Kept).
    pub fn is_unchanged(&self) -> bool {
        Self { other_run: None, refused: None, ..*self } == Self::default()
    }
}

/// Another run of the same application id and attempt than that of the log. A store keeps the later run only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OtherRun {
    /// The stored run is later, so nothing of the log was stored.
    Kept {
        /// When the stored run started.
        started: Option<Timestamp>,
    },
    /// The stored run was earlier, and all its facts were removed.
    Removed {
        /// When that run started.
        started: Option<Timestamp>,
        /// Number of its jobs.
        jobs: usize,
    },
}

/// The result of [`Store::prune`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Pruned {
    /// Raw events removed.
    pub events: u64,
    /// The day in force: events before it are rejected.
    pub before: Day,
}

/// What [`Store::prune_logs`] removes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PruneScope {
    /// Stages, executors, environments and executions of SQL.
    Facts,
    /// These, the applications themselves, and all their jobs with their raw events.
    Jobs,
}

/// The result of [`Store::prune_logs`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct PrunedLogs {
    /// Attempts of applications whose facts were removed.
    pub applications: u64,
    /// Jobs removed.
    pub jobs: u64,
    /// The day in force: logs of applications that were over before it are refused.
    pub before: Day,
}

impl PrunedLogs {
    /// Nothing pruned yet, with the day in force.
    pub fn new(before: Day) -> Self {
        Self { before, ..Self::default() }
    }
}

/// The result of [`Store::forget`]: zeros if nothing was known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Forgotten {
    /// Attempts of the application that were forgotten.
    pub attempts: u64,
    /// Jobs removed.
    pub jobs: u64,
}

/// Which jobs to list; the default is all.
///
/// ```
/// use spark_analytics_core::{JobFilter, JobResult};
///
/// let day = "2024-03-30".parse()?;
/// let failed = JobFilter::day(day).result(JobResult::Failed);
/// # assert_eq!(failed.from, failed.to);
/// # Ok::<(), spark_analytics_core::ParseTimeError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct JobFilter {
    /// Only jobs of this user.
    pub user: Option<String>,
    /// Only jobs of this application.
    pub app_id: Option<String>,
    /// Only jobs of applications' attempts with this id.
    pub attempt_id: Option<String>,
    /// Only jobs with this result.
    pub result: Option<JobResult>,
    /// Only jobs with a result that is neither success nor failure.
    pub unknown_result: bool,
    /// Only jobs that ended on this day or later.
    pub from: Option<Day>,
    /// Only jobs that ended on this day or earlier.
    pub to: Option<Day>,
    /// In which order.
    pub order: JobOrder,
}

impl JobFilter {
    /// The jobs that ended on one day.
    pub fn day(day: Day) -> Self {
        Self::days(day, day)
    }

    /// The jobs that ended on the days from `from` to `to`, both included.
    pub fn days(from: Day, to: Day) -> Self {
        Self { from: Some(from), to: Some(to), ..Self::default() }
    }

    /// Only jobs of this user.
    #[must_use]
    pub fn user(self, user: impl Into<String>) -> Self {
        Self { user: Some(user.into()), ..self }
    }

    /// Only jobs of this application.
    #[must_use]
    pub fn app(self, app_id: impl Into<String>) -> Self {
        Self { app_id: Some(app_id.into()), ..self }
    }

    /// Only jobs of an attempt with this id, see [`app`](Self::app).
    #[must_use]
    pub fn attempt(self, attempt_id: impl Into<String>) -> Self {
        Self { attempt_id: Some(attempt_id.into()), ..self }
    }

    /// Only jobs with this result.
    #[must_use]
    pub fn result(self, result: JobResult) -> Self {
        Self { result: Some(result), ..self }
    }

    /// In an order.
    #[must_use]
    pub fn order(self, order: JobOrder) -> Self {
        Self { order, ..self }
    }

    /// Only jobs with the result that a word means, ignoring case: `succeeded`, `failed`, Spark's
    /// `JobSucceeded` and `JobFailed`, or `unknown` for any other result.
    ///
    /// # Errors
    /// If it is not one of these words.
    pub fn result_word(self, word: &str) -> std::result::Result<Self, UnknownResultWord> {
        match word.to_ascii_lowercase().as_str() {
            "succeeded" | "jobsucceeded" => Ok(self.result(JobResult::Succeeded)),
            "failed" | "jobfailed" => Ok(self.result(JobResult::Failed)),
            "unknown" => Ok(Self { unknown_result: true, ..self }),
            _ => Err(UnknownResultWord),
        }
    }

    /// Whether the filter selects a job.
    pub fn matches(&self, job: &Job) -> bool {
        let day = job.end.day();
        self.user.as_ref().is_none_or(|user| *user == job.user)
            && self.app_id.as_ref().is_none_or(|app| *app == job.key.app_id)
            && self.attempt_id.as_ref().is_none_or(|attempt| *attempt == job.key.attempt_id)
            && self.result.as_ref().is_none_or(|result| *result == job.result)
            && (!self.unknown_result || matches!(job.result, JobResult::Unknown(_)))
            && self.from.is_none_or(|from| from <= day)
            && self.to.is_none_or(|to| day <= to)
    }
}

/// A word that does not mean a result, see [`JobFilter::result_word`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error(
    "is not a result: use failed, succeeded or unknown, or Spark's JobFailed or JobSucceeded; running jobs are \
     not listed, because a job has figures once it has ended"
)]
pub struct UnknownResultWord;

/// An order in which jobs are listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum JobOrder {
    /// By end, application, attempt, job.
    #[default]
    Oldest,
    /// The reverse of [`Oldest`](Self::Oldest).
    Newest,
    /// By duration, application, attempt, job, all descending.
    Longest,
}

impl JobOrder {
    /// All orders.
    pub const ALL: [Self; 3] = [Self::Oldest, Self::Newest, Self::Longest];

    /// Its name: `oldest`, `newest` or `longest`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Oldest => "oldest",
            Self::Newest => "newest",
            Self::Longest => "longest",
        }
    }

    /// Whether the greatest come first.
    pub const fn is_descending(self) -> bool {
        !matches!(self, Self::Oldest)
    }

    /// Which of two jobs is listed first.
    pub fn compare(self, one: &JobCursor, other: &JobCursor) -> Ordering {
        let ascending = (one.rank(self), &one.key).cmp(&(other.rank(self), &other.key));
        if self.is_descending() { ascending.reverse() } else { ascending }
    }
}

impl FromStr for JobOrder {
    type Err = ParseOrderError;

    fn from_str(name: &str) -> std::result::Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|order| order.name() == name).ok_or(ParseOrderError)
    }
}

/// A text that is not the name of a [`JobOrder`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("is not an order; use oldest, newest or longest")]
pub struct ParseOrderError;

/// A job's place in lists.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobCursor {
    /// When the job ended; without effect on the order of durations.
    pub end: Timestamp,
    /// Which job.
    pub key: JobKey,
    /// How long it took, in µs; without effect on orders of ends.
    pub duration_us: i64,
}

impl JobCursor {
    /// What an order compares first, in µs: the end since 1970-01-01, or the duration.
    pub const fn rank(&self, order: JobOrder) -> i64 {
        match order {
            JobOrder::Oldest | JobOrder::Newest => self.end.as_micros(),
            JobOrder::Longest => self.duration_us,
        }
    }
}

impl From<&Job> for JobCursor {
    fn from(job: &Job) -> Self {
        Self { end: job.end, key: job.key.clone(), duration_us: job.duration_us() }
    }
}

/// An event's position in the list of its job's events, which is ordered by time, type and task.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventCursor {
    /// When it happened.
    pub timestamp: Timestamp,
    /// Its type.
    pub event_type: EventType,
    /// The task's id, or `""`.
    pub task: String,
}

impl From<EventId<'_>> for EventCursor {
    fn from(id: EventId<'_>) -> Self {
        Self { timestamp: id.timestamp, event_type: id.event_type, task: id.task.to_owned() }
    }
}

impl From<&Event> for EventCursor {
    fn from(event: &Event) -> Self {
        event.id(Dedup::WithTask).into()
    }
}

/// An event with the id under which it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct StoredEvent {
    /// Its id, from 1.
    pub id: i64,
    /// The event.
    pub event: Event,
}

// An omitted method would use the trait's default instead of the inner store's method.
#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl<S: Store + ?Sized> Store for Arc<S> {
    fn dedup(&self) -> Dedup {
        (**self).dedup()
    }
    async fn ingest(&self, events: Vec<Event>) -> Result<Vec<Receipt>> {
        (**self).ingest(events).await
    }
    async fn ingest_logs(
        &self,
        logs: Vec<LogSnapshot>,
        sources: Vec<LogSource>,
    ) -> Result<Vec<LogReceipt>> {
        (**self).ingest_logs(logs, sources).await
    }
    async fn job(&self, key: &JobKey) -> Result<Option<JobRecord>> {
        (**self).job(key).await
    }
    async fn jobs(
        &self,
        filter: &JobFilter,
        after: Option<&JobCursor>,
        limit: usize,
    ) -> Result<Vec<Job>> {
        (**self).jobs(filter, after, limit).await
    }
    async fn rollups(&self, from: Day, to: Day, user: Option<&str>) -> Result<Vec<(Day, Rollup)>> {
        (**self).rollups(from, to, user).await
    }
    async fn total(&self, from: Day, to: Day, user: Option<&str>) -> Result<Rollup> {
        (**self).total(from, to, user).await
    }
    async fn events(
        &self,
        key: &JobKey,
        after: Option<&EventCursor>,
        limit: usize,
    ) -> Result<Vec<StoredEvent>> {
        (**self).events(key, after, limit).await
    }
    async fn applications(
        &self,
        after: Option<&AttemptKey>,
        limit: usize,
    ) -> Result<Vec<Application>> {
        (**self).applications(after, limit).await
    }
    async fn log(&self, attempt: &AttemptKey) -> Result<Option<LogSnapshot>> {
        (**self).log(attempt).await
    }
    async fn facts(
        &self,
        attempt: &AttemptKey,
        facts: &Facts,
        limit: usize,
    ) -> Result<Option<LogSnapshot>> {
        (**self).facts(attempt, facts, limit).await
    }
    async fn log_source(&self, location: &str) -> Result<Option<LogSource>> {
        (**self).log_source(location).await
    }
    async fn reject(&self, rejections: Vec<Rejection>) -> Result<()> {
        (**self).reject(rejections).await
    }
    async fn rejected(&self, before: Option<i64>, limit: usize) -> Result<Vec<Rejected>> {
        (**self).rejected(before, limit).await
    }
    async fn prune(&self, before: Day) -> Result<Pruned> {
        (**self).prune(before).await
    }
    async fn prune_logs(&self, before: Day, scope: PruneScope) -> Result<PrunedLogs> {
        (**self).prune_logs(before, scope).await
    }
    async fn forget(&self, app_id: &str, attempt_id: Option<&str>) -> Result<Forgotten> {
        (**self).forget(app_id, attempt_id).await
    }
    async fn check(&self) -> Result<()> {
        (**self).check().await
    }
    async fn close(&self) -> Result<()> {
        (**self).close().await
    }
}
