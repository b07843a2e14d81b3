//! The second act: what a platform team has of the store. Another team computes for itself what is there already, a feed
//! stops, somebody wants to drop what others read, and data comes late.

mod page;
mod pricing;
mod sidecar;

use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use asofdb::{Error, ServedRow, Session, Store, Timestamp, read_served_log};
use asofdb_client::Client;
use asofdb_platform::{AuditOptions, AuditedFeature, Discovery, Reason, Relation, audit};
use serde_json::Value as Json;

use self::pricing::Priced;
use self::sidecar::{Sidecar, wait_for};
use super::step::Stage;
use super::words;
use crate::error::Result;
use crate::text::count;

/// The view of the other team, and the feature that the first team has, too.
const VIEW: &str = "route_punctuality_v1";
const AGAIN: &str = "route_punctuality_v1:avg_arrival_delay_h";
const ALREADY: &str = "route_daily_v1:mean_arr_delay";

/// The feature that is corrected, and the hour of the flights that were priced with the value of before.
const CORRECTED: &str = "airport_weather_v1:temp";
const CORRECTED_HOUR: [&str; 2] = ["2013-12-23T15:00:00Z", "2013-12-23T16:00:00Z"];

/// A time at which the data of 2013 had not expired.
const THEN: &str = "2013-11-30";

/// The bytes of a file that arrive before its upload dies.
const CUT_OFF_AT: usize = 20_000;

/// The second act, and where its files are.
pub(super) struct Tour<'d> {
    /// The demo's data.
    pub(super) data: &'d Path,
    /// The directory of the demo.
    pub(super) directory: &'d Path,
}

