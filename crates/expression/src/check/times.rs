//! Functions of times.

use crate::check::call::Call;
use crate::check::operators::ints2;
use crate::check::parts::{Parts, int};
use crate::error::Result;
use crate::functions::calendar::{MICROS_A_DAY, MICROS_A_MINUTE, MICROS_A_SECOND, MICROS_AN_HOUR, Part};
use crate::functions::integer::{Int1, Int2};
use crate::operation::IntOperation;
use crate::tree::Tree;
use crate::typed::Typed;
use crate::types::Type;

impl dyn Parts + '_ {
    pub(super) fn call_part(&mut self, call: &Call<'_>) -> Result<Typed> {
        let [time] = call.take()?;
        let found = Part::ALL.into_iter().find(|(name, _)| *name == call.function);
        let (_, part) = found.ok_or_else(|| call.error(format!("{} is no part of a time", call.what())))?;
        Ok(int(IntOperation::One(Int1::Part(part)), Type::INT, self.time(time, call)?))
    }

    pub(super) fn call_between(&mut self, call: &Call<'_>) -> Result<Typed> {
        let [from, to] = call.take()?;
        let unit = match call.function {
            "days_between" => MICROS_A_DAY,
            "hours_between" => MICROS_AN_HOUR,
            "minutes_between" => MICROS_A_MINUTE,
            _ => MICROS_A_SECOND,
        };
        Ok(ints2(Type::INT, Int2::Between { unit }, self.time(from, call)?, self.time(to, call)?))
    }

    /// `timestamp('...')` and `date('...')` are values when they are read; what comes here has another argument.
    pub(super) fn call_moment(&mut self, call: &Call<'_>) -> Result<Typed> {
        let message = format!("{} is written with text in quotes", call.what());
        Err(call.error(message).with_hint(format!("`cast(x, '{}')` reads other text", call.function)))
    }

    fn time(&mut self, tree: &Tree, call: &Call<'_>) -> Result<Typed> {
        self.of_type(tree, Type::TIMESTAMP, &call.what())
    }
}
