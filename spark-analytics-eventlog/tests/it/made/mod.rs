//! Event logs built line by line, with the fields that Spark writes.

pub(crate) mod codecs;

use serde_json::{Value, json};
use spark_analytics_core::log::{LogJob, LogSnapshot, Stage};
use spark_analytics_eventlog::read_from;

pub(crate) const NAME: &str = "local-1";

/// An event log under construction.
#[derive(Clone, Default)]
pub(crate) struct Log(pub(crate) Vec<String>);

impl Log {
    /// A log of an application that has started.
    pub(crate) fn started() -> Self {
        let mut log = Self::default();
        log.add(json!({"Event": "SparkListenerLogStart", "Spark Version": "4.1.0"}));
        log.add(json!({
            "Event": "SparkListenerApplicationStart", "App Name": "made", "App ID": "local-1",
            "Timestamp": 1_000, "User": "ada",
        }));
        log
    }

    pub(crate) fn add(&mut self, event: Value) -> &mut Self {
        // Spark writes "Event" first; a map of serde_json is sorted by key.
        let class = event["Event"].as_str().unwrap();
        let fields = event.to_string();
        let class = format!("\"Event\":\"{class}\"");
        let rest = fields.replacen(&class, "", 1).replacen("{,", "{", 1).replacen(",,", ",", 1);
        let rest = rest.strip_prefix('{').unwrap();
        let comma = if rest == "}" { "" } else { "," };
        self.0.push(format!("{{{class}{comma}{rest}").replace(",}", "}"));
        self
    }

    pub(crate) fn job_start(&mut self, job: i64, stages: &[(i64, i64)]) -> &mut Self {
        let stages: Vec<Value> =
            stages.iter().map(|(id, tasks)| stage_info(*id, 0, *tasks)).collect();
        self.add(json!({
            "Event": "SparkListenerJobStart", "Job ID": job, "Submission Time": job.wrapping_add(2_000),
            "Stage Infos": stages, "Properties": {"spark.job.description": "a job"},
        }))
    }

    pub(crate) fn job_end(&mut self, job: i64) -> &mut Self {
        self.add(json!({
            "Event": "SparkListenerJobEnd", "Job ID": job, "Completion Time": job.wrapping_add(9_000),
            "Job Result": {"Result": "JobSucceeded"},
        }))
    }

    pub(crate) fn submit(&mut self, stage: i64, attempt: i64, tasks: i64) -> &mut Self {
        let mut info = stage_info(stage, attempt, tasks);
        info["Submission Time"] = 3_000.into();
        self.add(json!({"Event": "SparkListenerStageSubmitted", "Stage Info": info}))
    }

    pub(crate) fn complete(&mut self, stage: i64, attempt: i64, tasks: i64) -> &mut Self {
        let mut info = stage_info(stage, attempt, tasks);
        info["Submission Time"] = 3_000.into();
        info["Completion Time"] = 8_000.into();
        self.add(json!({"Event": "SparkListenerStageCompleted", "Stage Info": info}))
    }

    pub(crate) fn task_start(&mut self, stage: (i64, i64), task: i64, index: i64) -> &mut Self {
        self.add(json!({
            "Event": "SparkListenerTaskStart", "Stage ID": stage.0, "Stage Attempt ID": stage.1,
            "Task Info": task_info(task, index, 0),
        }))
    }

    pub(crate) fn task_end(
        &mut self,
        stage: (i64, i64),
        task: i64,
        index: i64,
        reason: Value,
    ) -> &mut Self {
        self.add(json!({
            "Event": "SparkListenerTaskEnd", "Stage ID": stage.0, "Stage Attempt ID": stage.1,
            "Task Type": "ResultTask", "Task End Reason": reason,
            "Task Info": task_info(task, index, task.wrapping_add(1).wrapping_mul(10).wrapping_add(4_000)),
            "Task Metrics": {"Executor Run Time": 7, "JVM GC Time": 1, "Input Metrics": {"Bytes Read": 5}},
        }))
    }

    /// The start and the successful end of a task.
    pub(crate) fn task(&mut self, stage: (i64, i64), task: i64, index: i64) -> &mut Self {
        self.task_start(stage, task, index).task_end(stage, task, index, success())
    }

    pub(crate) fn executor_added(&mut self, id: &str) -> &mut Self {
        self.add(json!({
            "Event": "SparkListenerExecutorAdded", "Timestamp": 1_500, "Executor ID": id,
            "Executor Info": {"Host": "h", "Total Cores": 4, "Log Urls": {}},
        }))
    }

    pub(crate) fn executor_removed(&mut self, id: &str) -> &mut Self {
        self.add(json!({
            "Event": "SparkListenerExecutorRemoved", "Timestamp": 5_000, "Executor ID": id,
            "Removed Reason": "lost",
        }))
    }

    pub(crate) fn text(&self) -> String {
        self.0.iter().map(|line| format!("{line}\n")).collect()
    }

    pub(crate) fn read(&self) -> LogSnapshot {
        let log = read_from(self.text().as_bytes(), NAME).unwrap();
        assert_eq!(log.warnings, []);
        log.snapshot
    }

    pub(crate) fn job(&self, id: i64) -> LogJob {
        self.read().jobs.into_iter().find(|job| job.job_id == id).unwrap()
    }

    pub(crate) fn stage(&self, id: i64, attempt: i64) -> Stage {
        let mut stages = self.read().stages.into_iter();
        stages.find(|stage| (stage.stage_id, stage.stage_attempt_id) == (id, attempt)).unwrap()
    }
}

pub(crate) fn success() -> Value {
    json!({"Reason": "Success"})
}

fn stage_info(stage: i64, attempt: i64, tasks: i64) -> Value {
    json!({
        "Stage ID": stage, "Stage Attempt ID": attempt, "Stage Name": format!("stage {stage}"),
        "Number of Tasks": tasks, "RDD Info": [], "Details": "",
    })
}

fn task_info(task: i64, index: i64, finish: i64) -> Value {
    json!({
        "Task ID": task, "Index": index, "Attempt": 0, "Launch Time": 4_000,
        "Executor ID": "1", "Host": "h", "Finish Time": finish, "Accumulables": [{"ID": 1}],
    })
}