impl Tour<'_> {
    pub(super) fn run(&self, stage: &mut Stage) -> Result<()> {
        self.find(stage)?;
        self.keep_rules(stage)?;
        self.add_a_team(stage)?;
        let flights = self.serve(stage)?;
        self.audit(stage, &flights)
    }

    /// Serves the store with its pages until this process is told to end.
    pub(super) fn stay(&self, stage: &Stage, pages: &str) -> Result<()> {
        let directory = Sidecar::directory()?;
        let socket = directory.join("socket").into();
        let served = stage.command(vec!["serve".into(), "--socket".into(), socket, "--http".into(), pages.into()]);
        let _ = fs::remove_dir_all(&directory);
        served
    }

    /// The files that the tour needs, below the demo's data.
    pub(super) const FILES: [&'static str; 6] = [
        "tour/policy.toml",
        "tour/careless.toml",
        "tour/punctuality.toml",
        "tour/punctuality-2013-11.parquet",
        "tour/punctuality-2013-12.parquet",
        "tour/correction.csv",
    ];

    fn data(&self, name: &str) -> PathBuf {
        self.data.join(name)
    }

    fn own(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    fn find(&self, stage: &mut Stage) -> Result<()> {
        stage.title("Find it", "What is there about delays, whoever made it, and under whatever name.")?;
        stage.command(words(["search", "average", "arrival", "delay"].iter()))?;
        stage.command(words(["describe", "route_daily_v1"].iter()))
    }

    fn keep_rules(&self, stage: &mut Stage) -> Result<()> {
        stage.title("Keep rules", "The platform team's rules are in the store. What breaks them is refused.")?;
        let policy = self.data("tour/policy.toml").into();
        let reason = ["--message", "Features say what they are, and whose"].map(OsString::from);
        stage.command([vec!["policy".into(), "apply".into(), policy], reason.to_vec()].concat())?;
        let careless = self.own("careless.toml");
        self.join(stage, "tour/careless.toml", &careless)?;
        let refused = stage.refused(vec!["apply".into(), careless.into()])?;
        let names_each =
            ["feature_view delays", "*_v{n}", "owner is missing"].iter().all(|part| refused.contains(part));
        stage.check(names_each, "refused, with each rule that it breaks")
    }

    fn add_a_team(&self, stage: &mut Stage) -> Result<()> {
        stage.title(
            "Let another team in",
            "It computes for itself how late routes are, and says where its files are.",
        )?;
        let definitions = self.own("definitions.toml");
        self.join(stage, "tour/punctuality.toml", &definitions)?;
        let reason = ["--message", "Prices follow punctuality"].map(OsString::from);
        stage.command([vec!["apply".into(), definitions.into()], reason.to_vec()].concat())?;
        self.bring(stage, "tour/punctuality-2013-11.parquet", None)
    }

    /// Adds definitions to the demo's, in a file of their own.
    fn join(&self, stage: &Stage, more: &str, to: &Path) -> Result<()> {
        let (definitions, more) = (self.data("definitions.toml"), self.data(more));
        stage.shell(&["cat".into(), definitions.clone().into(), more.clone().into(), ">".into(), to.into()])?;
        let text = [read(&definitions)?, read(&more)?].concat();
        Ok(write(to, &text)?)
    }

    /// Puts a file where the other team's feed looks, or so many bytes of it.
    fn bring(&self, stage: &Stage, name: &str, bytes: Option<usize>) -> Result<()> {
        let from = self.data(name);
        let to = self.own("feeds/punctuality").join(from.file_name().unwrap_or_default());
        let (source, target) = (OsString::from(&from), OsString::from(&to));
        stage.shell(&match bytes {
            None => vec!["cp".into(), source, target],
            Some(bytes) => vec!["head".into(), format!("-c{bytes}").into(), source, ">".into(), target],
        })?;
        let content = read(&from)?;
        Ok(write(&to, &content[..bytes.unwrap_or(content.len()).min(content.len())])?)
    }

    /// Everything that is done through a sidecar. Returns the flights that were priced.
    fn serve(&self, stage: &mut Stage) -> Result<Vec<Priced>> {
        stage.title(
            "Serve it",
            "The store is a sidecar's now: it feeds views from their files, tells what is wrong, and logs what it serves.",
        )?;
        self.write_alerts()?;
        let directory = Sidecar::directory()?;
        let socket = directory.join("socket");
        let arguments = self.serving(&socket, stage.store());
        stage.shell(&[&["asof".into()], &arguments[..], &["&".into()]].concat())?;
        let mut sidecar = Sidecar::start(&arguments, directory, &self.own("serve.log"))?;
        let address = sidecar.ready()?;
        stage.connect(Some(socket.clone()));
        let done = self.through(stage, &socket, &address);
        stage.connect(None);
        let flights = done?;
        sidecar.stop()?;
        Ok(flights)
    }

    fn through(&self, stage: &mut Stage, socket: &Path, address: &str) -> Result<Vec<Priced>> {
        let client = Client::connect(socket)?;
        wait_for(|| Ok(client.feeds(&[VIEW])?.first().and_then(|feed| feed.succeeded)))?;
        self.find_again(stage, &client)?;
        self.stop_a_feed(stage)?;
        let flights = self.drop_what_is_read(stage, socket)?;
        self.look(stage, address)?;
        Ok(flights)
    }

    /// The arguments of the sidecar.
    fn serving(&self, socket: &Path, store: &Path) -> Vec<OsString> {
        let mut arguments: Vec<OsString> = vec!["serve".into()];
        let named: [(&str, OsString); 7] = [
            ("--store", store.into()),
            ("--socket", socket.into()),
            ("--http", "127.0.0.1:0".into()),
            ("--sources", self.own("feeds").into()),
            ("--alerts", self.own("alerts.toml").into()),
            ("--log-served", self.own("served").into()),
            ("--log-share", "1".into()),
        ];
        named.into_iter().for_each(|(name, value)| arguments.extend([name.into(), value]));
        arguments.push("--materialize".into());
        arguments
    }

    /// Writes the file of alerts, which nobody else may write to: notices are lines of a file.
    fn write_alerts(&self) -> Result<()> {
        let notices = std::path::absolute(self.notices()).unwrap_or_else(|_| self.notices());
        // A string of JSON is one of TOML.
        let notices = Json::from(notices.to_string_lossy()).to_string();
        let text = format!(
            "from = \"the demo\"\nlook_every = \"100ms\"\nafter = \"1h\"               # data of 2013 is stale\n\
             recover_after = \"100ms\"\n\n[[command]]\nname = \"file\"\n\
             argv = [\"/bin/sh\", \"-c\", 'cat >> \"$0\" && echo >> \"$0\"', {notices}]\n"
        );
        let path = self.own("alerts.toml");
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
        Ok(file.and_then(|mut file| file.write_all(text.as_bytes())).map_err(|error| unwritten(&path, error))?)
    }

    fn notices(&self) -> PathBuf {
        self.own("notices.jsonl")
    }

    fn find_again(&self, stage: &mut Stage, client: &Client) -> Result<()> {
        stage.title(
            "Find what is there twice",
            "By values of the same entities, as of a time: one team's hours are the other's minutes.",
        )?;
        stage.command(words(["duplicates", VIEW, "--at", THEN].iter()))?;
        let found = client.duplicates_at(&[VIEW], THEN.parse()?)?;
        let is_planted = |names: &[String; 2]| names.iter().all(|name| name == AGAIN || name == ALREADY);
        let holds = found.iter().any(|pair| is_planted(&pair.features) && pair.relation == Relation::Scaled);
        stage.check(holds, &format!("{AGAIN} is {ALREADY}, 60 times smaller"))
    }

    fn stop_a_feed(&self, stage: &mut Stage) -> Result<()> {
        stage.title(
            "Let a feed stop",
            "December's file is cut off. Nothing of it is loaded, the run fails, and somebody is told, once.",
        )?;
        self.bring(stage, "tour/punctuality-2013-12.parquet", Some(CUT_OFF_AT))?;
        stage.command(words(["materialize", VIEW].iter()))?;
        let opened = wait_for(|| self.notice("opened"))?;
        stage.say(&format!("notice: {opened}"))?;
        stage.check(opened.contains(VIEW), "an alert names the view and the reason")?;
        self.bring(stage, "tour/punctuality-2013-12.parquet", None)?;
        stage.command(words(["materialize", VIEW].iter()))?;
        let recovered = wait_for(|| self.notice("recovered"))?;
        stage.say(&format!("notice: {recovered}"))?;
        stage.check(true, "the whole file was loaded, and the alert is over")
    }

    /// The message of the notice of the other team's feed with this event, once it was delivered.
    fn notice(&self, event: &str) -> asofdb::Result<Option<String>> {
        let text = match fs::read_to_string(self.notices()) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::unavailable("notices cannot be read").with_source(error)),
        };
        let calls = text.lines().filter_map(|line| serde_json::from_str::<Json>(line).ok());
        let notices: Vec<Json> =
            calls.flat_map(|call| call["notices"].as_array().cloned().unwrap_or_default()).collect();
        let is_it = |notice: &&Json| notice["event"] == event && notice["subject"] == VIEW;
        Ok(notices.iter().find(is_it).and_then(|notice| notice["message"].as_str()).map(str::to_owned))
    }

    fn drop_what_is_read(&self, stage: &mut Stage, socket: &Path) -> Result<Vec<Priced>> {
        stage.title(
            "Ask who breaks",
            "The other team's model prices a day's flights with the copy. So the copy does not go by accident.",
        )?;
        let flights = pricing::price(socket, &self.data("flights.parquet"))?;
        stage.say(&format!("{} reads {} for {} flights", pricing::CONSUMER, pricing::SERVICE, flights.len()))?;
        stage.command(words(["usage", VIEW].iter()))?;
        let without = self.data("definitions.toml").into();
        let refused = stage.refused(vec!["apply".into(), without, "--allow-drop".into()])?;
        let names_both = [VIEW, pricing::CONSUMER].iter().all(|name| refused.contains(name));
        stage.check(names_both, "refused, with the consumer that would break")?;
        Ok(flights)
    }

    fn look(&self, stage: &mut Stage, address: &str) -> Result<()> {
        stage.title("Look at it", &format!("The same in a browser, while the sidecar runs: http://{address}/"))?;
        let [catalog, view] = [page::get(address, "/")?, page::get(address, &format!("/views/{VIEW}"))?];
        let holds = catalog.starts_with("HTTP/1.1 200") && catalog.contains(&format!("/views/{VIEW}"));
        stage.check(holds, "the catalog has a page that leads to the view")?;
        let holds = view.starts_with("HTTP/1.1 200") && view.contains("avg_arrival_delay_h");
        stage.check(holds, "and the view has one")
    }

    fn audit(&self, stage: &mut Stage, flights: &[Priced]) -> Result<()> {
        stage.title(
            "Audit what was served",
            "A day later the weather service corrects one hour. Training would use the corrected value; the model did not \
             have it.",
        )?;
        let log = self.own("served");
        let before = stage.with_store(|store| differences(store, &log))?;
        let rows = count(flights.len() as u64);
        stage.check(before.is_empty(), &format!("{rows} answers asked again before that: the same, bit for bit"))?;
        stage.command(vec!["ingest".into(), "airport_weather_v1".into(), self.data("tour/correction.csv").into()])?;
        let options = ["--consumer", pricing::CONSUMER, "--examples", "1"].map(OsString::from);
        stage.command([vec!["audit".into(), log.clone().into()], options.to_vec()].concat())?;
        let after = stage.with_store(|store| differences(store, &log))?;
        let [from, to] = [CORRECTED_HOUR[0].parse::<Timestamp>()?, CORRECTED_HOUR[1].parse()?];
        let hit = flights.iter().filter(|flight| (from..to).contains(&flight.departure)).count() as u64;
        let expected = [(CORRECTED.to_owned(), Reason::Restated, hit)];
        let text = format!("{} answers differ, those of the flights of that hour, and why: restated", count(hit));
        stage.check(hit > 0 && after == expected, &text)
    }
}

