use serde::ser::{Serialize, Serializer};

use super::fields::{Date, Fields, millis};
use crate::log::Application;

/// An application as Spark's `ApplicationInfo`: its attempts in the given order. The first one (in Spark, the
/// newest) provides id and name.
#[derive(Clone, Copy, Debug)]
pub struct ApplicationInfo<'a>(pub &'a [Application]);

/// An attempt as Spark's `ApplicationAttemptInfo`.
///
/// In Spark, `lastUpdated` is the time at which the log's file was changed; here it is the time of the latest event. As
/// in Spark, `duration` is 0 while the application runs.
#[derive(Clone, Copy, Debug)]
pub struct ApplicationAttemptInfo<'a>(pub &'a Application);

impl Serialize for ApplicationInfo<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let newest = self.0.first();
        let attempts: Vec<_> = self.0.iter().map(ApplicationAttemptInfo).collect();
        let mut fields = Fields::of(serializer)?;
        fields
            .put("id", newest.map_or("", |newest| &newest.app_id))?
            .put("name", newest.map_or("", |newest| &newest.name))?
            .put("attempts", &attempts)?;
        fields.end()
    }
}

impl Serialize for ApplicationAttemptInfo<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let application = self.0;
        let start = millis(application.start_time);
        let end = millis(application.end_time);
        let updated = millis(application.last_event_time);
        let duration = if application.ended { duration_ms(application) } else { 0 };
        let attempt_id = Some(&application.attempt_id).filter(|id| !id.is_empty());
        let mut fields = Fields::of(serializer)?;
        fields
            .put_some("attemptId", attempt_id)?
            .put("startTime", &Date(start))?
            .put("endTime", &Date(end))?
            .put("lastUpdated", &Date(updated))?
            .put("duration", &duration)?
            .put("sparkUser", &application.user)?
            .put("completed", &application.ended)?
            .put("appSparkVersion", &application.spark_version)?
            .put("startTimeEpoch", &start)?
            .put("endTimeEpoch", &end)?
            .put("lastUpdatedEpoch", &updated)?;
        fields.end()
    }
}

/// Until its end, or else its latest event.
pub(super) fn duration_ms(application: &Application) -> i64 {
    match (application.start_time, application.until()) {
        (Some(start), Some(until)) => until.as_millis().saturating_sub(start.as_millis()),
        _ => 0,
    }
}
