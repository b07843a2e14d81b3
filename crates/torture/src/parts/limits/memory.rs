//! Little memory: limits on addresses, which a process may set for itself. Groups of processes with a limit (cgroups)
//! can only be made by whoever administers the machine.

use super::{descriptors, load};
use crate::check::{Checked, check};
use crate::host::{Conditions, Host, NotStarted, mib};
use crate::place::in_memory;
use crate::{Report, Setting};

/// Limits on addresses, in MiB.
const LIMITS_MIB: [u64; 5] = [256, 512, 768, 1_024, 1_536];

pub(super) fn run(setting: &Setting, report: &mut Report) {
    let limits: &[u64] = if setting.scaled(0, 1) == 0 { &[512, 1_536] } else { &LIMITS_MIB[..] };
    for limit in limits {
        let mut found = Report::default();
        let name = format!("{limit} MiB of addresses");
        report.check("limits on addresses", &name, || served(setting, *limit, &mut found));
        report.absorb(found);
    }
    report.figure("limits of cgroups", "not run: they cannot be made here");
}

fn served(setting: &Setting, limit_mib: u64, report: &mut Report) -> Checked {
    let directory = in_memory()?;
    let path = directory.path().join("store");
    let limits = Some(format!("-v {}", limit_mib << 10));
    let arguments = vec!["--durability", "sync", "--memory-budget", "32MiB"];
    let conditions = Conditions { arguments, limits, ..Conditions::default() };
    let mut host = match Host::start(setting, directory.path(), &path, &conditions) {
        Ok(host) => host,
        Err(NotStarted { status, log }) => {
            report.count("sidecars refused for too little memory", 1);
            let is_named = matches!(status.code(), Some(1 | 2)) && log.contains("ulimit");
            return check(is_named, || format!("it ended with {status} and says: {log}"));
        }
    };
    report.count("sidecars that work with little memory", 1);
    let loaded = load::run(&host, directory.path(), setting.scaled(12, 120), report);
    if loaded.as_ref().is_err_and(|error| error.to_string().contains("ulimit -v")) {
        report.count("sidecars that get no thread for a connection, and say so", 1);
        return Ok(());
    }
    report.figure(&format!("peak memory of a sidecar under {limit_mib} MiB"), mib(host.peak_bytes()));
    if let Some(status) = host.ended() {
        return Err(format!("the sidecar ended with {status}: {}", host.log()).into());
    }
    descriptors::after(host, &path, loaded?)
}
