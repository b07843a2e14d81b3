//! Flipped bits: every one of `CURRENT` and the MANIFEST, and places of everything else.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::files::named;
use super::patient::{Outcome, Patient, Whole};
use crate::check::Checked;
use crate::{Random, Report, Setting};

/// Threads that flip bits, each of a copy of its own.
const THREADS: usize = 2;

/// The bits of a kind of file that are flipped, and the outcomes that are allowed.
struct Kind {
    /// A part of the files' names.
    name: &'static str,
    places: Places,
    allowed: &'static [Outcome],
}

/// The choice of the bits of a file that are flipped.
#[derive(Clone, Copy)]
enum Places {
    /// Every so-manieth one.
    Every(usize),
    /// So many, drawn.
    Drawn(usize),
}

/// One bit.
struct Flip<'k> {
    kind: &'k Kind,
    file: String,
    bit: usize,
}

/// The kinds of files, in the order of the report.
fn kinds(setting: &Setting) -> [Kind; 8] {
    use Outcome::{Named, Refused, Said, Whole};
    let scaled = |short, long| setting.scaled(short, long) as usize;
    let kind = |name, places, allowed| Kind { name, places, allowed };
    [
        kind("CURRENT", Places::Every(scaled(3, 1)), &[Refused]),
        kind("MANIFEST", Places::Every(scaled(41, 1)), &[Refused]),
        kind(".log", Places::Drawn(scaled(60, 2_000)), &[Refused]),
        // Each part of the floor stands in for the other.
        kind("FLOOR", Places::Drawn(scaled(6, 250)), &[Said, Whole]),
        kind(".sst", Places::Drawn(scaled(6, 250)), &[Refused, Named, Said, Whole]),
        kind("OPTIONS", Places::Drawn(scaled(6, 250)), &[Said, Whole]),
        kind("IDENTITY", Places::Drawn(scaled(6, 250)), &[Said, Whole]),
        kind("ASOFDB", Places::Drawn(scaled(6, 250)), &[Refused, Named, Said, Whole]),
    ]
}

/// Flips bits and counts what came of it.
pub(super) fn flips(setting: &Setting, report: &mut Report) {
    ["silent", "endless", "wrong values"].iter().for_each(|wrong| report.count(wrong, 0));
    let kinds = kinds(setting);
    let flipped = Whole::new().and_then(|whole| {
        let flips = draw(&whole, &kinds, setting.random(1))?;
        flip_all(&whole, &flips)
    });
    let outcomes = match flipped {
        Ok(outcomes) => outcomes,
        Err(error) => return report.fault(error.to_string()),
    };
    for kind in &kinds {
        tell(kind, &outcomes, report);
    }
}

/// The bits of all files. A kind without a file would be tried in vain.
fn draw<'k>(whole: &Whole, kinds: &'k [Kind], mut random: Random) -> Checked<Vec<Flip<'k>>> {
    let mut flips = Vec::new();
    for kind in kinds {
        let files = named(&whole.path(), |name| name.contains(kind.name))?;
        if files.is_empty() {
            return Err(format!("the store has no file {}", kind.name).into());
        }
        for file in files {
            let bits = 8 * fs::metadata(&file)?.len() as usize;
            let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let flip = |bit| Flip { kind, file: name.clone(), bit };
            match kind.places {
                Places::Every(step) => flips.extend((0..bits).step_by(step).map(flip)),
                Places::Drawn(_) if bits == 0 => {}
                Places::Drawn(count) => flips.extend((0..count).map(|_| flip(random.below(bits as u64) as usize))),
            }
        }
    }
    Ok(flips)
}

/// The outcomes by the name of the kind; errors name the place.
type Outcomes = BTreeMap<&'static str, (BTreeMap<Outcome, u64>, Vec<String>)>;

fn flip_all(whole: &Whole, flips: &[Flip<'_>]) -> Checked<Outcomes> {
    let (next, outcomes) = (AtomicUsize::new(0), Mutex::new(Outcomes::new()));
    let work = || -> Checked {
        let mut patient = whole.patient()?;
        while let Some(one) = flips.get(next.fetch_add(1, Ordering::Relaxed)) {
            let outcome = flip(&patient, one);
            if outcome.is_err() {
                patient = whole.patient()?;
            }
            let mut outcomes = outcomes.lock().map_err(|_| "a thread has panicked")?;
            let (counts, faults) = outcomes.entry(one.kind.name).or_default();
            match outcome {
                Ok(outcome) => *counts.entry(outcome).or_default() += 1,
                Err(error) => faults.push(format!("{}, bit {}: {error}", one.file, one.bit)),
            }
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(work)).collect();
        threads.into_iter().try_for_each(|thread| thread.join().map_err(|_| "a thread has panicked")?)
    })?;
    Ok(outcomes.into_inner().unwrap_or_default())
}

fn flip(patient: &Patient<'_>, flip: &Flip<'_>) -> Checked<Outcome> {
    let outcome = patient.suffer(&flip.file, |file| {
        let mut bytes = fs::read(file)?;
        bytes[flip.bit / 8] ^= 1 << (flip.bit % 8);
        fs::write(file, bytes)
    })?;
    match flip.kind.allowed.contains(&outcome) {
        true => Ok(outcome),
        false => Err(format!("{}, which is not allowed", outcome.as_str()).into()),
    }
}

fn tell(kind: &Kind, outcomes: &Outcomes, report: &mut Report) {
    let Some((counts, faults)) = outcomes.get(kind.name) else { return };
    for (outcome, count) in counts {
        report.count(&format!("bits of {}: {}", kind.name, outcome.as_str()), *count);
        report.count("flipped bits", *count);
    }
    for fault in faults {
        report.count("flipped bits", 1);
        for (mark, name) in [("SILENT", "silent"), ("ENDLESS", "endless"), ("WRONG", "wrong values")] {
            report.count(name, u64::from(fault.contains(mark)));
        }
        report.fault(fault);
    }
}
