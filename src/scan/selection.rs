//! The selection of a view's rows for an export, and their columns.

use asofdb_storage::row::{self, RowKind};
use asofdb_storage::{FeatureView, KeyRange, Result, RowPlan, Scanned, Snapshot, Timestamp};

use super::choice::ExportRows;
use super::counts::Counts;
use super::schema::ExportSchema;

/// Versions scanned between two looks at the shared counts.
const COUNT_EVERY: u64 = 1024;

/// The rows of a view that were asked for, with their columns.
pub struct Selection<'s> {
    pub(crate) view: &'s FeatureView,
    /// The time asked about; `None`: every version of the window.
    pub(crate) as_of: Option<Timestamp>,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
    /// The reading of its rows, all features of them.
    pub(crate) rows: RowPlan,
    /// The columns.
    pub schema: ExportSchema,
}

impl<'s> Selection<'s> {
    /// The rows of `view` in a snapshot that was taken at `now`. The view must be as it is now or was later, so that
    /// it knows the schema of every row.
    ///
    /// # Errors
    /// `Internal` when the view lacks a feature of its own.
    pub fn new(view: &'s FeatureView, rows: &ExportRows, now: Timestamp) -> Result<Self> {
        let (as_of, from, to) = match *rows {
            ExportRows::Versions { from, to } => (None, from, to),
            ExportRows::AsOf(at) => (Some(at), None, None),
            ExportRows::Latest => (Some(now), None, None),
        };
        let features: Vec<_> = view.features.iter().map(|feature| feature.id).collect();
        let plan = RowPlan::new(view, &features)?;
        Ok(Selection { view, as_of, from, to, rows: plan, schema: ExportSchema::new(view, rows, now) })
    }

    /// Calls `take` with each row of a range of keys, in their order, for as long as it says to go on. Tells whether
    /// that was to the end or `take` ended it, rather than the counts.
    pub(crate) fn each_row(
        &self,
        snapshot: &dyn Snapshot,
        range: &KeyRange,
        counts: &Counts,
        mut take: impl FnMut(Scanned<'_>) -> Result<bool>,
    ) -> Result<bool> {
        let mut scan = snapshot.scan(self.view, range)?;
        let mut picker = Picker::default();
        let mut uncounted = 0;
        while let Some(scanned) = scan.next()? {
            uncounted += 1;
            if uncounted == COUNT_EVERY {
                counts.add_scanned(uncounted);
                uncounted = 0;
                if counts.is_stopped() {
                    return Ok(false);
                }
            }
            if picker.picks(self, scanned)? && !take(scanned)? {
                break;
            }
        }
        counts.add_scanned(uncounted);
        Ok(true)
    }
}

/// Chooses the versions that were asked for.
#[derive(Default)]
struct Picker {
    /// The entity whose version as of the time asked has been found.
    answered: Option<Vec<u8>>,
}

impl Picker {
    #[inline]
    fn picks(&mut self, selection: &Selection<'_>, scanned: Scanned<'_>) -> Result<bool> {
        let event = scanned.version.event;
        let Some(at) = selection.as_of else {
            return Ok(selection.from.is_none_or(|from| from <= event) && selection.to.is_none_or(|to| event < to));
        };
        if event > at || self.answered.as_deref() == Some(scanned.key) {
            return Ok(false);
        }
        let answered = self.answered.get_or_insert_default();
        answered.clear();
        answered.extend_from_slice(scanned.key);
        Ok(row::kind(scanned.row)? != RowKind::Tombstone)
    }
}
