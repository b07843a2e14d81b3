//! Functions that do not read all of their arguments.

use crate::check::call::Call;
use crate::check::parts::Parts;
use crate::check::widen::Meaning;
use crate::error::Result;
use crate::tree::Tree;
use crate::typed::{Typed, TypedNode};
use crate::types::Type;

impl dyn Parts + '_ {
    pub(super) fn call_if(&mut self, call: &Call<'_>) -> Result<Typed> {
        self.call_case(call)
    }

    /// Conditions and values in turn, and the value where no condition is true: null where it is left out.
    pub(super) fn call_case(&mut self, call: &Call<'_>) -> Result<Typed> {
        let (pairs, otherwise) = call.arguments.as_chunks::<2>();
        let what = call.what();
        let conditions = pairs
            .iter()
            .map(|[condition, _]| self.of_type(condition, Type::BOOL, &format!("a condition of {what}")))
            .collect::<Result<Vec<_>>>()?;
        let values: Vec<&Tree> = pairs.iter().map(|[_, value]| value).chain(otherwise).collect();
        let (ty, mut values) = self.unified(&values, &what)?;
        let otherwise = match otherwise {
            [] => Meaning::Null.into_type(ty),
            _ => values.pop(),
        };
        let otherwise = otherwise.ok_or_else(|| call.error(format!("{what} needs values")))?;
        Ok(Typed::new(ty, TypedNode::Case(conditions.into_iter().zip(values).collect(), Box::new(otherwise))))
    }

    pub(super) fn call_coalesce(&mut self, call: &Call<'_>) -> Result<Typed> {
        let values: Vec<&Tree> = call.arguments.iter().collect();
        let (ty, values) = self.unified(&values, &call.what())?;
        Ok(Typed::new(ty, TypedNode::Coalesce(values)))
    }

    pub(super) fn call_is_null(&mut self, call: &Call<'_>) -> Result<Typed> {
        let [value] = call.take()?;
        Ok(Typed::new(Type::BOOL, TypedNode::IsNull(Box::new(self.typed(value)?))))
    }
}
