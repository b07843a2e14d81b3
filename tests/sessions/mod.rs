//! The promises of every session, wherever its store is: one suite over a store in this process, a client, and an
//! asynchronous client.

mod also_by;
mod blocking;
mod computed;
mod statistics;

use std::path::PathBuf;

use arrow::array::{Array, Int64Array, RecordBatch};
use asofdb::{
    Allow, Error, ErrorKind, ExportOptions, ExportRows, F32Matrix, FreshnessObjective, FreshnessStatus, IngestOptions,
    Input, JoinOptions, Prepared, Result, Scan, ScanBegin, ScanSink, Session, Status, Store, StoreId, Timestamp,
    TrainingSetOptions, UsagePeriod, Value,
};
use asofdb_client::{Client, Engine};
use asofdb_platform::Discovery;
use tempfile::TempDir;

use self::also_by::events_are_found_by_other_entities_wherever_the_store_is;
use self::blocking::Blocking;
use self::computed::{
    a_training_row_with_request_values_is_what_a_read_gives, an_expression_that_is_redefined_is_followed,
    computed_features_are_the_same_wherever_the_store_is,
};
use self::statistics::{statistics_are_taken_and_kept_wherever_the_store_is, statistics_of_events_are_taken_and_kept};
use crate::common::{TestStore, batch, files, int, times, users, view};
use crate::sidecar::harness::Sidecar;

/// A session with what its store lives in.
struct Held<S> {
    session: S,
    /// Dropped after the session.
    _home: Box<dyn std::any::Any>,
}

fn store() -> Held<Store> {
    let test = TestStore::new(&users());
    Held { session: test.store.clone(), _home: Box::new(test) }
}

fn client() -> Held<Client> {
    let sidecar = Sidecar::start(&users(), &[]);
    Held { session: sidecar.client(), _home: Box::new(sidecar) }
}

fn engine() -> Held<Engine> {
    let sidecar = Sidecar::start(&users(), &[]);
    Held { session: Engine::Sidecar(sidecar.client()), _home: Box::new(sidecar) }
}

fn asynchronous() -> Held<Blocking> {
    let sidecar = Sidecar::start(&users(), &[]);
    Held { session: Blocking::connect(&sidecar.socket()), _home: Box::new(sidecar) }
}

macro_rules! over_every_session {
    ($($promise:ident),* $(,)?) => {
        over_every_session!(@ store: $($promise),*);
        over_every_session!(@ client: $($promise),*);
        over_every_session!(@ engine: $($promise),*);
        over_every_session!(@ asynchronous: $($promise),*);
    };
    (@ $kind:ident: $($promise:ident),*) => {
        mod $kind {
            $(#[test]
            fn $promise() {
                super::$promise(&super::$kind().session);
            })*
        }
    };
}

over_every_session!(
    reads_answer_as_of_their_question,
    a_batch_is_refused_whole,
    a_deletion_hides_and_an_erasure_removes,
    history_is_newest_first_and_limited,
    events_count_once_and_are_deleted_by_their_identity,
    definitions_change_in_one_step,
    exports_come_back_by_ingest_and_join_to_a_spine,
    scans_and_joins_are_batches_of_one_state,
    figures_and_upkeep_are_there,
    the_id_of_the_store_is_the_same_wherever_it_is_asked_for,
    promises_of_freshness_and_ages_are_the_same_wherever_the_store_is,
    computed_features_are_the_same_wherever_the_store_is,
    a_training_row_with_request_values_is_what_a_read_gives,
    an_expression_that_is_redefined_is_followed,
    events_are_found_by_other_entities_wherever_the_store_is,
    what_is_read_counts_and_is_not_dropped_by_accident,
    the_catalog_is_searched_wherever_the_store_is,
    duplicates_are_found_wherever_the_store_is,
    statistics_are_taken_and_kept_wherever_the_store_is,
);

