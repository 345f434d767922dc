#![no_main]

use std::sync::LazyLock;

use spark_analytics_fuzz::{events, later_log, log};
use spark_analytics_redb_inside::World;

static WORLD: LazyLock<World> = LazyLock::new(|| World::new(events(), log(), later_log()));

libfuzzer_sys::fuzz_target!(|data: &[u8]| WORLD.damage(data));
