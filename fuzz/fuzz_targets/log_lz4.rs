#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| spark_analytics_fuzz::behind(b"LZ4Block", data));
