//! Measuring: rounds in which every contender has its turn, and the medians of them.

use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::contender::{Contender, Picks, Reader, ReadyWrite, Requests};
use crate::cores::Cores;

/// The time that a contender is measured in one round, and the time that it runs before that.
const TURN: Duration = Duration::from_millis(200);
const WARM_UP: Duration = Duration::from_millis(20);
/// Fewer requests than this have no 99th percentile.
const REQUESTS_MIN: usize = 100;
/// Clients at a time, where there are many, and requests in flight, where they are pipelined.
pub const CLIENTS: usize = 8;
pub const PIPELINED: usize = 16;
/// The writer's load: batches of so many rows, so many a second, so many a turn.
const BATCH_ROWS: usize = 1_000;
const BATCHES_A_SECOND: usize = 10;
const BATCHES_A_TURN: usize = 20;

/// The measurements to make.
pub struct Plan<'a> {
    pub contenders: &'a [&'a dyn Contender],
    pub cores: Cores,
    pub picks: &'a Picks,
    pub rounds: usize,
}

/// Latencies of requests.
#[derive(Debug, Clone, Copy)]
pub struct Latency {
    pub p50: Duration,
    pub p99: Duration,
}

/// Latencies of a contender: a round after the other for each number of rows.
pub struct RoundTrips {
    pub name: &'static str,
    turns: Vec<Vec<Latency>>,
}

impl RoundTrips {
    /// The medians of the rounds, for each number of rows.
    pub fn latencies(&self) -> impl Iterator<Item = Latency> {
        self.turns.iter().map(|turns| median_latency(turns))
    }

    /// Returns how much longer these took than the others together, in microseconds, for each number of rows: the
    /// difference of the medians within each round, because a round is short and its noise hits all, and the median of
    /// those.
    pub fn over(&self, others: &[&RoundTrips]) -> Vec<f64> {
        let p50 = |of: &RoundTrips, rows: usize, round: usize| micros(of.turns[rows][round].p50);
        let over = |rows: usize| {
            let rounds = 0..self.turns[rows].len();
            let of_others = |round| others.iter().map(|other| p50(other, rows, round)).sum::<f64>();
            let differences = rounds.map(|round| p50(self, rows, round) - of_others(round)).collect();
            median(differences).unwrap_or(f64::NAN)
        };
        (0..self.turns.len()).map(over).collect()
    }
}

pub fn micros(duration: Duration) -> f64 {
    duration.as_nanos() as f64 / 1e3
}

/// Requests of one row a second.
pub struct Rates {
    pub name: &'static str,
    pub many_clients: f64,
    pub pipelined: Option<f64>,
}

/// Reads of one row while rows are written.
pub struct BesideWriter {
    pub name: &'static str,
    pub latency: Latency,
    pub rows_written_a_second: f64,
}

impl Plan<'_> {
    /// One client, one request at a time, of each of these numbers of rows.
    pub fn round_trips(&self, rows: &[usize]) -> Vec<RoundTrips> {
        self.cores.pin(self.contenders);
        let mut readers: Vec<_> = self.contenders.iter().map(|contender| contender.reader()).collect();
        let mut found: Vec<_> = readers.iter().map(|_| Vec::new()).collect();
        for rows in rows {
            let mut turns: Vec<_> = readers.iter().map(|_| (self.picks.requests(*rows), Vec::new())).collect();
            for _ in 0..self.rounds {
                for (reader, (requests, turns)) in readers.iter_mut().zip(&mut turns) {
                    turns.push(turn(&mut **reader, requests));
                }
            }
            found.iter_mut().zip(turns).for_each(|(found, (_, turns))| found.push(turns));
        }
        let named = self.contenders.iter().zip(found);
        named.map(|(contender, turns)| RoundTrips { name: contender.name(), turns }).collect()
    }

    /// Sends as many requests of one row as can be had: from many clients, and from one that pipelines.
    pub fn throughput(&self) -> Vec<Rates> {
        self.cores.pin(self.contenders);
        let mut rates = vec![(Vec::new(), Vec::new()); self.contenders.len()];
        for _ in 0..self.rounds {
            for (contender, (many, pipelined)) in self.contenders.iter().zip(&mut rates) {
                many.push(many_clients(*contender, self.picks));
                pipelined.extend(contender.pipeline().map(|mut one| one_pipelined(&mut *one, self.picks)));
            }
        }
        let named = self.contenders.iter().zip(rates);
        let rates = named.map(|(contender, (many, pipelined))| Rates {
            name: contender.name(),
            many_clients: median(many).unwrap_or(f64::NAN),
            pipelined: median(pipelined),
        });
        rates.collect()
    }

    /// One client reads one row at a time, while another writes.
    pub fn beside_a_writer(&self) -> Vec<BesideWriter> {
        self.cores.pin(self.contenders);
        let mut turns = vec![Vec::new(); self.contenders.len()];
        for round in 0..self.rounds {
            let turn = self.cores as usize * self.rounds + round;
            let batches = self.picks.batches(turn, BATCHES_A_TURN, BATCH_ROWS);
            for (contender, turns) in self.contenders.iter().zip(&mut turns) {
                let writes = contender.writes(&batches);
                if !writes.is_empty() {
                    turns.push(read_while_writing(&mut *contender.reader(), self.picks, writes));
                }
            }
        }
        let measured = self.contenders.iter().zip(turns).filter(|(_, turns)| !turns.is_empty());
        let beside = measured.map(|(contender, turns)| {
            let (latencies, rates): (Vec<_>, Vec<_>) = turns.into_iter().unzip();
            let rows_written_a_second = median(rates).unwrap_or(f64::NAN);
            BesideWriter { name: contender.name(), latency: median_latency(&latencies), rows_written_a_second }
        });
        beside.collect()
    }
}

