//! The syntax tree of an expression.

use asofdb_storage::{Date, Timestamp};

use crate::error::Span;
use crate::name::Name;
use crate::power;

/// An expression as it was written, before names and types are known.
///
/// Two trees are equal when they say the same; where that stands in a text does not count.
#[derive(Debug, Clone)]
pub struct Tree {
    node: Node,
    span: Span,
    height: u32,
}

/// One place of a [`Tree`].
#[derive(Debug, Clone, PartialEq)]
pub enum Node {
    /// A value that is written down.
    Literal(Literal),
    /// A list of values that are written down.
    List(Vec<Literal>),
    /// An input.
    Name(Name),
    /// The time that the row is asked for.
    Now,
    /// `-x`
    Negate(Box<Tree>),
    /// `not x`
    Not(Box<Tree>),
    /// Two operands and what is between them.
    Binary(Binary, Box<Tree>, Box<Tree>),
    /// `x in [1, 2]`
    In(Box<Tree>, Vec<Literal>),
    /// A function by name, and its arguments.
    Call(String, Vec<Tree>),
}

/// A value that is written down.
#[derive(Debug, Clone, PartialEq)]
pub enum Literal {
    /// `null`
    Null,
    /// `true`, `false`
    Bool(bool),
    /// `18`
    Int(i64),
    /// `0.5`, `1e-3`; never NaN or infinite.
    Float(f64),
    /// `'text'`
    Text(String),
    /// `7d`, in microseconds.
    Duration(i64),
    /// `timestamp('2024-01-01T00:00:00Z')`
    Timestamp(Timestamp),
    /// `date('2024-01-01')`
    Date(Date),
}

/// An operator between two operands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Binary {
    /// `or`
    Or,
    /// `and`
    And,
    /// `==`, `<` and so on.
    Compare(Comparison),
    /// `+`, `*` and so on.
    Arithmetic(Arithmetic),
}

/// An operator that compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Comparison {
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
}

/// An operator that computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Arithmetic {
    /// `+`
    Add,
    /// `-`
    Subtract,
    /// `*`
    Multiply,
    /// `/`
    Divide,
    /// `//`
    FloorDivide,
    /// `%`
    Modulo,
}

impl Comparison {
    /// Every operator that compares.
    pub const ALL: [Comparison; 6] = [
        Comparison::Equal,
        Comparison::NotEqual,
        Comparison::Less,
        Comparison::LessOrEqual,
        Comparison::Greater,
        Comparison::GreaterOrEqual,
    ];

    /// Returns the operator as it is written.
    pub const fn symbol(self) -> &'static str {
        match self {
            Comparison::Equal => "==",
            Comparison::NotEqual => "!=",
            Comparison::Less => "<",
            Comparison::LessOrEqual => "<=",
            Comparison::Greater => ">",
            Comparison::GreaterOrEqual => ">=",
        }
    }
}

impl Arithmetic {
    /// Every operator that computes.
    pub const ALL: [Arithmetic; 6] = [
        Arithmetic::Add,
        Arithmetic::Subtract,
        Arithmetic::Multiply,
        Arithmetic::Divide,
        Arithmetic::FloorDivide,
        Arithmetic::Modulo,
    ];

    /// Returns the operator as it is written.
    pub const fn symbol(self) -> &'static str {
        match self {
            Arithmetic::Add => "+",
            Arithmetic::Subtract => "-",
            Arithmetic::Multiply => "*",
            Arithmetic::Divide => "/",
            Arithmetic::FloorDivide => "//",
            Arithmetic::Modulo => "%",
        }
    }
}

impl Binary {
    /// Returns the operator as it is written.
    pub const fn symbol(self) -> &'static str {
        match self {
            Binary::Or => "or",
            Binary::And => "and",
            Binary::Compare(comparison) => comparison.symbol(),
            Binary::Arithmetic(arithmetic) => arithmetic.symbol(),
        }
    }

    /// The binding of the operator, see [`power`].
    pub(crate) const fn power(self) -> u8 {
        match self {
            Binary::Or => power::OR,
            Binary::And => power::AND,
            Binary::Compare(_) => power::COMPARE,
            Binary::Arithmetic(Arithmetic::Add | Arithmetic::Subtract) => power::SUM,
            Binary::Arithmetic(_) => power::PRODUCT,
        }
    }
}

impl Tree {
    /// A tree with `node` at its root, which stands at `span`.
    pub fn new(node: Node, span: Span) -> Self {
        let below = match &node {
            Node::Literal(_) | Node::List(_) | Node::Name(_) | Node::Now => 0,
            Node::Negate(operand) | Node::Not(operand) | Node::In(operand, _) => operand.height,
            Node::Binary(_, left, right) => left.height.max(right.height),
            Node::Call(_, arguments) => arguments.iter().map(|argument| argument.height).max().unwrap_or(0),
        };
        Tree { node, span, height: below.saturating_add(1) }
    }

    /// Returns what stands at the root.
    pub fn node(&self) -> &Node {
        &self.node
    }

    /// Returns where the whole of the tree stands in the text.
    pub fn span(&self) -> Span {
        self.span
    }

    /// Returns the number of nodes on the longest way down.
    pub fn height(&self) -> u32 {
        self.height
    }
}

impl PartialEq for Tree {
    fn eq(&self, other: &Self) -> bool {
        self.node == other.node
    }
}