/// Writes visits of users, `hours` before the store's present.
fn write_visits(session: &impl Session, visits: &[(i64, i64)], hours: i64) -> Timestamp {
    let at = session.now().unwrap().minus(asofdb::Span::from_secs(hours * 3_600));
    let column = |values: Vec<i64>| std::sync::Arc::new(arrow::array::Int64Array::from(values)) as _;
    let rows = batch(vec![
        ("user_id", column(visits.iter().map(|(user, _)| *user).collect())),
        ("event_timestamp", times(visits.iter().map(|_| Some(at)))),
        ("visits", column(visits.iter().map(|(_, visits)| *visits).collect())),
        ("score", std::sync::Arc::new(arrow::array::Float32Array::from(vec![Some(0.5); visits.len()]))),
        ("name", std::sync::Arc::new(arrow::array::StringArray::from(vec![None::<&str>; visits.len()]))),
    ]);
    session.write("profile", &rows).unwrap();
    at
}

fn visits(session: &impl Session, request: &Prepared, user: i64, at: Option<Timestamp>) -> (Option<Value>, Status) {
    let mut entities = request.entity_rows();
    entities.push(&[int(user)]).unwrap();
    let answer = match at {
        None => session.latest(request, &entities),
        Some(at) => session.as_of(request, &entities, at, None),
    };
    let answer = answer.unwrap();
    (answer.value(0, 0).unwrap(), answer.status(0, 0))
}

fn reads_answer_as_of_their_question(session: &impl Session) {
    let first = write_visits(session, &[(1, 10), (2, 20)], 3);
    let known = session.now().unwrap();
    write_visits(session, &[(1, 11)], 1);
    let request = session.prepare(&["profile:visits"]).unwrap();
    assert_eq!(visits(session, &request, 1, None), (int(11), Status::Present));
    assert_eq!(visits(session, &request, 1, Some(first)), (int(10), Status::Present));
    assert_eq!(visits(session, &request, 3, None), (None, Status::Missing));
    let mut entities = request.entity_rows();
    entities.push(&[int(1)]).unwrap();
    let now = session.now().unwrap();
    let answer = session.as_of(&request, &entities, now, Some(known)).unwrap();
    assert_eq!(answer.value(0, 0).unwrap(), int(10), "only what was known");
    let (mut values, mut statuses) = ([0.0], [Status::Missing]);
    let matrix = F32Matrix { values: &mut values, statuses: Some(&mut statuses), fill: f32::NAN };
    session.latest_f32(&request, &entities, matrix).unwrap();
    assert_eq!((values, statuses), ([11.0], [Status::Present]));
    assert_eq!(session.prepare(&["profile:none"]).unwrap_err().kind(), ErrorKind::NotFound);
}

fn a_batch_is_refused_whole(session: &impl Session) {
    let now = session.now().unwrap();
    let keys = std::sync::Arc::new(arrow::array::Int64Array::from(vec![Some(1), None]));
    let rows = batch(vec![("user_id", keys), ("event_timestamp", times([Some(now), Some(now)]))]);
    let error = session.write("profile", &rows).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    let request = session.prepare(&["profile:visits"]).unwrap();
    assert_eq!(visits(session, &request, 1, None).1, Status::Missing);
}

fn a_deletion_hides_and_an_erasure_removes(session: &impl Session) {
    let at = write_visits(session, &[(1, 10), (2, 20)], 2);
    let request = session.prepare(&["profile:visits"]).unwrap();
    let entity = [("user_id", Value::Int64(1))];
    session.delete(&["profile"], &entity, session.now().unwrap()).unwrap();
    assert_eq!(visits(session, &request, 1, None).1, Status::Missing);
    assert_eq!(visits(session, &request, 1, Some(at)), (int(10), Status::Present));
    let erased = session.erase(&["profile"], &entity).unwrap();
    assert_eq!((erased.len(), erased[0].view.as_str(), erased[0].versions), (1, "profile", 2));
    assert_eq!(visits(session, &request, 1, Some(at)).1, Status::Missing);
    assert_eq!(visits(session, &request, 2, None), (int(20), Status::Present));
}

fn history_is_newest_first_and_limited(session: &impl Session) {
    for hours in [3, 1, 2] {
        write_visits(session, &[(1, hours)], hours);
    }
    let entity = [("user_id", Value::Int64(1))];
    session.delete(&["profile"], &entity, session.now().unwrap()).unwrap();
    let seen = |limit| {
        let rows = session.history("profile", &entity, limit).unwrap();
        rows.iter().map(|row| (row.deleted, row.values.get(1).cloned().flatten())).collect::<Vec<_>>()
    };
    assert_eq!(seen(9), [(true, None), (false, int(1)), (false, int(2)), (false, int(3))]);
    assert_eq!(seen(2), [(true, None), (false, int(1))]);
    assert_eq!(session.history("none", &entity, 1).unwrap_err().kind(), ErrorKind::NotFound);
}

