//! What a batch of events changes, worked out from what the store holds of it.

use std::collections::{BTreeMap, HashMap};

use crate::{
    Day, Dedup, Event, EventId, Job, JobKey, JobRecord, Receipt, Rollup, RollupKey, StoredEvent,
};

/// Events to be taken together, with the distinct jobs and identities among them.
#[derive(Clone, Debug)]
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

    /// The distinct jobs, in the order in which [`Held::jobs`] tells of them.
    pub fn jobs(&self) -> impl ExactSizeIterator<Item = &JobKey> {
        self.jobs.iter().map(|at| self.events[*at].job())
    }

    /// The distinct identities, in the order in which [`Held::events`] tells of them: the index of the job
    /// among [`jobs`](Self::jobs), and the identity within it.
    pub fn identities(&self) -> impl ExactSizeIterator<Item = (usize, EventId<'_>)> {
        self.identities.iter().map(|at| (self.places[*at].0, self.events[*at].id(self.dedup)))
    }
}

/// What a store holds of what a batch touches.
#[derive(Clone, Debug, Default)]
pub struct Held {
    /// Events before this day are refused; [`Day::MIN`] if nothing was ever pruned.
    pub pruned_before: Day,
    /// The id that the next new event gets.
    pub next_event_id: i64,
    /// For each of [`Batch::jobs`] what is held of it, the default if nothing.
    pub jobs: Vec<JobRecord>,
    /// For each of [`Batch::identities`] the event that is held under it.
    pub events: Vec<Option<StoredEvent>>,
}

/// What to write for a batch.
#[derive(Clone, Debug, Default)]
pub struct WriteSet {
    /// What became of each event, in the order of the batch.
    pub receipts: Vec<Receipt>,
    /// Events under new ids, ids ascending.
    pub inserts: Vec<EventWrite>,
    /// Events that take the place of the one with the same id.
    pub updates: Vec<EventWrite>,
    /// Jobs that changed.
    pub jobs: Vec<JobWrite>,
    /// What to add to each roll-up.
    pub rollups: BTreeMap<RollupKey, Rollup>,
    /// The id that the next new event gets from now on.
    pub next_event_id: i64,
}

/// An event to write.
#[derive(Clone, Debug)]
pub struct EventWrite {
    /// Its id.
    pub id: i64,
    /// The index of its job among [`Batch::jobs`].
    pub job: usize,
    /// The event.
    pub event: Event,
}

/// A job to write.
#[derive(Clone, Debug)]
pub struct JobWrite {
    /// The index of the job among [`Batch::jobs`]; for a log's jobs among [`LogWriteSet::jobs`](crate::LogWriteSet::jobs).
    pub index: usize,
    /// Which job.
    pub key: JobKey,
    /// What to hold of it from now on; delete it if empty.
    pub record: JobRecord,
    /// Its figures up to now.
    pub figures_before: Option<Job>,
    /// Its figures from now on.
    pub figures: Option<Job>,
}

