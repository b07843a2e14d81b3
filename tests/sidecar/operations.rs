//! Every operation gives the answers that an embedded store gives.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float32Array, Int64Array, RecordBatch, StringArray};
use asofdb::{
    Allow, AnswerColumns, CheckpointFiles, ErrorKind, F32Matrix, Prepared, Session, Span, Stage, Status, Store,
    SystemClock, Timestamp, Value,
};
use asofdb_client::Client;

use super::harness::{Sidecar, eventually};
use crate::common::{batch, int, times, users};

/// Rows of five users: user n has a score of n, n visits and a name, n hours ago; user 3 has a null score.
fn rows(now: Timestamp) -> RecordBatch {
    let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(0..5));
    let scores: ArrayRef = Arc::new(Float32Array::from_iter((0..5).map(|n| (n != 3).then_some(n as f32))));
    let visits: ArrayRef = Arc::new(Int64Array::from_iter_values((0..5).map(|n| n * 10)));
    let names: ArrayRef = Arc::new(StringArray::from_iter_values((0..5).map(|n| format!("user {n}"))));
    let events = times((0..5).map(|n| Some(now.minus(Span::from_secs(n * 3_600 * 7)))));
    batch(vec![("user_id", ids), ("event_timestamp", events), ("score", scores), ("visits", visits), ("name", names)])
}

fn ask(prepared: &Prepared) -> asofdb::EntityRows {
    let mut entities = prepared.entity_rows();
    for id in [2, 3, 4, 99] {
        entities.push(&[int(id)]).unwrap();
    }
    entities.push(&[None]).unwrap();
    entities
}

/// The sidecar and an embedded store with the same rows.
fn both() -> (Sidecar, Client, Store, Timestamp) {
    let sidecar = Sidecar::start(&users(), &[]);
    let client = sidecar.client();
    let store = Store::in_memory(Arc::new(SystemClock));
    store.apply(&users(), false).unwrap();
    let now = client.now().unwrap();
    client.write("profile", &rows(now)).unwrap();
    store.write("profile", &rows(now)).unwrap();
    (sidecar, client, store, now)
}

#[test]
fn latest_and_as_of_answer_as_an_embedded_store_does() {
    let (_sidecar, client, store, now) = both();
    let columns = AnswerColumns { full_names: true, statuses: true, event_timestamps: true };
    for references in [&["profile:*"][..], &["profile:visits", "profile:score"], &["profile:name"]] {
        let (remote, local) = (client.prepare(references).unwrap(), store.prepare(references).unwrap());
        for back in [0, 8, 30] {
            let at = now.minus(Span::from_secs(back * 3_600));
            let remote = match back {
                0 => client.latest(&remote, &ask(&remote)).unwrap(),
                _ => client.as_of(&remote, &ask(&remote), at, None).unwrap(),
            };
            let local = match back {
                0 => store.latest(&local, &ask(&local)).unwrap(),
                _ => store.as_of(&local, &ask(&local), at, None).unwrap(),
            };
            assert_eq!(remote.references(), local.references());
            assert_eq!(remote.to_record_batch(columns).unwrap(), local.to_record_batch(columns).unwrap());
        }
    }
    let request = client.prepare(&["profile:score", "profile:visits"]).unwrap();
    let entities = ask(&request);
    let (mut values, mut statuses) = (vec![0.0; 10], vec![Status::Present; 10]);
    let matrix = F32Matrix { values: &mut values, statuses: Some(&mut statuses), fill: -1.0 };
    client.latest_f32(&request, &entities, matrix).unwrap();
    assert_eq!(values, [2.0, 20.0, -1.0, 30.0, -1.0, -1.0, -1.0, -1.0, -1.0, -1.0]);
    use Status::{Expired, Missing, Null, Present};
    let wanted = [Present, Present, Null, Present, Expired, Expired, Missing, Missing, Missing, Missing];
    assert_eq!(statuses, wanted);
    let early = client.as_of(&request, &entities, now, Some(now.minus(Span::from_secs(60)))).unwrap();
    assert_eq!(early.status(0, 0), Missing, "nothing had been written then");
}

#[test]
fn errors_have_the_kind_and_the_message_of_the_embedded_store() {
    let (_sidecar, client, store, now) = both();
    let unknown = (client.prepare(&["profile:scor"]).unwrap_err(), store.prepare(&["profile:scor"]).unwrap_err());
    assert_eq!(unknown.0.kind(), ErrorKind::NotFound);
    assert_eq!(unknown.0.to_string(), unknown.1.to_string());
    let bad = rows(now.plus(Span::from_secs(86_400)));
    let refused = (client.write("profile", &bad).unwrap_err(), store.write("profile", &bad).unwrap_err());
    assert_eq!(refused.0.kind(), refused.1.kind());
    let rule = "max_future_skew (3600s) in the future";
    assert!(refused.0.message().contains(rule) && format!("{:#}", refused.1).contains(rule), "{}", refused.0);
    let text = client.prepare(&["profile:name"]).unwrap();
    let mut values = vec![0.0; 5];
    let matrix = F32Matrix { values: &mut values, statuses: None, fill: f32::NAN };
    let error = client.latest_f32(&text, &ask(&text), matrix).unwrap_err();
    assert!(error.message().contains("only numbers and bools"), "{error}");
    let missing = client.delete(&["profile"], &[("nobody", Value::Int64(1))], now).unwrap_err();
    assert_eq!(
        missing.message(),
        store.delete(&["profile"], &[("nobody", Value::Int64(1))], now).unwrap_err().message()
    );
}

