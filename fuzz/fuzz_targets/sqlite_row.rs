#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| spark_analytics_fuzz::damaged_sqlite_row(data));
