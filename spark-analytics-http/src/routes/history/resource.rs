//! The resources that paths below an application or an attempt name.

/// A resource of an attempt of an application.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Resource<'p> {
    Jobs,
    Job(i32),
    Stages,
    Stage(i32),
    StageAttempt(i32, i32),
    Executors,
    AllExecutors,
    Environment,
    Sql,
    SqlExecution(i64),
    Rdds,
    Rdd(i32),
    /// Processes that are neither driver nor executors.
    Processes,
    Threads,
    ThreadsOf(&'p str),
    /// A resource of Spark that this server does not store.
    Missing(Missing),
}

/// The resources that Spark serves and this server does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Missing {
    TaskSummary,
    TaskList,
    Logs,
    Streaming,
}

/// Whether the path begins with a resource; otherwise its first segment is the id of an attempt.
pub(super) fn starts_one(segments: &[&str]) -> bool {
    Resource::of(segments).is_some() || segments.is_empty()
}

impl<'p> Resource<'p> {
    pub(super) fn of(segments: &[&'p str]) -> Option<Self> {
        Some(match *segments {
            ["jobs"] => Self::Jobs,
            ["jobs", job] => Self::Job(number(job)?),
            ["stages"] => Self::Stages,
            ["stages", stage] => Self::Stage(number(stage)?),
            ["stages", stage, attempt] => Self::StageAttempt(number(stage)?, number(attempt)?),
            ["stages", stage, attempt, what] => {
                let (_, _): (i32, i32) = (number(stage)?, number(attempt)?);
                Self::Missing(match what {
                    "taskSummary" => Missing::TaskSummary,
                    "taskList" | "taskTable" => Missing::TaskList,
                    _ => return None,
                })
            }
            ["executors"] => Self::Executors,
            ["executors", executor, "threads"] => Self::ThreadsOf(executor),
            ["threads"] => Self::Threads,
            ["allmiscellaneousprocess"] => Self::Processes,
            ["allexecutors"] => Self::AllExecutors,
            ["environment"] => Self::Environment,
            ["sql"] => Self::Sql,
            ["sql", execution] => Self::SqlExecution(number(execution)?),
            ["storage", "rdd"] => Self::Rdds,
            ["storage", "rdd", rdd] => Self::Rdd(number(rdd)?),
            ["logs"] => Self::Missing(Missing::Logs),
            ["streaming", _, ..] => Self::Missing(Missing::Streaming),
            _ => return None,
        })
    }
}

/// A number that consists of digits only, as in Spark's paths.
fn number<T: std::str::FromStr>(text: &str) -> Option<T> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_number)
}
