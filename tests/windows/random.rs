//! Windows over random events, compared with values that are worked out from the list of their deliveries.

use std::sync::Arc;

use arrow::array::Int64Array;
use asofdb::{
    AnswerColumns, Definitions, JoinOptions, KnownAt, Session, Span, Store, Timestamp, Value, parse_definitions,
};
use asofdb_model::{Asked, Delivery, window_values};
use proptest::collection::vec;
use proptest::prelude::*;

use super::{Purchase, bought, values};
use crate::common::{NOW, TestStore, batch, in_memory, int, times};

const WINDOWS: &str = concat!(
    events!(),
    r#"
[[window_view]]
name = "w"
from = "purchases"
where = "shop != 'c'"
windows = ["5m", "1h", "3h", "2d"]
EVERY
feature = [
    { name = "n", aggregate = "count" },
    { name = "least", aggregate = "min", of = "amount" },
    { name = "most", aggregate = "max", of = "amount", where = "shop == 'a'" },
    { name = "last", aggregate = "last", of = "shop" },
    { name = "first", aggregate = "first", of = "amount" },
    { name = "shops", aggregate = "distinct", of = "shop" },
    { name = "sum", aggregate = "sum", of = "amount" },
    { name = "spread", aggregate = "stddev", of = "amount" },
    { name = "latest", aggregate = "last_k", of = "shop", k = 3 },
]
"#
);

fn definitions(every: &str) -> Definitions {
    parse_definitions(&WINDOWS.replace("EVERY", every), "w.toml").unwrap()
}

/// A delivery of an event of user 1: at some time before now, known some seconds later, order, shop, amount.
fn delivery() -> impl Strategy<Value = Delivery> {
    // Events crowd at the borders of slots and hours.
    let seconds =
        prop_oneof![0..200_000i64, (0..600i64).prop_map(|slot| slot * 300), (0..55i64).prop_map(|hour| hour * 3_600)];
    let amount = proptest::option::weighted(0.9, prop_oneof![Just(0.0), Just(-0.0), -1e9..1e9]);
    (seconds, 0..3i64, 0..50_000i64, 0..4i64, prop_oneof![Just("a"), Just("b"), Just("c")], amount).prop_map(
        |(seconds, micros, lag, order, shop, amount)| {
            let event = NOW.minus(Span::from_secs(seconds)).plus(Span::from_micros(micros - 1));
            let event = event.min(NOW);
            let cells = vec![int(order), Some(Value::String(shop.to_owned())), amount.map(Value::Float64)];
            let created = event.plus(Span::from_secs(lag)).min(NOW);
            Delivery { event, created, id: order, deleted: false, cells }
        },
    )
}

/// Tries a condition of the definitions.
fn holds(condition: &str, event: &Delivery) -> bool {
    match condition {
        "shop != 'c'" => shop(event) != "c",
        "shop == 'a'" => shop(event) == "a",
        _ => panic!("{condition} is none of the definitions"),
    }
}

fn shop(event: &Delivery) -> &str {
    match &event.cells[1] {
        Some(Value::String(shop)) => shop,
        other => panic!("{other:?} is no shop"),
    }
}

fn purchase(event: &Delivery) -> Purchase<'_> {
    let amount = event.cells[2].as_ref().map(|amount| match amount {
        Value::Float64(amount) => *amount,
        other => panic!("{other} is no amount"),
    });
    (1, event.event, event.created, event.id, shop(event), amount)
}

fn check(store: &Store, deliveries: &[Delivery], at: Timestamp, known_at: Option<Timestamp>) {
    let wanted = window_values(&store.catalog(), "w", deliveries, Asked { at, known_at, now: NOW }, holds);
    let features: Vec<_> = wanted.iter().map(|wanted| format!("w:{}", wanted.feature)).collect();
    let features: Vec<_> = features.iter().map(String::as_str).collect();
    for (wanted, found) in wanted.iter().zip(values(store, &features, at, known_at)) {
        let is_met = match &wanted.found {
            None => found.is_none(),
            Some((expected, _)) => expected.is_met_by(found.as_ref()),
        };
        assert!(is_met, "{} at {at}, known at {known_at:?}: {found:?}, not {:?}", wanted.feature, wanted.found);
    }
}

/// A join, which reads the events of an entity once for many rows, gives what reads row by row give.
fn check_join(store: &Store, asked: &[(i64, i64, Option<i64>)]) {
    let at = |(seconds, micros, _): &(i64, i64, Option<i64>)| {
        NOW.minus(Span::from_secs(*seconds)).plus(Span::from_micros(micros - 1))
    };
    let request = store.prepare(&["w:*"]).unwrap();
    let columns = AnswerColumns { statuses: true, event_timestamps: true, ..AnswerColumns::default() };
    let known_at = asked.iter().find_map(|asked| Some(at(asked).plus(Span::from_secs(asked.2?)).min(NOW)));
    for known in [KnownAt::Ever, KnownAt::OwnTime, KnownAt::from(known_at)] {
        let spine = batch(vec![
            ("user_id", Arc::new(Int64Array::from_iter_values(asked.iter().map(|_| 1)))),
            ("event_timestamp", times(asked.iter().map(|asked| Some(at(asked))))),
        ]);
        let options = JoinOptions { columns, known_at: known, ..JoinOptions::default() };
        let schema = spine.schema();
        let mut joined = store.point_in_time_join(&["w:*"], schema, [Ok(spine)].into_iter(), &options).unwrap();
        let joined = joined.next().unwrap().unwrap();
        for (row, asked) in asked.iter().enumerate() {
            let known_at = match known {
                KnownAt::Ever => None,
                KnownAt::At(known_at) => Some(known_at),
                KnownAt::OwnTime => Some(at(asked)),
            };
            let answer = store.as_of(&request, &super::entities(&request, &[1]), at(asked), known_at).unwrap();
            let answer = answer.to_record_batch(columns).unwrap();
            let of_join = joined.slice(row, 1).project(&(2..joined.num_columns()).collect::<Vec<_>>()).unwrap();
            assert_eq!(format!("{of_join:?}"), format!("{answer:?}"), "row {row}, {known:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn windows_are_what_the_list_of_the_deliveries_says(
        deliveries in vec(delivery(), 1..60),
        asked in vec((0..220_000i64, 0..3i64, proptest::option::of(0..60_000i64)), 1..8),
        is_stepped in any::<bool>(),
        is_on_disk in any::<bool>(),
    ) {
        let every = if is_stepped { "every = \"5m\"" } else { "" };
        let test = is_on_disk.then(|| TestStore::new(&definitions(every)));
        let memory = (!is_on_disk).then(|| in_memory(&definitions(every)));
        let store = test.as_ref().map(|test| &test.store).or(memory.as_ref()).unwrap();
        for part in deliveries.chunks(20) {
            let rows: Vec<Purchase<'_>> = part.iter().map(purchase).collect();
            store.write("purchases", &bought(&rows)).unwrap();
            if is_on_disk {
                store.flush().unwrap();
            }
        }
        check_join(store, &asked);
        for (seconds, micros, known) in asked {
            let at = NOW.minus(Span::from_secs(seconds)).plus(Span::from_micros(micros - 1));
            let known_at = known.map(|lag| at.plus(Span::from_secs(lag)).min(NOW));
            check(store, &deliveries, at, known_at);
        }
    }
}
