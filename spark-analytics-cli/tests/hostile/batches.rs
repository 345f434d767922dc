//! Batches of one event.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::sized;
use crate::trial::attack;
use crate::wire::{Wire, batch, event};

#[test]
fn tiny_batches_are_all_accepted() {
    let (connections, at_once) = (8, 25);
    let each = sized(1_000, 125_000);
    let name = format!("{} batches of one event each", connections * each);
    attack(&name, |target, _| {
        let recorded = AtomicUsize::new(0);
        thread::scope(|scope| {
            for job in 0..connections {
                let recorded = &recorded;
                scope.spawn(move || {
                    let mut wire = Wire::open(target.address);
                    for first in (0..each).step_by(at_once) {
                        let requests: Vec<u8> = (first..first + at_once)
                            .flat_map(|task| batch("", None, event(job, task).as_bytes()))
                            .collect();
                        wire.send(requests);
                        for _ in 0..at_once {
                            let (status, _, body) = wire.answer().unwrap();
                            assert_eq!(status, 200, "{body}");
                            assert!(body.starts_with(r#"{"recorded":1,"#), "{body}");
                            recorded.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                });
            }
        });
        assert_eq!(recorded.into_inner(), connections * each);
        let (_, summary) = Wire::open(target.address)
            .ask("GET /api/v1/logs?job_id=0&limit=1 HTTP/1.1\r\nHost: x\r\n\r\n");
        assert!(summary.contains(r#""task_id":"task_0_0""#), "{summary}");
    });
}
