//! Lists that are written down.

use crate::check::widen::{Meaning, literal_type, widen_literal};
use crate::error::{Error, Result, Span};
use crate::tree::{Literal, Node, Tree};
use crate::typed::{Typed, TypedNode};
use crate::types::{Scalar, Type};

/// The list that is written down.
pub(super) fn list(items: &[Literal], span: Span) -> Result<Meaning> {
    if items.is_empty() {
        return Ok(Meaning::EmptyList);
    }
    let (ty, items) = common_items(items, None, span)?;
    match ty {
        Type::Scalar(Scalar::Duration) | Type::List(_) => {
            Err(Error::ty(span, "a list of durations stands only after `in` and in `bucket`"))
        }
        Type::Scalar(item) => Ok(Meaning::Typed(Typed::new(Type::List(item), TypedNode::List(items)))),
    }
}

/// The items of a list that is written down as an argument, and the type that they have with a value of type `with`.
pub(super) fn items_with(tree: &Tree, with: Type, what: &str) -> Result<(Type, Vec<Literal>)> {
    match tree.node() {
        Node::List(items) => common_items(items, Some(with), tree.span()),
        _ => Err(Error::ty(tree.span(), format!("{what} needs a list that is written down, such as [18, 25, 35]"))),
    }
}

/// Items as values of one type, which is also that of `with`, if that is given.
pub(super) fn common_items(items: &[Literal], with: Option<Type>, span: Span) -> Result<(Type, Vec<Literal>)> {
    let mut common = with;
    for item in items {
        let ty = literal_type(item).ok_or_else(|| Error::ty(span, "a list has no nulls"))?;
        let before = common.unwrap_or(ty);
        common = Some(before.common(ty).ok_or_else(|| match with {
            Some(_) => {
                Error::ty(span, format!("the items of the list are not of the type before it: {before} and {ty}"))
            }
            None => Error::ty(span, format!("the items of a list are of one type: got {before} and {ty}")),
        })?);
    }
    let Some(ty) = common else { return Err(Error::ty(span, "the type of the items of `[]` is not known here")) };
    Ok((ty, items.iter().map(|item| widen_literal(item.clone(), ty)).collect()))
}

/// The whole numbers that literals of a type held as such are.
pub(super) fn ints(items: &[Literal]) -> Vec<i64> {
    items.iter().filter_map(int_of).collect()
}

/// The whole number that a literal is held as.
pub(crate) fn int_of(literal: &Literal) -> Option<i64> {
    match literal {
        Literal::Int(value) | Literal::Duration(value) => Some(*value),
        Literal::Timestamp(time) => Some(time.as_micros()),
        Literal::Date(date) => Some(i64::from(date.as_days())),
        Literal::Bool(value) => Some(i64::from(*value)),
        Literal::Null | Literal::Float(_) | Literal::Text(_) => None,
    }
}

/// The floats among literals.
pub(super) fn floats(items: &[Literal]) -> Vec<f64> {
    let float = |item: &Literal| if let Literal::Float(value) = item { Some(*value) } else { None };
    items.iter().filter_map(float).collect()
}

/// The texts among literals.
pub(super) fn texts(items: &[Literal]) -> Vec<Vec<u8>> {
    let text = |item: &Literal| if let Literal::Text(text) = item { Some(text.as_bytes().to_vec()) } else { None };
    items.iter().filter_map(text).collect()
}
