//! Compression bombs.

use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use crate::sized;
use crate::trial::{Lasts, Target, attack};
use crate::wire::{Wire, batch, event};

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Repeatedly sends a bomb on many connections at the same time. Each response must have one of the statuses, and at least
/// one response the first of them.
fn explode(
    target: &Target,
    lasts: &Lasts<'_>,
    query: &str,
    encoding: &str,
    bomb: &[u8],
    statuses: &[u16],
) {
    let request = &batch(query, Some(encoding), bomb);
    let taken = &AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..sized(3, 64) {
            scope.spawn(move || {
                while lasts.on() {
                    let mut wire = Wire::open(target.address);
                    wire.send(request);
                    if let Some((status, _, body)) = wire.answer() {
                        assert!(statuses.contains(&status), "{status}: {body}");
                        taken.fetch_add(usize::from(status == statuses[0]), Ordering::Relaxed);
                    }
                }
            });
        }
    });
    assert!(taken.load(Ordering::Relaxed) > 0, "none was answered with {}", statuses[0]);
}

#[test]
fn endless_blank_lines_are_refused() {
    let blank = vec![b'\n'; 1 << 20];
    let count = sized(100, 1_024);
    attack(&format!("gzip, {count} MiB of blank lines in as many members"), |target, lasts| {
        explode(target, lasts, "", "gzip", &gzip(&blank).repeat(count), &[413, 503]);
    });
    attack(&format!("zstd, {count} MiB of blank lines in one frame"), |target, lasts| {
        let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
        for _ in 0..count {
            encoder.write_all(&blank).unwrap();
        }
        explode(target, lasts, "", "zstd", &encoder.finish().unwrap(), &[413, 503]);
    });
}

#[test]
fn a_body_that_unpacks_to_lines_of_noise_is_refused() {
    attack("gzip, 64 MiB of lines that are not events", |target, lasts| {
        let bomb = gzip(&b"0\n".repeat(1 << 19)).repeat(64);
        explode(target, lasts, "", "gzip", &bomb, &[400, 503]);
    });
}

#[test]
fn a_body_that_unpacks_to_one_event_repeated_is_answered() {
    attack("gzip, one event over and over", |target, lasts| {
        let count = sized(5, 300);
        let bomb = gzip(format!("{}\n", event(1, 1)).repeat(1_000).as_bytes()).repeat(count);
        explode(target, lasts, "", "gzip", &bomb, &[200, 503]);
    });
}

#[test]
fn a_window_that_is_too_large_is_refused() {
    attack("zstd, a window of 2 GiB", |target, lasts| {
        // A frame header without the content size and with a window of 2^31, then a raw block.
        let frame = [0x28, 0xb5, 0x2f, 0xfd, 0x00, (31 - 10) << 3, 0x09, 0x00, 0x00, b'\n'];
        explode(target, lasts, "", "zstd", &frame, &[400, 503]);
    });
}

#[test]
fn unpacked_events_do_not_wait_indefinitely_for_the_rest() {
    attack("zstd, windows of 8 MiB that are filled, then nothing", |target, lasts| {
        let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
        encoder.window_log(23).unwrap();
        encoder.write_all(&vec![b'\n'; 9 << 20]).unwrap();
        encoder.flush().unwrap();
        let mut request = batch("", Some("zstd"), &encoder.finish().unwrap());
        request.truncate(request.len() - 3);
        let mut wires = Vec::new();
        while lasts.on() {
            let mut wire = Wire::open(target.address);
            wire.send(&request);
            wires.push(wire);
            if wires.len() > sized(200, 2_000) {
                wires.remove(0);
            }
            thread::sleep(Duration::from_millis(sized(30, 5) as u64));
        }
    });
}
