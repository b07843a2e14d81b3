//! Values where values of a wider type are needed.

use crate::functions::calendar::midnight;
use crate::functions::integer::Int1;
use crate::operation::{FloatOperation, IntOperation, Operation};
use crate::tree::Literal;
use crate::typed::{Typed, TypedNode};
use crate::types::Type;

/// The meaning of a part of an expression.
#[derive(Debug, Clone)]
pub(crate) enum Meaning {
    Typed(Typed),
    /// `null`, whose type is that of its place.
    Null,
    /// `[]`, the type of whose items is that of its place.
    EmptyList,
}

impl Meaning {
    pub(crate) fn of(literal: &Literal) -> Self {
        let ty = literal_type(literal);
        ty.map_or(Meaning::Null, |ty| Meaning::Typed(Typed::new(ty, TypedNode::Literal(literal.clone()))))
    }

    /// The type, where it is known from the part itself.
    pub(crate) fn ty(&self) -> Option<Type> {
        match self {
            Meaning::Typed(typed) => Some(typed.ty),
            Meaning::Null | Meaning::EmptyList => None,
        }
    }

    /// The meaning as a value of type `ty`; `None` where it is none.
    pub(crate) fn into_type(self, ty: Type) -> Option<Typed> {
        match self {
            Meaning::Typed(typed) => widen(typed, ty),
            Meaning::Null => Some(Typed::new(ty, TypedNode::Literal(Literal::Null))),
            Meaning::EmptyList => matches!(ty, Type::List(_)).then(|| Typed::new(ty, TypedNode::List(Vec::new()))),
        }
    }
}

/// The type of a value that is written down; `None` for null.
pub(crate) fn literal_type(literal: &Literal) -> Option<Type> {
    match literal {
        Literal::Null => None,
        Literal::Bool(_) => Some(Type::BOOL),
        Literal::Int(_) => Some(Type::INT),
        Literal::Float(_) => Some(Type::FLOAT),
        Literal::Text(_) => Some(Type::TEXT),
        Literal::Duration(_) => Some(Type::DURATION),
        Literal::Timestamp(_) => Some(Type::TIMESTAMP),
        Literal::Date(_) => Some(Type::DATE),
    }
}

/// A value as one of type `to`, if it can be without being asked; see [`Type::common`].
pub(crate) fn widen(typed: Typed, to: Type) -> Option<Typed> {
    match (typed.ty, to) {
        (from, to) if from == to => Some(typed),
        (Type::INT, Type::FLOAT) | (Type::DATE, Type::TIMESTAMP) => Some(match typed.node {
            TypedNode::Literal(literal) => Typed::new(to, TypedNode::Literal(widen_literal(literal, to))),
            TypedNode::List(_) => return None,
            _ if to == Type::FLOAT => Typed::apply(to, Operation::Float(FloatOperation::FromInt), [typed]),
            _ => Typed::apply(to, Operation::Int(IntOperation::One(Int1::Midnight)), [typed]),
        }),
        _ => None,
    }
}

/// A value that is written down as one of a type that it can be widened to.
pub(crate) fn widen_literal(literal: Literal, to: Type) -> Literal {
    match (literal, to) {
        (Literal::Int(value), Type::FLOAT) => Literal::Float(value as f64),
        (Literal::Date(date), Type::TIMESTAMP) => {
            let micros = midnight(i64::from(date.as_days()));
            Literal::Timestamp(asofdb_storage::Timestamp::from_micros(micros))
        }
        (literal, _) => literal,
    }
}
