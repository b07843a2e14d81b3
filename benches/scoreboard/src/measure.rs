//! Turns: what is measured in one of them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Barrier, Mutex};
use std::time::Duration;

use crate::contender::{Fallible, Reader, Request, Writer, Written};
use crate::process::{cpu_of, now, own_cpu, thread_cpu};
use crate::results::Round;
use crate::scenario::{Setting, Shape};

/// Requests that are made before they are asked, so that making them is not measured.
const READY: usize = 64;
/// Requests with which one in a hundred, and one in a thousand, can be told.
const FOR_P99: usize = 100;
const FOR_P999: usize = 1_000;
/// Batches of rows that are written in a turn, at the least.
const BATCHES_MIN: usize = 20;

/// How far the requests and batches of a contender have come.
#[derive(Debug, Default)]
pub struct Progress {
    next: u64,
}

impl Progress {
    fn take(&mut self, count: u64) -> std::ops::Range<u64> {
        let first = self.next;
        self.next += count;
        first..self.next
    }

    /// Returns the newest version of each entity that batches so far have written.
    pub fn newest_versions(&self, setting: &Setting) -> std::collections::BTreeMap<u64, u64> {
        let mut newest = std::collections::BTreeMap::new();
        let batch = |number| Written::batch(number, setting.scenario.shape().keys, setting.entities());
        for row in (0..self.next).flat_map(batch) {
            let version = newest.entry(row.entity).or_insert(row.version);
            *version = row.version.max(*version);
        }
        newest
    }

    fn requests(&mut self, shape: &Shape, entities: u64) -> Vec<Request> {
        self.take(READY as u64).map(|number| Request::numbered(number, shape, entities)).collect()
    }
}

/// Measures a reader for twice the time `turn`: first without looking at the clock, then each request.
///
/// # Errors
/// What the reader says.
pub fn read(reader: &mut dyn Reader, setting: &Setting, progress: &mut Progress, turn: Duration) -> Fallible<Round> {
    let shape = setting.scenario.shape();
    let mut out = vec![0.0; shape.floats()];
    let mut requests = progress.requests(&shape, setting.entities());
    let (mut spent, mut cpu, mut answered) = (Duration::ZERO, Duration::ZERO, 0);
    let server = reader.server();
    let server_before = server.map_or(Duration::ZERO, cpu_of);
    while spent < turn {
        let (cpu_before, begin) = (own_cpu(), now());
        for request in &requests {
            reader.answer(request, &mut out)?;
        }
        spent += begin.elapsed();
        cpu += own_cpu() - cpu_before;
        answered += requests.len() * shape.rows();
        requests = progress.requests(&shape, setting.entities());
    }
    cpu += server.map_or(Duration::ZERO, cpu_of) - server_before;
    let taken = timed(reader, setting, progress, turn)?;
    Ok(round(taken, answered, spent, cpu))
}

/// Nanoseconds of each request, for the time `turn`.
fn timed(reader: &mut dyn Reader, setting: &Setting, progress: &mut Progress, turn: Duration) -> Fallible<Vec<u64>> {
    let shape = setting.scenario.shape();
    let mut out = vec![0.0; shape.floats()];
    let (mut taken, mut spent) = (Vec::with_capacity(1 << 16), Duration::ZERO);
    loop {
        for request in progress.requests(&shape, setting.entities()) {
            let begin = now();
            reader.answer(&request, &mut out)?;
            let time = begin.elapsed();
            spent += time;
            taken.push(time.as_nanos() as u64);
            if spent >= turn && taken.len() >= FOR_P99 || spent >= turn * 5 {
                return Ok(taken);
            }
        }
    }
}

/// Measures a writer: batch after batch for the time `turn`.
///
/// # Errors
/// What the writer says.
pub fn write(writer: &mut dyn Writer, setting: &Setting, progress: &mut Progress, turn: Duration) -> Fallible<Round> {
    let rows = setting.scenario.shape().keys;
    let (mut taken, mut spent, mut preparing) = (Vec::new(), Duration::ZERO, Duration::ZERO);
    let cpu_before = own_cpu();
    while spent < turn || taken.len() < BATCHES_MIN {
        let prepare = thread_cpu();
        for number in progress.take(1) {
            writer.prepare(&Written::batch(number, rows, setting.entities()))?;
        }
        preparing += thread_cpu() - prepare;
        let begin = now();
        writer.write()?;
        let time = begin.elapsed();
        spent += time;
        taken.push(time.as_nanos() as u64);
    }
    let cpu = (own_cpu() - cpu_before).saturating_sub(preparing);
    let written = taken.len() * rows;
    Ok(round(taken, written, spent, cpu))
}

