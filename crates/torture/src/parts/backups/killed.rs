//! Runs of a backup that are killed.

use std::path::Path;
use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::Duration;

use asofdb_storage::{Backups, KeepPolicy, Timestamp};

use super::target::key;
use crate::{Random, Setting};

/// The longest time until a run is killed: as long as most take.
const KILLED_AFTER_MICROS_MAX: u64 = 40_000;

/// The child: adds a checkpoint to a directory of backups, and lets old ones expire.
pub(crate) fn child(arguments: &[String]) {
    let [directory, checkpoint, sealed, now, keep] = arguments else { panic!("five arguments") };
    let backups = Backups::create(Path::new(directory), key(sealed == "sealed")).expect("the backups open");
    let now = Timestamp::from_micros(now.parse().expect("a time"));
    backups.add(Path::new(checkpoint), now).expect("the checkpoint is added");
    let policy = KeepPolicy { newest: Some(keep.parse().expect("a number")), within: None };
    backups.expire(&policy, None).expect("old backups expire");
}

/// Adds a checkpoint in a process that is killed at some moment; true if it had ended before.
pub(super) fn add_and_kill(
    setting: &Setting,
    random: &mut Random,
    directory: &Path,
    checkpoint: &Path,
    is_sealed: bool,
    now: Timestamp,
    keep: usize,
) -> bool {
    let mut command = setting.child("backups");
    command.arg(directory).arg(checkpoint).arg(if is_sealed { "sealed" } else { "plain" });
    command.arg(now.as_micros().to_string()).arg(keep.to_string()).stderr(Stdio::null());
    let child = command.spawn().expect("a child is started");
    sleep(Duration::from_micros(random.below(KILLED_AFTER_MICROS_MAX)));
    kill(child)
}

fn kill(mut child: Child) -> bool {
    let has_ended = child.try_wait().expect("the child is there").is_some();
    let _ = child.kill();
    has_ended | child.wait().expect("the child is there").success()
}
