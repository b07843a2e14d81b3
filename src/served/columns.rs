//! The columns of a log: how answers become rows of its files.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::builder::{
    BinaryBuilder, BooleanBuilder, StringBuilder, TimestampMicrosecondBuilder, UInt32Builder, UInt64Builder,
};
use arrow::array::{ArrayRef, ListArray, RecordBatch, StructArray};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef};
use asofdb_storage::{Error, Result, Timestamp, Value, ValueType, key};
use twox_hash::XxHash3_128;

use crate::json::AsJson;
use crate::read::answer::Answer;
use crate::read::asked::AskedRows;
use crate::read::question::Question;
use crate::read::sources::Sources;
use crate::rows::types::timestamp_type;
use crate::served::meaning::feature_meaning;
use crate::served::read::ServedRead;

/// The version of the files, in their metadata under this name.
pub(crate) const FORMAT_KEY: &str = "asofdb.served_log";
pub(crate) const FORMAT: &str = "1";

/// The meanings of features, in the metadata: an object of texts by digest.
pub(crate) const MEANINGS_KEY: &str = "asofdb.meanings";

/// The schema of a log's files.
pub(crate) fn schema() -> SchemaRef {
    let field = |name: &str, ty: DataType, nullable| Field::new(name, ty, nullable);
    let list = |name: &str, item| field(name, DataType::List(item_field(item)), false);
    let fields = vec![
        field("id", DataType::Utf8, false),
        field("row", DataType::UInt32, false),
        field("served_at", timestamp_type(), false),
        field("at", timestamp_type(), false),
        field("known_at", timestamp_type(), false),
        field("question", DataType::Utf8, false),
        field("asked_known_at", timestamp_type(), true),
        field("consumer", DataType::Utf8, true),
        field("service", DataType::Utf8, true),
        list("references", DataType::Utf8),
        field("catalog_revision", DataType::UInt64, false),
        field("entity_json", DataType::Utf8, false),
        list("entity", DataType::Struct(named_fields())),
        list("request", DataType::Struct(named_fields())),
        list("features", DataType::Struct(feature_fields())),
    ];
    Arc::new(Schema::new(fields))
}

fn item_field(ty: DataType) -> Arc<Field> {
    Arc::new(Field::new("item", ty, false))
}

fn named_fields() -> Fields {
    let field = |name: &str, ty, nullable| Field::new(name, ty, nullable);
    Fields::from(vec![
        field("name", DataType::Utf8, false),
        field("type", DataType::Utf8, false),
        field("value", DataType::Binary, true),
    ])
}

fn feature_fields() -> Fields {
    let field = |name: &str, ty, nullable| Field::new(name, ty, nullable);
    Fields::from(vec![
        field("feature", DataType::Utf8, false),
        field("type", DataType::Utf8, false),
        field("value", DataType::Binary, true),
        field("json", DataType::Utf8, true),
        field("status", DataType::Utf8, false),
        field("defaulted", DataType::Boolean, false),
        field("event_timestamp", timestamp_type(), true),
        field("meaning", DataType::Utf8, false),
    ])
}

/// All that the rows of one request have in common.
pub(crate) struct Described {
    service: Option<String>,
    /// Of each feature: its reference, its type, and the digest of its meaning.
    features: Vec<(String, String, String)>,
    /// The meanings by digest.
    meanings: BTreeMap<String, String>,
}

impl Described {
    /// Describes the request of a read.
    pub(crate) fn new(read: &ServedRead) -> Self {
        let is_service = |name: &&String| read.catalog.view(name).is_none() && read.catalog.service(name).is_some();
        let mut meanings = BTreeMap::new();
        let columns = read.plan.output.columns.iter();
        let features = columns.map(|column| {
            let reference = column.resolved.reference();
            // What cannot be described any more has no meaning that another could be compared with.
            let text = feature_meaning(&read.catalog, &reference).unwrap_or_default();
            let digest = format!("{:016x}", XxHash3_128::oneshot(text.as_bytes()) as u64);
            meanings.insert(digest.clone(), text);
            (reference, column.resolved.feature.ty.to_string(), digest)
        });
        let features = features.collect();
        Described { service: read.references.iter().find(is_service).cloned(), features, meanings }
    }
}

