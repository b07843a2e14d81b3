//! Images of what a disk may hold after a power cut, made from a recording of what a process wrote and synced.

use std::path::Path;

use super::image::{self, Cut, Fate, Names};
use super::recording::{Event, Recording};
use crate::history::History;
use crate::shim::Shim;
use crate::states::{Lost, find_state};
use crate::victim::{self, When};
use crate::workload::{Workload, Writes};
use crate::{Random, Report, Setting, writer};

/// Tasks of one recording.
const TASKS: u64 = 150;

/// Tasks of a store that was just made.
const NEW_TASKS: u64 = 10;

/// Images of one recording.
const IMAGES: u64 = 12;

/// The store, in a directory that is made for it.
const STORE: &str = "new/store";

/// Keeps the random numbers of this apart from others.
const SALT: u64 = 0x696d;

pub(super) fn run(setting: &Setting, report: &mut Report) {
    let shim = match Shim::new(setting.directory()) {
        Ok(shim) => shim,
        Err(why) => return report.figure("images of power cuts", format!("not run: {why}")),
    };
    if let Err(why) = new_store(setting, &shim) {
        report.fault(format!("a new store after a power cut: {why}"));
    }
    setting.rounds(setting.scaled(2, 40), report, |round, report| {
        let mut random = setting.random(SALT << 32 | round);
        let writes = [Writes::Mixed, Writes::Unsynced, Writes::Synced][round as usize % 3];
        let history = History::new(Workload { seed: random.next(), writes });
        let directory = setting.directory();
        let recording = match record(setting, &shim, &history, TASKS, directory.path()) {
            Ok(recording) => recording,
            Err(why) => return report.fault(format!("workload {}: {why}", history.workload.seed)),
        };
        for number in 0..IMAGES {
            let cut = draw(&recording, number, &mut random);
            try_image(setting, &recording, &history, &cut, &mut random, report);
        }
    });
}

/// Records a process that does the first tasks of a history.
fn record(
    setting: &Setting,
    shim: &Shim,
    history: &History,
    tasks: u64,
    directory: &Path,
) -> Result<Recording, String> {
    let (root, log) = (directory.join("root"), directory.join("log"));
    std::fs::create_dir(&root).map_err(|error| error.to_string())?;
    let mut command = writer::command(setting, &root.join(STORE), history, tasks);
    shim.record(&mut command, &log, &root);
    let ended = victim::run(command, When::Never, victim::kill);
    if ended.acknowledged != Some(tasks) {
        return Err(format!("the recorded process ended early: {:?}", ended.failed));
    }
    Recording::read(&log).map_err(|error| format!("cannot read the recording: {error}"))
}

/// Makes a store, within a directory that is made for it, and cuts the power when its first tasks are on disk, on a
/// file system where a name lasts by the sync of its directory alone.
pub(super) fn new_store(setting: &Setting, shim: &Shim) -> Result<(), String> {
    let mut history = History::new(Workload { seed: setting.random(SALT).next(), writes: Writes::Synced });
    let (directory, disk) = (setting.directory(), setting.directory());
    let recording = record(setting, shim, &history, NEW_TASKS, directory.path())?;
    let cut = Cut { at: recording.events.len(), fate: Fate::Dropped, names: Names::OfDirectory };
    let written = image::write(&recording, &cut, &mut setting.random(SALT), disk.path());
    history.acknowledge(written.map_err(|error| format!("no image: {error}"))?);
    find_state(&disk.path().join(STORE), &history, Lost::Unsynced).map(drop)
}

/// Draws a power cut: half of them just when something was acknowledged.
fn draw(recording: &Recording, number: u64, random: &mut Random) -> Cut {
    let all = recording.events.len();
    let mut at = random.below(all as u64 + 1) as usize;
    if number.is_multiple_of(2) {
        let rest = recording.events[at..].iter();
        at += rest.take_while(|event| !matches!(event, Event::Acknowledged(_))).count();
        at = (at + 1).min(all);
    }
    let names = if random.below(2) == 0 { Names::Journaled } else { Names::OfDirectory };
    Cut { at, fate: Fate::ALL[number as usize % Fate::ALL.len()], names }
}

/// Makes an image, opens it as a store and compares it with the history.
fn try_image(
    setting: &Setting,
    recording: &Recording,
    history: &History,
    cut: &Cut,
    random: &mut Random,
    report: &mut Report,
) {
    let mut directory = setting.directory();
    let acknowledged = image::write(recording, cut, random, directory.path()).expect("room for an image");
    let mut history = history.clone();
    history.acknowledge(acknowledged);
    report.count("images of power cuts", 1);
    match find_state(&directory.path().join(STORE), &history, Lost::Unsynced) {
        Ok(done) => report.count("unsynced tasks lost in images", acknowledged.saturating_sub(done)),
        Err(why) => {
            directory.disable_cleanup(true);
            let (seed, path) = (history.workload.seed, directory.path().display());
            report
                .fault(format!("{cut:?}, {acknowledged} tasks acknowledged: {why} [workload {seed}, kept at {path}]"));
        }
    }
}
