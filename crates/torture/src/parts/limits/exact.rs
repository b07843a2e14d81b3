//! Our own limits, through the engine and through a sidecar: what is at a limit is taken, what is one beyond is refused
//! with the limit in its error, and nothing of it is written.

use arrow::array::RecordBatch;
use asofdb::parts::COLUMNS_MAX;
use asofdb::{Definitions, ErrorKind, Session, Store, Value};
use asofdb_storage::{BATCH_BYTES_MAX, BATCH_ROWS_MAX, FEATURES_MAX, NAME_BYTES_MAX};

use super::tables::{
    KEYED, definitions, key_text_max, row_overhead, thing, users, users_with_longer, wide, with_features, with_name,
};
use crate::check::{Checked, check, equal};
use crate::host::{Conditions, Host};
use crate::place::in_memory;
use crate::{Report, Setting};

/// Bytes of a row: 1 MiB.
const ROW_BYTES_MAX: usize = 1 << 20;

/// Bytes of the key of a user.
const USER_KEY_BYTES: usize = 8;

/// Most entity rows of one read over the native protocol.
const READ_ROWS_MAX: usize = 100_000;

const KIND: &str = "limits reached and passed";

pub(super) fn run(setting: &Setting, report: &mut Report) {
    let is_long = setting.scaled(0, 1) == 1;
    if let Err(wrong) = engine(is_long, report) {
        report.fault(format!("limits through the engine: {wrong}"));
    }
    if let Err(wrong) = native(setting, is_long, report) {
        report.fault(format!("limits through a sidecar: {wrong}"));
    }
}

fn engine(is_long: bool, report: &mut Report) -> Checked {
    let directory = in_memory()?;
    let store = Store::open(directory.path().join("store"))?;
    store.apply(&definitions(), false)?;
    both(&store, "engine", is_long, report);
    // A frame of the native protocol has room for half of this.
    if is_long {
        report.check(KIND, "engine: bytes of a batch", || bytes_of_a_batch(&store));
    }
    Ok(())
}

fn native(setting: &Setting, is_long: bool, report: &mut Report) -> Checked {
    let directory = in_memory()?;
    let path = directory.path().join("store");
    let conditions = Conditions::default();
    let host = Host::start(setting, directory.path(), &path, &conditions).map_err(|ended| ended.log)?;
    let client = host.client()?;
    client.apply(&definitions(), false)?;
    both(&client, "native", is_long, report);
    report.check(KIND, "native: columns", || columns(&client));
    report.check(KIND, "native: bytes of a frame", || bytes_of_a_frame(&client));
    report.check(KIND, "native: rows of a read", || rows_of_a_read(&client));
    let ended = host.terminate();
    check(ended.is_some_and(|status| status.success()), || format!("the sidecar ended with {ended:?}"))
}

/// The limits that are the same wherever a store is.
fn both<S: Session>(store: &S, via: &str, is_long: bool, report: &mut Report) {
    report.check(KIND, &format!("{via}: bytes of a key"), || {
        let most = key_text_max()?;
        reach(store, KEYED, &thing(most)?, &thing(most + 1)?, "an entity key has at most 1024 bytes")
    });
    report.check(KIND, &format!("{via}: bytes of a row"), || {
        let most = ROW_BYTES_MAX - row_overhead()?;
        reach(store, "texts", &users(1, most)?, &users(1, most + 1)?, "a row has at most 1048576 bytes")
    });
    if is_long {
        report.check(KIND, &format!("{via}: rows of a batch"), || {
            let (good, bad) = (users(BATCH_ROWS_MAX, 0)?, users(BATCH_ROWS_MAX + 1, 0)?);
            reach(store, "many", &good, &bad, "at most 1000000 rows")
        });
    }
    report.check(KIND, &format!("{via}: bytes of a name"), || {
        define(store, &with_name(NAME_BYTES_MAX), &with_name(NAME_BYTES_MAX + 1), "at most 128 bytes")
    });
    report.check(KIND, &format!("{via}: features of a view"), || {
        define(store, &with_features(FEATURES_MAX), &with_features(FEATURES_MAX + 1), "more than 4096 features")
    });
}

/// Writes what is beyond a limit, and then what is at it.
fn reach<S: Session>(store: &S, view: &str, good: &RecordBatch, bad: &RecordBatch, rule: &str) -> Checked {
    let before = store.freshness(view)?.entities;
    let error = store.write(view, bad).err().ok_or("what is beyond the limit is taken")?;
    refused(&error, rule)?;
    equal("entities after a refusal", &store.freshness(view)?.entities, &before)?;
    store.write(view, good)?;
    equal("entities at the limit", &store.freshness(view)?.entities, &(before + good.num_rows() as u64))
}

fn refused(error: &asofdb::Error, rule: &str) -> Checked {
    equal("kind", &error.kind(), &ErrorKind::Invalid)?;
    check(error.to_string().contains(rule), || format!("an error does not name its rule ({rule}): {error:#}"))
}

fn define<S: Session>(store: &S, good: &Definitions, bad: &Definitions, rule: &str) -> Checked {
    let revision = store.catalog()?.revision();
    refused(&store.apply(bad, true).err().ok_or("what is beyond the limit is taken")?, rule)?;
    equal("revision after a refusal", &store.catalog()?.revision(), &revision)?;
    store.apply(good, true)?;
    store.apply(&definitions(), true)?;
    Ok(())
}

fn bytes_of_a_batch(store: &Store) -> Checked {
    let rows = BATCH_BYTES_MAX / ROW_BYTES_MAX;
    let text = ROW_BYTES_MAX - USER_KEY_BYTES - row_overhead()?;
    let (good, bad) = (users(rows, text)?, users_with_longer(rows, text, 1)?);
    reach(store, "bytes", &good, &bad, "a batch has at most 67108864 bytes")
}

fn columns<S: Session>(store: &S) -> Checked {
    let (good, bad) = (wide(COLUMNS_MAX)?, wide(COLUMNS_MAX + 1)?);
    reach(store, "wide", &good, &bad, "at most 16384 columns")
}

fn bytes_of_a_frame<S: Session>(store: &S) -> Checked {
    let text = ROW_BYTES_MAX - row_overhead()?;
    reach(store, "bytes", &users(31, text)?, &users(33, text)?, "the sidecar takes requests of at most 33554432 bytes")
}

fn rows_of_a_read<S: Session>(store: &S) -> Checked {
    let request = store.prepare(&["many:number"])?;
    let mut rows = request.entity_rows();
    for user in 0..READ_ROWS_MAX as i64 {
        rows.push(&[Some(Value::Int64(user))])?;
    }
    equal("rows of an answer", &store.latest(&request, &rows)?.rows(), &READ_ROWS_MAX)?;
    rows.push(&[Some(Value::Int64(-1))])?;
    let error = store.latest(&request, &rows).err().ok_or("a read beyond the limit is answered")?;
    refused(&error, "a read has at most 100000 rows")
}
