//! From a tree to an expression whose names and types are known.

mod branches;
mod call;
mod casts;
mod inputs;
mod lists;
mod literal;
mod numbers;
mod operators;
mod parts;
mod table;
mod text;
mod times;
mod widen;

use asofdb_storage::{ScalarType, ValueType};

pub use table::names as function_names;

use crate::check::call::Call;
use crate::check::literal::list;
use crate::check::parts::{Parts, float1, int};
use crate::check::widen::{Meaning, widen};
use crate::error::{Error, ErrorKind, Result, Span};
use crate::functions::float::Float1;
use crate::functions::integer::Int1;
use crate::name::Name;
use crate::operation::{BoolOperation, IntOperation, Operation};
use crate::parser::HEIGHT_MAX;
use crate::scope::{Input, Scope};
use crate::suggest::did_you_mean;
use crate::tree::{Binary, Node, Tree};
use crate::typed::{Typed, TypedNode};
use crate::types::Type;

/// Finds what a tree means: its inputs, in the order in which it names them, and types.
///
/// # Errors
/// `Unknown`, `Type` or `Limit`.
pub(crate) fn check(tree: &Tree, scope: &dyn Scope) -> Result<(Typed, Vec<Input>)> {
    if tree.height() > HEIGHT_MAX {
        return Err(Error::limit(tree.span(), format!("an expression is at most {HEIGHT_MAX} levels tall")));
    }
    let mut checker = Checker { scope, inputs: Vec::new() };
    checker.note_inputs(tree)?;
    let parts: &mut dyn Parts = &mut checker;
    let typed = parts.typed(tree)?;
    Ok((typed, checker.inputs))
}

/// Makes an expression one of the type that a feature is declared to have.
///
/// # Errors
/// `Type` when it cannot be without a cast.
pub(crate) fn declare(typed: Typed, declared: ValueType, span: Span) -> Result<Typed> {
    let found = typed.ty;
    if let ValueType::List(item @ (ScalarType::Int32 | ScalarType::Float32)) = declared {
        let wide = if item == ScalarType::Int32 { ScalarType::Int64 } else { ScalarType::Float64 };
        let message = format!("lists are not narrowed: a computed feature is no {declared}");
        return Err(Error::ty(span, message).with_hint(Some(format!("declare it as list<{wide}>"))));
    }
    let Some(typed) = widen(typed, declared.into()) else {
        let message = format!("the feature is declared as {declared}, but the expression is {found}");
        let hint = match (found, declared) {
            (Type::DURATION, _) => Some("`x / 1h` counts hours, `x // 1s` whole seconds".to_owned()),
            (Type::Scalar(_), ValueType::Scalar(_)) => Some(format!("`cast(..., '{declared}')` converts")),
            _ => None,
        };
        return Err(Error::ty(span, message).with_hint(hint));
    };
    Ok(match declared {
        ValueType::Scalar(ScalarType::Int32) => int(IntOperation::One(Int1::Int32), Type::INT, typed),
        ValueType::Scalar(ScalarType::Float32) => float1(Float1::Float32, typed),
        _ => typed,
    })
}

/// The state of a check.
struct Checker<'s> {
    scope: &'s dyn Scope,
    inputs: Vec<Input>,
}

impl Parts for Checker<'_> {
    fn meaning(&mut self, tree: &Tree) -> Result<Meaning> {
        let span = tree.span();
        let parts: &mut dyn Parts = self;
        let typed = match tree.node() {
            Node::Literal(literal) => return Ok(Meaning::of(literal)),
            Node::List(items) => return list(items, span),
            Node::Name(name) => {
                let (index, ty) = parts.input(name, span)?;
                Typed::new(ty, TypedNode::Input(index))
            }
            Node::Now => Typed::new(Type::TIMESTAMP, TypedNode::Now),
            Node::Negate(operand) => parts.negate(operand)?,
            Node::Not(operand) => {
                let operand = parts.of_type(operand, Type::BOOL, "`not`")?;
                Typed::apply(Type::BOOL, Operation::Bool(BoolOperation::Not), [operand])
            }
            Node::Binary(operator, left, right) => binary(parts, *operator, [left, right], span)?,
            Node::In(operand, items) => parts.is_in(operand, items, span)?,
            Node::Call(function, arguments) => {
                table::find(function, span)?.check(parts, &Call::new(function, arguments, span))?
            }
        };
        Ok(Meaning::Typed(typed))
    }

    /// An input is noted when it is named for the first time.
    fn input(&mut self, name: &Name, span: Span) -> Result<(u32, Type)> {
        if let Some(index) = self.inputs.iter().position(|input| input.name == *name) {
            return Ok((index as u32, self.inputs[index].ty.into()));
        }
        let ty = self.scope.resolve(name).ok_or_else(|| self.unknown(name, span))?;
        self.inputs.push(Input { name: name.clone(), ty });
        Ok((self.inputs.len() as u32 - 1, ty.into()))
    }
}

impl Checker<'_> {
    /// Notes the inputs in the order in which the text names them.
    fn note_inputs(&mut self, tree: &Tree) -> Result<()> {
        match tree.node() {
            Node::Literal(_) | Node::List(_) | Node::Now => Ok(()),
            Node::Name(name) => self.input(name, tree.span()).map(drop),
            Node::Negate(operand) | Node::Not(operand) | Node::In(operand, _) => self.note_inputs(operand),
            Node::Binary(_, left, right) => self.note_inputs(left).and_then(|()| self.note_inputs(right)),
            Node::Call(_, arguments) => arguments.iter().try_for_each(|argument| self.note_inputs(argument)),
        }
    }

    fn unknown(&self, name: &Name, span: Span) -> Error {
        let known: Vec<String> = self.scope.known().iter().map(Name::reference).collect();
        let reference = name.reference();
        let hint = did_you_mean(&reference, known.iter().map(String::as_str));
        let function = table::usage(&reference).map(|usage| format!("the function is `{usage}`"));
        Error::new(ErrorKind::Unknown, span, format!("no input is named `{reference}`")).with_hint(hint.or(function))
    }
}

fn binary(parts: &mut (dyn Parts + '_), operator: Binary, [left, right]: [&Tree; 2], span: Span) -> Result<Typed> {
    let make = match operator {
        Binary::Arithmetic(operator) => return parts.arithmetic(operator, left, right, span),
        Binary::Compare(comparison) => return parts.comparison(comparison, left, right, span),
        Binary::And => TypedNode::And,
        Binary::Or => TypedNode::Or,
    };
    let what = format!("`{}`", operator.symbol());
    let left = Box::new(parts.of_type(left, Type::BOOL, &what)?);
    let right = Box::new(parts.of_type(right, Type::BOOL, &what)?);
    Ok(Typed::new(Type::BOOL, make(left, right)))
}
