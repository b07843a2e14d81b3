//! From a tree to text that reads as the same tree.

use std::fmt::{self, Display as _, Write as _};

use crate::duration::Micros;
use crate::power;
use crate::tree::{Literal, Node, Tree};

impl fmt::Display for Tree {
    /// The tree as an expression, with the parentheses that it needs and no others.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_tree(f, self, 0)
    }
}

/// Writes a tree at a place that takes what binds at least as tightly as `least`.
fn write_tree(f: &mut fmt::Formatter<'_>, tree: &Tree, least: u8) -> fmt::Result {
    if power_of(tree.node()) < least {
        f.write_char('(')?;
        write_node(f, tree.node())?;
        return f.write_char(')');
    }
    write_node(f, tree.node())
}

fn power_of(node: &Node) -> u8 {
    match node {
        Node::Binary(operator, ..) => operator.power(),
        Node::In(..) => power::COMPARE,
        Node::Not(_) => power::NOT,
        Node::Negate(_) => power::NEGATE,
        Node::Literal(_) | Node::List(_) | Node::Name(_) | Node::Now | Node::Call(..) => power::ATOM,
    }
}

fn write_node(f: &mut fmt::Formatter<'_>, node: &Node) -> fmt::Result {
    match node {
        Node::Literal(literal) => literal.fmt(f),
        Node::List(items) => write_list(f, items),
        Node::Name(name) => name.fmt(f),
        Node::Now => f.write_str("now"),
        Node::Negate(operand) => write_negated(f, operand),
        Node::Not(operand) => {
            f.write_str("not ")?;
            write_tree(f, operand, power::NOT)
        }
        Node::Binary(operator, left, right) => {
            let comparing = u8::from(operator.power() == power::COMPARE);
            write_tree(f, left, operator.power() + comparing)?;
            write!(f, " {} ", operator.symbol())?;
            write_tree(f, right, operator.power() + 1)
        }
        Node::In(operand, items) => {
            write_tree(f, operand, power::COMPARE + 1)?;
            f.write_str(" in ")?;
            write_list(f, items)
        }
        Node::Call(function, arguments) => {
            write!(f, "{function}(")?;
            for (index, argument) in arguments.iter().enumerate() {
                f.write_str(if index == 0 { "" } else { ", " })?;
                write_tree(f, argument, 0)?;
            }
            f.write_char(')')
        }
    }
}

/// A minus before a number that has none would read as part of the number.
fn write_negated(f: &mut fmt::Formatter<'_>, operand: &Tree) -> fmt::Result {
    f.write_char('-')?;
    match operand.node() {
        Node::Literal(literal @ (Literal::Int(_) | Literal::Float(_) | Literal::Duration(_))) => {
            write!(f, "({literal})")
        }
        _ => write_tree(f, operand, power::NEGATE),
    }
}

fn write_list(f: &mut fmt::Formatter<'_>, items: &[Literal]) -> fmt::Result {
    f.write_char('[')?;
    for (index, item) in items.iter().enumerate() {
        write!(f, "{}{item}", if index == 0 { "" } else { ", " })?;
    }
    f.write_char(']')
}

impl fmt::Display for Literal {
    /// The value as it is written in expressions.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Literal::Null => f.write_str("null"),
            Literal::Bool(value) => value.fmt(f),
            Literal::Int(value) => value.fmt(f),
            Literal::Float(value) => write!(f, "{value:?}"),
            Literal::Text(text) => write_text(f, text),
            Literal::Duration(micros) => Micros(*micros).fmt(f),
            Literal::Timestamp(time) => write!(f, "timestamp('{time}')"),
            Literal::Date(date) => write!(f, "date('{date}')"),
        }
    }
}

fn write_text(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    f.write_char('\'')?;
    for character in text.chars() {
        match character {
            '\'' => f.write_str("\\'")?,
            '\\' => f.write_str("\\\\")?,
            '\n' => f.write_str("\\n")?,
            '\r' => f.write_str("\\r")?,
            '\t' => f.write_str("\\t")?,
            character if character.is_control() => write!(f, "\\u{{{:x}}}", u32::from(character))?,
            character => f.write_char(character)?,
        }
    }
    f.write_char('\'')
}
