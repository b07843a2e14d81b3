//! `asof get`: feature values of entities, now or as of a time.

use asofdb::{Answer, AnswerRows, AsJson, JoinKey, Prepared, Session, Status, Timestamp, Value};
use asofdb_client::Engine;
use clap::Args;

use super::catalog::key_names;
use super::context::Context;
use super::entity::EntityArgument;
use super::error::{Outcome, Result, Stop, tell_warnings};
use super::output::{Output, Report};
use super::request_value::RequestArgument;
use super::sheet::{Cell, Column, Place, Sheet, Tone};
use super::text::{short_span, to_text};
use super::when::When;

/// Read features of entities: the latest values, or those of any time
///
/// Each value comes with its status: `present`; `null` (a null was stored); `missing` (nothing is known of the
/// entity at that time); `expired` (what is known is older than the view's ttl). A feature's default stands in for
/// null, missing and expired values and is marked.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Get {
    /// Features: a service, a view, view:feature or view:*
    #[arg(required = true, value_name = "REF")]
    references: Vec<String>,
    /// The entity: every join key with its value; several times for several rows. Features that are computed from the
    /// time or the request alone have none
    #[arg(long = "entity", value_name = "KEY=VALUE,...")]
    entities: Vec<EntityArgument>,
    /// A value that comes with the request, the same for every row, of the type that the features take
    #[arg(long = "request", value_name = "NAME=VALUE")]
    requests: Vec<RequestArgument>,
    /// The time asked about, inclusive [default: now]
    #[arg(long, value_name = "TIME")]
    at: Option<When>,
    /// Use only what had been written by then [default: everything]
    #[arg(long, value_name = "TIME")]
    known_at: Option<When>,
    #[command(flatten)]
    output: Output,
}

const EXAMPLES: &str = "\
Examples:
  asof get airport_weather_v1 --entity airport=JFK
  asof get airport_weather_v1:temp --entity airport=JFK --entity airport=EWR --at 2013-06-01T12:00:00Z
  asof get purchase_v1:times_mean --entity user_id=7 --request amount=26.0
  asof get flight_delay_v1 --entity airport=EWR,origin=EWR,dest=BOS,tailnum=N14228 --at 2013-06-01 --format json";

type Entity<'a> = Vec<(&'a str, Value)>;

impl Get {
    pub(crate) fn run(&self, context: &Context) -> Result<Outcome> {
        let store = context.open()?;
        let prepared = store.prepare(&self.references)?;
        tell_warnings(&prepared);
        let keys = prepared.join_keys();
        let mut entities =
            self.entities.iter().map(|entity| entity.typed(&keys)).collect::<asofdb::Result<Vec<_>>>()?;
        if entities.is_empty() {
            if !keys.is_empty() {
                let message = "the features are of entities: give their join keys";
                return Err(Stop::Usage(format!("{message} ({}) by --entity", key_names(&keys))));
            }
            // The time and the request are all that is asked about.
            entities.push(Vec::new());
        }
        let found = self.read(&store, &prepared, &entities)?;
        let entities: Vec<_> = entities.iter().map(|entity| in_order(entity, &keys)).collect();
        self.output.print(&found.report(&keys, &entities)?)?;
        Ok(Outcome::Done)
    }

    fn read(&self, store: &Engine, prepared: &Prepared, entities: &[Entity<'_>]) -> Result<Found> {
        let (mut rows, wanted) = (prepared.entity_rows(), prepared.request_values());
        let request = self.requests.iter().map(|given| given.of(&wanted)).collect::<asofdb::Result<Vec<_>>>()?;
        for entity in entities {
            rows.push_named_with(entity, &request)?;
        }
        let now = store.now()?;
        let at = self.at.unwrap_or(When::Now).resolve(now);
        let (what, answer) = match (self.at, self.known_at) {
            (None, None) => ("latest, as of", store.latest(prepared, &rows)?),
            (_, known_at) => {
                let known_at = known_at.map(|known_at| known_at.resolve(now));
                ("as of", store.as_of(prepared, &rows, at, known_at)?)
            }
        };
        Ok(Found { answer, at, what })
    }
}

/// The entity's values in the order of the join keys.
fn in_order<'a>(entity: &[(&'a str, Value)], keys: &[JoinKey]) -> Entity<'a> {
    let find = |key: &JoinKey| entity.iter().find(|(name, _)| *name == key.name).cloned();
    keys.iter().filter_map(find).collect()
}

struct Found {
    answer: Answer,
    at: Timestamp,
    what: &'static str,
}

impl Found {
    fn report(&self, keys: &[JoinKey], entities: &[Entity<'_>]) -> Result<Report> {
        // One entity needs no columns of its own in a table: it stands above.
        let (place, above) = match entities {
            [entity] if entity.is_empty() => (Place::CsvOnly, Vec::new()),
            [entity] => (Place::CsvOnly, vec![headline(entity)]),
            _ => (Place::Everywhere, Vec::new()),
        };
        let mut columns: Vec<_> = keys.iter().map(|key| Column::new(&key.name).place(place)).collect();
        columns.extend([
            Column::new("feature"),
            Column::right("value"),
            Column::new("status"),
            Column::new("defaulted").place(Place::CsvOnly),
            Column::new("event_timestamp"),
            Column::right("age").place(Place::TableOnly),
        ]);
        let mut report = Report { sheet: Sheet::new(columns), above, ..Report::default() };
        let references = self.answer.references();
        for (row, entity) in entities.iter().enumerate() {
            for (feature, reference) in references.iter().enumerate() {
                let mut cells: Vec<_> = entity.iter().map(|(_, value)| entity_cell(value, feature == 0)).collect();
                cells.extend(self.cells(row, feature, reference)?);
                report.sheet.push(cells);
            }
        }
        report.json = AsJson(&AnswerRows { answer: &self.answer, entities }).to_tree()?;
        report.below.push(format!("{} {}", self.what, self.at));
        Ok(report)
    }

    fn cells(&self, row: usize, feature: usize, reference: &str) -> Result<[Cell; 6]> {
        let status = self.answer.status(row, feature);
        let defaulted = self.answer.is_defaulted(row, feature);
        let value = self.answer.value(row, feature)?.as_ref().map(to_text);
        let event = self.answer.event_timestamp(row, feature);
        let age = event.map(|event| short_span(self.at.since(event)));
        Ok([
            Cell::new(reference),
            value_cell(value, defaulted),
            Cell::new(status).tone(tone(status)),
            Cell::new(defaulted),
            Cell::optional(event),
            Cell::optional(age).tone(Tone::Faint),
        ])
    }
}

fn headline(entity: &[(&str, Value)]) -> String {
    let pairs = entity.iter().map(|(name, value)| format!("{name}={}", to_text(value).escape_debug()));
    pairs.collect::<Vec<_>>().join(", ")
}

/// A table names the entity once, above its first feature.
fn entity_cell(value: &Value, first: bool) -> Cell {
    let cell = Cell::new(to_text(value));
    if first { cell.tone(Tone::Strong) } else { cell.shown("") }
}

fn value_cell(value: Option<String>, defaulted: bool) -> Cell {
    match value {
        Some(value) if defaulted => Cell::new(&value).shown(format!("{value} (default)")).tone(Tone::Note),
        Some(value) => Cell::new(value),
        None => Cell::default().tone(Tone::Faint),
    }
}

/// The colour of a status, the same in every table.
pub(crate) fn tone(status: Status) -> Tone {
    match status {
        Status::Present => Tone::Good,
        Status::Null => Tone::Note,
        Status::Missing => Tone::Bad,
        Status::Expired => Tone::Warning,
    }
}
