//! Computes what a batch of events changes, from the stored state.

use std::collections::{BTreeMap, HashMap};

use crate::event::Event;
use crate::figures::job::{FigureSource, Job, JobRecord};
use crate::figures::rollup::Rollup;
use crate::figures::tasks::TaskTotals;
use crate::identity::{Dedup, EventId, JobKey, RollupKey};
use crate::store::{Receipt, StoredEvent};
use crate::time::Day;

/// Events to store together, with their distinct jobs and identities.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    dedup: Dedup,
    events: Vec<Event>,
    /// For each event the index of its job, and of its identity.
    places: Vec<(usize, usize)>,
    /// For each job, and for each identity, the index of the first event that has it.
    jobs: Vec<usize>,
    identities: Vec<usize>,
}

impl Batch {
    /// A batch of events under a store's rule.
    pub fn new(events: Vec<Event>, dedup: Dedup) -> Self {
        let mut job_index = HashMap::with_capacity(events.len());
        let mut identity_index = HashMap::with_capacity(events.len());
        let mut places = Vec::with_capacity(events.len());
        let (mut jobs, mut identities) = (Vec::new(), Vec::new());
        for (at, event) in events.iter().enumerate() {
            let job = *job_index.entry(event.job()).or_insert_with(|| {
                jobs.push(at);
                jobs.len() - 1
            });
            let identity = *identity_index.entry((job, event.id(dedup))).or_insert_with(|| {
                identities.push(at);
                identities.len() - 1
            });
            places.push((job, identity));
        }
        drop((job_index, identity_index));
        Self { dedup, events, places, jobs, identities }
    }

    /// The distinct jobs, in the order of [`Held::jobs`].
    pub fn jobs(&self) -> impl ExactSizeIterator<Item = &JobKey> {
        self.jobs.iter().map(|at| self.events[*at].job())
    }

    /// The distinct identities, in the order of [`Held::events`]: the index of the job
    /// among [`jobs`](Self::jobs), and the identity within it.
    pub fn identities(&self) -> impl ExactSizeIterator<Item = (usize, EventId<'_>)> {
        self.identities.iter().map(|at| (self.places[*at].0, self.events[*at].id(self.dedup)))
    }

    /// The first event of each of [`identities`](Self::identities), which [`plan`] records under the next id if none
    /// is stored.
    pub fn first_events(&self) -> impl ExactSizeIterator<Item = &Event> {
        self.identities.iter().map(|at| &self.events[*at])
    }
}

/// The stored state that concerns a batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// Events before this day are rejected; [`Day::MIN`] if nothing was ever pruned.
    pub pruned_before: Day,
    /// The id that the next new event gets.
    pub next_event_id: i64,
    /// For each of [`Batch::jobs`] its stored record, or the default.
    pub jobs: Vec<JobRecord>,
    /// For each of [`Batch::identities`] the stored event, if any.
    pub events: Vec<Option<StoredEvent>>,
    /// For each of [`Batch::jobs`] whether its application's attempt is [`Removed`](crate::backend::Removed); may
    /// be empty if none is.
    pub removed: Vec<bool>,
}

/// The changes to write for a batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use = "it says what to write, and writes nothing"]
pub struct WriteSet {
    /// The outcome of each event, in the order of the batch.
    pub receipts: Vec<Receipt>,
    /// Events under new ids, ids ascending.
    pub inserts: Vec<EventWrite>,
    /// Events that replace the one with the same id.
    pub updates: Vec<EventWrite>,
    /// Jobs that changed.
    pub jobs: Vec<JobWrite>,
    /// The amount to add to each roll-up.
    pub rollups: BTreeMap<RollupKey, Rollup>,
    /// The id of the next new event from now on.
    pub next_event_id: i64,
}

/// An event to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventWrite {
    /// Its id.
    pub id: i64,
    /// The index of its job among [`Batch::jobs`].
    pub job: usize,
    /// The event.
    pub event: Event,
}