/// Works out what a batch changes. Pure: the same input gives the same output.
///
/// Each event is handled as if those before it had been stored already. The roll-ups' changes take
/// out what the changed jobs were and add what they are.
///
/// # Panics
/// If `held.jobs` and `held.events` are not as long as [`Batch::jobs`] and [`Batch::identities`]:
/// a fault of the store, not of the input.
pub fn plan(batch: Batch, held: Held) -> WriteSet {
    let Batch { events, places, jobs, .. } = batch;
    assert_eq!(held.jobs.len(), jobs.len(), "Held::jobs must match Batch::jobs");
    let keys: Vec<JobKey> = jobs.iter().map(|at| events[*at].job().clone()).collect();

    let mut winners: Vec<Option<Winner>> =
        held.events.iter().map(|held| held.as_ref().map(Winner::held)).collect();
    let mut records: Vec<Option<JobRecord>> = vec![None; keys.len()];
    let mut receipts = Vec::with_capacity(events.len());
    let mut next_event_id = held.next_event_id;

    for (at, (event, (job, identity))) in events.iter().zip(&places).enumerate() {
        if event.timestamp().day() < held.pruned_before {
            receipts.push(Receipt::TooOld);
            continue;
        }
        let winner = &mut winners[*identity];
        receipts.push(match winner {
            None => {
                touch(&mut records, &held.jobs, *job).events.add(event);
                *winner = Some(Winner { id: next_event_id, is_new: true, event: Some(at) });
                next_event_id += 1;
                Receipt::Recorded(next_event_id - 1)
            }
            Some(winner) => {
                let current = match (winner.event, &held.events[*identity]) {
                    (Some(earlier), _) => &events[earlier],
                    (None, Some(stored)) => &stored.event,
                    (None, None) => unreachable!("a winner is held or in the batch"),
                };
                if event.content() > current.content() {
                    touch(&mut records, &held.jobs, *job).events.replace(current, event);
                    winner.event = Some(at);
                    Receipt::Replaced(winner.id)
                } else {
                    Receipt::Duplicate(winner.id)
                }
            }
        });
    }

    let mut rollups = BTreeMap::new();
    let mut job_writes = Vec::new();
    for (index, (record, key)) in records.into_iter().zip(keys).enumerate() {
        if let Some(record) = record {
            job_writes.push(write_job(index, key, &held.jobs[index], record, &mut rollups));
        }
    }

    let (mut inserts, mut updates) = (Vec::with_capacity(winners.len()), Vec::new());
    let mut events: Vec<Option<Event>> = events.into_iter().map(Some).collect();
    for winner in winners.into_iter().flatten() {
        let Some(at) = winner.event else { continue };
        let Some(event) = events[at].take() else {
            continue;
        };
        let write = EventWrite { id: winner.id, job: places[at].0, event };
        if winner.is_new { inserts.push(write) } else { updates.push(write) }
    }
    WriteSet { receipts, inserts, updates, jobs: job_writes, rollups, next_event_id }
}

/// The job's record as it will be, taken from what is held at the first change.
fn touch<'a>(
    records: &'a mut [Option<JobRecord>],
    held: &[JobRecord],
    job: usize,
) -> &'a mut JobRecord {
    records[job].get_or_insert_with(|| held[job].clone())
}

/// The event that holds an identity at some point of a batch.
#[derive(Clone, Copy, Debug)]
struct Winner {
    id: i64,
    is_new: bool,
    /// Its index in the batch; `None` while it is the stored one.
    event: Option<usize>,
}

impl Winner {
    const fn held(stored: &StoredEvent) -> Self {
        Self { id: stored.id, is_new: false, event: None }
    }
}

/// A changed job, its effect on the roll-ups added to theirs.
pub(crate) fn write_job(
    index: usize,
    key: JobKey,
    before: &JobRecord,
    record: JobRecord,
    rollups: &mut BTreeMap<RollupKey, Rollup>,
) -> JobWrite {
    let figures_before = before.figures(&key);
    let figures = record.figures(&key);
    if figures_before != figures {
        change_rollups(rollups, figures_before.as_ref(), figures.as_ref());
    }
    JobWrite { index, key, record, figures_before, figures }
}

fn change_rollups(
    rollups: &mut BTreeMap<RollupKey, Rollup>,
    before: Option<&Job>,
    after: Option<&Job>,
) {
    let place = |job: &Job| (job.end.day(), job.user.clone());
    let mut change = Rollup::default();
    if let Some(after) = after {
        change.add(after);
    }
    if let Some(before) = before {
        if after.map(place) == Some(place(before)) {
            change.subtract(before);
        } else {
            let mut gone = Rollup::default();
            gone.subtract(before);
            add_change(rollups, place(before), &gone);
        }
    }
    if let Some(after) = after {
        add_change(rollups, place(after), &change);
    }
}

fn add_change(
    rollups: &mut BTreeMap<RollupKey, Rollup>,
    (day, user): (Day, String),
    change: &Rollup,
) {
    for user in [None, Some(user)] {
        let key = RollupKey { day, user };
        let total = rollups.entry(key).or_default();
        *total += change;
    }
}
