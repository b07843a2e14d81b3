//! murr's store in memory, in process, as its own bench reads it; and the parts that its servers share with it.

use std::sync::{Arc, RwLock};

use arrow::array::{ArrayRef, AsArray, Float32Array, RecordBatch, StringArray};
use arrow::datatypes::{Float32Type, Schema, UInt32Type};
use indexmap::IndexMap;
use murr::core::{ColumnSchema, DTypeName, FetchRequest, TableSchema};
use murr::io::store::memory::MemoryStore;
use murr::io::table::Table;

use crate::contender::{Fallible, Reader, Request};
use crate::data::row;
use crate::scenario::{Setting, Shape};

/// Rows of one write.
const LOAD_ROWS: usize = 100_000;
/// The column of keys, and the table.
pub const KEY: &str = "key";
/// The name of the table.
pub const TABLE: &str = "bench";

/// The names of the columns of features.
pub fn column_names(shape: &Shape) -> Vec<String> {
    (0..shape.features).map(|n| format!("col_{n}")).collect()
}

/// The table, as murr's bench has it.
pub fn table_schema(shape: &Shape) -> TableSchema {
    let column = |dtype, key| ColumnSchema { dtype, nullable: false, key, strict: true };
    let mut columns = IndexMap::new();
    columns.insert(KEY.to_owned(), column(DTypeName::Utf8, true));
    columns.extend(column_names(shape).into_iter().map(|name| (name, column(DTypeName::Float32, false))));
    TableSchema { columns }
}

/// All rows, in batches.
pub fn batches(setting: &Setting) -> impl Iterator<Item = Fallible<RecordBatch>> {
    let (shape, entities) = (setting.scenario.shape(), setting.entities());
    let schema = Arc::new(Schema::from(&table_schema(&shape)));
    (0..entities).step_by(LOAD_ROWS).map(move |first| {
        let all = first..(first + LOAD_ROWS as u64).min(entities);
        let keys: StringArray = all.clone().map(|entity| Some(entity.to_string())).collect();
        let values: Vec<Vec<f32>> = all.map(|entity| row(entity, 0, 0, shape.features).collect()).collect();
        let column = |n: usize| Arc::new(values.iter().map(|row| Some(row[n])).collect::<Float32Array>()) as ArrayRef;
        let columns = std::iter::once(Arc::new(keys) as ArrayRef).chain((0..shape.features).map(column)).collect();
        Ok(RecordBatch::try_new(schema.clone(), columns)?)
    })
}

/// The keys of a request, as murr takes them.
///
/// # Errors
/// What Arrow says.
pub fn key_batch(request: &Request) -> Fallible<RecordBatch> {
    let keys: ArrayRef = Arc::new(StringArray::from_iter_values(&request.texts));
    Ok(RecordBatch::try_from_iter([(KEY, keys)])?)
}

/// Puts an answer into rows × features. Its first column says which of the keys a row is of.
///
/// # Errors
/// When a key was not found.
pub fn to_matrix(answer: &RecordBatch, shape: &Shape, out: &mut [f32]) -> Fallible<()> {
    if answer.num_rows() != shape.keys {
        return Err(format!("{} of {} rows are there", answer.num_rows(), shape.keys).into());
    }
    let places = answer.column(0).as_primitive::<UInt32Type>().values();
    for (n, column) in answer.columns().iter().skip(1).enumerate() {
        for (place, value) in places.iter().zip(column.as_primitive::<Float32Type>().values()) {
            out[*place as usize * shape.features + n] = *value;
        }
    }
    Ok(())
}

/// murr, in process.
pub struct MurrMemory {
    table: Table<MemoryStore>,
    shape: Shape,
    columns: Vec<String>,
}

impl MurrMemory {
    /// Loads the data.
    ///
    /// # Errors
    /// What murr says.
    pub fn load(setting: &Setting) -> Fallible<Self> {
        let shape = setting.scenario.shape();
        let store = Arc::new(RwLock::new(MemoryStore::new()));
        let table = Table::create(store, TABLE, table_schema(&shape))?;
        for batch in batches(setting) {
            table.write(&batch?)?;
        }
        Ok(MurrMemory { table, shape, columns: column_names(&shape) })
    }
}

impl Reader for MurrMemory {
    fn answer(&mut self, request: &Request, out: &mut [f32]) -> Fallible<()> {
        let fetch = FetchRequest { keys: key_batch(request)?, columns: self.columns.clone() };
        to_matrix(&self.table.read(&fetch)?, &self.shape, out)
    }
}
