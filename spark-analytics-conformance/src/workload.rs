//! Endless reproducible events for measurements.

use spark_analytics_core::{Event, JobKey, Timestamp};

/// Events of a fixed number of jobs in random order: first the start and end of each job, then an
/// endless sequence of tasks. Jobs are spread over 30 days and 5 users. Two workloads with the same size and seed
/// produce the same events.
#[derive(Clone, Copy, Debug)]
pub struct Workload {
    jobs: u64,
    random: u64,
    given: u64,
}

impl Workload {
    /// A workload of `jobs` jobs.
    pub const fn new(jobs: u64, seed: u64) -> Self {
        Self { jobs, random: seed ^ 0x9e37_79b9_7f4a_7c15, given: 0 }
    }

    /// The next `count` events.
    pub fn batch(&mut self, count: usize) -> Vec<Event> {
        (0..count).map(|_| self.event()).collect()
    }

    fn event(&mut self) -> Event {
        let number = self.given;
        self.given += 1;
        let is_task = number >= 2 * self.jobs;
        let job = if is_task { self.next() % self.jobs } else { number / 2 };
        let key = JobKey::in_app("application_1711792363000_0042", "", job as i64);
        let user = format!("data_engineer_{}@example.com", job % 5);
        let start_ms =
            1_711_792_363_000 + (job % 30) as i64 * 86_400_000 + job as i64 * 997 % 40_000_000;
        let at = |ms: i64| Timestamp::from_millis(start_ms + ms);
        let event = if is_task {
            let duration_ms = (self.next() % 20_000) as i64;
            let successful = !self.next().is_multiple_of(20);
            let task = format!("task_{job}_{number}");
            Event::task_end(key, at(duration_ms), user, task, duration_ms, successful)
        } else if number.is_multiple_of(2) {
            Event::job_start(key, at(0), user)
        } else {
            Event::job_end(key, at(60_000), user, at(60_000), "JobSucceeded")
        };
        event.expect("the workload is valid")
    }

    /// xorshift64*: good enough to shuffle with, the same everywhere.
    fn next(&mut self) -> u64 {
        self.random ^= self.random >> 12;
        self.random ^= self.random << 25;
        self.random ^= self.random >> 27;
        self.random.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11
    }
}
