//! Point-in-time joins and training sets.

use std::sync::Arc;

use arrow::array::{ArrayRef, DictionaryArray, Float32Array, Int64Array, RecordBatch, StringArray};
use arrow::compute::concat_batches;
use arrow::datatypes::Int32Type;
use asofdb::{
    AnswerColumns, Error, ErrorKind, IngestOptions, Input, JOIN_MEMORY_BYTES_MIN, JoinOptions, JoinReport, KnownAt,
    Result, Session, TrainingSetOptions, read_definitions,
};

use super::{Host, read};
use crate::common::{batch, hours_ago, repository, times, users};

/// A thousand users with ten versions each, and a name of some hundred bytes.
fn host() -> Host {
    let host = Host::new(&users());
    let ids = (0..10_000i64).map(|n| n % 1_000);
    let rows = batch(vec![
        ("user_id", Arc::new(Int64Array::from_iter_values(ids.clone())) as ArrayRef),
        ("event_timestamp", times((0..10_000i64).map(|n| Some(hours_ago(1 + n / 1_000 * 30))))),
        ("score", Arc::new(Float32Array::from_iter((0..10_000).map(|n| (n % 11 > 0).then_some(n as f32))))),
        ("visits", Arc::new(Int64Array::from_iter_values(0..10_000))),
        ("name", Arc::new(StringArray::from_iter_values(ids.map(|id| format!("{id} {}", "n".repeat(200)))))),
    ]);
    host.store.write("profile", &rows).unwrap();
    host
}

/// Rows with a label, a repeated word and the time to ask about; some keys and times are null.
fn spine(rows: i64) -> RecordBatch {
    let words: DictionaryArray<Int32Type> = (0..rows).map(|n| ["a", "b", "c"][n as usize % 3]).collect();
    batch(vec![
        ("label", Arc::new(StringArray::from_iter_values((0..rows).map(|n| format!("label {n}")))) as ArrayRef),
        ("word", Arc::new(words)),
        ("user_id", Arc::new(Int64Array::from_iter((0..rows).map(|n| (n % 13 > 0).then_some(n * 37 % 1_100))))),
        ("event_timestamp", times((0..rows).map(|n| (n % 17 > 0).then(|| hours_ago(n * 7 % 60))))),
    ])
}

fn cut(rows: &RecordBatch, size: usize) -> Vec<RecordBatch> {
    (0..rows.num_rows()).step_by(size).map(|start| rows.slice(start, size.min(rows.num_rows() - start))).collect()
}

const FEATURES: &[&str] = &["profile:score", "profile:name"];

fn everything() -> JoinOptions {
    let columns = AnswerColumns { full_names: true, statuses: true, event_timestamps: true };
    JoinOptions { columns, ..JoinOptions::default() }
}

fn both(host: &Host, spine: &[RecordBatch], options: &JoinOptions) -> [(RecordBatch, JoinReport); 2] {
    let batches = || spine.iter().cloned().map(Ok);
    let mut remote = host.client.point_in_time_join(FEATURES, spine[0].schema(), batches(), options).unwrap();
    let mut local = host.store.point_in_time_join(FEATURES, spine[0].schema(), batches(), options).unwrap();
    assert_eq!(remote.schema(), local.schema());
    let schema = local.schema();
    let whole = |batches: Vec<RecordBatch>| concat_batches(&schema, &batches).unwrap();
    let remote_rows = whole(remote.by_ref().collect::<Result<_>>().unwrap());
    assert!(remote.next().is_none());
    let local_rows = whole(local.by_ref().collect::<Result<_>>().unwrap());
    [(remote_rows, remote.report().clone()), (local_rows, local.report().clone())]
}

#[test]
fn a_join_is_that_of_the_embedded_store() {
    let host = host();
    let spine = spine(20_000);
    for size in [20_000, 3_000] {
        let [remote, local] = both(&host, &cut(&spine, size), &everything());
        assert_eq!(remote, local);
        assert_eq!(remote.1.rows, 20_000);
        assert!(remote.1.null_rows > 1_000 && remote.1.features[0].by_status.iter().all(|count| *count > 0));
    }
    for known_at in [KnownAt::At(hours_ago(5)), KnownAt::OwnTime] {
        let options = JoinOptions { known_at, ..JoinOptions::default() };
        let [remote, local] = both(&host, &cut(&spine, 7_000), &options);
        assert_eq!(remote, local);
    }
    let [remote, local] = both(&host, &[spine.slice(0, 0)], &JoinOptions::default());
    assert_eq!(remote, local);
}

