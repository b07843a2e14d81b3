//! Events that are also found by another entity: defined, loaded, read and deleted wherever the store is.

use std::sync::Arc;

use arrow::array::{Float64Array, Int64Array, RecordBatch, StringArray};
use asofdb::{
    Allow, Definitions, ErrorKind, ExportOptions, IngestOptions, Input, Session, Span, Timestamp, Value,
    parse_definitions,
};
use tempfile::TempDir;

use crate::common::{batch, files, int, times};

const PURCHASES: &str = r#"
[[entity]]
name = "user"
join_keys = [{ name = "user_id", type = "int64" }]

[[entity]]
name = "shop"
join_keys = [{ name = "shop", type = "string" }]

[[event_view]]
name = "purchases"
entities = ["user"]
also_by = ["shop"]
event_id = ["order_id", "shop"]
columns = [
    { name = "order_id", type = "int64" },
    { name = "shop", type = "string" },
    { name = "price", type = "float64" },
]

[[window_view]]
name = "turnover"
from = "purchases"
entities = ["shop"]
windows = ["24h"]
feature = [{ name = "n", aggregate = "count" }, { name = "sum", aggregate = "sum", of = "price" }]
"#;

fn purchases(at: Timestamp, orders: &[i64], shop: &str) -> RecordBatch {
    batch(vec![
        ("user_id", Arc::new(Int64Array::from_iter_values(orders.iter().map(|order| order % 2)))),
        ("event_timestamp", times(orders.iter().map(|order| Some(at.minus(Span::from_secs(60 * order)))))),
        ("order_id", Arc::new(Int64Array::from(orders.to_vec()))),
        ("shop", Arc::new(StringArray::from(vec![shop; orders.len()]))),
        ("price", Arc::new(Float64Array::from(vec![2.0; orders.len()]))),
    ])
}

pub(super) fn events_are_found_by_other_entities_wherever_the_store_is(session: &impl Session) {
    let definitions = parse_definitions(PURCHASES, "purchases.toml").unwrap();
    session.apply(&definitions, true).unwrap();
    assert!(session.plan(&definitions).unwrap().is_empty());
    let (at, directory) = (session.now().unwrap(), TempDir::new().unwrap());
    session.write("purchases", &purchases(at, &[1, 2], "a")).unwrap();
    let path = files::parquet(directory.path().join("purchases.parquet"), &purchases(at, &[2, 3, 4], "b"), 10);
    let ingest = |paths: Vec<_>| {
        let inputs = paths.into_iter().map(Input::Path).collect();
        session.ingest("purchases", inputs, &IngestOptions::default(), &mut |_| ()).unwrap()
    };
    assert_eq!(ingest(vec![path]).rows_written, 3);
    session.delete_events("purchases", &purchases(at, &[3], "b")).unwrap();
    let of_shop = |shop: &str| {
        let request = session.prepare(&["turnover"]).unwrap();
        let mut shops = request.entity_rows();
        shops.push(&[Some(Value::String(shop.to_owned()))]).unwrap();
        let answer = session.latest(&request, &shops).unwrap();
        [answer.value(0, 0).unwrap(), answer.value(0, 1).unwrap()]
    };
    let float = |value| Some(Value::Float64(value));
    let check = || assert_eq!((of_shop("a"), of_shop("b")), ([int(2), float(4.0)], [int(2), float(4.0)]));
    check();
    // An export with its deletion, ingested into a store without events, has all of it again.
    let out = directory.path().join("out");
    session.export("purchases", &out, &ExportOptions::default(), &mut |_| ()).unwrap();
    session.apply_to(&Definitions::default(), Allow { used: true, ..Allow::drops(true) }, None).unwrap();
    session.apply(&definitions, false).unwrap();
    assert_eq!(of_shop("b"), [None, None]);
    let exported = std::fs::read_dir(&out).unwrap().map(|file| file.unwrap().path());
    assert_eq!(
        ingest(exported.filter(|path| path.extension().is_some_and(|e| e == "parquet")).collect()).rows_written,
        6
    );
    check();
    let verified = session.verify().unwrap();
    assert_eq!((verified.versions, verified.problems), (6, Vec::<String>::new()));
    let other = PURCHASES.replacen("also_by = [\"shop\"]", "", 1).replacen("entities = [\"shop\"]", "", 1);
    let error = session.apply(&parse_definitions(&other, "other.toml").unwrap(), true).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
}
