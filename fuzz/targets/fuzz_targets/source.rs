#![no_main]

libfuzzer_sys::fuzz_target!(init: asofdb_fuzz::allow_guarded_panics(), |data: &[u8]| asofdb_fuzz::fuzz_source(data));
