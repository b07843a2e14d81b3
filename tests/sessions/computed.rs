//! Windows, expressions and values of a request: the same answers wherever the store is.

use std::sync::Arc;

use arrow::array::{Array, Float64Array, Int64Array, RecordBatch, StringArray};
use asofdb::{
    Allow, AnswerColumns, Definitions, EntityRows, ErrorKind, F32Matrix, JoinOptions, Prepared, ScalarType, Session,
    Span, Status, Timestamp, Value, parse_definitions,
};

use crate::common::{batch, int, times};

const COMPUTED: &str = r#"
[[entity]]
name = "user"
join_keys = [{ name = "user_id", type = "int64" }]

[[event_view]]
name = "purchases"
entities = ["user"]
columns = [{ name = "shop", type = "string" }, { name = "price", type = "float64" }]

[[window_view]]
name = "spending"
from = "purchases"
windows = ["1h", "24h"]
feature = [
    { name = "n", aggregate = "count" },
    { name = "mean", aggregate = "mean", of = "price" },
    { name = "shops", aggregate = "last_k", of = "shop", k = 2 },
]

[[derived_view]]
name = "offer"
request = [{ name = "amount", type = "float64" }, { name = "shop", type = "string", required = false }]
feature = [
    { name = "times_mean", type = "float64", expression = "amount / spending:mean_24h" },
    { name = "place", type = "string", expression = "coalesce(shop, 'nowhere')" },
]
"#;

const FEATURES: [&str; 5] =
    ["spending:n_1h", "spending:mean_24h", "spending:shops_24h", "offer:times_mean", "offer:place"];

/// The rows that are asked about: a user, an amount, and perhaps a shop.
const ASKED: [(Option<i64>, f64, Option<&str>); 3] =
    [(Some(1), 50.0, Some("Zoë")), (Some(2), 5.0, None), (None, 1.0, None)];

fn computed(text: &str) -> Definitions {
    parse_definitions(text, "computed.toml").unwrap()
}

fn text(text: &str) -> Option<Value> {
    Some(Value::String(text.to_owned()))
}

fn float(value: f64) -> Option<Value> {
    Some(Value::Float64(value))
}

/// Defines the views, and writes two purchases of user 1. Returns the time of the session before that.
fn begin(session: &impl Session) -> Timestamp {
    session.apply(&computed(COMPUTED), true).unwrap();
    let at = session.now().unwrap();
    let ago = |minutes: i64| Some(at.minus(Span::from_secs(minutes * 60)));
    let rows = batch(vec![
        ("user_id", Arc::new(Int64Array::from(vec![1, 1]))),
        ("event_timestamp", times([ago(150), ago(15)])),
        ("shop", Arc::new(StringArray::from(vec!["a", "b"]))),
        ("price", Arc::new(Float64Array::from(vec![10.0, 30.0]))),
    ]);
    session.write("purchases", &rows).unwrap();
    at
}

fn asked(request: &Prepared) -> EntityRows {
    let mut rows = request.entity_rows();
    for (user, amount, shop) in ASKED {
        rows.push_with(&[user.map(Value::Int64)], &[float(amount), shop.and_then(text)]).unwrap();
    }
    rows
}

pub fn computed_features_are_the_same_wherever_the_store_is(session: &impl Session) {
    let at = begin(session);
    let request = session.prepare(&FEATURES).unwrap();
    let answer = session.as_of(&request, &asked(&request), at, None).unwrap();
    let shops = Some(Value::List(ScalarType::String, vec![Value::String("b".into()), Value::String("a".into())]));
    let values = |row| (0..5).map(|feature| answer.value(row, feature).unwrap()).collect::<Vec<_>>();
    assert_eq!(values(0), [int(1), float(20.0), shops, float(2.5), text("Zoë")]);
    assert_eq!(values(1), [None, None, None, None, text("nowhere")]);
    let statuses = |row| (0..5).map(|feature| answer.status(row, feature)).collect::<Vec<_>>();
    assert_eq!(statuses(0), [Status::Present; 5]);
    for row in [1, 2] {
        assert_eq!(statuses(row)[..4], [Status::Missing; 4]);
        assert_eq!(statuses(row)[4], Status::Present);
    }
    assert_eq!(answer.event_timestamp(0, 1), Some(at.minus(Span::from_secs(900))));
    assert_eq!(answer.event_timestamp(0, 4), Some(at), "a value of the request is of the time asked about");
    let newest = session.latest(&request, &asked(&request)).unwrap();
    assert_eq!(newest.value(0, 3).unwrap(), float(2.5));

    let request = session.prepare(&["spending:mean_24h", "offer:times_mean"]).unwrap();
    let (mut values, mut statuses) = ([0.0; 6], [Status::Expired; 6]);
    let matrix = F32Matrix { values: &mut values, statuses: Some(&mut statuses), fill: -1.0 };
    session.as_of_f32(&request, &asked(&request), at, None, matrix).unwrap();
    assert_eq!(values, [20.0, 2.5, -1.0, -1.0, -1.0, -1.0]);
    assert_eq!(statuses[..2], [Status::Present; 2]);
    assert_eq!(statuses[2..], [Status::Missing; 4]);
}

