//! A line gives the same facts in every layout: in Spark's own, for which the reader has a fast path, and in any
//! other, which is parsed.

use std::fmt::Write as _;

use proptest::prelude::*;
use proptest::sample::{Index, select};
use spark_analytics_eventlog::{LogFile, read_from};

/// Fields in the order in which they appear in the text.
type Fields = Vec<(String, String)>;

fn object(fields: &[(String, String)]) -> String {
    let mut text = String::from("{");
    for (at, (name, value)) in fields.iter().enumerate() {
        let comma = if at > 0 { "," } else { "" };
        write!(text, "{comma}\"{name}\":{value}").unwrap();
    }
    text + "}"
}

fn fields(pairs: &[(&str, String)]) -> Fields {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
}

/// Numbers as Spark writes them, and sometimes in another form.
fn number() -> BoxedStrategy<String> {
    prop_oneof![
        30 => Just("0".to_owned()),
        20 => (0..100_000i64).prop_map(|n| n.to_string()),
        10 => (0..2_000_000_000_000i64).prop_map(|n| n.to_string()),
        2 => any::<i64>().prop_map(|n| n.to_string()),
        1 => select(vec![
            "-1", "-0", "1.0", "1.9", "1e3", "1E-2", "00", "01", "\"7\"", "null", "true", "[]", "{}",
            "9223372036854775807", "9223372036854775808", "99999999999999999999", "1 ", " 1", "",
        ]).prop_map(str::to_owned),
    ]
    .boxed()
}

/// Small ids, so that most stages, tasks and executors are those of the log.
fn id() -> BoxedStrategy<String> {
    prop_oneof![30 => (0..4i64).prop_map(|n| n.to_string()), 1 => number()].boxed()
}

