//! Jobs as columns, for stores whose rows are read by other programs, too.

use crate::backend::plan::JobWrite;
use crate::figures::fold::{JobEnd, JobFold, JobStart};
use crate::figures::job::{FigureSource, JobRecord};
use crate::figures::tasks::TaskTotals;
use crate::log::LogJob;
use crate::time::Timestamp;

/// The column names of [`TaskTotals`], in the order of its fields, separated by `", "`.
#[macro_export]
macro_rules! task_columns {
    () => {
        "tasks_succeeded, tasks_failed, tasks_killed, task_duration_ms, task_lost_ms, run_time_ms, \
         cpu_time_ns, gc_time_ms, input_bytes, output_bytes, shuffle_read_bytes, \
         shuffle_write_bytes, memory_spilled_bytes, disk_spilled_bytes, task_durations"
    };
}

/// Those of [`task_columns`](crate::backend::task_columns) that single events change, separated by `", "`.
#[macro_export]
macro_rules! event_task_columns {
    () => {
        "tasks_succeeded, tasks_failed, task_duration_ms, task_lost_ms, task_durations"
    };
}

/// A job's row: the figures in force as separate columns, and beside them the facts that they do not cover.
///
/// The figures of an event log are in force once it has the job's start and end, see
/// [`JobRecord::figures`]. Until then the columns hold what single events report, even of a job that has not ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JobColumns<'a> {
    /// Where the figures come from; `None` if the job has none yet.
    pub source: Option<FigureSource>,
    /// The user of the start.
    pub user: Option<&'a str>,
    /// The time of the start.
    pub start: Option<Timestamp>,
    /// The time of the end.
    pub end: Option<Timestamp>,
    /// Spark's name of the result.
    pub result: Option<&'a str>,
    /// The user of the end; `None` if the log's figures are in force.
    pub end_user: Option<&'a str>,
    /// The completion time of the end; `None` if the log's figures are in force.
    pub completion_time: Option<Timestamp>,
    /// The tasks.
    pub tasks: &'a TaskTotals,
    /// See [`Job::num_tasks`](crate::Job::num_tasks).
    pub num_tasks: Option<i64>,
    /// See [`Job::longest_task_ms`](crate::Job::longest_task_ms).
    pub longest_task_ms: Option<i64>,
    /// What single events report, if the log's figures are in force.
    pub single_events: Option<&'a JobFold>,
    /// What an event log reports.
    pub log: Option<&'a LogJob>,
}

impl<'a> JobColumns<'a> {
    /// The columns of a job to write.
    pub fn of(write: &'a JobWrite) -> Self {
        let (events, log) = (&write.record.events, write.record.log.as_deref());
        match &write.figures {
            Some(figures) if figures.source == FigureSource::Log => Self {
                source: Some(FigureSource::Log),
                user: Some(&figures.user),
                start: Some(figures.start),
                end: Some(figures.end),
                result: Some(figures.result.name()),
                end_user: None,
                completion_time: None,
                tasks: &figures.tasks,
                num_tasks: figures.num_tasks,
                longest_task_ms: figures.longest_task_ms,
                single_events: (!events.is_empty()).then_some(events),
                log,
            },
            figures => {
                let (start, end) = (events.start.as_ref(), events.end.as_ref());
                Self {
                    source: figures.as_ref().map(|figures| figures.source),
                    user: start.map(|start| start.user.as_str()),
                    start: start.map(|start| start.timestamp),
                    end: end.map(|end| end.timestamp),
                    result: end.map(|end| end.job_result.as_str()),
                    end_user: end.map(|end| end.user.as_str()),
                    completion_time: end.map(|end| end.completion_time),
                    tasks: &events.tasks,
                    num_tasks: None,
                    longest_task_ms: None,
                    single_events: None,
                    log,
                }
            }
        }
    }
}

