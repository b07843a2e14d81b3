//! The explanation of a program, as text.

use std::fmt;

use asofdb_storage::ValueType;

use crate::operation::{
    BoolOperation, FloatOperation, IntOperation, ListOperation, Operation, ReadsOperation, TextOperation,
};
use crate::plan::{Operand, Plan, Step};
use crate::scope::Input;
use crate::sql::sql;
use crate::tree::Literal;
use crate::typed::Typed;
use crate::types::{Kind, Type};

/// The explanation of a program: its inputs, its type, the steps of its plan, and the SQL that means the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// The text of the expression.
    pub text: String,
    /// The type of its values.
    pub ty: Type,
    /// The inputs as references spell them, with their types.
    pub inputs: Vec<(String, ValueType)>,
    /// The steps in their order, one line each: the lane that is written, the operation and what it reads.
    pub steps: Vec<String>,
    /// SQL in the dialect of DuckDB; or what of the expression SQL has no words for. Inputs are columns by the names
    /// that references have, `now` is the column `"now"`, and durations are whole microseconds.
    pub sql: Result<String, String>,
}

impl Explanation {
    pub(crate) fn new(text: &str, inputs: &[Input], typed: &Typed, plan: &Plan) -> Self {
        Explanation {
            text: text.to_owned(),
            ty: typed.ty,
            inputs: inputs.iter().map(|input| (input.name.reference(), input.ty)).collect(),
            steps: plan.steps.iter().map(|step| line(step, inputs, plan)).collect(),
            sql: sql(typed, inputs),
        }
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "expression: {}", self.text)?;
        writeln!(f, "type: {}", self.ty)?;
        writeln!(f, "inputs:")?;
        self.inputs.iter().try_for_each(|(name, ty)| writeln!(f, "  {name}: {ty}"))?;
        writeln!(f, "plan:")?;
        self.steps.iter().try_for_each(|step| writeln!(f, "  {step}"))?;
        match &self.sql {
            Ok(sql) => writeln!(f, "sql: {sql}"),
            Err(what) => writeln!(f, "sql: none, because of {what}"),
        }
    }
}

fn line(step: &Step, inputs: &[Input], plan: &Plan) -> String {
    let kinds = operand_kinds(&step.operation);
    let read = step.operands.iter().enumerate().filter(|(_, operand)| **operand != Operand::None);
    let mut read: Vec<String> =
        read.map(|(at, operand)| operand_name(*operand, kinds[at.min(kinds.len() - 1)], inputs, plan)).collect();
    if let Operation::Reads(ReadsOperation::Of(of)) = &step.operation {
        read.extend(of.iter().map(|input| inputs[*input as usize].name.reference()));
    }
    let guard = step.guard.map_or_else(String::new, |lane| format!(" where b{lane}"));
    let (letter, name) = (letter(&step.operation), name_of(&step.operation));
    format!("{letter}{} = {name}({}){guard}", step.out, read.join(", "))
}

fn operand_name(operand: Operand, letter: char, inputs: &[Input], plan: &Plan) -> String {
    match operand {
        Operand::Input(input) => inputs[input as usize].name.reference(),
        Operand::Constant(at) if letter == 'l' => match &plan.constants.lists[at as usize] {
            Some(items) => format!("{} items", items.len()),
            None => "null".to_owned(),
        },
        Operand::Constant(at) => match &plan.constants.texts[at as usize] {
            Some(text) => Literal::Text(String::from_utf8_lossy(text).into_owned()).to_string(),
            None => "null".to_owned(),
        },
        operand => constant_name(letter, operand.lane() as u32, plan).unwrap_or(format!("{letter}{}", operand.lane())),
    }
}

/// The value of a lane that is a constant.
fn constant_name(letter: char, lane: u32, plan: &Plan) -> Option<String> {
    fn find<T: fmt::Debug>(constants: &[(u32, Option<T>)], lane: u32) -> Option<String> {
        let (_, value) = constants.iter().find(|(of, _)| *of == lane)?;
        Some(value.as_ref().map_or_else(|| "null".to_owned(), |value| format!("{value:?}")))
    }
    match letter {
        'b' => find(&plan.constants.bools, lane),
        'i' => find(&plan.constants.ints, lane),
        'f' => find(&plan.constants.floats, lane),
        _ => None,
    }
}

/// The letter of the lanes that an operation writes.
fn letter(operation: &Operation) -> char {
    match operation {
        Operation::Bool(_) | Operation::Guard { .. } => 'b',
        Operation::Int(_) => 'i',
        Operation::Float(_) => 'f',
        Operation::Text(_) => 't',
        Operation::List(_) => 'l',
        Operation::Reads(_) => 'r',
    }
}

fn letter_of(kind: Kind) -> char {
    match kind {
        Kind::Bool => 'b',
        Kind::Int => 'i',
        Kind::Float => 'f',
        Kind::Text => 't',
        Kind::List => 'l',
    }
}

