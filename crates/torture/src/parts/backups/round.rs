//! The rounds: a backup each, every second one in the other directory.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use asofdb_storage::{
    Backup, Backups, Catalogs, CheckpointFiles, ErrorKind, KeepPolicy, RocksBackend, Timestamp, Upkeep, keep_logs,
    restore_backup, restore_point,
};
use tempfile::TempDir;

use super::check;
use super::elsewhere;
use super::killed::add_and_kill;
use super::target::{Bounds, KEPT, Target};
use super::writers::{Writers, definitions};
use crate::stopwatch::eventually;
use crate::{Random, Report, Setting};

/// Bytes of logs that the store keeps: a few backups reach back as far. More of them would be ever more files to copy.
const LOGS_BYTES: u64 = 1 << 20;

/// The longest wait for the writers, who are slow on a busy machine and no fault then.
const PATIENCE: Duration = Duration::from_secs(60);

/// Rounds from one that is killed to the next.
const KILLED_EVERY: u64 = 3;

/// A store under load with its backups.
pub(super) struct Rounds<'s> {
    setting: &'s Setting,
    random: Random,
    directory: TempDir,
    store: Arc<RocksBackend>,
    writers: Writers,
    targets: [Target; 2],
}

impl<'s> Rounds<'s> {
    pub(super) fn new(setting: &'s Setting) -> Self {
        let directory = setting.directory();
        let path = directory.path().join("store");
        let store = check::open(&path);
        let plan = store.catalog().plan(&definitions(), store.now()).expect("the definitions are valid");
        store.set_catalog(plan.into_catalog()).expect("the definitions are written");
        drop(store);
        keep_logs(&path, Some(LOGS_BYTES)).expect("logs are kept");
        let store = Arc::new(check::open(&path));
        let target =
            |name: &str, is_sealed| Target { path: directory.path().join(name), is_sealed, taken: Default::default() };
        let targets = [target("plain", false), target("sealed", true)];
        let writers = Writers::start(&store);
        Rounds { setting, random: setting.random(0xbac4), directory, store, writers, targets }
    }

    /// Takes a backup, and restores what there is.
    pub(super) fn run(&mut self, round: u64, report: &mut Report) {
        self.let_write();
        let target = (round % 2) as usize;
        let done = self.writers.written().done;
        let checkpoint = self.directory.path().join("checkpoint");
        self.store.checkpoint(&checkpoint, CheckpointFiles::Shared).expect("a checkpoint is written");
        let (bounds, now) = (Bounds { done, begun: self.writers.written().begun }, self.store.now());
        let names = self.names(target);
        if round % KILLED_EVERY == KILLED_EVERY - 1 {
            let Target { path, is_sealed, .. } = &self.targets[target];
            let ended = add_and_kill(self.setting, &mut self.random, path, &checkpoint, *is_sealed, now, KEPT);
            report.count(if ended { "runs that ended before their kill" } else { "kills" }, 1);
        } else {
            self.add(target, &checkpoint, now, report);
        }
        std::fs::remove_dir_all(&checkpoint).expect("the checkpoint is removed");
        for name in self.names(target).into_iter().filter(|name| !names.contains(name)) {
            report.count("backups", 1);
            self.targets[target].taken.insert(name, bounds);
        }
        self.restore(target, round, report);
    }

    /// Waits until there is more to back up: commits between two backups are points to restore.
    fn let_write(&self) {
        let wanted = self.writers.written().batches.len() + self.setting.scaled(20, 60) as usize;
        eventually(PATIENCE, || self.writers.written().batches.len() >= wanted);
    }

    fn add(&self, target: usize, checkpoint: &Path, now: Timestamp, report: &mut Report) {
        let target = &self.targets[target];
        let backups = Backups::create(&target.path, target.key()).expect("the backups open");
        backups.add(checkpoint, now).expect("the checkpoint is added");
        let policy = KeepPolicy { newest: Some(KEPT), within: None };
        let expired = backups.expire(&policy, None).expect("old backups expire");
        report.count("backups expired", expired.len() as u64);
    }

