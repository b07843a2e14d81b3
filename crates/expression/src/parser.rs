//! From words to a tree, by the power with which operators bind.

use asofdb_storage::{Date, Timestamp};

use crate::error::{Error, Result, Span};
use crate::lexer::tokens;
use crate::name::{Name, WORDS};
use crate::power;
use crate::suggest::did_you_mean;
use crate::token::{Token, TokenKind};
use crate::tree::{Arithmetic, Binary, Comparison, Literal, Node, Tree};

/// The most levels of parentheses, calls and signs within each other.
pub const NESTING_MAX: u32 = 64;

/// The greatest height of a tree. A chain such as `a + b + c` is one level of nesting, but as tall as it has operators.
pub const HEIGHT_MAX: u32 = 256;

/// Reads an expression.
///
/// # Errors
/// `Syntax` where the text is none, `Limit` where it is too long or too deep.
pub(crate) fn parse(text: &str) -> Result<Tree> {
    let mut parser = Parser { tokens: tokens(text)?, at: 0, nesting: 0 };
    let tree = parser.expression(0)?;
    match &parser.peek().kind {
        TokenKind::End => Ok(tree),
        other => {
            Err(Error::syntax(parser.peek().span, format!("the expression ends before {other}"))
                .with_hint(hint_for(other)))
        }
    }
}

/// Words of other languages, for those who write them here.
fn hint_for(found: &TokenKind) -> Option<String> {
    let TokenKind::Word(word) = found else { return None };
    match word.to_lowercase().as_str() {
        "is" => Some("`is_null(x)` asks for null".to_owned()),
        "case" | "when" | "then" | "else" => Some("it is written `case(condition, value, ..., otherwise)`".to_owned()),
        "between" => Some("it is written `x >= 1 and x <= 2`".to_owned()),
        "like" => Some("`starts_with`, `contains` and `regex_match` compare text".to_owned()),
        _ => did_you_mean(word, WORDS),
    }
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
    nesting: u32,
}

impl Parser {
    /// The next word. The last one is the end, which is never gone past.
    fn peek(&self) -> &Token {
        &self.tokens[self.at.min(self.tokens.len() - 1)]
    }

    fn advance(&mut self) -> Token {
        let token = self.peek().clone();
        self.at += 1;
        token
    }

    fn take(&mut self, kind: &TokenKind) -> bool {
        let is_next = self.peek().kind == *kind;
        self.at += usize::from(is_next);
        is_next
    }

    fn expect(&mut self, kind: &TokenKind, after: &str) -> Result<Span> {
        let next = self.peek();
        if next.kind == *kind {
            return Ok(self.advance().span);
        }
        let message = format!("{kind} is expected {after}, not {}", next.kind);
        Err(Error::syntax(next.span, message).with_hint(hint_for(&next.kind)))
    }

    /// Reads an expression whose operators bind at least as tightly as `least`.
    fn expression(&mut self, least: u8) -> Result<Tree> {
        if self.nesting == NESTING_MAX {
            let rule = format!("an expression has at most {NESTING_MAX} levels");
            return Err(Error::limit(self.peek().span, rule));
        }
        self.nesting += 1;
        let mut left = self.prefix(least)?;
        while let Some((operator, length)) = self.infix().filter(|(operator, _)| operator.power() >= least) {
            let at = self.peek().span;
            self.at += length;
            left = self.joined(left, operator, at)?;
            if left.height() > HEIGHT_MAX {
                let rule = format!("an expression has at most {HEIGHT_MAX} operators one after another");
                return Err(Error::limit(left.span(), rule));
            }
        }
        self.nesting -= 1;
        Ok(left)
    }

