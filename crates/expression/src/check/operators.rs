//! The types of operators.

use crate::check::literal::{common_items, floats, ints, texts};
use crate::check::parts::{Parts, float1};
use crate::check::widen::{Meaning, widen};
use crate::error::{Error, Result, Span};
use crate::functions::float::{Float1, Float2};
use crate::functions::integer::{Int1, Int2};
use crate::operation::{BoolOperation, FloatOperation, IntOperation, Operation};
use crate::tree::{Arithmetic, Comparison, Literal, Tree};
use crate::typed::Typed;
use crate::types::{Kind, Type};

impl dyn Parts + '_ {
    pub(super) fn negate(&mut self, operand: &Tree) -> Result<Typed> {
        let operand_span = operand.span();
        let operand = self.typed(operand)?;
        match operand.ty {
            Type::FLOAT => Ok(float1(Float1::Negate, operand)),
            ty @ (Type::INT | Type::DURATION) => {
                Ok(Typed::apply(ty, Operation::Int(IntOperation::One(Int1::Negate)), [operand]))
            }
            ty => Err(Error::ty(operand_span, format!("`-` needs a number or a duration: got {ty}"))),
        }
    }

    pub(super) fn arithmetic(&mut self, operator: Arithmetic, left: &Tree, right: &Tree, span: Span) -> Result<Typed> {
        let (left, right) = (self.meaning(left)?, self.meaning(right)?);
        let types = (left.ty(), right.ty());
        let (Some(left_ty), Some(right_ty)) = (types.0.or(types.1), types.1.or(types.0)) else {
            return Err(Error::ty(span, format!("`{}` needs a value whose type is known", operator.symbol())));
        };
        let sides = left.into_type(left_ty).zip(right.into_type(right_ty));
        let typed = sides.and_then(|(left, right)| numbers(operator, left, right));
        typed.ok_or_else(|| {
            let (symbol, wanted) = (operator.symbol(), wanted(operator));
            Error::ty(span, format!("`{symbol}` needs {wanted}: got {left_ty} and {right_ty}"))
                .with_hint(hint(operator, left_ty, right_ty))
        })
    }

    pub(super) fn comparison(
        &mut self,
        comparison: Comparison,
        left: &Tree,
        right: &Tree,
        span: Span,
    ) -> Result<Typed> {
        let symbol = comparison.symbol();
        let (left, right) = (self.meaning(left)?, self.meaning(right)?);
        let (Meaning::Typed(left), Meaning::Typed(right)) = (left, right) else {
            let hint = "`is_null(x)` asks for null, `len(x) == 0` for an empty list".to_owned();
            return Err(Error::ty(span, format!("`{symbol}` compares no null and no `[]`")).with_hint(hint));
        };
        let (left_ty, right_ty) = (left.ty, right.ty);
        let common = left_ty.common(right_ty).filter(|ty| matches!(ty, Type::Scalar(_)));
        let sides = common.and_then(|ty| Some((ty, widen(left, ty)?, widen(right, ty)?)));
        let Some((ty, left, right)) = sides else {
            return Err(Error::ty(
                span,
                format!("`{symbol}` needs two values of one type: got {left_ty} and {right_ty}"),
            )
            .with_hint(matches!(left_ty, Type::List(_)).then(|| "lists are not compared".to_owned())));
        };
        Ok(Typed::apply(Type::BOOL, Operation::Bool(BoolOperation::Compare(ty.kind(), comparison)), [left, right]))
    }

    pub(super) fn is_in(&mut self, operand: &Tree, items: &[Literal], span: Span) -> Result<Typed> {
        let operand = self.typed(operand)?;
        let found = operand.ty;
        let (ty, items) = common_items(items, Some(found), span)?;
        let needs = || Error::ty(span, format!("`in` needs one value before it: got {found}"));
        let operand = widen(operand, ty).ok_or_else(needs)?;
        let (operation, operand) = match ty.kind() {
            Kind::Int => (BoolOperation::IntIn(sorted(ints(&items)).into()), operand),
            Kind::Bool => {
                let number = Typed::apply(Type::INT, Operation::Int(IntOperation::FromBool), [operand]);
                (BoolOperation::IntIn(sorted(ints(&items)).into()), number)
            }
            Kind::Float => (BoolOperation::FloatIn(floats(&items).into()), operand),
            Kind::Text => (BoolOperation::TextIn(sorted(texts(&items)).into()), operand),
            Kind::List => return Err(needs()),
        };
        Ok(Typed::apply(Type::BOOL, Operation::Bool(operation), [operand]))
    }
}

fn sorted<T: Ord>(mut items: Vec<T>) -> Vec<T> {
    items.sort_unstable();
    items.dedup();
    items
}

