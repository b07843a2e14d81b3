//! Expressions whose names and types are known.

use crate::operation::Operation;
use crate::tree::Literal;
use crate::types::Type;

/// An expression with its type.
#[derive(Debug, Clone)]
pub(crate) struct Typed {
    pub ty: Type,
    pub node: TypedNode,
}

/// One place of a [`Typed`] expression.
#[derive(Debug, Clone)]
pub(crate) enum TypedNode {
    /// A value that is known; null has the type of its place.
    Literal(Literal),
    List(Vec<Literal>),
    /// An input by its index.
    Input(u32),
    Now,
    /// An operation that reads all of its operands.
    Apply(Operation, Vec<Typed>),
    /// An operation on an input itself, not on its value: status, age, whether it is missing.
    OfInput(Operation, u32),
    And(Box<Typed>, Box<Typed>),
    Or(Box<Typed>, Box<Typed>),
    /// Conditions with their values, and the value where none of them is true.
    Case(Vec<(Typed, Typed)>, Box<Typed>),
    /// The first value that is not null.
    Coalesce(Vec<Typed>),
    IsNull(Box<Typed>),
}

impl Typed {
    pub(crate) fn new(ty: Type, node: TypedNode) -> Self {
        Typed { ty, node }
    }

    /// An operation that reads all of its operands and gives `ty`.
    pub(crate) fn apply(ty: Type, operation: Operation, operands: impl Into<Vec<Typed>>) -> Self {
        Typed { ty, node: TypedNode::Apply(operation, operands.into()) }
    }
}
