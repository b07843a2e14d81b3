//! Rows at a limit and one beyond.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, NullArray, RecordBatch, StringArray, TimestampMicrosecondArray};
use asofdb::{Definitions, EntityDefinition, FeatureDefinition, JoinKey, ScalarType, Value, ValueType, ViewDefinition};
use asofdb_storage::key;

use crate::check::Checked;
use crate::ledger::{EVENT, view};

/// The view whose key is a text.
pub(super) const KEYED: &str = "keyed";

/// Bytes that a row of one number and one text has besides its text, as the store encodes it.
pub(super) fn row_overhead() -> Checked<usize> {
    let store = asofdb::Store::in_memory(asofdb::ManualClock::new(EVENT));
    store.apply(&definitions(), false)?;
    let catalog = store.catalog();
    let layout = catalog.view("texts").ok_or("no view")?.current_layout();
    let mut row = Vec::new();
    let values = [Some(Value::Int64(1)), Some(Value::String("x".to_owned()))];
    asofdb_storage::row::encode(&layout, &values, &mut row);
    Ok(row.len() - 1)
}

/// Bytes of the longest key that is one text.
pub(super) fn key_text_max() -> Checked<usize> {
    let mut encoded = Vec::new();
    key::encode_entity(&[ScalarType::String], &[Some(Value::String("x".to_owned()))], &mut encoded)?;
    Ok(key::ENTITY_KEY_BYTES_MAX - (encoded.len() - 1))
}

/// Views of users, of which each case has one of its own, and one with a text as its key.
pub(super) fn definitions() -> Definitions {
    let views = ["texts", "many", "bytes", "wide"].map(view);
    let mut definitions = crate::ledger::definitions(views.into());
    definitions.entities.push(EntityDefinition {
        name: "thing".to_owned(),
        join_keys: vec![JoinKey { name: "thing".to_owned(), ty: ScalarType::String }],
        ..EntityDefinition::default()
    });
    definitions.views.push(ViewDefinition {
        name: KEYED.to_owned(),
        entities: vec!["thing".to_owned()],
        features: vec![FeatureDefinition::new("number", ValueType::Scalar(ScalarType::Int64))],
        ..ViewDefinition::default()
    });
    definitions
}

/// The definitions with one more view, of so many features.
pub(super) fn with_features(count: usize) -> Definitions {
    let mut definitions = definitions();
    let feature = |number| FeatureDefinition::new(format!("f{number}"), ValueType::Scalar(ScalarType::Int64));
    definitions.views.push(ViewDefinition {
        name: "features".to_owned(),
        entities: vec!["user".to_owned()],
        features: (0..count).map(feature).collect(),
        ..ViewDefinition::default()
    });
    definitions
}

/// The definitions with one more view, whose name has so many bytes.
pub(super) fn with_name(bytes: usize) -> Definitions {
    let mut definitions = definitions();
    definitions.views.push(view(&"n".repeat(bytes)));
    definitions
}

/// The columns of so many users with these texts.
fn columns(rows: usize, text: impl Fn(usize) -> String) -> Vec<(String, ArrayRef)> {
    let numbers = || Arc::new(Int64Array::from_iter_values(0..rows as i64)) as ArrayRef;
    vec![
        ("user_id".to_owned(), numbers()),
        ("event_timestamp".to_owned(), times(rows)),
        ("number".to_owned(), numbers()),
        ("text".to_owned(), Arc::new(StringArray::from_iter_values((0..rows).map(text)))),
    ]
}

fn times(rows: usize) -> ArrayRef {
    let times: TimestampMicrosecondArray = (0..rows).map(|_| Some(EVENT.as_micros())).collect();
    Arc::new(times.with_timezone("UTC"))
}

fn batch(columns: Vec<(String, ArrayRef)>) -> Checked<RecordBatch> {
    Ok(RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, column)| (name, column, true)))?)
}

/// So many users with texts of the same length.
pub(super) fn users(rows: usize, text_bytes: usize) -> Checked<RecordBatch> {
    batch(columns(rows, |_| "t".repeat(text_bytes)))
}

/// So many users, of which the last one has a text that is so much longer.
pub(super) fn users_with_longer(rows: usize, text_bytes: usize, longer: usize) -> Checked<RecordBatch> {
    batch(columns(rows, |row| "t".repeat(text_bytes + if row + 1 == rows { longer } else { 0 })))
}

/// One user, in so many columns, of which the view knows four.
pub(super) fn wide(count: usize) -> Checked<RecordBatch> {
    let mut columns = columns(1, |_| "t".to_owned());
    let more = columns.len()..count;
    columns.extend(more.map(|number| (format!("c{number}"), Arc::new(NullArray::new(1)) as ArrayRef)));
    batch(columns)
}

/// A thing whose key has so many bytes.
pub(super) fn thing(key_bytes: usize) -> Checked<RecordBatch> {
    batch(vec![
        ("thing".to_owned(), Arc::new(StringArray::from(vec!["k".repeat(key_bytes)]))),
        ("event_timestamp".to_owned(), times(1)),
        ("number".to_owned(), Arc::new(Int64Array::from(vec![1]))),
    ])
}
