//! PostgreSQL on a disk that is full: a tablespace of its own, so that other tests do not miss the server.

use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use spark_analytics_core::Store;
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use crate::support::contested;
use crate::support::on_file::holds;
use crate::support::plain_user;
use crate::support::small_disk::{mounts, take_until_full};

/// Unmounts it even if the test fails.
struct Mounted<'a>(&'a Path);

impl Drop for Mounted<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.0).status();
    }
}

#[tokio::test]
async fn a_full_disk_under_postgres_refuses_whole_batches_until_there_is_space() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755)).unwrap();
    let disk = folder.path().join("disk");
    std::fs::create_dir(&disk).unwrap();
    if !plain_user::is_root() || !mounts(&mut Command::new("mount"), &disk) {
        let message = b"\nNOT TESTED: a full disk under PostgreSQL: nothing can be mounted here\n";
        return std::io::stderr().write_all(message).unwrap();
    }
    let _mounted = Mounted(&disk);
    let control = std::env::var("SPARK_ANALYTICS_TEST_CONTROL").expect("scripts/with-services");
    let server = Path::new(&control).parent().unwrap().join("postgres/data").metadata().unwrap();
    let space = disk.join("space");
    std::fs::create_dir(&space).unwrap();
    chown(&space, Some(server.uid()), Some(server.gid())).unwrap();

    let url = contested::schema("disk_full").await;
    let mut connection = PgConnection::connect(&url).await.unwrap();
    let name = format!("small_{}", std::process::id());
    let create = format!("CREATE TABLESPACE {name} LOCATION '{}'", space.display());
    sqlx::raw_sql(AssertSqlSafe(create)).execute(&mut connection).await.unwrap();

    let url = format!("{url}&options[default_tablespace]={name}");
    let store: Arc<dyn Store> = Arc::new(contested::open(&url).await);
    let taken = take_until_full(&store, &disk, "(SQLSTATE 53100)").await;
    store.close().await.unwrap();
    holds(&(Arc::new(contested::open(&url).await) as Arc<dyn Store>), &taken).await;

    let schema = url.split("search_path]=").nth(1).unwrap().split('&').next().unwrap();
    for drop in [format!("DROP SCHEMA {schema} CASCADE"), format!("DROP TABLESPACE {name}")] {
        sqlx::raw_sql(AssertSqlSafe(drop)).execute(&mut connection).await.unwrap();
    }
}
