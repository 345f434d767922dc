//! Matches task lines against the layout that Spark gives them.
//!
//! Nearly all lines of a log are of this kind. A line in another layout, or with an escape, an unusual number or
//! a reason other than success, is left to the parser.

use std::borrow::Cow;

use spark_analytics_core::history::EXECUTOR_METRICS;

use crate::fast::cursor::Cursor;
use crate::fast::scan::flat_array_end;
use crate::fold::tally::Tally;
use crate::wire::event::{TaskEndReason, TaskInfo};
use crate::wire::lenient::Text;
use crate::wire::metrics::{
    Input, Output, Peaks, PushShuffle, ShuffleRead, ShuffleWrite, TaskMetrics,
};
use crate::wire::number::END_OF_TIME;

/// Reads task lines.
#[derive(Debug, Default)]
pub(crate) struct Template<'a> {
    /// The last peaks, with their text: those of the next task are usually the same.
    last_peaks: (&'a [u8], Peaks),
    /// The metrics of the last task.
    metrics: TaskMetrics,
}

impl<'a> Template<'a> {
    /// Adds the task of the first line of a text to a tally. Returns the length of the line with its line feed,
    /// or `None` if the line must be parsed.
    pub(crate) fn read(&mut self, text: &'a [u8], tally: &mut Tally<'a>) -> Option<usize> {
        let mut cursor = Cursor::new(text);
        cursor.take(b"{\"Event\":\"SparkListenerTask")?;
        if cursor.skips(b"End\",\"Stage ID\":") {
            self.task_end(&mut cursor, tally)?;
        } else {
            cursor.take(b"Start\",\"Stage ID\":")?;
            let stage = stage(&mut cursor)?;
            let task = task_info(&mut cursor)?;
            end_line(&mut cursor)?;
            tally.start(stage, &task);
        }
        Some(cursor.at())
    }

    fn task_end(&mut self, cursor: &mut Cursor<'a>, tally: &mut Tally<'a>) -> Option<()> {
        let stage = stage(cursor)?;
        cursor.take(b",\"Task Type\":\"")?;
        cursor.skip_text()?;
        cursor.take(b",\"Task End Reason\":{\"Reason\":\"Success\"}")?;
        let task = task_info(cursor)?;
        let has_peaks = cursor.skips(b",\"Task Executor Metrics\":");
        if has_peaks {
            self.read_peaks(cursor)?;
        }
        let has_metrics = cursor.skips(b",\"Task Metrics\":{\"Executor Deserialize Time\":");
        if has_metrics {
            task_metrics(cursor, &mut self.metrics)?;
        }
        end_line(cursor)?;
        let peaks = has_peaks.then_some(&self.last_peaks.1);
        tally.end(stage, &task, &SUCCESS, has_metrics.then_some(&self.metrics), peaks);
        Some(())
    }

    fn read_peaks(&mut self, cursor: &mut Cursor<'a>) -> Option<()> {
        let start = cursor.at();
        let text = self.last_peaks.0;
        if text.is_empty() || !cursor.skips_all(text) {
            let peaks = peaks(cursor)?;
            self.last_peaks = (cursor.since(start), peaks);
        }
        Some(())
    }
}

const SUCCESS: TaskEndReason<'_> = TaskEndReason {
    reason: Text(Cow::Borrowed("Success")),
    kill_reason: None,
    job_id: None,
    partition_id: None,
    attempt_number: None,
};

fn end_line(cursor: &mut Cursor<'_>) -> Option<()> {
    cursor.take(b"}")?;
    cursor.skips(b"\r");
    cursor.take(b"\n")
}

fn stage(cursor: &mut Cursor<'_>) -> Option<(i64, i64)> {
    let id = cursor.number()?;
    cursor.take(b",\"Stage Attempt ID\":")?;
    Some((id, cursor.number()?))
}

