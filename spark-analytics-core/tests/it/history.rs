//! Facts as the History Server's REST API returns them.

use std::collections::BTreeMap;

use spark_analytics_core::Timestamp;
use spark_analytics_core::history::{
    ApplicationEnvironmentInfo, ApplicationInfo, ExecutionData, JobData,
};
use spark_analytics_core::log::{
    Application, Environment, Executor, ExecutorResource, LogJob, LogSnapshot, ResourceProfile,
    SqlExecution, fact,
};

fn texts(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn at(millis: i64) -> Option<Timestamp> {
    Some(Timestamp::from_millis(millis))
}

#[test]
fn fields_are_in_the_order_of_sparks_classes() {
    let attempts = [
        fact!(Application { app_id: "app".to_owned(), attempt_id: "2".to_owned() }),
        fact!(Application { attempt_id: "1".to_owned(), start_time: at(0) }),
    ];
    let unknown = "1969-12-31T23:59:59.999GMT";
    assert_eq!(
        serde_json::to_string(&ApplicationInfo(&attempts)).unwrap(),
        format!(
            concat!(
                r#"{{"id":"app","name":"","attempts":[{{"attemptId":"2","startTime":"{u}","endTime":"{u}","#,
                r#""lastUpdated":"{u}","duration":0,"sparkUser":"","completed":false,"#,
                r#""appSparkVersion":"","startTimeEpoch":-1,"endTimeEpoch":-1,"lastUpdatedEpoch":-1}},"#,
                r#"{{"attemptId":"1","startTime":"1970-01-01T00:00:00.000GMT","endTime":"{u}","#,
                r#""lastUpdated":"{u}","duration":0,"sparkUser":"","completed":false,"#,
                r#""appSparkVersion":"","startTimeEpoch":0,"endTimeEpoch":-1,"lastUpdatedEpoch":-1}}]}}"#
            ),
            u = unknown
        )
    );
    let job = serde_json::to_string(&JobData(&LogJob::default())).unwrap();
    assert!(
        job.starts_with(r#"{"jobId":0,"name":"","stageIds":[],"jobTags":[],"status":"RUNNING""#)
    );
}

#[test]
fn values_of_secrets_are_hidden() {
    let environment = fact!(Environment {
        java_version: Some("17".to_owned()),
        spark_properties: texts(&[
            ("spark.b", "1"),
            ("spark.a.Access.Key", "k"),
            ("spark.c", "-Dmy.PASSWORD=x"),
        ]),
        classpath_entries: texts(&[("/jars/token.jar", "System Classpath")]),
        resource_profiles: vec![fact!(ResourceProfile {
            id: 0,
            executor_resources: [("cores".to_owned(), fact!(ExecutorResource { amount: 2 }),)]
                .into(),
            task_resources: texts(&[("cpus", "1.0")]),
        })],
    });
    assert_eq!(
        serde_json::to_string(&ApplicationEnvironmentInfo(&environment)).unwrap(),
        concat!(
            r#"{"runtime":{"javaVersion":"17"},"sparkProperties":[["spark.a.Access.Key","*********(redacted)"],"#,
            r#"["spark.b","1"],["spark.c","*********(redacted)"]],"hadoopProperties":[],"systemProperties":[],"#,
            r#""metricsProperties":[],"classpathEntries":[["/jars/token.jar","System Classpath"]],"#,
            r#""resourceProfiles":[{"id":0,"executorResources":{"cores":{"resourceName":"cores","amount":2,"#,
            r#""discoveryScript":"","vendor":""}},"taskResources":{"cpus":{"resourceName":"cpus","amount":1.0}}}]}"#
        )
    );
}

#[test]
fn the_status_of_an_sql_execution_follows_from_its_error_and_its_jobs() {
    let job = |job_id, execution, result: &str| {
        fact!(LogJob { job_id, sql_execution_id: execution, job_result: result.to_owned() })
    };
    let mut log = fact!(LogSnapshot {
        application: fact!(Application { last_event_time: at(9_000) }),
        jobs: vec![
            job(3, Some(1), ""),
            job(1, Some(1), "JobSucceeded"),
            job(2, Some(1), "JobFailed"),
            job(4, None, "JobFailed"),
        ],
    });
    let execution = |execution_id, end: Option<i64>, error: Option<&str>| {
        fact!(SqlExecution {
            execution_id,
            submission_time: at(1_000),
            completion_time: end.and_then(at),
            error_message: error.map(str::to_owned),
            description: "count".to_owned(),
            plan_description: "== plan ==".to_owned(),
        })
    };
    log.sql = vec![
        execution(1, None, None),
        execution(1, Some(2_000), None),
        execution(1, Some(2_000), Some("")),
        execution(1, Some(2_000), Some("no such table")),
        execution(2, Some(2_000), None),
    ];
    let status = |at: usize| ExecutionData::of(&log, &log.sql[at..=at])[0].status();
    let statuses: Vec<_> = (0..5).map(status).collect();
    assert_eq!(statuses, ["RUNNING", "FAILED", "COMPLETED", "FAILED", "COMPLETED"]);
    assert_eq!(
        serde_json::to_string(&ExecutionData::of(&log, &log.sql[..1])).unwrap(),
        concat!(
            r#"[{"id":1,"status":"RUNNING","description":"count","planDescription":"== plan ==","#,
            r#""submissionTime":"1970-01-01T00:00:01.000GMT","duration":8000,"runningJobIds":[3],"#,
            r#""successJobIds":[1],"failedJobIds":[2],"nodes":[],"edges":[]}]"#
        )
    );
}

#[test]
fn core_time_ends_with_the_executor_or_the_log() {
    let mut executor = fact!(Executor { total_cores: 4, add_time: at(1_000) });
    assert_eq!(executor.core_time_ms(at(3_000)), 8_000);
    assert_eq!(executor.core_time_ms(None), 0);
    assert_eq!(executor.core_time_ms(at(0)), 0, "the clock went back");
    executor.remove_time = at(2_000);
    assert_eq!(executor.core_time_ms(at(3_000)), 4_000);
    executor.total_cores = i64::MAX;
    assert_eq!(executor.core_time_ms(None), i64::MAX);
}
