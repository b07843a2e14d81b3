//! Functions of text.

use regex::bytes::RegexBuilder;

use crate::check::call::Call;
use crate::check::parts::{Parts, int, literal_of};
use crate::error::{Error, Result};
use crate::functions::text::{Text1, TextTest};
use crate::operation::{BoolOperation, IntOperation, Operation, TextOperation};
use crate::tree::Literal;
use crate::typed::Typed;
use crate::types::Type;

/// Greatest size of a compiled pattern in bytes, and of what its matching keeps in memory.
const PATTERN_BYTES_MAX: usize = 1 << 20;

/// The most levels of groups and repetitions within each other in a pattern.
const PATTERN_NESTING_MAX: u32 = 50;

impl dyn Parts + '_ {
    pub(super) fn call_text(&mut self, call: &Call<'_>) -> Result<Typed> {
        let [text] = call.take()?;
        let found = Text1::FUNCTIONS.into_iter().find(|(name, _)| *name == call.function);
        let (_, operation) = found.ok_or_else(|| call.error(format!("{} is no function of text", call.what())))?;
        let text = self.of_type(text, Type::TEXT, &call.what())?;
        Ok(Typed::apply(Type::TEXT, Operation::Text(TextOperation::One(operation)), [text]))
    }

    pub(super) fn call_text_test(&mut self, call: &Call<'_>) -> Result<Typed> {
        let [text, _] = call.take()?;
        let text = self.of_type(text, Type::TEXT, &call.what())?;
        self.text_test(call, text)
    }

    /// A question about a text that is checked already: checking it twice would take twice as long at every level.
    pub(super) fn text_test(&mut self, call: &Call<'_>, text: Typed) -> Result<Typed> {
        let [_, part] = call.take()?;
        let test = match call.function {
            "starts_with" => TextTest::StartsWith,
            "ends_with" => TextTest::EndsWith,
            _ => TextTest::Contains,
        };
        let part = self.of_type(part, Type::TEXT, &call.what())?;
        Ok(Typed::apply(Type::BOOL, Operation::Bool(BoolOperation::Test(test)), [text, part]))
    }

    pub(super) fn call_substr(&mut self, call: &Call<'_>) -> Result<Typed> {
        let Some((text, positions)) = call.arguments.split_first() else {
            return Err(call.error("`substr` needs a text"));
        };
        let mut operands = vec![self.of_type(text, Type::TEXT, "`substr`")?];
        for position in positions {
            operands.push(self.of_type(position, Type::INT, "a position of `substr`")?);
        }
        let operation = TextOperation::Substring { has_length: positions.len() == 2 };
        Ok(Typed::apply(Type::TEXT, Operation::Text(operation), operands))
    }

    pub(super) fn call_len(&mut self, call: &Call<'_>) -> Result<Typed> {
        let [argument] = call.take()?;
        let value = self.typed(argument)?;
        let operation = match value.ty {
            Type::List(_) => IntOperation::ListLength,
            Type::TEXT => IntOperation::Length { of_characters: true },
            Type::BYTES => IntOperation::Length { of_characters: false },
            ty => return Err(Error::ty(argument.span(), format!("`len` needs text, bytes or a list: got {ty}"))),
        };
        Ok(int(operation, Type::INT, value))
    }

    pub(super) fn call_regex_match(&mut self, call: &Call<'_>) -> Result<Typed> {
        let [text, pattern] = call.take()?;
        let text = self.of_type(text, Type::TEXT, "`regex_match`")?;
        let Some(Literal::Text(written)) = literal_of(pattern) else {
            return Err(Error::ty(pattern.span(), "`regex_match` needs a pattern that is written down"));
        };
        let built = RegexBuilder::new(written)
            .size_limit(PATTERN_BYTES_MAX)
            .dfa_size_limit(PATTERN_BYTES_MAX)
            .nest_limit(PATTERN_NESTING_MAX)
            .build();
        let regex = built.map_err(|error| {
            let text = error.to_string();
            let reason = text.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
            Error::ty(pattern.span(), format!("this is no pattern: {reason}"))
        })?;
        Ok(Typed::apply(Type::BOOL, Operation::Bool(BoolOperation::Matches(regex)), [text]))
    }
}
