//! Metrics of tasks and peaks of executors.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use spark_analytics_core::TaskTotals;
use spark_analytics_core::history::{EXECUTOR_METRICS, STAGE_METRICS};

use crate::wire::number::{Whole, or_zero};

/// Metrics of a task; those that the log leaves out are 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct TaskMetrics {
    #[serde(rename = "Executor Deserialize Time", deserialize_with = "or_zero")]
    pub(crate) deserialize_time: i64,
    #[serde(rename = "Executor Deserialize CPU Time", deserialize_with = "or_zero")]
    pub(crate) deserialize_cpu_time: i64,
    #[serde(rename = "Executor Run Time", deserialize_with = "or_zero")]
    pub(crate) run_time: i64,
    #[serde(rename = "Executor CPU Time", deserialize_with = "or_zero")]
    pub(crate) cpu_time: i64,
    #[serde(rename = "Peak Execution Memory", deserialize_with = "or_zero")]
    pub(crate) peak_execution_memory: i64,
    #[serde(rename = "Result Size", deserialize_with = "or_zero")]
    pub(crate) result_size: i64,
    #[serde(rename = "JVM GC Time", deserialize_with = "or_zero")]
    pub(crate) gc_time: i64,
    #[serde(rename = "Result Serialization Time", deserialize_with = "or_zero")]
    pub(crate) result_serialization_time: i64,
    #[serde(rename = "Memory Bytes Spilled", deserialize_with = "or_zero")]
    pub(crate) memory_spilled: i64,
    #[serde(rename = "Disk Bytes Spilled", deserialize_with = "or_zero")]
    pub(crate) disk_spilled: i64,
    #[serde(rename = "Shuffle Read Metrics")]
    pub(crate) shuffle_read: Option<ShuffleRead>,
    #[serde(rename = "Shuffle Write Metrics")]
    pub(crate) shuffle_write: Option<ShuffleWrite>,
    #[serde(rename = "Input Metrics")]
    pub(crate) input: Option<Input>,
    #[serde(rename = "Output Metrics")]
    pub(crate) output: Option<Output>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct ShuffleRead {
    #[serde(rename = "Remote Blocks Fetched", deserialize_with = "or_zero")]
    pub(crate) remote_blocks: i64,
    #[serde(rename = "Local Blocks Fetched", deserialize_with = "or_zero")]
    pub(crate) local_blocks: i64,
    #[serde(rename = "Fetch Wait Time", deserialize_with = "or_zero")]
    pub(crate) fetch_wait_time: i64,
    #[serde(rename = "Remote Bytes Read", deserialize_with = "or_zero")]
    pub(crate) remote_bytes: i64,
    #[serde(rename = "Remote Bytes Read To Disk", deserialize_with = "or_zero")]
    pub(crate) remote_bytes_to_disk: i64,
    #[serde(rename = "Local Bytes Read", deserialize_with = "or_zero")]
    pub(crate) local_bytes: i64,
    #[serde(rename = "Total Records Read", deserialize_with = "or_zero")]
    pub(crate) records: i64,
    #[serde(rename = "Remote Requests Duration", deserialize_with = "or_zero")]
    pub(crate) remote_requests_duration: i64,
    #[serde(rename = "Push Based Shuffle")]
    pub(crate) push: Option<PushShuffle>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct PushShuffle {
    #[serde(rename = "Corrupt Merged Block Chunks", deserialize_with = "or_zero")]
    pub(crate) corrupt_chunks: i64,
    #[serde(rename = "Merged Fetch Fallback Count", deserialize_with = "or_zero")]
    pub(crate) fallbacks: i64,
    #[serde(rename = "Merged Remote Blocks Fetched", deserialize_with = "or_zero")]
    pub(crate) remote_blocks: i64,
    #[serde(rename = "Merged Local Blocks Fetched", deserialize_with = "or_zero")]
    pub(crate) local_blocks: i64,
    #[serde(rename = "Merged Remote Chunks Fetched", deserialize_with = "or_zero")]
    pub(crate) remote_chunks: i64,
    #[serde(rename = "Merged Local Chunks Fetched", deserialize_with = "or_zero")]
    pub(crate) local_chunks: i64,
    #[serde(rename = "Merged Remote Bytes Read", deserialize_with = "or_zero")]
    pub(crate) remote_bytes: i64,
    #[serde(rename = "Merged Local Bytes Read", deserialize_with = "or_zero")]
    pub(crate) local_bytes: i64,
    #[serde(rename = "Merged Remote Requests Duration", deserialize_with = "or_zero")]
    pub(crate) remote_requests_duration: i64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct ShuffleWrite {
    #[serde(rename = "Shuffle Bytes Written", deserialize_with = "or_zero")]
    pub(crate) bytes: i64,
    #[serde(rename = "Shuffle Write Time", deserialize_with = "or_zero")]
    pub(crate) time: i64,
    #[serde(rename = "Shuffle Records Written", deserialize_with = "or_zero")]
    pub(crate) records: i64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct Input {
    #[serde(rename = "Bytes Read", deserialize_with = "or_zero")]
    pub(crate) bytes: i64,
    #[serde(rename = "Records Read", deserialize_with = "or_zero")]
    pub(crate) records: i64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct Output {
    #[serde(rename = "Bytes Written", deserialize_with = "or_zero")]
    pub(crate) bytes: i64,
    #[serde(rename = "Records Written", deserialize_with = "or_zero")]
    pub(crate) records: i64,
}

impl TaskMetrics {
    /// Bytes read from storage.
    pub(crate) fn input_bytes(&self) -> i64 {
        self.input.unwrap_or_default().bytes
    }

    /// Bytes read from shuffles, local and remote.
    pub(crate) fn shuffle_read_bytes(&self) -> i64 {
        let read = self.shuffle_read.unwrap_or_default();
        read.local_bytes.wrapping_add(read.remote_bytes)
    }

    /// Bytes written to shuffles.
    pub(crate) fn shuffle_write_bytes(&self) -> i64 {
        self.shuffle_write.unwrap_or_default().bytes
    }

    /// Adds the task to totals.
    pub(crate) fn add_to(&self, totals: &mut TaskTotals) {
        totals.run_time_ms += i128::from(self.run_time);
        totals.cpu_time_ns += i128::from(self.cpu_time);
        totals.gc_time_ms += i128::from(self.gc_time);
        totals.input_bytes += i128::from(self.input_bytes());
        totals.output_bytes += i128::from(self.output.unwrap_or_default().bytes);
        totals.shuffle_read_bytes += i128::from(self.shuffle_read_bytes());
        totals.shuffle_write_bytes += i128::from(self.shuffle_write_bytes());
        totals.memory_spilled_bytes += i128::from(self.memory_spilled);
        totals.disk_spilled_bytes += i128::from(self.disk_spilled);
    }

    /// The values in the order of [`STAGE_METRICS`].
    fn values(&self) -> [i64; STAGE_METRICS.len()] {
        let read = self.shuffle_read.unwrap_or_default();
        let push = read.push.unwrap_or_default();
        let write = self.shuffle_write.unwrap_or_default();
        let input = self.input.unwrap_or_default();
        let output = self.output.unwrap_or_default();
        [
            self.deserialize_time,
            self.deserialize_cpu_time,
            self.run_time,
            self.cpu_time,
            self.result_size,
            self.gc_time,
            self.result_serialization_time,
            self.memory_spilled,
            self.disk_spilled,
            self.peak_execution_memory,
            input.bytes,
            input.records,
            output.bytes,
            output.records,
            read.remote_blocks,
            read.local_blocks,
            read.fetch_wait_time,
            read.remote_bytes,
            read.remote_bytes_to_disk,
            read.local_bytes,
            self.shuffle_read_bytes(),
            read.records,
            push.corrupt_chunks,
            push.fallbacks,
            push.remote_blocks,
            push.local_blocks,
            push.remote_chunks,
            push.local_chunks,
            push.remote_bytes,
            push.local_bytes,
            read.remote_requests_duration,
            push.remote_requests_duration,
            write.bytes,
            write.time,
            write.records,
        ]
    }
}

/// Sums of the metrics of a stage's tasks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sums([i64; STAGE_METRICS.len()]);

impl Default for Sums {
    fn default() -> Self {
        Self([0; STAGE_METRICS.len()])
    }
}

impl Sums {
    pub(crate) fn add(&mut self, task: &TaskMetrics) {
        self.merge(&Self(task.values()));
    }

    /// Adds other sums.
    pub(crate) fn merge(&mut self, other: &Self) {
        for (sum, value) in self.0.iter_mut().zip(other.0) {
            *sum = sum.wrapping_add(value);
        }
    }

    pub(crate) fn named(&self) -> BTreeMap<String, i64> {
        named(&STAGE_METRICS, &self.0)
    }
}

/// The highest reported value of each of [`EXECUTOR_METRICS`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peaks(pub(crate) [i64; EXECUTOR_METRICS.len()]);

impl Peaks {
    /// The state before any executor reported its memory: the first metric is -1, as Spark also writes it in
    /// the end of a task that failed before.
    pub(crate) const UNREPORTED: Self = {
        let mut values = [0; EXECUTOR_METRICS.len()];
        values[0] = -1;
        Self(values)
    };

    /// The values of an event without peaks.
    pub(crate) const NONE: Self = Self([0; EXECUTOR_METRICS.len()]);

    /// Raises each value to that of another, if that is higher.
    pub(crate) fn raise(&mut self, other: &Self) {
        for (peak, value) in self.0.iter_mut().zip(other.0) {
            *peak = (*peak).max(value);
        }
    }

    /// The peaks by name, if any were reported.
    pub(crate) fn named(&self) -> Option<BTreeMap<String, i64>> {
        (self.0[0] >= 0).then(|| named(&EXECUTOR_METRICS, &self.0))
    }
}

/// Metrics that an older Spark does not write are 0.
impl Default for Peaks {
    fn default() -> Self {
        Self::NONE
    }
}

fn named(names: &[&str], values: &[i64]) -> BTreeMap<String, i64> {
    let pairs = names.iter().zip(values).filter(|(_, value)| **value != 0);
    pairs.map(|(name, value)| ((*name).to_owned(), *value)).collect()
}

impl<'de> Deserialize<'de> for Peaks {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(PeaksVisitor)
    }
}

struct PeaksVisitor;

impl<'de> Visitor<'de> for PeaksVisitor {
    type Value = Peaks;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of executor metrics")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Peaks, A::Error> {
        let mut peaks = Peaks::default();
        let mut expected = 0;
        while let Some(slot) = map.next_key_seed(MetricName { expected })? {
            match slot {
                Some(slot) => {
                    peaks.0[slot] = map.next_value::<Whole>()?.0;
                    expected = slot + 1;
                }
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(peaks)
    }
}

/// Finds a metric by its name, without a search if they are in Spark's order.
struct MetricName {
    expected: usize,
}

impl<'de> serde::de::DeserializeSeed<'de> for MetricName {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for MetricName {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of an executor metric")
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        if EXECUTOR_METRICS.get(self.expected) == Some(&name) {
            return Ok(Some(self.expected));
        }
        Ok(EXECUTOR_METRICS.iter().position(|known| *known == name))
    }
}
