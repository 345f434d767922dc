//! Which routes clients may use, with and without tokens.

use std::num::NonZeroU32;

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use axum::routing::get;
use spark_analytics_core::MemoryStore;
use spark_analytics_http::{Access, ApiOptions, Role, Tokens};
use tower::ServiceExt;

use crate::{Answer, Api, START};

const ROLES: [Role; 3] = [Role::Read, Role::Write, Role::Admin];

/// A token for each role, which is named after the role; its secret is `secret-` and the name.
fn tokens() -> Tokens {
    let line = |role: Role| Tokens::to_line(role.name(), role, &format!("secret-{role}")).unwrap();
    Tokens::parse(&ROLES.map(line).join("\n")).unwrap()
}

fn api(access: &Access) -> Api {
    let options = ApiOptions::default().access(access.clone());
    Api::over(MemoryStore::default(), &options)
}

async fn ask(api: &Api, method: &str, path: &str, authorization: Option<&str>) -> Answer {
    let mut request = Request::builder().method(method).uri(path);
    if let Some(authorization) = authorization {
        request = request.header("authorization", authorization);
    }
    let body = if method == "POST" { START } else { "" };
    let request = request.header("content-type", "application/json");
    api.send(request.body(Body::from(body)).unwrap()).await
}

#[tokio::test]
async fn each_route_requires_its_role_or_a_higher_one_and_the_document_says_so() {
    let api = api(&Access::new(tokens()));
    let document = api.get("/api/v1/openapi.json").await.json();
    assert_eq!(document["components"]["securitySchemes"]["token"]["scheme"], "bearer");
    let mut open = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let asked = path.replace(['{', '}'], "").replace("job_id", "1");
            let needed = &operation["security"][0]["token"][0];
            let needed = match needed.as_str() {
                Some(name) => name.parse::<Role>().unwrap(),
                None => {
                    let answer = ask(&api, &method.to_uppercase(), &asked, None).await;
                    assert!(answer.status != 401 && answer.status != 403, "{method} {path}");
                    open.push(path.as_str());
                    continue;
                }
            };
            let expected = match (method.as_str(), path.as_str()) {
                (_, "/api/v1/logs/rejected") | ("delete", _) => Role::Admin,
                (_, "/api/v1/logs/ingest" | "/api/v1/logs/batch") => Role::Write,
                _ => Role::Read,
            };
            assert_eq!(needed, expected, "{method} {path}");
            let mut asked_with = Vec::new();
            for role in ROLES {
                let bearer = format!("Bearer secret-{role}");
                let answer = ask(&api, &method.to_uppercase(), &asked, Some(&bearer)).await;
                assert_eq!(answer.status == 403, role < needed, "{method} {path} with {role}");
                assert_ne!(answer.status, 401, "{method} {path} with {role}");
                asked_with.push(answer.status.as_u16());
            }
            ask(&api, &method.to_uppercase(), &asked, None).await.problem(401);
            let described = operation["responses"].as_object().unwrap();
            for status in ["401", "403", "429"] {
                let content = &described[status]["content"]["application/problem+json"];
                assert_eq!(content["schema"]["$ref"], "#/components/schemas/Problem");
            }
        }
    }
    assert_eq!(open, ["/", "/api/v1/openapi.json", "/docs", "/health", "/ready"]);
    for path in ["/docs/", "/docs/swagger-ui.css"] {
        assert_eq!(api.get(path).await.status, StatusCode::OK);
    }
}

