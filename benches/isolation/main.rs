//! One consumer beside others: its latencies while nobody else is there, and while another consumer asks at full speed,
//! an export runs and an ingest runs. Over one store, with what keeps consumers apart and without.
//!
//! `ASOFDB_BENCH_ROUNDS` (5) says how many rounds there are; 0 leaves the table out. Each round measures the consumer
//! alone and beside the others, with each setting in turn, so that the noise of the machine hits all alike; figures are
//! medians of the rounds. The others are processes of their own.

#[allow(dead_code, reason = "each bench uses its part")]
#[path = "../sidecar/child.rs"]
mod child;
#[path = "../support/mod.rs"]
mod support;

mod others;
mod setting;

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use asofdb::{ErrorKind, F32Matrix, Session, Value};
use asofdb_client::{Client, ConnectOptions};

use self::child::Server;
use self::others::Others;
use self::setting::Setting;
use self::support::{CACHE_BYTES, Sizes, WIDE, all, mix, number};

/// Rounds, unless the environment says otherwise.
const ROUNDS: usize = 5;

/// The time that the consumer is measured in one state, and the time that it and the others run before that.
const TURN: Duration = Duration::from_secs(3);
const WARM_UP: Duration = Duration::from_millis(300);

/// The pause of the consumer between two requests: it asks about a thousand times a second, as a service does, and does
/// not itself fill a core.
const PAUSE: Duration = Duration::from_millis(1);

/// Latencies of requests, in microseconds.
#[derive(Debug, Clone, Copy)]
struct Latency {
    p50: f64,
    p99: f64,
    p999: f64,
}

fn main() {
    others::serve_if_asked();
    let given = |name: &str| std::env::args().any(|argument| argument == name);
    // As criterion decides it: without `--bench` this is a test, and what is measured does not matter.
    let measures = given("--bench") && !given("--test") && !given("--list");
    let rounds = if measures { number("ASOFDB_BENCH_ROUNDS", ROUNDS) } else { 0 };
    if rounds == 0 {
        return;
    }
    let sizes = Sizes::from_env();
    let store = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory");
    let path = store.path().join("store");
    copy(&support::two_views(sizes), &path);
    let settings = setting::all(store.path());
    let mut found = vec![(Vec::new(), Vec::new()); settings.len()];
    for _ in 0..rounds {
        for (setting, (quiet, beside)) in settings.iter().zip(&mut found) {
            let server = Server::start(|socket| as_server(socket, &path, setting));
            quiet.push(measure(&server.socket, sizes));
            let others = Others::start(&server.socket, store.path());
            beside.push(measure(&server.socket, sizes));
            others.stop();
        }
    }
    println!("{} entities x {WIDE} float32, one row a request, µs, medians of {rounds} rounds\n", sizes.entities);
    println!("| | p50 | p99 | p99.9 |\n|---|---|---|---|");
    for (setting, (quiet, beside)) in settings.iter().zip(found) {
        let (quiet, beside) = (median(&quiet), median(&beside));
        line(&format!("{}, alone", setting.name), quiet);
        line(&format!("{}, beside the others", setting.name), beside);
        let times = |of: fn(&Latency) -> f64| of(&beside) / of(&quiet);
        println!(
            "| times as long | {:.1} | {:.1} | {:.1} |",
            times(|one| one.p50),
            times(|one| one.p99),
            times(|one| one.p999)
        );
    }
}

fn line(name: &str, latency: Latency) {
    println!("| {name} | {:.0} | {:.0} | {:.0} |", latency.p50, latency.p99, latency.p999);
}

/// Copies a store, so that the others may write to it.
fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-r").arg(from).arg(to).status().expect("cp runs");
    assert!(copied.success(), "the bench's store is copied");
}

fn as_server(socket: &Path, store: &Path, setting: &Setting) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_asof"));
    command.arg("serve").arg("--store").arg(store).arg("--socket").arg(socket);
    command.arg("--memory-budget").arg(CACHE_BYTES.to_string()).args(["--log", "warn"]).args(&setting.arguments);
    command
}

/// A client that calls itself so.
fn connect(socket: &Path, consumer: &str) -> Client {
    let options = ConnectOptions { consumer: Some(consumer.to_owned()), ..ConnectOptions::default() };
    loop {
        match Client::connect_with(socket, options.clone()) {
            // It reads the catalog, for which this consumer may have too many requests at a time.
            Err(error) if error.kind() == ErrorKind::Limited => std::thread::sleep(PAUSE),
            connected => return connected.expect("the sidecar listens"),
        }
    }
}

fn now() -> Instant {
    #[allow(clippy::disallowed_methods, reason = "a bench measures time")]
    Instant::now()
}

/// Reads for a while as the consumer that is looked at; every request counts.
fn measure(socket: &Path, sizes: Sizes) -> Latency {
    let client = connect(socket, "ranker");
    let request = client.prepare(&all("wide")).expect("a request");
    let (mut rows, mut out) = (request.entity_rows(), vec![0.0; WIDE]);
    let (begin, mut taken) = (now(), Vec::new());
    for seed in 0.. {
        rows.clear();
        let entity = mix(seed) % sizes.entities as u64;
        rows.push(&[Some(Value::Int64(entity as i64))]).expect("an entity");
        let asked = now();
        let matrix = F32Matrix { values: &mut out, statuses: None, fill: f32::NAN };
        client.latest_f32(&request, &rows, matrix).expect("an answer");
        let took = asked.elapsed();
        if begin.elapsed() >= WARM_UP {
            taken.push(took);
        }
        if begin.elapsed() >= WARM_UP + TURN {
            break;
        }
        std::thread::sleep(PAUSE);
    }
    percentiles(taken)
}

fn percentiles(mut taken: Vec<Duration>) -> Latency {
    taken.sort_unstable();
    let at = |part: f64| taken[((taken.len() - 1) as f64 * part) as usize].as_nanos() as f64 / 1e3;
    Latency { p50: at(0.5), p99: at(0.99), p999: at(0.999) }
}

/// The median of each percentile by itself.
fn median(turns: &[Latency]) -> Latency {
    let middle = |of: fn(&Latency) -> f64| {
        let mut values: Vec<_> = turns.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    Latency { p50: middle(|one| one.p50), p99: middle(|one| one.p99), p999: middle(|one| one.p999) }
}
