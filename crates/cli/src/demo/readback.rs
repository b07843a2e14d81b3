//! Comparing an export with the file that was ingested.

use std::path::Path;

use arrow::array::{Array, AsArray};
use arrow::datatypes::Float32Type;
use asofdb::{Error, Manifest, Result};

use super::check::Check;
use super::parquet::{self, unreadable};
use crate::text::counted;

/// The feature whose values are summed up.
const FEATURE: &str = "temp";

/// Rows and the values of one feature.
#[derive(Debug, Default, PartialEq)]
struct Content {
    rows: u64,
    values: u64,
    sum: f64,
}

impl Content {
    fn add(&mut self, path: &Path) -> Result<()> {
        for batch in parquet::open(path)? {
            let batch = batch.map_err(|error| unreadable(path, error))?;
            let column = batch.column_by_name(FEATURE).and_then(|column| column.as_primitive_opt::<Float32Type>());
            let column =
                column.ok_or_else(|| Error::corrupt(format!("no column {FEATURE:?} in {}", path.display())))?;
            self.rows += batch.num_rows() as u64;
            self.values += (column.len() - column.null_count()) as u64;
            self.sum += column.iter().flatten().map(f64::from).sum::<f64>();
        }
        Ok(())
    }

    /// Sums in another order differ by their last digits.
    fn is_like(&self, other: &Content) -> bool {
        self.rows == other.rows && self.values == other.values && (self.sum - other.sum).abs() <= 1e-9 * self.sum.abs()
    }
}

/// Reads all files of the export and the ingested file.
pub(super) fn compare(export: &Path, manifest: &Manifest, ingested: &Path) -> Result<Vec<Check>> {
    let (mut read, mut original) = (Content::default(), Content::default());
    manifest.files.iter().try_for_each(|file| read.add(&export.join(&file.path)))?;
    original.add(ingested)?;
    let rows = counted(read.rows, "row", "rows");
    Ok(vec![
        Check { holds: read.rows == manifest.rows, text: format!("{rows} read back, as the manifest says") },
        Check { holds: read.is_like(&original), text: "the rows and values that were ingested".to_owned() },
    ])
}