#[test]
fn a_spine_of_many_chunks_goes_out_while_its_result_comes_in() {
    let host = host();
    // Its answers take several times the memory of a join, so the result begins long before the spine has ended.
    let (part, parts) = (spine(50_000), 8);
    let options = JoinOptions { memory_bytes: JOIN_MEMORY_BYTES_MIN, ..everything() };
    let (mut rows, mut sent_at_first) = (0, None);
    let sent = std::cell::Cell::new(0);
    let batches = std::iter::repeat_n(part.clone(), parts).map(|batch| {
        sent.set(sent.get() + batch.num_rows());
        Ok(batch)
    });
    let mut join = host.client.point_in_time_join(FEATURES, part.schema(), batches, &options).unwrap();
    for batch in join.by_ref() {
        let batch = batch.unwrap();
        sent_at_first.get_or_insert(sent.get());
        assert_eq!(batch.column(0).as_ref(), part.column(0).slice(rows % 50_000, batch.num_rows()).as_ref());
        rows += batch.num_rows();
    }
    assert_eq!((rows, join.report().rows), (400_000, 400_000));
    assert!(sent_at_first.unwrap() < 400_000, "{sent_at_first:?}");
}

#[test]
fn a_join_that_is_refused_says_why_as_the_embedded_store_does() {
    let host = host();
    let good = spine(10);
    let start = |references: &[&str], options: &JoinOptions| {
        let (batches, schema) = (|| [Ok(good.clone())].into_iter(), good.schema());
        let remote = host.client.point_in_time_join(references, schema.clone(), batches(), options).map(drop);
        let local = host.store.point_in_time_join(references, schema, batches(), options).map(drop);
        let (remote, local) = (remote.unwrap_err(), local.unwrap_err());
        assert_eq!((remote.kind(), remote.message()), (local.kind(), local.message()));
        remote.kind()
    };
    assert_eq!(start(&["profile:scor"], &JoinOptions::default()), ErrorKind::NotFound);
    assert_eq!(start(FEATURES, &JoinOptions { memory_bytes: 1, ..JoinOptions::default() }), ErrorKind::Invalid);
    let options = JoinOptions { event_timestamp: "when".into(), ..JoinOptions::default() };
    let batches = std::iter::repeat_n(good.clone(), 100).map(Ok);
    let mut join = host.client.point_in_time_join(FEATURES, good.schema(), batches, &options).unwrap();
    let error = join.next().unwrap().unwrap_err();
    assert_eq!(error.message(), "the spine has no time column \"when\"");
    assert!(join.next().is_none());
    // The connection goes on.
    assert_eq!(both(&host, &[good], &JoinOptions::default())[0].1.rows, 10);
}

#[test]
fn a_spine_that_breaks_off_ends_the_join_and_nothing_else() {
    let host = host();
    let good = spine(10);
    let batches = [Ok(good.clone()), Err(Error::corrupt("a file is damaged"))];
    let mut join =
        host.client.point_in_time_join(FEATURES, good.schema(), batches.into_iter(), &JoinOptions::default()).unwrap();
    let error = join.find_map(Result::err).unwrap();
    assert_eq!((error.kind(), error.message()), (ErrorKind::Corrupt, "a file is damaged"));
    assert!(join.next().is_none());
    assert_eq!(both(&host, &[good], &JoinOptions::default())[0].1.rows, 10);
}

#[test]
fn the_training_set_of_the_flights_is_that_of_the_embedded_store() {
    let flights = repository("examples/flights");
    let host = Host::on_disk(&read_definitions(flights.join("definitions.toml")).unwrap());
    for (view, file) in [("airport_weather_v1", "weather"), ("route_daily_v1", "routes"), ("plane_v1", "planes")] {
        let inputs = vec![Input::Path(flights.join(format!("{file}.parquet")))];
        host.client.ingest(view, inputs, &IngestOptions::default(), &mut |_| ()).unwrap();
    }
    let options = TrainingSetOptions { join: everything(), ..TrainingSetOptions::default() };
    let (spine, references) = (flights.join("flights.parquet"), ["flight_delay_v1"]);
    let mut last = 0;
    let remote = host
        .client
        .training_set(&references, &spine, &host.path("there.parquet"), &options, &mut |progress| last = progress.rows)
        .unwrap();
    let local =
        host.store.training_set(&references, &spine, &host.path("here.parquet"), &options, &mut |_| ()).unwrap();
    assert_eq!(remote, local);
    assert!(remote.rows > 100_000 && last == remote.rows, "{} {last}", remote.rows);
    assert_eq!(read(&host.path("there.parquet")), read(&host.path("here.parquet")));
    let again = host.client.training_set(&references, &spine, &host.path("there.parquet"), &options, &mut |_| ());
    assert_eq!(again.unwrap_err().kind(), ErrorKind::Conflict);
}
