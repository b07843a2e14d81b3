//! A catalog of many features that have nothing to do with each other, and values for them.

use std::fmt::Write;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Float64Array, Int64Array, StringArray};
use asofdb::{Store, Timestamp};

use crate::common::{batch, times};

/// Mixes two numbers into one that has nothing to do with either.
pub fn mixed(one: u64, other: u64) -> u64 {
    let mut mixed = one.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ other.wrapping_mul(0xC2B2_AE3D_27D4_EB4F);
    mixed = (mixed ^ (mixed >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 32)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 30)
}

/// From 0 to 1.
pub fn chance(user: i64, seed: u64) -> f64 {
    (mixed(user as u64, seed) >> 11) as f64 / (1_u64 << 53) as f64
}

/// Values of a feature, one a user.
#[derive(Clone)]
pub enum Column {
    Bool(Vec<Option<bool>>),
    Int(Vec<Option<i64>>),
    Float(Vec<Option<f64>>),
    Text(Vec<Option<String>>),
}

impl Column {
    pub fn floats(users: i64, value: impl Fn(i64) -> f64) -> Self {
        Column::Float((0..users).map(|user| Some(value(user))).collect())
    }

    pub fn ints(users: i64, value: impl Fn(i64) -> i64) -> Self {
        Column::Int((0..users).map(|user| Some(value(user))).collect())
    }

    pub fn texts(users: i64, value: impl Fn(i64) -> String) -> Self {
        Column::Text((0..users).map(|user| Some(value(user))).collect())
    }

    fn ty(&self) -> &'static str {
        match self {
            Column::Bool(_) => "bool",
            Column::Int(_) => "int64",
            Column::Float(_) => "float64",
            Column::Text(_) => "string",
        }
    }

    fn array(&self) -> ArrayRef {
        match self {
            Column::Bool(values) => Arc::new(BooleanArray::from(values.clone())),
            Column::Int(values) => Arc::new(Int64Array::from(values.clone())),
            Column::Float(values) => Arc::new(Float64Array::from(values.clone())),
            Column::Text(values) => Arc::new(StringArray::from(values.clone())),
        }
    }
}

/// A feature that has nothing to do with any other: flags, counts, amounts, categories and identifiers, as stores have
/// them. Some are nearly constant, and some have holes.
pub fn unrelated(users: i64, seed: u64) -> Column {
    let of = move |user: i64| chance(user, seed);
    match seed % 10 {
        0 => Column::Bool((0..users).map(|user| Some(of(user) < 0.3)).collect()),
        1 => Column::Bool((0..users).map(|user| Some(of(user) < 0.01)).collect()),
        2 => Column::ints(users, move |user| (1.0 / (of(user) + 0.01)) as i64),
        3 => Column::ints(users, move |user| if of(user) < 0.9 { 0 } else { (of(user) * 100.0) as i64 }),
        4 => Column::floats(users, move |user| of(user).powi(3) * 10_000.0),
        5 => Column::Float((0..users).map(|user| (of(user) < 0.7).then(|| of(user) * 7.0)).collect()),
        6 => Column::texts(users, move |user| ["DE", "AT", "CH", "FR"][(of(user) * 4.0) as usize].to_owned()),
        7 => Column::texts(users, move |user| format!("id-{:x}", mixed(user as u64, seed))),
        8 => Column::ints(users, move |user| 1 + (of(user) * 5.0) as i64),
        _ => Column::floats(users, move |user| (of(user) + chance(user, seed + 1_000)) * 50.0 - 20.0),
    }
}

/// Two features that have to do with each other, and are not the same thing: a count and a sum, a flag and one that
/// implies it, a measure and another that goes with it, and what was done in a week and in a month.
pub fn related(users: i64, seed: u64) -> [Column; 2] {
    let of = move |user: i64| chance(user, seed);
    let other = move |user: i64| chance(user, seed + 500);
    let count = move |user: i64| (of(user).powi(2) * 30.0) as i64;
    match seed % 5 {
        0 => [
            Column::ints(users, count),
            Column::floats(users, move |user| (count(user) as f64 * (5.0 + other(user) * 40.0)).round()),
        ],
        1 => [
            Column::Bool((0..users).map(|user| Some(of(user) < 0.5)).collect()),
            Column::Bool((0..users).map(|user| Some(of(user) < 0.5 && other(user) < 0.8)).collect()),
        ],
        2 => [
            Column::floats(users, move |user| of(user) * 100.0),
            Column::floats(users, move |user| of(user) * 100.0 + other(user) * 30.0),
        ],
        3 => [
            Column::ints(users, count),
            Column::ints(users, move |user| if other(user) < 0.6 { count(user) } else { count(user) / 2 }),
        ],
        _ => [
            Column::texts(users, move |user| format!("region {}", (of(user) * 6.0) as i64)),
            Column::texts(users, move |user| {
                format!("shop {}", if other(user) < 0.7 { of(user) * 6.0 } else { other(user) * 9.0 } as i64)
            }),
        ],
    }
}

/// A view with its columns, each by its name.
pub struct View {
    pub name: String,
    pub columns: Vec<(String, Column)>,
}

/// The definitions of views over users.
pub fn definitions(views: &[View]) -> String {
    let mut text = super::USER.to_owned();
    for view in views {
        let _ = write!(text, "[[feature_view]]\nname = \"{}\"\nentities = [\"user\"]\nfeature = [", view.name);
        for (name, column) in &view.columns {
            let _ = write!(text, "{{ name = \"{name}\", type = \"{}\" }}, ", column.ty());
        }
        text += "]\n";
    }
    text
}

/// Writes the columns of a view, for all users at one time.
pub fn fill(store: &Store, view: &View, users: i64, at: Timestamp) {
    let mut columns: Vec<(&str, ArrayRef)> = vec![
        ("user_id", Arc::new(Int64Array::from((0..users).collect::<Vec<_>>()))),
        ("event_timestamp", times((0..users).map(|_| Some(at)))),
    ];
    columns.extend(view.columns.iter().map(|(name, column)| (name.as_str(), column.array())));
    store.write(&view.name, &batch(columns)).expect("rows");
}
