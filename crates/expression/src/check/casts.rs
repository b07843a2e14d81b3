//! `cast`.

use asofdb_storage::ScalarType;

use crate::check::call::Call;
use crate::check::parts::{Parts, float1, int, literal_of};
use crate::check::widen::widen;
use crate::error::{Error, Result};
use crate::functions::convert::Form;
use crate::functions::float::Float1;
use crate::functions::integer::Int1;
use crate::operation::{BoolOperation, FloatOperation, IntOperation, Operation, TextOperation};
use crate::suggest::did_you_mean;
use crate::tree::{Literal, Tree};
use crate::typed::Typed;
use crate::types::Type;

impl dyn Parts + '_ {
    pub(super) fn call_cast(&mut self, call: &Call<'_>) -> Result<Typed> {
        let [value, target] = call.take()?;
        let target = target_of(target)?;
        let meaning = self.meaning(value)?;
        let Some(from) = meaning.ty() else {
            let typed = meaning.into_type(Type::Scalar(target.into()));
            return typed.ok_or_else(|| call.error("`cast` needs one value, no list"));
        };
        let typed = meaning.into_type(from).and_then(|typed| cast(typed, target));
        typed.ok_or_else(|| {
            let is_time = from.is_time() || from == Type::DURATION;
            let hint = is_time.then(|| "a number says no unit: `days_between`, or `x // 1s` of a duration".to_owned());
            call.error(format!("`cast` makes no {target} of {from}")).with_hint(hint)
        })
    }
}

fn target_of(tree: &Tree) -> Result<ScalarType> {
    let names = ScalarType::ALL.map(ScalarType::name);
    let Some(Literal::Text(name)) = literal_of(tree) else {
        return Err(Error::ty(tree.span(), "`cast` needs the name of a type in quotes, such as 'int64'"));
    };
    name.parse().map_err(|_| {
        let message = format!("`cast` knows the types {}: {name:?}", names.join(", "));
        Error::ty(tree.span(), message).with_hint(did_you_mean(name, names))
    })
}

/// A value as one of another type; `None` where the types have nothing to do with each other.
fn cast(value: Typed, target: ScalarType) -> Option<Typed> {
    match target {
        ScalarType::Bool => to_bool(value),
        ScalarType::Int64 => to_int(value),
        ScalarType::Int32 => to_int(value).map(|value| int(IntOperation::One(Int1::Int32), Type::INT, value)),
        ScalarType::Float64 => to_float(value),
        ScalarType::Float32 => to_float(value).map(|value| float1(Float1::Float32, value)),
        ScalarType::String => to_text(value),
        ScalarType::Bytes => match value.ty {
            Type::TEXT | Type::BYTES => Some(text(TextOperation::Copy, Type::BYTES, value)),
            _ => None,
        },
        ScalarType::Timestamp => match value.ty {
            Type::TEXT => Some(int(IntOperation::FromText(Form::Timestamp), Type::TIMESTAMP, value)),
            _ => widen(value, Type::TIMESTAMP),
        },
        ScalarType::Date => match value.ty {
            Type::TEXT => Some(int(IntOperation::FromText(Form::Date), Type::DATE, value)),
            Type::TIMESTAMP => Some(int(IntOperation::One(Int1::Day), Type::DATE, value)),
            _ => widen(value, Type::DATE),
        },
    }
}

fn text(operation: TextOperation, ty: Type, value: Typed) -> Typed {
    Typed::apply(ty, Operation::Text(operation), [value])
}

fn to_bool(value: Typed) -> Option<Typed> {
    let operation = match value.ty {
        Type::BOOL => return Some(value),
        Type::INT => BoolOperation::FromInt,
        Type::TEXT => BoolOperation::FromText,
        _ => return None,
    };
    Some(Typed::apply(Type::BOOL, Operation::Bool(operation), [value]))
}

fn to_int(value: Typed) -> Option<Typed> {
    let operation = match value.ty {
        Type::INT => return Some(value),
        Type::BOOL => IntOperation::FromBool,
        Type::FLOAT => IntOperation::FromFloat,
        Type::TEXT => IntOperation::FromText(Form::Number),
        _ => return None,
    };
    Some(int(operation, Type::INT, value))
}

fn to_float(value: Typed) -> Option<Typed> {
    match value.ty {
        Type::INT | Type::FLOAT => widen(value, Type::FLOAT),
        Type::BOOL => widen(to_int(value)?, Type::FLOAT),
        Type::TEXT => Some(Typed::apply(Type::FLOAT, Operation::Float(FloatOperation::FromText), [value])),
        _ => None,
    }
}

fn to_text(value: Typed) -> Option<Typed> {
    let operation = match value.ty {
        Type::TEXT => return Some(value),
        Type::BYTES => TextOperation::FromBytes,
        Type::BOOL => TextOperation::FromBool,
        Type::FLOAT => TextOperation::FromFloat,
        Type::INT => TextOperation::FromInt(Form::Number),
        Type::TIMESTAMP => TextOperation::FromInt(Form::Timestamp),
        Type::DATE => TextOperation::FromInt(Form::Date),
        Type::DURATION => TextOperation::FromInt(Form::Duration),
        Type::List(_) => return None,
    };
    Some(text(operation, Type::TEXT, value))
}