    /// Reads what is behind an operator, and joins both sides.
    fn joined(&mut self, left: Tree, operator: Infix, at: Span) -> Result<Tree> {
        let start = left.span();
        let tree = match operator {
            Infix::Binary(binary) => {
                let right = self.expression(binary.power() + 1)?;
                let span = start.to(right.span());
                Tree::new(Node::Binary(binary, Box::new(left), Box::new(right)), span)
            }
            Infix::In { negated } => {
                self.expect(&TokenKind::OpenList, "after `in`")?;
                let (items, end) = self.list()?;
                let span = start.to(end);
                let is_in = Tree::new(Node::In(Box::new(left), items), span);
                if negated { Tree::new(Node::Not(Box::new(is_in)), span) } else { is_in }
            }
        };
        let chained =
            operator.power() == power::COMPARE && self.infix().is_some_and(|(next, _)| next.power() == power::COMPARE);
        if chained {
            let hint = "join two comparisons with `and`, or use parentheses".to_owned();
            return Err(Error::syntax(at.to(self.peek().span), "comparisons do not chain").with_hint(hint));
        }
        Ok(tree)
    }

    /// The operator that is next, and how many words it has.
    fn infix(&self) -> Option<(Infix, usize)> {
        if self.peek().kind == TokenKind::Not {
            let is_in = self.tokens.get(self.at + 1).is_some_and(|next| next.kind == TokenKind::In);
            return is_in.then_some((Infix::In { negated: true }, 2));
        }
        Some((infix(&self.peek().kind)?, 1))
    }

    fn prefix(&mut self, least: u8) -> Result<Tree> {
        let token = self.advance();
        let literal = |literal| Ok(Tree::new(Node::Literal(literal), token.span));
        match token.kind {
            TokenKind::Minus => self.negated(token.span),
            TokenKind::Not if least > power::NOT => Err(Error::syntax(token.span, "`not` needs parentheses here")),
            TokenKind::Not => {
                let operand = self.expression(power::NOT)?;
                let span = token.span.to(operand.span());
                Ok(Tree::new(Node::Not(Box::new(operand)), span))
            }
            TokenKind::Open => {
                let tree = self.expression(0)?;
                self.expect(&TokenKind::Close, "at the end of what is in parentheses")?;
                Ok(tree)
            }
            TokenKind::OpenList => {
                let (items, end) = self.list()?;
                Ok(Tree::new(Node::List(items), token.span.to(end)))
            }
            TokenKind::Now => Ok(Tree::new(Node::Now, token.span)),
            TokenKind::Name(name) => Ok(Tree::new(Node::Name(name), token.span)),
            TokenKind::Word(word) => self.word(word, token.span),
            TokenKind::Null => literal(Literal::Null),
            TokenKind::True => literal(Literal::Bool(true)),
            TokenKind::False => literal(Literal::Bool(false)),
            TokenKind::Float(value) => literal(Literal::Float(value)),
            TokenKind::Text(text) => literal(Literal::Text(text)),
            TokenKind::Int(magnitude) => literal(Literal::Int(positive(magnitude, token.span)?)),
            TokenKind::Duration(magnitude) => literal(Literal::Duration(positive(magnitude, token.span)?)),
            found => Err(Error::syntax(token.span, format!("a value is expected, not {found}"))),
        }
    }

    /// Reads what is behind a minus. Directly before a number it is part of the number, so that the least `int64` can
    /// be written.
    fn negated(&mut self, at: Span) -> Result<Tree> {
        let span = at.to(self.peek().span);
        if let Some(literal) = negative(&self.peek().kind) {
            self.at += 1;
            return Ok(Tree::new(Node::Literal(literal), span));
        }
        let operand = self.expression(power::NEGATE)?;
        let span = at.to(operand.span());
        Ok(Tree::new(Node::Negate(Box::new(operand)), span))
    }

    /// A bare name, or the call of a function.
    fn word(&mut self, word: String, at: Span) -> Result<Tree> {
        if !self.take(&TokenKind::Open) {
            return Ok(Tree::new(Node::Name(Name { view: None, name: word }), at));
        }
        let mut arguments = Vec::new();
        while self.peek().kind != TokenKind::Close {
            arguments.push(self.expression(0)?);
            if !self.take(&TokenKind::Comma) {
                break;
            }
        }
        let end = self.expect(&TokenKind::Close, "or `,` after an argument")?;
        let span = at.to(end);
        Ok(Tree::new(moment(&word, &arguments)?.map_or(Node::Call(word, arguments), Node::Literal), span))
    }

