//! A comparison of what was served with a training set: the same rows value by value, and the distributions.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use arrow::array::{Array, ArrayRef, RecordBatch};
use arrow::compute::cast;
use asofdb::parts::value_at;
use asofdb::{Error, Result, ScalarType, ServedRow, Source, Value, ValueType, arrow_type};
use serde_json::{Map, Value as Json, json};

use super::drift::{Drift, Sample, drift};

/// Values of served rows that are kept to be compared one by one; of a longer log the first ones are.
pub const AGAINST_CELLS_MAX: usize = 20_000_000;

/// Lists of join keys that rows are found by.
const KEYS_MAX: usize = 64;

const TEXT: ValueType = ValueType::Scalar(ScalarType::String);
const NUMBER: ValueType = ValueType::Scalar(ScalarType::Int64);
const TIME: ValueType = ValueType::Scalar(ScalarType::Timestamp);

/// The columns that name an answer in a training set of what was served.
const ANSWER_COLUMNS: [&str; 2] = ["answer_id", "answer_row"];

/// The comparison of what was served with a training set.
#[derive(Debug, Clone, Default)]
pub struct Against {
    /// Rows of the log.
    pub served_rows: u64,
    /// Rows of the training set.
    pub training_rows: u64,
    /// Rows of the training set that were served: of the same answer, or of the same entity and time.
    pub matched_rows: u64,
    /// The features that both have, by reference.
    pub features: BTreeMap<String, ComparedFeature>,
    /// The features that the training set has no column for.
    pub absent: Vec<String>,
}

/// A feature in both places.
#[derive(Debug, Clone, PartialEq)]
pub struct ComparedFeature {
    /// Values of rows that both have.
    pub matched: u64,
    /// Values of these that are the same, bit for bit.
    pub same: u64,
    /// The distance of the distributions of all values; `None` where one has none.
    pub drift: Option<Drift>,
}

impl Against {
    /// Makes JSON of it.
    pub fn to_json(&self) -> Json {
        let feature = |feature: &ComparedFeature| {
            let drift = feature.drift.as_ref().map(Drift::to_json);
            json!({"matched": feature.matched, "same": feature.same, "drift": drift})
        };
        let features: Map<_, _> = self.features.iter().map(|(name, one)| (name.clone(), feature(one))).collect();
        json!({
            "served_rows": self.served_rows,
            "training_rows": self.training_rows,
            "matched_rows": self.matched_rows,
            "features": features,
            "absent": self.absent,
        })
    }
}

/// Compares the rows of a log with a training set. Its columns are named as those of `asof training-set` are: a
/// feature, `view__feature`, or `view:feature`. A row is the same where `answer_id` and `answer_row` are, if it has
/// these, or the join keys and the time in the column `event_timestamp`.
///
/// # Errors
/// Those of the rows and of the file; `Invalid` when it has no column for any of the features.
pub fn compare_served(
    rows: impl Iterator<Item = Result<ServedRow>>,
    training: &Source,
    event_timestamp: &str,
) -> Result<Against> {
    let columns = training.schema().fields().iter().map(|field| field.name().clone()).collect();
    let mut served = Served::new(columns, event_timestamp);
    for row in rows {
        served.take(&row?)?;
    }
    if served.features.iter().all(|feature| feature.column.is_none()) {
        let message = format!("file {} has no column for any feature that was served", training.name());
        return Err(Error::invalid(message));
    }
    let mut training_rows = 0;
    let mut matched = HashSet::new();
    for batch in training.batches()? {
        let batch = batch?;
        training_rows += batch.num_rows() as u64;
        served.compare(&batch, &mut matched)?;
    }
    Ok(served.findings(training_rows))
}

