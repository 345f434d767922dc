//! How a job ended.

use std::fmt;

/// A result that is neither `JobSucceeded` nor `JobFailed`. Only [`JobResult::from_name`] creates it, so that each
/// result has exactly one representation.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnknownResult(String);

/// How a job ended.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum JobResult {
    /// Spark's `JobSucceeded`.
    Succeeded,
    /// Spark's `JobFailed`.
    Failed,
    /// Any other text, kept as it is and counted as unknown.
    Unknown(UnknownResult),
}

impl JobResult {
    /// The result with this name in Spark.
    pub fn from_name(name: &str) -> Self {
        match name {
            "JobSucceeded" => Self::Succeeded,
            "JobFailed" => Self::Failed,
            other => Self::Unknown(UnknownResult(other.to_owned())),
        }
    }

    /// Spark's name of the result, or the text that was reported instead.
    pub fn name(&self) -> &str {
        match self {
            Self::Succeeded => "JobSucceeded",
            Self::Failed => "JobFailed",
            Self::Unknown(UnknownResult(text)) => text,
        }
    }
}

/// As [`JobResult::from_name`].
///
/// ```
/// use spark_analytics_core::{JobFilter, JobResult};
///
/// let mut failed = JobFilter::default();
/// failed.result = Some("JobFailed".into());
/// assert_eq!(failed.result, Some(JobResult::Failed));
/// ```
impl From<&str> for JobResult {
    fn from(name: &str) -> Self {
        Self::from_name(name)
    }
}

impl fmt::Display for JobResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
