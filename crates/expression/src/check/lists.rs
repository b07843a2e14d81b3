//! Functions of lists.

use crate::check::call::Call;
use crate::check::parts::Parts;
use crate::error::{Error, Result};
use crate::operation::{BoolOperation, FloatOperation, IntOperation, ListOperation, Operation, TextOperation};
use crate::tree::Tree;
use crate::typed::Typed;
use crate::types::{Kind, Scalar, Type};

impl dyn Parts + '_ {
    /// Of a text or of a list.
    pub(super) fn call_contains(&mut self, call: &Call<'_>) -> Result<Typed> {
        let [list, item] = call.take()?;
        let list_span = list.span();
        let list = self.typed(list)?;
        let Type::List(of) = list.ty else {
            return match list.ty {
                Type::TEXT => self.text_test(call, list),
                ty => Err(Error::ty(list_span, format!("`contains` needs text or a list: got {ty}"))),
            };
        };
        let mut item = self.of_type(item, Type::Scalar(of), "an item of this list in `contains`")?;
        let kind = item.ty.kind();
        if kind == Kind::Bool {
            item = Typed::apply(Type::INT, Operation::Int(IntOperation::FromBool), [item]);
        }
        let operation = BoolOperation::Contains(item.ty.kind());
        Ok(Typed::apply(Type::BOOL, Operation::Bool(operation), [list, item]))
    }

    pub(super) fn call_get(&mut self, call: &Call<'_>) -> Result<Typed> {
        let [list, index] = call.take()?;
        let list_span = list.span();
        let list = self.typed(list)?;
        let Type::List(item) = list.ty else {
            return Err(Error::ty(list_span, format!("`get` needs a list: got {}", list.ty)));
        };
        let index = self.of_type(index, Type::INT, "the index of `get`")?;
        let ty = Type::Scalar(item);
        let operation = match ty.kind() {
            Kind::Bool => Operation::Bool(BoolOperation::Get),
            Kind::Int => Operation::Int(IntOperation::Get),
            Kind::Float => Operation::Float(FloatOperation::Get),
            Kind::Text => Operation::Text(TextOperation::Get),
            Kind::List => Operation::List(ListOperation::Copy),
        };
        Ok(Typed::apply(ty, operation, [list, index]))
    }

    pub(super) fn call_sum(&mut self, call: &Call<'_>) -> Result<Typed> {
        let [list] = call.take()?;
        let list = self.numbers(list, call)?;
        Ok(match list.ty {
            Type::List(Scalar::Int) => Typed::apply(Type::INT, Operation::Int(IntOperation::Sum), [list]),
            _ => Typed::apply(Type::FLOAT, Operation::Float(FloatOperation::Sum), [list]),
        })
    }

    pub(super) fn call_mean(&mut self, call: &Call<'_>) -> Result<Typed> {
        let [list] = call.take()?;
        let list = self.numbers(list, call)?;
        Ok(Typed::apply(Type::FLOAT, Operation::Float(FloatOperation::Mean), [list]))
    }

    pub(super) fn call_vectors(&mut self, call: &Call<'_>) -> Result<Typed> {
        let [one, other] = call.take()?;
        let operation = if call.function == "dot" { FloatOperation::Dot } else { FloatOperation::Cosine };
        let operands = [self.numbers(one, call)?, self.numbers(other, call)?];
        Ok(Typed::apply(Type::FLOAT, Operation::Float(operation), operands))
    }

    fn numbers(&mut self, tree: &Tree, call: &Call<'_>) -> Result<Typed> {
        let list = self.typed(tree)?;
        match list.ty {
            Type::List(Scalar::Int | Scalar::Float) => Ok(list),
            ty => Err(Error::ty(tree.span(), format!("{} needs a list of numbers: got {ty}", call.what()))),
        }
    }
}