    fn names(&self, target: usize) -> Vec<String> {
        let target = &self.targets[target];
        if !Backups::is_at(&target.path) {
            return Vec::new();
        }
        let backups = Backups::open(&target.path, target.key()).expect("the backups open");
        backups.list().expect("the backups are listed").iter().map(Backup::name).collect()
    }

    /// Restores the newest backup of a directory elsewhere, and a point between it and the one before.
    fn restore(&mut self, target: usize, round: u64, report: &mut Report) {
        let copy = self.directory.path().join("elsewhere");
        let place = &self.targets[target];
        if !Backups::is_at(&place.path) {
            return;
        }
        elsewhere::copy(&place.path, &copy);
        let backups = Backups::open(&copy, place.key()).expect("the copy opens");
        let list = backups.list().expect("the copy is listed");
        let store = self.directory.path().join("restored");
        if let Some(newest) = list.last() {
            let restored = restore_backup(&backups, newest, &store).map_err(|error| format!("{error:#}"));
            let fault = restored.and_then(|_| self.compare(target, newest, &store));
            self.count(report, "restored elsewhere", round, fault);
            remove(&store);
        }
        if let Some(at) = self.point(&list) {
            match restore_point(&backups, at, &store) {
                // A bulk load was under way that had been stamped before.
                Err(error) if error.kind() == ErrorKind::NotFound => report.count("points beyond the kept logs", 1),
                restored => {
                    let keys = restored.map_err(|error| format!("{error:#}")).and_then(|_| check::keys(&store));
                    let fault = keys.and_then(|keys| check::of_point(&keys, &self.writers.written(), at));
                    self.count(report, "points restored elsewhere", round, fault);
                }
            }
            remove(&store);
        }
        drop(backups);
        elsewhere::remove(&copy);
    }

    fn compare(&self, target: usize, backup: &Backup, store: &Path) -> Result<(), String> {
        let bounds = &self.targets[target].taken[&backup.name()];
        check::of_backup(&check::keys(store)?, bounds, &self.writers.written())
    }

    fn count(&self, report: &mut Report, name: &str, round: u64, fault: Result<(), String>) {
        report.count(name, 1);
        if let Err(fault) = fault {
            report.fault(format!("{name}: {fault} (seed {}, round {round})", self.setting.seed));
        }
    }

    /// The stamp of some commit between the last two backups, or a moment before it.
    fn point(&mut self, list: &[Backup]) -> Option<Timestamp> {
        let [.., from, to] = list else { return None };
        let written = self.writers.written();
        // The last moments before a backup's name are after what it has.
        let end = to.taken.as_micros() - 1_000_000;
        let between: Vec<_> = written.batches.values().map(|(stamp, _)| *stamp).collect();
        let between: Vec<_> = between.into_iter().filter(|at| *at >= from.taken && at.as_micros() < end).collect();
        let chosen = between.get(self.random.below(between.len().max(1) as u64) as usize)?;
        Some(Timestamp::from_micros(chosen.as_micros() - self.random.below(2) as i64)).filter(|at| *at >= from.taken)
    }

    /// Lets the writers end, and restores every backup that is left.
    pub(super) fn end(mut self, report: &mut Report) {
        self.writers.end();
        for target in 0..self.targets.len() {
            let place = &self.targets[target];
            let Ok(backups) = Backups::open(&place.path, place.key()) else { continue };
            let list = backups.list().expect("the backups are listed");
            if list.len() > KEPT + 1 {
                report.fault(format!("{} backups are left, of {KEPT} (seed {})", list.len(), self.setting.seed));
            }
            for (index, backup) in list.iter().enumerate() {
                let store: PathBuf = self.directory.path().join("restored");
                let restored = restore_backup(&backups, backup, &store).map_err(|error| format!("{error:#}"));
                let fault = restored.and_then(|_| self.compare(target, backup, &store));
                self.count(report, "restored in the end", index as u64, fault);
                remove(&store);
            }
        }
        let (found, refused) =
            (report.counted("points restored elsewhere"), report.counted("points beyond the kept logs"));
        if refused > found {
            report.fault(format!(
                "{refused} points of {} are not reached (seed {})",
                found + refused,
                self.setting.seed
            ));
        }
        report.count("batches", self.writers.written().batches.len() as u64);
    }
}

fn remove(store: &Path) {
    let _ = std::fs::remove_dir_all(store);
}
