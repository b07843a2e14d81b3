//! Twelve duplicates of six kinds, planted among three hundred features.

use std::collections::BTreeSet;

use asofdb::{Store, parse_definitions};
use asofdb_platform::Discovery;

use super::catalog::{Column, View, chance, definitions, fill, related, unrelated};
use crate::common::{TestStore, hours_ago};

const USERS: i64 = 2_000;
const VIEWS: usize = 40;
const FEATURES: usize = 300;

/// Pairs that have to do with each other, and are not the same thing.
const RELATED: usize = 20;

/// Names that several views have, for things that have nothing to do with each other.
const NAMES: [&str; 12] = [
    "clicks",
    "visits",
    "score",
    "amount_30d",
    "is_active",
    "category",
    "ref",
    "level",
    "share_7d",
    "balance_max",
    "last_value",
    "flag",
];

/// A feature, and one that is the same thing, with their names.
struct Planted([(&'static str, Column); 2]);

/// One in a hundred values of a duplicate is wrong, as it is where two teams have computed it.
fn is_wrong(user: i64) -> bool {
    user % 100 == 17
}

fn or_wrong(user: i64, value: f64) -> f64 {
    if is_wrong(user) { value + 1_234.5 } else { value }
}

fn renamed() -> [Planted; 2] {
    let count = |user| (chance(user, 901).powi(2) * 40.0) as i64;
    let country = |user| ["Norway", "Chile", "Japan", "Kenya"][(chance(user, 902) * 4.0) as usize].to_owned();
    let other = move |user| if is_wrong(user) { "PERU".to_owned() } else { country(user).to_uppercase() };
    [
        Planted([
            ("purchase_count", Column::ints(USERS, count)),
            ("cnt_orders_paid", Column::ints(USERS, move |user| count(user) + i64::from(is_wrong(user)))),
        ]),
        Planted([("country", Column::texts(USERS, country)), ("residence", Column::texts(USERS, other))]),
    ]
}

fn rescaled() -> [Planted; 2] {
    let spend = |user| (chance(user, 903).powi(2) * 100_000.0).round() / 100.0;
    let celsius = |user| chance(user, 904) * 30.0 - 5.0;
    let cents = move |user| (or_wrong(user, spend(user)) * 100.0).round() as i64;
    [
        Planted([("spend_eur", Column::floats(USERS, spend)), ("spend_cents", Column::ints(USERS, cents))]),
        Planted([
            ("temp_c", Column::floats(USERS, celsius)),
            ("temp_f", Column::floats(USERS, move |user| or_wrong(user, celsius(user) * 1.8 + 32.0))),
        ]),
    ]
}

fn shifted() -> [Planted; 2] {
    let age = |user| 18.0 + (chance(user, 905) * 60.0).floor();
    let left = |user| (chance(user, 906) * 365.0) as i64;
    [
        Planted([
            ("user_age", Column::floats(USERS, age)),
            ("years_since_birth", Column::floats(USERS, move |user| or_wrong(user, age(user) + 0.4))),
        ]),
        Planted([
            ("days_left", Column::ints(USERS, left)),
            ("day_of_end", Column::ints(USERS, move |user| 400 - left(user) + 7 * i64::from(is_wrong(user)))),
        ]),
    ]
}

fn bucketed() -> [Planted; 2] {
    let tenure = |user| chance(user, 907) * 3_000.0;
    let band = move |user| if is_wrong(user) { 2 } else { (tenure(user) / 600.0) as i64 };
    let signup = |user| 18.0 + (chance(user, 908) * 60.0).floor();
    let cohort = move |user| format!("from {}", 10 * (signup(user) / 10.0) as i64);
    [
        Planted([("tenure", Column::floats(USERS, tenure)), ("band", Column::ints(USERS, band))]),
        Planted([("age_at_signup", Column::floats(USERS, signup)), ("cohort", Column::texts(USERS, cohort))]),
    ]
}

fn with_other_nulls() -> [Planted; 2] {
    let rating = |user: i64| (user % 3 != 0).then(|| (chance(user, 910) * 500.0).round() / 100.0);
    let days = |user: i64| (user % 5 != 0).then(|| (chance(user, 911) * 900.0) as i64);
    let filled = |user| Some(rating(user).unwrap_or(0.0));
    let counted = |user| Some(days(user).unwrap_or(-1));
    [
        Planted([
            ("rating", Column::Float((0..USERS).map(rating).collect())),
            ("mean_stars", Column::Float((0..USERS).map(filled).collect())),
        ]),
        Planted([
            ("days_since_login", Column::Int((0..USERS).map(days).collect())),
            ("last_seen", Column::Int((0..USERS).map(counted).collect())),
        ]),
    ]
}

/// Values of copies that are not kept up, and those of the originals now: four in ten have changed since.
fn stale() -> [Planted; 2] {
    let is_changed = |user| chance(user, 912) < 0.4;
    let balance = |user| (chance(user, 913) * 1e6).round() / 100.0;
    let now = move |user| if is_changed(user) { (chance(user, 914) * 1e6).round() / 100.0 } else { balance(user) };
    let names = ["new", "loyal", "lost", "asleep", "gold"];
    let segment = move |user| names[(chance(user, 915) * 5.0) as usize].to_owned();
    let moved =
        move |user| if is_changed(user) { names[(chance(user, 916) * 5.0) as usize].to_owned() } else { segment(user) };
    [
        Planted([("balance", Column::floats(USERS, now)), ("funds", Column::floats(USERS, balance))]),
        Planted([("segment", Column::texts(USERS, moved)), ("customer_group", Column::texts(USERS, segment))]),
    ]
}

/// Forty views with three hundred features, and the pairs that are planted in them. Originals are in the first half of
/// the views, and what is the same in the second.
fn catalog() -> (Vec<View>, BTreeSet<[String; 2]>) {
    let mut views: Vec<View> =
        (0..VIEWS).map(|number| View { name: format!("topic_{number:02}"), columns: Vec::new() }).collect();
    let mut pairs = BTreeSet::new();
    let all = [renamed(), rescaled(), shifted(), bucketed(), with_other_nulls(), stale()];
    for (number, Planted([original, copy])) in all.into_iter().flatten().enumerate() {
        let places = [number, VIEWS / 2 + number];
        pairs.insert([format!("topic_{:02}:{}", places[0], original.0), format!("topic_{:02}:{}", places[1], copy.0)]);
        for (place, (name, column)) in places.into_iter().zip([original, copy]) {
            views[place].columns.push((name.to_owned(), column));
        }
    }
    for seed in 0..RELATED {
        for (half, column) in related(USERS, seed as u64).into_iter().enumerate() {
            views[(seed * 3 + half * 17) % VIEWS].columns.push((format!("related_{seed}_{half}"), column));
        }
    }
    for seed in 2 * (pairs.len() + RELATED)..FEATURES {
        let name = format!("{}{}", NAMES[seed % 12], ["", "_total", "_raw"][seed / VIEWS % 3]);
        let view = &mut views[seed % VIEWS];
        if view.columns.iter().all(|(known, _)| *known != name) {
            view.columns.push((name, unrelated(USERS, seed as u64)));
        } else {
            view.columns.push((format!("{name}_{seed}"), unrelated(USERS, seed as u64)));
        }
    }
    (views, pairs)
}

/// Fills the views: those of the originals of stale copies first with what they had then.
fn fill_all(store: &Store, views: &[View]) {
    for Planted([(original, _), (_, then)]) in stale() {
        let at = views.iter().position(|view| view.columns[0].0 == original).expect("a view that begins with it");
        let others = views[at].columns[1..].iter().map(|(name, column)| (name.clone(), column.clone()));
        let columns = std::iter::once((original.to_owned(), then)).chain(others).collect();
        fill(store, &View { name: views[at].name.clone(), columns }, USERS, hours_ago(90));
    }
    for (number, view) in views.iter().enumerate() {
        let is_copy = stale().iter().any(|Planted([_, (copy, _)])| view.columns[0].0 == *copy);
        fill(store, view, USERS, hours_ago(if is_copy { 50 } else { 2 + number as i64 % 7 }));
    }
}

#[test]
fn planted_duplicates_of_six_kinds_are_found_and_little_else() {
    let (views, planted) = catalog();
    assert_eq!((views.iter().map(|view| view.columns.len()).sum::<usize>(), planted.len()), (FEATURES, 12));
    let test = TestStore::new(&parse_definitions(&definitions(&views), "planted.toml").unwrap());
    fill_all(&test.store, &views);
    let all = test.store.duplicates(&[]).unwrap();
    let found: BTreeSet<_> = all.iter().map(|pair| pair.features.clone()).collect();
    let missed: Vec<_> = planted.difference(&found).collect();
    let wrong: Vec<_> = all.iter().filter(|pair| !planted.contains(&pair.features)).collect();
    let told: Vec<_> = wrong.iter().map(|pair| format!("{:?}: {}", pair.features, pair.reason)).collect();
    assert!(missed.len() <= 1 && wrong.len() <= 5, "missed: {missed:#?}\nwrong: {told:#?}");
}
