//! No secret of a log gets into its facts, wherever it stands.

use serde_json::{Value, json};
use spark_analytics_core::history;
use spark_analytics_core::log::LogSnapshot;
use spark_analytics_eventlog::{LogFile, MAX_TEXT_BYTES, read_from};

use crate::made::{Log, NAME, success};

const SECRET: &str = "hunter2";
const HIDDEN: &str = "*********(redacted)";

fn environment(spark: Value) -> Value {
    json!({"Event": "SparkListenerEnvironmentUpdate", "Spark Properties": spark})
}

/// A log with a text in each free text of each event.
fn log_of(environment: Value, text: &str) -> Log {
    let mut log = Log::default();
    log.add(json!({"Event": "SparkListenerLogStart", "Spark Version": text}));
    log.add(json!({
        "Event": "SparkListenerResourceProfileAdded", "Resource Profile Id": 0,
        "Executor Resource Requests": {
            text: {"Amount": 1, "Discovery Script": text, "Vendor": text},
        },
        "Task Resource Requests": {text: {"Amount": 1.0}},
    }));
    log.add(json!({
        "Event": "SparkListenerBlockManagerAdded", "Maximum Memory": 9, "Timestamp": 1_000,
        "Block Manager ID": {"Executor ID": "driver", "Host": text, "Port": 1},
    }));
    log.add(environment);
    log.add(json!({
        "Event": "SparkListenerApplicationStart", "App Name": text, "App ID": "local-1",
        "Timestamp": 1_000, "User": "ada", "Driver Logs": {text: text},
        "Driver Attributes": {text: text},
    }));
    log.add(json!({
        "Event": "SparkListenerExecutorAdded", "Timestamp": 1_500, "Executor ID": "1",
        "Executor Info": {
            "Host": text, "Total Cores": 4, "Log Urls": {text: text}, "Attributes": {text: text},
            "Resources": {text: {"name": text, "addresses": [text]}},
        },
    }));
    log.add(json!({
        "Event": "org.apache.spark.scheduler.SparkListenerMiscellaneousProcessAdded",
        "time": 1_600, "processId": "am",
        "info": {"hostPort": text, "cores": 1, "logUrlInfo": {text: text}},
    }));
    let sql = |class: &str| format!("org.apache.spark.sql.execution.ui.SparkListenerSQL{class}");
    log.add(json!({
        "Event": sql("ExecutionStart"), "executionId": 0, "description": text,
        "physicalPlanDescription": text, "time": 1_900,
    }));
    let info = json!({
        "Stage ID": 0, "Stage Attempt ID": 0, "Stage Name": text, "Number of Tasks": 2,
        "Submission Time": 3_000,
    });
    let properties = json!({
        "spark.job.description": text, "spark.jobGroup.id": text, "spark.job.tags": text,
        "spark.scheduler.pool": text,
    });
    log.add(json!({
        "Event": "SparkListenerJobStart", "Job ID": 0, "Submission Time": 2_000,
        "Stage Infos": [info], "Properties": properties,
    }));
    log.add(json!({
        "Event": "SparkListenerStageSubmitted", "Stage Info": info, "Properties": properties,
    }));
    log.add(json!({
        "Event": sql("AdaptiveExecutionUpdate"), "executionId": 0, "physicalPlanDescription": text,
    }));
    log.task_start((0, 0), 1, 1);
    log.task_end((0, 0), 1, 1, json!({"Reason": "TaskKilled", "Kill Reason": text}));
    let mut failed = info.clone();
    failed["Failure Reason"] = text.into();
    failed["Completion Time"] = 8_000.into();
    log.add(json!({"Event": "SparkListenerStageCompleted", "Stage Info": failed}));
    log.add(json!({
        "Event": "SparkListenerJobEnd", "Job ID": 0, "Completion Time": 9_000,
        "Job Result": {"Result": "JobFailed", "Exception": {"Message": text}},
    }));
    log.add(json!({
        "Event": sql("ExecutionEnd"), "executionId": 0, "time": 9_100, "errorMessage": text,
    }));
    log.add(json!({
        "Event": "SparkListenerExecutorRemoved", "Timestamp": 9_300, "Executor ID": "1",
        "Removed Reason": text,
    }));
    log
}

/// All texts of a snapshot, one after another.
fn all_texts(snapshot: &LogSnapshot) -> String {
    serde_json::to_string(snapshot).unwrap()
}