#[tokio::test]
async fn without_tokens_every_request_is_answered_and_the_document_has_no_tokens() {
    let api = Api::new();
    let document = api.get("/api/v1/openapi.json").await.json();
    assert!(!document.to_string().contains("security"));
    assert_eq!(api.get("/api/v1/logs/rejected").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_request_without_a_known_token_is_answered_with_how_to_send_one() {
    let api = api(&Access::new(tokens()));
    let path = "/api/v1/analytics/jobs";
    for authorization in [None, Some("Basic c2VjcmV0"), Some("secret-read"), Some("Bearer")] {
        let answer = ask(&api, "GET", path, authorization).await;
        assert!(answer.problem(401).contains("`Authorization: Bearer TOKEN`"));
        assert_eq!(answer.header("www-authenticate"), "Bearer realm=\"spark-analytics\"");
        assert_ne!(answer.header("x-request-id"), "");
    }
    for sent in ["Bearer secret-reader", "Bearer ", "bearer secret-rea d"] {
        let answer = ask(&api, "GET", path, Some(sent)).await;
        assert_eq!(answer.problem(401), "unknown token");
        let challenge = "Bearer realm=\"spark-analytics\", error=\"invalid_token\"";
        assert_eq!(answer.header("www-authenticate"), challenge);
    }
    for sent in ["Bearer secret-read", "bearer secret-read", "BEARER   secret-read "] {
        assert_eq!(ask(&api, "GET", path, Some(sent)).await.status, StatusCode::OK, "{sent}");
    }
    let answer = ask(&api, "POST", "/api/v1/logs/ingest", Some("Bearer secret-read")).await;
    let detail = "the token `read` has the role `read`, but this route requires `write`";
    assert_eq!(answer.problem(403), detail);
    let challenge =
        "Bearer realm=\"spark-analytics\", error=\"insufficient_scope\", scope=\"write\"";
    assert_eq!(answer.header("www-authenticate"), challenge);
}

#[tokio::test]
async fn refused_requests_store_nothing() {
    let api = api(&Access::new(tokens()));
    for authorization in [None, Some("Bearer secret-read")] {
        for path in ["/api/v1/logs/ingest", "/api/v1/logs/batch"] {
            assert!(ask(&api, "POST", path, authorization).await.status.is_client_error());
        }
    }
    let events = "/api/v1/logs?job_id=101";
    let answer = ask(&api, "GET", events, Some("Bearer secret-read")).await;
    assert_eq!(answer.json()["events"].as_array().unwrap().len(), 0);
    let rejected = ask(&api, "GET", "/api/v1/logs/rejected", Some("Bearer secret-admin")).await;
    assert_eq!(rejected.json()["rejected"].as_array().unwrap().len(), 0);
    ask(&api, "POST", "/api/v1/logs/ingest", Some("Bearer secret-write")).await.json();
}

#[tokio::test]
async fn replaced_tokens_take_effect_immediately() {
    let access = Access::new(tokens());
    let api = api(&access);
    let other = Tokens::parse(&Tokens::to_line("other", Role::Read, "another").unwrap()).unwrap();
    access.replace(other);
    let path = "/api/v1/analytics/jobs";
    assert_eq!(ask(&api, "GET", path, Some("Bearer secret-admin")).await.status, 401);
    assert_eq!(ask(&api, "GET", path, Some("Bearer another")).await.status, 200);
}

#[tokio::test]
async fn a_token_over_its_limit_waits_and_the_others_do_not() {
    let api = api(&Access::limited(tokens(), NonZeroU32::new(2).unwrap()));
    let path = "/api/v1/analytics/jobs";
    let mut statuses = Vec::new();
    let mut last = None;
    for _ in 0..10 {
        let answer = ask(&api, "GET", path, Some("Bearer secret-read")).await;
        statuses.push(answer.status.as_u16());
        last = Some(answer).filter(|answer| answer.status == 429).or(last);
    }
    assert_eq!(statuses[..2], [200, 200]);
    let refused = last.unwrap();
    let detail = "the token `read` exceeded its limit of 2 requests a second";
    assert_eq!(refused.problem(429), detail);
    assert_eq!(refused.header("retry-after"), "1");
    assert_eq!(ask(&api, "GET", path, Some("Bearer secret-admin")).await.status, 200);
    assert_eq!(api.get("/health").await.status, 200);
}

#[tokio::test]
async fn refusals_for_the_role_count_towards_the_limit_of_a_token() {
    let api = api(&Access::limited(tokens(), NonZeroU32::new(2).unwrap()));
    let path = "/api/v1/logs/rejected";
    let mut statuses = Vec::new();
    for _ in 0..10 {
        statuses.push(ask(&api, "GET", path, Some("Bearer secret-read")).await.status.as_u16());
    }
    assert_eq!(statuses[..2], [403, 403]);
    assert!(statuses.contains(&429), "{statuses:?}");
}

#[tokio::test]
async fn with_tokens_the_readiness_check_does_not_reveal_the_reason() {
    let open = ApiOptions::default();
    for (options, detail) in [
        (open.clone(), "the odd store failed to answer: the disk is full"),
        (
            open.access(Access::new(tokens())),
            "the store is not ready; see the server's log for the reason",
        ),
    ] {
        let api = Api::over(crate::stores::faulty(crate::stores::Fault::Fails), &options);
        assert_eq!(api.get("/ready").await.problem(503), detail);
    }
}

#[tokio::test]
async fn your_own_routes_can_require_the_same_tokens() {
    let access = Access::new(tokens());
    let own = Router::new().route("/own", get(|| async { "own" }));
    let router = access.guard(Role::Write, own);
    for (token, status) in [("", 401), ("Bearer secret-read", 403), ("Bearer secret-write", 200)] {
        let request = Request::builder().uri("/own").header("authorization", token);
        let request = request.method(Method::GET).body(Body::empty()).unwrap();
        assert_eq!(router.clone().oneshot(request).await.unwrap().status(), status);
    }
}
