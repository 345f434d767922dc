//! Values in Redis: a checksum, the library's version, and the content.

use serde::Serialize;
use serde::de::DeserializeOwned;
use spark_analytics_core::backend::JobFold;
use spark_analytics_core::{JobRecord, Rollup};
use twox_hash::XxHash32;

/// Another version may encode the content differently, so its values are ignored.
const VERSION: &[u8] = concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes();

/// Longer values are not cached.
const MAX_BYTES: usize = 1 << 20;

pub(crate) fn encode_job(record: Option<&JobRecord>) -> Option<Vec<u8>> {
    let mut content = postcard::to_stdvec(&record.map(|record| &record.events)).ok()?;
    if let Some(log) = record.and_then(|record| record.log.as_ref()) {
        serde_json::to_writer(&mut content, log).ok()?;
    }
    seal(&content)
}

pub(crate) fn decode_job(value: &[u8]) -> Option<Option<JobRecord>> {
    let (events, log): (Option<JobFold>, _) = postcard::take_from_bytes(open(value)?).ok()?;
    let log = if log.is_empty() { None } else { Some(serde_json::from_slice(log).ok()?) };
    Some(events.map(|events| JobRecord { events, log }))
}

pub(crate) fn encode_rollup(rollup: Option<&Rollup>) -> Option<Vec<u8>> {
    seal(&to_postcard(&rollup)?)
}

pub(crate) fn decode_rollup(value: &[u8]) -> Option<Option<Rollup>> {
    from_postcard(open(value)?)
}

fn to_postcard<T: Serialize>(value: &T) -> Option<Vec<u8>> {
    postcard::to_stdvec(value).ok()
}

fn from_postcard<T: DeserializeOwned>(content: &[u8]) -> Option<T> {
    match postcard::take_from_bytes(content) {
        Ok((value, [])) => Some(value),
        _ => None,
    }
}

fn seal(content: &[u8]) -> Option<Vec<u8>> {
    let mut value = vec![0; 4];
    value.extend_from_slice(VERSION);
    value.extend_from_slice(content);
    let sum = XxHash32::oneshot(0, &value[4..]);
    value[..4].copy_from_slice(&sum.to_le_bytes());
    (value.len() <= MAX_BYTES).then_some(value)
}

fn open(value: &[u8]) -> Option<&[u8]> {
    let (sum, rest) = value.split_first_chunk()?;
    let is_whole = u32::from_le_bytes(*sum) == XxHash32::oneshot(0, rest);
    rest.strip_prefix(VERSION).filter(|_| is_whole)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use spark_analytics_conformance::history;
    use spark_analytics_core::Timestamp;
    use spark_analytics_core::log::{LogJob, fact};

    use super::*;

    proptest! {
            #[test]
            fn a_value_is_read_back_unchanged(events in prop::collection::vec(history::event(), 0..8), in_log: bool) {
                let mut record = JobRecord::default();
                events.iter().for_each(|event| record.events.add(event));
                record.log = in_log.then(|| Box::new(fact!(LogJob {
                    user: "ada".to_owned(),
                    completion_time: Some(Timestamp::from_millis(7)),
    })));
                let value = encode_job(Some(&record)).expect("encodes");
                prop_assert_eq!(decode_job(&value), Some(Some(record)));
            }

            #[test]
            fn a_damaged_value_is_not_read(at in any::<prop::sample::Index>(), by in 1..=255u8) {
                let mut value = encode_rollup(Some(&Rollup::default())).expect("encodes");
                let at = at.index(value.len());
                value[at] ^= by;
                prop_assert_eq!(decode_rollup(&value), None);
                prop_assert_eq!(decode_rollup(&value[..at]), None);
            }
        }

    #[test]
    fn an_absent_value_is_cached_as_absent() {
        assert_eq!(encode_job(None).as_deref().and_then(decode_job), Some(None));
        assert_eq!(encode_rollup(None).as_deref().and_then(decode_rollup), Some(None));
        assert_eq!(decode_job(b""), None);
    }

    #[test]
    fn a_value_of_another_version_is_not_read() {
        let mut value = vec![0; 4];
        value.extend_from_slice(b"0.0.9\0\0");
        let sum = XxHash32::oneshot(0, &value[4..]);
        value[..4].copy_from_slice(&sum.to_le_bytes());
        assert_eq!(decode_job(&value), None);
    }
}
