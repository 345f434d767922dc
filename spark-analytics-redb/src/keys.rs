//! Keys whose bytes sort as the values do.
//!
//! An `i64` or `i32` is big-endian with its sign bit flipped. A text ends with 0x00, so a prefix
//! sorts first; within it U+0000 and U+0001 are written as 0x01 0x01 and 0x01 0x02. A text at the
//! end of a key is written as it is. A job's number is its length in bytes, then those bytes, big-endian.

use spark_analytics_core::backend::EventId;
use spark_analytics_core::{AttemptKey, Day, JobKey, Timestamp};

/// The key of a job: application, attempt, job.
pub(crate) fn job(key: &JobKey) -> Vec<u8> {
    let mut out = Vec::with_capacity(key.app_id.len() + key.attempt_id.len() + 10);
    put_job(&mut out, key);
    out
}

/// The prefix of all keys of an application's attempt, which is also the application's own key.
pub(crate) fn application(app_id: &str, attempt_id: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(app_id.len() + attempt_id.len() + 2);
    put_text(&mut out, app_id);
    put_text(&mut out, attempt_id);
    out
}

/// The first key after all keys of an application's attempt.
pub(crate) fn after_application(app_id: &str, attempt_id: &str) -> Vec<u8> {
    let mut out = application(app_id, attempt_id);
    out.pop();
    out.push(1);
    out
}

/// The prefix of all keys of an application's attempts, and the first key after them.
pub(crate) fn attempts(app_id: &str) -> (Vec<u8>, Vec<u8>) {
    let mut first = Vec::with_capacity(app_id.len() + 1);
    put_text(&mut first, app_id);
    let mut after = first.clone();
    after.pop();
    after.push(1);
    (first, after)
}

/// The place of a job among those that are ordered by a number, such as their ends.
pub(crate) fn ranked_job(rank: i64, key: &JobKey) -> Vec<u8> {
    let mut out = ranks_from(rank);
    put_job(&mut out, key);
    out
}

/// The first place of a number in such an order.
pub(crate) fn ranks_from(rank: i64) -> Vec<u8> {
    let mut out = Vec::with_capacity(64);
    put_i64(&mut out, rank);
    out
}

/// The identity of an event within a store.
pub(crate) fn event(number: u64, id: &EventId<'_>) -> Vec<u8> {
    let mut out = Vec::with_capacity(id.task.len() + 18);
    put_number(&mut out, number);
    put_i64(&mut out, id.timestamp.as_micros());
    out.push(id.event_type.code());
    out.extend_from_slice(id.task.as_bytes());
    out
}

/// The prefix of all events of a job, which sorts before them and after those of jobs with lower numbers.
pub(crate) fn events_of(number: u64) -> Vec<u8> {
    let mut out = Vec::with_capacity(9);
    put_number(&mut out, number);
    out
}

/// A roll-up of a day, of a user or of all.
pub(crate) fn rollup(user: Option<&str>, day: Day) -> Vec<u8> {
    let mut out = Vec::with_capacity(user.map_or(0, str::len) + 6);
    match user {
        None => out.push(0),
        Some(user) => {
            out.push(1);
            put_text(&mut out, user);
        }
    }
    out.extend_from_slice(&flip_i32(day.number()).to_be_bytes());
    out
}

/// A stage attempt of an application's attempt.
pub(crate) fn stage(app_id: &str, attempt_id: &str, (stage, attempt): (i64, i64)) -> Vec<u8> {
    let mut out = application(app_id, attempt_id);
    put_i64(&mut out, stage);
    put_i64(&mut out, attempt);
    out
}

/// An executor of an application's attempt.
pub(crate) fn executor(app_id: &str, attempt_id: &str, id: &str) -> Vec<u8> {
    let mut out = application(app_id, attempt_id);
    out.extend_from_slice(id.as_bytes());
    out
}

/// An execution of SQL of an application's attempt.
pub(crate) fn sql(app_id: &str, attempt_id: &str, id: i64) -> Vec<u8> {
    let mut out = application(app_id, attempt_id);
    put_i64(&mut out, id);
    out
}

/// The job of a key that [`job`] made.
pub(crate) fn read_job(key: &[u8]) -> Option<JobKey> {
    let (job, rest) = take_job(key)?;
    rest.is_empty().then_some(job)
}

/// The attempt of a key that [`application`] made.
pub(crate) fn read_application(key: &[u8]) -> Option<AttemptKey> {
    let (app_id, rest) = take_text(key)?;
    let (attempt_id, rest) = take_text(rest)?;
    rest.is_empty().then(|| AttemptKey::new(app_id, attempt_id))
}