#[test]
fn a_request_follows_the_catalog() {
    let (_sidecar, client, _store, _) = both();
    let request = client.prepare(&["profile:*"]).unwrap();
    assert_eq!(client.latest(&request, &ask(&request)).unwrap().features(), 3);
    let other = Client::connect(_sidecar.socket()).unwrap();
    let mut grown = users();
    grown.views[0].features.push(asofdb::FeatureDefinition::new("level", "int32".parse().unwrap()));
    grown.views[0].features[1].default = Some(Value::Int64(7));
    let plan = other.apply(&grown, false).unwrap();
    assert!(!plan.is_empty());
    let answer = client.latest(&request, &ask(&request)).unwrap();
    assert_eq!(answer.features(), 4);
    assert_eq!(answer.status(0, 3), Status::Null, "a row from before the feature");
    assert_eq!(answer.value(2, 1).unwrap(), Some(Value::Int64(7)), "the default that was added stands in");
    assert!(answer.is_defaulted(2, 1));
    let dropped = other.apply(&users(), false).unwrap_err();
    assert_eq!(dropped.kind(), ErrorKind::Conflict);
    let used = other.apply(&users(), true).unwrap_err();
    assert_eq!(used.kind(), ErrorKind::Conflict);
    assert!(used.message().contains("read in the last 30 days") && used.message().contains("profile:level"), "{used}");
    other.apply_to(&users(), Allow { used: true, ..Allow::drops(true) }, None).unwrap();
    assert_eq!(client.latest(&request, &ask(&request)).unwrap().features(), 3);
}

#[test]
fn deletions_erasures_and_the_rest_work_through_the_socket() {
    let (sidecar, client, _store, now) = both();
    let request = client.prepare(&["profile:visits"]).unwrap();
    let two = [("user_id", Value::Int64(2))];
    client.delete(&["profile"], &two, now).unwrap();
    assert_eq!(client.latest(&request, &ask(&request)).unwrap().status(0, 0), Status::Missing);
    let before = client.as_of(&request, &ask(&request), now.minus(Span::from_micros(1)), None).unwrap();
    assert_eq!(before.value(0, 0).unwrap(), int(20));
    let receipt = client.erase(&["profile"], &two).unwrap();
    assert_eq!((receipt[0].view.as_str(), receipt[0].versions), ("profile", 2));
    let fresh = client.freshness("profile").unwrap();
    assert_eq!((fresh.entities, fresh.newest), (4, Some(now)));
    assert_eq!(client.verify().unwrap().problems, Vec::<String>::new());
    client.compact().unwrap();
    let copy = sidecar.directory.path().join("copy");
    client.checkpoint(&copy).unwrap();
    assert_eq!(client.checkpoint(&copy).unwrap_err().kind(), ErrorKind::Conflict);
    assert_eq!(client.checkpoint("copy".as_ref()).unwrap_err().kind(), ErrorKind::Invalid);
    let own = sidecar.directory.path().join("own");
    client.checkpoint_with(&own, CheckpointFiles::Copied).unwrap();
    let links = |path: &std::path::Path| {
        let files = std::fs::read_dir(path).unwrap().map(|file| file.unwrap().metadata().unwrap());
        files.map(|file| std::os::unix::fs::MetadataExt::nlink(&file)).max()
    };
    assert_eq!((links(&copy) > Some(1), links(&own)), (true, Some(1)));
    assert!(client.stats().unwrap().disk_bytes > 0);
    drop(sidecar.kill());
}

#[test]
fn many_reads_are_on_their_way_at_a_time() {
    let (_sidecar, client, _store, _) = both();
    let request = client.prepare(&["profile:visits"]).unwrap();
    let mut pipeline = client.pipeline(&request, true, f32::NAN).unwrap();
    let mut entities = request.entity_rows();
    for round in 0..100 {
        for id in 0..16 {
            entities.clear();
            entities.push(&[int((round + id) % 4)]).unwrap();
            pipeline.send(&entities).unwrap();
        }
        for id in 0..16 {
            let (mut value, mut status) = ([0.0], [Status::Missing]);
            pipeline.receive(&mut value, Some(&mut status)).unwrap();
            assert_eq!((value[0], status[0]), (((round + id) % 4 * 10) as f32, Status::Present));
        }
    }
    assert_eq!(pipeline.waiting(), 0);
    assert_eq!(pipeline.receive(&mut [0.0], Some(&mut [Status::Missing])).unwrap_err().kind(), ErrorKind::Invalid);
}

#[test]
fn the_log_names_the_consumer_that_prepares_what_is_deprecated() {
    let (sidecar, client, _, _) = both();
    let mut wanted = users();
    wanted.views[0].life.status = Some(Stage::Deprecated);
    client.apply(&wanted, false).unwrap();
    let request = client.prepare(&["profile:score"]).unwrap();
    client.latest(&request, &ask(&request)).unwrap();
    assert_eq!(request.warnings(), ["view \"profile\" is deprecated"]);
    let told = |line: &str| line.contains("view \"profile\" is deprecated") && line.contains("consumer=\"uid:");
    assert!(eventually(|| sidecar.log().lines().any(told)), "{}", sidecar.log());
}