/// The letters of the lanes that an operation reads; the last one stands for all that follow.
fn operand_kinds(operation: &Operation) -> Vec<char> {
    match operation {
        Operation::Guard { .. } => vec!['b'],
        Operation::Bool(operation) => bool_operands(operation),
        Operation::Int(operation) => int_operands(operation),
        Operation::Float(operation) => match operation {
            FloatOperation::FromInt => vec!['i'],
            FloatOperation::FromText => vec!['t'],
            FloatOperation::Get => vec!['l', 'i'],
            FloatOperation::Sum | FloatOperation::Mean | FloatOperation::Dot | FloatOperation::Cosine => vec!['l'],
            FloatOperation::Select => vec!['b', 'f'],
            FloatOperation::Load | FloatOperation::One(_) | FloatOperation::Two(_) | FloatOperation::Haversine => {
                vec!['f']
            }
        },
        Operation::Text(operation) => match operation {
            TextOperation::Substring { .. } => vec!['t', 'i'],
            TextOperation::FromInt(_) => vec!['i'],
            TextOperation::FromFloat => vec!['f'],
            TextOperation::FromBool => vec!['b'],
            TextOperation::Get => vec!['l', 'i'],
            TextOperation::Select => vec!['b', 't'],
            TextOperation::Copy | TextOperation::One(_) | TextOperation::FromBytes | TextOperation::Status => vec!['t'],
        },
        Operation::List(ListOperation::Copy) => vec!['l'],
        Operation::List(ListOperation::Select) => vec!['b', 'l'],
        Operation::Reads(ReadsOperation::Select) => vec!['b', 'r'],
        Operation::Reads(_) => vec!['r'],
    }
}

fn bool_operands(operation: &BoolOperation) -> Vec<char> {
    match operation {
        BoolOperation::Compare(kind, _) | BoolOperation::Validity { kind, .. } => vec![letter_of(*kind)],
        BoolOperation::IntIn(_) | BoolOperation::FromInt => vec!['i'],
        BoolOperation::FloatIn(_) => vec!['f'],
        BoolOperation::TextIn(_) | BoolOperation::Test(_) | BoolOperation::Matches(_) | BoolOperation::FromText => {
            vec!['t']
        }
        BoolOperation::Get => vec!['l', 'i'],
        BoolOperation::Contains(kind) => vec!['l', letter_of(*kind)],
        _ => vec!['b'],
    }
}

fn int_operands(operation: &IntOperation) -> Vec<char> {
    match operation {
        IntOperation::FromBool => vec!['b'],
        IntOperation::FromFloat | IntOperation::BucketFloat(_) => vec!['f'],
        IntOperation::FromText(_) | IntOperation::Length { .. } | IntOperation::HashText(_) => vec!['t'],
        IntOperation::ListLength | IntOperation::Sum => vec!['l'],
        IntOperation::Get => vec!['l', 'i'],
        IntOperation::Select => vec!['b', 'i'],
        _ => vec!['i'],
    }
}

/// An operation as one word.
fn name_of(operation: &Operation) -> String {
    match operation {
        Operation::Bool(BoolOperation::Compare(_, comparison)) => word(comparison),
        Operation::Bool(BoolOperation::Truth(true)) => "is_true".to_owned(),
        Operation::Bool(BoolOperation::Truth(false)) => "is_false".to_owned(),
        Operation::Guard { otherwise: false } => "rows_where".to_owned(),
        Operation::Guard { otherwise: true } => "rows_where_not".to_owned(),
        Operation::Bool(BoolOperation::Validity { of_nulls: true, .. }) => "is_null".to_owned(),
        Operation::Bool(BoolOperation::Validity { of_nulls: false, .. }) => "is_not_null".to_owned(),
        Operation::Bool(BoolOperation::IntIn(items)) => format!("in {items:?}"),
        Operation::Bool(BoolOperation::FloatIn(items)) => format!("in {items:?}"),
        Operation::Bool(BoolOperation::TextIn(items)) => format!("in {} texts", items.len()),
        Operation::Bool(BoolOperation::Test(test)) => word(test),
        Operation::Bool(BoolOperation::Matches(pattern)) => format!("matches {:?}", pattern.as_str()),
        Operation::Bool(BoolOperation::Contains(_)) => "contains".to_owned(),
        Operation::Bool(operation) => word(operation),
        Operation::Int(IntOperation::One(operation)) => word(operation),
        Operation::Int(IntOperation::Two(operation)) => word(operation),
        Operation::Int(IntOperation::HashInt(buckets) | IntOperation::HashText(buckets)) => format!("hash {buckets}"),
        Operation::Int(IntOperation::BucketInt(bounds)) => format!("bucket {bounds:?}"),
        Operation::Int(IntOperation::BucketFloat(bounds)) => format!("bucket {bounds:?}"),
        Operation::Int(operation) => word(operation),
        Operation::Float(FloatOperation::One(operation)) => word(operation),
        Operation::Float(FloatOperation::Two(operation)) => word(operation),
        Operation::Float(operation) => word(operation),
        Operation::Text(TextOperation::One(operation)) => word(operation),
        Operation::Text(operation) => word(operation),
        Operation::List(operation) => word(operation),
        Operation::Reads(ReadsOperation::Of(_)) => "reads".to_owned(),
        Operation::Reads(operation) => word(operation),
    }
}

/// The name of a variant, in lower case with underscores. What it holds follows in its own words.
fn word(variant: &impl fmt::Debug) -> String {
    let mut word = String::new();
    for character in format!("{variant:?}").chars() {
        if character.is_ascii_uppercase() && word.chars().next_back().is_some_and(char::is_alphanumeric) {
            word.push('_');
        }
        word.push(character.to_ascii_lowercase());
    }
    word.replace(['(', '{'], " ").replace([')', '}'], "").split_whitespace().collect::<Vec<_>>().join(" ")
}
