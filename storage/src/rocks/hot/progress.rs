//! How far the return of hot rows has come, and the sign to the thread that works on it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use super::keys_file::RowName;
use crate::backend::Warming;

/// The progress of the return of hot rows.
#[derive(Default)]
pub(in crate::rocks) struct Progress {
    is_over: AtomicBool,
    rows: AtomicU64,
    rows_wanted: AtomicU64,
    /// The rows that the thread is to read.
    names: Mutex<Vec<RowName>>,
    is_closed: Mutex<bool>,
    closed: Condvar,
}

impl Progress {
    /// Says that so many rows have come, of so many, and no more will.
    pub(in crate::rocks) fn taken_over(&self, rows: u64, rows_wanted: u64) {
        self.rows.store(rows, Ordering::Relaxed);
        self.rows_wanted.store(rows_wanted, Ordering::Relaxed);
        self.end();
    }

    /// Says which rows are wanted.
    pub(in crate::rocks) fn want(&self, names: Vec<RowName>) {
        self.rows_wanted.store(names.len() as u64, Ordering::Relaxed);
        if names.is_empty() {
            self.end();
        }
        *self.names.lock() = names;
    }

    pub(in crate::rocks) fn take_wanted(&self) -> Vec<RowName> {
        std::mem::take(&mut *self.names.lock())
    }

    pub(in crate::rocks) fn came(&self, rows: u64) {
        self.rows.fetch_add(rows, Ordering::Relaxed);
    }

    pub(in crate::rocks) fn end(&self) {
        self.is_over.store(true, Ordering::Release);
    }

    pub(in crate::rocks) fn now(&self) -> Warming {
        let is_over = self.is_over.load(Ordering::Acquire);
        let [rows, rows_wanted] = [&self.rows, &self.rows_wanted].map(|count| count.load(Ordering::Relaxed));
        Warming { is_over, rows, rows_wanted }
    }

    /// Waits so long, or until the store is closed; says whether it is still open.
    pub(in crate::rocks) fn wait(&self, patience: Duration) -> bool {
        let mut is_closed = self.is_closed.lock();
        if !*is_closed {
            self.closed.wait_for(&mut is_closed, patience);
        }
        !*is_closed
    }

    pub(in crate::rocks) fn close(&self) {
        *self.is_closed.lock() = true;
        self.closed.notify_all();
    }
}
