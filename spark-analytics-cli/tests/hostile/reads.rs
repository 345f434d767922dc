//! Many clients that ask for long answers, of which each is allowed.

use std::fmt::Write;
use std::thread;
use std::time::Duration;

use crate::sized;
use crate::trial::{Lasts, Target, attack, attack_on, attack_within};
use crate::wire::{Wire, batch};

/// How long a client that was refused, or whose connection was closed, waits until it asks again.
const WAITS: Duration = Duration::from_millis(100);

/// Jobs of a second each, some on each of 60 days.
fn send_jobs(target: &Target, count: usize) {
    let mut wire = target.open();
    let ids: Vec<usize> = (0..count).collect();
    for ids in ids.chunks(2_000) {
        let mut lines = String::new();
        for id in ids {
            let (month, day) = (1 + id % 60 / 30, 1 + id % 30 % 28);
            let (hour, minute, second) = (id / 3_600 % 24, id / 60 % 60, id % 60);
            let at = format!("2024-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}");
            let of = format!(r#""job_id":{id},"user":"user {}""#, id % 100);
            let _ = writeln!(
                lines,
                r#"{{"event":"SparkListenerJobStart",{of},"timestamp":"{at}.000Z"}}"#
            );
            let _ = writeln!(
                lines,
                r#"{{"event":"SparkListenerJobEnd",{of},"timestamp":"{at}.500Z","completion_time":"{at}.500Z","job_result":"JobSucceeded"}}"#
            );
        }
        wire.send(batch("?errors=only", None, lines.as_bytes()));
        let (status, _, body) = wire.answer().unwrap();
        assert!(status == 200 && body.contains(r#""rejected":0"#), "{status}: {body}");
    }
}

/// Events of almost 64 KiB of a job.
fn send_long_events(target: &Target, count: usize) {
    let mut wire = target.open();
    let pad = "x".repeat(64_000);
    for task in 0..count {
        let event = crate::wire::event(1, task).replacen('{', &format!(r#"{{"pad":"{pad}","#), 1);
        wire.send(batch("?errors=only", None, event.as_bytes()));
        assert_eq!(wire.answer().unwrap().0, 200);
    }
}

/// Clients that ask for the same paths again and again, and read the answers. An answer is complete or refused; some are
/// complete.
fn ask(target: &Target, lasts: &Lasts<'_>, clients: usize, paths: &[String]) {
    let complete = thread::scope(|scope| {
        let asking: Vec<_> = (0..clients)
            .map(|client| {
                let ask = move || {
                    let (mut wire, mut complete) = (target.open(), 0);
                    for path in paths.iter().cycle().skip(client) {
                        if !lasts.on() {
                            return complete;
                        }
                        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n");
                        match wire.try_ask(&request) {
                            Some((200, body)) => {
                                assert!(body.ends_with(['}', ']']), "{path}");
                                complete += 1;
                            }
                            Some((status, body)) => {
                                assert_eq!(status, 503, "{path}: {body}");
                                thread::sleep(WAITS);
                            }
                            None => {
                                thread::sleep(WAITS);
                                wire = Wire::open(target.address);
                            }
                        }
                    }
                    complete
                };
                thread::Builder::new().stack_size(256 << 10).spawn_scoped(scope, ask).unwrap()
            })
            .collect();
        asking.into_iter().map(|asking| asking.join().unwrap()).sum::<usize>()
    });
    assert!(complete > 0, "no answer was complete");
}

#[test]
fn long_lists_of_jobs_do_not_keep_others_waiting() {
    let lists = |target: &Target, lasts: &Lasts<'_>| {
        send_jobs(target, sized(2_000, 100_000));
        let path = "/api/v1/analytics/jobs?limit=10000".to_owned();
        ask(target, lasts, sized(16, 1_000), &[path]);
    };
    attack("lists of 10,000 jobs", lists);
    attack_on("redb:test.redb", "redb: lists of 10,000 jobs", lists);
}

#[test]
fn long_lists_of_long_events_are_not_held_in_memory() {
    let lists = |target: &Target, lasts: &Lasts<'_>| {
        send_long_events(target, sized(400, 1_000));
        let path = "/api/v1/logs?job_id=1&limit=1000".to_owned();
        ask(target, lasts, sized(16, 200), &[path]);
    };
    attack("lists of 1,000 events of 64 KiB", lists);
    attack_on("redb:test.redb", "redb: lists of 1,000 events of 64 KiB", lists);
}

#[test]
fn different_ranges_and_lists_do_not_fill_the_memory() {
    attack("ranges and lists, each another one", |target, lasts| {
        send_jobs(target, sized(2_000, 100_000));
        let paths: Vec<String> = (0..600)
            .flat_map(|n| {
                let (user, year) = (n % 100, 2_015 + n / 100);
                [
                    format!("/api/v1/analytics/summary?from={year}-01-{:02}", 1 + n % 28),
                    format!("/api/v1/analytics/summary?from={year}-01-01&user=user%20{user}"),
                    format!("/api/v1/analytics/jobs?user=user%20{user}&limit={}", 900 + n / 100),
                ]
            })
            .collect();
        ask(target, lasts, sized(8, 64), &paths);
    });
}

#[test]
fn lists_that_nobody_reads_are_not_held_in_memory() {
    attack("lists of 1,000 events of 64 KiB that nobody takes", |target, lasts| {
        send_long_events(target, sized(400, 1_000));
        let request = "GET /api/v1/logs?job_id=1&limit=1000 HTTP/1.1\r\nHost: x\r\n\r\n";
        let (mut wires, count) = (Vec::new(), sized(100, 1_000));
        while lasts.on() {
            let mut wire = target.open();
            wire.send(request);
            wires.push(wire);
            if wires.len() > count {
                wires.remove(0);
            }
            thread::sleep(Duration::from_millis(sized(20, 5) as u64));
        }
    });
}

/// The event log of an application with jobs that have no tasks.
fn log_of_jobs(count: usize) -> String {
    let mut log = String::from(
        r#"{"Event":"SparkListenerLogStart","Spark Version":"3.5.0"}
{"Event":"SparkListenerApplicationStart","App Name":"a","App ID":"app-1","Timestamp":1711792800000,"User":"ada"}
"#,
    );
    for id in 0..count {
        let time = 1_711_792_800_000 + 1_000 * id;
        let _ = writeln!(
            log,
            r#"{{"Event":"SparkListenerJobStart","Job ID":{id},"Submission Time":{time},"Stage Infos":[],"Stage IDs":[],"Properties":{{}}}}
{{"Event":"SparkListenerJobEnd","Job ID":{id},"Completion Time":{time},"Job Result":{{"Result":"JobSucceeded"}}}}"#
        );
    }
    log
}

#[test]
fn an_application_of_many_jobs_does_not_keep_others_waiting() {
    attack("an application of 100,000 jobs", |target, lasts| {
        target.import("app-1", &log_of_jobs(sized(2_000, 100_000)));
        let paths = [
            "/api/v1/applications/app-1/executors",
            "/api/v1/applications/app-1/stages",
            "/api/v1/applications/app-1/jobs/1",
            "/api/v1/applications/app-1/sql",
            "/api/v1/applications/app-1",
            "/api/v1/analytics/applications/app-1/stages",
            "/api/v1/analytics/jobs?app=app-1&limit=10000",
            "/api/v1/analytics/jobs?app=app-1&limit=10000&order=longest",
        ]
        .map(str::to_owned);
        ask(target, lasts, 16, &paths);
    });
}

#[test]
fn a_hard_limit_of_memory_is_survived() {
    attack_within("all of it within 256 MiB", 256, |target, lasts| {
        send_jobs(target, sized(2_000, 100_000));
        send_long_events(target, sized(200, 1_000));
        let lines: String =
            (0..sized(2_000, 50_000)).map(|task| crate::wire::event(7, task) + "\n").collect();
        let batch = batch("?errors=only", None, lines.as_bytes());
        let paths = [
            "/api/v1/analytics/jobs?limit=10000",
            "/api/v1/logs?job_id=1&limit=1000",
            "/api/v1/analytics/summary?from=2015-01-01&limit=10000",
        ]
        .map(str::to_owned);
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    while lasts.on() {
                        let mut wire = target.open();
                        wire.send(&batch);
                        let status = wire.answer().map(|(status, ..)| status);
                        assert!(
                            status.is_none_or(|status| [200, 503].contains(&status)),
                            "{status:?}"
                        );
                    }
                });
            }
            ask(target, lasts, sized(16, 200), &paths);
        });
    });
}
