//! What people call a job, and why it failed.

use serde::Deserialize;

use crate::log::LogJob;

/// Maximum length of a label in bytes: 4 KiB. Longer ones are truncated and end in `…`.
pub const MAX_LABEL_BYTES: usize = 4 * 1024;

/// What people call a job, and why it failed, as its event log reports it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct JobLabels {
    /// The application's name; `None` in records written by earlier versions.
    pub app_name: Option<String>,
    /// The name of its last stage, often a call site.
    pub name: String,
    /// `spark.job.description`.
    pub description: Option<String>,
    /// `spark.jobGroup.id`.
    pub job_group: Option<String>,
    /// `spark.sql.execution.id`.
    pub sql_execution_id: Option<i64>,
    /// The message of the exception that ended it.
    pub failure_message: Option<String>,
}

/// The first of the fields behind all labels in the JSON of a [`LogJob`].
const FIRST_OTHER: &str = ",\"stage_ids\":";

impl JobLabels {
    /// Reads the labels in the JSON of a [`LogJob`], as stores keep it, and skips most of the rest: lists
    /// read a page of them.
    ///
    /// # Errors
    /// If the part that is read is not JSON.
    pub fn from_log(json: &str) -> serde_json::Result<Self> {
        // No text within JSON contains this: its quotes would be escaped.
        let labels: Self = match json.find(FIRST_OTHER) {
            Some(end) => serde_json::from_str(&[&json[..end], "}"].concat())?,
            None => serde_json::from_str(json)?,
        };
        Ok(labels.truncated())
    }

    /// Whether the job failed because it was cancelled, alone or with its group or its application.
    pub fn is_cancelled(&self) -> bool {
        let Some(message) = &self.failure_message else { return false };
        let message = message.strip_prefix("[SPARK_JOB_CANCELLED] ").unwrap_or(message);
        let rest = message.strip_prefix("Job ").unwrap_or_default();
        let after_number = rest.trim_start_matches(|c: char| c.is_ascii_digit());
        after_number.len() < rest.len() && after_number.starts_with(" cancelled")
    }

    fn truncated(mut self) -> Self {
        truncate(&mut self.name);
        let texts = [
            &mut self.app_name,
            &mut self.description,
            &mut self.job_group,
            &mut self.failure_message,
        ];
        texts.into_iter().flatten().for_each(truncate);
        self
    }
}

impl From<&LogJob> for JobLabels {
    fn from(job: &LogJob) -> Self {
        let labels = Self {
            app_name: job.app_name.clone(),
            name: job.name.clone(),
            description: job.description.clone(),
            job_group: job.job_group.clone(),
            sql_execution_id: job.sql_execution_id,
            failure_message: job.failure_message.clone(),
        };
        labels.truncated()
    }
}

fn truncate(text: &mut String) {
    if text.len() > MAX_LABEL_BYTES {
        let end =
            (0..=MAX_LABEL_BYTES - '…'.len_utf8()).rev().find(|at| text.is_char_boundary(*at));
        text.truncate(end.unwrap_or(0));
        text.push('…');
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn job(text: &str) -> LogJob {
        LogJob {
            job_id: 7,
            name: text.to_owned(),
            app_name: Some(text.to_owned()),
            description: Some(text.to_owned()),
            job_group: Some(text.to_owned()),
            sql_execution_id: Some(3),
            failure_message: Some(text.to_owned()),
            stage_ids: vec![1, 2],
            ..LogJob::default()
        }
    }

    #[test]
    fn labels_read_from_json_are_those_of_the_job() {
        let long = "é".repeat(MAX_LABEL_BYTES);
        for text in ["count at a.py:1", "", r#"a","stage_ids":[1],"b":"c\"#, "\n\0", &long] {
            let job = job(text);
            let labels = JobLabels::from(&job);
            assert_eq!(JobLabels::from_log(&serde_json::to_string(&job).unwrap()).unwrap(), labels);
            assert_eq!(labels.name == text, text.len() <= MAX_LABEL_BYTES);
            assert!(labels.name.len() <= MAX_LABEL_BYTES);
        }
        // An earlier version wrote no name of the application.
        let json = r#"{"job_id":7,"name":"a","failure_message":null,"stage_ids":[],"tasks":{}}"#;
        let labels = JobLabels::from_log(json).unwrap();
        assert_eq!((labels.app_name, labels.name.as_str()), (None, "a"));
        assert_eq!(JobLabels::from_log(r#"{"name":"a"}"#).unwrap().name, "a");
        assert!(JobLabels::from_log(r#"{"name":"#).is_err());
    }

    #[test]
    fn all_labels_stand_before_the_other_fields() {
        let json = serde_json::to_string(&job("label")).unwrap();
        let end = json.find(FIRST_OTHER).unwrap();
        assert!(!json[end..].contains("label") && json[..end].contains("sql_execution_id"));
    }

    #[test]
    fn a_cancelled_job_is_told_by_its_message() {
        for (message, is_cancelled) in [
            ("Job 3 cancelled part of cancelled job group etl", true),
            ("Job 12 cancelled because SparkContext was shut down", true),
            ("[SPARK_JOB_CANCELLED] Job 0 cancelled  SQLSTATE: XXKDA", true),
            ("Job aborted due to stage failure: Job 3 cancelled", false),
            ("Job  cancelled", false),
            ("", false),
        ] {
            let labels = JobLabels::from(&job(message));
            assert_eq!(labels.is_cancelled(), is_cancelled, "{message}");
        }
        assert!(!JobLabels::default().is_cancelled());
    }
}