/// The values that the other team's service got and that differ from what the store says now, by feature and reason.
fn differences(store: &Store, log: &Path) -> asofdb::Result<Vec<(String, Reason, u64)>> {
    let is_wanted = |row: &ServedRow| row.consumer.as_deref() == Some(pricing::CONSUMER);
    let rows = read_served_log(log)?.filter(|row| row.as_ref().map_or(true, is_wanted));
    let found = audit(store, rows, &AuditOptions::default(), &mut |_| {})?;
    let of = |(reference, feature): (&String, &AuditedFeature)| {
        feature.differences.iter().map(|(reason, count)| (reference.clone(), *reason, *count)).collect::<Vec<_>>()
    };
    Ok(found.features.iter().flat_map(of).collect())
}

fn read(path: &Path) -> asofdb::Result<Vec<u8>> {
    fs::read(path).map_err(|error| Error::unavailable(format!("cannot read {}", path.display())).with_source(error))
}

/// Writes a file under another name first, so that no feed sees half of it.
fn write(path: &Path, content: &[u8]) -> asofdb::Result<()> {
    let directory = path.parent().unwrap_or(Path::new("."));
    let mut hidden = OsString::from(".");
    hidden.push(path.file_name().unwrap_or_default());
    let hidden = directory.join(hidden);
    let written = fs::create_dir_all(directory)
        .and_then(|()| fs::write(&hidden, content))
        .and_then(|()| fs::rename(&hidden, path));
    written.map_err(|error| unwritten(path, error))
}

fn unwritten(path: &Path, error: io::Error) -> Error {
    Error::unavailable(format!("cannot write {}", path.display())).with_source(error)
}