pub fn a_training_row_with_request_values_is_what_a_read_gives(session: &impl Session) {
    let at = begin(session);
    let request = session.prepare(&FEATURES).unwrap();
    let columns = AnswerColumns { full_names: true, statuses: true, ..AnswerColumns::default() };
    let online = session.as_of(&request, &asked(&request), at, None).unwrap().to_record_batch(columns).unwrap();
    let spine = batch(vec![
        ("user_id", Arc::new(Int64Array::from_iter(ASKED.map(|row| row.0))) as _),
        ("event_timestamp", times(ASKED.map(|_| Some(at)))),
        ("amount", Arc::new(Float64Array::from_iter_values(ASKED.map(|row| row.1)))),
        ("shop", Arc::new(StringArray::from_iter(ASKED.map(|row| row.2)))),
    ]);
    let options = JoinOptions { columns, ..JoinOptions::default() };
    let join = |spine: RecordBatch| {
        let schema = spine.schema();
        session.point_in_time_join(&FEATURES, schema, vec![Ok(spine)].into_iter(), &options)
    };
    let joined = join(spine.clone()).unwrap().next().expect("a batch").unwrap();
    for field in online.schema().fields() {
        let name = field.name();
        assert_eq!(joined[name.as_str()].as_ref(), online[name.as_str()].as_ref() as &dyn Array, "{name}");
    }
    let error = join(spine.project(&[0, 1]).unwrap()).and_then(|mut joined| joined.next().expect("an error"));
    assert_eq!(error.unwrap_err().message(), "there is no column for the request value \"amount\" (float64)");
}

pub fn an_expression_that_is_redefined_is_followed(session: &impl Session) {
    let at = begin(session);
    let request = session.prepare(&["offer:times_mean"]).unwrap();
    let rows = asked(&request);
    let value = |rows: &EntityRows| session.as_of(&request, rows, at, None).map(|answer| answer.value(0, 0).unwrap());
    assert_eq!(value(&rows).unwrap(), float(2.5));
    let doubled = COMPUTED.replace("amount / spending", "amount * 2.0 / spending");
    assert_eq!(session.apply(&computed(&doubled), false).unwrap_err().kind(), ErrorKind::Conflict);
    let allow = Allow { redefine: true, used: true, ..Allow::default() };
    session.apply_to(&computed(&doubled), allow, None).unwrap();
    assert_eq!(value(&rows).unwrap(), float(5.0));
    // With one more value, rows of before don't suit any more; nothing is read with values in wrong places.
    let more = doubled.replace("request = [", "request = [{ name = \"first\", type = \"int64\", required = false }, ");
    session.apply_to(&computed(&more), allow, None).unwrap();
    assert_eq!(value(&rows).unwrap_err().kind(), ErrorKind::Conflict);
    let request = session.prepare(&["offer:times_mean"]).unwrap();
    let names: Vec<_> = request.request_values().into_iter().map(|value| value.name).collect();
    assert_eq!(names, ["first", "amount", "shop"]);
    let mut rows = request.entity_rows();
    let user = [("user_id", Value::Int64(1))];
    rows.push_named_with(&user, &[("amount", Value::Float64(10.0))]).unwrap();
    let answer = session.as_of(&request, &rows, at, None).unwrap();
    assert_eq!(answer.value(0, 0).unwrap(), float(1.0));
}