fn read(log: &Log) -> LogFile {
    read_from(log.text().as_bytes(), NAME).unwrap()
}

#[track_caller]
fn assert_hidden(log: &Log) {
    let texts = all_texts(&log.read());
    assert!(texts.contains(HIDDEN) && !texts.contains("hunt"), "{texts}");
}

#[test]
fn a_secret_in_any_text_is_hidden() {
    for text in [
        "-Dmy.password=hunter2",
        "submit --conf spark.a.token=hunter2 --class Main",
        "submit --secret hunter2",
        "{\"accessKey\": \"hunter2\"}",
        "CREATE TABLE t USING jdbc OPTIONS (url 'u', password 'hunter2')",
        "jdbc:postgresql://host/db?user=u&password=hunter2",
        "failed: credential = hunter2",
        "apikey=hunter2",
        "jdbc:mysql://ada:hunter2@host/db",
        "--conf spark.hadoop.fs.azure.account.key.x.core.windows.net=hunter2",
        "my.api_key: hunter2",
        "keyStorePwd=hunter2",
        "export DB_PASS=hunter2",
        "--ssl-passphrase hunter2",
        "{\"AWS_ACCESS_KEY_ID\": \"hunter2\"}",
    ] {
        assert_hidden(&log_of(environment(json!({})), text));
    }
}

#[test]
fn properties_with_further_names_of_secrets_are_hidden() {
    let names =
        ["a.apikey", "account.key", "ssl.passphrase", "keyStorePwd", "DB_PASS", "x.private_key"];
    let properties: serde_json::Map<_, _> =
        names.iter().map(|name| ((*name).to_owned(), SECRET.into())).collect();
    let mut log = Log::started();
    log.add(environment(Value::Object(properties)));
    log.add(environment(
        json!({"spark.a": "/opt/pass DB_PASS=hunter2 -Xmx1g", "spark.bypass": "open"}),
    ));
    assert_hidden(&log);
    let environment = log.read().environment.unwrap();
    assert_eq!(
        environment.spark_properties["spark.a"],
        format!("/opt/pass DB_PASS={HIDDEN} -Xmx1g")
    );
    assert_eq!(environment.spark_properties["spark.bypass"], "open");
}

#[test]
fn a_secret_property_is_hidden_by_its_name_or_its_value() {
    let properties = json!({
        "spark.my.password": SECRET,
        "spark.driver.extraJavaOptions": "-Xmx1g -Dpassword=hunter2",
        "sun.java.command": "SparkSubmit --conf spark.executorEnv.HADOOP_CREDSTORE_PASSWORD=hunter2 x",
        "spark.hadoop.fs.s3a.access.key": SECRET,
        "AWS_SECRET_ACCESS_KEY": SECRET,
    });
    let mut log = Log::started();
    log.add(json!({
        "Event": "SparkListenerEnvironmentUpdate", "JVM Information": {"Java Home": "password=hunter2"},
        "Spark Properties": properties, "Hadoop Properties": properties,
        "System Properties": properties, "Metrics Properties": properties,
        "Classpath Entries": {"/jars/a.jar?token=hunter2": "System Classpath", "/token.jar": "System Classpath"},
    }));
    assert_hidden(&log);
    let environment = log.read().environment.unwrap();
    for kind in [
        &environment.spark_properties,
        &environment.hadoop_properties,
        &environment.system_properties,
        &environment.metrics_properties,
    ] {
        assert_eq!(kind.len(), 5);
        assert!(kind.values().all(|value| value == HIDDEN));
    }
    assert_eq!(environment.java_home.as_deref(), Some(HIDDEN));
    let shown = [
        ("/jars/a.jar?token=*********(redacted)", "System Classpath"),
        ("/token.jar", "System Classpath"),
    ];
    assert_eq!(
        environment.classpath_entries,
        shown.map(|(a, b)| (a.to_owned(), b.to_owned())).into()
    );
}

/// Lengths of what is before and after a secret: the text is cut before it, within it, just behind it, or far behind.
fn lengths() -> impl Iterator<Item = (usize, usize)> {
    let max = MAX_TEXT_BYTES;
    let before = [0, max - 18, max - 12, max - 9, max - 8, max - 1, max, max + 1];
    before.into_iter().flat_map(|before| [0, 100].map(|after| (before, after)))
}

