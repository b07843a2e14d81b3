//! Disks that fill up under a sidecar.
//!
//! The error names the disk, nothing that was acknowledged is lost, reads are right throughout, and writes go on when
//! there is room again, without a restart. What is written beside the store into a full disk leaves nothing.

mod beside;
mod cycle;
mod full;

use std::fs;

use self::cycle::Filling;
use crate::check::Checked;
use crate::host::{Conditions, Host};
use crate::mount::Mount;
use crate::place::in_memory;
use crate::{Part, Report, Setting};

/// Full disks.
pub(super) const PART: Part = Part { name: "disk", about: "disks of 64 MiB that fill up and have room again", run };

/// The size of a disk, in MiB.
const DISK_MIB: u64 = 64;

fn run(setting: &Setting, report: &mut Report) {
    report.count("acknowledged batches lost", 0);
    // Most of a cycle is waiting, until RocksDB looks again whether there is room.
    let (disks, cycles) = (setting.scaled(1, 5), setting.scaled(1, 10));
    let reports = std::thread::scope(|scope| {
        let disks: Vec<_> = (0..disks).map(|disk| scope.spawn(move || fill(setting, disk, cycles))).collect();
        disks.into_iter().map(std::thread::ScopedJoinHandle::join).collect::<Vec<_>>()
    });
    for done in reports {
        match done {
            Ok(done) => report.absorb(done),
            Err(_) => report.fault("a thread that fills a disk panicked"),
        }
    }
}

/// Fills one disk again and again.
fn fill(setting: &Setting, disk: u64, cycles: u64) -> Report {
    let mut report = Report::default();
    let mount = in_memory().map_err(|error| error.to_string()).and_then(|image| Mount::small(image, DISK_MIB));
    match mount {
        Ok(mount) => {
            if let Err(wrong) = cycle_all(setting, &mount, disk, cycles, &mut report) {
                report.count("acknowledged batches lost", u64::from(wrong.to_string().contains("LOST OR TORN")));
                report.fault(format!("disk {disk}: {wrong}"));
            }
        }
        Err(reason) => report.figure("full disks", format!("not run: {reason}")),
    }
    report
}

fn cycle_all(setting: &Setting, mount: &Mount, disk: u64, cycles: u64, report: &mut Report) -> Checked {
    let outside = in_memory()?;
    let store = mount.path().join("store");
    fs::create_dir(&store)?;
    let durability = if disk.is_multiple_of(2) { "sync" } else { "os" };
    let arguments = vec!["--durability", durability, "--memory-budget", "32MiB"];
    let conditions = Conditions { arguments, ..Conditions::default() };
    let start = || Host::start(setting, outside.path(), &store, &conditions).map_err(|ended| ended.log);
    let mut filling = Filling::new(setting, mount, outside.path(), start()?);
    for number in 0..cycles {
        filling.cycle(number, report).map_err(|wrong| format!("cycle {number}: {wrong}"))?;
        report.count("cycles", 1);
        if number % 3 == 2 || filling.must_restart {
            filling.end()?;
            filling.begin(start()?)?;
        }
    }
    filling.end()
}
