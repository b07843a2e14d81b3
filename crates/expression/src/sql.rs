//! The SQL that means the same, in the dialect of DuckDB.
//!
//! It is for reading and for comparing. What SQL makes an error of (an overflow) is null here, by `TRY`; NaN has an
//! order of its own there, and times are not held to the years 1 to 9999.

use asofdb_storage::{Date, Timestamp};

use crate::functions::calendar::Part;
use crate::functions::convert::Form;
use crate::functions::float::{EARTH_KM, Float1, Float2};
use crate::functions::integer::{Int1, Int2};
use crate::functions::text::{Text1, TextTest};
use crate::operation::{BoolOperation, FloatOperation, IntOperation, Operation, TextOperation};
use crate::scope::Input;
use crate::tree::{Comparison, Literal};
use crate::typed::{Typed, TypedNode};
use crate::types::{Scalar, Type};

/// The longest SQL in bytes that is made. SQL says some operands more than once.
const SQL_BYTES_MAX: usize = 1 << 14;

/// Writes an expression as SQL.
///
/// # Errors
/// The part of an expression that SQL has no words for.
pub(crate) fn sql(typed: &Typed, inputs: &[Input]) -> Result<String, String> {
    Writer { inputs }.value(typed)
}

struct Writer<'i> {
    inputs: &'i [Input],
}

type Sql = Result<String, String>;

impl Writer<'_> {
    fn value(&self, typed: &Typed) -> Sql {
        let sql = match &typed.node {
            TypedNode::Literal(literal) => literal_sql(literal, typed.ty),
            TypedNode::List(items) => match typed.ty {
                Type::List(item) | Type::Scalar(item) => list_sql(items, Type::Scalar(item)),
            },
            TypedNode::Input(input) => self.column(*input),
            TypedNode::Now => "\"now\"".to_owned(),
            TypedNode::Apply(operation, operands) => self.apply(operation, operands)?,
            TypedNode::OfInput(..) => return Err("`status`, `age` or `is_missing`".to_owned()),
            TypedNode::And(left, right) => format!("({} AND {})", self.value(left)?, self.value(right)?),
            TypedNode::Or(left, right) => format!("({} OR {})", self.value(left)?, self.value(right)?),
            TypedNode::Case(pairs, otherwise) => self.case(pairs, otherwise)?,
            TypedNode::Coalesce(values) => format!("coalesce({})", self.values(values)?.join(", ")),
            TypedNode::IsNull(value) => format!("({} IS NULL)", self.value(value)?),
        };
        match sql.len() <= SQL_BYTES_MAX {
            true => Ok(sql),
            false => Err("its length".to_owned()),
        }
    }

    fn values(&self, values: &[Typed]) -> Result<Vec<String>, String> {
        values.iter().map(|value| self.value(value)).collect()
    }

    fn column(&self, input: u32) -> String {
        let reference = self.inputs[input as usize].name.reference();
        let column = format!("\"{}\"", reference.replace('"', "\"\""));
        match Type::from(self.inputs[input as usize].ty) {
            Type::FLOAT => format!("CAST({column} AS DOUBLE)"),
            Type::INT => format!("CAST({column} AS BIGINT)"),
            _ => column,
        }
    }

    fn case(&self, pairs: &[(Typed, Typed)], otherwise: &Typed) -> Sql {
        let mut sql = "CASE".to_owned();
        for (condition, value) in pairs {
            sql.push_str(&format!(" WHEN {} THEN {}", self.value(condition)?, self.value(value)?));
        }
        Ok(format!("{sql} ELSE {} END", self.value(otherwise)?))
    }

    fn apply(&self, operation: &Operation, operands: &[Typed]) -> Sql {
        let values = self.values(operands)?;
        let first = operands.first().map_or(Type::INT, |operand| operand.ty);
        match operation {
            Operation::Bool(operation) => bool_sql(operation, &values, first),
            Operation::Int(operation) => int_sql(operation, &values, first),
            Operation::Float(operation) => Ok(float_sql(operation, &values)),
            Operation::Text(operation) => Ok(text_sql(operation, &values, first)),
            Operation::List(_) | Operation::Reads(_) | Operation::Guard { .. } => Err("a branch".to_owned()),
        }
    }
}

