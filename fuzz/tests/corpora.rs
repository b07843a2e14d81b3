//! The bodies of the fuzz targets over their corpora and some random input.
//!
//! Each target tries the same number of inputs, the same ones on every machine. `ASOFDB_FUZZ_SECONDS` goes on for so
//! many seconds instead.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::time::Duration;

/// Random inputs a target: a few seconds of a slow machine.
const INPUTS_DEFAULT: u64 = 3_000;
/// Longest random input; what needs more is for libFuzzer to find.
const INPUT_BYTES_MAX: usize = 400;

#[test]
fn keys() {
    run("key", asofdb_fuzz::fuzz_key);
}

#[test]
fn rows() {
    run("row", asofdb_fuzz::fuzz_row);
}

#[test]
fn definitions() {
    run("definitions", asofdb_fuzz::fuzz_definitions);
}

#[test]
fn expressions() {
    run("expression", asofdb_fuzz::fuzz_expression);
}

#[test]
fn partials() {
    run("partial", asofdb_fuzz::fuzz_partial);
}

#[test]
fn windows() {
    run("windows", asofdb_fuzz::fuzz_windows);
}

#[test]
fn operations() {
    run("operations", asofdb_fuzz::fuzz_operations);
}

#[test]
fn server() {
    run("server", asofdb_fuzz::fuzz_server);
}

#[test]
fn client() {
    run("client", asofdb_fuzz::fuzz_client);
}

#[test]
fn http() {
    run("http", asofdb_fuzz::fuzz_http);
}

#[test]
fn ipc() {
    run("ipc", asofdb_fuzz::fuzz_ipc);
}

#[test]
fn source() {
    run("source", asofdb_fuzz::fuzz_source);
}

fn run(target: &str, body: fn(&[u8])) {
    let corpus = corpus(target);
    assert!(!corpus.is_empty(), "the corpus of {target} is empty");
    for input in &corpus {
        check(target, body, input);
    }
    let mut random = Random(target.len() as u64);
    let mut tried = 0;
    let more = more();
    while more(tried) {
        let input = random.input(&corpus);
        check(target, body, &input);
        tried += 1;
    }
}

/// Says of a number of inputs that were tried whether there shall be another.
fn more() -> Box<dyn Fn(u64) -> bool> {
    let Ok(seconds) = std::env::var("ASOFDB_FUZZ_SECONDS") else { return Box::new(|tried| tried < INPUTS_DEFAULT) };
    let end = now() + Duration::from_secs(seconds.parse().expect("ASOFDB_FUZZ_SECONDS is a number"));
    Box::new(move |_| now() < end)
}

/// Runs the body and, where it panics, says which input to keep.
fn check(target: &str, body: fn(&[u8]), input: &[u8]) {
    if catch_unwind(AssertUnwindSafe(|| body(input))).is_err() {
        let hex: String = input.iter().map(|byte| format!("{byte:02x}")).collect();
        panic!("{target} fails on an input; keep it in fuzz/corpus/{target}: echo {hex} | xxd -r -p");
    }
}

fn corpus(target: &str) -> Vec<Vec<u8>> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    let mut files: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.iter().map(|file| std::fs::read(file).unwrap()).collect()
}

#[allow(clippy::disallowed_methods, reason = "it bounds the work of a run that was asked for by time")]
fn now() -> std::time::Instant {
    std::time::Instant::now()
}

/// A generator with a fixed start: each run tries the same inputs.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }

    /// A few changes to an input of the corpus, or noise.
    fn input(&mut self, corpus: &[Vec<u8>]) -> Vec<u8> {
        if self.below(3) == 0 {
            return (0..self.below(INPUT_BYTES_MAX)).map(|_| self.next() as u8).collect();
        }
        let mut input = corpus[self.below(corpus.len())].clone();
        for _ in 0..=self.below(6) {
            self.mutate(&mut input);
        }
        input
    }

    fn mutate(&mut self, input: &mut Vec<u8>) {
        let at = self.below(input.len() + 1);
        match self.below(4) {
            0 => input.insert(at, self.next() as u8),
            1 => input.truncate(at.max(1)),
            _ if at < input.len() => input[at] = self.next() as u8,
            _ => input.push(self.next() as u8),
        }
    }
}
