//! Tokens, from the command that creates them to the server that requires them.
#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use crate::program::{Program, agent, command, get, new_token, server};
use serde_json::Value;

const JOBS: &str = "/api/v1/analytics/jobs";

fn status(url: &str, path: &str, token: &str) -> u16 {
    get(&agent(), &format!("{url}{path}"), token).status().as_u16()
}

fn send(folder: &Path, url: &str, more: &[&str], token: Option<&str>) -> (Option<i32>, String) {
    let url = format!("{url}/api/v1/logs/ingest");
    let arguments = ["send", "--file", "events.json", "--delay", "0", "--url", &url];
    let variable = token.map(|token| ("SPARK_ANALYTICS_TOKEN", token));
    Program::start("cli", folder, &[&arguments, more].concat(), variable.as_slice()).ended()
}

#[test]
fn a_token_created_by_the_program_is_accepted_and_others_are_not() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let (reader, read) = new_token(folder, "reader", "read");
    let (writer, write) = new_token(folder, "writer@ci", "write");
    let (boss, admin) = new_token(folder, "boss", "admin");
    assert_eq!((reader.len(), read.split(' ').count()), (4 + 64, 3));
    assert_ne!(reader, new_token(folder, "reader", "read").0);
    fs::write(folder.join("tokens"), format!("# who may ask\n{read}{write}\n{admin}")).unwrap();
    fs::write(folder.join("token"), format!("{writer}\n")).unwrap();
    let event = r#"[{"event":"SparkListenerJobStart","job_id":1,"timestamp":"2024-03-30T10:12:45Z","user":"ada"}]"#;
    fs::write(folder.join("events.json"), event).unwrap();
    let (program, url) = server(folder, &["--tokens", "tokens"], &[]);

    for (token, statuses) in [
        ("", [200, 200, 401, 401, 401]),
        ("sat_other", [200, 200, 401, 401, 401]),
        (reader.as_str(), [200, 200, 200, 200, 403]),
        (boss.as_str(), [200, 200, 200, 200, 200]),
    ] {
        let paths = ["/health", "/ready", JOBS, "/metrics", "/api/v1/logs/rejected"];
        assert_eq!(paths.map(|path| status(&url, path, token)), statuses, "{token}");
    }
    let refused = get(&agent(), &format!("{url}/metrics"), "");
    assert_eq!(refused.headers()["www-authenticate"], "Bearer realm=\"spark-analytics\"");

    for (more, token) in [(&[][..], None), (&[], Some(reader.as_str()))] {
        let (code, said) = send(folder, &url, more, token);
        assert_eq!(code, Some(1), "{said}");
        assert!(said.lines().any(|line| line.starts_with("error: cannot send to ")), "{said}");
    }
    for (more, token, outcome) in [
        (&["--token-file", "token"][..], None, "RECORDED   1"),
        (&[], Some(writer.as_str()), "DUPLICATE  1"),
        (&["--token", &boss], None, "DUPLICATE  1"),
    ] {
        let (code, said) = send(folder, &url, more, token);
        assert_eq!(code, Some(0), "{said}");
        assert!(said.contains(outcome), "{said}");
    }

    let said = program.stop();
    assert!(said.contains("token=\"writer@ci\" status=200"), "{said}");
    for token in [&reader, &writer, &boss] {
        assert!(!said.contains(&token[4..]), "{said}");
    }
}

#[test]
fn a_hangup_reloads_the_tokens_and_keeps_the_old_ones_if_the_file_is_invalid() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let (first, line) = new_token(folder, "first", "read");
    fs::write(folder.join("tokens"), &line).unwrap();
    let tokens = [("SPARK_ANALYTICS_TOKENS", "tokens")];
    let (mut program, url) = server(folder, &[], &tokens);
    let (second, of_second) = new_token(folder, "second", "read");
    fs::write(folder.join("tokens"), format!("{line}{of_second}third read {second}\n")).unwrap();
    program.signal("-HUP");
    let message = program.says("ERROR");
    let wrong = "the tokens in tokens are invalid: line 3: the third word must be the SHA-256";
    assert!(message.contains(wrong) && message.ends_with("; the former tokens stay"), "{message}");
    assert_eq!((status(&url, JOBS, &first), status(&url, JOBS, &second)), (200, 401));

    fs::write(folder.join("tokens"), &of_second).unwrap();
    program.signal("-HUP");
    program.says("the tokens were read again");
    assert_eq!((status(&url, JOBS, &first), status(&url, JOBS, &second)), (401, 200));

    fs::remove_file(folder.join("tokens")).unwrap();
    program.signal("-HUP");
    assert!(program.says("ERROR").contains("cannot read the tokens in tokens: No such file"));
    assert_eq!(status(&url, JOBS, &second), 200);
    assert!(!program.stop().contains(&second));
}