#[test]
fn a_property_is_judged_before_it_is_cut() {
    for (before, after) in lengths() {
        let value = format!("{} -Dpassword=hunter2 {}", "x".repeat(before), "y".repeat(after));
        let mut log = Log::started();
        log.add(environment(json!({"spark.a": value})));
        assert_eq!(log.read().environment.unwrap().spark_properties["spark.a"], HIDDEN);
        let name = format!("{}password{}", "x".repeat(before), "y".repeat(after));
        let mut log = Log::started();
        log.add(environment(json!({name: SECRET})));
        let properties = log.read().environment.unwrap().spark_properties;
        assert_eq!(properties.values().collect::<Vec<_>>(), [HIDDEN]);
    }
    let log = include_bytes!("../faults/redaction-after-cut");
    let log = read_from(&log[..], "app-redact").unwrap();
    assert_eq!(log.snapshot.environment.as_ref().unwrap().spark_properties["spark.my.url"], HIDDEN);
    let environment = log.snapshot.environment.as_ref().unwrap();
    let shown = serde_json::to_string(&history::ApplicationEnvironmentInfo(environment)).unwrap();
    assert!(shown.contains(r#"["spark.my.url","*********(redacted)"]"#), "{shown}");
}

#[test]
fn a_text_is_judged_before_it_is_cut() {
    for (before, after) in lengths() {
        let text = format!("{} password=hunter2 {}", "x".repeat(before), "y".repeat(after));
        let log = log_of(environment(json!({})), &text).read();
        let texts = all_texts(&log);
        for secret in ["hunter2", "hunter", "hunt", "password=h"] {
            assert!(!texts.contains(secret), "{before} {after}: {secret}");
        }
        let name = &log.application.name;
        let whole = text.replace(SECRET, HIDDEN);
        assert_eq!(*name, whole[..whole.len().min(MAX_TEXT_BYTES)]);
    }
}

fn without_environment(snapshot: &LogSnapshot) -> LogSnapshot {
    let mut snapshot = snapshot.clone();
    snapshot.environment = None;
    snapshot
}

#[test]
fn a_pattern_of_the_log_holds_in_addition() {
    let patterns = environment(json!({
        "spark.redaction.regex": "(?i)my[.]key|AKIA[0-9A-Z]{16}",
        "spark.redaction.string.regex": "hunter[0-9]",
        "spark.sql.redaction.string.regex": "gsk_\\w+",
        "spark.sql.redaction.options.regex": "(?i)dbtable",
        "spark.a": "AKIA0123456789ABCDEF",
        "spark.my.key": SECRET,
        "spark.b": "a hunter2 b",
        "spark.c": "-Dpassword=x",
        "spark.d": "open",
    }));
    let text = "a hunter2 b gsk_hunt é spark.my.key=hunt password=hunt";
    let log = log_of(patterns, text);
    let snapshot = log.read();
    let properties = snapshot.environment.as_ref().unwrap().spark_properties.clone();
    let values = ["spark.a", "spark.b", "spark.c", "spark.d", "spark.my.key"]
        .map(|name| properties[name].as_str());
    assert_eq!(values, [HIDDEN, "a *********(redacted) b", HIDDEN, "open", HIDDEN]);
    let want = "a [] b [] é spark.my.key=[] password=[]".replace("[]", HIDDEN);
    // What came before the environment is hidden as well.
    let texts = all_texts(&without_environment(&snapshot));
    assert!(!texts.contains("hunt"), "{texts}");
    assert_eq!(snapshot.application.name, want);
    assert_eq!(snapshot.application.spark_version, want);
    assert_eq!(snapshot.sql[0].plan_description, want);
    assert_eq!(snapshot.jobs[0].killed_tasks_summary, [(want, 1)].into());
}

#[test]
fn options_of_sql_are_hidden_in_plans() {
    let plan = "Relation [url=jdbc:x, dbtable=t] struct<url:string> Filter (url#1 = url#2)";
    let mut log =
        log_of(environment(json!({"spark.sql.redaction.options.regex": "dbtable"})), "text url=x");
    log.add(json!({
        "Event": "org.apache.spark.sql.execution.ui.SparkListenerSQLExecutionStart", "executionId": 1,
        "description": "d", "physicalPlanDescription": plan, "time": 1_900,
    }));
    let log = log.read();
    let want = "Relation [url=[] dbtable=[] struct<url:string> Filter (url#1 = url#2)"
        .replace("[]", HIDDEN);
    assert_eq!(log.sql[1].plan_description, want);
    assert_eq!(log.application.name, "text url=x");
}

#[test]
fn a_pattern_that_cannot_be_used_is_a_warning_and_the_default_holds() {
    let unknown = "it is too complex, or not a regular expression of this library";
    for (pattern, reason) in [
        ("(", unknown),
        ("(?<=a)b", unknown),
        ("(a)\\1", unknown),
        ("\\p{Lu}", unknown),
        ("[a-z]{900}{900}", unknown),
        ("(x|y).{500}z", unknown),
        (&"x".repeat(5_000), "it is longer than 4096 bytes"),
    ] {
        let log =
            log_of(environment(json!({"spark.redaction.regex": pattern})), "password=hunter2");
        let file = read(&log);
        let [warning] = &file.warnings[..] else { panic!("{pattern}: {:?}", file.warnings) };
        let of = "the pattern in spark.redaction.regex is not used, only Spark's default is: ";
        assert_eq!(warning.reason, format!("{of}{reason}"), "{pattern}");
        assert_eq!(warning.line, 4);
        assert!(!all_texts(&file.snapshot).contains(SECRET));
    }
    for pattern in ["", HIDDEN] {
        let log = log_of(environment(json!({"spark.redaction.regex": pattern})), "open");
        assert_eq!(log.read().application.name, "open");
    }
}

#[test]
fn a_pattern_that_is_found_everywhere_hides_the_whole_text() {
    for pattern in [".*", "a?", "[a-z]", "\\b"] {
        let text = "open ".repeat(300);
        let log =
            log_of(environment(json!({"spark.redaction.string.regex": pattern})), &text).read();
        assert_eq!(log.application.name, HIDDEN, "{pattern}");
    }
}

#[test]
fn patterns_that_change_again_and_again_are_bounded() {
    let mut log = log_of(environment(json!({})), "a1b a9b");
    for n in 0..12 {
        log.add(environment(json!({"spark.redaction.string.regex": format!("a{n}b")})));
    }
    let file = read(&log);
    assert_eq!(file.warnings.len(), 4);
    let reason = "spark.redaction.string.regex changes too often; its new pattern is not used";
    assert!(file.warnings.iter().all(|warning| warning.reason == reason), "{:?}", file.warnings);
    assert_eq!(file.snapshot.application.name, "*********(redacted) a9b");
}

#[test]
fn a_fact_that_a_later_pattern_changes_is_the_greater_one() {
    let before = log_of(environment(json!({})), "zzz");
    let mut after = before.clone();
    after.add(environment(json!({"spark.redaction.string.regex": "zzz"})));
    let (before, after) = (before.read(), after.read());
    assert!(!all_texts(&after).contains("zzz"), "{}", all_texts(&after));
    assert!(after.application > before.application);
    assert!(after.jobs[0] > before.jobs[0] && after.stages[0] > before.stages[0]);
    assert!(after.sql[0] > before.sql[0]);
    assert!(after.executors.iter().zip(&before.executors).all(|(after, before)| after > before));
    assert!(after.environment > before.environment);
}

#[test]
fn a_warning_quotes_no_secret() {
    let mut log = log_of(environment(json!({})), "open");
    log.add(environment(json!("password=hunter2")));
    log.add(json!({"Event": "SparkListenerJobEnd", "Job ID": "--token hunter2", "Job Result": {}}));
    let warnings = format!("{:?}", read(&log).warnings);
    assert!(warnings.contains("password=") && !warnings.contains("hunt"), "{warnings}");
}

#[test]
fn u_0000_is_replaced_with_a_warning() {
    let log = log_of(environment(json!({"spark.a": "x\0", "spark\0": "y"})), "a\0b");
    let file = read(&log);
    assert!(!all_texts(&file.snapshot).contains("\\u0000"));
    assert_eq!(file.snapshot.jobs[0].description.as_deref(), Some("a\u{fffd}b"));
    assert!(file.warnings.iter().all(|w| w.reason == "U+0000 in a text became U+FFFD"));
    let lines: Vec<u64> = file.warnings.iter().map(|warning| warning.line).collect();
    // The tasks are summed from their first line.
    assert_eq!(lines, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 15, 16, 17]);
    let mut plain = Log::started();
    plain.job_start(0, &[(0, 1)]).submit(0, 0, 1).task_end((0, 0), 0, 0, success());
    assert_eq!(read(&plain).warnings, []);
}