/// Rows in the making.
#[derive(Default)]
pub(crate) struct ServedColumns {
    rows: usize,
    bytes: usize,
    ids: StringBuilder,
    row: UInt32Builder,
    times: [TimestampMicrosecondBuilder; 4],
    questions: StringBuilder,
    consumers: StringBuilder,
    services: StringBuilder,
    references: Lists<StringBuilder>,
    revisions: UInt64Builder,
    entity_json: StringBuilder,
    entities: Lists<NamedBuilder>,
    request: Lists<NamedBuilder>,
    features: Lists<FeatureBuilder>,
    /// The meanings that the rows name.
    meanings: BTreeMap<String, String>,
}

/// Items of lists, and where each list ends.
#[derive(Default)]
struct Lists<B> {
    items: B,
    ends: Vec<i32>,
    count: i32,
}

#[derive(Default)]
struct NamedBuilder {
    names: StringBuilder,
    types: StringBuilder,
    values: BinaryBuilder,
}

#[derive(Default)]
struct FeatureBuilder {
    named: NamedBuilder,
    json: StringBuilder,
    statuses: StringBuilder,
    defaulted: BooleanBuilder,
    events: TimestampMicrosecondBuilder,
    meanings: StringBuilder,
}

impl<B> Lists<B> {
    fn push(&mut self, add: impl FnOnce(&mut B)) {
        add(&mut self.items);
        self.count += 1;
    }

    fn end(&mut self) {
        self.ends.push(self.count);
    }

    fn finish(&mut self, finish: impl FnOnce(&mut B) -> Result<ArrayRef>) -> Result<ArrayRef> {
        let items = finish(&mut self.items)?;
        let offsets: Vec<i32> = std::iter::once(0).chain(self.ends.drain(..)).collect();
        self.count = 0;
        let field = item_field(items.data_type().clone());
        Ok(Arc::new(ListArray::try_new(field, OffsetBuffer::new(offsets.into()), items, None).map_err(not_columns)?))
    }
}

impl NamedBuilder {
    fn push(&mut self, name: &str, ty: &str, value: Option<&[u8]>) {
        self.names.append_value(name);
        self.types.append_value(ty);
        self.values.append_option(value);
    }

    fn arrays(&mut self) -> Vec<ArrayRef> {
        vec![Arc::new(self.names.finish()), Arc::new(self.types.finish()), Arc::new(self.values.finish())]
    }
}

fn named_array(builder: &mut NamedBuilder) -> Result<ArrayRef> {
    let arrays = builder.arrays();
    Ok(Arc::new(StructArray::try_new(named_fields(), arrays, None).map_err(not_columns)?))
}

fn feature_array(builder: &mut FeatureBuilder) -> Result<ArrayRef> {
    let mut arrays = builder.named.arrays();
    arrays.push(Arc::new(builder.json.finish()));
    arrays.push(Arc::new(builder.statuses.finish()));
    arrays.push(Arc::new(builder.defaulted.finish()));
    arrays.push(Arc::new(builder.events.finish().with_timezone("UTC")));
    arrays.push(Arc::new(builder.meanings.finish()));
    Ok(Arc::new(StructArray::try_new(feature_fields(), arrays, None).map_err(not_columns)?))
}

fn not_columns(error: arrow::error::ArrowError) -> Error {
    Error::internal("the rows of a log of served features are no columns").with_source(error)
}

impl ServedColumns {
    /// The rows that wait to become a batch.
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// Bytes of their values, about.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Adds the rows of a read.
    ///
    /// # Errors
    /// `Corrupt` when the values of its answer cannot be read; some of its rows may have been added then.
    pub(crate) fn push(&mut self, read: ServedRead, described: &Described) -> Result<()> {
        let ServedRead { id, moment, question, consumer, references, plan, asked, records, .. } = read;
        let answer = Answer::new(plan.clone(), records, asked.len());
        let asked_known_at = match question {
            Question::Latest => None,
            Question::AsOf { known_at, .. } => known_at,
        };
        let times = [Some(moment.served_at), Some(moment.at), Some(moment.known_at), asked_known_at];
        for (digest, text) in &described.meanings {
            self.meanings.entry(digest.clone()).or_insert_with(|| text.clone());
        }
        for row in 0..asked.len() {
            let keys = self.push_entity(&plan.sources, &asked, row)?;
            self.entity_json.append_value(keys);
            for (place, value) in plan.derived.request.iter().enumerate() {
                let bytes = asked.request.get(place, row);
                self.request.push(|items| items.push(&value.name, &value.ty.to_string(), bytes));
            }
            self.request.end();
            self.push_features(&answer, described, row)?;
            self.ids.append_value(&id);
            self.row.append_value(row as u32);
            for (builder, time) in self.times.iter_mut().zip(&times) {
                builder.append_option(time.map(Timestamp::as_micros));
            }
            self.questions.append_value(if question == Question::Latest { "latest" } else { "as_of" });
            self.consumers.append_option(consumer.as_deref());
            self.services.append_option(described.service.as_deref());
            references.iter().for_each(|reference| self.references.push(|items| items.append_value(reference)));
            self.references.end();
            self.revisions.append_value(plan.revision);
            self.rows += 1;
            self.bytes += 128 + 64 * answer.features();
        }
        Ok(())
    }