#[test]
fn other_machines_are_served_only_with_tokens_or_on_request() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fs::write(folder.join("tokens"), new_token(folder, "a", "read").1).unwrap();
    let start = |program: &str, flag: &str, address: &str, more: &[&str]| {
        let arguments = [&[flag, address, "--store", "memory:"], more].concat();
        Program::start(program, folder, &arguments, &[])
    };
    let amqp = ["--amqp", "amqp://127.0.0.1:1"];
    for (name, flag, says, broker) in [
        ("serve", "--listen", "listening on ", &[][..]),
        ("work", "--metrics", "metrics on ", &amqp),
    ] {
        for address in ["0.0.0.0:0", "[::]:0"] {
            let (code, said) = start(name, flag, address, broker).ended();
            assert_eq!((code, said.lines().count()), (Some(1), 1), "{said}");
            let expected = format!("error: it does not listen on {address} without tokens");
            assert!(said.starts_with(&expected), "{said}");
        }
        for (address, more) in [
            ("0.0.0.0:0", &["--insecure"][..]),
            ("0.0.0.0:0", &["--tokens", "tokens"]),
            ("[::ffff:127.0.0.1]:0", &[]),
        ] {
            let mut program = start(name, flag, address, &[broker, more].concat());
            let url = program.says(says).replace("0.0.0.0", "127.0.0.1");
            let url = url.trim_start_matches(says).trim_end_matches("/metrics").to_owned();
            let expected = if more.contains(&"--tokens") { 401 } else { 200 };
            assert_eq!(status(&url, "/metrics", ""), expected, "{name} {more:?}");
            assert_eq!(status(&url, "/health", ""), 200);
            program.stop();
        }
    }
}

#[test]
fn an_invalid_token_file_prevents_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fs::write(folder.join("empty"), "# nobody yet\n").unwrap();
    fs::write(folder.join("wrong"), "\na reader 00\n").unwrap();
    for (arguments, code, expected) in [
        (&["--tokens", "none"][..], 1, "cannot read the tokens in none: No such file"),
        (&["--tokens", "empty"], 1, "the tokens in empty are invalid: the file contains no tokens"),
        (
            &["--tokens", "wrong"],
            1,
            "the tokens in wrong are invalid: line 2: the third word must be",
        ),
        (&["--rate-limit", "5"], 2, "--tokens"),
    ] {
        let arguments = [&["--listen", "127.0.0.1:0", "--store", "memory:"], arguments].concat();
        let (ended, said) = Program::start("serve", folder, &arguments, &[]).ended();
        assert_eq!(ended, Some(code), "{said}");
        assert!(said.starts_with("error: ") && said.contains(expected), "{said}");
    }
}

#[test]
fn a_sender_over_its_limit_is_slowed_down_and_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let (token, line) = new_token(folder, "slow", "write");
    fs::write(folder.join("tokens"), line).unwrap();
    let event = |n| {
        format!(
            r#"{{"event":"SparkListenerJobStart","job_id":{n},"timestamp":"2024-03-30T10:12:45Z","user":"ada"}}"#
        )
    };
    let events: Vec<_> = (0..5).map(event).collect();
    fs::write(folder.join("events.json"), events.join("\n")).unwrap();
    let (program, url) = server(folder, &["--tokens", "tokens", "--rate-limit", "3"], &[]);
    let started = Instant::now();
    let (code, said) = send(folder, &url, &[], Some(&token));
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("RECORDED   5"), "{said}");
    assert!(started.elapsed() > Duration::from_millis(600), "five take more than a second's three");
    assert!(program.stop().contains("status=429"));
}

#[test]
fn allowed_origins_may_read_and_others_may_not() {
    let folder = tempfile::tempdir().unwrap();
    let named = "https://figures.example";
    let (plain, closed) = server(folder.path(), &[], &[]);
    let more = ["--cors-origin", "http://localhost:3000", "--cors-origin", named];
    let (open, url) = server(folder.path(), &more, &[]);
    let event = r#"{"event":"SparkListenerJobStart","job_id":1,"timestamp":"2024-03-30T10:12:45Z","user":"ada"}"#;
    for (url, origin, allowed) in
        [(&closed, named, false), (&url, named, true), (&url, "https://other.example", false)]
    {
        let jobs = format!("{url}{JOBS}");
        let answer = agent().get(&jobs).header("origin", origin).call().unwrap();
        let header = answer.headers().get("access-control-allow-origin");
        assert_eq!(header.map(|header| header.to_str().unwrap()), allowed.then_some(origin));
        let request = agent().options(&jobs).header("origin", origin);
        let request = request.header("access-control-request-method", "GET");
        let preflight =
            request.header("access-control-request-headers", "authorization").call().unwrap();
        assert_eq!(preflight.headers().contains_key("access-control-allow-origin"), allowed);

        let post = agent().post(format!("{url}/api/v1/logs/ingest")).header("origin", origin);
        let mut answer = post.header("sec-fetch-site", "cross-site").send(event).unwrap();
        assert_eq!(answer.status().as_u16(), if allowed { 200 } else { 403 });
        let body: Value =
            serde_json::from_str(&answer.body_mut().read_to_string().unwrap()).unwrap();
        if !allowed {
            assert_eq!((&body["status"], &body["title"]), (&403.into(), &"Forbidden".into()));
        }
    }
    plain.stop();
    open.stop();
    let (code, said) = Program::start("serve", folder.path(), &["--cors-origin", "*"], &[]).ended();
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("not an origin; expected https://HOST or https://HOST:PORT"), "{said}");
}

