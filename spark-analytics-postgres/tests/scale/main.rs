//! The statements of `docs/scale.md` hold for the schema.
#![allow(clippy::unwrap_used)]

#[path = "../services/common.rs"]
mod common;

use std::collections::BTreeMap;

use spark_analytics_core::{Day, Store};

/// The tables, with the column by which the page distributes each; `None` for tables that are on every node.
fn distribution() -> BTreeMap<String, Option<String>> {
    let page = include_str!("../../../docs/scale.md");
    let calls = page.lines().filter_map(|line| line.strip_prefix("SELECT create_"));
    calls
        .map(|call| {
            let texts: Vec<&str> = call.split('\'').skip(1).step_by(2).collect();
            let column = call.starts_with("distributed").then(|| texts[1].to_owned());
            (texts[0].to_owned(), column)
        })
        .collect()
}

/// The statements of a section.
fn statements(section: &str) -> Vec<&'static str> {
    let page = include_str!("../../../docs/scale.md");
    let section = page.split("\n## ").find(|text| text.starts_with(section)).unwrap();
    let blocks = section.split("```sql\n").skip(1);
    blocks.map(|block| block.split("```").next().unwrap()).collect()
}

#[tokio::test]
async fn the_statements_of_the_page_partition_a_table() {
    let schema = common::Schema::new().await;
    let store = schema.store().await;
    store.ingest((0..10).flat_map(|job| common::job_on(0, job)).collect()).await.unwrap();
    let mut beside = schema.beside().await;
    let [partition, daily] = statements("Partitions by time")[..] else { panic!("two statements") };
    common::run(&mut beside, partition).await;
    for _ in 0..2 {
        common::run(&mut beside, daily).await;
    }
    let today = sqlx::query_scalar::<_, i32>(
        "SELECT (now() AT TIME ZONE 'UTC')::date - '1970-01-01'::date",
    );
    let today = i64::from(today.fetch_one(&mut beside).await.unwrap());
    let in_days = today - i64::from(common::day().number());
    let later = (10..20).flat_map(|job| common::job_on(in_days + 3, job)).collect();
    store.ingest(later).await.unwrap();
    store.ingest((0..10).flat_map(|job| common::job_on(1, job)).collect()).await.unwrap();

    let day = Day::from_number((today + 1) as i32);
    assert_eq!(store.prune(day).await.unwrap().events, 60);
    let rows: i64 = sqlx::query_scalar("SELECT count(*) FROM spark_events")
        .fetch_one(&mut beside)
        .await
        .unwrap();
    assert_eq!(rows, 30);
    let first: bool = sqlx::query_scalar("SELECT to_regclass('spark_events_first') IS NULL")
        .fetch_one(&mut beside)
        .await
        .unwrap();
    assert!(first, "it went as a whole");
    let days = store.rollups(Day::MIN, Day::MAX, None).await.unwrap();
    assert_eq!(days.iter().map(|(_, rollup)| rollup.jobs()).sum::<i64>(), 20);
}

#[tokio::test]
async fn every_key_contains_the_column_by_which_its_table_is_distributed() {
    let schema = common::Schema::new().await;
    schema.store().await;
    let keys: Vec<(String, String, Vec<String>)> = sqlx::query_as(
        "SELECT relid.relname::text, index.relname::text, ARRAY(SELECT attname::text \
         FROM pg_attribute WHERE attrelid = index.oid) FROM pg_index \
         JOIN pg_class AS relid ON relid.oid = indrelid JOIN pg_class AS index ON index.oid = indexrelid \
         WHERE indisunique AND relid.relnamespace = current_schema()::regnamespace \
         AND relid.relkind = 'r' AND relid.relname <> 'spark_migrations'",
    )
    .fetch_all(&mut schema.beside().await)
    .await
    .unwrap();
    let distribution = distribution();
    let tables: std::collections::BTreeSet<&String> =
        keys.iter().map(|(table, ..)| table).collect();
    assert!(tables.iter().copied().eq(distribution.keys()), "{tables:?} {distribution:?}");
    for (table, key, columns) in &keys {
        if let Some(column) = &distribution[table] {
            assert!(columns.contains(column), "{key} of {table} lacks {column}: {columns:?}");
        }
    }
}
