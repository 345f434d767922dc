//! The description of the History Server routes for the OpenAPI document.

use utoipa::openapi::path::{
    HttpMethod, OperationBuilder, Parameter, ParameterBuilder, ParameterIn,
};
use utoipa::openapi::{
    ComponentsBuilder, ContentBuilder, InfoBuilder, OpenApi, OpenApiBuilder, PathItem,
    PathsBuilder, RefOr, Required, ResponseBuilder, Schema,
};

use super::schemas;

const TAG: &str = "history server";

/// A route: its path, its summary, the type of its response and whether that is a list, and its parameters.
struct Route(
    &'static str,
    &'static str,
    (&'static str, bool),
    &'static [(&'static str, &'static str)],
);

const ROOT: &[Route] = &[
    Route(
        "/api/v1/version",
        "The version of Spark that these responses follow",
        ("VersionInfo", false),
        &[],
    ),
    Route(
        "/api/v1/applications",
        "Applications, the last to end first and running ones at the end",
        ("ApplicationInfo", true),
        &[
            ("status", "Only `completed` or only `running` applications"),
            (
                "minDate",
                "Only applications that started then or later: a day, or an instant such as `2026-11-23T20:29:32.315GMT`",
            ),
            ("maxDate", "Only applications that started then or earlier"),
            ("minEndDate", "Only applications that ended then or later"),
            ("maxEndDate", "Only applications that ended then or earlier"),
            ("limit", "Maximum number of applications to list"),
        ],
    ),
    Route(
        "/api/v1/applications/{app_id}",
        "An application with its attempts, the newest first",
        ("ApplicationInfo", false),
        &[],
    ),
    Route(
        "/api/v1/applications/{app_id}/{attempt_id}",
        "An attempt of an application",
        ("ApplicationAttemptInfo", false),
        &[],
    ),
];

const STAGE_PARAMETERS: &[(&str, &str)] = &[
    (
        "details",
        "Whether to include `speculationSummary`; in the list of stages, `true` enables `taskStatus`. Single tasks are not stored",
    ),
    (
        "taskStatus",
        "In the list of stages with `details=true`, only stages with tasks that are `running`, `killed`, `failed`, \
         `success` or `unknown`; may be repeated",
    ),
    (
        "withSummaries",
        "Accepted and ignored: see `/api/v1/analytics/applications/{app_id}/stages` for distributions",
    ),
    ("quantiles", "Accepted and ignored"),
];

/// The routes below an application without attempts, and below an attempt.
const BELOW: &[Route] = &[
    Route(
        "jobs",
        "Its jobs, the newest first",
        ("JobData", true),
        &[(
            "status",
            "Only jobs that are `running`, `succeeded`, `failed` or `unknown`; may be repeated",
        )],
    ),
    Route("jobs/{job_id}", "One of its jobs", ("JobData", false), &[]),
    Route(
        "stages",
        "Its stage attempts, the newest first",
        ("StageData", true),
        &[
            (
                "status",
                "Only stages that are `active`, `complete`, `failed`, `pending` or `skipped`; may be repeated",
            ),
            STAGE_PARAMETERS[0],
            STAGE_PARAMETERS[1],
            STAGE_PARAMETERS[2],
            STAGE_PARAMETERS[3],
        ],
    ),
    Route("stages/{stage_id}", "The attempts of a stage", ("StageData", true), STAGE_PARAMETERS),
    Route(
        "stages/{stage_id}/{stage_attempt_id}",
        "An attempt of a stage",
        ("StageData", false),
        STAGE_PARAMETERS,
    ),
    Route("executors", "Its active executors", ("ExecutorSummary", true), &[]),
    Route(
        "allexecutors",
        "All its executors, including removed ones",
        ("ExecutorSummary", true),
        &[],
    ),
    Route(
        "environment",
        "Its environment, with secrets redacted",
        ("ApplicationEnvironmentInfo", false),
        &[],
    ),
    Route(
        "storage/rdd",
        "Always empty: cached RDDs are not recorded",
        ("RddStorageInfo", true),
        &[],
    ),
    Route(
        "allmiscellaneousprocess",
        "Its processes other than driver and executors",
        ("ProcessSummary", true),
        &[],
    ),
    Route(
        "sql",
        "Its SQL executions, without the graphs of their plans",
        ("ExecutionData", true),
        &[
            ("details", "Accepted and ignored: nodes and edges are not stored"),
            ("planDescription", "`false` leaves the text of the plan empty"),
            ("offset", "How many to skip, 0 by default"),
            ("length", "Maximum number to list, 20 by default; all if it is not positive"),
        ],
    ),
    Route(
        "sql/{execution_id}",
        "One of its SQL executions",
        ("ExecutionData", false),
        &[
            ("details", "Accepted and ignored: nodes and edges are not stored"),
            ("planDescription", "`false` leaves the text of the plan empty"),
        ],
    ),
];

/// The document of these routes alone.
pub(super) fn document() -> OpenApi {
    let below = ["/api/v1/applications/{app_id}", "/api/v1/applications/{app_id}/{attempt_id}"];
    let mut paths = PathsBuilder::new();
    for route in ROOT {
        paths = paths.path(route.0, route.item(route.0));
    }
    for (prefix, route) in
        below.iter().flat_map(|prefix| BELOW.iter().map(move |route| (prefix, route)))
    {
        let path = format!("{prefix}/{}", route.0);
        paths = paths.path(&path, route.item(&path));
    }
    OpenApiBuilder::new()
        .info(InfoBuilder::new().build())
        .paths(paths)
        .components(Some(schemas::components(ComponentsBuilder::new()).build()))
        .build()
}

impl Route {
    fn item(&self, path: &str) -> PathItem {
        let Self(_, summary, (schema, is_list), parameters) = self;
        let named = path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
        let mut operation = OperationBuilder::new()
            .tag(TAG)
            .summary(Some(*summary))
            .operation_id(Some(operation_id(path)));
        for name in named {
            operation = operation.parameter(parameter(name, ParameterIn::Path, None));
        }
        for (name, description) in *parameters {
            operation = operation.parameter(parameter(name, ParameterIn::Query, Some(description)));
        }
        let answer = ContentBuilder::new().schema(Some(schemas::answer(schema, *is_list))).build();
        let answer = ResponseBuilder::new()
            .description("The response of Spark's History Server")
            .content("application/json", answer);
        operation = operation.response("200", answer);
        for (status, description) in [
            ("400", "A date or a quantile is invalid"),
            ("404", "Not found, or a parameter is invalid"),
            ("500", "The store failed"),
            ("503", "The server is busy with other reads, or the store is unavailable now"),
        ] {
            let text = ContentBuilder::new().schema(Some(schemas::text())).build();
            let response =
                ResponseBuilder::new().description(description).content("text/plain", text);
            operation = operation.response(status, response);
        }
        PathItem::new(HttpMethod::Get, operation)
    }
}

/// A unique id for each path.
fn operation_id(path: &str) -> String {
    let words = path.trim_start_matches("/api/v1/").split('/');
    let words = words.map(|word| word.trim_start_matches('{').trim_end_matches('}'));
    format!("history_{}", words.collect::<Vec<_>>().join("_"))
}

fn parameter(name: &str, within: ParameterIn, description: Option<&str>) -> Parameter {
    let required = match within {
        ParameterIn::Path => Required::True,
        _ => Required::False,
    };
    ParameterBuilder::new()
        .name(name)
        .parameter_in(within)
        .required(required)
        .description(description)
        .schema(Some(schema(name)))
        .build()
}

/// The schema of a parameter. Like Spark, the server accepts more than this, such as days of one digit.
fn schema(name: &str) -> RefOr<Schema> {
    match name {
        "minDate" | "maxDate" | "minEndDate" | "maxEndDate" => schemas::text_like(
            r"^([0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}GMT)?)?$",
        ),
        "quantiles" => schemas::text_like(r"^[0-9]+(\.[0-9]+)?(,[0-9]+(\.[0-9]+)?)*$"),
        "limit" | "offset" | "length" => schemas::int32(None),
        "job_id" | "stage_id" | "stage_attempt_id" => schemas::int32(Some(0)),
        _ => schemas::text(),
    }
}
