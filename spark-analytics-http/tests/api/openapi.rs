//! The description of the API, and the pages about it.

use std::collections::BTreeSet;

use axum::http::Method;
use serde_json::Value;

use crate::{Api, START};

/// All that is served but the files of `/docs/`.
const ROUTES: [(&str, &str); 12] = [
    ("get", "/"),
    ("get", "/api/v1/analytics/jobs"),
    ("get", "/api/v1/analytics/jobs/{job_id}"),
    ("get", "/api/v1/analytics/summary"),
    ("get", "/api/v1/logs"),
    ("get", "/api/v1/logs/rejected"),
    ("get", "/api/v1/openapi.json"),
    ("get", "/docs"),
    ("get", "/health"),
    ("get", "/ready"),
    ("post", "/api/v1/logs/batch"),
    ("post", "/api/v1/logs/ingest"),
];

async fn document(api: &Api) -> Value {
    api.get("/api/v1/openapi.json").await.json()
}

#[tokio::test]
async fn the_document_names_exactly_the_routes_that_are_served() {
    let api = Api::new();
    let document = document(&api).await;
    let mut named = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            named.insert((method.as_str(), path.as_str()));
        }
    }
    assert_eq!(named, BTreeSet::from(ROUTES));
    for (method, path) in ROUTES {
        let path = path.replace("{job_id}", "1");
        for tried in ["get", "post", "put", "delete", "patch"] {
            let sent = Method::from_bytes(tried.to_uppercase().as_bytes()).unwrap();
            let status = api.ask(sent, &path).await.status.as_u16();
            assert_eq!(status != 405, tried == method, "{tried} {path} is a {status}");
        }
    }
}

#[tokio::test]
async fn every_reference_in_the_document_leads_somewhere() {
    fn check(value: &Value, document: &Value) {
        match value {
            Value::Object(fields) => {
                if let Some(Value::String(reference)) = fields.get("$ref") {
                    let target = document.pointer(reference.trim_start_matches('#'));
                    assert!(target.is_some(), "{reference}");
                }
                fields.values().for_each(|field| check(field, document));
            }
            Value::Array(items) => items.iter().for_each(|item| check(item, document)),
            _ => {}
        }
    }
    let document = document(&Api::new()).await;
    check(&document, &document);
    assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
}

#[tokio::test]
async fn answers_have_exactly_the_fields_that_the_document_names() {
    let api = Api::with_a_job().await;
    api.ingest("bad").await;
    let document = document(&api).await;
    let schemas = &document["components"]["schemas"];
    let fields =
        |value: &Value| value.as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>();
    for (schema, path, pointer) in [
        ("JobFigures", "/api/v1/analytics/jobs/101", ""),
        ("JobPage", "/api/v1/analytics/jobs", ""),
        ("Summary", "/api/v1/analytics/summary?date=2024-03-30", ""),
        ("Summary", "/api/v1/analytics/summary?from=2024-03-30&to=2024-03-30&user=ada", ""),
        ("JobLine", "/api/v1/analytics/summary?date=2024-03-30", "/jobs/0"),
        ("TaskFigures", "/api/v1/analytics/summary?date=2024-03-30", "/tasks"),
        ("EventRow", "/api/v1/logs?job_id=101", "/events/0"),
        ("RejectedRow", "/api/v1/logs/rejected", "/rejected/0"),
        ("Welcome", "/", ""),
        ("Status", "/ready", ""),
    ] {
        let answer = api.get(path).await.json();
        let mut named = fields(&schemas[schema]["properties"]);
        if schema == "Summary" {
            let optional = ["date", "from", "to", "user"];
            named
                .retain(|field| !optional.contains(&field.as_str()) || answer.get(field).is_some());
        }
        assert_eq!(fields(answer.pointer(pointer).unwrap()), named, "{schema}");
    }
    let ingested = api.ingest(START).await.json();
    assert_eq!(fields(&ingested), fields(&schemas["Ingested"]["properties"]));
}

#[tokio::test]
async fn each_route_of_the_api_describes_its_errors() {
    let document = document(&Api::new()).await;
    for (method, path) in
        ROUTES.iter().filter(|(_, path)| path.starts_with("/api/v1/") && !path.ends_with(".json"))
    {
        let responses = &document["paths"][path][method]["responses"];
        for status in ["200", "400", "500"] {
            assert!(responses[status].is_object(), "{method} {path} {status}");
        }
        let schema = &responses["400"]["content"]["application/problem+json"]["schema"]["$ref"];
        assert_eq!(schema, "#/components/schemas/Problem");
    }
}

#[tokio::test]
async fn the_root_says_where_the_documentation_is() {
    let version = env!("CARGO_PKG_VERSION");
    let expected = format!(
        r#"{{"message":"Welcome to the Spark Analytics API","docs_url":"/docs","version":"{version}"}}"#
    );
    assert_eq!(Api::new().get("/").await.text(), expected);
    assert_eq!(Api::new().get("/health").await.text(), r#"{"status":"healthy"}"#);
    assert_eq!(Api::new().get("/ready").await.text(), r#"{"status":"ready"}"#);
}

#[tokio::test]
async fn the_documentation_page_and_its_files_are_served() {
    let api = Api::new();
    let answer = api.get("/docs").await;
    assert_eq!((answer.status.as_u16(), answer.header("location")), (308, "docs/"));
    let page = api.get("/docs/").await;
    assert_eq!((page.status.as_u16(), page.header("content-type")), (200, "text/html"));
    for name in page.text().split('"').filter_map(|part| part.strip_prefix("./")) {
        let file = api.get(&format!("/docs/{name}")).await;
        assert!(file.status.is_success() && !file.body.is_empty(), "{name}");
    }
    let settings = api.get("/docs/swagger-initializer.js").await;
    assert!(settings.text().contains(r#""../api/v1/openapi.json""#));
}
