//! The selection of a view's rows for an export, and their columns.

use asofdb_storage::{FeatureView, KeyRange, Result, RowPlan, Scanned, Snapshot, Timestamp};

use super::choice::ExportRows;
use super::counts::Counts;
use super::schema::ExportSchema;
use crate::read::newest::NewestAsOf;

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
        let mut newest = self.as_of.map(NewestAsOf::new);
        let mut uncounted = 0;
        while let Some(scanned) = scan.next()? {
            uncounted += 1;
            if uncounted == COUNT_EVERY {
                counts.add_scanned(uncounted);
                uncounted = 0;
                if !counts.goes_on() {
                    return Ok(false);
                }
            }
            let wanted = match &mut newest {
                Some(newest) => newest.finds(scanned)?,
                None => self.is_in_window(scanned.version.event),
            };
            if wanted && !take(scanned)? {
                break;
            }
        }
        counts.add_scanned(uncounted);
        Ok(true)
    }

    #[inline]
    fn is_in_window(&self, event: Timestamp) -> bool {
        self.from.is_none_or(|from| from <= event) && self.to.is_none_or(|to| event < to)
    }
}
