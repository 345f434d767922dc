//! The server under attack: while clients misbehave in every way, others are answered as usual, and the server's memory
//! stays bounded. `scripts/check/hostile` runs the same attacks at full size and prints a table.

#![allow(clippy::unwrap_used)]

mod batches;
mod bombs;
mod connections;
mod healthy;
mod reads;
mod requests;
mod trial;
mod wire;

/// The size of attacks: small, or full if `HOSTILE=full`.
fn sized(little: usize, all: usize) -> usize {
    if is_full() { all } else { little }
}

fn is_full() -> bool {
    std::env::var("HOSTILE").is_ok_and(|size| size == "full")
}