fn now() -> Instant {
    #[allow(clippy::disallowed_methods, reason = "a bench measures time")]
    Instant::now()
}

/// Reads for a while; every request counts.
fn turn(reader: &mut dyn Reader, requests: &mut Requests<'_>) -> Latency {
    let warm = now();
    while warm.elapsed() < WARM_UP {
        reader.read(requests.next_request());
    }
    let begin = now();
    let mut taken = Vec::with_capacity(1 << 16);
    while taken.len() < REQUESTS_MIN || begin.elapsed() < TURN {
        taken.push(timed(reader, requests));
    }
    percentiles(taken)
}

fn timed(reader: &mut dyn Reader, requests: &mut Requests<'_>) -> Duration {
    let request = requests.next_request();
    let begin = now();
    reader.read(request);
    begin.elapsed()
}

fn many_clients(contender: &dyn Contender, picks: &Picks) -> f64 {
    let (barrier, stop, done) = (Barrier::new(CLIENTS + 1), AtomicBool::new(false), AtomicUsize::new(0));
    let client = |number: usize| {
        let mut reader = contender.reader();
        let mut requests = picks.requests(1).skip(number * 1_000);
        reader.read(requests.next_request());
        barrier.wait();
        let mut count = 0;
        while !stop.load(Ordering::Relaxed) {
            reader.read(requests.next_request());
            count += 1;
        }
        done.fetch_add(count, Ordering::Relaxed);
    };
    let begin = std::thread::scope(|scope| {
        (0..CLIENTS).for_each(|number| drop(scope.spawn(move || client(number))));
        barrier.wait();
        let begin = now();
        std::thread::sleep(TURN);
        stop.store(true, Ordering::Relaxed);
        begin
    });
    // All clients have ended: those that were slow to see the end counted until then.
    done.into_inner() as f64 / begin.elapsed().as_secs_f64()
}

fn one_pipelined(pipeline: &mut dyn Reader, picks: &Picks) -> f64 {
    let mut requests = picks.requests(PIPELINED);
    let (begin, mut done) = (now(), 0);
    while begin.elapsed() < TURN {
        pipeline.read(requests.next_request());
        done += PIPELINED;
    }
    done as f64 / begin.elapsed().as_secs_f64()
}

/// Latencies of reads, and the rows a second that were written meanwhile.
fn read_while_writing(reader: &mut dyn Reader, picks: &Picks, writes: Vec<ReadyWrite<'_>>) -> (Latency, f64) {
    let rows = writes.len() * BATCH_ROWS;
    let (mut taken, mut requests) = (Vec::with_capacity(1 << 18), picks.requests(1));
    let begin = now();
    let writing = std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for (number, write) in writes.into_iter().enumerate() {
                let due = Duration::from_secs(1) * number as u32 / BATCHES_A_SECOND as u32;
                std::thread::sleep(due.saturating_sub(begin.elapsed()));
                write();
            }
            let last = Duration::from_secs(1) / BATCHES_A_SECOND as u32;
            (begin.elapsed()).max(last * BATCHES_A_TURN as u32)
        });
        while !writer.is_finished() {
            taken.push(timed(reader, &mut requests));
        }
        writer.join().expect("the writer ends well")
    });
    (percentiles(taken), rows as f64 / writing.as_secs_f64())
}

fn percentiles(mut taken: Vec<Duration>) -> Latency {
    taken.sort_unstable();
    let at = |percent: usize| taken[(taken.len() - 1) * percent / 100];
    Latency { p50: at(50), p99: at(99) }
}

/// The median of each percentile by itself.
fn median_latency(turns: &[Latency]) -> Latency {
    let middle = |percentile: fn(&Latency) -> Duration| {
        let mut values: Vec<_> = turns.iter().map(percentile).collect();
        values.sort_unstable();
        values[values.len() / 2]
    };
    Latency { p50: middle(|turn| turn.p50), p99: middle(|turn| turn.p99) }
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}
