//! Windows over events, against a plain list of what was delivered.

use std::sync::{Arc, OnceLock};

use arrow::array::{
    ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use arrow::datatypes::{Field, Schema};
use asofdb::{
    AnswerColumns, Catalog, ColumnRole, Definitions, EntityRows, JoinOptions, KnownAt, Prepared, Session, Store,
    parse_definitions,
};
use asofdb_model::{Asked, Bytes, Delivery, window_values};
use asofdb_storage::{ManualClock, Status, Timestamp, Value};

const NOW: Timestamp = Timestamp::from_micros(1_717_200_000_000_000);
const USERS: usize = 2;
const VIEWS: [&str; 3] = ["exact", "stepped", "kept"];
const SECOND: i64 = 1_000_000;
/// Rows and questions of one input; the rest of its bytes says nothing.
const ROWS_MAX: usize = 40;
const QUESTIONS_MAX: usize = 3;

/// Two event views of the same columns, one of which forgets, and windows over them.
const DEFINITIONS: &str = r#"
[[entity]]
name = "user"
join_keys = [{ name = "user_id", type = "int64" }]

[[event_view]]
name = "events"
entities = ["user"]
event_id = ["id"]
created_timestamp = "created"
columns = [{ name = "id", type = "int64" }, { name = "n", type = "int64" }, { name = "x", type = "float64" },
    { name = "s", type = "string" }]

[[event_view]]
name = "forgotten"
entities = ["user"]
event_id = ["id"]
created_timestamp = "created"
retention = "3d"
columns = [{ name = "id", type = "int64" }, { name = "n", type = "int64" }, { name = "x", type = "float64" },
    { name = "s", type = "string" }]

[[window_view]]
name = "exact"
from = "events"
windows = ["1h", "2d"]
feature = [
    { name = "count", aggregate = "count" },
    { name = "values", aggregate = "count", of = "x" },
    { name = "sum", aggregate = "sum", of = "x" },
    { name = "total", aggregate = "sum", of = "n", where = "x > 0.0" },
    { name = "mean", aggregate = "mean", of = "n" },
    { name = "mean_x", aggregate = "mean", of = "x", where = "x > 0.0" },
    { name = "least", aggregate = "min", of = "s" },
    { name = "most", aggregate = "max", of = "x" },
    { name = "variance", aggregate = "variance", of = "x" },
    { name = "spread", aggregate = "stddev", of = "n", population = true },
    { name = "first", aggregate = "first", of = "x" },
    { name = "last", aggregate = "last", of = "s", where = "x > 0.0" },
    { name = "oldest", aggregate = "first_k", of = "n", k = 3 },
    { name = "newest", aggregate = "last_k", of = "s", k = 2, distinct = true },
    { name = "different", aggregate = "distinct", of = "s", cap = 3 },
    { name = "of", aggregate = "count_by", of = "s", values = ["a", "bb"] },
    { name = "top", aggregate = "count_by", of = "n", top = 2 },
    { name = "about", aggregate = "approx_distinct", of = "x" },
    { name = "middle", aggregate = "quantile", of = "x", q = 0.5 },
]

[[window_view]]
name = "stepped"
from = "events"
where = "n != 3"
every = "5m"
offset = "90s"
windows = ["5m", "1d"]
feature = [
    { name = "count", aggregate = "count" },
    { name = "sum", aggregate = "sum", of = "x" },
    { name = "last", aggregate = "last", of = "n", where = "x > 0.0" },
    { name = "most", aggregate = "max", of = "s" },
    { name = "variance", aggregate = "variance", of = "n", population = true },
    { name = "middle", aggregate = "quantile", of = "n", q = 0.9 },
]

[[window_view]]
name = "kept"
from = "forgotten"
windows = ["1h", "2d"]
feature = [
    { name = "count", aggregate = "count" },
    { name = "sum", aggregate = "sum", of = "x" },
    { name = "first", aggregate = "first", of = "n" },
]
"#;

/// Events of two users, delivered late, again, corrected and deleted, and what windows over them are at some times.
///
/// # Panics
/// Where a promise is broken.
pub fn fuzz_windows(data: &[u8]) {
    let mut bytes = Bytes::new(data);
    let questions = questions(&mut bytes);
    let store = Store::in_memory(ManualClock::new(NOW));
    store.apply(definitions(), false).expect("good definitions");
    let mut delivered: [Vec<Delivery>; USERS] = Default::default();
    let mut rows = 0;
    while !bytes.is_empty() && rows < ROWS_MAX {
        let batch: Vec<_> = (0..=bytes.below(9)).map(|_| (bytes.below(USERS), delivery(&mut bytes))).collect();
        let written = to_arrow(&batch);
        store.write_all(&[("events", &written), ("forgotten", &written)], store.durability()).expect("good rows");
        rows += batch.len();
        batch.into_iter().for_each(|(user, one)| delivered[user].push(one));
    }
    let request = store.prepare(&VIEWS.map(|view| format!("{view}:*"))).expect("features that are there");
    for question in &questions {
        check(&store, &request, &delivered[question.user], question);
    }
    check_latest(&store, &request, questions[0].user);
    check_join(&store, &request, &questions);
}

/// A time asked about, of a user.
struct Question {
    user: usize,
    at: Timestamp,
    known_at: Option<Timestamp>,
}

fn questions(bytes: &mut Bytes<'_>) -> Vec<Question> {
    let number = 1 + bytes.below(QUESTIONS_MAX);
    let one = |_| {
        let at = time(bytes);
        let known_at = (bytes.below(2) == 1).then(|| after(at, bytes));
        Question { user: bytes.below(USERS), at, known_at }
    };
    (0..number).map(one).collect()
}

/// A time up to now: crowded at the borders of slots, hours and windows.
fn time(bytes: &mut Bytes<'_>) -> Timestamp {
    let (kind, amount) = (bytes.byte(), i64::from(bytes.byte()));
    let seconds = match kind % 4 {
        0 => amount * 60,
        1 => amount % 80 * 3_600,
        2 => amount % 6 * 86_400,
        _ => amount % 20 * 300,
    };
    let micros = [0, 0, -1, 1][usize::from(kind / 4 % 4)];
    Timestamp::from_micros(NOW.as_micros() - seconds * SECOND + micros).min(NOW)
}

/// A time from `time` on, and not after now.
fn after(time: Timestamp, bytes: &mut Bytes<'_>) -> Timestamp {
    let lag = i64::from(bytes.byte());
    Timestamp::from_micros(time.as_micros() + lag * lag * 7 * SECOND).min(NOW)
}

fn delivery(bytes: &mut Bytes<'_>) -> Delivery {
    let event = time(bytes);
    let created = after(event, bytes);
    let (id, choice) = (bytes.below(3) as i64, bytes.byte());
    let deleted = choice % 8 == 7;
    let n = [None, Some(3), Some(0), Some(-1), Some(i64::MAX), Some(i64::MIN), Some(7), Some(7)]
        [usize::from(choice / 8 % 8)];
    let s = [None, Some("a"), Some("bb"), Some("")][usize::from(choice / 64)];
    let x = match bytes.byte() {
        0..40 => None,
        40..60 => Some(-0.0),
        60..70 => Some(f64::NAN),
        70..80 => Some(f64::INFINITY),
        80..90 => Some(1e300),
        choice => Some((f64::from(choice) - 150.0) / 10.0),
    };
    let id_cell = Some(Value::Int64(id));
    let cells = vec![id_cell, n.map(Value::Int64), x.map(Value::Float64), s.map(|s| Value::String(s.to_owned()))];
    Delivery { event, created, id, deleted, cells }
}

/// Tries a condition of the definitions.
fn holds(condition: &str, event: &Delivery) -> bool {
    let [_, n, x, _] = event.cells.as_slice() else { panic!("an event has four columns") };
    match (condition, n, x) {
        ("n != 3", Some(Value::Int64(n)), _) => *n != 3,
        ("x > 0.0", _, Some(Value::Float64(x))) => *x > 0.0,
        ("n != 3" | "x > 0.0", _, _) => false,
        _ => panic!("{condition} is none of the definitions"),
    }
}

fn definitions() -> &'static Definitions {
    static PARSED: OnceLock<Definitions> = OnceLock::new();
    PARSED.get_or_init(|| parse_definitions(DEFINITIONS, "windows.toml").expect("good definitions"))
}

