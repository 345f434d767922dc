//! The pages describe the flags, features and routes of the program, no more and no less.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use spark_analytics_cli::METRICS;

use crate::cli_support::{BINARY, Ended, Folder, Server, event_logs};

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

/// The commands that the program's help lists, those of `token` in its place.
fn commands() -> Vec<String> {
    let of_token = || listed(&["token"]).into_iter().map(|name| format!("token {name}"));
    let names = listed(&[]).into_iter();
    names.flat_map(|name| if name == "token" { of_token().collect() } else { vec![name] }).collect()
}

fn listed(command: &[&str]) -> Vec<String> {
    let help = help(command);
    let listed = help.split("Commands:\n").nth(1).unwrap().split("\n\n").next().unwrap();
    let lines = listed.lines().filter_map(|line| line.strip_prefix("  "));
    let names = lines.filter_map(|line| line.split(' ').next());
    names.filter(|name| !matches!(*name, "" | "help")).map(str::to_owned).collect()
}

fn help_of(command: &str) -> String {
    help(&command.split(' ').collect::<Vec<_>>())
}

/// The name of the flag that a text begins with, such as `--store`.
fn flag(text: &str) -> Option<String> {
    let name = text.strip_prefix("--")?;
    let end = name.find(|c: char| !c.is_ascii_alphanumeric() && c != '-').unwrap_or(name.len());
    let is_other = name.starts_with('-') || matches!(&name[..end], "" | "help" | "version");
    (!is_other).then(|| format!("--{}", &name[..end]))
}

/// The flags that a help text lists, each on its own line, with their defaults.
fn flags(help: &str) -> BTreeMap<String, Option<String>> {
    let (mut flags, mut current) = (BTreeMap::new(), None);
    for line in help.lines().map(str::trim_start) {
        if line.starts_with('-') {
            current = flag(line);
            flags.extend(current.clone().map(|name| (name, None)));
        }
        let default = line.split_once("[default: ").and_then(|(_, rest)| rest.split_once(']'));
        if let (Some(name), Some((default, _))) = (&current, default) {
            flags.insert(name.clone(), Some(default.to_owned()));
        }
    }
    flags
}

fn variable(flag: &str) -> String {
    let name = flag.trim_start_matches('-').to_uppercase().replace('-', "_");
    format!("SPARK_ANALYTICS_{name}")
}

/// The rows of tables in a section, each as its cells.
fn rows(page: &str, section: &str) -> Vec<Vec<String>> {
    let is_wanted = |text: &&str| text.lines().next() == Some(section);
    let section = page.split("\n## ").find(is_wanted).unwrap_or_else(|| panic!("no {section}"));
    let rows = section.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| row.split('|').skip(1).map(|cell| cell.trim().to_owned()).collect()).collect()
}

/// The flags that the configuration page lists for a command, with their defaults.
fn documented(page: &str, command: &str) -> BTreeMap<String, String> {
    let cells = match command {
        "serve" | "work" | "All commands" => rows(page, command),
        _ => {
            let rows = rows(page, "Other commands").into_iter();
            let rows: Vec<_> = rows.filter(|row| row[0] == format!("`{command}`")).collect();
            assert!(!rows.is_empty(), "configuration.md does not list `{command}`");
            rows.into_iter().map(|row| row[1..].to_vec()).filter(|row| !row[0].is_empty()).collect()
        }
    };
    let flags = cells.into_iter().map(|cells| {
        let flag = cells[0].trim_matches('`').to_owned();
        assert_eq!(cells[1], format!("`{}`", variable(&flag)), "{command} {flag}");
        (flag, cells[2].clone())
    });
    flags.collect()
}

#[test]
fn each_flag_has_a_row_with_its_default_and_each_row_a_flag() {
    let page = page("configuration.md");
    let shared = documented(&page, "All commands");
    let of_all = flags(&help(&[]));
    assert_eq!(of_all.keys().collect::<Vec<_>>(), shared.keys().collect::<Vec<_>>());
    let commands = commands();
    assert_eq!(commands.len(), 20, "{commands:?}");
    for command in &commands {
        let (flags, own) = (flags(&help_of(command)), documented(&page, command));
        for name in own.keys() {
            assert!(flags.contains_key(name), "`{command}` has no {name}");
        }
        for (name, default) in flags {
            let cell = own.get(&name).or_else(|| shared.get(&name));
            let cell = cell.unwrap_or_else(|| panic!("no row for {name} of `{command}`"));
            match default {
                Some(default) => assert_eq!(cell.trim_matches('`'), default, "{command} {name}"),
                None => assert!(!cell.starts_with('`'), "{command} {name} has no default"),
            }
        }
    }
    let listed = rows(&page, "Other commands");
    let unknown: Vec<&str> = listed.iter().map(|row| row[0].trim_matches('`')).collect();
    let unknown = unknown.into_iter().filter(|name| !commands.iter().any(|known| known == name));
    assert_eq!(unknown.collect::<Vec<_>>(), [""; 0]);
}

#[test]
fn the_help_of_server_and_worker_has_the_variables_of_their_flags() {
    for command in ["serve", "work"] {
        let (help, shared) = (help(&[command]), flags(&help(&[])));
        for flag in flags(&help).keys().filter(|flag| !shared.contains_key(*flag)) {
            assert!(help.contains(&format!("[env: {}", variable(flag))), "{command} {flag}");
        }
    }
}

