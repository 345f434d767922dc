//! The metrics of server and worker are documented, and the dashboard uses no others.

#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::worker_support::{Place, Server, get, redis, until};
use serde_json::Value;
use spark_analytics_cli::METRICS;
use spark_analytics_conformance::Workload;
use spark_analytics_core::Event;

/// The series that are exported, with the names of their labels.
type Series = BTreeMap<String, BTreeSet<String>>;

fn series(text: &str, all: &mut Series) {
    for line in text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        let end = line.find(['{', ' ']).unwrap();
        let labels = all.entry(line[..end].to_owned()).or_default();
        if let Some((inside, _)) =
            line[end..].strip_prefix('{').and_then(|rest| rest.rsplit_once('}'))
        {
            labels.extend(
                inside.split(',').filter_map(|label| Some(label.split_once('=')?.0.to_owned())),
            );
        }
    }
}

/// The value of a series.
fn value(text: &str, series: &str) -> f64 {
    let line = text.lines().find_map(|line| line.strip_prefix(series));
    line.unwrap_or_else(|| panic!("no {series} in {text}")).trim().parse().unwrap()
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').filter(|word| !word.is_empty())
}

/// All queries of the dashboard.
fn queries(dashboard: &Value, found: &mut Vec<String>) {
    match dashboard {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::String(text) if matches!(&**name, "expr" | "query" | "definition") => {
                        found.push(text.clone());
                    }
                    value => queries(value, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| queries(item, found)),
        _ => {}
    }
}

#[tokio::test]
async fn the_dashboard_and_the_documentation_name_what_is_measured() {
    let place = Place::new("metrics").await;
    let redis = redis(1);
    let more = ["--redis", &redis];
    let server =
        Server::start_with(place.folder.path(), "sqlite:test.db", &place.amqp, &more).await;
    let worker = place.worker(&["--metrics", "127.0.0.1:0", "--redis", &redis]);
    let line = worker.says("metrics on ").await;
    let of_worker = line.trim_start_matches("metrics on ").to_owned();
    let events = Workload::new(3, 9).batch(30);
    for event in &events[..10] {
        assert_eq!(server.post("/api/v1/logs/ingest", event.raw()).await.0, 202);
    }
    let lines: Vec<&str> = events.iter().map(Event::raw).collect();
    let batch = format!("[{},7]", lines.join(","));
    assert_eq!(server.post("/api/v1/logs/batch", &batch).await.0, 202);
    place.publish("spark.events", b"oops").await;
    place.publish("spark.eventlogs", b"oops").await;
    place.has_figures_of(&events).await;
    place.dead().await;
    place.dead().await;
    let job = "/api/v1/analytics/jobs/0?app=application_1711792363000_0042";
    let hits = "spark_analytics_cache_requests_total{cache=\"memory\",result=\"hit\"}";
    let of_server = until("a hit of the cache", async || {
        assert_eq!(server.get(job).await.0, 200);
        let text = server.get("/metrics").await.1;
        (value(&text, hits) > 0.0).then_some(text)
    })
    .await;
    assert_eq!(value(&of_server, "spark_analytics_events_total{outcome=\"queued\"}"), 40.0);
    let route = "{method=\"POST\",route=\"/api/v1/logs/ingest\",status=\"202\"}";
    let requests = format!("spark_analytics_http_requests_total{route}");
    assert_eq!(value(&of_server, &requests), 10.0);
    assert_eq!(value(&of_server, "spark_analytics_broker_connected{connection=\"publish\"}"), 1.0);
    let of_worker = until("all is acknowledged", async || {
        let text = get(&of_worker).await.1;
        text.contains(
            "spark_analytics_messages_total{queue=\"spark.eventlogs\",outcome=\"acknowledged\"} 1",
        )
        .then_some(text)
    })
    .await;
    // On a busy machine Redis may respond too late.
    let of_redis = ["hit", "miss", "bypassed"].map(|result| {
        let labels = format!("{{cache=\"redis\",result=\"{result}\"}}");
        value(&of_server, &format!("spark_analytics_cache_requests_total{labels}"))
    });
    assert!(of_redis.iter().sum::<f64>() > 0.0);
    until("Redis", async || {
        let text = server.get("/metrics").await.1;
        (value(&text, "spark_analytics_redis_available") == 1.0).then_some(())
    })
    .await;
    let outcome = |outcome| {
        value(&of_worker, &format!("spark_analytics_events_total{{outcome=\"{outcome}\"}}"))
    };
    assert_eq!((outcome("recorded"), outcome("duplicate"), outcome("rejected")), (30.0, 10.0, 2.0));
    assert_eq!(value(&of_worker, "spark_analytics_batch_events_sum"), 40.0);
    assert_eq!(value(&of_worker, "spark_analytics_lag_seconds_count"), 11.0);
    assert_eq!(value(&of_worker, "spark_analytics_broker_connected{connection=\"consume\"}"), 1.0);

    let mut exported = Series::new();
    series(&of_server, &mut exported);
    series(&of_worker, &mut exported);
    is_documented(&exported);
    uses_exported_series(&exported);
}

/// Each exported metric is in the table of all metrics and in the documentation, and each metric of the table is exported.
fn is_documented(exported: &Series) {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/operations.md");
    let docs = std::fs::read_to_string(docs).unwrap();
    let documented: BTreeSet<&str> = words(&docs).collect();
    let mut missing: BTreeSet<&str> = METRICS.iter().map(|metric| metric.name).collect();
    for name in exported.keys() {
        // Those of the process are not the program's.
        if name.starts_with("process_") {
            assert!(documented.contains(&**name), "{name} is not in docs/operations.md");
            continue;
        }
        let ends = ["", "_bucket", "_sum", "_count"];
        let mut bases = ends.iter().filter_map(|end| name.strip_suffix(end));
        let base = bases.find(|base| METRICS.iter().any(|metric| metric.name == *base));
        let base = base.unwrap_or_else(|| panic!("{name} is not in the table of metrics"));
        assert!(documented.contains(base), "{base} is not in docs/operations.md");
        missing.remove(base);
    }
    assert!(missing.is_empty(), "not exported: {missing:?}");
}

/// Each query of the dashboard uses exported series and their labels.
fn uses_exported_series(exported: &Series) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/grafana-dashboard.json");
    let dashboard = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let mut queries = Vec::new();
    self::queries(&dashboard, &mut queries);
    queries.retain(|query| query != "prometheus");
    assert!(queries.len() > 15);
    // Prometheus itself adds these.
    let added = ["job", "instance"];
    for query in queries {
        let mut names =
            words(&query).filter(|word| word.starts_with("spark_analytics_")).peekable();
        assert!(names.peek().is_some(), "{query}");
        let mut labels = BTreeSet::new();
        for name in names {
            let of_name =
                exported.get(name).unwrap_or_else(|| panic!("{name} of {query} is not exported"));
            labels.extend(of_name.iter().map(String::as_str));
        }
        for grouped in query.split("by (").skip(1) {
            for label in words(grouped.split_once(')').unwrap().0) {
                assert!(labels.contains(label) || added.contains(&label), "{label} of {query}");
            }
        }
    }
}