/// The number and the job of a key that [`ranked_job`] made.
pub(crate) fn read_ranked_job(key: &[u8]) -> Option<(i64, JobKey)> {
    let (rank, rest) = take_i64(key)?;
    Some((rank, read_job(rest)?))
}

/// The job's number and the time in a key that [`event`] made.
pub(crate) fn read_event(key: &[u8]) -> Option<(u64, Timestamp)> {
    let (number, rest) = take_number(key)?;
    let (time, _) = take_i64(rest)?;
    Some((number, Timestamp::from_micros(time)))
}

/// The day of a key that [`rollup`] made.
pub(crate) fn read_rollup_day(key: &[u8]) -> Option<Day> {
    key.last_chunk().map(|day| Day::from_number(flip_i32(i32::from_be_bytes(*day))))
}

fn put_job(out: &mut Vec<u8>, key: &JobKey) {
    put_text(out, &key.app_id);
    put_text(out, &key.attempt_id);
    put_i64(out, key.job_id);
}

fn take_job(key: &[u8]) -> Option<(JobKey, &[u8])> {
    let (app_id, rest) = take_text(key)?;
    let (attempt_id, rest) = take_text(rest)?;
    let (job_id, rest) = take_i64(rest)?;
    Some((JobKey { app_id, attempt_id, job_id }, rest))
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    for byte in text.bytes() {
        match byte {
            0 | 1 => out.extend_from_slice(&[1, byte + 1]),
            _ => out.push(byte),
        }
    }
    out.push(0);
}

fn take_text(key: &[u8]) -> Option<(String, &[u8])> {
    let end = key.iter().position(|byte| *byte == 0)?;
    let mut text = Vec::with_capacity(end);
    let mut bytes = key[..end].iter();
    while let Some(byte) = bytes.next() {
        text.push(match byte {
            1 => bytes.next().filter(|escaped| matches!(escaped, 1 | 2))? - 1,
            _ => *byte,
        });
    }
    Some((String::from_utf8(text).ok()?, &key[end + 1..]))
}

fn put_number(out: &mut Vec<u8>, number: u64) {
    let bytes = number.to_be_bytes();
    let zeros = number.leading_zeros() as usize / 8;
    out.push((bytes.len() - zeros) as u8);
    out.extend_from_slice(&bytes[zeros..]);
}

fn take_number(key: &[u8]) -> Option<(u64, &[u8])> {
    let (len, rest) = key.split_first()?;
    let (digits, rest) = rest.split_at_checked(usize::from(*len)).filter(|_| *len <= 8)?;
    if digits.first() == Some(&0) {
        return None;
    }
    let number = digits.iter().fold(0, |number, digit| number << 8 | u64::from(*digit));
    Some((number, rest))
}

fn put_i64(out: &mut Vec<u8>, value: i64) {
    out.extend_from_slice(&(value ^ i64::MIN).to_be_bytes());
}

fn take_i64(key: &[u8]) -> Option<(i64, &[u8])> {
    let (bytes, rest) = key.split_first_chunk()?;
    Some((i64::from_be_bytes(*bytes) ^ i64::MIN, rest))
}