/// The name of a type in SQL. A duration is whole microseconds.
fn type_name(scalar: Scalar) -> &'static str {
    match scalar {
        Scalar::Bool => "BOOLEAN",
        Scalar::Int | Scalar::Duration => "BIGINT",
        Scalar::Float => "DOUBLE",
        Scalar::Text => "VARCHAR",
        Scalar::Bytes => "BLOB",
        Scalar::Timestamp => "TIMESTAMP",
        Scalar::Date => "DATE",
    }
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn literal_sql(literal: &Literal, ty: Type) -> String {
    match (literal, ty) {
        (Literal::Null, Type::Scalar(scalar)) => format!("CAST(NULL AS {})", type_name(scalar)),
        (Literal::Null, Type::List(item)) => format!("CAST(NULL AS {}[])", type_name(item)),
        (Literal::Bool(value), _) => value.to_string().to_uppercase(),
        (Literal::Int(value) | Literal::Duration(value), _) => value.to_string(),
        (Literal::Float(value), _) => format!("{value:e}"),
        (Literal::Text(text), _) => quoted(text),
        (Literal::Timestamp(time), _) => format!("TIMESTAMP {}", quoted(&plain_time(*time))),
        (Literal::Date(date), _) => format!("DATE '{date}'"),
    }
}

fn plain_time(time: Timestamp) -> String {
    time.to_string().replace('T', " ").replace('Z', "")
}

fn list_sql(items: &[Literal], ty: Type) -> String {
    let items: Vec<String> = items.iter().map(|item| literal_sql(item, ty)).collect();
    format!("[{}]", items.join(", "))
}

fn in_sql(value: &str, items: impl Iterator<Item = String>) -> String {
    let items: Vec<String> = items.collect();
    if items.is_empty() {
        return format!("CASE WHEN {value} IS NOT NULL THEN FALSE END");
    }
    format!("({value} IN ({}))", items.join(", "))
}

fn bool_sql(operation: &BoolOperation, values: &[String], first: Type) -> Sql {
    let (a, b) = (operand(values, 0), operand(values, 1));
    Ok(match operation {
        BoolOperation::Not => format!("(NOT {a})"),
        BoolOperation::Compare(_, comparison) => {
            let symbol = match comparison {
                Comparison::Equal => "=",
                Comparison::NotEqual => "<>",
                other => other.symbol(),
            };
            format!("({a} {symbol} {b})")
        }
        BoolOperation::IntIn(items) => in_sql(a, items.iter().map(|item| int_item(*item, first))),
        BoolOperation::FloatIn(items) => in_sql(a, items.iter().map(|item| format!("{item:e}"))),
        BoolOperation::TextIn(items) => in_sql(a, items.iter().map(|item| quoted(&String::from_utf8_lossy(item)))),
        BoolOperation::Test(TextTest::StartsWith) => format!("starts_with({a}, {b})"),
        BoolOperation::Test(TextTest::EndsWith) => format!("ends_with({a}, {b})"),
        BoolOperation::Test(TextTest::Contains) => format!("contains({a}, {b})"),
        BoolOperation::Matches(pattern) => format!("regexp_matches({a}, {})", quoted(pattern.as_str())),
        BoolOperation::FromInt => format!("CASE {a} WHEN 0 THEN FALSE WHEN 1 THEN TRUE END"),
        BoolOperation::FromText => format!("CASE trim({a}) WHEN 'false' THEN FALSE WHEN 'true' THEN TRUE END"),
        BoolOperation::Get => item_sql(a, b),
        BoolOperation::Contains(_) => format!("list_contains({a}, {b})"),
        _ => return Err("a branch".to_owned()),
    })
}

fn operand(values: &[String], at: usize) -> &str {
    values.get(at).map_or("", String::as_str)
}

/// An item of a list, counted from 0, or from the end where negative.
fn item_sql(list: &str, index: &str) -> String {
    match index.parse::<i64>() {
        Ok(index) if index >= 0 => format!("{list}[{}]", index + 1),
        Ok(index) => format!("{list}[{index}]"),
        Err(_) => format!("{list}[CASE WHEN {index} >= 0 THEN {index} + 1 ELSE {index} END]"),
    }
}

