//! The program prints no secret, whatever goes wrong and however much it logs.
#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::thread;

use crate::program::secrets::assert_none;
use crate::program::{Program, agent, get, new_token, server};

const SECRET: &str = "kx7Vq2mZ9tLw4Rb8";
const TRACE: [&str; 2] = ["--log", "trace"];

/// An address on which nothing listens.
fn nowhere() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

/// Runs a program that must fail; returns its output.
#[track_caller]
fn fails(folder: &Path, name: &str, arguments: &[&str]) -> String {
    let (code, said) = Program::start(name, folder, arguments, &[]).ended();
    assert!(code == Some(1) || code == Some(2), "{arguments:?}: {code:?}: {said}");
    assert!(said.contains("error: "), "{said}");
    said
}

#[test]
fn neither_the_server_nor_the_sender_prints_tokens_or_keys() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let (token, line) = new_token(folder, "a", "write");
    let (reader, of_reader) = new_token(folder, "b", "read");
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::new(["localhost".to_owned()]).unwrap();
    fs::write(folder.join("cert.pem"), certificate.self_signed(&key).unwrap().pem()).unwrap();
    fs::write(folder.join("key.pem"), key.serialize_pem()).unwrap();
    fs::write(folder.join("tokens"), [line, of_reader].concat()).unwrap();
    let event = r#"{"event":"SparkListenerJobStart","job_id":1,"timestamp":"2024-03-30T10:12:45Z","user":"ada"}"#;
    fs::write(folder.join("events.json"), event).unwrap();
    let arguments = [&TRACE[..], &["--tokens", "tokens", "--rate-limit", "1"]].concat();
    let (mut program, url) = server(folder, &arguments, &[]);
    let ingest = format!("{url}/api/v1/logs/ingest");
    let send = |url: &str, token: &str| {
        let arguments =
            ["send", "--file", "events.json", "--delay", "0", "--tries", "1", "--url", url];
        Program::start("cli", folder, &arguments, &[("SPARK_ANALYTICS_TOKEN", token)]).ended()
    };
    let mut said = send(&ingest, &token).1;
    assert!(said.contains("RECORDED   1"), "{said}");
    for (url, token) in [
        (ingest.as_str(), token.as_str()),
        (&ingest, &reader),
        (&ingest, SECRET),
        (&ingest, &format!("{SECRET} ")),
        (&format!("http://{}/", nowhere()), &token),
    ] {
        let (code, sent) = send(url, token);
        assert_eq!(code, Some(1), "{sent}");
        said += &sent;
    }
    fs::write(folder.join("tokens"), format!("{token} {SECRET} {}\n", reader)).unwrap();
    program.signal("-HUP");
    program.says("the former tokens stay");
    said += &program.stop();
    let tls = ["--tls-cert", "cert.pem", "--tls-key", "key.pem"];
    let (program, url) = server(folder, &[&TRACE[..], &tls].concat(), &[]);
    let trusting_nobody = agent().get(format!("{url}/health")).call();
    assert!(trusting_nobody.is_err());
    said += &program.stop();
    said += &fails(folder, "serve", &["--tls-cert", "key.pem", "--tls-key", "cert.pem"]);
    said += &fails(folder, "serve", &["--tokens", "tokens"]);
    let pem = key.serialize_pem();
    let of_key: Vec<&str> = pem.lines().filter(|line| !line.starts_with('-')).collect();
    let of_key = of_key.iter().map(|line| line.trim_end_matches('='));
    let secrets = [&token[4..], &reader[4..], SECRET].into_iter().chain(of_key);
    assert_none(&said, &secrets.collect::<Vec<_>>());
}

