//! Whatever makes output, killed at each of its fail points and run again.

mod case;
pub(crate) mod ingest;
mod site;

use crate::fail_points::{self, Hits};
use crate::{Part, Report, Setting};

use self::case::{CASES, Case, Print};
use self::site::Site;

/// Output that is killed while it is made.
pub const OUTPUT: Part = Part {
    name: "output",
    about: "apply, ingest, export, training-set, checkpoint, backup and restore are killed at each fail point and run again",
    run,
};

/// Kills at one place of one command: the first hits, and the last.
const HITS: u64 = 4;

/// A command, killed at one place.
struct Round<'c> {
    case: &'c Case,
    base: &'c Site,
    /// The states before and after.
    before: Print,
    after: Print,
    point: String,
    hit: u64,
}

fn run(setting: &Setting, report: &mut Report) {
    if !fail_points::ARE_THERE {
        report.figure("killed commands", "not run: there are no fail points in a release");
        return;
    }
    let base = Site::base(setting);
    let mut rounds = Vec::new();
    for case in &CASES {
        match rounds_of(setting, case, &base) {
            Ok(more) => rounds.extend(more),
            Err(why) => report.fault(format!("{}, not killed: {why}", case.name)),
        }
    }
    // A short run tries some of them, others with another seed.
    let (count, all) = (setting.scaled(10, rounds.len() as u64).min(rounds.len() as u64), rounds.len());
    let (first, every) = (setting.seed as usize % all.max(1), (all / count.max(1) as usize).max(1));
    setting.rounds(count, report, |number, report| {
        let round = &rounds[(first + number as usize * every) % all];
        if let Err((why, mut site)) = round.run(setting, report) {
            let kept = site.keep();
            let Round { case, point, hit, .. } = round;
            report.fault(format!("{}, killed at {point:?}, hit {hit}: {why} [kept at {}]", case.name, kept.display()));
        }
    });
    report.figure("commands and places", format!("{count} of {all}"));
}

/// Runs a command to its end, and lists the places at which it is to be killed.
fn rounds_of<'c>(setting: &Setting, case: &'c Case, base: &'c Site) -> Result<Vec<Round<'c>>, String> {
    let site = base.copy(setting);
    let before = (case.print)(&site, setting)?;
    let hits = Hits::new(setting);
    let mut command = site.command(setting, case.program, case.arguments);
    hits.record(&mut command);
    site::succeed(&mut command)?;
    let after = (case.print)(&site, setting)?;
    let mut rounds = Vec::new();
    for (point, count) in hits.counted() {
        let chosen = (1..=count).filter(|hit| *hit < HITS || *hit == count);
        rounds.extend(chosen.map(|hit| {
            let (before, after) = (before.clone(), after.clone());
            Round { case, base, before, after, point: point.clone(), hit }
        }));
    }
    Ok(rounds)
}

impl Round<'_> {
    /// Kills the command, looks at what there is, runs it again, and looks again.
    fn run(&self, setting: &Setting, report: &mut Report) -> Result<(), (String, Site)> {
        let site = self.base.copy(setting);
        self.kill_and_repeat(setting, &site, report).map_err(|why| (why, site))
    }

    fn kill_and_repeat(&self, setting: &Setting, site: &Site, report: &mut Report) -> Result<(), String> {
        let mut command = site.command(setting, self.case.program, self.case.arguments);
        fail_points::arm(&mut command, &self.point, self.hit);
        // How often it comes to some places goes by the number of files, which is not always the same.
        report.count("commands killed", u64::from(site::be_killed(&mut command)?));
        let killed = (self.case.print)(site, setting)?;
        let parts = killed.iter().zip(&self.before).zip(&self.after);
        for ((found, before), after) in parts.filter(|_| !self.case.goes_in_steps) {
            if found != before && found != after {
                return Err(format!("half done: {found:?} is neither {before:?} nor {after:?}"));
            }
        }
        let mut command = site.command(setting, self.case.program, self.case.arguments);
        match killed == self.after && self.case.refuses_what_exists {
            true => site::be_refused(&mut command)?,
            false => site::succeed(&mut command)?,
        }
        let repeated = (self.case.print)(site, setting)?;
        if repeated != self.after {
            return Err(format!("run again it makes {repeated:?} in place of {:?}", self.after));
        }
        site.expect_no_leftovers()
    }
}