#[test]
fn each_feature_has_its_row() {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
    let manifest = std::fs::read_to_string(manifest).unwrap();
    let section = manifest.split("\n[features]\n").nth(1).unwrap().split("\n[").next().unwrap();
    let features = section.lines().filter_map(|line| line.split_once(" = "));
    let mut features: BTreeMap<&str, &str> = features.collect();
    let default = features.remove("default").unwrap();
    features.remove("services");
    let documented = rows(&page("configuration.md"), "Features");
    let names: BTreeSet<&str> = documented.iter().map(|row| row[0].trim_matches('`')).collect();
    assert_eq!(features.into_keys().collect::<BTreeSet<_>>(), names);
    for row in &documented {
        let is_default = default.contains(&format!("\"{}\"", row[0].trim_matches('`')));
        assert_eq!(row[1], if is_default { "yes" } else { "" }, "{}", row[0]);
    }
}

#[test]
fn each_command_has_its_section_with_each_of_its_flags() {
    let page = page("cli.md");
    let shared: BTreeSet<String> = flags(&help(&[])).into_keys().collect();
    let mut known = shared.clone();
    for command in commands() {
        let of_command: BTreeSet<String> = flags(&help_of(&command)).into_keys().collect();
        known.extend(of_command.iter().cloned());
        // These have their own pages.
        if matches!(&*command, "serve" | "work") {
            assert!(page.contains(&format!("| [`{command}`](")), "{command}");
            continue;
        }
        let is_of_command = |section: &&str| {
            let heading = section.lines().next().unwrap();
            heading.split(", ").any(|name| name == command)
        };
        let section = page.split("\n## ").find(is_of_command);
        let section = section.unwrap_or_else(|| panic!("no section of `{command}`"));
        for flag in of_command.difference(&shared) {
            assert!(section.contains(flag), "the section of `{command}` lacks {flag}");
        }
    }
    let named = page.split([' ', '\n', '`', '[', '(']).filter_map(flag);
    let unknown: Vec<String> = named.filter(|flag| !known.contains(flag)).collect();
    // Flags of cargo, in the first line.
    assert_eq!(unknown, ["--release", "--example"]);
}

/// The commands of a page in their order, each with the output that the page shows.
fn examples(page: &str) -> Vec<(Vec<String>, String)> {
    let mut examples: Vec<(Vec<String>, String)> = Vec::new();
    for block in page.split("\n```").skip(1).step_by(2) {
        let mut is_of_program = false;
        for line in block.lines().skip(1) {
            if let Some(command) = line.strip_prefix("$ ") {
                let arguments = command.strip_prefix("spark-analytics ");
                is_of_program = arguments.is_some() && !command.contains(['|', '>']);
                if let Some(arguments) = arguments.filter(|_| is_of_program) {
                    let arguments = arguments.split(' ').map(str::to_owned).collect();
                    examples.push((arguments, String::new()));
                }
            } else if let Some((_, output)) = examples.last_mut().filter(|_| is_of_program) {
                *output += &format!("{line}\n");
            }
        }
    }
    examples
}

#[test]
fn the_examples_of_the_page_show_what_the_program_prints() {
    let page = page("cli.md");
    let folder = Folder::new();
    let log = event_logs().join("app-20261123203120-0000");
    folder.write("examples/eventlogs/app-20261123203120-0000", std::fs::read(log).unwrap());
    folder.write("more.ndjson", "\n");
    let examples = examples(&page);
    assert!(examples.len() > 12, "{}", examples.len());
    for (arguments, shown) in examples {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        // These need a server, do not end, show the time, or what an older store would hold.
        let is_alone = matches!(arguments[0], "send" | "rejected" | "forget" | "prune");
        if is_alone || arguments.contains(&"--follow") {
            continue;
        }
        let output = folder.ok(&arguments);
        // A token is random, and goes to standard error.
        let is_token = |line: &&str| line.starts_with("sat_");
        let shown: String = shown.split_inclusive('\n').filter(|line| !is_token(line)).collect();
        let is_cut = page.contains(&format!("{shown}```\n\n(and so on)"));
        let is_shown = if is_cut { output.starts_with(&shown) } else { output == shown };
        assert!(is_shown, "{arguments:?} prints\n{output}\nand the page shows\n{shown}");
    }
}

#[test]
fn each_route_is_documented() {
    let server = Server::start("memory:");
    let url = server.url.replace("logs/ingest", "openapi.json");
    let text = ureq::get(&url).call().unwrap().body_mut().read_to_string().unwrap();
    let document: Value = serde_json::from_str(&text).unwrap();
    let page = page("http.md");
    let routes = document["paths"].as_object().unwrap();
    assert!(routes.len() > 30, "{}", routes.len());
    for route in routes.keys() {
        // Spark's routes below an application are listed once for both paths, with and without an attempt.
        let below_application = route.strip_prefix("/api/v1/applications/{app_id}/");
        let named = match below_application.map(|rest| rest.trim_start_matches("{attempt_id}/")) {
            Some(rest) if !rest.starts_with('{') => {
                format!("…/{}", rest.split('/').next().unwrap())
            }
            _ => route.split("{").next().unwrap().to_owned(),
        };
        assert!(page.contains(&named), "http.md does not list {route} ({named})");
    }
}

/// The names of metrics in the source code of a crate, where each is a string literal.
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
