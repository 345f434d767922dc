//! Spark's list of applications, and their attempts.

use serde_json::Value;
use spark_analytics_core::log::{Application, LogSnapshot, fact};
use spark_analytics_core::{Store, Timestamp};

use crate::Api;

const DAY: i64 = 86_400_000;
/// 2024-03-30.
const START: i64 = 19_812 * DAY;

/// An attempt that began and ended these hours after the start of the day.
fn attempt(app_id: &str, attempt_id: &str, start: i64, end: Option<i64>) -> Application {
    let at = |hours: i64| Some(Timestamp::from_millis(START + hours * 3_600_000));
    fact!(Application {
        app_id: app_id.to_owned(),
        attempt_id: attempt_id.to_owned(),
        name: format!("{app_id} {attempt_id}"),
        start_time: at(start),
        end_time: end.and_then(at),
        ended: end.is_some(),
    })
}

impl Api {
    async fn of(applications: Vec<Application>) -> Self {
        let api = Self::new();
        for application in applications {
            let log = fact!(LogSnapshot { application });
            api.store.ingest_logs(vec![log], Vec::new()).await.unwrap();
        }
        api
    }

    async fn of_some() -> Self {
        Self::of(vec![
            attempt("a", "", 0, Some(5)),
            attempt("b", "1", 1, Some(2)),
            attempt("b", "2", 3, Some(9)),
            attempt("c", "", 20, Some(30)),
            attempt("d", "", 2, None),
            attempt("e", "1", 0, None),
            attempt("e", "10", 4, Some(5)),
        ])
        .await
    }

    async fn listed(&self, query: &str) -> Vec<String> {
        let list = self.get(&format!("/api/v1/applications?{query}")).await.json();
        let list = list.as_array().unwrap();
        list.iter().map(|application| application["id"].as_str().unwrap().to_owned()).collect()
    }
}

#[tokio::test]
async fn the_last_to_end_come_first_and_running_ones_last() {
    let api = Api::of_some().await;
    assert_eq!(api.listed("").await, ["c", "b", "e", "a", "d"]);
    assert_eq!(api.get("/api/v1/applications/").await.json().as_array().unwrap().len(), 5);
}

#[tokio::test]
async fn attempts_are_listed_newest_first() {
    let api = Api::of_some().await;
    let application = api.get("/api/v1/applications/b").await.json();
    assert_eq!(application["name"], "b 2");
    let ids: Vec<&Value> =
        application["attempts"].as_array().unwrap().iter().map(|a| &a["attemptId"]).collect();
    assert_eq!(ids, ["2", "1"]);
    assert_eq!(api.get("/api/v1/applications/b/1").await.json(), application["attempts"][1]);
    let list = api.get("/api/v1/applications").await.json();
    assert_eq!(list[1], application);
    assert_eq!(
        api.get("/api/v1/applications/a").await.json()["attempts"][0].get("attemptId"),
        None
    );
}

#[tokio::test]
async fn an_application_has_the_status_of_its_newest_attempt() {
    let api = Api::of_some().await;
    assert_eq!(api.listed("status=running").await, ["d"]);
    assert_eq!(api.listed("status=Completed").await, ["c", "b", "e", "a"]);
    assert_eq!(api.listed("status=completed&status=RUNNING").await.len(), 5);
}

#[tokio::test]
async fn the_limit_keeps_those_that_would_be_first() {
    let api = Api::of_some().await;
    assert_eq!(api.listed("limit=2").await, ["c", "b"]);
    assert_eq!(api.listed("limit=2&status=running").await, ["d"]);
    assert_eq!(api.listed("limit=0").await, Vec::<String>::new());
    assert_eq!(api.listed("limit=-3").await, Vec::<String>::new());
    assert_eq!(api.listed("limit=1&limit=4").await, ["c"], "the first counts");
}

#[tokio::test]
async fn dates_bound_the_start_and_the_end_of_any_attempt() {
    let api = Api::of_some().await;
    assert_eq!(api.listed("minDate=2024-03-31").await, Vec::<String>::new());
    assert_eq!(api.listed("minDate=2024-03-30T20:00:00.000GMT").await, ["c"]);
    // The first attempt of e has no end, and its second began later.
    assert_eq!(api.listed("maxDate=2024-03-30T00:00:00.000GMT").await, ["a"]);
    assert_eq!(api.listed("maxDate=2024-03-30T01:00:00.000GMT").await, ["b", "a"]);
    assert_eq!(api.listed("minEndDate=2024-03-30T09:00:00.000GMT").await, ["c", "b", "d"]);
    let until_2 = "maxEndDate=2024-03-30T02:00:00.000GMT";
    assert_eq!(api.listed(until_2).await, ["b"], "none that runs ended in the past");
    assert_eq!(api.listed("maxEndDate=2999-01-01&status=running").await, ["d"]);
    assert_eq!(api.listed("minEndDate=2024-03-31&maxEndDate=2024-04-01").await, ["c"]);
}

#[tokio::test]
async fn unknown_parameters_are_ignored_as_in_spark() {
    let api = Api::of_some().await;
    assert_eq!(api.listed("colour=red&limit=1").await, ["c"]);
}

#[tokio::test]
async fn applications_of_many_pages_are_all_listed() {
    let ids: Vec<String> = (0..1_201).map(|n| format!("app-{n:04}")).collect();
    let mut applications: Vec<Application> =
        ids.iter().map(|id| attempt(id, "1", 0, Some(1))).collect();
    applications.extend(ids.iter().map(|id| attempt(id, "2", 2, Some(3))));
    let api = Api::of(applications).await;
    let mut listed = api.listed("").await;
    listed.reverse();
    assert_eq!(listed, ids);
    for id in ["app-0000", "app-0499", "app-0500", "app-1200"] {
        let application = api.get(&format!("/api/v1/applications/{id}")).await.json();
        assert_eq!(application["attempts"].as_array().unwrap().len(), 2, "{id}");
    }
}

#[tokio::test]
async fn unusual_ids_are_found() {
    let ids = ["é", "a b", "\u{e000}", "a", "aa", "a!"];
    let api = Api::of(ids.map(|id| attempt(id, "", 0, Some(1))).into()).await;
    for (id, path) in ids.iter().zip(["%C3%A9", "a%20b", "%EE%80%80", "a", "aa", "a!"]) {
        let application = api.get(&format!("/api/v1/applications/{path}")).await.json();
        assert_eq!(application["id"], *id);
    }
}
