//! Tests of the cache against a Redis server, which `scripts/with-services` starts.

mod interleaving;
mod measure;
mod staleness;
mod store;
mod support;