/// The rows of a log, as they are found again.
struct Served {
    columns: HashSet<String>,
    event_timestamp: String,
    by_answer: bool,
    /// The join keys that rows are found by.
    keys: Vec<Vec<(String, ValueType)>>,
    features: Vec<Feature>,
    places: HashMap<String, usize>,
    /// By row: the place and the hash of each value.
    values: HashMap<u64, Vec<(u32, u64)>>,
    cells: usize,
    rows: u64,
    matched_rows: u64,
}

struct Feature {
    reference: String,
    ty: ValueType,
    /// Its column in the training set.
    column: Option<String>,
    served: Sample,
    training: Sample,
    matched: u64,
    same: u64,
}

impl Served {
    fn new(columns: HashSet<String>, event_timestamp: &str) -> Self {
        let by_answer = ANSWER_COLUMNS.iter().all(|name| columns.contains(*name));
        Served {
            columns,
            event_timestamp: event_timestamp.to_owned(),
            by_answer,
            keys: Vec::new(),
            features: Vec::new(),
            places: HashMap::new(),
            values: HashMap::new(),
            cells: 0,
            rows: 0,
            matched_rows: 0,
        }
    }

    /// Takes a row of the log.
    fn take(&mut self, row: &ServedRow) -> Result<()> {
        self.rows += 1;
        let mut cells = Vec::with_capacity(row.features.len());
        for served in &row.features {
            let place = self.place(&served.reference, served.ty);
            let feature = &mut self.features[place];
            if feature.ty == served.ty {
                feature.served.add(served.value()?.as_ref());
                cells.push((place as u32, hash_of(served.bytes.as_deref())));
            }
        }
        if self.cells + cells.len() > AGAINST_CELLS_MAX {
            return Ok(());
        }
        let hash = match self.by_answer {
            true => hash_all([Some(Value::String(row.id.clone())), Some(Value::Int64(i64::from(row.row)))]),
            false => match self.key_of(row) {
                Some(hash) => hash,
                None => return Ok(()),
            },
        };
        self.cells += cells.len();
        self.values.insert(hash, cells);
        Ok(())
    }

    /// The hash of a row's entity and time; `None` where the training set lacks a join key, or it is null.
    fn key_of(&mut self, row: &ServedRow) -> Option<u64> {
        let mut keys: Vec<_> = row.entity.iter().map(|key| (key.name.clone(), key.ty)).collect();
        keys.sort();
        let has_all = keys.iter().all(|(name, _)| self.columns.contains(name));
        if !has_all || !self.columns.contains(&self.event_timestamp) {
            return None;
        }
        if !self.keys.contains(&keys) {
            if self.keys.len() == KEYS_MAX {
                return None;
            }
            self.keys.push(keys.clone());
        }
        let value = |name: &String| row.entity.iter().find(|key| key.name == *name).and_then(|key| key.value.clone());
        let values: Vec<_> = keys.iter().map(|(name, _)| value(name)).collect();
        let is_known = values.iter().all(Option::is_some);
        is_known.then(|| hash_all(values.into_iter().chain([Some(Value::Timestamp(row.at))])))
    }

    fn place(&mut self, reference: &str, ty: ValueType) -> usize {
        if let Some(place) = self.places.get(reference) {
            return *place;
        }
        let bare = reference.split_once(':').map_or(reference, |(_, name)| name);
        let names = [reference.to_owned(), reference.replacen(':', "__", 1), bare.to_owned()];
        let column = names.into_iter().find(|name| self.columns.contains(name));
        let (served, training) = (Sample::new(ty), Sample::new(ty));
        let reference = reference.to_owned();
        self.places.insert(reference.clone(), self.features.len());
        self.features.push(Feature { reference, ty, column, served, training, matched: 0, same: 0 });
        self.features.len() - 1
    }