fn int_sql(operation: &IntOperation, values: &[String], first: Type) -> Sql {
    let (a, b) = (operand(values, 0), operand(values, 1));
    Ok(match operation {
        IntOperation::One(operation) => int1_sql(*operation, a),
        // Durations are whole microseconds, intervals of SQL are not.
        IntOperation::Two(Int2::Subtract) if first == Type::TIMESTAMP => format!("(epoch_us({a}) - epoch_us({b}))"),
        IntOperation::Two(operation) => int2_sql(*operation, a, b),
        IntOperation::FromBool => format!("CAST({a} AS BIGINT)"),
        IntOperation::FromFloat => format!("TRY_CAST(trunc({a}) AS BIGINT)"),
        IntOperation::FromText(Form::Timestamp) => format!("TRY_CAST({a} AS TIMESTAMP)"),
        IntOperation::FromText(Form::Date) => format!("TRY_CAST({a} AS DATE)"),
        IntOperation::FromText(_) => format!("TRY_CAST(trim({a}) AS BIGINT)"),
        IntOperation::Length { of_characters: true } => format!("length({a})"),
        IntOperation::Length { of_characters: false } => format!("octet_length({a})"),
        IntOperation::ListLength => format!("len({a})"),
        IntOperation::BucketInt(bounds) => bucket_sql(a, bounds.iter().map(|bound| int_item(*bound, first))),
        IntOperation::BucketFloat(bounds) => bucket_sql(a, bounds.iter().map(|bound| format!("{bound:e}"))),
        IntOperation::Get => item_sql(a, b),
        IntOperation::Sum => format!("CASE WHEN {a} IS NOT NULL THEN coalesce(CAST(list_sum({a}) AS BIGINT), 0) END"),
        IntOperation::HashInt(_) | IntOperation::HashText(_) => return Err("`hash`".to_owned()),
        IntOperation::Load | IntOperation::Now | IntOperation::Age | IntOperation::Select => {
            return Err("an input".to_owned());
        }
    })
}

/// A whole number of a list, as a value of the type that it stands for.
fn int_item(item: i64, ty: Type) -> String {
    let date = i32::try_from(item).ok().and_then(Date::from_days);
    match (ty, date) {
        (Type::TIMESTAMP, _) => literal_sql(&Literal::Timestamp(Timestamp::from_micros(item)), ty),
        (Type::DATE, Some(date)) => literal_sql(&Literal::Date(date), ty),
        _ => item.to_string(),
    }
}

fn bucket_sql(value: &str, bounds: impl Iterator<Item = String>) -> String {
    let mut sql = "CASE".to_owned();
    let mut buckets = 0;
    for bound in bounds {
        sql.push_str(&format!(" WHEN {value} < {bound} THEN {buckets}"));
        buckets += 1;
    }
    format!("{sql} WHEN {value} IS NOT NULL THEN {buckets} END")
}

fn int1_sql(operation: Int1, a: &str) -> String {
    match operation {
        Int1::Negate => format!("TRY(-{a})"),
        Int1::Abs => format!("TRY(abs({a}))"),
        Int1::Int32 => format!("CAST(TRY_CAST({a} AS INTEGER) AS BIGINT)"),
        Int1::Part(Part::Weekday) => format!("(isodow({a}) - 1)"),
        Int1::Part(part) => {
            let name = Part::ALL.into_iter().find(|(_, each)| *each == part).map_or("year", |(name, _)| name);
            format!("{name}({a})")
        }
        Int1::Midnight => format!("CAST({a} AS TIMESTAMP)"),
        Int1::Day => format!("CAST({a} AS DATE)"),
    }
}

fn int2_sql(operation: Int2, a: &str, b: &str) -> String {
    match operation {
        Int2::Add => format!("TRY({a} + {b})"),
        Int2::Subtract => format!("TRY({a} - {b})"),
        Int2::Multiply => format!("TRY({a} * {b})"),
        Int2::FloorDivide => format!("CAST(floor({a} / nullif({b}, 0)) AS BIGINT)"),
        Int2::Modulo => format!("((({a} % nullif({b}, 0)) + {b}) % {b})"),
        Int2::Min => extreme_sql("least", a, b),
        Int2::Max => extreme_sql("greatest", a, b),
        Int2::Later => format!("make_timestamp(epoch_us({a}) + {b})"),
        Int2::Earlier => format!("make_timestamp(epoch_us({a}) - {b})"),
        Int2::Between { unit } => format!("CAST(floor((epoch_us({b}) - epoch_us({a})) / {unit}) AS BIGINT)"),
    }
}

/// `least` and `greatest` leave nulls out, so that they are asked for first.
fn extreme_sql(function: &str, a: &str, b: &str) -> String {
    format!("CASE WHEN {a} IS NOT NULL AND {b} IS NOT NULL THEN {function}({a}, {b}) END")
}

