//! More connections than allowed, of clients that stall.

use std::io::ErrorKind;
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use crate::sized;
use crate::trial::{Lasts, Target, attack, attack_tls};
use crate::wire::Wire;

/// Limits the rate of an attack: one that uses the whole machine would only measure the machine.
const BREATH: Duration = Duration::from_millis(1);

/// Holds more connections than allowed for as long as the attack lasts. Each has sent `head` and sends a few bytes of
/// `drips` from time to time; closed connections are opened again.
fn besiege(target: &Target, lasts: &Lasts<'_>, head: &[u8], drips: &[u8]) {
    let count = target.connections * 6 / 5;
    let open = || {
        let mut wire = Wire::open(target.address);
        wire.send(head);
        wire.set_nonblocking();
        wire
    };
    let mut wires: Vec<Wire> = (0..count).map(|_| open()).collect();
    let mut closed = 0;
    for round in 0.. {
        if !lasts.on() && (closed > count / 20 || round > 60_000) {
            break;
        }
        for wire in &mut wires {
            let drip = drips.get(round % drips.len().max(1)).map_or(&[][..], std::slice::from_ref);
            if wire.is_closed() || !drip.is_empty() && !wire.send(drip) {
                closed += 1;
                *wire = open();
            }
        }
        thread::sleep(BREATH);
    }
    assert!(closed > count / 20, "only {closed} made room");
}

#[test]
fn idle_connections_are_evicted() {
    attack("idle connections, 6/5 of what there may be", |target, lasts| {
        besiege(target, lasts, b"", b"");
    });
}

#[test]
fn connections_idle_after_a_request_are_evicted() {
    attack("connections that idle after a request", |target, lasts| {
        besiege(target, lasts, b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n", b"");
    });
}

#[test]
fn connections_with_heads_that_arrive_byte_by_byte_are_evicted() {
    attack("heads that come byte by byte (slowloris)", |target, lasts| {
        besiege(target, lasts, b"GET /health HTTP/1.1\r\nHost: x\r\n", b"X-Drip: a\r\n");
    });
}

#[test]
fn connections_with_endless_heads_are_evicted() {
    attack("heads of 15 KiB that do not end", |target, lasts| {
        let head = format!("GET /health HTTP/1.1\r\nHost: x\r\nX-Long: {}", "a".repeat(15 * 1024));
        besiege(target, lasts, head.as_bytes(), b"");
    });
}

#[test]
fn connections_with_bodies_that_arrive_byte_by_byte_are_evicted() {
    attack("bodies of batches that come byte by byte", |target, lasts| {
        let head =
            b"POST /api/v1/logs/batch HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999\r\n\r\n[";
        besiege(target, lasts, head, b" ");
    });
}

#[test]
fn connections_with_events_that_arrive_byte_by_byte_are_evicted() {
    attack("bodies of events of 100 KB that do not end", |target, lasts| {
        let head =
            "POST /api/v1/logs/ingest HTTP/1.1\r\nHost: x\r\nContent-Length: 1048576\r\n\r\n";
        let most = " ".repeat(100_000);
        besiege(target, lasts, format!("{head}{most}").as_bytes(), b" ");
    });
}

#[test]
fn connections_that_hold_back_their_bodies_are_evicted() {
    attack("bodies held back by Expect: 100-continue", |target, lasts| {
        let head = b"POST /api/v1/logs/batch HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\
            Expect: 100-continue\r\n\r\n";
        besiege(target, lasts, head, b"");
    });
}

#[test]
fn connections_with_unfinished_handshakes_are_evicted() {
    // A client hello of 65,280 bytes, of which three of four records are sent.
    let mut hello = Vec::new();
    for _ in 0..3 {
        hello.extend([0x16, 3, 1, 0x40, 0, 1, 0, 0xff, 0, 3, 3]);
        hello.resize(hello.len() + 0x4000 - 6, 0);
    }
    attack_tls("TLS: hellos of 48 KiB that do not end", |target, lasts| {
        besiege(target, lasts, &hello, b"");
    });
}

/// Requests long responses, 20 on each connection, and reads none.
fn take_nothing(target: &Target, lasts: &Lasts<'_>) {
    let request = "GET /docs/swagger-ui-bundle.js HTTP/1.1\r\nHost: x\r\n\r\n".repeat(20);
    let count = sized(100, 1_000);
    let mut wires = Vec::new();
    while lasts.on() {
        let mut wire = target.open();
        wire.send(&request);
        wires.push(wire);
        if wires.len() > count {
            wires.remove(0);
        }
        thread::sleep(BREATH * sized(20, 5) as u32);
    }
}

#[test]
fn connections_with_unread_responses_are_evicted() {
    attack("long answers that nobody takes, 20 each", take_nothing);
    attack_tls("TLS: long answers that nobody takes, 20 each", take_nothing);
}

#[test]
fn other_clients_are_served_during_a_flood_of_connections() {
    attack("connections opened and closed as fast as can be", |target, lasts| {
        while lasts.on() {
            match TcpStream::connect(target.address) {
                Ok(stream) => drop(stream),
                // Only ports that have just been used are left.
                Err(error) => assert_eq!(error.kind(), ErrorKind::AddrNotAvailable, "{error}"),
            }
        }
    });
}
