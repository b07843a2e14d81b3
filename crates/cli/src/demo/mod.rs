//! `asof demo`: the whole path on real flights, checked against known answers.
//!
//! Each step is a command line that is printed and run as if it had been typed.

mod check;
mod columns;
mod digest;
mod expected;
mod expected_windows;
mod parquet;
mod readback;
mod served;
mod step;
mod tour;
mod training;
mod windows;

use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;

use asofdb::{Error, Manifest, Status, Store};
use clap::Args;

use self::check::Check;
use self::expected::Expected;
use self::expected_windows::ExpectedWindows;
use self::step::{RunLine, Stage};
use self::tour::Tour;
use super::context::Context;
use super::error::{Outcome, Result};
use super::progress::Stopwatch;

/// Run the whole path on the flights data of the repository, and check the results
///
/// Defines views, ingests, reads the latest and past values, builds the training set of all 336,776 flights and another
/// one with windows over the departures before each flight, compares both with known answers, exports a view and reads
/// it back. Then a second team comes: what it has twice is found, rules are kept, a feed stops and is told, what is read is
/// not dropped, and what was served is audited. Each command is printed as it can be typed. Exit code 3 when a check fails.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Demo {
    /// A directory for the store and the results, which must not exist or be empty
    #[arg(value_name = "DIR")]
    directory: PathBuf,
    /// Directory of the demo's data
    #[arg(long, value_name = "DIR", default_value = "examples/flights")]
    data: PathBuf,
    /// Rows of the training set with windows that are read again, one by one, and compared bit for bit
    #[arg(long, value_name = "ROWS", default_value_t = 2_000, value_parser = clap::value_parser!(u64).range(1..))]
    served: u64,
    /// Serve the store at the end, with its pages for a browser, until Ctrl-C
    #[arg(long)]
    stay: bool,
}

const EXAMPLES: &str = "\
Examples:
  asof demo asof-demo
  asof demo asof-demo --served 100000
  asof demo asof-demo --stay
  asof demo flights-demo --data ~/src/asofdb/examples/flights";

/// The files that the demo reads.
const FILES: [&str; 8] = [
    "definitions.toml",
    "weather.parquet",
    "routes.parquet",
    "planes.parquet",
    "departures.parquet",
    "flights.parquet",
    "expected.json",
    "expected_windows.json",
];

/// The address of the pages that the end names.
const PAGES: &str = "127.0.0.1:6566";

/// The views and the files that are read into them.
const SOURCES: [(&str, &str); 5] = [
    ("airport_weather_v1", "weather.parquet"),
    ("route_daily_v1", "routes.parquet"),
    ("plane_v1", "planes.parquet"),
    ("departures_v1", "departures.parquet"),
    ("departures_by_plane_v1", "departures.parquet"),
];

/// A flight of which everything can be said: the weather is known, there were no gusts, the route's last day is too
/// long ago, and the plane is not registered.
const FLIGHT: &str = "airport=JFK,origin=JFK,dest=STT,tailnum=N5FAAA";
const DEPARTURE: &str = "2013-10-05T12:00:00Z";
const FLIGHT_STATUSES: [(&str, Status); 4] = [
    ("airport_weather_v1:temp", Status::Present),
    ("airport_weather_v1:wind_gust", Status::Null),
    ("route_daily_v1:flights", Status::Expired),
    ("plane_v1:seats", Status::Missing),
];

impl Demo {
    /// `run_line` runs the command lines that are shown.
    pub(crate) fn run(&self, context: &Context, run_line: RunLine) -> Result<Outcome> {
        context.local_only("demo")?;
        let started = Stopwatch::start();
        self.check_data()?;
        self.check_directory()?;
        let expected = Expected::read(&self.data.join("expected.json"))?;
        let mut stage = Stage::new(self.store(), run_line);
        stage.begin(expected.rows)?;
        self.define_and_ingest(&mut stage)?;
        self.read(&mut stage)?;
        self.train(&mut stage, &expected)?;
        self.train_with_windows(&mut stage, &expected)?;
        self.export(&mut stage)?;
        Tour { data: &self.data, directory: &self.directory }.run(&mut stage)?;
        self.end(&stage, started)
    }

