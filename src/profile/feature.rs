//! Statistics of one feature, from answers.

use std::borrow::Cow;

use asofdb_aggregate::Partial;
use asofdb_expression::{Column, Values};
use asofdb_storage::{Aggregate, FeatureProfile, Result, ScalarType, Status, StatusCounts, Value, ValueType};
use twox_hash::XxHash3_128;

use super::frequent::Frequent;
use super::numbers::Numbers;
use crate::read::answer::Answer;

/// Bytes that the numbers of all features may take together.
const NUMBERS_BYTES: usize = 32 << 20;

/// Fewest and most numbers of a feature that are remembered.
const NUMBERS_MIN: usize = 1 << 10;
const NUMBERS_MAX: usize = 1 << 16;

/// Values of a feature that are counted one by one: of a view of many features fewer.
const VALUES: usize = 512;
const VALUES_OF_MANY: usize = 64;
const MANY_FEATURES: usize = 256;

/// About 1.6 % of standard error.
const DISTINCT: Aggregate = Aggregate::ApproxDistinct { precision: 12 };

/// The statistics of a feature in the making.
#[derive(Debug)]
pub(super) struct FeatureStatistics {
    ty: ValueType,
    counts: StatusCounts,
    nan: u64,
    infinite: [u64; 2],
    /// Numbers, or lengths.
    numbers: Numbers,
    distinct: Partial,
    frequent: Frequent,
}

impl FeatureStatistics {
    /// The statistics of nothing, of a feature of a view that has so many.
    ///
    /// # Errors
    /// None.
    pub(super) fn new(ty: ValueType, features: usize) -> Result<Self> {
        let room = (NUMBERS_BYTES / size_of::<f64>() / features.max(1)).clamp(NUMBERS_MIN, NUMBERS_MAX);
        let values = if features > MANY_FEATURES { VALUES_OF_MANY } else { VALUES };
        Ok(FeatureStatistics {
            ty,
            counts: StatusCounts::default(),
            nan: 0,
            infinite: [0; 2],
            numbers: Numbers::new(room)?,
            distinct: Partial::new(&DISTINCT, Some(ValueType::Scalar(ScalarType::Int64)))?,
            frequent: Frequent::new(values),
        })
    }

    /// Adds the values of an answer.
    ///
    /// # Errors
    /// `Corrupt` when stored bytes cannot be read.
    pub(super) fn take(&mut self, answer: &Answer, feature: usize) -> Result<()> {
        self.take_all((0..answer.rows()).map(|row| Ok((answer.status(row, feature), answer.bytes(row, feature)))))
    }

    /// Adds values as they are stored.
    ///
    /// # Errors
    /// `Corrupt` when stored bytes cannot be read; those of `values`.
    pub(super) fn take_all<'v>(
        &mut self,
        values: impl Iterator<Item = Result<(Status, Option<&'v [u8]>)>>,
    ) -> Result<()> {
        let (mut numbers, mut hashes) = (Vec::new(), Vec::new());
        for value in values {
            let (status, stored) = value?;
            match status {
                Status::Present => self.counts.present += 1,
                Status::Null => self.counts.null += 1,
                Status::Missing => self.counts.missing += 1,
                Status::Expired => self.counts.expired += 1,
            }
            if let Some(stored) = stored {
                self.take_value(stored, &mut numbers, &mut hashes)?;
            }
        }
        self.numbers.add(&numbers);
        self.distinct.fold(Some(&Column::new(Values::Int64(&hashes))), 0..hashes.len(), None);
        Ok(())
    }

    fn take_value(&mut self, stored: &[u8], numbers: &mut Vec<f64>, hashes: &mut Vec<i64>) -> Result<()> {
        let number = self.number(stored)?;
        if number.is_nan() {
            self.nan += 1;
            return Ok(());
        }
        if number.is_infinite() {
            self.infinite[usize::from(number > 0.0)] += 1;
            return Ok(());
        }
        numbers.push(number);
        let bytes = self.without_sign_of_zero(stored, number);
        let hash = XxHash3_128::oneshot(&bytes);
        hashes.push(hash as i64);
        self.frequent.add(hash, || Value::decode(self.ty, &bytes))
    }

    /// The number that a value is, or its length.
    fn number(&self, stored: &[u8]) -> Result<f64> {
        Ok(match Value::decode(self.ty, stored)? {
            Value::Bool(value) => f64::from(u8::from(value)),
            Value::Int32(value) => f64::from(value),
            Value::Int64(value) => value as f64,
            Value::Float32(value) => f64::from(value),
            Value::Float64(value) => value,
            Value::Timestamp(time) => time.as_micros() as f64,
            Value::Date(date) => f64::from(date.as_days()),
            Value::String(text) => text.chars().count() as f64,
            Value::Bytes(bytes) => bytes.len() as f64,
            Value::List(_, items) => items.len() as f64,
        })
    }

    /// Both zeros are one value.
    fn without_sign_of_zero<'s>(&self, stored: &'s [u8], number: f64) -> Cow<'s, [u8]> {
        match self.ty {
            ValueType::Scalar(ScalarType::Float32 | ScalarType::Float64) if number == 0.0 => {
                Cow::Owned(vec![0; stored.len()])
            }
            _ => Cow::Borrowed(stored),
        }
    }

    /// The statistics of a feature by its name and the hash of its meaning.
    ///
    /// # Errors
    /// `Corrupt` never: what is read back was written here.
    pub(super) fn finish(self, name: String, meaning: u128) -> Result<FeatureProfile> {
        let mut estimate = Vec::new();
        self.distinct.finish(&DISTINCT, &mut estimate);
        let counted = self.frequent.distinct();
        let estimated = match Value::decode(ValueType::Scalar(ScalarType::Int64), &estimate)? {
            Value::Int64(distinct) => distinct.unsigned_abs(),
            _ => 0,
        };
        let is_number = is_number(self.ty);
        let numbers = self.numbers.finish(is_whole(self.ty))?;
        // An estimate may be greater than what there is.
        let values = numbers.as_ref().map_or(0, |numbers| numbers.count);
        let (numbers, lengths) = if is_number { (numbers, None) } else { (None, numbers) };
        let (top, is_top_exact) = self.frequent.finish();
        Ok(FeatureProfile {
            name,
            ty: self.ty,
            meaning,
            counts: self.counts,
            nan: self.nan,
            infinite: self.infinite,
            // Whether a truth holds is no number: its top values say all.
            numbers: numbers.filter(|_| self.ty != ValueType::Scalar(ScalarType::Bool)),
            lengths,
            distinct: counted.unwrap_or(estimated.min(values)),
            is_distinct_exact: counted.is_some(),
            top,
            is_top_exact,
        })
    }
}

fn is_number(ty: ValueType) -> bool {
    !matches!(ty, ValueType::List(_) | ValueType::Scalar(ScalarType::String | ScalarType::Bytes))
}

/// Returns whether numbers of a type, or else its lengths, are whole.
fn is_whole(ty: ValueType) -> bool {
    !matches!(ty, ValueType::Scalar(ScalarType::Float32 | ScalarType::Float64))
}
