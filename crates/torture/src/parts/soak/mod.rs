//! A sidecar with 32 clients of every kind, which are killed and started again, as it is itself. Each answer is
//! checked; memory, descriptors and disk stay flat; the times of answers are drawn.

mod bulk;
mod clients;
mod crew;
mod floor;
mod plot;
mod points;
mod samples;
mod schedule;
mod tally;
mod values;
mod watcher;
mod worker;

use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;

use asofdb::{Store, parse_definitions};

pub(crate) use self::clients::{CHILD, run as run_clients};
use self::crew::Crew;
use self::floor::Floor;
use self::points::{check_all, verify};
use self::samples::{Bound, Sample, csv, flat};
use self::schedule::{Event, events};
use self::tally::{Did, Tally};
use self::values::{Beginning, DEFINITIONS, ENTITIES, rows};
use self::watcher::Watcher;
use self::worker::Failure;
use super::hostile::Pests;
use crate::process::mib;
use crate::sidecar::Sidecar;
use crate::stopwatch::Stopwatch;
use crate::{Part, Report, Scale, Setting};

/// The part.
pub(crate) const PART: Part =
    Part { name: "soak", about: "32 clients of every kind, killed and restarted, and their sidecar with them", run };

/// The minutes of the long form, where nobody says otherwise.
const MINUTES: u64 = 8;

/// The time that requests may go on after SIGTERM.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(3);

/// The arguments of the sidecar. The time-out of a drain is [`DRAIN_TIMEOUT`].
const ARGUMENTS: [&str; 12] = [
    "--drain-timeout",
    "3s",
    "--stall-timeout",
    "5s",
    "--http-stall-timeout",
    "5s",
    "--memory-budget",
    "64MiB",
    "--memory-bytes-max",
    "256MiB",
    "--bulk-max",
    "3",
];

/// The time beyond it within which the sidecar has ended: what is cut off is waited for, and memory is written to disk.
/// It is stated in docs/reliability.md.
const END_SLACK: Duration = Duration::from_secs(5);

/// The shortest soak by which it is judged whether figures are flat: its second quarter begins after the retention.
const JUDGED_FROM: Duration = Duration::from_secs(420);

/// Memory: what the block cache has not filled in the second quarter, and the allocator keeps.
const MEMORY_BOUND: Bound = Bound { share: 0.15, more: 48 << 20 };

/// Descriptors: files of the store come and go.
const DESCRIPTORS_BOUND: Bound = Bound { share: 0.1, more: 32 };

/// Disk: between two compactions there is what the first has left, and what the second will remove.
const DISK_BOUND: Bound = Bound { share: 0.25, more: 64 << 20 };

fn run(setting: &Setting, report: &mut Report) {
    let length = match setting.scale {
        Scale::Short => Duration::from_secs(5),
        Scale::Long => Duration::from_secs(60 * setting.soak_minutes.unwrap_or(MINUTES)),
    };
    let directory = setting.directory();
    let beginning = begin(directory.path());
    let sidecar = Sidecar::start(setting, directory.path(), &ARGUMENTS);
    let pests = Pests::send(setting, &sidecar, length);
    let mut soak = Soak {
        setting,
        crew: Crew::start(setting, directory.path(), beginning),
        watcher: Watcher::start(&sidecar),
        sidecar,
        report,
        drains: Vec::new(),
    };
    let samples = soak.run(length);
    let Soak { crew, mut sidecar, report, drains, .. } = soak;
    drop((crew, pests));
    finish(&mut sidecar, directory.path(), report);
    let seconds = |took: Option<&Duration>| took.map_or(0.0, Duration::as_secs_f64);
    let sum: Duration = drains.iter().sum();
    let mean = sum.as_secs_f64() / drains.len().max(1) as f64;
    report.figure("from SIGTERM to the end", format!("{mean:.1} s, at most {:.1} s", seconds(drains.iter().max())));
    judge(setting, length, &samples, report);
    draw(setting, &samples, report);
}

/// Makes the store, with version 1 of every entity.
fn begin(directory: &Path) -> Beginning {
    let store = Store::open(directory.join("store")).expect("a new store");
    store.apply(&parse_definitions(DEFINITIONS, "soak.toml").expect("definitions"), false).expect("a new catalog");
    let (beginning, floor) = (Beginning::now(), Floor::open(&directory.join("floor")).expect("a file"));
    let [a, b] = rows(beginning, 0..ENTITIES, 1..2);
    store.write_all(&[("soak_a", &a), ("soak_b", &b)], asofdb::Durability::Sync).expect("good rows");
    // A new store lets no compaction remove what is too old by a clock that it has known for less than an hour.
    store.confirm_clock().expect("the clock of this machine");
    (0..ENTITIES).for_each(|entity| floor.raise(entity, 1).expect("room for a file"));
    beginning
}

/// A soak under way.
struct Soak<'s> {
    setting: &'s Setting,
    crew: Crew<'s>,
    watcher: Watcher,
    sidecar: Sidecar,
    report: &'s mut Report,
    /// The times from SIGTERM to the end.
    drains: Vec<Duration>,
}