    fn store(&self) -> PathBuf {
        self.directory.join("store")
    }

    fn training_set(&self) -> PathBuf {
        self.directory.join("training.parquet")
    }

    fn training_set_with_windows(&self) -> PathBuf {
        self.directory.join("windows.parquet")
    }

    fn spine(&self) -> PathBuf {
        self.data.join("flights.parquet")
    }

    fn check_data(&self) -> Result<()> {
        match FILES.iter().chain(&Tour::FILES).find(|file| !self.data.join(file).is_file()) {
            None => Ok(()),
            Some(file) => Err(Error::not_found(format!(
                "the demo's data is not there; run it in a checkout of asofdb, or give its examples/flights with \
                 --data: {}",
                self.data.join(file).display()
            ))
            .into()),
        }
    }

    fn check_directory(&self) -> Result<()> {
        let directory = self.directory.display();
        let mut entries = match fs::read_dir(&self.directory) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(error) => {
                let message = format!("the demo cannot use this directory: {directory}");
                return Err(Error::unavailable(message).with_source(error).into());
            }
        };
        if entries.next().is_none() {
            return Ok(());
        }
        let advice = match self.store().is_dir() {
            true => format!("an earlier demo is here; remove it (rm -r {directory}) or choose another directory"),
            false => "the demo needs a directory that does not exist or is empty".to_owned(),
        };
        Err(Error::conflict(format!("{advice}: {directory}")).into())
    }

    fn define_and_ingest(&self, stage: &mut Stage) -> Result<()> {
        stage.title(
            "Define",
            "Entities, features that are stored, counted and computed, and services, from one file.",
        )?;
        stage.command(vec!["apply".into(), self.data.join("definitions.toml").into()])?;
        stage.title(
            "Ingest",
            "Four files into five views: the departures are events of airports, also found by airline, and of planes. Running\n\
             it again would write nothing twice.",
        )?;
        for (view, file) in SOURCES {
            stage.command(vec!["ingest".into(), view.into(), self.data.join(file).into()])?;
        }
        Ok(())
    }

    fn read(&self, stage: &mut Stage) -> Result<()> {
        stage.title(
            "Read the latest",
            "As of now. The weather of 2013 is older than its ttl of 2 hours: expired. Planes have no ttl.",
        )?;
        let features = ["airport_weather_v1:temp", "airport_weather_v1:wind_gust", "plane_v1:seats"];
        stage.command(words(["get"].iter().chain(&features).chain(&["--entity", "airport=JFK,tailnum=N14228"])))?;
        stage.title(
            "Read the past",
            "What was known when flight AA 936 to St. Thomas left. Four values, four reasons: the temperature is there; \
             there\nwere no gusts; the route was last flown too long ago; nobody registered the plane.",
        )?;
        let references = FLIGHT_STATUSES.map(|(reference, _)| reference);
        stage.command(words(["get"].iter().chain(&references).chain(&["--entity", FLIGHT, "--at", DEPARTURE])))?;
        let found = stage.with_store(statuses)?;
        stage.check(found == FLIGHT_STATUSES.map(|(_, status)| status), "present, null, expired, missing: as expected")
    }

    fn train(&self, stage: &mut Stage, expected: &Expected) -> Result<()> {
        stage
            .title("Build the training set", "Ten features for every flight, each as of the flight's own departure.")?;
        let mut command = words(["training-set", "flight_delay_v1", "--statuses", "--spine"].iter());
        command.extend([self.spine().into(), "--out".into(), self.training_set().into()]);
        stage.command(command)?;
        stage.title("Check it", "Against counts, sums and rows that were computed by other means (expected.json).")?;
        for check in training::compare(expected, &self.training_set(), &self.spine())? {
            stage.check(check.holds, &check.text)?;
        }
        Ok(())
    }

    fn train_with_windows(&self, stage: &mut Stage, expected: &Expected) -> Result<()> {
        stage.title(
            "Count what was going on",
            "The same flights, with windows over the departures before each, and with features that are computed from \
             them.\nEach flight uses what was known at its own time: one that has not left yet has no delay to count.",
        )?;
        let mut command = words(["training-set", "flight_delay_v2", "--known-at", "own-time", "--statuses"].iter());
        let out = self.training_set_with_windows();
        command.extend(["--spine".into(), self.spine().into(), "--out".into(), out.clone().into()]);
        stage.command(command)?;
        stage.title(
            "Check it",
            "Against SQL that was written by hand (expected_windows.json): every value where it is exact. Present, null,\n\
             missing, the sum, and the range:",
        )?;
        let computed = ExpectedWindows::read(&self.data.join("expected_windows.json"))?;
        for check in windows::compare(&computed, &out)? {
            stage.check(check.holds, &check.text)?;
        }
        let stored =
            Check::all(training::compare(expected, &out, &self.spine())?, "the ten stored features, as before");
        stage.check(stored.holds, &stored.text)?;
        let sampled = self.served.min(expected.rows);
        let served =
            stage.with_store(|store| served::compare(store, "flight_delay_v2", &out, expected.rows, sampled))?;
        stage.check(served.holds, &served.text)
    }

    fn export(&self, stage: &mut Stage) -> Result<()> {
        stage.title("Export, and read it back", "Every version of a view as Parquet, a directory a month.")?;
        let out = self.directory.join("weather");
        let mut command = words(["export", "airport_weather_v1", "--partition-by", "month", "--out"].iter());
        command.push(out.clone().into());
        stage.command(command)?;
        let manifest = Manifest::read(&out)?;
        for check in readback::compare(&out, &manifest, &self.data.join("weather.parquet"))? {
            stage.check(check.holds, &check.text)?;
        }
        Ok(())
    }

    fn end(&self, stage: &Stage, started: Stopwatch) -> Result<Outcome> {
        let training_set = self.training_set();
        let next = [
            "asof history airport_weather_v1 --entity airport=JFK --limit 5".to_owned(),
            "asof describe flight_delay_v1".to_owned(),
            "asof search delay".to_owned(),
            "asof freshness".to_owned(),
            format!("asof get flight_delay_v1 --entity {FLIGHT} --at {DEPARTURE} --format json"),
            format!("asof get airport_departures_v1 --entity airport=JFK --at {DEPARTURE} --known-at {DEPARTURE}"),
            "asof verify".to_owned(),
            "mkdir -m 700 -p ~/.asof".to_owned(),
            format!("asof serve --socket ~/.asof/socket --http {PAGES}    # and open http://{PAGES}/"),
        ];
        stage.end(started, &training_set, &next)?;
        if self.stay {
            Tour { data: &self.data, directory: &self.directory }.stay(stage, PAGES)?;
        }
        Ok(if stage.failed() == 0 { Outcome::Done } else { Outcome::Problem })
    }
}

fn words<'a>(words: impl Iterator<Item = &'a &'a str>) -> Vec<OsString> {
    words.map(|word| OsString::from(*word)).collect()
}

/// The statuses of the flight's features, read by the library.
fn statuses(store: &Store) -> asofdb::Result<[Status; 4]> {
    let request = store.prepare(&FLIGHT_STATUSES.map(|(reference, _)| reference))?;
    let mut rows = request.entity_rows();
    let entity = FLIGHT.parse::<super::entity::EntityArgument>()?;
    rows.push_named(&entity.typed(&request.join_keys())?)?;
    let answer = store.as_of(&request, &rows, DEPARTURE.parse()?, None)?;
    Ok([0, 1, 2, 3].map(|feature| answer.status(0, feature)))
}