/// Quoted texts: plain, escaped, and containing what looks like a field that is searched for.
fn text() -> BoxedStrategy<String> {
    let plain = "[a-zA-Z0-9 ._-]{0,20}";
    prop_oneof![
        20 => plain.prop_map(|t| format!("\"{t}\"")),
        3 => "[ -~é\u{1f600}]{0,30}".prop_map(|t| serde_json::to_string(&t).unwrap()),
        2 => select(vec![
            r#"]},"Task Metrics":{"Executor Run Time":7}}"#, r#","Task Metrics":{"#, r#""}]}"#, "{[", "]}", "\\",
            "\n", "\u{0}", "Success", "\"", "}{",
        ]).prop_map(|t| serde_json::to_string(t).unwrap()),
        1 => select(vec![r#""\u0041""#, r#""\ud83d\ude00""#, r#""\x""#, "\"", "null", "7", ""]).prop_map(str::to_owned),
    ]
    .boxed()
}

fn executor() -> BoxedStrategy<String> {
    prop_oneof![30 => select(vec!["\"1\"", "\"2\"", "\"driver\""]).prop_map(str::to_owned), 2 => text()]
    .boxed()
}

fn boolean() -> BoxedStrategy<String> {
    prop_oneof![30 => select(vec!["true", "false"]), 1 => select(vec!["null", "tru", "1"])]
        .prop_map(str::to_owned)
        .boxed()
}

fn accumulable() -> BoxedStrategy<String> {
    let value = prop_oneof![
        10 => number(),
        10 => text(),
        1 => select(vec!["[]", "[1,{\"a\":[]}]", "{\"b\":{}}", "[{\"Block ID\":\"rdd_0\"}]"]).prop_map(str::to_owned),
    ];
    (number(), text(), value)
        .prop_map(|(id, name, value)| {
            object(&fields(&[
                ("ID", id),
                ("Name", name),
                ("Update", value),
                ("Internal", "true".to_owned()),
            ]))
        })
        // Their content is not read on the fast path, so invalid JSON is noticed only if the line is parsed.
        .prop_filter("JSON", |text| serde_json::from_str::<serde_json::Value>(text).is_ok())
        .boxed()
}

fn accumulables() -> BoxedStrategy<String> {
    prop::collection::vec(accumulable(), 0..6)
        .prop_map(|all| format!("[{}]", all.join(",")))
        .boxed()
}

fn task_info() -> BoxedStrategy<Fields> {
    let ids = (id(), id(), number(), number());
    let rest = (executor(), text(), text(), boolean(), number(), number());
    (ids, number(), rest, boolean(), boolean(), accumulables())
        .prop_map(|(ids, launch, rest, failed, killed, all)| {
            fields(&[
                ("Task ID", ids.0),
                ("Index", ids.1),
                ("Attempt", ids.2),
                ("Partition ID", ids.3),
                ("Launch Time", launch),
                ("Executor ID", rest.0),
                ("Host", rest.1),
                ("Locality", rest.2),
                ("Speculative", rest.3),
                ("Getting Result Time", rest.4),
                ("Finish Time", rest.5),
                ("Failed", failed),
                ("Killed", killed),
                ("Accumulables", all),
            ])
        })
        .boxed()
}

const SHUFFLE_READ: [&str; 8] = [
    "Remote Blocks Fetched",
    "Local Blocks Fetched",
    "Fetch Wait Time",
    "Remote Bytes Read",
    "Remote Bytes Read To Disk",
    "Local Bytes Read",
    "Total Records Read",
    "Remote Requests Duration",
];
const PUSH: [&str; 9] = [
    "Corrupt Merged Block Chunks",
    "Merged Fetch Fallback Count",
    "Merged Remote Blocks Fetched",
    "Merged Local Blocks Fetched",
    "Merged Remote Chunks Fetched",
    "Merged Local Chunks Fetched",
    "Merged Remote Bytes Read",
    "Merged Local Bytes Read",
    "Merged Remote Requests Duration",
];
const METRICS: [&str; 12] = [
    "Executor Deserialize Time",
    "Executor Deserialize CPU Time",
    "Executor Run Time",
    "Executor CPU Time",
    "Peak Execution Memory",
    "Peak On Heap Execution Memory",
    "Peak Off Heap Execution Memory",
    "Result Size",
    "JVM GC Time",
    "Result Serialization Time",
    "Memory Bytes Spilled",
    "Disk Bytes Spilled",
];
const PEAKS: [&str; 6] = [
    "JVMHeapMemory",
    "JVMOffHeapMemory",
    "OnHeapExecutionMemory",
    "MinorGCCount",
    "TotalGCTime",
    "ConcurrentGCTime",
];

/// Named numbers, often all 0; a few may be missing.
fn numbers(names: &'static [&'static str]) -> BoxedStrategy<Fields> {
    let zeros = names.iter().map(|name| ((*name).to_owned(), "0".to_owned())).collect::<Fields>();
    let some = prop::collection::vec((number(), 0..60u8), names.len()).prop_map(move |values| {
        let named = names.iter().zip(values).filter(|(_, (_, keep))| *keep > 0);
        named.map(|(name, (value, _))| ((*name).to_owned(), value)).collect::<Fields>()
    });
    prop_oneof![1 => Just(zeros), 2 => some].boxed()
}

fn metrics() -> BoxedStrategy<Fields> {
    let read = (numbers(&SHUFFLE_READ), numbers(&PUSH));
    let write =
        numbers(&["Shuffle Bytes Written", "Shuffle Write Time", "Shuffle Records Written"]);
    let input = numbers(&["Bytes Read", "Records Read"]);
    let output = numbers(&["Bytes Written", "Records Written"]);
    let blocks =
        prop_oneof![20 => Just("[]"), 1 => Just("[{\"Block ID\":\"rdd_1_2\",\"Status\":{}}]")];
    (numbers(&METRICS), read, write, input, output, blocks)
        .prop_map(|(mut all, (mut read, push), write, input, output, blocks)| {
            read.push(("Push Based Shuffle".to_owned(), object(&push)));
            all.push(("Shuffle Read Metrics".to_owned(), object(&read)));
            all.push(("Shuffle Write Metrics".to_owned(), object(&write)));
            all.push(("Input Metrics".to_owned(), object(&input)));
            all.push(("Output Metrics".to_owned(), object(&output)));
            all.push(("Updated Blocks".to_owned(), blocks.to_owned()));
            all
        })
        .boxed()
}

fn reason() -> BoxedStrategy<String> {
    prop_oneof![
        20 => Just("{\"Reason\":\"Success\"}".to_owned()),
        2 => select(vec![
            "{\"Reason\":\"Resubmitted\"}", "{\"Reason\":\"TaskKilled\",\"Kill Reason\":\"why\"}", "{}", "null",
            "{\"Reason\":\"ExceptionFailure\",\"Stack Trace\":[]}", "{\"Reason\":\"Success\",\"x\":1}",
        ]).prop_map(str::to_owned),
    ]
    .boxed()
}

/// A change to the fields of an object.
#[derive(Clone, Debug)]
enum Change {
    None,
    Swap(Index, Index),
    Remove(Index),
    Repeat(Index),
    Extra(Index, String),
}

fn change() -> BoxedStrategy<Change> {
    let extra = select(vec![
        "{}",
        "[]",
        "1",
        "\"a\"",
        "{\"Task Metrics\":{\"Executor Run Time\":9}}",
        "null",
    ]);
    prop_oneof![
        20 => Just(Change::None),
        1 => any::<(Index, Index)>().prop_map(|(a, b)| Change::Swap(a, b)),
        1 => any::<Index>().prop_map(Change::Remove),
        1 => any::<Index>().prop_map(Change::Repeat),
        1 => (any::<Index>(), extra).prop_map(|(at, value)| Change::Extra(at, value.to_owned())),
    ]
    .boxed()
}

fn changed(mut fields: Fields, change: &Change) -> String {
    match change {
        _ if fields.is_empty() => {}
        Change::None => {}
        Change::Swap(a, b) => {
            let (a, b) = (a.index(fields.len()), b.index(fields.len()));
            fields.swap(a, b);
        }
        Change::Remove(at) => drop(fields.remove(at.index(fields.len()))),
        Change::Repeat(at) => fields.push(fields[at.index(fields.len())].clone()),
        Change::Extra(at, value) => {
            let extra = ("Something New".to_owned(), value.clone());
            fields.insert(at.index(fields.len() + 1), extra);
        }
    }
    object(&fields)
}

fn task_end() -> BoxedStrategy<String> {
    let changes = (change(), change(), change());
    let metrics = prop_oneof![1 => Just(None), 10 => metrics().prop_map(Some)];
    let peaks = prop_oneof![1 => Just(None), 10 => numbers(&PEAKS).prop_map(Some)];
    (id(), id(), text(), reason(), task_info(), peaks, metrics, changes)
        .prop_map(|(stage, attempt, kind, reason, info, peaks, metrics, changes)| {
            let mut end = fields(&[
                ("Stage ID", stage),
                ("Stage Attempt ID", attempt),
                ("Task Type", kind),
                ("Task End Reason", reason),
                ("Task Info", changed(info, &changes.0)),
            ]);
            if let Some(peaks) = peaks {
                end.push(("Task Executor Metrics".to_owned(), object(&peaks)));
            }
            if let Some(metrics) = metrics {
                end.push(("Task Metrics".to_owned(), changed(metrics, &changes.1)));
            }
            end.insert(0, ("Event".to_owned(), "\"SparkListenerTaskEnd\"".to_owned()));
            changed(end, &changes.2)
        })
        .boxed()
}

fn task_start() -> BoxedStrategy<String> {
    (id(), id(), task_info(), change(), change())
        .prop_map(|(stage, attempt, info, a, b)| {
            let start = fields(&[
                ("Event", "\"SparkListenerTaskStart\"".to_owned()),
                ("Stage ID", stage),
                ("Stage Attempt ID", attempt),
                ("Task Info", changed(info, &a)),
            ]);
            changed(start, &b)
        })
        .boxed()
}

fn line() -> BoxedStrategy<String> {
    (prop_oneof![task_start(), task_end()], select(vec!["", "", "", "", "\r", " ", "}", ",", "x"]))
        .prop_map(|(line, end)| line.replace('\n', " ") + end)
        .boxed()
}

/// The log of an application with two running stages and executors, followed by the given lines.
fn read(lines: &[Vec<u8>], before: &[u8]) -> LogFile {
    let head = r#"{"Event":"SparkListenerApplicationStart","App Name":"a","App ID":"local-1","Timestamp":1,"User":"u"}
{"Event":"SparkListenerExecutorAdded","Timestamp":1,"Executor ID":"1","Executor Info":{"Host":"h","Total Cores":4}}
{"Event":"SparkListenerExecutorAdded","Timestamp":1,"Executor ID":"2","Executor Info":{"Host":"h","Total Cores":4}}
{"Event":"SparkListenerJobStart","Job ID":0,"Submission Time":1,"Stage Infos":[{"Stage ID":0,"Stage Name":"s","Number of Tasks":4},{"Stage ID":1,"Stage Name":"s","Number of Tasks":4}]}
{"Event":"SparkListenerStageSubmitted","Stage Info":{"Stage ID":0,"Stage Attempt ID":0,"Stage Name":"s","Number of Tasks":4,"Submission Time":1}}
{"Event":"SparkListenerStageSubmitted","Stage Info":{"Stage ID":1,"Stage Attempt ID":0,"Stage Name":"s","Number of Tasks":4,"Submission Time":1}}
"#;
    let mut text = head.as_bytes().to_vec();
    for line in lines {
        text.extend_from_slice(before);
        text.extend_from_slice(line);
        text.push(b'\n');
    }
    read_from(&text[..], "local-1").unwrap()
}

/// Reads lines as they are, and with a leading space, which keeps them off the fast path.
fn assert_same(lines: &[Vec<u8>]) {
    let (laid_out, parsed) = (read(lines, b""), read(lines, b" "));
    assert_eq!(laid_out.snapshot, parsed.snapshot);
    let warnings = |log: &LogFile| -> Vec<(u64, String)> {
        log.warnings.iter().map(|w| (w.line, w.reason.clone())).collect()
    };
    assert_eq!(warnings(&laid_out), warnings(&parsed));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn lines_of_tasks_give_the_same_facts_in_every_layout(lines in prop::collection::vec(line(), 1..12)) {
        assert_same(&lines.into_iter().map(String::into_bytes).collect::<Vec<_>>());
    }

    /// Accumulables are not read, so a changed byte in them is noticed only if it unbalances the line.
    #[test]
    fn a_changed_byte_has_the_same_effect_on_both_paths(line in line(), at in any::<Index>(), byte in any::<u8>()) {
        let mut line = line.into_bytes();
        let at = at.index(line.len());
        let start = line.windows(14).position(|part| part == b"\"Accumulables\"").unwrap_or(0);
        let end = line.windows(14).position(|part| part == b"\"Task Metrics\"").unwrap_or(line.len());
        prop_assume!(byte != b'\n' && !(start..end).contains(&at));
        line[at] = byte;
        assert_same(&[line]);
    }
}

/// Ensures that the tests above do not compare the slow path with itself.
#[test]
fn a_line_in_sparks_layout_is_recognised() {
    let path =
        concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cases/small-3.5-plain/log/local-1795465576509");
    let text = std::fs::read_to_string(path).unwrap();
    let line = text.lines().find(|line| line.contains("SparkListenerTaskEnd")).unwrap();
    // The fast path does not read the content of accumulables, and this content is not JSON.
    let damaged = line.replacen("\"ID\":", "\"ID\";", 1).into_bytes();
    assert_ne!(line.as_bytes(), damaged);
    assert_eq!(read(std::slice::from_ref(&damaged), b"").warnings, []);
    assert_eq!(read(&[damaged], b" ").warnings.len(), 1);
}