fn task_info<'a>(cursor: &mut Cursor<'a>) -> Option<TaskInfo<'a>> {
    cursor.take(b",\"Task Info\":{\"Task ID\":")?;
    let id = cursor.number()?;
    cursor.take(b",\"Index\":")?;
    let index = cursor.number()?;
    cursor.take(b",\"Attempt\":")?;
    cursor.number()?;
    // Spark 3.3 and later.
    if cursor.skips(b",\"Partition ID\":") {
        cursor.number()?;
    }
    cursor.take(b",\"Launch Time\":")?;
    let launch_time = cursor.number()?;
    cursor.take(b",\"Executor ID\":\"")?;
    let executor_id = Text(Cow::Borrowed(cursor.text()?));
    cursor.take(b",\"Host\":\"")?;
    cursor.skip_text()?;
    cursor.take(b",\"Locality\":\"")?;
    cursor.skip_text()?;
    cursor.take(b",\"Speculative\":")?;
    let speculative = cursor.boolean()?;
    cursor.take(b",\"Getting Result Time\":")?;
    cursor.number()?;
    cursor.take(b",\"Finish Time\":")?;
    let finish_time = cursor.number()?;
    if launch_time.max(finish_time) >= END_OF_TIME {
        return None;
    }
    cursor.take(b",\"Failed\":")?;
    cursor.boolean()?;
    cursor.take(b",\"Killed\":")?;
    cursor.boolean()?;
    cursor.take(b",\"Accumulables\":[")?;
    cursor.advance(flat_array_end(cursor.rest())?);
    cursor.take(b"]}")?;
    Some(TaskInfo { id, index, launch_time, executor_id, speculative, finish_time })
}

/// The bytes of a text concatenated at compile time.
macro_rules! bytes {
    ($($text:literal)*) => {{
        const TEXT: &str = concat!($($text),*);
        const BYTES: [u8; TEXT.len()] = array(TEXT);
        &BYTES
    }};
}

const fn array<const N: usize>(text: &str) -> [u8; N] {
    let mut array = [0; N];
    array.copy_from_slice(text.as_bytes());
    array
}

/// Consumes numbers in Spark's order. Older versions of Spark write fewer.
macro_rules! numbers {
    ($cursor:ident, $into:ident, $($field:ident $name:literal)*) => {
        $(if $cursor.skips(bytes!(",\"" $name "\":")) {
            $into.$field = $cursor.number()?;
        })*
    };
}

fn task_metrics(cursor: &mut Cursor<'_>, metrics: &mut TaskMetrics) -> Option<()> {
    *metrics = TaskMetrics { deserialize_time: cursor.number()?, ..TaskMetrics::default() };
    numbers!(cursor, metrics,
        deserialize_cpu_time "Executor Deserialize CPU Time"
        run_time "Executor Run Time"
        cpu_time "Executor CPU Time"
        peak_execution_memory "Peak Execution Memory"
    );
    // Spark 4.1 and later.
    if cursor.skips(b",\"Peak On Heap Execution Memory\":") {
        cursor.number()?;
    }
    if cursor.skips(b",\"Peak Off Heap Execution Memory\":") {
        cursor.number()?;
    }
    numbers!(cursor, metrics,
        result_size "Result Size"
        gc_time "JVM GC Time"
        result_serialization_time "Result Serialization Time"
        memory_spilled "Memory Bytes Spilled"
        disk_spilled "Disk Bytes Spilled"
    );
    if cursor.skips(b",\"Shuffle Read Metrics\":{\"Remote Blocks Fetched\":") {
        metrics.shuffle_read = Some(shuffle_read(cursor)?);
    }
    if cursor.skips(b",\"Shuffle Write Metrics\":{\"Shuffle Bytes Written\":") {
        metrics.shuffle_write = Some(shuffle_write(cursor)?);
    }
    if cursor.skips(b",\"Input Metrics\":{\"Bytes Read\":") {
        let bytes = cursor.number()?;
        cursor.take(b",\"Records Read\":")?;
        metrics.input = Some(Input { bytes, records: cursor.number()? });
        cursor.take(b"}")?;
    }
    if cursor.skips(b",\"Output Metrics\":{\"Bytes Written\":") {
        let bytes = cursor.number()?;
        cursor.take(b",\"Records Written\":")?;
        metrics.output = Some(Output { bytes, records: cursor.number()? });
        cursor.take(b"}")?;
    }
    cursor.skips(b",\"Updated Blocks\":[]");
    cursor.take(b"}")
}

