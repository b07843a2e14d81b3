//! The words that an expression is made of.

use std::fmt;

use crate::error::Span;
use crate::name::Name;

/// A word of an expression, and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Token {
    pub kind: TokenKind,
    pub span: Span,
}

/// The kind of a word.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum TokenKind {
    /// A whole number without its sign, at most 2^63, which is one more than the greatest `int64`.
    Int(u64),
    Float(f64),
    /// A duration in microseconds without its sign, with the same limit.
    Duration(u64),
    Text(String),
    /// A name that is not quoted and has no view: it may be that of a function.
    Word(String),
    /// A name in backticks, or one with a view.
    Name(Name),
    True,
    False,
    Null,
    Now,
    And,
    Or,
    Not,
    In,
    Plus,
    Minus,
    Times,
    Slash,
    DoubleSlash,
    Percent,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Open,
    Close,
    OpenList,
    CloseList,
    Comma,
    End,
}

impl TokenKind {
    /// The kind of a word that is not in backticks: a word of the language, or a name.
    pub(crate) fn word(text: &str) -> Self {
        match text {
            "true" => TokenKind::True,
            "false" => TokenKind::False,
            "null" => TokenKind::Null,
            "now" => TokenKind::Now,
            "and" => TokenKind::And,
            "or" => TokenKind::Or,
            "not" => TokenKind::Not,
            "in" => TokenKind::In,
            _ => TokenKind::Word(text.to_owned()),
        }
    }

    fn symbol(&self) -> &'static str {
        match self {
            TokenKind::True => "true",
            TokenKind::False => "false",
            TokenKind::Null => "null",
            TokenKind::Now => "now",
            TokenKind::And => "and",
            TokenKind::Or => "or",
            TokenKind::Not => "not",
            TokenKind::In => "in",
            TokenKind::Plus => "+",
            TokenKind::Minus => "-",
            TokenKind::Times => "*",
            TokenKind::Slash => "/",
            TokenKind::DoubleSlash => "//",
            TokenKind::Percent => "%",
            TokenKind::Equal => "==",
            TokenKind::NotEqual => "!=",
            TokenKind::Less => "<",
            TokenKind::LessOrEqual => "<=",
            TokenKind::Greater => ">",
            TokenKind::GreaterOrEqual => ">=",
            TokenKind::Open => "(",
            TokenKind::Close => ")",
            TokenKind::OpenList => "[",
            TokenKind::CloseList => "]",
            _ => ",",
        }
    }
}

impl fmt::Display for TokenKind {
    /// The word as errors name it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TokenKind::Int(_) | TokenKind::Float(_) => f.write_str("a number"),
            TokenKind::Duration(_) => f.write_str("a duration"),
            TokenKind::Text(_) => f.write_str("text"),
            TokenKind::Word(word) => write!(f, "`{word}`"),
            TokenKind::Name(name) => write!(f, "`{}`", name.reference()),
            TokenKind::End => f.write_str("the end"),
            other => write!(f, "`{}`", other.symbol()),
        }
    }
}