fn float_sql(operation: &FloatOperation, values: &[String]) -> String {
    let (a, b) = (operand(values, 0), operand(values, 1));
    match operation {
        FloatOperation::One(operation) => float1_sql(*operation, a),
        FloatOperation::Two(operation) => float2_sql(*operation, a, b),
        FloatOperation::FromInt => format!("CAST({a} AS DOUBLE)"),
        FloatOperation::FromText => format!("TRY_CAST(trim({a}) AS DOUBLE)"),
        FloatOperation::Haversine => haversine_sql([a, b, operand(values, 2), operand(values, 3)]),
        FloatOperation::Get => format!("CAST({} AS DOUBLE)", item_sql(a, b)),
        FloatOperation::Sum => format!("CASE WHEN {a} IS NOT NULL THEN coalesce(list_sum({a}), 0e0) END"),
        FloatOperation::Mean => format!("list_avg({a})"),
        FloatOperation::Dot => format!("list_dot_product({a}, {b})"),
        FloatOperation::Cosine => format!("nullif(list_cosine_similarity({a}, {b}), CAST('NaN' AS DOUBLE))"),
        FloatOperation::Load | FloatOperation::Select => a.to_owned(),
    }
}

fn float1_sql(operation: Float1, a: &str) -> String {
    match operation {
        Float1::Negate => format!("(-{a})"),
        Float1::Abs => format!("abs({a})"),
        Float1::Round => format!("round({a})"),
        Float1::Floor => format!("floor({a})"),
        Float1::Ceil => format!("ceil({a})"),
        Float1::Ln => format!("CASE WHEN {a} > 0 THEN ln({a}) END"),
        Float1::Exp => format!("exp({a})"),
        Float1::Sqrt => format!("CASE WHEN {a} >= 0 THEN sqrt({a}) END"),
        Float1::Sin => format!("sin({a})"),
        Float1::Cos => format!("cos({a})"),
        Float1::Float32 => format!("CAST(TRY_CAST({a} AS FLOAT) AS DOUBLE)"),
    }
}

fn float2_sql(operation: Float2, a: &str, b: &str) -> String {
    match operation {
        Float2::Add => format!("({a} + {b})"),
        Float2::Subtract => format!("({a} - {b})"),
        Float2::Multiply => format!("({a} * {b})"),
        Float2::Divide => format!("({a} / nullif({b}, 0))"),
        Float2::FloorDivide => format!("floor({a} / nullif({b}, 0))"),
        Float2::Modulo => format!("((({a} % nullif({b}, 0)) + {b}) % {b})"),
        Float2::Pow => format!("pow({a}, {b})"),
        Float2::Min => extreme_sql("least", a, b),
        Float2::Max => extreme_sql("greatest", a, b),
    }
}

fn haversine_sql([lat1, lon1, lat2, lon2]: [&str; 4]) -> String {
    let half = |to: &str, from: &str| format!("pow(sin(radians({to} - {from}) / 2), 2)");
    let (lat, lon) = (half(lat2, lat1), half(lon2, lon1));
    format!("({} * asin(sqrt(least(1, {lat} + cos(radians({lat1})) * cos(radians({lat2})) * {lon}))))", 2.0 * EARTH_KM)
}

fn text_sql(operation: &TextOperation, values: &[String], first: Type) -> String {
    let (a, b) = (operand(values, 0), operand(values, 1));
    match operation {
        TextOperation::One(Text1::Lower) => format!("lower({a})"),
        TextOperation::One(Text1::Upper) => format!("upper({a})"),
        TextOperation::One(Text1::Trim) => format!("trim({a})"),
        TextOperation::Substring { has_length } => {
            let start = match b.parse::<i64>() {
                Ok(start) if start >= 0 => (start + 1).to_string(),
                Ok(start) => start.to_string(),
                Err(_) => format!("CASE WHEN {b} >= 0 THEN {b} + 1 ELSE {b} END"),
            };
            let length = if *has_length { format!(", {}", operand(values, 2)) } else { String::new() };
            format!("substring({a}, {start}{length})")
        }
        TextOperation::FromInt(Form::Timestamp) => format!("strftime({a}, '%Y-%m-%dT%H:%M:%SZ')"),
        TextOperation::FromInt(_) | TextOperation::FromFloat | TextOperation::FromBool => {
            format!("CAST({a} AS VARCHAR)")
        }
        TextOperation::FromBytes => format!("TRY(decode({a}))"),
        TextOperation::Get => item_sql(a, b),
        TextOperation::Copy if first == Type::TEXT => format!("encode({a})"),
        TextOperation::Copy | TextOperation::Status | TextOperation::Select => a.to_owned(),
    }
}
