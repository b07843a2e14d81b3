//! The record of the runs of a view's feed.

use super::codec::{self, Decode, Encode};
use super::{Reader, Recorded};
use crate::feed_runs::{FeedFile, FeedRun, FeedRuns};
use crate::time::Timestamp;

#[derive(Encode, Decode)]
pub(crate) struct FeedRunsRecordV1 {
    schema_version: u16,
    /// Path, bytes, and nanoseconds since 1970 of the last change.
    files: Vec<(String, u64, i64)>,
    runs: Vec<FeedRunRecordV1>,
    succeeded: Option<i64>,
    failures: u64,
}

#[derive(Encode, Decode)]
struct FeedRunRecordV1 {
    /// Microseconds since 1970.
    began: i64,
    ended: i64,
    files: u64,
    /// Read, written, rejected.
    rows: [u64; 3],
    error: Option<String>,
}

impl Recorded for FeedRuns {
    type Written = FeedRunsRecordV1;

    const READERS: &'static [Reader<Self>] = &[codec::read::<FeedRunsRecordV1, Self>];

    fn name(_: &[u8]) -> String {
        "runs of a feed".to_owned()
    }
}

impl From<&FeedRuns> for FeedRunsRecordV1 {
    fn from(runs: &FeedRuns) -> Self {
        let run = |run: &FeedRun| FeedRunRecordV1 {
            began: run.began.as_micros(),
            ended: run.ended.as_micros(),
            files: run.files,
            rows: [run.rows_read, run.rows_written, run.rows_rejected],
            error: run.error.clone(),
        };
        FeedRunsRecordV1 {
            schema_version: runs.schema_version,
            files: runs.files.iter().map(|file| (file.path.clone(), file.bytes, file.modified)).collect(),
            runs: runs.runs.iter().map(run).collect(),
            succeeded: runs.succeeded.map(Timestamp::as_micros),
            failures: runs.failures,
        }
    }
}

impl From<FeedRunsRecordV1> for FeedRuns {
    fn from(record: FeedRunsRecordV1) -> Self {
        let run = |run: FeedRunRecordV1| {
            let [rows_read, rows_written, rows_rejected] = run.rows;
            let (began, ended) = (Timestamp::from_micros(run.began), Timestamp::from_micros(run.ended));
            FeedRun { began, ended, files: run.files, rows_read, rows_written, rows_rejected, error: run.error }
        };
        FeedRuns {
            schema_version: record.schema_version,
            files: record.files.into_iter().map(|(path, bytes, modified)| FeedFile { path, bytes, modified }).collect(),
            runs: record.runs.into_iter().map(run).collect(),
            succeeded: record.succeeded.map(Timestamp::from_micros),
            failures: record.failures,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn runs_have_these_bytes_and_damaged_ones_are_refused() {
        let file = FeedFile { path: "a.csv".to_owned(), bytes: 2, modified: 3 };
        let mut runs = FeedRuns { schema_version: 1, files: vec![file], ..FeedRuns::default() };
        let (began, ended) = (Timestamp::from_micros(4), Timestamp::from_micros(5));
        let error = Some("no".to_owned());
        runs.add(FeedRun { began, ended, files: 6, rows_read: 7, rows_written: 8, rows_rejected: 9, error });
        let number = |number: u64| number.to_le_bytes().to_vec();
        let text = |text: &str| [number(text.len() as u64), text.as_bytes().to_vec()].concat();
        let files = [number(1), text("a.csv"), number(2), number(3)].concat();
        let run =
            [number(1), number(4), number(5), number(6), number(7), number(8), number(9), vec![1], text("no")].concat();
        let bytes = [vec![1, 1, 0], files, run, vec![0], number(1)].concat();
        assert_eq!(runs.encode().unwrap(), bytes);
        assert_eq!(FeedRuns::decode(&bytes).unwrap(), runs);
        assert_eq!(FeedRuns::decode(&bytes[..20]).unwrap_err().kind(), ErrorKind::Corrupt);
        let newer = [&[2][..], &bytes[1..]].concat();
        assert_eq!(FeedRuns::decode(&newer).unwrap_err().kind(), ErrorKind::Conflict);
    }
}
