//! The server under attack: while clients misbehave in every way, others are answered as ever, and its memory
//! is bounded. `scripts/check/hostile` does the same at full size, and prints a table.

#![allow(clippy::unwrap_used)]

mod batches;
mod bombs;
mod connections;
mod healthy;
mod requests;
mod trial;
mod wire;

/// How much of an attack is carried out: a little, or all of it if `HOSTILE=full`.
fn sized(little: usize, all: usize) -> usize {
    if is_full() { all } else { little }
}

fn is_full() -> bool {
    std::env::var("HOSTILE").is_ok_and(|size| size == "full")
}
