//! The operations that plans are made of, by the kind of value that they give.
//!
//! Operands are not part of an operation. Each operation knows of what kinds they are: whoever makes steps of
//! operations gives operands of these kinds, in the order in which the variants name them.

use std::sync::Arc;

use regex::bytes::Regex;

use crate::functions::convert::Form;
use crate::functions::float::{Float1, Float2};
use crate::functions::integer::{Int1, Int2};
use crate::functions::text::{Text1, TextTest};
use crate::tree::Comparison;
use crate::types::Kind;

/// An operation.
#[derive(Debug, Clone)]
pub(crate) enum Operation {
    Bool(BoolOperation),
    /// A branch and a truth: the rows of the branch for which it is true, or is not where `otherwise`. It gives a lane
    /// of bools, and says whether any row takes the branch.
    Guard {
        otherwise: bool,
    },
    Int(IntOperation),
    Float(FloatOperation),
    Text(TextOperation),
    List(ListOperation),
    /// The provenance of values, which no expression sees.
    Reads(ReadsOperation),
}

/// Operations that give bools.
#[derive(Debug, Clone)]
pub(crate) enum BoolOperation {
    /// The values of an input.
    Load,
    Not,
    And,
    Or,
    /// A bool: whether it is known and as wanted. Never null.
    Truth(bool),
    /// A value of any kind: whether it is null, or is not. Never null.
    Validity {
        kind: Kind,
        of_nulls: bool,
    },
    Compare(Kind, Comparison),
    IntIn(Arc<[i64]>),
    FloatIn(Arc<[f64]>),
    TextIn(Arc<[Vec<u8>]>),
    Test(TextTest),
    Matches(Regex),
    FromInt,
    FromText,
    /// An input: whether its status is missing.
    IsMissing,
    Get,
    /// A list and an item of the kind.
    Contains(Kind),
    /// A truth, and the values for true and for false.
    Select,
}

/// Operations that give whole numbers.
#[derive(Debug, Clone)]
pub(crate) enum IntOperation {
    Load,
    /// The time of the row.
    Now,
    One(Int1),
    Two(Int2),
    FromBool,
    FromFloat,
    FromText(Form),
    Length {
        of_characters: bool,
    },
    ListLength,
    HashInt(u64),
    HashText(u64),
    BucketInt(Arc<[i64]>),
    BucketFloat(Arc<[f64]>),
    /// An input: the time since its event.
    Age,
    Get,
    Sum,
    Select,
}

/// Operations that give floats.
#[derive(Debug, Clone)]
pub(crate) enum FloatOperation {
    Load,
    One(Float1),
    Two(Float2),
    FromInt,
    FromText,
    Haversine,
    Get,
    Sum,
    Mean,
    Dot,
    Cosine,
    Select,
}

/// Operations that give text or bytes.
#[derive(Debug, Clone)]
pub(crate) enum TextOperation {
    /// A text as it is.
    Copy,
    One(Text1),
    /// A text, a start, and a length unless it is left out.
    Substring {
        has_length: bool,
    },
    FromInt(Form),
    FromFloat,
    FromBool,
    FromBytes,
    /// An input: the name of its status.
    Status,
    Get,
    Select,
}

/// Operations that give lists.
#[derive(Debug, Clone)]
pub(crate) enum ListOperation {
    Copy,
    Select,
}

/// Operations on what was read: the worst status and the oldest event.
#[derive(Debug, Clone)]
pub(crate) enum ReadsOperation {
    /// Reading all of these inputs.
    Of(Arc<[u32]>),
    /// Reading both.
    Both,
    /// A truth, and what was read where it is true and where it is false.
    Select,
}