/// Deliveries as a batch, with a column that says which are deletions.
fn to_arrow(rows: &[(usize, Delivery)]) -> RecordBatch {
    let times = |of: fn(&Delivery) -> Timestamp| {
        let times = rows.iter().map(|(_, one)| of(one).as_micros());
        Arc::new(TimestampMicrosecondArray::from_iter_values(times).with_timezone("UTC")) as ArrayRef
    };
    let ints = |column: usize| rows.iter().map(move |(_, one)| one.cells[column].as_ref().map(int)).collect();
    let floats = rows.iter().map(|(_, one)| one.cells[2].as_ref().map(float)).collect::<Float64Array>();
    let texts = rows.iter().map(|(_, one)| one.cells[3].as_ref().map(text)).collect::<StringArray>();
    let users = Int64Array::from_iter_values(rows.iter().map(|(user, _)| *user as i64));
    let deleted = BooleanArray::from_iter(rows.iter().map(|(_, one)| Some(one.deleted)));
    let columns: [(&str, ArrayRef); 8] = [
        ("user_id", Arc::new(users)),
        ("event_timestamp", times(|one| one.event)),
        ("created", times(|one| one.created)),
        ("id", Arc::<Int64Array>::new(ints(0))),
        ("n", Arc::<Int64Array>::new(ints(1))),
        ("x", Arc::new(floats)),
        ("s", Arc::new(texts)),
        ("deleted", Arc::new(deleted)),
    ];
    let field = |(name, array): &(&str, ArrayRef)| Field::new(*name, array.data_type().clone(), true);
    let mut fields: Vec<Field> = columns.iter().map(field).collect();
    ColumnRole::Deleted.mark(&mut fields[7]);
    let arrays = columns.into_iter().map(|(_, array)| array).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).expect("columns of one length")
}

