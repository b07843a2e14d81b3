//! Counts of reads that were answered in this process, until the sidecar is told of them.

use std::collections::HashMap;
use std::mem;
use std::sync::atomic::{AtomicUsize, Ordering};

use asofdb::Prepared;
use asofdb::parts::{HoleCounts, Holes, ReadPlan};
use asofdb_protocol::ReadsMessage;
use parking_lot::Mutex;

/// Parts with a lock each, among which threads are spread.
const STRIPES: usize = 8;

thread_local! {
    /// The part of this thread.
    static STRIPE: usize = {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        NEXT.fetch_add(1, Ordering::Relaxed) % STRIPES
    };
}

/// Counts by request.
#[derive(Debug, Default)]
pub(super) struct Tallies([Mutex<HashMap<u64, Tally>>; STRIPES]);

/// The counts of one request.
#[derive(Debug)]
struct Tally {
    references: Vec<String>,
    calls: u64,
    rows: u64,
    /// By column, as far as there are any.
    holes: Vec<HoleCounts>,
}

impl Tallies {
    /// Counts the rows of a read, and the read unless the sidecar has counted it for other rows.
    pub(super) fn add(&self, request: &Prepared, plan: &ReadPlan, (is_call, rows): (bool, usize), holes: Holes) {
        let new = || Tally { references: request.references().to_vec(), calls: 0, rows: 0, holes: Vec::new() };
        let mut tallies = self.0[STRIPE.with(|stripe| *stripe)].lock();
        let tally = tallies.entry(request.id()).or_insert_with(new);
        tally.calls += u64::from(is_call);
        tally.rows += rows as u64;
        holes.each(plan, |column, counts| {
            if tally.holes.len() <= column {
                tally.holes.resize(column + 1, HoleCounts::default());
            }
            tally.holes[column].iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
        });
    }

    /// Takes all counts away, behind those that are there.
    pub(super) fn take_into(&self, reads: &mut Vec<ReadsMessage>) {
        for stripe in &self.0 {
            let tallies = mem::take(&mut *stripe.lock());
            reads.extend(tallies.into_values().map(Tally::into_message));
        }
    }
}

impl Tally {
    fn into_message(self) -> ReadsMessage {
        let columns = (0..).zip(self.holes);
        let holes = columns.filter(|(_, counts)| counts.iter().any(|count| *count > 0)).collect();
        ReadsMessage { references: self.references, calls: self.calls, rows: self.rows, holes }
    }
}