/// The computation of an operator over two values; `None` where it takes no values of their types.
fn numbers(operator: Arithmetic, left: Typed, right: Typed) -> Option<Typed> {
    match (left.ty, right.ty) {
        (one, other) if one.is_number() && other.is_number() => {
            let divides = operator == Arithmetic::Divide;
            let common = if divides { Type::FLOAT } else { one.common(other)? };
            let (left, right) = (widen(left, common)?, widen(right, common)?);
            Some(if common == Type::INT {
                ints2(Type::INT, int2(operator)?, left, right)
            } else {
                floats2(float2(operator), left, right)
            })
        }
        (one, other) if one.is_time() || other.is_time() => times(operator, left, right),
        _ => durations(operator, left, right),
    }
}

/// Arithmetic with points in time.
fn times(operator: Arithmetic, left: Typed, right: Typed) -> Option<Typed> {
    let (left_time, right_time) = (left.ty.is_time(), right.ty.is_time());
    let later = |time, duration| Some(ints2(Type::TIMESTAMP, Int2::Later, widen(time, Type::TIMESTAMP)?, duration));
    match operator {
        Arithmetic::Subtract if left_time && right_time => {
            let (left, right) = (widen(left, Type::TIMESTAMP)?, widen(right, Type::TIMESTAMP)?);
            Some(ints2(Type::DURATION, Int2::Subtract, left, right))
        }
        Arithmetic::Subtract if left_time && right.ty == Type::DURATION => {
            Some(ints2(Type::TIMESTAMP, Int2::Earlier, widen(left, Type::TIMESTAMP)?, right))
        }
        Arithmetic::Add if left_time && right.ty == Type::DURATION => later(left, right),
        Arithmetic::Add if right_time && left.ty == Type::DURATION => later(right, left),
        _ => None,
    }
}

/// Arithmetic with durations.
fn durations(operator: Arithmetic, left: Typed, right: Typed) -> Option<Typed> {
    match (left.ty, operator, right.ty) {
        (Type::DURATION, Arithmetic::Divide, Type::DURATION) => {
            let float = |typed| Typed::apply(Type::FLOAT, Operation::Float(FloatOperation::FromInt), [typed]);
            Some(floats2(Float2::Divide, float(left), float(right)))
        }
        (Type::DURATION, Arithmetic::FloorDivide, Type::DURATION) => {
            Some(ints2(Type::INT, Int2::FloorDivide, left, right))
        }
        (Type::DURATION, Arithmetic::Add | Arithmetic::Subtract | Arithmetic::Modulo, Type::DURATION)
        | (Type::DURATION, Arithmetic::Multiply | Arithmetic::FloorDivide, Type::INT)
        | (Type::INT, Arithmetic::Multiply, Type::DURATION) => {
            Some(ints2(Type::DURATION, int2(operator)?, left, right))
        }
        _ => None,
    }
}

fn int2(operator: Arithmetic) -> Option<Int2> {
    match operator {
        Arithmetic::Add => Some(Int2::Add),
        Arithmetic::Subtract => Some(Int2::Subtract),
        Arithmetic::Multiply => Some(Int2::Multiply),
        Arithmetic::FloorDivide => Some(Int2::FloorDivide),
        Arithmetic::Modulo => Some(Int2::Modulo),
        Arithmetic::Divide => None,
    }
}

fn float2(operator: Arithmetic) -> Float2 {
    match operator {
        Arithmetic::Add => Float2::Add,
        Arithmetic::Subtract => Float2::Subtract,
        Arithmetic::Multiply => Float2::Multiply,
        Arithmetic::Divide => Float2::Divide,
        Arithmetic::FloorDivide => Float2::FloorDivide,
        Arithmetic::Modulo => Float2::Modulo,
    }
}

pub(super) fn ints2(ty: Type, operation: Int2, left: Typed, right: Typed) -> Typed {
    Typed::apply(ty, Operation::Int(IntOperation::Two(operation)), [left, right])
}

pub(super) fn floats2(operation: Float2, left: Typed, right: Typed) -> Typed {
    Typed::apply(Type::FLOAT, Operation::Float(FloatOperation::Two(operation)), [left, right])
}

/// The types that an operator takes, for errors.
fn wanted(operator: Arithmetic) -> &'static str {
    match operator {
        Arithmetic::Add => "two numbers, two durations, or a timestamp and a duration",
        Arithmetic::Subtract => "two numbers, two durations, two timestamps, or a timestamp and a duration",
        Arithmetic::Multiply => "two numbers, or a duration and an int64",
        Arithmetic::FloorDivide => "two numbers, two durations, or a duration and an int64",
        Arithmetic::Divide | Arithmetic::Modulo => "two numbers or two durations",
    }
}

fn hint(operator: Arithmetic, left: Type, right: Type) -> Option<String> {
    match (left, right) {
        (Type::TEXT, Type::TEXT) if operator == Arithmetic::Add => Some("there is no joining of texts".to_owned()),
        (time, Type::INT) if time.is_time() => Some("a duration has a unit, such as 7d or x * 1s".to_owned()),
        (Type::BOOL, _) | (_, Type::BOOL) => Some("`cast(x, 'int64')` makes 0 or 1 of a bool".to_owned()),
        (Type::TEXT, _) | (_, Type::TEXT) => Some("`cast(x, 'float64')` reads a number from text".to_owned()),
        _ => None,
    }
}