/// A job's row as read from a store: an owned [`JobColumns`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeldJobColumns {
    /// See [`JobColumns::source`].
    pub source: Option<FigureSource>,
    /// See [`JobColumns::user`].
    pub user: Option<String>,
    /// See [`JobColumns::start`].
    pub start: Option<Timestamp>,
    /// See [`JobColumns::end`].
    pub end: Option<Timestamp>,
    /// See [`JobColumns::result`].
    pub result: Option<String>,
    /// See [`JobColumns::end_user`].
    pub end_user: Option<String>,
    /// See [`JobColumns::completion_time`].
    pub completion_time: Option<Timestamp>,
    /// The tasks that single events report; ignored if the log's figures are in force.
    pub event_tasks: TaskTotals,
    /// See [`JobColumns::single_events`].
    pub single_events: Option<JobFold>,
    /// See [`JobColumns::log`].
    pub log: Option<Box<LogJob>>,
}

impl From<HeldJobColumns> for JobRecord {
    fn from(held: HeldJobColumns) -> Self {
        let (start, end) = (held.start, held.end);
        let (user, end_user) = (held.user, held.end_user);
        let (completion_time, job_result) = (held.completion_time, held.result);
        let events = match held.source {
            Some(FigureSource::Log) => held.single_events.unwrap_or_default(),
            _ => JobFold {
                start: start
                    .map(|timestamp| JobStart { timestamp, user: user.unwrap_or_default() }),
                end: end.map(|timestamp| JobEnd {
                    timestamp,
                    user: end_user.unwrap_or_default(),
                    completion_time: completion_time.unwrap_or(Timestamp::from_micros(0)),
                    job_result: job_result.unwrap_or_default(),
                }),
                tasks: held.event_tasks,
            },
        };
        Self { events, log: held.log }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::event::Event;
    use crate::identity::JobKey;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1_000)
    }

    fn write(events: &[Event], log: Option<LogJob>) -> JobWrite {
        let mut record = JobRecord { log: log.map(Box::new), ..JobRecord::default() };
        events.iter().for_each(|event| record.events.add(event));
        let key = JobKey::new(7);
        let figures = record.figures(&key);
        JobWrite { index: 0, key, record, figures_before: None, figures }
    }

    fn read_back(columns: &JobColumns<'_>) -> JobRecord {
        HeldJobColumns {
            source: columns.source,
            user: columns.user.map(str::to_owned),
            start: columns.start,
            end: columns.end,
            result: columns.result.map(str::to_owned),
            end_user: columns.end_user.map(str::to_owned),
            completion_time: columns.completion_time,
            event_tasks: columns.tasks.clone(),
            single_events: columns.single_events.cloned(),
            log: columns.log.cloned().map(Box::new),
        }
        .into()
    }

    fn log(ended: bool) -> LogJob {
        let mut log = LogJob { user: "bob".to_owned(), ended, ..LogJob::default() };
        log.submission_time = Some(at(1));
        log.completion_time = ended.then_some(at(9));
        log.job_result = "JobFailed".to_owned();
        log.tasks.killed = 3;
        log
    }

    #[test]
    fn a_logs_figures_are_in_force_once_it_has_the_end_and_every_record_reads_back() {
        let events = [
            Event::job_start(7, at(2), "ada").unwrap(),
            Event::task_end(7, at(3), "ada", "t1", 500, true).unwrap(),
            Event::job_end(7, at(4), "eve", at(5), "JobSucceeded").unwrap(),
        ];
        for events in [&events[..0], &events[..1], &events[..2], &events[1..], &events[..]] {
            for log in [None, Some(log(false)), Some(log(true))] {
                let ended = log.as_ref().is_some_and(|log| log.ended);
                let write = write(events, log);
                let columns = JobColumns::of(&write);
                assert_eq!(read_back(&columns), write.record);
                assert_eq!(columns.source, write.figures.as_ref().map(|figures| figures.source));
                let start = write.record.events.start.as_ref().map(|start| start.user.as_str());
                assert_eq!(columns.user, if ended { Some("bob") } else { start });
                assert_eq!(columns.tasks.killed, if ended { 3 } else { 0 });
                assert_eq!(columns.single_events.is_some(), ended && !events.is_empty());
            }
        }
    }
}
