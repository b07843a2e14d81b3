//! The record of what models read.

use super::codec::{self, Decode, Encode};
use super::{Reader, Recorded};
use crate::model_reads::{ModelKey, ModelReads, ModelRow};
use crate::time::Timestamp;
use crate::usage::{UsageCounts, UsageOf};

#[derive(Encode, Decode)]
pub(crate) struct ModelReadsRecordV1 {
    rows: Vec<ModelRowRecordV1>,
}

#[derive(Encode, Decode)]
struct ModelRowRecordV1 {
    model: String,
    is_service: bool,
    name: String,
    consumer: String,
    /// Calls and rows, of serving, training and exports.
    counts: [(u64, u64); 3],
    /// Microseconds since 1970.
    last: i64,
}

impl Recorded for ModelReads {
    type Written = ModelReadsRecordV1;

    const READERS: &'static [Reader<Self>] = &[codec::read::<ModelReadsRecordV1, Self>];

    fn name(_: &[u8]) -> String {
        "reads of models".to_owned()
    }
}

impl From<&ModelReads> for ModelReadsRecordV1 {
    fn from(reads: &ModelReads) -> Self {
        let counts = |counts: UsageCounts| (counts.calls, counts.rows);
        let row = |row: &ModelRow| ModelRowRecordV1 {
            model: row.key.model.clone(),
            is_service: row.key.of == UsageOf::Service,
            name: row.key.name.clone(),
            consumer: row.key.consumer.clone(),
            counts: [row.serving, row.training, row.exports].map(counts),
            last: row.last.as_micros(),
        };
        ModelReadsRecordV1 { rows: reads.rows.iter().map(row).collect() }
    }
}

impl From<ModelReadsRecordV1> for ModelReads {
    fn from(record: ModelReadsRecordV1) -> Self {
        let row = |row: ModelRowRecordV1| {
            let of = if row.is_service { UsageOf::Service } else { UsageOf::View };
            let [serving, training, exports] = row.counts.map(|(calls, rows)| UsageCounts { calls, rows });
            let key = ModelKey { model: row.model, of, name: row.name, consumer: row.consumer };
            ModelRow { key, serving, training, exports, last: Timestamp::from_micros(row.last) }
        };
        ModelReads { rows: record.rows.into_iter().map(row).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn reads_of_models_have_these_bytes_and_damaged_ones_are_refused() {
        let key = ModelKey { model: "m/1".into(), of: UsageOf::Service, name: "r".into(), consumer: "c".into() };
        let counts = |calls, rows| UsageCounts { calls, rows };
        let (serving, training, exports) = (counts(2, 3), counts(4, 5), counts(6, 7));
        let row = ModelRow { key, serving, training, exports, last: Timestamp::from_micros(8) };
        let reads = ModelReads { rows: vec![row] };
        let bytes = include_bytes!("../../tests/fixtures/records-1/model-reads");
        assert_eq!(reads.encode().unwrap(), bytes);
        assert_eq!(ModelReads::decode(bytes).unwrap(), reads);
        for cut in 0..bytes.len() {
            assert_eq!(ModelReads::decode(&bytes[..cut]).unwrap_err().kind(), ErrorKind::Corrupt, "{cut}");
        }
        let newer = ModelReads::decode(&[2]).unwrap_err();
        assert_eq!(newer.to_string(), "reads of models: record version 2 is newer than this asofdb reads (1)");
    }
}
