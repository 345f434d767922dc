//! What the conformance suite says of a wrong store.

use std::sync::Arc;

use async_trait::async_trait;
use spark_analytics_conformance::{Fixture, conformance, laws};
use spark_analytics_core::{Dedup, MemoryStore, Result, Store};

use crate::support::again;

/// A store with another rule than the one that was asked for.
struct OtherRule(Dedup);

#[async_trait]
impl Fixture for OtherRule {
    fn new(dedup: Dedup) -> Self {
        Self(dedup)
    }

    const IS_LASTING: bool = false;

    async fn open(&self) -> Result<Arc<dyn Store>> {
        let other = match self.0 {
            Dedup::WithTask => Dedup::JobTypeTimestamp,
            _ => Dedup::WithTask,
        };
        Ok(Arc::new(MemoryStore::new(other)))
    }
}

/// The seed is saved beside this file.
const SOURCE: &str = "SPARK_ANALYTICS_TEST_SOURCE";

#[test]
#[ignore = "it fails"]
fn a_law_of_a_wrong_store() {
    let source: &'static str = std::env::var(SOURCE).unwrap().leak();
    laws::figures_do_not_depend_on_arrival::<OtherRule>(source);
}

#[test]
#[ignore = "it fails"]
fn a_list_of_a_wrong_store() {
    conformance::tasks_ending_in_one_millisecond_count_apart::<OtherRule>();
}

#[test]
fn a_wrong_store_is_told_the_rule_and_the_first_difference_in_a_few_lines() {
    let folder = tempfile::tempdir().unwrap();
    for (test, expected) in [
        (
            "conformance_failures::a_law_of_a_wrong_store",
            &["breaks the law: order, batching", "smallest input that breaks it"][..],
        ),
        ("conformance_failures::a_list_of_a_wrong_store", &[]),
    ] {
        let mut command = again::command(test);
        command.env(SOURCE, folder.path().join("wrong.rs")).env_remove("RUST_BACKTRACE");
        let output = command.output().unwrap();
        assert!(!output.status.success(), "{test}");
        let mut said = String::from_utf8(output.stdout).unwrap();
        said += &String::from_utf8(output.stderr).unwrap();
        assert!(said.len() < 4_000, "{} bytes: {said}", said.len());
        assert_eq!(said.matches("panicked at").count(), 1, "{said}");
        for expected in [expected, &["  actual: ", "expected: "]].concat() {
            assert!(said.contains(expected), "no {expected}: {said}");
        }
    }
}
