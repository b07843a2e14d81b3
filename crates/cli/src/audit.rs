//! `asof audit`: whether what was served can be had again.

use std::io::Write;
use std::path::{Path, PathBuf};

use asofdb::storage::output::OutputFile;
use asofdb::{ServedRow, Session, Source, TextOptions, read_served_log};
use asofdb_client::AuditRequest;
use asofdb_platform::{
    AUDIT_EXAMPLES_DEFAULT, Against, Audit as Found, AuditAgainst, AuditOptions, Difference, Reason, Side, audit,
    audit_html, compare_served,
};
use clap::{Args, ValueEnum};

use super::audit_served::audit_served;
use super::context::Context;
use super::error::{Outcome, Result};
use super::output::{Output, Report};
use super::progress::Bar;
use super::sheet::{Cell, Column, Sheet, Tone};
use super::text::{count, counted, to_text};

/// Ask again what a log of served features says was served, and explain each difference; exit code 3 when there is one
///
/// Each row is asked as of its time and compared bit for bit, with statuses and event timestamps. Differences are
/// `late` (data became known later), `restated` (the version was written again), `retention` (it was taken),
/// `definition` (the feature or its default is another), `erased`, `clock` (it was wrong, or repaired) or
/// `unexplained`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Audit {
    /// The directory of a log (asof serve --log-served), or one of its files; without it the sidecar of --connect audits
    /// its own log
    #[arg(value_name = "LOG")]
    log: Option<PathBuf>,
    /// Compare with what is known of that time now, as a training set would have it, or with what was known then
    #[arg(long, value_enum, default_value = "now")]
    known: Known,
    /// Compare with a training set as well: the same rows value by value, and how far the distributions of each feature
    /// are apart (PSI, KS)
    #[arg(long, value_name = "FILE", requires = "log")]
    against: Option<PathBuf>,
    /// The training set's column of times
    #[arg(long, value_name = "COLUMN", default_value = "event_timestamp", requires = "against")]
    event_timestamp: String,
    /// Write a report with plots as a page, which must not exist
    #[arg(long, value_name = "FILE.html", requires = "log")]
    html: Option<PathBuf>,
    /// Only what this consumer got
    #[arg(long, value_name = "NAME")]
    consumer: Option<String>,
    /// Only answers of this service
    #[arg(long, value_name = "NAME")]
    service: Option<String>,
    /// Differences of one feature and one reason that are told in full
    #[arg(long, value_name = "N", default_value_t = AUDIT_EXAMPLES_DEFAULT)]
    examples: usize,
    #[command(flatten)]
    output: Output,
}

const EXAMPLES: &str = "\
Examples:
  asof audit /var/lib/asof/served
  asof --connect ~/.asof/socket audit /var/lib/asof/served --consumer ranker:v2 --format json
  asof --connect ~/.asof/socket audit              what the sidecar has served, from its own log
  asof audit served --against training.parquet --html audit.html
  asof audit served --known then                  what should never differ";

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Known {
    Now,
    Then,
}

impl Audit {
    pub(crate) fn run(&self, context: &Context) -> Result<Outcome> {
        let Some(log) = &self.log else { return self.audit_served(context) };
        let page = self.html.as_deref().map(OutputFile::create).transpose()?;
        let rows = self.rows(log)?;
        let store = context.open()?;
        let against = match self.known {
            Known::Now => AuditAgainst::Now,
            Known::Then => AuditAgainst::Then,
        };
        let options = AuditOptions { against, examples: self.examples };
        let bar = Bar::new("comparing");
        let found = audit(&store as &dyn Session, rows, &options, &mut |rows| {
            bar.show(asofdb::Progress { rows, done: rows, total: None });
        })?;
        bar.finish();
        let against = self.against.as_deref().map(|file| self.compared(log, file)).transpose()?;
        if let Some(mut page) = page {
            page.write_all(audit_html(&found, against.as_ref()).as_bytes())?;
            page.finish()?;
        }
        self.output.print(&report(&found, against.as_ref())?)?;
        Ok(if found.differing() == 0 { Outcome::Done } else { Outcome::Problem })
    }

