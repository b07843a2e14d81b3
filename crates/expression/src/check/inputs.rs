//! Functions that ask about an input itself.

use crate::check::call::Call;
use crate::check::parts::Parts;
use crate::error::{Error, Result};
use crate::operation::{BoolOperation, IntOperation, Operation, TextOperation};
use crate::tree::Node;
use crate::typed::{Typed, TypedNode};
use crate::types::Type;

impl dyn Parts + '_ {
    pub(super) fn call_status(&mut self, call: &Call<'_>) -> Result<Typed> {
        self.of_input(call, Type::TEXT, Operation::Text(TextOperation::Status))
    }

    pub(super) fn call_age(&mut self, call: &Call<'_>) -> Result<Typed> {
        self.of_input(call, Type::DURATION, Operation::Int(IntOperation::Age))
    }

    pub(super) fn call_is_missing(&mut self, call: &Call<'_>) -> Result<Typed> {
        self.of_input(call, Type::BOOL, Operation::Bool(BoolOperation::IsMissing))
    }

    fn of_input(&mut self, call: &Call<'_>, ty: Type, operation: Operation) -> Result<Typed> {
        let [argument] = call.take()?;
        let Node::Name(name) = argument.node() else {
            let message = format!("{} asks about an input, by its name alone", call.what());
            return Err(Error::ty(argument.span(), message));
        };
        let (index, _) = self.input(name, argument.span())?;
        Ok(Typed::new(ty, TypedNode::OfInput(operation, index)))
    }
}