impl Soak<'_> {
    /// Does what the schedule says, and looks every second.
    fn run(&mut self, length: Duration) -> Vec<Sample> {
        let mut events = events(length, &mut self.setting.random(32)).into_iter().peekable();
        let (since, mut samples) = (Stopwatch::start(), Vec::new());
        while since.elapsed() < length {
            while let Some((_, event)) = events.next_if(|(at, _)| *at <= since.elapsed()) {
                self.act(event);
            }
            let seconds = (since.elapsed().as_secs() as usize).saturating_sub(samples.len());
            if seconds > 0 {
                let heard = self.look(samples.len());
                samples.extend(self.watcher.take(heard, seconds));
            }
            thread::sleep(Duration::from_millis(20));
        }
        samples
    }

    fn act(&mut self, event: Event) {
        match event {
            Event::KillClients(number) => {
                self.crew.kill(number);
                return self.report.count("processes of clients killed", 1);
            }
            Event::KillSidecar => {
                self.sidecar.kill();
                self.report.count("sidecars killed", 1);
            }
            Event::Drain => self.drain(),
        }
        self.sidecar.restart();
        self.watcher.replaced(&self.sidecar);
    }

    /// Ends the sidecar as a service manager does, with everybody at work.
    fn drain(&mut self) {
        let (ended, seed) = (self.sidecar.terminate(), self.setting.seed);
        let number = self.drains.len();
        if ended.code != Some(0) {
            let (code, log) = (ended.code, self.sidecar.log());
            let last = log.lines().rev().take(5).collect::<Vec<_>>().join(" / ");
            self.report.fault(format!("drain {number}: the exit code was {code:?} (seed {seed}): {last}"));
        }
        let (took, most) = (ended.took, DRAIN_TIMEOUT + END_SLACK);
        if self.setting.scale == Scale::Long && took > most {
            self.report.fault(format!("drain {number}: it took {took:?}, not {most:?} (seed {seed})"));
        }
        self.report.count("drains", 1);
        self.drains.push(took);
    }

    /// Takes what the clients have told.
    fn look(&mut self, second: usize) -> Tally {
        let seed = self.setting.seed;
        for dead in self.crew.replace_dead() {
            self.report.fault(format!("second {second}: process {dead} of clients has ended by itself (seed {seed})"));
        }
        let heard = self.crew.take();
        for wrong in &heard.wrong {
            self.report.fault(format!("second {second}: {wrong} (seed {seed})"));
        }
        for (name, count) in Did::NAMES.into_iter().zip(heard.tally.counts) {
            self.report.count(name, count);
        }
        heard.tally
    }
}

/// Everything that was acknowledged is there, also after a last end, and the store is whole.
fn finish(sidecar: &mut Sidecar, directory: &Path, report: &mut Report) {
    let mut check = |when: &str, sidecar: &Sidecar| {
        let checked = (|| -> Result<(), Failure> {
            let client = sidecar.client(Duration::from_secs(60))?;
            let acknowledged = Floor::open(&directory.join("floor"))?.all()?;
            check_all(&client, &acknowledged)?;
            verify(&client)
        })();
        match checked {
            Ok(()) => {}
            Err(Failure::Unavailable) => report.fault(format!("{when}: the sidecar does not answer")),
            Err(Failure::Wrong(what)) => report.fault(format!("{when}: {what}")),
        }
    };
    check("at the end", sidecar);
    sidecar.restart();
    check("after a last kill", sidecar);
}

/// Judges whether what the sidecar holds was flat, by the half of the time in which it was left alone; the disk by all
/// of it.
fn judge(setting: &Setting, length: Duration, samples: &[Sample], report: &mut Report) {
    for needed in [Did::Read, Did::AsOf, Did::Http, Did::Write].map(|did| Did::NAMES[did as usize]) {
        if report.counted(needed) == 0 {
            report.fault(format!("no {needed} (seed {})", setting.seed));
        }
    }
    if length < JUDGED_FROM {
        return;
    }
    let alone = &samples[..samples.len() / 2];
    let of = |samples: &[Sample], figure: fn(&Sample) -> u64| samples.iter().map(figure).collect::<Vec<u64>>();
    let judged = [
        ("memory", of(alone, |sample| sample.resident_bytes), MEMORY_BOUND),
        ("descriptors", of(alone, |sample| sample.descriptors), DESCRIPTORS_BOUND),
        ("disk", of(samples, |sample| sample.disk_bytes), DISK_BOUND),
    ];
    for (name, figures, bound) in judged {
        let show = |count: u64| if name == "descriptors" { count.to_string() } else { mib(count) };
        let result = flat(&figures, bound);
        let (Ok((second, last)) | Err((second, last))) = result;
        let medians = format!("{} in the second quarter, {} in the last", show(second), show(last));
        if result.is_err() {
            report.fault(format!("{name} is not flat: {medians} (seed {})", setting.seed));
        }
        report.figure(name, medians);
    }
    if let Some(idle) = Did::NAMES.into_iter().find(|name| report.counted(name) == 0) {
        report.fault(format!("no {idle} (seed {})", setting.seed));
    }
}

/// Writes the samples and their drawing beside the programs.
fn draw(setting: &Setting, samples: &[Sample], report: &mut Report) {
    let mut all = Tally::default();
    samples.iter().for_each(|sample| all.merge(&sample.tally));
    for (name, histogram) in [("reads", &all.reads), ("writes", &all.writes)] {
        let [p50, p99, p999] = [0.5, 0.99, 0.999].map(|share| histogram.quantile(share).as_secs_f64() * 1e3);
        report.figure(&format!("{name}, p50, p99 and p99.9"), format!("{p50:.2}, {p99:.1} and {p999:.1} ms"));
    }
    if setting.scale == Scale::Short {
        return;
    }
    let path = |ending: &str| setting.torture.with_file_name(format!("soak-{}.{ending}", setting.seed));
    for (ending, text) in [("csv", csv(samples)), ("svg", plot::svg(samples))] {
        match fs::write(path(ending), text) {
            Ok(()) => report.figure(ending, path(ending).display().to_string()),
            Err(error) => report.fault(format!("{}: {error}", path(ending).display())),
        }
    }
}