/// Measures many clients at a time, each with one request in flight.
///
/// # Errors
/// What the first of them says that fails.
pub fn clients(reader: &dyn Reader, setting: &Setting, turn: Duration) -> Fallible<Round> {
    let shape = setting.scenario.shape();
    let readers = (0..shape.clients).map(|_| reader.another()).collect::<Fallible<Vec<_>>>()?;
    let (begins, stop, all) = (Barrier::new(shape.clients + 1), AtomicBool::new(false), Mutex::new(Vec::new()));
    let failed = Mutex::new(None);
    let (begins, stop, all_taken, failures) = (&begins, &stop, &all, &failed);
    let server = reader.server();
    let cpu = || own_cpu() + server.map_or(Duration::ZERO, cpu_of);
    let (spent, cpu) = std::thread::scope(|scope| {
        for (number, mut reader) in readers.into_iter().enumerate() {
            scope.spawn(move || {
                let taken = client(&mut *reader, setting, number, begins, stop);
                match taken {
                    Ok(taken) => lock(all_taken).extend(taken),
                    Err(error) => *lock(failures) = Some(error),
                }
            });
        }
        begins.wait();
        let (before, begin) = (cpu(), now());
        std::thread::sleep(turn);
        stop.store(true, Ordering::Relaxed);
        (begin.elapsed(), cpu().saturating_sub(before))
    });
    if let Some(error) = lock(&failed).take() {
        return Err(error);
    }
    let taken = std::mem::take(&mut *lock(&all));
    let answered = taken.len() * shape.rows();
    Ok(round(taken, answered, spent, cpu))
}

fn client(
    reader: &mut dyn Reader,
    setting: &Setting,
    number: usize,
    begins: &Barrier,
    stop: &AtomicBool,
) -> Fallible<Vec<u64>> {
    let shape = setting.scenario.shape();
    let mut out = vec![0.0; shape.floats()];
    let first = (number as u64) << 32;
    let requests: Vec<_> = (first..first + 4_096).map(|n| Request::numbered(n, &shape, setting.entities())).collect();
    let connected = reader.answer(&requests[0], &mut out);
    begins.wait();
    connected?;
    let mut taken = Vec::with_capacity(1 << 16);
    for request in requests.iter().cycle() {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let begin = now();
        reader.answer(request, &mut out)?;
        taken.push(begin.elapsed().as_nanos() as u64);
    }
    Ok(taken)
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn round(mut taken: Vec<u64>, rows: usize, spent: Duration, cpu: Duration) -> Round {
    taken.sort_unstable();
    let at = |share: f64| taken.get(((taken.len() as f64 * share) as usize).min(taken.len().saturating_sub(1)));
    let figure = |share| at(share).map_or(f64::NAN, |taken| *taken as f64);
    Round {
        p50_ns: figure(0.5),
        p99_ns: (taken.len() >= FOR_P99).then(|| figure(0.99)),
        p999_ns: (taken.len() >= FOR_P999).then(|| figure(0.999)),
        rows_per_second: rows as f64 / spent.as_secs_f64(),
        cpu_us_per_row: cpu.as_secs_f64() * 1e6 / rows as f64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_few_requests_have_no_high_percentiles() {
        let few = round((1..=99).collect(), 99, Duration::from_secs(1), Duration::from_secs(1));
        assert_eq!((few.p50_ns, few.p99_ns, few.p999_ns), (50.0, None, None));
        let many = round((1..=1_000).collect(), 2_000, Duration::from_secs(2), Duration::from_secs(1));
        assert_eq!((many.p99_ns, many.p999_ns), (Some(991.0), Some(1_000.0)));
        assert_eq!((many.rows_per_second, many.cpu_us_per_row), (1_000.0, 500.0));
    }
}