#[test]
fn passwords_in_urls_of_unreachable_servers_are_not_printed() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let at = |kind: &str, rest: &str| format!("{kind}://ada:{SECRET}@{}{rest}", nowhere());
    let (postgres, amqp) = (at("postgres", "/spark"), at("amqp", ""));
    let redis = at("redis", "/0");
    let listen = ["--listen", "127.0.0.1:0"];
    let mut said = String::new();

    let with_redis = [&TRACE[..], &["--redis", &redis]].concat();
    let (program, url) = server(folder, &with_redis, &[]);
    assert_eq!(get(&agent(), &format!("{url}/api/v1/analytics/jobs"), "").status(), 200);
    said += &program.stop();

    let publishing = [&listen[..], &TRACE, &["--store", &postgres, "--publish", &amqp]].concat();
    let mut program = Program::start("serve", folder, &publishing, &[]);
    let url = program.says("listening on ").replace("listening on ", "");
    program.says("the store cannot be opened, trying again");
    let mut answered = get(&agent(), &format!("{url}/api/v1/analytics/jobs"), "");
    assert_eq!(answered.status(), 503);
    said += &answered.body_mut().read_to_string().unwrap();
    let mut answered = get(&agent(), &format!("{url}/ready"), "");
    said += &answered.body_mut().read_to_string().unwrap();
    said += &program.stop();

    for store in [&postgres[..], "memory:"] {
        let arguments =
            [&TRACE[..], &["--store", store, "--amqp", &amqp, "--redis", &redis]].concat();
        let mut program = Program::start("work", folder, &arguments, &[]);
        program.says(if store == "memory:" { "connecting again" } else { "trying again" });
        said += &program.stop();
    }

    let mut failing = Vec::new();
    for url in [postgres.as_str(), &at("postgresql", "?sslmode=require"), &at("mysql", "/x")] {
        failing.push(("cli", vec!["jobs".to_owned(), "--store".into(), url.into()]));
        let server = [&listen[..], &TRACE, &["--store", url]].concat();
        failing.push(("serve", server.into_iter().map(Into::into).collect()));
    }
    for (flag, value) in [
        ("--publish", at("http", "")),
        ("--publish", format!("amqp://ada:{SECRET}@host:port")),
        ("--redis", at("http", "")),
        ("--redis", format!("redis://ada:{SECRET}@host:port")),
        ("--import", at("https", "/logs")),
        ("--store", format!("ada:{SECRET}@host")),
        ("--store", format!("postgres://ada:{SECRET}@host:port/spark")),
        ("--store", format!("postgres://127.0.0.1:1/spark?user=ada&password={SECRET}")),
        ("--store", format!("mysql://host/spark?user=ada&password={SECRET}")),
    ] {
        let arguments = [&listen[..], &TRACE, &[flag, &value]].concat();
        let mut arguments: Vec<String> = arguments.into_iter().map(Into::into).collect();
        if flag != "--store" {
            arguments.extend(["--store".to_owned(), "memory:".to_owned()]);
        }
        failing.push(("serve", arguments));
    }
    let send = ["send", "--file", "events.json", "--tries", "1", "--url"];
    fs::write(folder.join("events.json"), "{}").unwrap();
    for url in [at("http", "/"), at("ftp", "/"), format!("http://ada:{SECRET}@host:port/")] {
        failing.push(("cli", send.into_iter().map(Into::into).chain([url]).collect()));
    }
    for url in [at("https", "/log"), format!("http://{}/log?key={SECRET}", nowhere())] {
        failing.push(("cli", vec!["inspect".to_owned(), url.clone()]));
        failing.push(("cli", vec!["import".to_owned(), "--follow".into(), url]));
    }
    // Some commands take a while to give up.
    let failed = thread::scope(|scope| {
        let run = |(name, arguments): &(&'static str, Vec<String>)| {
            let (name, arguments) = (*name, arguments.clone());
            scope.spawn(move || {
                let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
                fails(folder, name, &arguments)
            })
        };
        let running: Vec<_> = failing.iter().map(run).collect();
        running.into_iter().map(|run| run.join().unwrap()).collect::<Vec<_>>()
    });
    said += &failed.concat();
    for helps in [["serve", "--help"], ["work", "--help"]] {
        let variables = [
            ("SPARK_ANALYTICS_STORE", &postgres[..]),
            ("SPARK_ANALYTICS_PUBLISH", &amqp),
            ("SPARK_ANALYTICS_AMQP", &amqp),
            ("SPARK_ANALYTICS_REDIS", &redis),
        ];
        said += &Program::start(helps[0], folder, &helps[1..], &variables).ended().1;
    }
    let variables = [("SPARK_ANALYTICS_STORE", &postgres[..]), ("SPARK_ANALYTICS_TOKEN", SECRET)];
    said += &Program::start("cli", folder, &["send", "--help"], &variables).ended().1;
    assert_none(&said, &[SECRET]);
}
