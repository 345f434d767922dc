//! Events as the OpenAPI document describes them. The core validates them.

use serde::Serialize;
use utoipa::ToSchema;
use utoipa::openapi::schema::{AnyOfBuilder, ObjectBuilder, SchemaFormat, Type};
use utoipa::openapi::{KnownFormat, Schema};

/// An event of Spark's listeners. Other fields are allowed and kept. A string has at most 1,024 bytes and no U+0000.
#[expect(dead_code, reason = "only described, never constructed")]
#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "event")]
#[schema(example = json!({
    "event": "SparkListenerTaskEnd", "job_id": 101, "timestamp": "2024-03-30T10:12:50.120Z",
    "user": "data_engineer_1@example.com", "task_id": "task_101_004", "duration_ms": 4120,
    "successful": true
}))]
pub(crate) enum WireEvent {
    /// The start of a job.
    #[serde(rename = "SparkListenerJobStart")]
    JobStart {
        #[serde(flatten)]
        of: WireFields,
    },
    /// The end of a task.
    #[serde(rename = "SparkListenerTaskEnd")]
    TaskEnd {
        #[serde(flatten)]
        of: WireFields,
        #[schema(min_length = 1, max_length = 1024)]
        task_id: String,
        /// At most a leap year.
        #[schema(minimum = 0, maximum = 31_622_400_000i64)]
        duration_ms: i64,
        successful: bool,
    },
    /// The end of a job.
    #[serde(rename = "SparkListenerJobEnd")]
    JobEnd {
        #[serde(flatten)]
        of: WireFields,
        #[schema(schema_with = time)]
        completion_time: String,
        /// `JobSucceeded`, `JobFailed` or another string.
        #[schema(max_length = 1024)]
        job_result: String,
    },
}

/// The fields of every event.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WireFields {
    #[schema(minimum = 0)]
    job_id: i64,
    /// The application, if there is more than one.
    #[schema(required = false, max_length = 1024)]
    app_id: Option<String>,
    /// The application's attempt.
    #[schema(required = false, max_length = 1024)]
    attempt_id: Option<String>,
    #[schema(schema_with = time)]
    timestamp: String,
    #[schema(max_length = 1024)]
    user: String,
}

/// A time of an event: RFC 3339, or seconds, milliseconds or microseconds since 1970.
fn time() -> Schema {
    let text = |pattern| ObjectBuilder::new().schema_type(Type::String).pattern(Some(pattern));
    let date_time = text("^(19[7-9][0-9]|2[01][0-9]{2}|22[0-5][0-9]|226[0-2])-")
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)));
    let seconds = text(r"^[0-9]{1,9}(\.[0-9]*)?$");
    let mut forms = AnyOfBuilder::new()
        .description(Some(
            "From 1970 to 2262: RFC 3339, in UTC if it has no offset, or seconds, milliseconds or microseconds \
             since 1970 as a number or a string, told apart by their size",
        ))
        .item(date_time)
        .item(seconds);
    for (least, greatest) in [
        (0.0, 9_246_182_399.0),
        (20_000_000_001.0, 9_246_182_399_999.0),
        (253_402_300_800_000.0, 9_246_182_399_999_999.0),
    ] {
        let number = ObjectBuilder::new().schema_type(Type::Number);
        forms = forms.item(number.minimum(Some(least)).maximum(Some(greatest)));
    }
    forms.build().into()
}