    /// Lets the sidecar audit its own log.
    fn audit_served(&self, context: &Context) -> Result<Outcome> {
        let wanted = AuditRequest {
            known_then: matches!(self.known, Known::Then),
            consumer: self.consumer.clone(),
            service: self.service.clone(),
            examples: u32::try_from(self.examples).unwrap_or(u32::MAX),
        };
        let found = audit_served(&context.open()?, &wanted)?;
        self.output.print(&found.report)?;
        Ok(if found.differing == 0 { Outcome::Done } else { Outcome::Problem })
    }

    /// The rows of the log that are wanted.
    fn rows(&self, log: &Path) -> Result<impl Iterator<Item = asofdb::Result<ServedRow>> + '_> {
        let rows = read_served_log(log)?;
        Ok(rows.filter(|row| row.as_ref().map_or(true, |row| self.is_wanted(row))))
    }

    fn compared(&self, log: &Path, training: &Path) -> Result<Against> {
        let training = Source::open(training, None, TextOptions::default())?;
        Ok(compare_served(self.rows(log)?, &training, &self.event_timestamp)?)
    }

    fn is_wanted(&self, row: &ServedRow) -> bool {
        let is = |wanted: &Option<String>, of: &Option<String>| wanted.is_none() || wanted == of;
        is(&self.consumer, &row.consumer) && is(&self.service, &row.service)
    }
}

fn report(found: &Found, against: Option<&Against>) -> Result<Report> {
    let rows = counted(found.rows, "row", "rows");
    let (values, differing) = (count(found.values()), count(found.differing()));
    let mut below: Vec<String> = found.examples.iter().map(line).collect();
    below.push(format!("{rows}, {values} values, of which {differing} are not what was served"));
    let mut json = found.to_json()?;
    if let Some(against) = against {
        json["against"] = against.to_json();
        below.extend(against_lines(against));
    }
    Ok(Report { json, sheet: sheet(found), below, ..Report::default() })
}

/// The comparison with a training set, a line a feature.
fn against_lines(against: &Against) -> Vec<String> {
    let (served, training) = (count(against.served_rows), count(against.training_rows));
    let both = count(against.matched_rows);
    let mut lines = vec![format!("{served} rows were served, {training} are in the training set, {both} in both")];
    lines.extend(against.features.iter().map(|(reference, feature)| {
        let drift = feature.drift.as_ref().map_or_else(String::new, |drift| {
            let ks = drift.ks.map_or_else(String::new, |ks| format!(", KS {ks:.3}"));
            format!("; PSI {:.3}{ks}", drift.psi)
        });
        format!("{reference}: {} of {} values are the same{drift}", count(feature.same), count(feature.matched))
    }));
    if !against.absent.is_empty() {
        lines.push(format!("the training set has no column for {}", against.absent.join(", ")));
    }
    lines
}

fn sheet(found: &Found) -> Sheet {
    let reasons = Reason::ALL.map(|reason| Column::right(reason.as_str()));
    let columns = [Column::new("feature"), Column::right("values"), Column::right("same")];
    let mut sheet = Sheet::new(columns.into_iter().chain(reasons));
    for (reference, feature) in &found.features {
        let number = |number: u64, tone: Tone| {
            Cell::new(number).shown(count(number)).tone(if number > 0 { tone } else { Tone::Faint })
        };
        let mut cells = vec![
            Cell::new(reference).tone(Tone::Strong),
            Cell::new(feature.values).shown(count(feature.values)),
            number(feature.values - feature.differing(), Tone::Good),
        ];
        let of = |reason: &Reason| feature.differences.get(reason).copied().unwrap_or(0);
        cells.extend(Reason::ALL.iter().map(|reason| number(of(reason), Tone::Bad)));
        sheet.push(cells);
    }
    sheet
}

/// A difference as a line.
fn line(difference: &Difference) -> String {
    let key = |(name, value): &(String, Option<asofdb::Value>)| {
        format!("{name}={}", value.as_ref().map_or_else(|| "null".to_owned(), to_text).escape_debug())
    };
    let entity: Vec<_> = difference.entity.iter().map(key).collect();
    let side = |side: &Side| match &side.value {
        Some(value) => format!("{} ({})", to_text(value).escape_debug(), side.status),
        None => side.status.to_string(),
    };
    let again = difference.again.as_ref().map_or_else(|| "nothing".to_owned(), side);
    let Difference { feature, at, served, reason, detail, .. } = difference;
    format!("{reason}: {feature} of {} at {at} was {}, is {again}: {detail}", entity.join(", "), side(served))
}
