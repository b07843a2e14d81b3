//! Every example of docs/expressions.md gives what it says there.

use std::collections::BTreeMap;

use asofdb_expression::{
    Batch, Column, ColumnBuffer, Computed, Error, Expression, Items, Literal, Name, Outcome, Program, Scalar, Scratch,
    Type,
};
use asofdb_storage::{Date, ScalarType, Status, Timestamp, Value, ValueType};

const PAGE: &str = include_str!("../../../docs/expressions.md");

/// One input of the row of the page.
struct Given {
    name: &'static str,
    ty: ValueType,
    value: Option<Value>,
    status: Status,
    event: Option<Timestamp>,
}

fn now() -> Timestamp {
    "2024-06-01T12:00:00Z".parse().unwrap()
}

fn row() -> Vec<Given> {
    use ScalarType::{Float32, Float64, Int32, Int64, String};
    let hours = |count: i64| Some(Timestamp::from_micros(now().as_micros() - count * 3_600_000_000));
    let one = ValueType::Scalar;
    let text = |text: &str| Value::String(text.to_owned());
    let given =
        |name, ty, value: Value| Given { name, ty, value: Some(value), status: Status::Present, event: hours(1) };
    let none = |name, ty, status, event| Given { name, ty, value: None, status, event };
    let floats = [1.0, 0.0, 2.0].map(Value::Float32).to_vec();
    let six_hours = |given: Given| Given { event: hours(6), ..given };
    vec![
        given("user_v1:birth_year", one(Int32), Value::Int32(1990)),
        given("user_v1:birthday", one(ScalarType::Date), Value::Date("2000-02-29".parse().unwrap())),
        given(
            "user_v1:registered",
            one(ScalarType::Timestamp),
            Value::Timestamp("2024-05-25T18:00:00Z".parse().unwrap()),
        ),
        given("user_v1:city", one(String), text(" Zürich")),
        given("user_v1:tags", ValueType::List(String), Value::List(String, vec![text("new"), text("eu")])),
        given("user_v1:embedding", ValueType::List(Float32), Value::List(Float32, floats)),
        none("user_v1:visits", one(Int64), Status::Null, hours(1)),
        none("user_v1:plan", one(String), Status::Missing, None),
        six_hours(given("spend_v1:mean", one(Float64), Value::Float64(20.0))),
        six_hours(given("spend_v1:stddev", one(Float64), Value::Float64(4.0))),
        none("spend_v1:score", one(Float64), Status::Expired, hours(240)),
        Given { event: Some(now()), ..given("amount", one(Float64), Value::Float64(26.0)) },
        Given { event: Some(now()), ..given("country", one(String), text("CH")) },
    ]
}

fn compiled(text: &str, row: &[Given]) -> Result<Program, Error> {
    let scope: BTreeMap<Name, ValueType> = row.iter().map(|given| (Name::new(given.name), given.ty)).collect();
    Program::compile(&Expression::parse(text)?, &scope)
}

/// The examples of the page: expressions and what they give.
fn examples() -> impl Iterator<Item = (&'static str, &'static str)> {
    let blocks = PAGE.split("```expressions\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let example = |line: &'static str| line.rsplit_once(" -> ").expect("an arrow");
    blocks.flat_map(str::lines).map(example).map(|(text, expected)| (text.trim(), expected.trim()))
}

/// The result of an expression as the page writes it.
fn result(text: &str) -> String {
    let row = row();
    let program = match compiled(text, &row) {
        Ok(program) => program,
        Err(error) => return format!("error: {error}"),
    };
    let buffers: Vec<ColumnBuffer> = program
        .inputs()
        .iter()
        .map(|input| {
            let given = row.iter().find(|given| given.name == input.name.reference()).unwrap();
            let mut buffer = ColumnBuffer::new(given.ty);
            buffer.push(given.value.as_ref(), given.status, given.event).unwrap();
            buffer
        })
        .collect();
    let columns: Vec<Column<'_>> = buffers.iter().map(ColumnBuffer::column).collect();
    let mut scratch = Scratch::new();
    let outcome = program.evaluate(&Batch { now: &[now().as_micros()], columns: &columns }, &mut scratch).unwrap();
    if outcome.valid[0] { shown(&outcome, program.ty()) } else { format!("null ({})", outcome.statuses[0]) }
}

fn shown(outcome: &Outcome<'_>, ty: Type) -> String {
    match (outcome.values, ty) {
        (Computed::Bool(values), _) => values[0].to_string(),
        (Computed::Float(values), _) => format!("{:?}", values[0]),
        (Computed::Text { bytes, .. }, _) => Literal::Text(std::str::from_utf8(bytes).unwrap().to_owned()).to_string(),
        (Computed::List { items, .. }, _) => list(&items),
        (Computed::Int(values), Type::Scalar(Scalar::Timestamp)) => Timestamp::from_micros(values[0]).to_string(),
        (Computed::Int(values), Type::Scalar(Scalar::Date)) => Date::from_days(values[0] as i32).unwrap().to_string(),
        (Computed::Int(values), Type::Scalar(Scalar::Duration)) => Literal::Duration(values[0]).to_string(),
        (Computed::Int(values), _) => values[0].to_string(),
    }
}

fn list(items: &Items<'_>) -> String {
    let items: Vec<String> = match items {
        Items::Float64(items) => items.iter().map(|item| format!("{item:?}")).collect(),
        Items::Text { offsets, bytes } => {
            let text = |pair: &[i32]| String::from_utf8(bytes[pair[0] as usize..pair[1] as usize].to_vec()).unwrap();
            offsets.windows(2).map(|pair| Literal::Text(text(pair)).to_string()).collect()
        }
        other => panic!("the page has no such list: {other:?}"),
    };
    format!("[{}]", items.join(", "))
}

#[test]
fn every_example_gives_what_the_page_says() {
    assert!(examples().count() > 100, "the page has examples: {}", examples().count());
    let wrong: Vec<String> = examples()
        .filter_map(|(text, expected)| {
            let given = result(text);
            let is_right = given == expected || (expected == "null" && given.starts_with("null ("));
            (!is_right).then(|| format!("{text}\n  page:  {expected}\n  given: {given}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_function_is_on_the_page() {
    for name in asofdb_expression::function_names() {
        assert!(PAGE.contains(&format!("{name}(")), "{name} is not described");
    }
}

/// The SQL of every example that has some: its text, a tab and the SQL. All of it was run in DuckDB 2.0.1 over the row
/// of the page and gave what the page says; but for the time beyond the year 9999, which DuckDB has.
const SQL: &str = include_str!("fixtures/sql.tsv");

#[test]
fn the_sql_of_the_examples_is_what_was_run_in_duckdb() {
    let given: Vec<String> = examples()
        .filter_map(|(text, _)| Some(format!("{text}\t{}", compiled(text, &row()).ok()?.explain().sql.ok()?)))
        .collect();
    let expected: Vec<&str> = SQL.lines().collect();
    let wrong = given.iter().zip(&expected).find(|(given, expected)| given != *expected);
    assert!(wrong.is_none(), "{wrong:?}");
    assert_eq!(given.len(), expected.len(), "an example was added or left out: {:?}", given.last());
}