fn events_count_once_and_are_deleted_by_their_identity(session: &impl Session) {
    let mut definitions = users();
    let mut clicks = view("clicks", &["user"], &[("click_id", "int64"), ("page", "string")]);
    (clicks.event_id, clicks.keep_newest) = (Some(vec!["click_id".to_owned()]), false);
    definitions.views.push(clicks);
    session.apply(&definitions, false).unwrap();
    let at = session.now().unwrap();
    let clicks = |ids: &[i64]| {
        let pages = std::sync::Arc::new(arrow::array::StringArray::from(vec!["home"; ids.len()]));
        batch(vec![
            ("user_id", std::sync::Arc::new(Int64Array::from(vec![1; ids.len()])) as _),
            ("event_timestamp", times(ids.iter().map(|_| Some(at)))),
            ("click_id", std::sync::Arc::new(Int64Array::from(ids.to_vec()))),
            ("page", pages),
        ])
    };
    let counted = || {
        let mut kept = Kept::default();
        let scan = Scan { view: "clicks", rows: ExportRows::Latest, entity: None, limit: None };
        session.scan(&scan, &mut kept).unwrap();
        kept.rows.iter().map(RecordBatch::num_rows).sum::<usize>()
    };
    session.write("clicks", &clicks(&[1, 2, 3])).unwrap();
    session.write("clicks", &clicks(&[2, 3])).unwrap();
    statistics_of_events_are_taken_and_kept(session);
    assert_eq!(counted(), 3);
    let page = clicks(&[3]).schema().index_of("page").unwrap();
    let mut identity = clicks(&[3]);
    identity.remove_column(page);
    session.delete_events("clicks", &identity).unwrap();
    assert_eq!(counted(), 2);
    let entity = [("user_id", Value::Int64(1))];
    assert_eq!(session.history("clicks", &entity, 9).unwrap().len(), 6, "three, two again, a deletion");
    assert_eq!(session.erase(&["clicks"], &entity).unwrap()[0].versions, 6);
    assert_eq!(session.delete_events("profile", &identity).unwrap_err().kind(), ErrorKind::Invalid);
}

fn the_catalog_is_searched_wherever_the_store_is(session: &impl Session) {
    let hits = session.search("visit kind:feature", 10).unwrap();
    assert_eq!(hits.iter().map(|hit| hit.name.as_str()).collect::<Vec<_>>(), ["profile:visits"]);
    assert_eq!(session.search("taem:x", 10).unwrap_err().kind(), ErrorKind::Invalid);
}

fn duplicates_are_found_wherever_the_store_is(session: &impl Session) {
    let mut definitions = users();
    definitions.views.push(view("copied", &["user"], &[("visit_count", "int64")]));
    session.apply(&definitions, false).unwrap();
    let visits: Vec<(i64, i64)> = (0..80).map(|user| (user, user * 7_919 % 1_000)).collect();
    let at = write_visits(session, &visits, 2);
    let column = |values: Vec<i64>| std::sync::Arc::new(Int64Array::from(values)) as _;
    let (users, counts): (Vec<i64>, Vec<i64>) = visits.into_iter().map(|(user, visits)| (user, 5_000 - visits)).unzip();
    let rows = batch(vec![
        ("user_id", column(users.clone())),
        ("event_timestamp", times(users.iter().map(|_| Some(at)))),
        ("visit_count", column(counts)),
    ]);
    session.write("copied", &rows).unwrap();
    let found = session.duplicates(&[]).unwrap();
    let reasons: Vec<_> = found.iter().map(|pair| pair.reason.as_str()).collect();
    assert_eq!(reasons, ["visits is -1 times visit_count plus 5000 for 100 % of 80 entities"]);
    assert_eq!(session.sample_entities("copied", 30).unwrap(), session.sample_entities("profile", 30).unwrap());
    assert_eq!(session.sample_entities("none", 1).unwrap_err().kind(), ErrorKind::NotFound);
}