/// A job to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobWrite {
    /// The index of the job among [`Batch::jobs`]; for a log's jobs among [`LogWriteSet::jobs`](crate::backend::LogWriteSet::jobs).
    pub index: usize,
    /// Which job.
    pub key: JobKey,
    /// The new record; delete the row if it is empty.
    pub record: JobRecord,
    /// Its figures before the change.
    pub figures_before: Option<Job>,
    /// Its figures after the change.
    pub figures: Option<Job>,
}

/// Computes what a batch changes. Pure: the same input gives the same output.
///
/// Each event is handled as if those before it had been stored already. The changes of roll-ups
/// subtract the old figures of changed jobs and add the new ones.
///
/// ```
/// use spark_analytics_core::backend::{Batch, Held, plan};
/// use spark_analytics_core::{Day, Dedup, Event, JobRecord, Receipt};
///
/// let start = Event::job_start(7, "2024-03-30T10:00:00Z".parse().unwrap(), "ada")?;
/// let batch = Batch::new(vec![start], Dedup::WithTask);
/// // What a store holds of the one job and the one identity in it: nothing yet.
/// let (jobs, events) = (vec![JobRecord::default()], vec![None]);
/// let held = Held { pruned_before: Day::MIN, next_event_id: 1, jobs, events, removed: vec![] };
///
/// let writes = plan(batch, held);
/// assert_eq!(writes.receipts, [Receipt::Recorded(1)]);
/// assert_eq!((writes.inserts[0].id, writes.next_event_id), (1, 2));
/// assert!(writes.rollups.is_empty(), "a job that has not ended has no figures");
/// # Ok::<(), spark_analytics_core::InvalidEvent>(())
/// ```
///
/// # Panics
/// If `held.jobs` and `held.events` are not as long as [`Batch::jobs`] and [`Batch::identities`]:
/// a bug in the store, not in the input.
pub fn plan(batch: Batch, held: Held) -> WriteSet {
    let Batch { events, places, jobs, .. } = batch;
    let Held { pruned_before, mut next_event_id, jobs: records, events: stored, removed } = held;
    assert_eq!(records.len(), jobs.len(), "Held::jobs must match Batch::jobs");
    let unchanged = |record| Planned { before: None, record, task_change: TaskTotals::default() };
    let mut planned: Vec<Planned> = records.into_iter().map(unchanged).collect();

    let mut winners: Vec<Option<Winner>> =
        stored.iter().map(|stored| stored.as_ref().map(Winner::stored)).collect();
    let mut receipts = Vec::with_capacity(events.len());

    for (at, (event, &(job, identity))) in events.iter().zip(&places).enumerate() {
        let is_removed = removed.get(job).is_some_and(|is_removed| *is_removed);
        if is_removed || event.timestamp().day() < pruned_before {
            receipts.push(Receipt::TooOld);
            continue;
        }
        let winner = &mut winners[identity];
        let job = &mut planned[job];
        receipts.push(match winner {
            None => {
                job.add(event);
                let id = next_event_id;
                next_event_id += 1;
                *winner = Some(Winner { id, is_new: true, event: Some(at) });
                Receipt::Recorded(id)
            }
            Some(winner) => {
                let earlier = winner.event.map(|earlier| &events[earlier]);
                let stored = || stored[identity].as_ref().map(|stored| &stored.event);
                match earlier.or_else(stored) {
                    Some(current) if event.content() > current.content() => {
                        job.replace(current, event);
                        winner.event = Some(at);
                        Receipt::Replaced(winner.id)
                    }
                    _ => Receipt::Duplicate(winner.id),
                }
            }
        });
    }

    // Collecting a filter would reallocate this large vector repeatedly.
    let mut job_writes = Vec::with_capacity(planned.len());
    let mut task_changes = Vec::with_capacity(planned.len());
    for (index, (job, at)) in planned.into_iter().zip(&jobs).enumerate() {
        if let Some(before) = job.before {
            let key = events[*at].job().clone();
            job_writes.push(JobWrite::new(index, key, before, job.record));
            task_changes.push(job.task_change);
        }
    }
    let rollups = rollup_changes(&job_writes, &task_changes);

    let (mut inserts, mut updates) = (Vec::with_capacity(winners.len()), Vec::new());
    let mut events: Vec<Option<Event>> = events.into_iter().map(Some).collect();
    for winner in winners.into_iter().flatten() {
        let Some(at) = winner.event else { continue };
        let Some(event) = events[at].take() else { continue };
        let write = EventWrite { id: winner.id, job: places[at].0, event };
        if winner.is_new { inserts.push(write) } else { updates.push(write) }
    }
    WriteSet { receipts, inserts, updates, jobs: job_writes, rollups, next_event_id }
}

