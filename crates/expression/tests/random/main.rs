//! Random typed expressions over random columns with nulls and every status: one row, many rows and a naive walk of the
//! tree give the same values to the bit, the same statuses, event times and counts of nulls.

mod columns;
mod generator;
mod oracle;
mod random;
mod value;

use std::collections::BTreeSet;

use asofdb_expression::{
    Batch, Computed, Expression, Node, Nulls, Outcome, Program, Scratch, TEXT_BYTES_MAX, Tree, function_names,
};
use asofdb_storage::Status;

use crate::columns::Columns;
use crate::generator::Generator;
use crate::oracle::Walk;
use crate::random::Random;
use crate::value::{Ty, V};

const ROWS: usize = 1_024;
/// The number of rows that are also evaluated one by one.
const ALONE: usize = 48;
const EXPRESSIONS: u64 = 1_500;

/// The things that are compared of a row.
#[derive(Debug, PartialEq)]
struct Answer {
    value: Option<V>,
    status: Status,
    event: i64,
}

fn answer(outcome: &Outcome<'_>, row: usize, ty: Ty) -> Answer {
    let value = outcome.valid[row].then(|| match outcome.values {
        Computed::Bool(values) => V::Bool(values[row]),
        Computed::Int(values) => V::int(values[row], ty),
        Computed::Float(values) => V::Float(values[row]),
        Computed::Text { offsets, bytes } => V::Text(bytes[offsets[row] as usize..offsets[row + 1] as usize].to_vec()),
        Computed::List { offsets, items } => V::list(&items, offsets[row] as usize..offsets[row + 1] as usize, ty),
    });
    Answer { value, status: outcome.statuses[row], event: outcome.events[row] }
}

/// The counts of all comparisons.
#[derive(Debug, Default)]
struct Seen {
    statuses: [u64; 4],
    nulls: Nulls,
}

/// Compares batch, single rows and walk for one expression.
fn compare(tree: &Tree, ty: Ty, columns: &Columns, seen: &mut Seen) {
    let text = tree.to_string();
    if text.len() > TEXT_BYTES_MAX {
        return;
    }
    let expression = Expression::parse(&text).unwrap_or_else(|error| panic!("{}", error.render(&text)));
    assert_eq!(expression.tree(), tree, "{text}");
    let program =
        Program::compile(&expression, &columns.scope()).unwrap_or_else(|error| panic!("{}", error.render(&text)));
    assert_eq!(program.ty().to_string(), ty.name(), "{text}");
    let inputs = columns.of(&program);
    let mut scratch = Scratch::new();
    let batch = Batch { now: &columns.now, columns: &inputs };
    let outcome = program.evaluate(&batch, &mut scratch).expect("a good batch");

    let mut nulls = Nulls::default();
    let mut alone_scratch = Scratch::new();
    for row in 0..ROWS {
        let mut walk = Walk::new(columns, row);
        let value = walk.value(tree).map(|value| value.widened(ty));
        let expected = Answer { status: walk.status(value.is_some()), event: walk.event(), value };
        let given = answer(&outcome, row, ty);
        assert_eq!(given, expected, "{text}\nrow {row}: {}", columns.show(&program, row));
        nulls += walk.nulls;
        seen.statuses[given.status as usize] += 1;
        if row < ALONE {
            let single = columns.single(&program, row);
            let batch = Batch { now: &columns.now[row..=row], columns: &single.columns() };
            let alone = program.evaluate(&batch, &mut alone_scratch).expect("a good batch");
            assert_eq!(answer(&alone, 0, ty), expected, "{text}\nalone, row {row}");
            assert_eq!(alone.nulls, walk.nulls, "{text}\nalone, row {row}");
        }
    }
    assert_eq!(outcome.nulls, nulls, "{text}");
    seen.nulls += nulls;
}

/// The functions that trees call.
fn called<'t>(tree: &'t Tree, names: &mut BTreeSet<&'t str>) {
    match tree.node() {
        Node::Literal(_) | Node::List(_) | Node::Name(_) | Node::Now => {}
        Node::Negate(operand) | Node::Not(operand) | Node::In(operand, _) => called(operand, names),
        Node::Binary(_, left, right) => {
            called(left, names);
            called(right, names);
        }
        Node::Call(function, arguments) => {
            names.insert(function);
            arguments.iter().for_each(|argument| called(argument, names));
        }
    }
}

#[test]
fn one_row_many_rows_and_a_naive_walk_are_the_same_bits() {
    let (mut seen, mut trees) = (Seen::default(), Vec::new());
    let mut columns = Columns::random(&mut Random::new(1), ROWS);
    for seed in 0..EXPRESSIONS {
        let mut random = Random::new(seed + 1_000);
        if seed % 100 == 0 {
            columns = Columns::random(&mut random, ROWS);
        }
        let ty = Ty::ALL[random.below(Ty::ALL.len())];
        let depth = 1 + random.below(5) as u32;
        let tree = Generator { random: &mut random }.tree(ty, depth);
        compare(&tree, ty, &columns, &mut seen);
        trees.push(tree);
    }
    // It was about something: every function was called, and every status and reason came about.
    let mut names = BTreeSet::from(["date", "timestamp"]);
    trees.iter().for_each(|tree| called(tree, &mut names));
    assert_eq!(names, function_names().collect());
    assert!(Status::ALL.iter().all(|status| seen.statuses[*status as usize] > 1_000), "{seen:?}");
    assert!(
        [seen.nulls.overflow, seen.nulls.division, seen.nulls.domain].iter().all(|count| *count > 1_000),
        "{seen:?}"
    );
}

#[test]
fn a_scratch_serves_batches_of_any_size_one_after_another() {
    let columns = Columns::random(&mut Random::new(7), ROWS);
    for seed in 0..60 {
        let mut random = Random::new(seed + 77_000);
        let ty = Ty::ALL[random.below(Ty::ALL.len())];
        let tree = Generator { random: &mut random }.tree(ty, 4);
        let expression = Expression::parse(&tree.to_string()).unwrap();
        let program = Program::compile(&expression, &columns.scope()).unwrap();
        let mut scratch = Scratch::new();
        for (from, to) in [(0, 3), (0, ROWS), (5, 6), (100, 400), (7, 7), (1_000, 1_001), (3, 900)] {
            let part = columns.part(&program, from..to);
            let batch = Batch { now: &columns.now[from..to], columns: &part.columns() };
            let mut fresh = Scratch::new();
            let expected = program.evaluate(&batch, &mut fresh).unwrap();
            let given = program.evaluate(&batch, &mut scratch).unwrap();
            for row in 0..to - from {
                assert_eq!(answer(&given, row, ty), answer(&expected, row, ty), "{tree} {from}..{to} {row}");
            }
            assert_eq!(given.nulls, expected.nulls, "{tree}");
        }
    }
}
