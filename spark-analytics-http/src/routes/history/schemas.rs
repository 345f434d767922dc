//! The types of Spark's `org.apache.spark.status.api.v1`, for the OpenAPI document.

use spark_analytics_core::history::{EXECUTOR_METRICS, STAGE_METRICS};
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, SchemaType, Type};
use utoipa::openapi::{ComponentsBuilder, KnownFormat, Ref, RefOr, Schema, SchemaFormat};

/// The type of a field. The name of a field ends in `?` if Spark omits it when it has no value.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Text,
    Integer,
    Number,
    Flag,
    /// `2026-11-23T20:29:32.315GMT`
    Date,
    /// A list.
    Texts,
    Integers,
    /// A list of lists of a name and a value.
    Pairs,
    /// A list whose elements are not stored.
    Nothing,
    /// An object whose values have this type.
    TextMap,
    IntegerMap,
    MapOf(&'static str),
    One(&'static str),
    Many(&'static str),
}

use Kind::{
    Date, Flag, Integer, IntegerMap, Integers, Many, MapOf, Nothing, Number, One, Pairs, Text,
    TextMap, Texts,
};

type Fields = &'static [(&'static str, Kind)];

const TYPES: &[(&str, Fields)] = &[
    ("VersionInfo", &[("spark", Text)]),
    ("RddStorageInfo", &[]),
    (
        "ProcessSummary",
        &[
            ("id", Text),
            ("hostPort", Text),
            ("isActive", Flag),
            ("totalCores", Integer),
            ("addTime", Date),
            ("processLogs", TextMap),
        ],
    ),
    (
        "ApplicationInfo",
        &[("id", Text), ("name", Text), ("attempts", Many("ApplicationAttemptInfo"))],
    ),
    (
        "ApplicationAttemptInfo",
        &[
            ("attemptId?", Text),
            ("startTime", Date),
            ("endTime", Date),
            ("lastUpdated", Date),
            ("duration", Integer),
            ("sparkUser", Text),
            ("completed", Flag),
            ("appSparkVersion", Text),
            ("startTimeEpoch", Integer),
            ("endTimeEpoch", Integer),
            ("lastUpdatedEpoch", Integer),
        ],
    ),
    (
        "JobData",
        &[
            ("jobId", Integer),
            ("name", Text),
            ("description?", Text),
            ("submissionTime?", Date),
            ("completionTime?", Date),
            ("stageIds", Integers),
            ("jobGroup?", Text),
            ("jobTags", Texts),
            ("status", Text),
            ("numTasks", Integer),
            ("numActiveTasks", Integer),
            ("numCompletedTasks", Integer),
            ("numSkippedTasks", Integer),
            ("numFailedTasks", Integer),
            ("numKilledTasks", Integer),
            ("numCompletedIndices", Integer),
            ("numActiveStages", Integer),
            ("numCompletedStages", Integer),
            ("numSkippedStages", Integer),
            ("numFailedStages", Integer),
            ("killedTasksSummary", IntegerMap),
        ],
    ),
    // The metrics are added below.
    (
        "StageData",
        &[
            ("status", Text),
            ("stageId", Integer),
            ("attemptId", Integer),
            ("numTasks", Integer),
            ("numActiveTasks", Integer),
            ("numCompleteTasks", Integer),
            ("numFailedTasks", Integer),
            ("numKilledTasks", Integer),
            ("numCompletedIndices", Integer),
            ("submissionTime?", Date),
            ("firstTaskLaunchedTime?", Date),
            ("completionTime?", Date),
            ("failureReason?", Text),
            ("name", Text),
            ("description?", Text),
            ("schedulingPool", Text),
            ("speculationSummary?", One("SpeculationStageSummary")),
            ("killedTasksSummary", IntegerMap),
            ("resourceProfileId", Integer),
            ("peakExecutorMetrics?", One("ExecutorMetrics")),
            ("isShufflePushEnabled", Flag),
            ("shuffleMergersCount", Integer),
        ],
    ),
    (
        "SpeculationStageSummary",
        &[
            ("numTasks", Integer),
            ("numActiveTasks", Integer),
            ("numCompletedTasks", Integer),
            ("numFailedTasks", Integer),
            ("numKilledTasks", Integer),
        ],
    ),
    (
        "ExecutorSummary",
        &[
            ("id", Text),
            ("hostPort", Text),
            ("isActive", Flag),
            ("rddBlocks", Integer),
            ("memoryUsed", Integer),
            ("diskUsed", Integer),
            ("totalCores", Integer),
            ("maxTasks", Integer),
            ("activeTasks", Integer),
            ("failedTasks", Integer),
            ("completedTasks", Integer),
            ("totalTasks", Integer),
            ("totalDuration", Integer),
            ("totalGCTime", Integer),
            ("totalInputBytes", Integer),
            ("totalShuffleRead", Integer),
            ("totalShuffleWrite", Integer),
            ("isBlacklisted", Flag),
            ("maxMemory", Integer),
            ("addTime?", Date),
            ("removeTime?", Date),
            ("removeReason?", Text),
            ("executorLogs", TextMap),
            ("memoryMetrics?", One("MemoryMetrics")),
            ("blacklistedInStages", Integers),
            ("peakMemoryMetrics?", One("ExecutorMetrics")),
            ("attributes", TextMap),
            ("resources", MapOf("ResourceInformation")),
            ("resourceProfileId", Integer),
            ("isExcluded", Flag),
            ("excludedInStages", Integers),
        ],
    ),
    (
        "MemoryMetrics",
        &[
            ("usedOnHeapStorageMemory", Integer),
            ("usedOffHeapStorageMemory", Integer),
            ("totalOnHeapStorageMemory", Integer),
            ("totalOffHeapStorageMemory", Integer),
        ],
    ),
    ("ResourceInformation", &[("name", Text), ("addresses", Texts)]),
    // The metrics are added below.
    ("ExecutorMetrics", &[]),
    (
        "ApplicationEnvironmentInfo",
        &[
            ("runtime", One("RuntimeInfo")),
            ("sparkProperties", Pairs),
            ("hadoopProperties", Pairs),
            ("systemProperties", Pairs),
            ("metricsProperties", Pairs),
            ("classpathEntries", Pairs),
            ("resourceProfiles", Many("ResourceProfileInfo")),
        ],
    ),
    ("RuntimeInfo", &[("javaVersion?", Text), ("javaHome?", Text), ("scalaVersion?", Text)]),
    (
        "ResourceProfileInfo",
        &[
            ("id", Integer),
            ("executorResources", MapOf("ExecutorResourceRequest")),
            ("taskResources", MapOf("TaskResourceRequest")),
        ],
    ),
    (
        "ExecutorResourceRequest",
        &[("resourceName", Text), ("amount", Integer), ("discoveryScript", Text), ("vendor", Text)],
    ),
    ("TaskResourceRequest", &[("resourceName", Text), ("amount", Number)]),
    (
        "ExecutionData",
        &[
            ("id", Integer),
            ("status", Text),
            ("description", Text),
            ("planDescription", Text),
            ("submissionTime", Date),
            ("duration", Integer),
            ("runningJobIds", Integers),
            ("successJobIds", Integers),
            ("failedJobIds", Integers),
            ("nodes", Nothing),
            ("edges", Nothing),
        ],
    ),
];

