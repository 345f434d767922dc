//! Requests that no library sends.

use crate::trial::{Lasts, Target, attack, attack_tls};
use crate::wire::{Wire, batch, event};
use crate::{sized, wire};

/// Closes its half of the connection after a request, within a request, and within a body.
fn half_close(target: &Target, lasts: &Lasts<'_>) {
    let rest = "POST /api/v1/logs/batch HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\n[";
    while lasts.on() {
        let mut wire = target.open();
        wire.send(batch("", None, event(1, 1).as_bytes()));
        wire.shut();
        assert_eq!(wire.answer().unwrap().0, 200);
        assert_eq!(wire.rest(), "");
        for part in ["GET /health HT", rest] {
            let mut wire = target.open();
            wire.send(part);
            wire.shut();
            wire.rest();
        }
    }
}

#[test]
fn a_client_that_has_closed_its_half_is_answered() {
    attack("half-closed connections", half_close);
    attack_tls("TLS: half-closed connections", half_close);
}

#[test]
fn clients_that_disconnect_early_do_no_harm() {
    attack("clients that leave before their answer", |target, lasts| {
        while lasts.on() {
            Wire::open(target.address).send(batch("", None, event(1, 1).as_bytes()));
            Wire::open(target.address)
                .send(b"GET /docs/swagger-ui-bundle.js HTTP/1.1\r\nHost: x\r\n\r\n");
        }
    });
}

#[test]
fn pipelined_requests_are_answered_in_their_order() {
    attack("100 requests in one packet", |target, lasts| {
        while lasts.on() {
            let requests: String = (0..100)
                .map(|i| {
                    let path = if i % 2 == 0 { "/health" } else { "/api/v1/analytics/jobs/0" };
                    format!("GET {path} HTTP/1.1\r\nHost: x\r\nx-request-id: ask-{i}\r\n\r\n")
                })
                .collect();
            let mut wire = Wire::open(target.address);
            wire.send(requests);
            for i in 0..100 {
                let (status, head, _) = wire.answer().unwrap();
                assert_eq!(status, if i % 2 == 0 { 200 } else { 404 });
                assert!(head.contains(&format!("x-request-id: ask-{i}\r\n")), "{i}: {head}");
            }
        }
    });
}

#[test]
fn oversized_heads_are_refused() {
    attack("heads that are too long, or of too many lines", |target, lasts| {
        let lines: String = (0..10_000).map(|i| format!("x-{i}: a\r\n")).collect();
        let many: String = (0..1_000).map(|i| format!("&p{i}=1")).collect();
        while lasts.on() {
            for (head, statuses) in [
                (format!("x: {}\r\n", "a".repeat(10 << 20)), &[431][..]),
                (lines.clone(), &[431]),
                ("x: a\r\n".repeat(200), &[431]),
            ] {
                let mut wire = Wire::open(target.address);
                wire.send(format!("GET /health HTTP/1.1\r\nHost: x\r\n{head}\r\n"));
                if let Some((status, ..)) = wire.answer() {
                    assert!(statuses.contains(&status), "{status}");
                }
                wire.rest();
            }
            let mut wire = Wire::open(target.address);
            wire.send(format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "a".repeat(1 << 20)));
            assert!(wire.answer().is_none_or(|(status, ..)| [414, 431].contains(&status)));
            wire.rest();
            let mut wire = Wire::open(target.address);
            let path = "/api/v1/analytics/jobs?limit=1";
            wire.send(format!("GET {path}{many} HTTP/1.1\r\nHost: x\r\n\r\n"));
            assert_eq!(wire.answer().unwrap().0, 400);
        }
    });
}

#[test]
fn bytes_that_are_not_a_request_are_refused_immediately() {
    attack("TLS, HTTP/2, noise; lengths that lie", |target, lasts| {
        let hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03some random bytes\0\0\0\r\n";
        let post = "POST /api/v1/logs/ingest HTTP/1.1\r\nHost: x\r\n";
        while lasts.on() {
            for bytes in [
                &hello[..],
                b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0",
                b"\0\0\0\0\0\0\0\0\r\n\r\n",
                b"GET /health HTTP/9.9\r\n\r\n",
                b"GET /health\r\n\r\n",
                b"GET /health HTTP/1.1\r\n\r\n",
                b"GET /health HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
                b"GET /health HTTP/1.1\r\nHost: x y\r\n\r\n",
                b"GET /health HTTP/1.1\r\nHost: rebound.example\r\nConnection: close\r\n\r\n",
            ] {
                let mut wire = Wire::open(target.address);
                wire.send(bytes);
                let rest = wire.rest();
                assert!(rest.is_empty() || rest.starts_with("HTTP/1.1 4"), "{rest}");
            }
            for lengths in [
                "Content-Length: 5\r\nContent-Length: 6\r\n",
                "Content-Length: -1\r\n",
                "Content-Length: 99999999999999999999999\r\n",
                "Transfer-Encoding: nonsense\r\n",
                "Transfer-Encoding: gzip, chunked\r\n",
            ] {
                let mut wire = Wire::open(target.address);
                wire.send(format!("{post}{lengths}\r\n{{}}"));
                let rest = wire.rest();
                let is_refused = rest.starts_with("HTTP/1.1 4") || rest.starts_with("HTTP/1.1 501");
                assert!(rest.is_empty() || is_refused, "{lengths}: {rest}");
            }
            // With a length that is too short the event ends early, and the rest is not a request.
            let mut wire = Wire::open(target.address);
            wire.send(format!("{post}Content-Length: 10\r\n\r\n{}", event(1, 1)));
            assert_eq!(wire.answer().unwrap().0, 400);
            assert!(wire.rest().starts_with("HTTP/1.1 400"));
            // With a length that is too long the server waits for bytes that never arrive.
            let mut wire = Wire::open(target.address);
            wire.send(format!("{post}Content-Length: 9999\r\n\r\n{}", event(1, 1)));
            wire.shut();
            assert!(wire.answer().is_none_or(|(status, ..)| status == 400));
            let mut wire = Wire::open(target.address);
            wire.send("GET /health HTTP/1.0\r\n\r\n");
            assert!(wire.rest().starts_with("HTTP/1.0 200"));
        }
    });
}

#[test]
fn chunks_of_one_byte_are_read() {
    attack("chunks of a byte each", |target, lasts| {
        let lines: String = (0..sized(50, 2_000)).map(|task| event(7, task) + "\n").collect();
        let chunks: String =
            lines.chars().map(|byte| format!("1\r\n{byte}\r\n")).collect::<String>() + "0\r\n\r\n";
        let head = "POST /api/v1/logs/batch?errors=only HTTP/1.1\r\nHost: x\r\n\
            Content-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n";
        while lasts.on() {
            let (status, body) = Wire::open(target.address).ask(&format!("{head}{chunks}"));
            assert_eq!(status, 200, "{body}");
            assert!(body.contains(r#""rejected":0"#), "{body}");
        }
    });
}

#[test]
fn deep_nesting_is_answered() {
    attack("JSON of a million brackets", |target, lasts| {
        let deep = "[".repeat(1 << 20);
        let within = format!("{{\"event\":{}\n", &deep[..60_000]).repeat(16);
        while lasts.on() {
            for body in [&deep, &within] {
                let mut wire = Wire::open(target.address);
                wire.send(wire::batch("?errors=only", None, body.as_bytes()));
                assert_eq!(wire.answer().unwrap().0, 200);
            }
        }
    });
}
