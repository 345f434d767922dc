//! The alert rules for Prometheus: YAML in the plain form that this file reads, about metrics that there are.
#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::collections::BTreeMap;
use std::path::Path;

use spark_analytics_cli::METRICS;

/// The fields of each rule.
fn rules() -> Vec<BTreeMap<String, String>> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/prometheus-rules.yml");
    let text = std::fs::read_to_string(file).unwrap();
    let mut rules: Vec<BTreeMap<String, String>> = Vec::new();
    // The key of a folded text, and the indentation of its lines.
    let mut folded: Option<(String, usize)> = None;
    for line in text.lines().filter(|line| !line.trim_start().starts_with('#')) {
        let indentation = line.len() - line.trim_start().len();
        assert!(indentation % 2 == 0 && !line.contains('\t') && line.trim_end() == line, "{line}");
        if let Some((key, at)) = &folded {
            if indentation >= *at {
                let value = rules.last_mut().unwrap().entry(key.clone()).or_default();
                *value = format!("{value} {}", line.trim()).trim().to_owned();
                continue;
            }
            folded = None;
        }
        let item = line.trim_start().strip_prefix("- ");
        let field = item.unwrap_or_else(|| line.trim_start());
        let (key, value) = field.split_once(':').unwrap_or_else(|| panic!("no field: {line}"));
        assert!(key.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{line}");
        let value = value.trim_start();
        if key == "alert" {
            assert!(item.is_some(), "{line}");
            rules.push(BTreeMap::new());
        }
        if value == ">-" {
            folded = Some((key.to_owned(), indentation + 2));
        } else {
            is_one_scalar(value, line);
            let Some(rule) = rules.last_mut() else { continue };
            assert!(rule.insert(key.to_owned(), value.to_owned()).is_none(), "twice: {line}");
        }
    }
    rules
}

/// Checks that a value is empty, quoted, a map on one line, or a plain text without special characters.
fn is_one_scalar(value: &str, line: &str) {
    let quoted = value.strip_prefix('"').map(|rest| rest.strip_suffix('"'));
    let map = value.strip_prefix('{').map(|rest| rest.strip_suffix('}'));
    let is_valid = match (quoted, map) {
        (Some(text), _) => text.is_some_and(|text| !text.contains(['"', '\\'])),
        (_, Some(text)) => text.is_some_and(|text| !text.contains(['{', '"'])),
        _ => {
            let special = ['&', '*', '!', '|', '>', '%', '@', '`', '\'', '[', ']', '?', ','];
            !value.starts_with(special) && !value.contains(": ") && !value.contains(" #")
        }
    };
    assert!(is_valid, "{line}");
}

#[test]
fn each_rule_is_complete_and_about_a_metric_that_there_is() {
    let rules = rules();
    assert!(rules.len() >= 8, "{rules:?}");
    for rule in rules {
        for field in ["alert", "expr", "labels", "annotations", "summary", "description"] {
            assert!(rule.contains_key(field), "{field} of {rule:?}");
        }
        let expr = &rule["expr"];
        let count = |bracket| expr.matches(bracket).count();
        assert_eq!(
            (count('('), count('{'), count('[')),
            (count(')'), count('}'), count(']')),
            "{expr}"
        );
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let names = expr.split(|c| !is_word(c)).filter(|word| word.starts_with("spark_analytics_"));
        let unknown = |name: &&str| !METRICS.iter().any(|metric| metric.name == *name);
        let (unknown, known): (Vec<_>, Vec<_>) = names.partition(unknown);
        assert!(unknown.is_empty() && !known.is_empty(), "{unknown:?} in {expr}");
    }
}