fn shuffle_read(cursor: &mut Cursor<'_>) -> Option<ShuffleRead> {
    // A task that read no shuffle.
    if cursor.skips(bytes!(
        "0,\"Local Blocks Fetched\":0,\"Fetch Wait Time\":0,\"Remote Bytes Read\":0,"
        "\"Remote Bytes Read To Disk\":0,\"Local Bytes Read\":0,\"Total Records Read\":0,"
        "\"Remote Requests Duration\":0,\"Push Based Shuffle\":{\"Corrupt Merged Block Chunks\":0,"
        "\"Merged Fetch Fallback Count\":0,\"Merged Remote Blocks Fetched\":0,"
        "\"Merged Local Blocks Fetched\":0,\"Merged Remote Chunks Fetched\":0,"
        "\"Merged Local Chunks Fetched\":0,\"Merged Remote Bytes Read\":0,"
        "\"Merged Local Bytes Read\":0,\"Merged Remote Requests Duration\":0}}"
    )) {
        let push = Some(PushShuffle::default());
        return Some(ShuffleRead { push, ..ShuffleRead::default() });
    }
    let mut read = ShuffleRead { remote_blocks: cursor.number()?, ..ShuffleRead::default() };
    numbers!(cursor, read,
        local_blocks "Local Blocks Fetched"
        fetch_wait_time "Fetch Wait Time"
        remote_bytes "Remote Bytes Read"
        remote_bytes_to_disk "Remote Bytes Read To Disk"
        local_bytes "Local Bytes Read"
        records "Total Records Read"
        remote_requests_duration "Remote Requests Duration"
    );
    if cursor.skips(b",\"Push Based Shuffle\":{\"Corrupt Merged Block Chunks\":") {
        read.push = Some(push_shuffle(cursor)?);
    }
    cursor.take(b"}")?;
    Some(read)
}

fn push_shuffle(cursor: &mut Cursor<'_>) -> Option<PushShuffle> {
    // Push-based shuffle is rare.
    if cursor.skips(bytes!(
        "0,\"Merged Fetch Fallback Count\":0,\"Merged Remote Blocks Fetched\":0,"
        "\"Merged Local Blocks Fetched\":0,\"Merged Remote Chunks Fetched\":0,"
        "\"Merged Local Chunks Fetched\":0,\"Merged Remote Bytes Read\":0,"
        "\"Merged Local Bytes Read\":0,\"Merged Remote Requests Duration\":0}"
    )) {
        return Some(PushShuffle::default());
    }
    let mut push = PushShuffle { corrupt_chunks: cursor.number()?, ..PushShuffle::default() };
    numbers!(cursor, push,
        fallbacks "Merged Fetch Fallback Count"
        remote_blocks "Merged Remote Blocks Fetched"
        local_blocks "Merged Local Blocks Fetched"
        remote_chunks "Merged Remote Chunks Fetched"
        local_chunks "Merged Local Chunks Fetched"
        remote_bytes "Merged Remote Bytes Read"
        local_bytes "Merged Local Bytes Read"
        remote_requests_duration "Merged Remote Requests Duration"
    );
    cursor.take(b"}")?;
    Some(push)
}

fn shuffle_write(cursor: &mut Cursor<'_>) -> Option<ShuffleWrite> {
    let bytes = cursor.number()?;
    cursor.take(b",\"Shuffle Write Time\":")?;
    let time = cursor.number()?;
    cursor.take(b",\"Shuffle Records Written\":")?;
    let records = cursor.number()?;
    cursor.take(b"}")?;
    Some(ShuffleWrite { bytes, time, records })
}

fn peaks(cursor: &mut Cursor<'_>) -> Option<Peaks> {
    let mut peaks = Peaks::default();
    let mut opening = b"{\"";
    for (peak, name) in peaks.0.iter_mut().zip(EXECUTOR_METRICS) {
        let mut field = *cursor;
        if field.skips(opening) && field.skips_all(name.as_bytes()) {
            field.take(b"\":")?;
            *peak = field.number()?;
            *cursor = field;
            opening = b",\"";
        }
    }
    cursor.take(b"}")?;
    Some(peaks)
}
