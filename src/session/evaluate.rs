//! One expression over the features of one entity.

use asofdb_expression::{
    Batch, Column, ColumnBuffer, Computed, Expression, Input, Name, Nulls, Program, Scope, Scratch,
};
use asofdb_storage::{Catalog, Error, Result, Span, Status, Timestamp, Value, ValueType};

use crate::read::answer::Answer;
use crate::rows::keys::EntityKey;
use crate::session::Session;

/// The row that an expression is evaluated for.
#[derive(Debug, Clone, Copy)]
pub struct EvaluatedRow<'a> {
    /// The join keys of all features that the expression names; none where it names none.
    pub entity: &'a EntityKey<'a>,
    /// The values that come with the request, by name.
    pub request: &'a [(&'a str, Value)],
    /// The time asked about, which is `now` in the expression; `None`: the present.
    pub at: Option<Timestamp>,
    /// Only what was known by then; `None`: all.
    pub known_at: Option<Timestamp>,
}

/// The value of an expression.
#[derive(Debug, Clone)]
pub struct Evaluated {
    /// The program, which tells its type, its inputs, its plan and SQL that means the same.
    pub program: Program,
    /// The value; `None` where there is none.
    pub value: Option<EvaluatedValue>,
    /// The reason why it is there or not: the worst of the inputs that were read, where it is not.
    pub status: Status,
    /// The oldest event of the inputs that were read; the time asked about where there are none.
    pub event: Timestamp,
    /// The time asked about.
    pub at: Timestamp,
    /// The nulls that the expression made itself, such as by a division by zero.
    pub nulls: Nulls,
}

/// A value that an expression has.
#[derive(Debug, Clone, PartialEq)]
pub enum EvaluatedValue {
    /// A value that a feature can have.
    Value(Value),
    /// A length of time, which no feature can have.
    Duration(Span),
}

/// The names of a catalog and of a request.
struct Names<'a> {
    catalog: &'a Catalog,
    request: &'a [(&'a str, Value)],
}

impl Scope for Names<'_> {
    fn resolve(&self, name: &Name) -> Option<ValueType> {
        match &name.view {
            Some(view) => {
                self.catalog.view(view).filter(|view| !view.holds_events())?.feature(&name.name).map(|f| f.ty)
            }
            None => self.request.iter().find(|(known, _)| *known == name.name).map(|(_, value)| value.value_type()),
        }
    }

    fn known(&self) -> Vec<Name> {
        let views = self.catalog.views().filter(|view| !view.holds_events());
        let features = views.flat_map(|view| {
            view.features.iter().map(|feature| Name { view: Some(view.name.clone()), name: feature.name.clone() })
        });
        let request = self.request.iter().map(|(name, _)| Name { view: None, name: (*name).to_owned() });
        features.chain(request).collect()
    }
}

/// Evaluates an expression for one row.
///
/// # Errors
/// `Invalid` or `NotFound` for the expression, with its place in lines below; otherwise as the reads.
pub(super) fn evaluate(session: &impl Session, text: &str, row: &EvaluatedRow<'_>) -> Result<Evaluated> {
    let catalog = session.catalog()?;
    let names = Names { catalog: &catalog, request: row.request };
    let compiled = Expression::parse(text).and_then(|expression| Program::compile(&expression, &names));
    let program = compiled.map_err(|bad| bad.located(text))?;
    let at = row.at.map_or_else(|| session.now(), Ok)?;
    let answer = read(session, &program, row, at)?;
    let mut features = 0;
    let columns = program.inputs().iter().map(|input| {
        let mut column = ColumnBuffer::new(input.ty);
        match (&input.name.view, &answer) {
            (Some(_), Some(answer)) => {
                let value = answer.value(0, features)?;
                column.push(value.as_ref(), answer.status(0, features), answer.event_timestamp(0, features))?;
                features += 1;
            }
            _ => column.push(of_request(input, row), Status::Present, None)?,
        }
        Ok((column, input.name.view.is_none()))
    });
    let columns = columns.collect::<Result<Vec<_>>>()?;
    outcome(program, &columns, at)
}

fn of_request<'a>(input: &Input, row: &EvaluatedRow<'a>) -> Option<&'a Value> {
    row.request.iter().find(|(name, _)| *name == input.name.name).map(|(_, value)| value)
}

/// Reads the features that a program names; `None` where it names none.
fn read(session: &impl Session, program: &Program, row: &EvaluatedRow<'_>, at: Timestamp) -> Result<Option<Answer>> {
    let features = program.inputs().iter().filter(|input| input.name.view.is_some());
    let references: Vec<String> = features.map(|input| input.name.reference()).collect();
    if references.is_empty() {
        return match row.entity {
            [] => Ok(None),
            _ => Err(Error::invalid("an entity was given, and the expression names no feature")),
        };
    }
    let references: Vec<&str> = references.iter().map(String::as_str).collect();
    let request = session.prepare(&references)?;
    let mut entities = request.entity_rows();
    entities.push_named(row.entity)?;
    session.as_of(&request, &entities, at, row.known_at).map(Some)
}

fn outcome(program: Program, columns: &[(ColumnBuffer, bool)], at: Timestamp) -> Result<Evaluated> {
    let mut scratch = Scratch::new();
    // Values of a request have no event of their own.
    let columns = columns.iter().map(|(column, is_of_request)| match is_of_request {
        true => Column::new(column.column().values),
        false => column.column(),
    });
    let columns: Vec<_> = columns.collect();
    let now = [at.as_micros()];
    let outcome = program.evaluate(&Batch { now: &now, columns: &columns }, &mut scratch)?;
    let value = match (program.value_type(), outcome.values) {
        (Some(ty), _) => outcome.value(0, ty).map(EvaluatedValue::Value),
        (None, Computed::Int(micros)) => {
            outcome.valid[0].then(|| EvaluatedValue::Duration(Span::from_micros(micros[0])))
        }
        (None, _) => None,
    };
    let (status, event) = (outcome.statuses[0], Timestamp::from_micros(outcome.events[0]));
    let nulls = outcome.nulls;
    Ok(Evaluated { value, status, event, at, nulls, program })
}
