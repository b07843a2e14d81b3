//! Expressions over one row and over 1,024: age, z-score and five operators, as in the research that chose this
//! language.

use std::collections::BTreeMap;
use std::hint::black_box;

use asofdb_expression::{Batch, Column, Expression, Name, Program, Scratch, Values};
use asofdb_storage::{ScalarType, Status, ValueType};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

const ROWS: usize = 1_024;

const EXPRESSIONS: [(&str, &str); 3] = [
    ("age", "year(now) - birth_year"),
    ("z-score", "if(stddev > 0.0, (amount - mean) / stddev, 0.0)"),
    ("five operators", "coalesce((amount - mean) * stddev + amount / mean, 0.0) - birth_year"),
];

/// Inputs of every row.
struct Inputs {
    now: Vec<i64>,
    years: Vec<i32>,
    floats: [Vec<f64>; 3],
    statuses: Vec<Status>,
    events: Vec<i64>,
}

impl Inputs {
    fn new() -> Self {
        let float = |salt: usize| (0..ROWS).map(|row| 1.0 + ((row * 7 + salt) % 97) as f64).collect();
        let now: Vec<i64> = (0..ROWS as i64).map(|row| 1_700_000_000_000_000 + row * 1_000_000).collect();
        Inputs {
            years: (0..ROWS as i32).map(|row| 1_950 + row % 60).collect(),
            floats: [float(1), float(2), float(3)],
            statuses: vec![Status::Present; ROWS],
            events: now.clone(),
            now,
        }
    }

    fn columns(&self, program: &Program, rows: usize) -> Vec<Column<'_>> {
        let values = |name: &str| match name {
            "birth_year" => Values::Int32(&self.years[..rows]),
            "amount" => Values::Float64(&self.floats[0][..rows]),
            "mean" => Values::Float64(&self.floats[1][..rows]),
            _ => Values::Float64(&self.floats[2][..rows]),
        };
        let column = |name: &str| Column {
            statuses: Some(&self.statuses[..rows]),
            events: Some(&self.events[..rows]),
            ..Column::new(values(name))
        };
        program.inputs().iter().map(|input| column(&input.name.name)).collect()
    }
}

fn compiled(text: &str) -> Program {
    let float = ValueType::Scalar(ScalarType::Float64);
    let scope = BTreeMap::from([
        (Name::new("birth_year"), ValueType::Scalar(ScalarType::Int32)),
        (Name::new("amount"), float),
        (Name::new("mean"), float),
        (Name::new("stddev"), float),
    ]);
    Program::compile(&Expression::parse(text).expect("an expression"), &scope).expect("a program")
}

fn evaluate(criterion: &mut Criterion) {
    let inputs = Inputs::new();
    for rows in [1, ROWS] {
        let mut group = criterion.benchmark_group(format!("{rows} rows"));
        group.throughput(Throughput::Elements(rows as u64));
        for (name, text) in EXPRESSIONS {
            let program = compiled(text);
            let columns = inputs.columns(&program, rows);
            let mut scratch = Scratch::new();
            group.bench_function(name, |bencher| {
                bencher.iter(|| {
                    let batch = Batch { now: black_box(&inputs.now[..rows]), columns: black_box(&columns) };
                    black_box(program.evaluate(&batch, &mut scratch).expect("a good batch").nulls)
                });
            });
        }
        group.finish();
    }
}

fn compile(criterion: &mut Criterion) {
    criterion.bench_function("parse and compile", |bencher| bencher.iter(|| compiled(black_box(EXPRESSIONS[1].1))));
}

criterion_group!(benches, evaluate, compile);
criterion_main!(benches);