const fn flip_i32(value: i32) -> i32 {
    value ^ i32::MIN
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use spark_analytics_core::EventType;

    /// Short texts over few letters, so that prefixes, escapes and equal texts are met often.
    fn text() -> impl Strategy<Value = String> {
        prop_oneof!["[\0\u{1}\u{2}ab]{0,4}", any::<String>()]
    }

    fn integer() -> impl Strategy<Value = i64> {
        prop_oneof![-2i64..3, any::<i64>(), Just(i64::MIN), Just(i64::MAX)]
    }

    fn number() -> impl Strategy<Value = u64> {
        prop_oneof![0u64..3, 254u64..258, 65_534u64..65_538, any::<u64>()]
    }

    fn job_key() -> impl Strategy<Value = JobKey> {
        (text(), text(), integer())
            .prop_map(|(app, attempt, job)| JobKey::in_app(app, attempt, job))
    }

    fn event_place() -> impl Strategy<Value = (u64, i64, u8, String)> {
        (number(), integer(), 0u8..3, text())
    }

    fn event_key((number, time, code, task): &(u64, i64, u8, String)) -> Vec<u8> {
        let timestamp = Timestamp::from_micros(*time);
        let event_type = EventType::from_code(*code).unwrap();
        event(*number, &EventId { timestamp, event_type, task })
    }

    fn day() -> impl Strategy<Value = Day> {
        prop_oneof![-2i32..3, any::<i32>()].prop_map(Day::from_number)
    }

    proptest! {
        #[test]
        fn encoded_jobs_sort_as_their_keys(a in job_key(), b in job_key()) {
            prop_assert_eq!(a.cmp(&b), job(&a).cmp(&job(&b)));
        }

        #[test]
        fn encoded_ranked_jobs_sort_as_their_keys(
            a in (integer(), job_key()),
            b in (integer(), job_key()),
        ) {
            prop_assert_eq!(a.cmp(&b), ranked_job(a.0, &a.1).cmp(&ranked_job(b.0, &b.1)));
            prop_assert_eq!(a.0 <= b.0, ranks_from(a.0) < ranked_job(b.0, &b.1));
        }

        #[test]
        fn encoded_events_sort_as_their_keys(a in event_place(), b in event_place()) {
            prop_assert_eq!(a.cmp(&b), event_key(&a).cmp(&event_key(&b)));
            prop_assert_eq!(a.0 <= b.0, events_of(a.0) < event_key(&b));
        }

        #[test]
        fn encoded_rollups_sort_as_their_keys(
            a in (prop::option::of(text()), day()),
            b in (prop::option::of(text()), day()),
        ) {
            let key = |(user, day): &(Option<String>, Day)| rollup(user.as_deref(), *day);
            prop_assert_eq!(a.cmp(&b), key(&a).cmp(&key(&b)));
        }

        #[test]
        fn encoded_facts_sort_as_their_keys(
            a in (text(), text(), integer(), integer(), text()),
            b in (text(), text(), integer(), integer(), text()),
        ) {
            let of_stage = |f: &(String, String, i64, i64, String)| stage(&f.0, &f.1, (f.2, f.3));
            let of_executor = |f: &(String, String, i64, i64, String)| executor(&f.0, &f.1, &f.4);
            let of_sql = |f: &(String, String, i64, i64, String)| sql(&f.0, &f.1, f.2);
            prop_assert_eq!((&a.0, &a.1, a.2).cmp(&(&b.0, &b.1, b.2)), of_sql(&a).cmp(&of_sql(&b)));
            prop_assert_eq!(
                (&a.0, &a.1, a.2, a.3).cmp(&(&b.0, &b.1, b.2, b.3)),
                of_stage(&a).cmp(&of_stage(&b))
            );
            prop_assert_eq!(
                (&a.0, &a.1, &a.4).cmp(&(&b.0, &b.1, &b.4)),
                of_executor(&a).cmp(&of_executor(&b))
            );
        }

        #[test]
        fn an_applications_rows_are_between_its_bounds(a in job_key(), b in job_key()) {
            let range = application(&a.app_id, &a.attempt_id)
                ..after_application(&a.app_id, &a.attempt_id);
            let same = (&a.app_id, &a.attempt_id) == (&b.app_id, &b.attempt_id);
            prop_assert_eq!(same, range.contains(&job(&b)));
        }

        #[test]
        fn encoded_keys_are_read_back(key in job_key(), rank in integer(), place in event_place(), day in day()) {
            prop_assert_eq!(read_ranked_job(&ranked_job(rank, &key)), Some((rank, key.clone())));
            prop_assert_eq!(read_job(&job(&key)), Some(key));
            let read = (place.0, Timestamp::from_micros(place.1));
            prop_assert_eq!(read_event(&event_key(&place)), Some(read));
            prop_assert_eq!(read_rollup_day(&rollup(Some(&place.3), day)), Some(day));
            prop_assert_eq!(read_rollup_day(&rollup(None, day)), Some(day));
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let mut few = bytes.clone();
            few.iter_mut().for_each(|byte| *byte %= 4);
            for bytes in [&bytes, &few] {
                if let Some(key) = read_job(bytes) {
                    prop_assert_eq!(&job(&key), bytes);
                }
                if let Some((rank, key)) = read_ranked_job(bytes) {
                    prop_assert_eq!(&ranked_job(rank, &key), bytes);
                }
                if let Some((number, time)) = read_event(bytes) {
                    let mut key = events_of(number);
                    put_i64(&mut key, time.as_micros());
                    prop_assert!(bytes.starts_with(&key));
                }
                let _ = read_rollup_day(bytes);
            }
        }
    }
}
