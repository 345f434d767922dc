//! The events: jobs of several users, applications and days, whose figures change until the last event has arrived.

use rand::rngs::StdRng;
use rand::seq::{IndexedRandom, SliceRandom};
use rand::{Rng, SeedableRng};
use spark_analytics_core::{Day, Event, JobKey, Timestamp};

const JOBS: i64 = 1_000;
const EVENTS_A_JOB: usize = 100;
const DUPLICATES: usize = 10_000;
/// The days on which jobs start.
const DAYS: i64 = 10;
/// The first of them: 2024-04-01.
const FIRST_DAY: i32 = 19_814;
/// The users; the last one has jobs only until earlier starts arrive.
pub(crate) const USERS: [&str; 6] = ["ada", "bob", "cyd@example.com", "dörte", "eve", "nobody"];

/// All days on which jobs may end, and one day before and after.
pub(crate) fn days() -> Vec<Day> {
    (FIRST_DAY - 1..=FIRST_DAY + DAYS as i32 + 1).map(Day::from_number).collect()
}

/// The events of all jobs, each once, in no particular order.
pub(crate) fn events() -> Vec<Event> {
    let mut random = StdRng::seed_from_u64(2_024);
    let mut events: Vec<Event> = (0..JOBS).flat_map(|number| job(number, &mut random)).collect();
    events.shuffle(&mut random);
    events
}

/// The events as they are sent: shuffled, some of them twice.
pub(crate) fn sent(events: &[Event]) -> Vec<Event> {
    let mut random = StdRng::seed_from_u64(4_202);
    let mut sent =
        [events, &events.choose_multiple(&mut random, DUPLICATES).cloned().collect::<Vec<_>>()]
            .concat();
    sent.shuffle(&mut random);
    sent
}

/// A job that starts in the last hour of a day, and at first seems to end before midnight.
fn job(number: i64, random: &mut StdRng) -> Vec<Event> {
    let key = match number % 3 {
        0 => JobKey::new(number / 3),
        attempt => {
            JobKey::in_app("application_1711929600000_0007", attempt.to_string(), number / 3)
        }
    };
    let user = USERS[number as usize % 5];
    let midnight = Day::from_number(FIRST_DAY + (number % DAYS) as i32 + 1).start().as_millis();
    let start = midnight - 3_600_000 + random.random_range(0..3_000_000);
    let at = |after_ms: i64| Timestamp::from_millis(start + after_ms);
    let end =
        |after_ms, result| Event::job_end(key.clone(), at(after_ms), user, at(after_ms), result);
    let begin = |after_ms, user| Event::job_start(key.clone(), at(after_ms), user);

    let result = if number % 10 == 3 { "JobFailed" } else { "JobSucceeded" };
    let mut events = vec![begin(0, user)];
    if number % 7 == 0 {
        events.push(begin(60_000, USERS[5]));
    }
    // One in fifty never ends.
    if number % 50 != 49 {
        events.push(end(300_000, result));
        if number % 5 == 0 {
            events.push(end(7_200_000, result));
        }
        if number % 4 == 0 {
            events.push(end(300_000, "JobLost"));
        }
    }
    for task in events.len()..EVENTS_A_JOB {
        // Every tenth event repeats the previous task with different content.
        let task = if task % 10 == 9 { task - 1 } else { task } as i64;
        let (duration_ms, is_good) = (random.random_range(0..60_000), random.random_ratio(19, 20));
        let name = format!("task_{number}_{task}");
        events.push(Event::task_end(
            key.clone(),
            at(task * 2_500),
            user,
            name,
            duration_ms,
            is_good,
        ));
    }
    events.into_iter().map(|event| event.unwrap()).collect()
}
