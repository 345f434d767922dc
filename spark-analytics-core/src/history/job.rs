use serde::ser::{Serialize, Serializer};

use super::fields::{Date, Fields};
use crate::log::LogJob;

/// A job as Spark's `JobData`.
#[derive(Clone, Copy, Debug)]
pub struct JobData<'a>(pub &'a LogJob);

impl Serialize for JobData<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let job = self.0;
        let mut fields = Fields::of(serializer)?;
        fields
            .put("jobId", &job.job_id)?
            .put("name", &job.name)?
            .put_some("description", job.description.as_ref())?
            .put_some("submissionTime", Date::of(job.submission_time))?
            .put_some("completionTime", Date::of(job.completion_time))?
            .put("stageIds", &job.stage_ids)?
            .put_some("jobGroup", job.job_group.as_ref())?
            .put("jobTags", &job.job_tags)?
            .put("status", job_status(job))?
            .put("numTasks", &job.num_tasks)?
            .put("numActiveTasks", &job.active_tasks)?
            .put("numCompletedTasks", &job.tasks.succeeded)?
            .put("numSkippedTasks", &job.skipped_tasks)?
            .put("numFailedTasks", &job.tasks.failed)?
            .put("numKilledTasks", &job.tasks.killed)?
            .put("numCompletedIndices", &job.completed_indices)?
            .put("numActiveStages", &job.active_stages)?
            .put("numCompletedStages", &job.completed_stages)?
            .put("numSkippedStages", &job.skipped_stages)?
            .put("numFailedStages", &job.failed_stages)?
            .put("killedTasksSummary", &job.killed_tasks_summary)?;
        fields.end()
    }
}

/// The status of a job, as Spark's `JobExecutionStatus`.
pub fn job_status(job: &LogJob) -> &'static str {
    match job.job_result.as_str() {
        "" => "RUNNING",
        "JobSucceeded" => "SUCCEEDED",
        "JobFailed" => "FAILED",
        _ => "UNKNOWN",
    }
}