    /// Compares rows of the training set.
    fn compare(&mut self, batch: &RecordBatch, seen: &mut HashSet<u64>) -> Result<()> {
        let hashes = self.hashes(batch)?;
        let mut columns: Vec<Option<ArrayRef>> = Vec::with_capacity(self.features.len());
        for feature in &self.features {
            columns.push(feature.column.as_ref().and_then(|name| typed(batch, name, feature.ty)));
        }
        for (feature, column) in self.features.iter_mut().zip(&columns) {
            let Some(column) = column else { continue };
            (0..batch.num_rows()).for_each(|row| feature.training.add(value_at(column, feature.ty, row).as_ref()));
        }
        for hashes in hashes {
            for (row, hash) in hashes.into_iter().enumerate() {
                let Some((hash, cells)) = hash.and_then(|hash| Some((hash, self.values.get(&hash)?))) else { continue };
                self.matched_rows += u64::from(seen.insert(hash));
                for (place, served) in cells {
                    let Some(column) = &columns[*place as usize] else { continue };
                    let feature = &mut self.features[*place as usize];
                    let bytes = value_at(column, feature.ty, row).map(|value| {
                        let mut bytes = Vec::new();
                        value.encode(&mut bytes);
                        bytes
                    });
                    feature.matched += 1;
                    feature.same += u64::from(hash_of(bytes.as_deref()) == *served);
                }
            }
        }
        Ok(())
    }

    /// The hashes by which rows of the training set may be known, for each way in which they may be.
    fn hashes(&self, batch: &RecordBatch) -> Result<Vec<Vec<Option<u64>>>> {
        let answer = || ANSWER_COLUMNS.map(str::to_owned).into_iter().zip([TEXT, NUMBER]).collect();
        let time = || (self.event_timestamp.clone(), TIME);
        let keyed = |keys: &Vec<(String, ValueType)>| keys.iter().cloned().chain([time()]).collect();
        let ways: Vec<Vec<(String, ValueType)>> = match self.by_answer {
            true => vec![answer()],
            false => self.keys.iter().map(keyed).collect(),
        };
        let way = |way: Vec<(String, ValueType)>| {
            let column = |(name, ty): &(String, ValueType)| {
                let wrong = || Error::invalid(format!("column {name:?} of the training set cannot be read as {ty}"));
                Ok((typed(batch, name, *ty).ok_or_else(wrong)?, *ty))
            };
            let columns = way.iter().map(column).collect::<Result<Vec<_>>>()?;
            let hash = |row: usize| {
                let values: Vec<_> = columns.iter().map(|(column, ty)| value_at(column, *ty, row)).collect();
                values.iter().all(Option::is_some).then(|| hash_all(values))
            };
            Ok((0..batch.num_rows()).map(hash).collect())
        };
        ways.into_iter().map(way).collect()
    }

    fn findings(self, training_rows: u64) -> Against {
        let mut against =
            Against { served_rows: self.rows, training_rows, matched_rows: self.matched_rows, ..Against::default() };
        for Feature { reference, column, served, training, matched, same, .. } in self.features {
            match column {
                None => against.absent.push(reference),
                Some(_) => {
                    let drift = drift(&served, &training);
                    against.features.insert(reference, ComparedFeature { matched, same, drift });
                }
            }
        }
        against
    }
}

/// A column as one of exactly the Arrow type of `ty`; `None` where it cannot be.
fn typed(batch: &RecordBatch, name: &str, ty: ValueType) -> Option<ArrayRef> {
    let (column, target) = (batch.column_by_name(name)?, arrow_type(ty));
    match *column.data_type() == target {
        true => Some(column.clone()),
        false => cast(column, &target).ok().filter(|array| array.null_count() == column.null_count()),
    }
}

fn hash_of(bytes: Option<&[u8]>) -> u64 {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    hasher.finish()
}

fn hash_all(values: impl IntoIterator<Item = Option<Value>>) -> u64 {
    let mut hasher = DefaultHasher::new();
    for value in values {
        let mut bytes = Vec::new();
        if let Some(value) = value {
            value.encode(&mut bytes);
        }
        bytes.hash(&mut hasher);
    }
    hasher.finish()
}
