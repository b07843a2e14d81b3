//! `asof --connect SOCKET audit` without a log: a sidecar audits what it has served itself.

use std::time::Duration;

use asofdb::{Error, Progress};
use asofdb_client::{AuditRequest, Engine};
use asofdb_platform::Reason;
use serde_json::Value as Json;

use super::error::Result;
use super::output::Report;
use super::progress::Bar;
use super::sheet::{Cell, Column, Sheet, Tone};
use super::text::{count, counted};

/// The time between two looks at an audit that runs.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// The findings of an audit.
pub(crate) struct ServedAudit {
    pub(crate) report: Report,
    /// Values that differ.
    pub(crate) differing: u64,
}

/// Begins an audit, and waits until it has ended.
pub(crate) fn audit_served(engine: &Engine, wanted: &AuditRequest) -> Result<ServedAudit> {
    let number = engine.begin_audit(wanted)?;
    let bar = Bar::new("comparing");
    let mut audit = read(engine, number)?;
    while audit["state"] == "running" {
        let rows = audit["rows"].as_u64().unwrap_or_default();
        bar.show(Progress { rows, done: rows, total: None });
        std::thread::sleep(LOOK_EVERY);
        audit = read(engine, number)?;
    }
    bar.finish();
    match audit["error"].as_str() {
        Some(error) => Err(Error::unavailable(format!("audit {number} of the sidecar failed: {error}")).into()),
        None => Ok(found(number, audit["found"].take())),
    }
}

fn read(engine: &Engine, number: u64) -> Result<Json> {
    let text = engine.audits_json(Some(number))?;
    Ok(serde_json::from_str(&text).map_err(|error| Error::internal("an audit is no JSON").with_source(error))?)
}

fn found(number: u64, json: Json) -> ServedAudit {
    let of = |name: &str| json[name].as_u64().unwrap_or_default();
    let (rows, values, differing) = (counted(of("rows"), "row", "rows"), count(of("values")), of("differing"));
    let line = format!("{rows}, {values} values, of which {} are not what was served", count(differing));
    let below = vec![line, format!("audit {number} of the sidecar, which keeps it: /audits/{number}")];
    ServedAudit { differing, report: Report { sheet: sheet(&json), json, below, ..Report::default() } }
}

/// A line a feature, with its differences by reason.
fn sheet(json: &Json) -> Sheet {
    let reasons = Reason::ALL.map(|reason| Column::right(reason.as_str()));
    let columns = [Column::new("feature"), Column::right("values")];
    let mut sheet = Sheet::new(columns.into_iter().chain(reasons));
    for (reference, feature) in json["features"].as_object().into_iter().flatten() {
        let number = |json: &Json, tone: Tone| {
            let number = json.as_u64().unwrap_or_default();
            Cell::new(number).shown(count(number)).tone(if number > 0 { tone } else { Tone::Faint })
        };
        let mut cells = vec![Cell::new(reference).tone(Tone::Strong), number(&feature["values"], Tone::Good)];
        let differences = &feature["differences"];
        cells.extend(Reason::ALL.iter().map(|reason| number(&differences[reason.as_str()], Tone::Bad)));
        sheet.push(cells);
    }
    sheet
}
