//! The pages document all flags and routes of the program, and nothing else.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use spark_analytics_cli::METRICS;

use crate::cli_support::{BINARY, Ended, Server};

fn page(name: &str) -> String {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
    std::fs::read_to_string(docs.join(name)).unwrap()
}

/// The text of `--help`, of the program or of one of its commands.
fn help(command: &[&str]) -> String {
    let ended = Ended::of(Command::new(BINARY).args(command).arg("--help").env_clear());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    ended.stdout
}

/// The name of the flag that a text begins with, such as `--store`.
fn flag(text: &str) -> Option<String> {
    let name = text.strip_prefix("--")?;
    let end = name.find(|c: char| !c.is_ascii_alphanumeric() && c != '-').unwrap_or(name.len());
    let is_other = name.starts_with('-') || matches!(&name[..end], "" | "help" | "version");
    (!is_other).then(|| format!("--{}", &name[..end]))
}

/// The flags that a help text lists, each on a line of its own.
fn flags(help: &str) -> BTreeSet<String> {
    help.lines().filter_map(|line| flag(line.trim_start())).collect()
}

#[test]
fn each_flag_of_server_and_worker_has_its_row_and_each_row_its_flag() {
    for (program, page_name) in [("serve", "http.md"), ("work", "queue.md")] {
        let (help, page) = (help(&[program]), page(page_name));
        let rows = page.lines().filter(|line| line.starts_with("| `--"));
        let cells = rows.filter_map(|row| row.split('|').nth(1));
        let told = cells.flat_map(|cell| cell.split('`').filter_map(flag)).collect();
        let mut taken = flags(&help);
        taken.remove("--format");
        assert_eq!(taken, told, "{program}: taken, and told by {page_name}");
        for flag in taken {
            let variable = flag.trim_start_matches('-').to_uppercase().replace('-', "_");
            let variable = format!("SPARK_ANALYTICS_{variable}");
            let is_shared = matches!(&*flag, "--store" | "--dedup");
            assert!(is_shared || help.contains(&format!("[env: {variable}")), "{program} {flag}");
            assert!(page.contains(&format!("`{variable}`")), "{page_name}: {variable}");
        }
    }
}

#[test]
fn each_command_has_its_section_with_each_of_its_flags() {
    let (help_page, page) = (help(&[]), page("cli.md"));
    let shared = flags(&help_page);
    let listed = help_page.split("Commands:\n").nth(1).unwrap().split("\n\n").next().unwrap();
    let commands = listed.lines().filter_map(|line| line.strip_prefix("  "));
    let commands: Vec<&str> = commands.filter_map(|line| line.split(' ').next()).collect();
    let commands: Vec<&str> = commands
        .into_iter()
        .filter(|name| !matches!(*name, "" | "help" | "serve" | "work"))
        .collect();
    assert_eq!(commands.len(), 14, "{commands:?}");

    let mut taken = shared.clone();
    for command in commands {
        let command = if command == "token" { "token new" } else { command };
        let of_command = |section: &&str| {
            let heading = section.lines().next().unwrap();
            heading.split(", ").any(|name| name == command)
        };
        let words: Vec<&str> = command.split(' ').collect();
        let section = page.split("\n## ").find(of_command);
        let section = section.unwrap_or_else(|| panic!("no section of `{command}`"));
        for flag in flags(&help(&words)).difference(&shared) {
            assert!(section.contains(flag), "the section of `{command}` does not tell {flag}");
            taken.insert(flag.clone());
        }
    }
    let told = page.split([' ', '\n', '`', '[', '(']).filter_map(flag);
    let untaken: Vec<String> = told.filter(|flag| !taken.contains(flag)).collect();
    // Of cargo, in the first line, and of the server.
    assert_eq!(untaken, ["--release", "--example", "--tokens"]);
}

#[test]
fn each_route_is_told() {
    let server = Server::start("memory:");
    let url = server.url.replace("logs/ingest", "openapi.json");
    let text = ureq::get(&url).call().unwrap().body_mut().read_to_string().unwrap();
    let document: Value = serde_json::from_str(&text).unwrap();
    let page = page("http.md");
    let routes = document["paths"].as_object().unwrap();
    assert!(routes.len() > 30, "{}", routes.len());
    for route in routes.keys() {
        // Below an application, with or without an attempt, Spark's routes are told once.
        let below_application = route.strip_prefix("/api/v1/applications/{app_id}/");
        let told = match below_application.map(|rest| rest.trim_start_matches("{attempt_id}/")) {
            Some(rest) if !rest.starts_with('{') => {
                format!("…/{}", rest.split('/').next().unwrap())
            }
            _ => route.split("{").next().unwrap().to_owned(),
        };
        assert!(page.contains(&told), "http.md does not tell of {route} ({told})");
    }
}

/// The names of metrics in the sources of a crate, which are texts of their own there.
fn metrics_in(folder: &Path, names: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            metrics_in(&path, names);
        } else {
            let source = std::fs::read_to_string(path).unwrap();
            let texts = source.split('"').filter(|text| text.starts_with("spark_analytics_"));
            let is_name = |text: &&str| text.bytes().all(|b| b == b'_' || b.is_ascii_lowercase());
            names.extend(texts.filter(is_name).map(str::to_owned));
        }
    }
}

#[test]
fn each_metric_that_a_crate_records_is_listed_and_each_listed_one_is_recorded() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let listed: BTreeSet<String> = METRICS.iter().map(|metric| metric.name.to_owned()).collect();
    let mut recorded = BTreeSet::new();
    for name in ["amqp", "http"] {
        metrics_in(&crates.join(format!("spark-analytics-{name}/src")), &mut recorded);
    }
    for name in &recorded {
        assert!(listed.contains(name), "{name} is not in METRICS");
    }
    metrics_in(&crates.join("spark-analytics-cli/src"), &mut recorded);
    assert_eq!(recorded, listed);
}
