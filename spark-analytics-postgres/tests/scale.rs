//! What `docs/scale.md` says holds for the schema.
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::BTreeMap;

/// Tables and the columns by which the page spreads them, none for those that are on every node.
fn distribution() -> BTreeMap<String, Option<String>> {
    let page = include_str!("../../docs/scale.md");
    let calls = page.lines().filter_map(|line| line.strip_prefix("SELECT create_"));
    calls
        .map(|call| {
            let texts: Vec<&str> = call.split('\'').skip(1).step_by(2).collect();
            let column = call.starts_with("distributed").then(|| texts[1].to_owned());
            (texts[0].to_owned(), column)
        })
        .collect()
}

#[tokio::test]
async fn every_key_holds_the_column_by_which_its_table_is_spread() {
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
