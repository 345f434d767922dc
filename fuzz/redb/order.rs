//! Keys that are written, read and sorted.

use std::cmp::Ordering;

use spark_analytics_core::backend::EventId;
use spark_analytics_core::{Day, EventType, JobKey, Timestamp};

use crate::keys;

/// Takes two sets of values from the input and checks that their keys sort as the values and are read back; and that the
/// input, read as a key, is invalid or is what that key is written as.
pub fn check(data: &[u8]) {
    read(data);
    let mut rest = data;
    let (Some(a), Some(b)) = (Values::take(&mut rest), Values::take(&mut rest)) else { return };
    a.read_back();
    b.read_back();
    let same = |a: Vec<u8>, b: Vec<u8>, order: Ordering| assert_eq!(a.cmp(&b), order);
    same(keys::job(&a.job), keys::job(&b.job), a.job.cmp(&b.job));
    same(a.ranked(), b.ranked(), (a.other, &a.job).cmp(&(b.other, &b.job)));
    assert_eq!(a.other <= b.other, keys::ranks_from(a.other) < b.ranked());
    same(a.event(), b.event(), a.event_order().cmp(&b.event_order()));
    assert_eq!(a.number <= b.number, keys::events_of(a.number) < b.event());
    same(a.rollup(), b.rollup(), (&a.user(), a.day).cmp(&(&b.user(), b.day)));
    same(a.stage(), b.stage(), a.stage_order().cmp(&b.stage_order()));
    same(a.executor(), b.executor(), (a.app(), &a.text).cmp(&(b.app(), &b.text)));
    same(a.sql(), b.sql(), (a.app(), a.other).cmp(&(b.app(), b.other)));
    let (first, after) = keys::attempts(&a.job.app_id);
    let (of_app, after_app) = (a.application(), keys::after_application(a.app().0, a.app().1));
    for key in [keys::job(&b.job), b.stage(), b.executor(), b.sql()] {
        assert_eq!(first <= key && key < after, a.job.app_id == b.job.app_id);
        assert_eq!(of_app <= key && key < after_app, a.app() == b.app());
    }
}

fn read(data: &[u8]) {
    if let Some(job) = keys::read_job(data) {
        assert_eq!(keys::job(&job), data);
    }
    if let Some((rank, key)) = keys::read_ranked_job(data) {
        assert_eq!(keys::ranked_job(rank, &key), data);
    }
    if let Some((number, time)) = keys::read_event(data) {
        let begin = keys::event(
            number,
            &EventId { timestamp: time, event_type: EventType::JobStart, task: "" },
        );
        assert!(data.starts_with(&begin[..begin.len() - 1]), "{number} {time}");
    }
    let _ = keys::read_rollup_day(data);
}

#[derive(Debug)]
struct Values {
    number: u64,
    time: Timestamp,
    event_type: EventType,
    job: JobKey,
    text: String,
    other: i64,
    day: Day,
}

impl Values {
    fn take(data: &mut &[u8]) -> Option<Self> {
        let time = Timestamp::from_micros(integer(data)?);
        let job = JobKey::in_app(text(data)?, text(data)?, integer(data)?);
        let (number, other) = (integer(data)?, integer(data)?);
        let event_type = EventType::from_code(number.unsigned_abs() as u8 % 3)?;
        let day = Day::from_number(other as i32);
        Some(Self { number: number as u64, time, event_type, job, text: text(data)?, other, day })
    }

    fn read_back(&self) {
        assert_eq!(keys::read_job(&keys::job(&self.job)).as_ref(), Some(&self.job));
        assert_eq!(keys::read_ranked_job(&self.ranked()), Some((self.other, self.job.clone())));
        assert_eq!(keys::read_event(&self.event()), Some((self.number, self.time)));
        assert_eq!(keys::read_rollup_day(&self.rollup()), Some(self.day));
    }

    fn ranked(&self) -> Vec<u8> {
        keys::ranked_job(self.other, &self.job)
    }

    fn app(&self) -> (&str, &str) {
        (&self.job.app_id, &self.job.attempt_id)
    }

    fn application(&self) -> Vec<u8> {
        keys::application(&self.job.app_id, &self.job.attempt_id)
    }

    fn event(&self) -> Vec<u8> {
        let Self { time, event_type, text, .. } = self;
        keys::event(self.number, &EventId { timestamp: *time, event_type: *event_type, task: text })
    }

    fn event_order(&self) -> (u64, Timestamp, u8, &str) {
        (self.number, self.time, self.event_type.code(), &self.text)
    }

    /// A user, or all users if the number is negative.
    fn user(&self) -> Option<&str> {
        (self.other >= 0).then_some(&self.text)
    }

    fn rollup(&self) -> Vec<u8> {
        keys::rollup(self.user(), self.day)
    }

    fn stage(&self) -> Vec<u8> {
        keys::stage(&self.job.app_id, &self.job.attempt_id, (self.other, self.number as i64))
    }

    fn stage_order(&self) -> (&str, &str, i64, i64) {
        (&self.job.app_id, &self.job.attempt_id, self.other, self.number as i64)
    }

    fn executor(&self) -> Vec<u8> {
        keys::executor(&self.job.app_id, &self.job.attempt_id, &self.text)
    }

    fn sql(&self) -> Vec<u8> {
        keys::sql(&self.job.app_id, &self.job.attempt_id, self.other)
    }
}

/// A length and a little-endian number of that length: short ones are small numbers, which are often equal.
fn integer(data: &mut &[u8]) -> Option<i64> {
    let (length, rest) = data.split_first()?;
    let (bytes, rest) = rest.split_at_checked(usize::from(*length % 9))?;
    *data = rest;
    let number = bytes.iter().rev().fold(0, |number, byte| number << 8 | i64::from(*byte));
    Some(if length & 0x80 == 0 { number } else { number.wrapping_neg() })
}

/// A length and a text of that length; invalid UTF-8 is replaced.
fn text(data: &mut &[u8]) -> Option<String> {
    let (length, rest) = data.split_first()?;
    let (bytes, rest) = rest.split_at_checked(usize::from(*length))?;
    *data = rest;
    Some(String::from_utf8_lossy(bytes).into_owned())
}
