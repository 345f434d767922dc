//! The description of the API, and the pages about it.

use std::collections::BTreeSet;

use axum::body::Body;
use axum::http::{Method, Request};
use serde_json::Value;

use crate::{Api, START};

/// All routes of this API except the files of `/docs/`.
const ROUTES: [(&str, &str); 17] = [
    ("delete", "/api/v1/analytics/applications/{app_id}"),
    ("delete", "/api/v1/analytics/applications/{app_id}/{attempt_id}"),
    ("get", "/"),
    ("get", "/api/v1/analytics/applications"),
    ("get", "/api/v1/analytics/applications/{app_id}"),
    ("get", "/api/v1/analytics/applications/{app_id}/stages"),
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

/// All of Spark's routes below an application, or below one of its attempts.
const OF_AN_APPLICATION: [&str; 12] = [
    "allexecutors",
    "allmiscellaneousprocess",
    "environment",
    "executors",
    "jobs",
    "jobs/{job_id}",
    "sql",
    "sql/{execution_id}",
    "stages",
    "stages/{stage_id}",
    "stages/{stage_id}/{stage_attempt_id}",
    "storage/rdd",
];

/// All of Spark's routes that are served.
fn sparks_routes() -> Vec<String> {
    const ONE: &str = "/api/v1/applications/{app_id}";
    let attempt = format!("{ONE}/{{attempt_id}}");
    let mut routes = vec!["/api/v1/version".to_owned(), "/api/v1/applications".to_owned()];
    for prefix in [ONE, &attempt] {
        routes.push(prefix.to_owned());
        routes.extend(OF_AN_APPLICATION.map(|path| format!("{prefix}/{path}")));
    }
    routes
}

async fn document(api: &Api) -> Value {
    api.get("/api/v1/openapi.json").await.json()
}

#[tokio::test]
async fn each_operation_has_a_unique_id_and_each_response_a_description() {
    let document = document(&Api::new()).await;
    let mut ids = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let id = operation["operationId"].as_str().unwrap_or_default();
            assert!(!id.is_empty() && ids.insert(id.to_owned()), "{method} {path}: {id:?}");
            for (status, response) in operation["responses"].as_object().unwrap() {
                let description = response["description"].as_str().unwrap_or_default();
                assert!(!description.is_empty(), "{method} {path}, {status}");
            }
        }
    }
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
    let sparks = sparks_routes();
    let mut served: BTreeSet<(&str, &str)> = BTreeSet::from(ROUTES);
    served.extend(sparks.iter().map(|path| ("get", path.as_str())));
    assert_eq!(named, served);
    for (_, template) in &served {
        let path = template.replace(['{', '}'], "").replace("job_id", "1");
        for tried in ["get", "post", "put", "delete", "patch"] {
            let sent = Method::from_bytes(tried.to_uppercase().as_bytes()).unwrap();
            let status = api.ask(sent, &path).await.status.as_u16();
            assert_eq!(
                status != 405,
                served.contains(&(tried, *template)),
                "{tried} {path} is a {status}"
            );
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
    let (of_log, app) = Api::of_case("spec-3.5").await;
    let path = "/api/v1/analytics/applications";
    for (schema, path, pointer) in [
        ("ApplicationPage", path.to_owned(), ""),
        ("ApplicationFigures", format!("{path}/{app}"), ""),
        ("StagePage", format!("{path}/{app}/stages"), ""),
        ("StageFigures", format!("{path}/{app}/stages"), "/stages/0"),
    ] {
        let answer = of_log.get(&path).await.json();
        let named = fields(&schemas[schema]["properties"]);
        assert_eq!(fields(answer.pointer(pointer).unwrap()), named, "{schema}");
    }
    let ingested = api.ingest(START).await.json();
    assert_eq!(fields(&ingested), fields(&schemas["Ingested"]["properties"]));
}

#[tokio::test]
async fn sparks_answers_have_the_fields_that_the_document_names() {
    let (api, app) = Api::of_case("spec-3.5").await;
    let document = document(&api).await;
    let schemas = &document["components"]["schemas"];
    for path in sparks_routes() {
        let asked = [("{app_id}", app.as_str()), ("{attempt_id}", "1"), ("{job_id}", "1")];
        let asked =
            asked.iter().fold(path.clone(), |path, (name, value)| path.replace(name, value));
        let asked =
            asked.replace("{stage_id}/{stage_attempt_id}", "1/0").replace("{stage_id}", "1");
        let answer = api.get(&asked.replace("{execution_id}", "0")).await;
        if path.contains("{attempt_id}") || path.contains("/sql/") {
            // This application has neither.
            assert_eq!(answer.status.as_u16(), 404);
            continue;
        }
        let content = "/responses/200/content/application~1json/schema";
        let schema = document["paths"][&path]["get"].pointer(content).unwrap();
        check(&answer.json(), schema, schemas, &path);
    }
}

/// Asserts that a response matches a schema.
fn check(value: &Value, schema: &Value, schemas: &Value, path: &str) {
    if let Some(reference) = schema["$ref"].as_str() {
        let name = reference.rsplit('/').next().unwrap();
        return check(value, &schemas[name], schemas, path);
    }
    match schema["type"].as_str().unwrap() {
        "array" => {
            let items = value.as_array().unwrap();
            items.iter().for_each(|item| check(item, &schema["items"], schemas, path));
        }
        "object" => {
            let fields = value.as_object().unwrap();
            let Some(named) = schema["properties"].as_object() else {
                let values = &schema["additionalProperties"];
                return fields.values().for_each(|field| check(field, values, schemas, path));
            };
            for (name, field) in fields {
                let schema = named.get(name);
                let schema = schema.unwrap_or_else(|| panic!("{path}: {name} is not described"));
                check(field, schema, schemas, path);
            }
            for required in schema["required"].as_array().into_iter().flatten() {
                assert!(fields.contains_key(required.as_str().unwrap()), "{path} lacks {required}");
            }
        }
        "string" => assert!(value.is_string(), "{path}: {value}"),
        "integer" => assert!(value.is_i64(), "{path}: {value}"),
        "number" => assert!(value.is_f64(), "{path}: {value}"),
        "boolean" => assert!(value.is_boolean(), "{path}: {value}"),
        other => panic!("{path}: {other}"),
    }
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
async fn a_browser_gets_a_page_at_the_root_whose_links_lead_somewhere() {
    let (api, _) = Api::of_case("spec-3.5").await;
    let ask = async |accept: &str| {
        let request = Request::builder().uri("/").header("accept", accept);
        api.send(request.body(Body::empty()).unwrap()).await
    };
    for accept in ["*/*", "application/json", "text/*", "application/json, text/html;q=0"] {
        let answer = ask(accept).await;
        assert_eq!(answer.header("content-type"), "application/json", "{accept}");
        assert_eq!(answer.header("vary"), "accept");
    }
    let page = ask("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8").await;
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    assert_eq!(page.header("vary"), "accept");
    assert!(page.header("content-security-policy").starts_with("default-src 'none'; "));
    let text = page.text();
    assert!(!text.contains("<script") && !text.contains("style"), "{text}");
    let links: Vec<&str> =
        text.split("href=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    assert!(links.len() > 5, "{links:?}");
    for link in links {
        let answer = api.get(&format!("/{}", link.replace("&amp;", "&"))).await;
        assert_eq!(answer.status.as_u16(), 200, "{link}");
    }
    assert_eq!(api.get("/favicon.ico").await.status.as_u16(), 204);
}

#[tokio::test]
async fn the_documentation_page_and_its_files_are_served() {
    let api = Api::new();
    let answer = api.get("/docs").await;
    assert_eq!((answer.status.as_u16(), answer.header("location")), (308, "docs/"));
    let page = api.get("/docs/").await;
    assert_eq!((page.status.as_u16(), page.header("content-type")), (200, "text/html"));
    assert!(
        page.header("content-security-policy")
            .starts_with("default-src 'none'; script-src 'self';")
    );
    for (name, value) in [
        ("x-frame-options", "DENY"),
        ("referrer-policy", "no-referrer"),
        ("x-content-type-options", "nosniff"),
    ] {
        assert_eq!(page.header(name), value);
    }
    for name in page.text().split('"').filter_map(|part| part.strip_prefix("./")) {
        let file = api.get(&format!("/docs/{name}")).await;
        assert!(file.status.is_success() && !file.body.is_empty(), "{name}");
    }
    let settings = api.get("/docs/swagger-initializer.js").await;
    assert!(settings.text().contains(r#""../api/v1/openapi.json""#));
}
