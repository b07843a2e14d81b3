//! Training sets of exactly what was served.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::{Field, Schema, SchemaRef};
use asofdb_storage::{Error, Result, ScalarType, Status, Value, ValueType};
use parquet::arrow::ArrowWriter;

use crate::files::output::{OutputFile, cannot_write};
use crate::files::parquet::{Compression, parquet_properties};
use crate::join::{FeatureCounts, JoinReport};
use crate::progress::{OnProgress, Progress};
use crate::read::fields::AnswerColumns;
use crate::rows::types::arrow_type;
use crate::served::reader::read_served_log;
use crate::served::row::{NamedValue, ServedFeature, ServedRow};
use crate::served::value_column::ValueColumn;

/// Rows of one batch.
const BATCH_ROWS: usize = 4_096;

/// Columns of one training set.
const COLUMNS_MAX: usize = 16_384;

const STRING: ValueType = ValueType::Scalar(ScalarType::String);
const TIMESTAMP: ValueType = ValueType::Scalar(ScalarType::Timestamp);

/// Writes what was served as a training set: the join keys, `event_timestamp` (the time asked about), the values of the
/// request, `answer_id` and `answer_row`, and the features. References name features (`view:feature`), views or
/// services; none of them: every feature. Rows that have none of these are left out, and a feature that a row has not
/// is null there.
///
/// # Errors
/// As [`read_served_log`]; `Conflict` when `out` exists, or when a feature was served with two types; `Invalid` when no
/// row has any of the features.
pub fn served_training_set(
    log: &Path,
    references: &[String],
    out: &Path,
    columns: AnswerColumns,
    progress: &mut OnProgress<'_>,
) -> Result<JoinReport> {
    let output = OutputFile::create(out)?;
    let mut layout = Layout::default();
    for row in read_served_log(log)? {
        layout.take(&row?, references)?;
    }
    if layout.features.is_empty() {
        let rule = "has no row with any of these features";
        return Err(Error::invalid(format!("{} {rule}: {}", log.display(), references.join(", "))));
    }
    let schema = layout.schema(columns)?;
    let failed = |error: parquet::errors::ParquetError| cannot_write(out, error);
    let properties = parquet_properties(&schema, Compression::default()).build();
    let mut writer = ArrowWriter::try_new(output, schema.clone(), Some(properties)).map_err(failed)?;
    let mut rows = Rows::new(&layout, schema, columns);
    for row in read_served_log(log)? {
        rows.push(&row?, references)?;
        if rows.waiting == BATCH_ROWS {
            writer.write(&rows.finish()?).map_err(failed)?;
            progress(Progress { rows: rows.report.rows, done: rows.report.rows, total: None });
        }
    }
    writer.write(&rows.finish()?).map_err(failed)?;
    writer.into_inner().map_err(failed)?.finish()?;
    Ok(rows.report)
}

/// Returns whether a reference names a feature of a row.
fn names(reference: &str, row: &ServedRow, feature: &ServedFeature) -> bool {
    let view = reference.strip_suffix(":*").unwrap_or(reference);
    let of_view = feature.reference.split_once(':').is_some_and(|(name, _)| name == view);
    of_view || feature.reference == reference || row.service.as_deref() == Some(reference)
}

/// The features of a row that are wanted.
fn wanted<'r>(row: &'r ServedRow, references: &[String]) -> Vec<&'r ServedFeature> {
    let is_wanted = |feature: &&ServedFeature| {
        references.is_empty() || references.iter().any(|reference| names(reference, row, feature))
    };
    row.features.iter().filter(is_wanted).collect()
}

/// The columns that the rows of a log need.
#[derive(Default)]
struct Layout {
    keys: Vec<(String, ValueType)>,
    request: Vec<(String, ValueType)>,
    features: Vec<(String, ValueType)>,
    known: HashMap<String, ValueType>,
}

impl Layout {
    /// Takes note of the columns of a row.
    fn take(&mut self, row: &ServedRow, references: &[String]) -> Result<()> {
        let features = wanted(row, references);
        if features.is_empty() {
            return Ok(());
        }
        for (list, values) in [(&mut self.keys, &row.entity), (&mut self.request, &row.request)] {
            for NamedValue { name, ty, .. } in values {
                note(list, &mut self.known, name, *ty)?;
            }
        }
        for feature in features {
            note(&mut self.features, &mut self.known, &feature.reference, feature.ty)?;
        }
        match self.known.len() <= COLUMNS_MAX {
            true => Ok(()),
            false => Err(Error::invalid(format!("a training set has at most {COLUMNS_MAX} columns: name features"))),
        }
    }

