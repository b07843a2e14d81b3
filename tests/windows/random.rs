//! Windows over random events, compared with values that are worked out from the list of the writes.

use std::sync::Arc;

use arrow::array::Int64Array;
use asofdb::{
    AnswerColumns, Definitions, JoinOptions, KnownAt, Session, Span, Store, Timestamp, Value, parse_definitions,
};
use proptest::collection::vec;
use proptest::prelude::*;

use super::{Purchase, bought, values};
use crate::common::{NOW, TestStore, batch, in_memory, times};

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

/// The lengths of the windows in seconds, with their names.
const LENGTHS: [(&str, i64); 4] = [("5m", 300), ("1h", 3_600), ("3h", 10_800), ("2d", 172_800)];

fn definitions(every: &str) -> Definitions {
    parse_definitions(&WINDOWS.replace("EVERY", every), "w.toml").unwrap()
}

/// A write: seconds before now and before the event's slot, known some seconds later, order, shop, amount.
#[derive(Debug, Clone)]
struct Write {
    event: Timestamp,
    created: Timestamp,
    order: i64,
    shop: &'static str,
    amount: Option<f64>,
}

fn write() -> impl Strategy<Value = Write> {
    // Events crowd at the borders of slots and hours.
    let seconds =
        prop_oneof![0..200_000i64, (0..600i64).prop_map(|slot| slot * 300), (0..55i64).prop_map(|hour| hour * 3_600)];
    let amount = proptest::option::weighted(0.9, prop_oneof![Just(0.0), Just(-0.0), -1e9..1e9]);
    (seconds, 0..3i64, 0..50_000i64, 0..4i64, prop_oneof![Just("a"), Just("b"), Just("c")], amount).prop_map(
        |(seconds, micros, lag, order, shop, amount)| {
            let event = NOW.minus(Span::from_secs(seconds)).plus(Span::from_micros(micros - 1));
            let event = event.min(NOW);
            Write { event, created: event.plus(Span::from_secs(lag)).min(NOW), order, shop, amount }
        },
    )
}

/// The events that count at a time, as they were known, newest first and by id within a time.
fn events(writes: &[Write], at: Timestamp, known_at: Option<Timestamp>) -> Vec<Write> {
    let mut known: Vec<_> = writes.iter().filter(|write| known_at.is_none_or(|known| write.created <= known)).collect();
    // Of one event the greatest created counts; of equal ones the later write.
    known.sort_by_key(|write| (std::cmp::Reverse(write.event), write.order, write.created));
    let mut events: Vec<Write> = Vec::new();
    for write in known.into_iter().filter(|write| write.event <= at) {
        match events.last_mut().filter(|last| (last.event, last.order) == (write.event, write.order)) {
            Some(last) => *last = write.clone(),
            None => events.push(write.clone()),
        }
    }
    events
}

/// The features of one window, worked out from the list.
fn expected(events: &[Write], start: Timestamp) -> Vec<Option<Value>> {
    let inside: Vec<_> = events.iter().filter(|event| event.event > start && event.shop != "c").collect();
    let amounts = || inside.iter().filter_map(|event| event.amount);
    let in_a = inside.iter().filter(|event| event.shop == "a").filter_map(|event| event.amount);
    let mut shops: Vec<_> = inside.iter().map(|event| event.shop).collect();
    shops.sort_unstable();
    shops.dedup();
    vec![
        Some(Value::Int64(inside.len() as i64)),
        amounts().min_by(f64::total_cmp).map(Value::Float64),
        in_a.max_by(f64::total_cmp).map(Value::Float64),
        inside.first().map(|event| Value::String(event.shop.to_owned())),
        amounts().next_back().map(Value::Float64),
        Some(Value::Int64(shops.len() as i64)),
    ]
}

fn check(store: &Store, writes: &[Write], every: Option<i64>, at: Timestamp, known_at: Option<Timestamp>) {
    let end = every.map_or(at, |every| Timestamp::from_micros(at.as_micros() - at.as_micros().rem_euclid(every)));
    let events = events(writes, end, known_at);
    for (name, seconds) in LENGTHS {
        let features = ["n", "least", "most", "last", "first", "shops"].map(|feature| format!("w:{feature}_{name}"));
        let features: Vec<_> = features.iter().map(String::as_str).collect();
        let wanted = match events.is_empty() {
            true => vec![None; 6],
            false => expected(&events, end.minus(Span::from_secs(seconds))),
        };
        // Bits are compared, so that the two zeros differ.
        let found = values(store, &features, at, known_at);
        assert_eq!(format!("{found:?}"), format!("{wanted:?}"), "{name} at {at}, known at {known_at:?}");
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
    fn windows_are_what_the_list_of_the_writes_says(
        writes in vec(write(), 1..60),
        asked in vec((0..220_000i64, 0..3i64, proptest::option::of(0..60_000i64)), 1..8),
        is_stepped in any::<bool>(),
        is_on_disk in any::<bool>(),
    ) {
        let every = if is_stepped { "every = \"5m\"" } else { "" };
        let test = is_on_disk.then(|| TestStore::new(&definitions(every)));
        let memory = (!is_on_disk).then(|| in_memory(&definitions(every)));
        let store = test.as_ref().map(|test| &test.store).or(memory.as_ref()).unwrap();
        for part in writes.chunks(20) {
            let rows: Vec<Purchase<'_>> = part
                .iter()
                .map(|write| (1, write.event, write.created, write.order, write.shop, write.amount))
                .collect();
            store.write("purchases", &bought(&rows)).unwrap();
            if is_on_disk {
                store.flush().unwrap();
            }
        }
        check_join(store, &asked);
        for (seconds, micros, known) in asked {
            let at = NOW.minus(Span::from_secs(seconds)).plus(Span::from_micros(micros - 1));
            let known_at = known.map(|lag| at.plus(Span::from_secs(lag)).min(NOW));
            check(store, &writes, is_stepped.then_some(300_000_000), at, known_at);
        }
    }
}