fn int(value: &Value) -> i64 {
    match value {
        Value::Int64(value) => *value,
        other => panic!("{other} is a whole number"),
    }
}

fn float(value: &Value) -> f64 {
    match value {
        Value::Float64(value) => *value,
        other => panic!("{other} is a float"),
    }
}

fn text(value: &Value) -> &str {
    match value {
        Value::String(value) => value,
        other => panic!("{other} is a text"),
    }
}

fn entity(request: &Prepared, user: usize) -> EntityRows {
    let mut rows = request.entity_rows();
    rows.push(&[Some(Value::Int64(user as i64))]).expect("a key of the entity");
    rows
}

/// A read as of a time gives what the list says.
fn check(store: &Store, request: &Prepared, delivered: &[Delivery], question: &Question) {
    let Question { user, at, known_at } = *question;
    let rows = entity(request, user);
    let answer = store.as_of(request, &rows, at, known_at).expect("a read of what was written");
    let asked = Asked { at, known_at, now: NOW };
    let catalog: &Catalog = &store.catalog();
    let views = VIEWS.iter().flat_map(|view| window_values(catalog, view, delivered, asked, holds));
    let mut features = 0;
    for (feature, wanted) in views.enumerate() {
        let what = || format!("{} of {user} at {at}, known at {known_at:?}", answer.references()[feature]);
        let value = answer.value(0, feature).expect("a value that can be read");
        let (status, event) = (answer.status(0, feature), answer.event_timestamp(0, feature));
        match &wanted.found {
            None => assert_eq!((status, value, event), (Status::Missing, None, None), "{}", what()),
            Some((expected, newest)) => {
                let by_value = if value.is_some() { Status::Present } else { Status::Null };
                assert_eq!((status, event), (by_value, Some(*newest)), "{}", what());
                assert!(expected.is_met_by(value.as_ref()), "{} is {value:?}, not {expected:?}", what());
            }
        }
        features += 1;
    }
    assert_eq!(features, answer.features());
}

/// The latest values are those as of now.
fn check_latest(store: &Store, request: &Prepared, user: usize) {
    let columns = AnswerColumns { statuses: true, event_timestamps: true, ..AnswerColumns::default() };
    let as_batch = |answer: asofdb::Answer| answer.to_record_batch(columns).expect("columns of the answer");
    let rows = entity(request, user);
    let latest = as_batch(store.latest(request, &rows).expect("a read of what was written"));
    let now = as_batch(store.as_of(request, &rows, NOW, None).expect("a read of what was written"));
    assert_eq!(latest, now);
}

/// A join, which reads the events of an entity once for all of its rows, gives what reads row by row give.
fn check_join(store: &Store, request: &Prepared, questions: &[Question]) {
    let columns = AnswerColumns { statuses: true, event_timestamps: true, ..AnswerColumns::default() };
    let users = Int64Array::from_iter_values(questions.iter().map(|question| question.user as i64));
    let times = TimestampMicrosecondArray::from_iter_values(questions.iter().map(|question| question.at.as_micros()));
    let arrays: [(&str, ArrayRef); 2] =
        [("user_id", Arc::new(users)), ("event_timestamp", Arc::new(times.with_timezone("UTC")))];
    let spine = RecordBatch::try_from_iter(arrays).expect("columns of one length");
    let known = questions.iter().find_map(|question| question.known_at);
    // By the questions, so that each input tries one way.
    let known = if questions.len() == 1 { KnownAt::OwnTime } else { KnownAt::from(known) };
    let options = JoinOptions { columns, known_at: known, ..JoinOptions::default() };
    let batches = Box::new([Ok(spine.clone())].into_iter());
    let mut joined = store.join(request, spine.schema(), batches, &options).expect("features that are there");
    let joined = joined.next().expect("a batch").expect("a join of what was written");
    let joined = joined.project(&(2..joined.num_columns()).collect::<Vec<_>>()).expect("columns behind the spine");
    for (row, question) in questions.iter().enumerate() {
        let known_at = match known {
            KnownAt::Ever => None,
            KnownAt::At(known_at) => Some(known_at),
            KnownAt::OwnTime => Some(question.at),
        };
        let answer = store.as_of(request, &entity(request, question.user), question.at, known_at);
        let answer = answer.expect("a read of what was written").to_record_batch(columns).expect("its columns");
        let same = joined.slice(row, 1).columns().iter().zip(answer.columns()).all(|(left, right)| left == right);
        assert!(same, "row {row}, {known:?}: {:?}, not {answer:?}", joined.slice(row, 1));
    }
}
