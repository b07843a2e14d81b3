//! Values that are written down.

use asofdb_storage::Timestamp;

use crate::lane::{ItemBuffer, TextLane};
use crate::tree::Literal;
use crate::types::{Scalar, Type};

/// The constants of a plan. Those of fixed width are lanes that are filled once.
#[derive(Debug, Default)]
pub(crate) struct Constants {
    /// Lanes and what fills them.
    pub bools: Vec<(u32, Option<bool>)>,
    pub ints: Vec<(u32, Option<i64>)>,
    pub floats: Vec<(u32, Option<f64>)>,
    pub texts: Vec<Option<Vec<u8>>>,
    pub lists: Vec<Option<ItemBuffer>>,
}

/// A constant by the kind of its type.
pub(super) enum Constant {
    Bool(Option<bool>),
    Int(Option<i64>),
    Float(Option<f64>),
    Text(Option<Vec<u8>>),
    List(Option<ItemBuffer>),
}

impl Constant {
    /// The constant that a literal is at a place of type `ty`. The check has seen to it that they fit.
    pub(super) fn of(literal: &Literal, ty: Type) -> Self {
        match (literal, ty) {
            (Literal::Bool(value), _) => Constant::Bool(Some(*value)),
            (Literal::Float(value), _) => Constant::Float(Some(*value)),
            (Literal::Text(text), _) => Constant::Text(Some(text.as_bytes().to_vec())),
            (Literal::Int(value) | Literal::Duration(value), _) => Constant::Int(Some(*value)),
            (Literal::Timestamp(time), _) => Constant::Int(Some(Timestamp::as_micros(*time))),
            (Literal::Date(date), _) => Constant::Int(Some(i64::from(date.as_days()))),
            (Literal::Null, Type::List(_)) => Constant::List(None),
            (Literal::Null, Type::Scalar(scalar)) => Constant::null(scalar),
        }
    }

    fn null(scalar: Scalar) -> Self {
        match scalar {
            Scalar::Bool => Constant::Bool(None),
            Scalar::Float => Constant::Float(None),
            Scalar::Text | Scalar::Bytes => Constant::Text(None),
            Scalar::Int | Scalar::Timestamp | Scalar::Date | Scalar::Duration => Constant::Int(None),
        }
    }

    /// The constant list of literals at a place of type `ty`.
    pub(super) fn list(literals: &[Literal], ty: Type) -> Self {
        let (Type::List(item) | Type::Scalar(item)) = ty;
        let mut items = empty_items(item);
        for literal in literals {
            match (&mut items, Constant::of(literal, Type::Scalar(item))) {
                (ItemBuffer::Bools(items), Constant::Bool(Some(value))) => items.push(value),
                (ItemBuffer::Ints(items), Constant::Int(Some(value))) => items.push(value),
                (ItemBuffer::Floats(items), Constant::Float(Some(value))) => items.push(value),
                (ItemBuffer::Texts(items), Constant::Text(text)) => {
                    items.push(text.as_deref());
                }
                // The check has seen to it that items have the type of the list.
                _ => {}
            }
        }
        Constant::List(Some(items))
    }
}

/// A place for items of a type.
pub(crate) fn empty_items(item: Scalar) -> ItemBuffer {
    match item {
        Scalar::Bool => ItemBuffer::Bools(Vec::new()),
        Scalar::Float => ItemBuffer::Floats(Vec::new()),
        Scalar::Text | Scalar::Bytes => {
            let mut texts = TextLane::default();
            texts.clear();
            ItemBuffer::Texts(texts)
        }
        Scalar::Int | Scalar::Timestamp | Scalar::Date | Scalar::Duration => ItemBuffer::Ints(Vec::new()),
    }
}