    /// Reads the items of a list, whose bracket is open, and the bracket that closes it.
    fn list(&mut self) -> Result<(Vec<Literal>, Span)> {
        let mut items = Vec::new();
        while self.peek().kind != TokenKind::CloseList {
            let item = self.expression(0)?;
            let Node::Literal(literal) = item.node() else {
                return Err(Error::syntax(item.span(), "a list has plain values: numbers, text, true, false or times"));
            };
            items.push(literal.clone());
            if !self.take(&TokenKind::Comma) {
                break;
            }
        }
        let end = self.expect(&TokenKind::CloseList, "or `,` after an item")?;
        Ok((items, end))
    }
}

/// An operator behind an operand.
#[derive(Clone, Copy)]
enum Infix {
    Binary(Binary),
    In { negated: bool },
}

impl Infix {
    fn power(self) -> u8 {
        match self {
            Infix::Binary(binary) => binary.power(),
            Infix::In { .. } => power::COMPARE,
        }
    }
}

fn infix(kind: &TokenKind) -> Option<Infix> {
    let compare = |comparison| Some(Infix::Binary(Binary::Compare(comparison)));
    let arithmetic = |arithmetic| Some(Infix::Binary(Binary::Arithmetic(arithmetic)));
    match kind {
        TokenKind::Or => Some(Infix::Binary(Binary::Or)),
        TokenKind::And => Some(Infix::Binary(Binary::And)),
        TokenKind::In => Some(Infix::In { negated: false }),
        TokenKind::Equal => compare(Comparison::Equal),
        TokenKind::NotEqual => compare(Comparison::NotEqual),
        TokenKind::Less => compare(Comparison::Less),
        TokenKind::LessOrEqual => compare(Comparison::LessOrEqual),
        TokenKind::Greater => compare(Comparison::Greater),
        TokenKind::GreaterOrEqual => compare(Comparison::GreaterOrEqual),
        TokenKind::Plus => arithmetic(Arithmetic::Add),
        TokenKind::Minus => arithmetic(Arithmetic::Subtract),
        TokenKind::Times => arithmetic(Arithmetic::Multiply),
        TokenKind::Slash => arithmetic(Arithmetic::Divide),
        TokenKind::DoubleSlash => arithmetic(Arithmetic::FloorDivide),
        TokenKind::Percent => arithmetic(Arithmetic::Modulo),
        _ => None,
    }
}

fn positive(magnitude: u64, span: Span) -> Result<i64> {
    i64::try_from(magnitude).map_err(|_| Error::syntax(span, format!("the number is too large: {magnitude}")))
}

/// The number behind a minus; its magnitude is at most 2^63, as the lexer has seen to.
fn negative(kind: &TokenKind) -> Option<Literal> {
    match kind {
        TokenKind::Int(magnitude) => Some(Literal::Int((*magnitude as i64).wrapping_neg())),
        TokenKind::Duration(magnitude) => Some(Literal::Duration((*magnitude as i64).wrapping_neg())),
        TokenKind::Float(value) => Some(Literal::Float(-value)),
        _ => None,
    }
}

/// The literal that `timestamp('...')` or `date('...')` is; `None` for other calls.
fn moment(function: &str, arguments: &[Tree]) -> Result<Option<Literal>> {
    let [argument] = arguments else { return Ok(None) };
    let Node::Literal(Literal::Text(text)) = argument.node() else { return Ok(None) };
    let read = match function {
        "timestamp" => text.parse::<Timestamp>().map(Literal::Timestamp),
        "date" => text.parse::<Date>().map(Literal::Date),
        _ => return Ok(None),
    };
    read.map(Some).map_err(|error| Error::syntax(argument.span(), error.to_string()))
}