    fn schema(&self, columns: AnswerColumns) -> Result<SchemaRef> {
        let own = [("event_timestamp", TIMESTAMP), ("answer_id", STRING)];
        let row = ("answer_row", ValueType::Scalar(ScalarType::Int64));
        let beside = self.keys.iter().chain(&self.request).map(|(name, ty)| (name.as_str(), *ty));
        let beside: Vec<_> = beside.chain(own).chain([row]).collect();
        let mut fields: Vec<Field> = beside.iter().map(|(name, ty)| Field::new(*name, arrow_type(*ty), true)).collect();
        let bare = |reference: &str| reference.split_once(':').map_or(reference, |(_, name)| name).to_owned();
        let mut uses: HashMap<String, usize> = beside.iter().map(|(name, _)| ((*name).to_owned(), 1)).collect();
        for (reference, _) in &self.features {
            *uses.entry(bare(reference)).or_default() += 1;
        }
        for (reference, ty) in &self.features {
            let is_full = columns.full_names || uses.get(&bare(reference)).is_some_and(|count| *count > 1);
            let name = if is_full { reference.replacen(':', "__", 1) } else { bare(reference) };
            fields.push(Field::new(&name, arrow_type(*ty), true));
            if columns.statuses {
                fields.push(Field::new(format!("{name}__status"), arrow_type(STRING), true));
            }
            if columns.event_timestamps {
                fields.push(Field::new(format!("{name}__event_timestamp"), arrow_type(TIMESTAMP), true));
            }
        }
        let mut seen = std::collections::HashSet::new();
        match fields.iter().find(|field| !seen.insert(field.name().clone())) {
            None => Ok(Arc::new(Schema::new(fields))),
            Some(twice) => {
                let message = format!("two columns of the result would be named {:?}", twice.name());
                Err(Error::invalid(message))
            }
        }
    }
}

/// Takes note of a column, which has one type.
fn note(
    list: &mut Vec<(String, ValueType)>,
    known: &mut HashMap<String, ValueType>,
    name: &str,
    ty: ValueType,
) -> Result<()> {
    match known.get(name) {
        Some(before) if *before != ty => {
            let rule = "name other features, or another part of the log";
            Err(Error::conflict(format!("{name} was served as {before} and as {ty}: {rule}")))
        }
        Some(_) => Ok(()),
        None => {
            known.insert(name.to_owned(), ty);
            list.push((name.to_owned(), ty));
            Ok(())
        }
    }
}

/// Rows in the making.
struct Rows<'l> {
    layout: &'l Layout,
    schema: SchemaRef,
    options: AnswerColumns,
    columns: Vec<ValueColumn>,
    waiting: usize,
    report: JoinReport,
}

impl<'l> Rows<'l> {
    fn new(layout: &'l Layout, schema: SchemaRef, options: AnswerColumns) -> Self {
        let mut types: Vec<_> = layout.keys.iter().chain(&layout.request).map(|(_, ty)| *ty).collect();
        types.extend([TIMESTAMP, STRING, ValueType::Scalar(ScalarType::Int64)]);
        for (_, ty) in &layout.features {
            types.push(*ty);
            types.extend(options.statuses.then_some(STRING));
            types.extend(options.event_timestamps.then_some(TIMESTAMP));
        }
        let features = layout.features.iter().map(|(reference, _)| FeatureCounts::new(reference.clone())).collect();
        let columns = types.into_iter().map(ValueColumn::new).collect();
        let report = JoinReport { features, ..JoinReport::default() };
        Rows { layout, schema, options, columns, waiting: 0, report }
    }

    /// Adds a row, if it has any of the features.
    fn push(&mut self, row: &ServedRow, references: &[String]) -> Result<()> {
        let features = wanted(row, references);
        if features.is_empty() {
            return Ok(());
        }
        let by_name = |values: &[NamedValue], name: &str| {
            values.iter().find(|value| value.name == name).and_then(|value| value.value.clone())
        };
        let keys = self.layout.keys.iter().map(|(name, _)| by_name(&row.entity, name));
        let request = self.layout.request.iter().map(|(name, _)| by_name(&row.request, name));
        let mut values: Vec<Option<Value>> = keys.chain(request).collect();
        values.push(Some(Value::Timestamp(row.at)));
        values.push(Some(Value::String(row.id.clone())));
        values.push(Some(Value::Int64(i64::from(row.row))));
        for (place, (reference, _)) in self.layout.features.iter().enumerate() {
            let feature = features.iter().find(|feature| feature.reference == *reference);
            values.push(feature.map(|feature| feature.value()).transpose()?.flatten());
            let status = feature.map(|feature| feature.status);
            self.report.features[place].by_status[status.unwrap_or(Status::Missing) as usize] += 1;
            if self.options.statuses {
                values.push(status.map(|status| Value::String(status.as_str().to_owned())));
            }
            if self.options.event_timestamps {
                values.push(feature.and_then(|feature| feature.event).map(Value::Timestamp));
            }
        }
        self.columns.iter_mut().zip(values).try_for_each(|(column, value)| column.push(value))?;
        self.report.null_rows += u64::from(row.entity.iter().any(|key| key.value.is_none()));
        (self.report.rows, self.waiting) = (self.report.rows + 1, self.waiting + 1);
        Ok(())
    }

    fn finish(&mut self) -> Result<RecordBatch> {
        self.waiting = 0;
        let columns: Vec<ArrayRef> = self.columns.iter_mut().map(ValueColumn::finish).collect::<Result<_>>()?;
        RecordBatch::try_new(self.schema.clone(), columns)
            .map_err(|error| Error::internal("the columns of what was served do not suit").with_source(error))
    }
}
