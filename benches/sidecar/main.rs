//! The sidecar beside the least that a socket costs, the same read embedded, and Redis, in one run.
//!
//! Every round measures every contender, so that the noise of the machine hits all alike; the tables show medians of
//! the rounds. `ASOFDB_BENCH_ROUNDS` (7) says how many; 0 leaves the tables out. The sizes of the data are those of the
//! other benches, and so is the generator; each contender's values are compared with it before anything is measured.

#[path = "../support/mod.rs"]
mod support;

mod child;
mod contender;
mod cores;
mod embedded;
mod floor;
mod redis;
mod rounds;
mod sidecar;
mod table;

use asofdb_peers::{Layout, Redis};
use criterion::{Criterion, Throughput};

use self::contender::{Contender, Picks, check};
use self::cores::Cores;
use self::embedded::Embedded;
use self::floor::Floor;
use self::redis::RedisContender;
use self::rounds::Plan;
use self::sidecar::{Answers, Sidecar, SidecarContender};
use self::support::{Sizes, number};

/// Rows of a request.
const ROWS: [usize; 3] = [1, 100, 1_000];
/// Rounds of each measurement, unless the environment says otherwise.
const ROUNDS: usize = 7;

fn main() {
    floor::serve_if_asked();
    let mut criterion = Criterion::default().configure_from_args();
    let sizes = Sizes::from_env();
    let (floor, embedded, sidecar) = (Floor::start(), Embedded::open(sizes), Sidecar::start(sizes));
    let redis = Redis::start().expect("redis-server starts");
    let rows = SidecarContender { sidecar: &sidecar, answers: Answers::Rows };
    let matrix = SidecarContender { sidecar: &sidecar, answers: Answers::Matrix };
    let shared = SidecarContender { sidecar: &sidecar, answers: Answers::Shared };
    let peers: Vec<_> = redis.iter().flat_map(|redis| load(redis, sizes)).collect();
    let mut contenders: Vec<&dyn Contender> = vec![&floor, &embedded, &rows, &matrix, &shared];
    contenders.extend(peers.iter().map(|peer| peer as &dyn Contender));
    contenders.iter().for_each(|contender| check(*contender, sizes));
    let picks = Picks::new(sizes);
    // Rows that are written are slower to read than those that were compacted: the writer comes last.
    in_criterion(&mut criterion, &[&embedded, &rows, &matrix, &shared], &picks);
    criterion.final_summary();
    measure(&contenders, sizes, &picks);
}

/// Both layouts, loaded.
fn load(redis: &Redis, sizes: Sizes) -> [RedisContender<'_>; 2] {
    [Layout::Blob, Layout::Hash].map(|layout| RedisContender::load(redis, layout, sizes))
}

fn measure(contenders: &[&dyn Contender], sizes: Sizes, picks: &Picks) {
    let given = |name: &str| std::env::args().any(|argument| argument == name);
    // As criterion decides it: without `--bench` this is a test, and what is measured does not matter.
    let measures = given("--bench") && !given("--test") && !given("--list");
    let rounds = if measures { number("ASOFDB_BENCH_ROUNDS", ROUNDS) } else { 0 };
    if rounds == 0 {
        return;
    }
    println!(
        "{} entities x {} float32, medians of {rounds} rounds; load {}\n",
        sizes.entities,
        support::WIDE,
        load_average()
    );
    let plans = || Cores::all().into_iter().map(|cores| (cores, Plan { contenders, cores, picks, rounds }));
    plans().for_each(|(cores, plan)| table::round_trips(cores, &plan.round_trips(&ROWS)));
    plans().for_each(|(cores, plan)| table::throughput(cores, &plan.throughput()));
    plans().for_each(|(cores, plan)| table::beside_a_writer(cores, &plan.beside_a_writer()));
    println!("load {}", load_average());
}

/// Reads the machine's load of the last minute: with more to do than this bench, nothing here means much.
fn load_average() -> String {
    let averages = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    averages.split_whitespace().next().unwrap_or("unknown").to_owned()
}

/// Measures the same reads with criterion, which keeps a history.
fn in_criterion(c: &mut Criterion, contenders: &[&dyn Contender], picks: &Picks) {
    Cores::One.pin(contenders);
    for rows in ROWS {
        let mut group = c.benchmark_group(format!("sidecar/{rows} rows x {}, one core", support::WIDE));
        group.throughput(Throughput::Elements(rows as u64));
        for contender in contenders {
            let mut reader = contender.reader();
            let mut requests = picks.requests(rows);
            group.bench_function(contender.name(), |b| b.iter(|| reader.read(requests.next_request())));
        }
        group.finish();
    }
    Cores::Free.pin(contenders);
}