/// All types by name.
pub(super) fn components(components: ComponentsBuilder) -> ComponentsBuilder {
    TYPES.iter().fold(components, |components, (name, fields)| {
        let metrics: &[&str] = match *name {
            "StageData" => &STAGE_METRICS,
            "ExecutorMetrics" => &EXECUTOR_METRICS,
            _ => &[],
        };
        let mut object = ObjectBuilder::new();
        for (field, kind) in *fields {
            let name = field.trim_end_matches('?');
            object = object.property(name, kind.schema());
            if name == *field {
                object = object.required(name);
            }
        }
        for metric in metrics {
            object = object.property(*metric, Integer.schema()).required(*metric);
        }
        components.schema(*name, object)
    })
}

/// A value of a type, or a list of such values.
pub(super) fn answer(name: &str, is_list: bool) -> RefOr<Schema> {
    let one = Ref::from_schema_name(name);
    if is_list { ArrayBuilder::new().items(one).into() } else { one.into() }
}

/// A text.
pub(super) fn text() -> RefOr<Schema> {
    of(Type::String)
}

/// A text that matches a regular expression.
pub(super) fn text_like(pattern: &str) -> RefOr<Schema> {
    ObjectBuilder::new().schema_type(Type::String).pattern(Some(pattern)).into()
}

/// A 32-bit integer.
pub(super) fn int32(minimum: Option<i64>) -> RefOr<Schema> {
    let format = SchemaFormat::KnownFormat(KnownFormat::Int32);
    let integer = ObjectBuilder::new().schema_type(Type::Integer).format(Some(format));
    integer.minimum(minimum).into()
}

impl Kind {
    fn schema(self) -> RefOr<Schema> {
        match self {
            Text => of(Type::String),
            Integer => of(Type::Integer),
            Number => of(Type::Number),
            Flag => of(Type::Boolean),
            Date => {
                let example = serde_json::json!("2026-11-23T20:29:32.315GMT");
                ObjectBuilder::new().schema_type(Type::String).examples([example]).into()
            }
            Texts => list(of(Type::String)),
            Integers => list(of(Type::Integer)),
            Pairs => list(list(of(Type::String))),
            Nothing => list(of(Type::Object)),
            TextMap => map(of(Type::String)),
            IntegerMap => map(of(Type::Integer)),
            MapOf(name) => map(Ref::from_schema_name(name).into()),
            One(name) => answer(name, false),
            Many(name) => answer(name, true),
        }
    }
}

fn of(kind: Type) -> RefOr<Schema> {
    ObjectBuilder::new().schema_type(SchemaType::new(kind)).into()
}

fn list(items: RefOr<Schema>) -> RefOr<Schema> {
    ArrayBuilder::new().items(items).into()
}

fn map(values: RefOr<Schema>) -> RefOr<Schema> {
    ObjectBuilder::new().additional_properties(Some(values)).into()
}