fn definitions_change_in_one_step(session: &impl Session) {
    let catalog = session.catalog().unwrap();
    let mut wanted = users();
    wanted.views[0]
        .features
        .push(asofdb::FeatureDefinition::new("level", asofdb::ValueType::Scalar(asofdb::ScalarType::Int32)));
    assert_eq!(session.plan(&wanted).unwrap().changes.len(), 1);
    let error = session.apply_to(&wanted, Allow::default(), Some(catalog.revision() + 7)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    session.apply(&wanted, false).unwrap();
    assert_eq!(session.catalog().unwrap().revision(), catalog.revision() + 1);
    let nothing = asofdb::Definitions::default();
    assert_eq!(session.apply(&nothing, false).unwrap_err().kind(), ErrorKind::Conflict);
    assert!(session.prepare(&["profile:level"]).is_ok());
}

fn exports_come_back_by_ingest_and_join_to_a_spine(session: &impl Session) {
    let at = write_visits(session, &[(1, 10), (2, 20)], 2);
    let directory = TempDir::new().unwrap();
    let out = directory.path().join("out");
    let manifest = session.export("profile", &out, &ExportOptions::default(), &mut |_| {}).unwrap();
    assert_eq!((manifest.rows, manifest.files.len()), (2, 1));
    let file: PathBuf = out.join(&manifest.files[0].path);
    let ingested = session.ingest("profile", vec![Input::Path(file)], &IngestOptions::default(), &mut |_| {}).unwrap();
    assert_eq!(ingested.rows_written, 2);
    assert_eq!(
        session.history("profile", &[("user_id", Value::Int64(1))], 9).unwrap().len(),
        1,
        "a replay is harmless"
    );
    let spine = files::text(directory.path().join("spine.csv"), &format!("user_id,event_timestamp\n2,{at}\n3,{at}\n"));
    let set = directory.path().join("set.parquet");
    let options = TrainingSetOptions::default();
    let report = session.training_set(&["profile:visits"], &spine, &set, &options, &mut |_| {}).unwrap();
    let count = |status| report.features[0].of(status);
    assert_eq!((report.rows, count(Status::Present), count(Status::Missing)), (2, 1, 1));
}

/// Keeps what a scan gives.
#[derive(Default)]
struct Kept {
    begin: Option<ScanBegin>,
    rows: Vec<RecordBatch>,
}

impl ScanSink for Kept {
    fn begin(&mut self, begin: ScanBegin) -> Result<()> {
        self.begin = Some(begin);
        Ok(())
    }

    fn take(&mut self, batch: RecordBatch) -> Result<()> {
        self.rows.push(batch);
        Ok(())
    }
}

fn scans_and_joins_are_batches_of_one_state(session: &impl Session) {
    let at = write_visits(session, &[(1, 10), (2, 20), (3, 30)], 2);
    let mut scan = Scan { view: "profile", rows: ExportRows::Latest, entity: None, limit: Some(2) };
    let mut kept = Kept::default();
    assert_eq!(session.scan(&scan, &mut kept).unwrap(), 2);
    let begin = kept.begin.expect("a beginning");
    assert_eq!((begin.view.name.as_str(), kept.rows[0].schema()), ("profile", begin.schema.arrow));
    assert_eq!(kept.rows.iter().map(RecordBatch::num_rows).sum::<usize>(), 2);
    scan.view = "none";
    assert_eq!(session.scan(&scan, &mut Kept::default()).unwrap_err().kind(), ErrorKind::NotFound);

    let users = std::sync::Arc::new(Int64Array::from(vec![2, 9]));
    let spine = batch(vec![("user_id", users), ("event_timestamp", times([Some(at), Some(at)]))]);
    let join = |batches: Vec<Result<RecordBatch>>| {
        let options = JoinOptions::default();
        session.point_in_time_join(&["profile:visits"], spine.schema(), batches.into_iter(), &options).unwrap()
    };
    let mut whole = join(vec![Ok(spine.clone())]);
    let rows = whole.next().expect("a batch").unwrap();
    assert_eq!(rows.schema(), whole.schema());
    assert_eq!(rows["visits"].as_ref(), &Int64Array::from(vec![Some(20), None]) as &dyn Array);
    assert!(whole.next().is_none());
    assert_eq!(whole.report().rows, 2);
    let mut broken = join(vec![Ok(spine.clone()), Err(Error::corrupt("a file is damaged"))]);
    assert_eq!(broken.find_map(Result::err).expect("an error").message(), "a file is damaged");
    assert!(broken.next().is_none());

    assert!(session.load_bytes_max().unwrap() > 0);
    assert_eq!(session.note(b"none").unwrap(), None);
}

fn promises_of_freshness_and_ages_are_the_same_wherever_the_store_is(session: &impl Session) {
    let at = write_visits(session, &[(1, 10), (2, 20)], 2);
    let hour = asofdb::Span::from_secs(3_600);
    let objective = FreshnessObjective { warn: hour, stale: hour, stale_share_max: Some(0.25) };
    let mut wanted = users();
    wanted.views[0].freshness = Some(objective);
    session.apply(&wanted, false).unwrap();
    assert_eq!(session.catalog().unwrap().view("profile").unwrap().freshness, Some(objective));
    let all = session.ages(&[]).unwrap();
    let [ages] = all.as_slice() else { panic!("one view") };
    assert_eq!((ages.view.as_str(), ages.status, ages.objective), ("profile", FreshnessStatus::Stale, Some(objective)));
    let minute = Timestamp::from_micros(at.as_micros() / 60_000_000 * 60_000_000);
    assert_eq!((ages.newest, ages.entities, ages.ahead), (Some(minute), Some(2), Some(0)));
    assert_eq!(ages.ages.unwrap().over_stale, Some(1.0));
    let again = session.ages(&["profile"]).unwrap().remove(0);
    assert_eq!((again.view.as_str(), again.newest, again.entities), ("profile", ages.newest, ages.entities));
    assert_eq!(session.ages(&["profil"]).unwrap_err().kind(), ErrorKind::NotFound);
}

fn figures_and_upkeep_are_there(session: &impl Session) {
    let at = write_visits(session, &[(1, 10)], 2);
    let freshness = session.freshness("profile").unwrap();
    assert_eq!((freshness.newest, freshness.entities), (Some(at), 1));
    session.flush().unwrap();
    session.compact().unwrap();
    assert_eq!(session.verify().unwrap().problems, Vec::<String>::new());
    assert_eq!(session.stats().unwrap().rows, 1);
    let directory = TempDir::new().unwrap();
    session.checkpoint(&directory.path().join("copy")).unwrap();
    assert!(directory.path().join("copy/ASOFDB").exists());
}

fn the_id_of_the_store_is_the_same_wherever_it_is_asked_for(session: &impl Session) {
    let id = session.store_id().unwrap().expect("an id");
    assert_eq!(session.store_id().unwrap(), Some(id));
    assert_eq!(session.note(StoreId::NOTE).unwrap().unwrap(), id.as_bytes());
}

fn what_is_read_counts_and_is_not_dropped_by_accident(session: &impl Session) {
    write_visits(session, &[(1, 10), (2, 20)], 3);
    let request = session.prepare(&["profile:visits"]).unwrap();
    assert_eq!(visits(session, &request, 1, None).0, int(10));
    let plan = session.plan(&Default::default()).unwrap();
    let (rows, impacts) = (session.usage(UsagePeriod::total(1)).unwrap(), session.impacts(&plan).unwrap());
    let dropped = session.apply_to(&Default::default(), Allow::drops(true), None);
    if rows.is_empty() {
        // A store in this process counts where it is told who reads.
        assert_eq!((impacts, dropped.is_ok()), (Vec::new(), true));
        return;
    }
    let answers = session.answers().unwrap();
    assert_eq!((answers.len(), answers[0].view.as_str(), answers[0].feature.as_str()), (1, "profile", "visits"));
    assert_eq!((answers[0].last_5m.values, answers[0].last_5m.present()), (1, 1));
    let total = &rows;
    assert_eq!((total.len(), total[0].key.name.as_str(), total[0].serving.rows), (1, "profile", 1));
    assert!(total[0].key.consumer.starts_with("uid:"), "{total:?}");
    assert_eq!(total[0].values, [("visits".to_owned(), 1)].into());
    assert!(impacts[0].is_named(&["profile"]) && !impacts[0].is_named(&["profil", "profile2"]));
    let refused = dropped.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Conflict);
    assert!(refused.message().contains("feature_view profile by uid:"), "{refused}");
    session.apply_to(&Default::default(), Allow { used: true, ..Allow::drops(true) }, None).unwrap();
}
