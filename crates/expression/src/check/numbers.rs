//! Functions of numbers.

use crate::check::call::Call;
use crate::check::literal::{floats, ints, items_with};
use crate::check::operators::{floats2, ints2};
use crate::check::parts::{Parts, float1, int, literal_of};
use crate::check::widen::widen;
use crate::error::{Error, Result};
use crate::functions::float::{Float1, Float2};
use crate::functions::integer::{Int1, Int2};
use crate::operation::{FloatOperation, IntOperation, Operation};
use crate::tree::{Literal, Tree};
use crate::typed::Typed;
use crate::types::{Kind, Type};

impl dyn Parts + '_ {
    pub(super) fn call_extreme(&mut self, call: &Call<'_>) -> Result<Typed> {
        let operations = match call.function {
            "min" => (Int2::Min, Float2::Min),
            _ => (Int2::Max, Float2::Max),
        };
        let (ty, values) = self.ordered(call)?;
        let both = |one, other| extreme(ty, operations, one, other);
        values.into_iter().reduce(both).ok_or_else(|| call.error(format!("{} needs values", call.what())))
    }

    pub(super) fn call_clip(&mut self, call: &Call<'_>) -> Result<Typed> {
        let (ty, values) = self.ordered(call)?;
        let [value, least, greatest] =
            <[Typed; 3]>::try_from(values).map_err(|_| call.error(format!("{} takes 3 arguments", call.what())))?;
        let raised = extreme(ty, (Int2::Max, Float2::Max), value, least);
        Ok(extreme(ty, (Int2::Min, Float2::Min), raised, greatest))
    }

    /// Arguments of one type, which is a number, a duration or a time.
    fn ordered(&mut self, call: &Call<'_>) -> Result<(Type, Vec<Typed>)> {
        let arguments: Vec<&Tree> = call.arguments.iter().collect();
        let (ty, values) = self.unified(&arguments, &call.what())?;
        match ty.kind() {
            Kind::Int | Kind::Float => Ok((ty, values)),
            _ => Err(call.error(format!("{} needs numbers, durations or times: got {ty}", call.what()))),
        }
    }

    pub(super) fn call_abs(&mut self, call: &Call<'_>) -> Result<Typed> {
        let [argument] = call.take()?;
        let value = self.typed(argument)?;
        match value.ty {
            Type::FLOAT => Ok(float1(Float1::Abs, value)),
            ty @ (Type::INT | Type::DURATION) => Ok(int(IntOperation::One(Int1::Abs), ty, value)),
            ty => Err(Error::ty(argument.span(), format!("`abs` needs a number or a duration: got {ty}"))),
        }
    }

    pub(super) fn call_round(&mut self, call: &Call<'_>) -> Result<Typed> {
        let [argument] = call.take()?;
        let value = self.number(argument, call)?;
        let operation = match call.function {
            "round" => Float1::Round,
            "floor" => Float1::Floor,
            _ => Float1::Ceil,
        };
        // Whole numbers are rounded already.
        Ok(if value.ty == Type::INT { value } else { float1(operation, value) })
    }

    pub(super) fn call_float(&mut self, call: &Call<'_>) -> Result<Typed> {
        let [argument] = call.take()?;
        let found = Float1::FUNCTIONS.into_iter().find(|(name, _)| *name == call.function);
        let (_, operation) = found.ok_or_else(|| call.error(format!("{} is no function of a number", call.what())))?;
        Ok(float1(operation, self.float(argument, call)?))
    }

    pub(super) fn call_pow(&mut self, call: &Call<'_>) -> Result<Typed> {
        let [base, exponent] = call.take()?;
        Ok(floats2(Float2::Pow, self.float(base, call)?, self.float(exponent, call)?))
    }

    pub(super) fn call_haversine(&mut self, call: &Call<'_>) -> Result<Typed> {
        let degrees = call.arguments.iter().map(|each| self.float(each, call)).collect::<Result<Vec<_>>>()?;
        Ok(Typed::apply(Type::FLOAT, Operation::Float(FloatOperation::Haversine), degrees))
    }

    pub(super) fn call_bucket(&mut self, call: &Call<'_>) -> Result<Typed> {
        let [value, bounds] = call.take()?;
        let (value, bounds_span) = (self.typed(value)?, bounds.span());
        let (ty, bounds) = items_with(bounds, value.ty, "`bucket`")?;
        let found = value.ty;
        let value = widen(value, ty).ok_or_else(|| call.error(format!("`bucket` needs a number: got {found}")))?;
        let (operation, ascends) = match ty.kind() {
            Kind::Float => {
                let bounds = floats(&bounds);
                let ascends = bounds.is_sorted_by(|one, next| one < next);
                (IntOperation::BucketFloat(bounds.into()), ascends)
            }
            Kind::Int => {
                let bounds = ints(&bounds);
                let ascends = bounds.is_sorted_by(|one, next| one < next);
                (IntOperation::BucketInt(bounds.into()), ascends)
            }
            _ => return Err(call.error(format!("`bucket` needs a number, a duration or a time: got {ty}"))),
        };
        match ascends && !bounds.is_empty() {
            true => Ok(int(operation, Type::INT, value)),
            false => Err(Error::ty(bounds_span, "the bounds of `bucket` are at least one, and ascend")),
        }
    }

    pub(super) fn call_hash(&mut self, call: &Call<'_>) -> Result<Typed> {
        let [value, buckets] = call.take()?;
        let (value_span, value) = (value.span(), self.typed(value)?);
        let count = match literal_of(buckets) {
            Some(Literal::Int(count)) if *count > 0 => count.unsigned_abs(),
            _ => return Err(Error::ty(buckets.span(), "`hash` needs a whole number above 0 that is written down")),
        };
        match (value.ty, value.ty.kind()) {
            (_, Kind::Text) => Ok(int(IntOperation::HashText(count), Type::INT, value)),
            (Type::DURATION, _) | (_, Kind::Float | Kind::List) => {
                let message = format!("`hash` needs text, bytes, a whole number, a bool or a time: got {}", value.ty);
                Err(Error::ty(value_span, message))
            }
            (_, Kind::Int) => Ok(int(IntOperation::HashInt(count), Type::INT, value)),
            (_, Kind::Bool) => {
                let number = int(IntOperation::FromBool, Type::INT, value);
                Ok(int(IntOperation::HashInt(count), Type::INT, number))
            }
        }
    }

    fn number(&mut self, tree: &Tree, call: &Call<'_>) -> Result<Typed> {
        let value = self.typed(tree)?;
        if value.ty.is_number() {
            return Ok(value);
        }
        Err(Error::ty(tree.span(), format!("{} needs a number: got {}", call.what(), value.ty)))
    }

    fn float(&mut self, tree: &Tree, call: &Call<'_>) -> Result<Typed> {
        self.of_type(tree, Type::FLOAT, &call.what())
    }
}

fn extreme(ty: Type, (ints, floats): (Int2, Float2), one: Typed, other: Typed) -> Typed {
    match ty.kind() {
        Kind::Float => floats2(floats, one, other),
        _ => ints2(ty, ints, one, other),
    }
}
