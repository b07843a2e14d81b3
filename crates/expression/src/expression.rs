//! Expressions that were read.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};
use crate::parser::parse;
use crate::tree::Tree;

/// An expression that was read: its text, and what is written there.
#[derive(Debug, Clone, PartialEq)]
pub struct Expression {
    text: String,
    tree: Tree,
}

impl Expression {
    /// Reads an expression.
    ///
    /// # Errors
    /// `Syntax` where the text is none, `Limit` where it is longer than [`TEXT_BYTES_MAX`](crate::TEXT_BYTES_MAX) or
    /// deeper than [`NESTING_MAX`](crate::NESTING_MAX) and [`HEIGHT_MAX`](crate::HEIGHT_MAX) allow.
    pub fn parse(text: &str) -> Result<Self> {
        Ok(Expression { text: text.to_owned(), tree: parse(text)? })
    }

    /// The text as it was given.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The syntax tree. It prints as an expression with the same tree.
    pub fn tree(&self) -> &Tree {
        &self.tree
    }
}

impl FromStr for Expression {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Expression::parse(text)
    }
}

impl fmt::Display for Expression {
    /// The text as it was given.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
