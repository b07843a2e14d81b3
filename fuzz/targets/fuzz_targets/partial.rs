#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| asofdb_fuzz::fuzz_partial(data));
