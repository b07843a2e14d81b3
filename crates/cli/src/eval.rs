//! `asof eval`: what an expression gives.

use asofdb::{AsJson, Evaluated, EvaluatedRow, EvaluatedValue, JoinKey, Session};
use clap::Args;
use serde_json::json;

use super::context::Context;
use super::entity::EntityArgument;
use super::error::{Outcome, Result};
use super::get::tone;
use super::output::{Output, Report};
use super::request_value::RequestArgument;
use super::sheet::{Cell, Column, Sheet, Tone};
use super::text::to_text;
use super::when::When;

/// Try an expression: over features of an entity, values of a request, and `now`
///
/// The language is that of checks in definitions (docs/expressions.md). `now` is the time asked about. The value comes
/// with its status: `present`, or the worst status of the inputs that it read.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Eval {
    /// The expression
    expression: String,
    /// The entity: every join key of the features that the expression names, with its value
    #[arg(long, value_name = "KEY=VALUE,...")]
    entity: Option<EntityArgument>,
    /// A value that comes with the request; its type is read from it, or given: `amount:float64=26`
    #[arg(long = "request", value_name = "NAME[:TYPE]=VALUE")]
    requests: Vec<RequestArgument>,
    /// The time asked about, inclusive [default: now]
    #[arg(long, value_name = "TIME")]
    at: Option<When>,
    /// Use only what had been written by then [default: everything]
    #[arg(long, value_name = "TIME")]
    known_at: Option<When>,
    /// Show the inputs, the plan and the SQL that means the same
    #[arg(long)]
    explain: bool,
    #[command(flatten)]
    output: Output,
}

const EXAMPLES: &str = "\
Examples:
  asof eval \"airport_weather_v1:temp - 32.0\" --entity airport=JFK
  asof eval \"(amount - 20.0) / 4.0\" --request amount=26.0
  asof eval \"year(now) - 1990\" --at 2024-06-01 --explain";

impl Eval {
    pub(crate) fn run(&self, context: &Context) -> Result<Outcome> {
        let store = context.open()?;
        let catalog = store.catalog()?;
        let keys: Vec<JoinKey> = catalog.entities().flat_map(|entity| entity.join_keys.clone()).collect();
        let entity = self.entity.as_ref().map_or_else(|| Ok(Vec::new()), |entity| entity.typed(&keys))?;
        let request: Vec<_> = self.requests.iter().map(RequestArgument::plain).collect();
        let now = store.now()?;
        let resolve = |when: Option<When>| when.map(|when| when.resolve(now));
        let row =
            EvaluatedRow { entity: &entity, request: &request, at: resolve(self.at), known_at: resolve(self.known_at) };
        let evaluated = store.evaluate(&self.expression, &row)?;
        self.output.print(&self.report(&evaluated)?)?;
        Ok(Outcome::Done)
    }

    fn report(&self, evaluated: &Evaluated) -> Result<Report> {
        let (text, json) = match &evaluated.value {
            None => (None, serde_json::Value::Null),
            Some(EvaluatedValue::Value(value)) => (Some(to_text(value)), AsJson(&Some(value.clone())).to_tree()?),
            Some(EvaluatedValue::Duration(span)) => (Some(span.to_string()), json!(span.to_string())),
        };
        let ty = evaluated.program.ty().to_string();
        let mut sheet = Sheet::new(["value", "type", "status", "event_timestamp"].map(Column::new));
        sheet.push(vec![
            Cell::optional(text).tone(Tone::Strong),
            Cell::new(&ty),
            Cell::new(evaluated.status).tone(tone(evaluated.status)),
            Cell::new(evaluated.event),
        ]);
        let mut below = vec![format!("as of {}", evaluated.at)];
        let explanation = evaluated.program.explain();
        if self.explain {
            below.extend(explanation.to_string().lines().map(str::to_owned));
        }
        Ok(Report {
            json: json!({
                "expression": self.expression,
                "value": json,
                "type": ty,
                "status": evaluated.status.to_string(),
                "event_timestamp": evaluated.event.to_string(),
                "at": evaluated.at.to_string(),
                "inputs": explanation.inputs.iter().map(|(name, ty)| json!({"name": name, "type": ty.to_string()})).collect::<Vec<_>>(),
                "sql": explanation.sql.as_ref().ok(),
            }),
            sheet,
            below,
            ..Report::default()
        })
    }
}
