//! Normal forms of what features are computed by: two that are equal compute the same, however they are written.

use std::collections::BTreeMap;

use asofdb::{Lineage, LineageFeature, Origin, WindowOrigin};
use asofdb_expression::{Arithmetic, Binary, Comparison, Expression, Node, Tree};

/// Deepest chain of features whose expressions are put into one another.
const DEPTH_MAX: usize = 16;

/// Longest normal form in bytes; beyond it features are taken by name.
const BYTES_MAX: usize = 16 << 10;

/// The normal form of a feature that is computed; `None` of one that is stored, or that only takes the value of
/// another, or is too long to be compared.
pub(super) fn normal_form(lineage: &Lineage, one: &LineageFeature) -> Option<String> {
    let by_name: BTreeMap<String, &LineageFeature> =
        lineage.features.iter().map(|feature| (feature.reference(), feature)).collect();
    match &one.origin {
        Origin::Stored => None,
        Origin::Window(window) => window_form(window),
        Origin::Expression { program, .. } => {
            let form = of_expression(program.text(), &by_name, DEPTH_MAX)?;
            (form.len() <= BYTES_MAX).then_some(form)
        }
    }
}

fn window_form(window: &WindowOrigin) -> Option<String> {
    let conditions = window.conditions.iter().map(|text| {
        let parsed = Expression::parse(text).ok()?;
        Some(tree_form(parsed.tree(), &mut |name| name.to_owned()))
    });
    let mut conditions = conditions.collect::<Option<Vec<_>>>()?;
    conditions.sort_unstable();
    let (aggregate, of) = (&window.aggregate, window.of.as_deref().unwrap_or("events"));
    let every = window.every.map(|every| every.to_string()).unwrap_or_default();
    Some(format!(
        "{aggregate:?} of {of} in {} by {} over {} where {} every {every} offset {}",
        window.from.name,
        window.from.entities.join(", "),
        window.window,
        conditions.join(" and "),
        window.offset
    ))
}

/// An expression with those of its inputs in it, down to what is stored or a window.
fn of_expression(text: &str, by_name: &BTreeMap<String, &LineageFeature>, depth: usize) -> Option<String> {
    let parsed = Expression::parse(text).ok()?;
    Some(tree_form(parsed.tree(), &mut |name| {
        let Some(one) = by_name.get(name).filter(|_| depth > 0) else { return name.to_owned() };
        let inner = match &one.origin {
            Origin::Expression { program, .. } => of_expression(program.text(), by_name, depth - 1),
            Origin::Window(window) => window_form(window),
            Origin::Stored => None,
        };
        inner.filter(|inner| inner.len() <= BYTES_MAX).unwrap_or_else(|| name.to_owned())
    }))
}

/// A tree as text in which the order of operands, where it does not matter, is always the same. `input` gives the form
/// of an input by its name.
fn tree_form(tree: &Tree, input: &mut dyn FnMut(&str) -> String) -> String {
    match tree.node() {
        Node::Literal(literal) => literal.to_string(),
        Node::List(items) => format!("{items:?}"),
        Node::Name(name) => input(&name.reference()),
        Node::Now => "now".to_owned(),
        Node::Negate(operand) => format!("-({})", tree_form(operand, input)),
        Node::Not(operand) => format!("not ({})", tree_form(operand, input)),
        Node::In(operand, items) => {
            let mut items: Vec<_> = items.iter().map(ToString::to_string).collect();
            items.sort_unstable();
            items.dedup();
            format!("({} in {})", tree_form(operand, input), items.join(", "))
        }
        Node::Call(function, arguments) => {
            let arguments: Vec<_> = arguments.iter().map(|argument| tree_form(argument, input)).collect();
            format!("{function}({})", arguments.join(", "))
        }
        Node::Binary(operator, left, right) => binary_form(*operator, left, right, input),
    }
}

fn binary_form(operator: Binary, left: &Tree, right: &Tree, input: &mut dyn FnMut(&str) -> String) -> String {
    if is_chain(operator) {
        let mut operands = Vec::new();
        chain(operator, left, input, &mut operands);
        chain(operator, right, input, &mut operands);
        operands.sort_unstable();
        return format!("({})", operands.join(&format!(" {} ", operator.symbol())));
    }
    let (left, right) = (tree_form(left, input), tree_form(right, input));
    let (first, symbol, second) = match operator {
        Binary::Compare(Comparison::Greater) => (right, "<", left),
        Binary::Compare(Comparison::GreaterOrEqual) => (right, "<=", left),
        Binary::Compare(Comparison::Equal | Comparison::NotEqual) if right < left => (right, operator.symbol(), left),
        _ => (left, operator.symbol(), right),
    };
    format!("({first} {symbol} {second})")
}

/// Returns whether operands may come in any order, and in any grouping.
fn is_chain(operator: Binary) -> bool {
    matches!(operator, Binary::Or | Binary::And | Binary::Arithmetic(Arithmetic::Add | Arithmetic::Multiply))
}

/// Collects the operands of a chain of one operator.
fn chain(operator: Binary, tree: &Tree, input: &mut dyn FnMut(&str) -> String, operands: &mut Vec<String>) {
    match tree.node() {
        Node::Binary(of, left, right) if *of == operator => {
            chain(operator, left, input, operands);
            chain(operator, right, input, operands);
        }
        _ => operands.push(tree_form(tree, input)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(text: &str) -> String {
        tree_form(Expression::parse(text).unwrap().tree(), &mut |name| name.to_owned())
    }

    #[test]
    fn expressions_that_say_the_same_have_one_form() {
        for (one, other) in [
            ("a:x + b:y", "b:y+a:x"),
            ("(a:x + 1) + b:y", "1 + (b:y + a:x)"),
            ("a:x > 3 and b:y == 2", "2 == b:y and 3 < a:x"),
            ("a:x in [1, 2]", "a:x in [2, 1, 1]"),
            ("a:x >= 1 or not (b:y)", "not b:y or 1 <= a:x"),
        ] {
            assert_eq!(form(one), form(other), "{one} / {other}");
        }
        for (one, other) in [("a:x - b:y", "b:y - a:x"), ("a:x / 2", "2 / a:x"), ("a:x < 1", "1 < a:x")] {
            assert_ne!(form(one), form(other), "{one} / {other}");
        }
    }
}