    /// Adds the entity of a row; returns it as JSON.
    fn push_entity(&mut self, sources: &Sources, asked: &AskedRows, row: usize) -> Result<String> {
        let keys = &sources.join_keys;
        let mut values: Vec<Option<Value>> = vec![None; keys.len()];
        for (group, positions) in asked.groups.iter().zip(&sources.key_groups) {
            let Some(bytes) = group.get(row) else { continue };
            let types: Vec<_> = positions.iter().map(|position| keys[*position].ty).collect();
            for (position, value) in positions.iter().zip(key::decode_values(&types, bytes)?) {
                values[*position] = Some(value);
            }
        }
        let named: Vec<_> = keys.iter().map(|key| key.name.as_str()).zip(values).collect();
        for (key, (_, value)) in keys.iter().zip(&named) {
            let bytes = value.as_ref().map(encoded);
            let ty = ValueType::Scalar(key.ty).to_string();
            self.entities.push(|items| items.push(&key.name, &ty, bytes.as_deref()));
        }
        self.entities.end();
        json_text(AsJson(named.as_slice()).to_bytes()?)
    }

    fn push_features(&mut self, answer: &Answer, described: &Described, row: usize) -> Result<()> {
        for (place, (reference, ty, digest)) in described.features.iter().enumerate() {
            let value = answer.value(row, place)?;
            let bytes = value.as_ref().map(encoded);
            let json = value.map(|value| json_text(AsJson(&value).to_bytes()?)).transpose()?;
            self.bytes += 2 * bytes.as_ref().map_or(0, Vec::len);
            self.features.push(|items| {
                items.named.push(reference, ty, bytes.as_deref());
                items.json.append_option(json);
                items.statuses.append_value(answer.status(row, place).as_str());
                items.defaulted.append_value(answer.is_defaulted(row, place));
                let event = answer.event_timestamp(row, place);
                items.events.append_option(event.map(Timestamp::as_micros));
                items.meanings.append_value(digest);
            });
        }
        self.features.end();
        Ok(())
    }

    /// Makes a batch of the rows, and the meanings that they name.
    ///
    /// # Errors
    /// `Internal` where they are no columns of one length.
    pub(crate) fn finish(&mut self) -> Result<(RecordBatch, BTreeMap<String, String>)> {
        let [served_at, at, known_at, asked_known_at] = &mut self.times;
        let times = [served_at, at, known_at, asked_known_at]
            .map(|builder| Arc::new(builder.finish().with_timezone("UTC")) as ArrayRef);
        let [served_at, at, known_at, asked_known_at] = times;
        let columns: Vec<ArrayRef> = vec![
            Arc::new(self.ids.finish()),
            Arc::new(self.row.finish()),
            served_at,
            at,
            known_at,
            Arc::new(self.questions.finish()),
            asked_known_at,
            Arc::new(self.consumers.finish()),
            Arc::new(self.services.finish()),
            self.references.finish(|items| Ok(Arc::new(items.finish())))?,
            Arc::new(self.revisions.finish()),
            Arc::new(self.entity_json.finish()),
            self.entities.finish(named_array)?,
            self.request.finish(named_array)?,
            self.features.finish(feature_array)?,
        ];
        (self.rows, self.bytes) = (0, 0);
        let batch = RecordBatch::try_new(schema(), columns).map_err(not_columns)?;
        Ok((batch, std::mem::take(&mut self.meanings)))
    }
}

fn encoded(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    value.encode(&mut bytes);
    bytes
}

fn json_text(bytes: Vec<u8>) -> Result<String> {
    String::from_utf8(bytes).map_err(|error| Error::internal("JSON of our own is no text").with_source(error))
}