#[test]
fn requests_are_answered_while_tokens_are_reloaded() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let (token, line) = new_token(folder, "a", "read");
    fs::write(folder.join("tokens"), line).unwrap();
    let (program, url) = server(folder, &["--tokens", "tokens", "--log", "warn"], &[]);
    thread::scope(|scope| {
        let asking = scope.spawn(|| (0..200).all(|_| status(&url, JOBS, &token) == 200));
        while !asking.is_finished() {
            program.signal("-HUP");
        }
        assert!(asking.join().unwrap());
    });
    program.stop();
}

/// Runs `token` with arguments; its exit code, standard output and standard error.
fn token(folder: &Path, args: &[&str]) -> (Option<i32>, String, String) {
    let mut command = command("cli");
    let output = command.arg("token").args(args).current_dir(folder).env_clear().output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn tokens_are_added_listed_and_revoked_in_their_file() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let file = folder.join("tokens");
    let add = |name: &str, role: &str| {
        token(folder, &["new", "--name", name, "--role", role, "--file", "tokens"])
    };
    let (code, out, ada) = add("ada", "admin");
    assert_eq!((code, out.as_str()), (Some(0), ""), "{ada}");
    let before = fs::read_to_string(&file).unwrap();
    fs::write(&file, format!("# who may ask\n{}", before.trim_end())).unwrap();
    let ci = add("ci", "write").2;
    let (program, url) = server(folder, &["--tokens", "tokens"], &[]);
    for token in [&ada, &ci] {
        assert_eq!(status(&url, JOBS, token.trim()), 200);
    }
    program.stop();

    let text = fs::read_to_string(&file).unwrap();
    assert!(text.starts_with("# who may ask\nada admin "), "{text}");
    let (code, out, said) = add("ci", "read");
    assert_eq!((code, out.as_str()), (Some(1), ""));
    assert!(said.starts_with("error: tokens has a token of ci already"), "{said}");
    assert_eq!(fs::read_to_string(&file).unwrap(), text);

    let (code, out, _) = token(folder, &["list", "--file", "tokens"]);
    assert_eq!((code, out.as_str()), (Some(0), "NAME  ROLE\nada   admin\nci    write\n"));
    let (code, _, said) = token(folder, &["revoke", "bob", "--file", "tokens"]);
    assert!(code == Some(1) && said.contains("has no token of bob"), "{said}");
    let (code, out, said) = token(folder, &["revoke", "ada", "--file", "tokens"]);
    assert_eq!((code, out.as_str()), (Some(0), ""), "{said}");
    assert!(said.contains("send it SIGHUP"), "{said}");
    let (_, _, said) = token(folder, &["revoke", "ci", "--file", "tokens"]);
    assert!(said.contains("it is the only token in tokens"), "{said}");
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.starts_with("# who may ask\nci write ") && text.lines().count() == 2, "{text}");
    assert!(![ada, ci].iter().any(|token| text.contains(token[4..].trim())), "{text}");

    // An invalid file stays as it is, and so does one that another command is changing.
    fs::write(&file, "ada admin secret\n").unwrap();
    for args in [&["list"][..], &["revoke", "ada"], &["new", "--name", "b", "--role", "read"]] {
        let (code, out, said) = token(folder, &[args, &["--file", "tokens"]].concat());
        assert_eq!((code, out.as_str()), (Some(1), ""));
        assert!(said.contains("are invalid: line 1") && !said.contains("secret"), "{said}");
        assert!(!said.contains("sat_"), "{said}");
    }
    fs::write(folder.join("tokens.new"), "").unwrap();
    assert!(add("b", "read").2.contains("another command is changing the tokens"));
    assert!(folder.join("tokens.new").exists());
    assert_eq!(fs::read_to_string(&file).unwrap(), "ada admin secret\n");
}

#[cfg(unix)]
#[test]
fn a_file_of_tokens_keeps_its_mode_and_a_link_stays_one() {
    use std::os::unix::fs::{PermissionsExt, symlink};

    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let new = |name: &str| {
        let (code, _, said) =
            token(folder, &["new", "--name", name, "--role", "read", "--file", "link"]);
        assert_eq!(code, Some(0), "{said}");
    };
    let file = folder.join("tokens");
    let mode = || fs::metadata(&file).unwrap().permissions().mode() & 0o777;
    fs::write(&file, "").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    symlink("tokens", folder.join("link")).unwrap();
    new("a");
    assert_eq!(mode(), 0o640);
    assert!(fs::symlink_metadata(folder.join("link")).unwrap().is_symlink());
    fs::remove_file(folder.join("link")).unwrap();
    new("b");
    let created = fs::metadata(folder.join("link")).unwrap().permissions().mode();
    assert_eq!(created & 0o777, 0o600);
    assert!(fs::read_to_string(&file).unwrap().starts_with("a read "));
}
