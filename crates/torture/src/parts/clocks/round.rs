//! One round: a sidecar whose clock steps several times, and comes back each time.

use asofdb::{Session, Span, Store};
use asofdb_client::Client;
use tempfile::TempDir;

use super::rows::{Rows, definitions, now};
use crate::check::{Checked, check, equal};
use crate::fault_shim::{Control, Shim};
use crate::host::{Conditions, Host};
use crate::place::in_memory;
use crate::{Random, Report, Setting};

/// Steps of a round.
const STEPS: u64 = 3;

/// Lengths of the steps, in seconds: half a minute, ten minutes, two hours, forty days, ten years.
const LENGTHS: [i64; 5] = [30, 600, 7_200, 40 * 86_400, 3_650 * 86_400];

/// The time by which the believed time may be ahead: what passes between two looks at a clock.
const BELIEVED_SLACK: Span = Span::from_secs(2);

/// A step of an hour and more is told.
const TOLD_SECONDS: i64 = 3_600;

struct Scene<'s> {
    setting: &'s Setting,
    shim: &'s Shim,
    directory: TempDir,
    control: Control,
    rows: Rows,
    running: Option<(Host, Client)>,
}

/// Runs a round.
pub(super) fn run(setting: &Setting, shim: &Shim, mut random: Random, report: &mut Report) -> Checked {
    let directory = in_memory()?;
    let control = Control::new(&directory.path().join("control"))?;
    let mut scene = Scene { setting, shim, directory, control, rows: Rows::default(), running: None };
    scene.start()?;
    let client = scene.client()?;
    client.confirm_clock()?;
    client.apply(&definitions(), false)?;
    scene.rows.write(&client)?;
    for _ in 0..STEPS {
        let length = LENGTHS[random.below(LENGTHS.len() as u64) as usize];
        let seconds = if random.below(3) == 0 { -length } else { length };
        let (away, back) = (random.below(2) == 0, random.below(2) == 0);
        let step = format!("a step of {seconds} s, {}, and back, {}", words(away), words(back));
        scene.step(seconds, away, back, report).map_err(|wrong| format!("{step}: {wrong}"))?;
        if random.below(2) == 0 {
            scene.repair().map_err(|wrong| format!("{step}, and a repair: {wrong}"))?;
        }
    }
    scene.end()?;
    scene.reopen()?;
    let (written, refused) = scene.rows.counts();
    report.count("rows written", written);
    report.count("rows refused as being in the future", refused);
    Ok(())
}

const fn words(between_runs: bool) -> &'static str {
    if between_runs { "between two runs" } else { "under a running sidecar" }
}

impl Scene<'_> {
    fn start(&mut self) -> Checked {
        let (library, store) = (self.shim.library(), self.directory.path().join("store"));
        let environment = self.control.environment(&library, &store);
        let arguments = vec!["--memory-budget", "32MiB"];
        let conditions = Conditions { arguments, environment, limits: None };
        let host = Host::start(self.setting, self.directory.path(), &store, &conditions).map_err(|ended| ended.log)?;
        let client = host.client()?;
        self.running = Some((host, client));
        Ok(())
    }

    fn end(&mut self) -> Checked {
        let Some((host, client)) = self.running.take() else { return Ok(()) };
        drop(client);
        let ended = host.terminate();
        check(ended.is_some_and(|status| status.success()), || format!("the sidecar ended with {ended:?}"))
    }

    fn client(&self) -> Checked<Client> {
        Ok(self.running.as_ref().ok_or("no sidecar runs")?.1.clone())
    }

    /// Sets the clock, under the running sidecar or between two of its runs.
    fn set(&mut self, seconds: i64, between_runs: bool) -> Checked {
        if between_runs {
            self.end()?;
        }
        self.control.set_ahead(seconds)?;
        if between_runs {
            self.start()?;
        }
        Ok(())
    }

    /// A step, what is done while the clock is wrong, and the way back.
    fn step(&mut self, seconds: i64, away: bool, back: bool, report: &mut Report) -> Checked {
        self.set(seconds, away)?;
        let client = self.client()?;
        self.rows.write(&client)?;
        self.rows.compare(&client, false)?;
        client.compact()?;
        self.rows.write(&client)?;
        self.judge_wrong(&client, seconds)?;
        self.set(0, back)?;
        let client = self.client()?;
        self.rows.compare(&client, true)?;
        client.compact()?;
        self.rows.write(&client)?;
        self.rows.compare(&client, true)?;
        self.judge_right(&client)?;
        report.count(if seconds > 0 { "steps ahead" } else { "steps back" }, 1);
        report.count("steps between two runs", u64::from(away) + u64::from(back));
        Ok(())
    }

    /// Compares what the store believes with the time as it is, while its clock is wrong.
    fn judge_wrong(&self, client: &Client, seconds: i64) -> Checked {
        let status = client.clock()?;
        let believed = status.believed.ok_or("nothing is believed any more")?;
        check(believed <= now().plus(BELIEVED_SLACK), || format!("BELIEVED: {believed}, and it is {}", now()))?;
        if seconds >= TOLD_SECONDS {
            check(status.quarantined().is_some(), || format!("the step is not told: {status:?}"))?;
        }
        let (host, _) = self.running.as_ref().ok_or("no sidecar runs")?;
        let (ready, body) = host.get("/readyz")?;
        check(ready == 200, || format!("/readyz is {ready}: {body}"))?;
        let told = body.contains("\"clock\"");
        equal("the clock is told by /readyz", &told, &(status.warning().is_some()))
    }

    /// Compares what the store believes with the time as it is, once its clock is right.
    fn judge_right(&self, client: &Client) -> Checked {
        let status = client.clock()?;
        equal("warning", &status.warning(), &None)?;
        check(status.now <= now().plus(BELIEVED_SLACK), || format!("the store's time is {}: {}", status.now, now()))?;
        equal("problems", &client.verify()?.problems, &Vec::<String>::new())
    }

    /// Gives rows that were stamped ahead other stamps; they are as they were.
    fn repair(&mut self) -> Checked {
        let client = self.client()?;
        client.repair_clock()?;
        equal("stamps that are ahead", &client.clock()?.apart.len(), &0)?;
        self.rows.compare(&client, true)
    }

    /// Opens the store in this process, whose clock is right.
    fn reopen(&self) -> Checked {
        let store = Store::open(self.directory.path().join("store"))?;
        self.rows.compare(&store, true)?;
        store.compact()?;
        self.rows.compare(&store, true)?;
        equal("problems", &store.verify()?.problems, &Vec::<String>::new())
    }
}