/// The state of a job after the events planned so far.
struct Planned {
    /// Its figures before the first change; `None` while unchanged.
    before: Option<Option<Job>>,
    record: JobRecord,
    /// The change of the tasks that its single events report.
    task_change: TaskTotals,
}

impl Planned {
    fn add(&mut self, event: &Event) {
        self.before.get_or_insert_with(|| self.record.unlabelled(event.job()));
        self.record.events.add(event);
        if let Some((outcome, duration_ms)) = event.content().detail.task() {
            self.task_change.record(outcome, duration_ms);
        }
    }

    fn replace(&mut self, old: &Event, new: &Event) {
        self.before.get_or_insert_with(|| self.record.unlabelled(new.job()));
        self.record.events.replace(old, new);
        let tasks = (old.content().detail.task(), new.content().detail.task());
        if let (Some((was, was_ms)), Some((is, is_ms))) = tasks {
            self.task_change.unrecord(was, was_ms);
            self.task_change.record(is, is_ms);
        }
    }
}

/// The current event of an identity while a batch is planned.
#[derive(Clone, Copy, Debug)]
struct Winner {
    id: i64,
    is_new: bool,
    /// Its index in the batch; `None` if it is the stored event.
    event: Option<usize>,
}

impl Winner {
    const fn stored(stored: &StoredEvent) -> Self {
        Self { id: stored.id, is_new: false, event: None }
    }
}

impl JobWrite {
    pub(crate) fn new(
        index: usize,
        key: JobKey,
        figures_before: Option<Job>,
        record: JobRecord,
    ) -> Self {
        let figures = record.unlabelled(&key);
        Self { index, key, record, figures_before, figures }
    }
}

/// Subtracts the jobs' old figures from their roll-ups and adds the new ones. `task_changes` contains the change of the
/// tasks that each job's single events report, if it is known.
pub(crate) fn rollup_changes(
    jobs: &[JobWrite],
    task_changes: &[TaskTotals],
) -> BTreeMap<RollupKey, Rollup> {
    let mut changes = BTreeMap::new();
    for (at, JobWrite { figures_before, figures, .. }) in jobs.iter().enumerate() {
        if figures_before == figures {
            continue;
        }
        let mut change = Rollup::default();
        match (figures_before, figures) {
            (Some(before), Some(after)) if place(before) == place(after) => {
                let by_events = |job: &Job| job.source == FigureSource::Events;
                let tasks = task_changes.get(at).filter(|_| by_events(before) && by_events(after));
                change.correct(before, after, tasks);
                add_change(&mut changes, place(after), &change);
            }
            (before, after) => {
                if let Some(before) = before {
                    let mut gone = Rollup::default();
                    gone.subtract(before);
                    add_change(&mut changes, place(before), &gone);
                }
                if let Some(after) = after {
                    change.add(after);
                    add_change(&mut changes, place(after), &change);
                }
            }
        }
    }
    let owned = |((day, user), change): ((Day, Option<&str>), Rollup)| {
        (RollupKey { day, user: user.map(str::to_owned) }, change)
    };
    changes.into_iter().map(owned).collect()
}

fn place(job: &Job) -> (Day, &str) {
    (job.end.day(), &job.user)
}

fn add_change<'a>(
    changes: &mut BTreeMap<(Day, Option<&'a str>), Rollup>,
    (day, user): (Day, &'a str),
    change: &Rollup,
) {
    for user in [None, Some(user)] {
        *changes.entry((day, user)).or_default() += change;
    }
}
