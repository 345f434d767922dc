//! The program prints no secret, whether the real services refuse or accept it.
#![allow(clippy::unwrap_used, reason = "these are tests")]

use crate::program::secrets::assert_none;
use crate::program::{Program, agent, get, server};
use sqlx::{Connection as _, PgConnection};

const SECRET: &str = "kx7Vq2mZ9tLw4Rb8";
const TRACE: [&str; 2] = ["--log", "trace"];

/// The URL of a test service with other credentials.
fn service(name: &str, credentials: &str) -> String {
    let variable = format!("SPARK_ANALYTICS_TEST_{name}");
    let url = std::env::var(variable).expect("run by scripts/with-services");
    let (kind, rest) = url.split_once("://").unwrap();
    let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    format!("{kind}://{credentials}@{host}")
}

/// Sets a password for the only role of the test server that has to log in.
async fn change_password(password: &str) {
    let mut server = PgConnection::connect(&service("POSTGRES", "spark")).await.unwrap();
    for statement in [
        "DO $$ BEGIN CREATE ROLE with_password LOGIN; EXCEPTION WHEN duplicate_object THEN END $$",
        &format!("ALTER ROLE with_password PASSWORD '{password}'"),
        "CREATE SCHEMA IF NOT EXISTS AUTHORIZATION with_password",
    ] {
        let statement = sqlx::AssertSqlSafe(statement.to_owned());
        sqlx::query(statement).execute(&mut server).await.unwrap();
    }
}

#[tokio::test]
async fn passwords_are_not_printed_whether_right_or_wrong() {
    const WRONG: &str = "wr0ngKx7Vq2mZ9tL";
    change_password(SECRET).await;
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let mut said = String::new();
    for password in [SECRET, WRONG] {
        let store = service("POSTGRES", &format!("with_password:{password}"));
        let redis = service("REDIS", &format!(":{password}"));
        let amqp = service("AMQP", &format!("guest:{password}"));
        let arguments = [&TRACE[..], &["--store", &store, "--redis", &redis]].concat();
        let arguments = [&["--listen", "127.0.0.1:0"], &arguments[..]].concat();
        let mut program = Program::start("serve", folder, &arguments, &[]);
        if password == SECRET {
            let url = program.says("listening on ").replace("listening on ", "");
            let jobs = format!("{url}/api/v1/analytics/jobs");
            assert_eq!(get(&agent(), &jobs, "").status(), 200);
            said += &program.stop();
        } else {
            let (code, refused) = program.ended();
            assert_eq!(code, Some(1), "{refused}");
            assert!(refused.contains("password authentication failed"), "{refused}");
            said += &refused;
        }

        let (program, url) = server(folder, &[&TRACE[..], &["--publish", &amqp]].concat(), &[]);
        assert_eq!(get(&agent(), &format!("{url}/ready"), "").status(), 503);
        said += &program.stop();

        let arguments = [&TRACE[..], &["--store", "memory:", "--amqp", &amqp]].concat();
        let mut program = Program::start("work", folder, &arguments, &[]);
        program.says("not consuming, connecting again");
        said += &program.stop();

        said += &Program::start("cli", folder, &["jobs", "--store", &store], &[]).ended().1;
    }
    // Another test uses this password.
    change_password("right").await;
    assert_none(&said, &[SECRET, WRONG]);
}
