//! The part of the check that an operator or a function sees: what its operands mean.

use crate::check::widen::Meaning;
use crate::error::{Error, Result, Span};
use crate::functions::float::Float1;
use crate::name::Name;
use crate::operation::{FloatOperation, IntOperation, Operation};
use crate::tree::{Literal, Node, Tree};
use crate::typed::Typed;
use crate::types::Type;

/// The check of the parts of an expression.
pub(crate) trait Parts {
    /// Finds what a tree means, where null and the empty list may stand.
    fn meaning(&mut self, tree: &Tree) -> Result<Meaning>;

    /// The index and the type of an input.
    fn input(&mut self, name: &Name, span: Span) -> Result<(u32, Type)>;
}

impl dyn Parts + '_ {
    /// Finds what a tree means, where a type must be known.
    pub(super) fn typed(&mut self, tree: &Tree) -> Result<Typed> {
        match self.meaning(tree)? {
            Meaning::Typed(typed) => Ok(typed),
            Meaning::Null => Err(Error::ty(tree.span(), "the type of `null` is not known here")),
            Meaning::EmptyList => Err(Error::ty(tree.span(), "the type of the items of `[]` is not known here")),
        }
    }

    /// Finds what a tree means as a value of type `ty`, which `what` needs.
    pub(super) fn of_type(&mut self, tree: &Tree, ty: Type, what: &str) -> Result<Typed> {
        let meaning = self.meaning(tree)?;
        let found = meaning.ty();
        meaning.into_type(ty).ok_or_else(|| {
            let found = found.map_or_else(|| "[]".to_owned(), |found| found.to_string());
            let wanted = if ty == Type::TIMESTAMP { "a timestamp or a date".to_owned() } else { ty.to_string() };
            Error::ty(tree.span(), format!("{what} needs {wanted}: got {found}"))
        })
    }

    /// The values of trees as values of one type, which they have in common.
    pub(super) fn unified(&mut self, trees: &[&Tree], what: &str) -> Result<(Type, Vec<Typed>)> {
        let meanings = trees.iter().map(|tree| self.meaning(tree)).collect::<Result<Vec<_>>>()?;
        let mut common: Option<Type> = None;
        for (meaning, tree) in meanings.iter().zip(trees) {
            let Some(ty) = meaning.ty() else { continue };
            let before = common.unwrap_or(ty);
            let message = || format!("{what} needs values of one type: got {before} and {ty}");
            common = Some(before.common(ty).ok_or_else(|| Error::ty(tree.span(), message()))?);
        }
        let place = trees.first().map_or_else(Default::default, |tree| tree.span());
        let ty = common.ok_or_else(|| Error::ty(place, format!("{what} needs a value whose type is known")))?;
        let typed = meanings.into_iter().zip(trees).map(|(meaning, tree)| {
            let found = meaning.ty().map_or_else(|| "[]".to_owned(), |found| found.to_string());
            let message = || format!("{what} needs values of one type: got {found} and {ty}");
            meaning.into_type(ty).ok_or_else(|| Error::ty(tree.span(), message()))
        });
        Ok((ty, typed.collect::<Result<_>>()?))
    }
}

pub(super) fn int(operation: IntOperation, ty: Type, operand: Typed) -> Typed {
    Typed::apply(ty, Operation::Int(operation), [operand])
}

pub(super) fn float1(operation: Float1, operand: Typed) -> Typed {
    Typed::apply(Type::FLOAT, Operation::Float(FloatOperation::One(operation)), [operand])
}

/// The literal that a tree is, if it is one.
pub(super) fn literal_of(tree: &Tree) -> Option<&Literal> {
    match tree.node() {
        Node::Literal(literal) => Some(literal),
        _ => None,
    }
}
