//! Everything ever written, as a plain list, and the contract said over it with filters.

use std::collections::BTreeSet;

use asofdb_storage::key::{entity_of, version_bytes};
use asofdb_storage::row::{self, RowKind};
use asofdb_storage::{FeatureView, KeyRange, Timestamp, Version};

use crate::answers::{Answer, Answers, Row, Seen};
use crate::questions::{Point, Questions, Window};

/// One write.
#[derive(Debug, Clone)]
struct Written {
    view: u32,
    key: Vec<u8>,
    version: Version,
    row: Vec<u8>,
    /// Of a copy, the view and the row key of its event.
    copy_of: Option<(u32, Vec<u8>)>,
}

/// The naive model: a list of writes, in the order of their commits.
#[derive(Debug, Default)]
pub struct Log {
    writes: Vec<Written>,
}

impl Log {
    /// Adds a write.
    pub fn push(&mut self, view: u32, key: &[u8], version: Version, row: &[u8]) {
        self.writes.push(Written { view, key: key.to_vec(), version, row: row.to_vec(), copy_of: None });
    }

    /// Adds a copy of the event that `key` is the row key of, in an index.
    pub fn push_copy(&mut self, view: u32, key: &[u8], index: u32, copy: &[u8], version: Version, row: &[u8]) {
        let copy_of = Some((view, key.to_vec()));
        self.writes.push(Written { view: index, key: copy.to_vec(), version, row: row.to_vec(), copy_of });
    }

    /// Forgets an entity in one view; returns how many versions it had and the bytes of their keys and rows.
    pub fn erase(&mut self, view: &FeatureView, key: &[u8]) -> (u64, u64) {
        let row_keys = self.row_keys(view.id, key);
        let mut receipt = (0, 0);
        for row_key in &row_keys {
            for (_, row) in self.versions(view.id, row_key) {
                receipt.0 += 1;
                receipt.1 += (4 + row_key.len() + version_bytes(view.id) + row.len()) as u64;
            }
        }
        let is_erased = |of: u32, key: &Vec<u8>| of == view.id && row_keys.contains(key);
        let is_copy = |write: &Written| write.copy_of.as_ref().is_some_and(|(of, key)| is_erased(*of, key));
        self.writes.retain(|write| !is_erased(write.view, &write.key) && !is_copy(write));
        receipt
    }

    /// The keys of an entity's row, or of its events, in order.
    fn row_keys(&self, view: u32, key: &[u8]) -> BTreeSet<Vec<u8>> {
        let of_entity = self.writes.iter().filter(|write| write.view == view && entity_of(view, &write.key) == key);
        of_entity.map(|write| write.key.clone()).collect()
    }

    /// The number of versions of an entity that retention lets be seen.
    pub fn count_visible(&self, view: &FeatureView, key: &[u8], now: Timestamp) -> u64 {
        self.row_keys(view.id, key).iter().map(|row_key| self.visible(view, row_key, now).len() as u64).sum()
    }

    /// Forgets every view but these.
    pub fn keep_views(&mut self, views: &BTreeSet<u32>) {
        self.writes.retain(|write| views.contains(&write.view));
    }

    /// The versions of all writes.
    pub fn all_versions(&self) -> BTreeSet<Version> {
        self.writes.iter().map(|write| write.version).collect()
    }

    /// The versions of a row that retention lets be seen, newest first.
    pub fn visible(&self, view: &FeatureView, key: &[u8], now: Timestamp) -> Vec<Seen> {
        let mut versions = self.versions(view.id, key);
        let newest = versions.first().map(|(version, _)| *version);
        versions
            .retain(|(version, _)| version.event >= view.cutoff(now) || view.keep_newest && Some(*version) == newest);
        versions
    }

    /// The event of the newest version of a row, if it has one.
    pub fn newest_event(&self, view: &FeatureView, key: &[u8]) -> Option<Timestamp> {
        self.versions(view.id, key).first().map(|(version, _)| version.event)
    }

    /// The versions of a row, newest first; of equal ones the one written last.
    fn versions(&self, view: u32, key: &[u8]) -> Vec<Seen> {
        let mut versions: Vec<Seen> = Vec::new();
        for write in self.writes.iter().filter(|write| write.view == view && write.key == key) {
            versions.retain(|(version, _)| *version != write.version);
            versions.push((write.version, write.row.clone()));
        }
        versions.sort_by(|(a, _), (b, _)| b.cmp(a));
        versions
    }

    /// The answers that a store must give at `now`.
    pub fn answers(&self, questions: &Questions, now: Timestamp) -> Answers {
        let latest = questions.lookups().iter().map(|(view, key)| {
            self.as_of(&Point { view: view.clone(), key: key.clone(), at: now, known_at: None }, now)
        });
        Answers {
            latest: latest.collect(),
            as_of: questions.points().iter().map(|point| self.as_of(point, now)).collect(),
            windows: questions.windows().iter().map(|window| self.within(window, now)).collect(),
            scans: questions.scans().iter().map(|(view, range)| self.scan(view, range, now)).collect(),
        }
    }

    fn as_of(&self, point: &Point, now: Timestamp) -> Answer {
        let knows = |created: Timestamp| point.known_at.is_none_or(|known_at| created <= known_at);
        let mut visible = self.visible(&point.view, &point.key, now).into_iter();
        visible.find(|(version, _)| version.event <= point.at && knows(version.created))
    }

    fn within(&self, window: &Window, now: Timestamp) -> Vec<Seen> {
        if window.view.holds_events() {
            return self.events_within(window, now);
        }
        let mut versions = self.visible(&window.view, &window.key, now);
        versions.retain(|(version, _)| {
            window.events.contains(&version.event) && window.known_at.is_none_or(|known_at| version.created <= known_at)
        });
        versions
    }

    /// Each event of an entity once, as the last that was known of it says, but for those that it says are deleted.
    fn events_within(&self, window: &Window, now: Timestamp) -> Vec<Seen> {
        let Window { view, key, events, known_at } = window;
        let known = |row_key: &Vec<u8>| {
            let mut versions = self.visible(view, row_key, now).into_iter();
            versions.find(|(version, _)| known_at.is_none_or(|known_at| version.created <= known_at))
        };
        let last = self.row_keys(view.id, key).into_iter().filter_map(|row_key| known(&row_key));
        last.filter(|(version, row)| {
            events.contains(&version.event) && !matches!(row::kind(row), Ok(RowKind::Tombstone))
        })
        .collect()
    }

    fn scan(&self, view: &FeatureView, range: &KeyRange, now: Timestamp) -> Vec<Row> {
        let of_view = self.writes.iter().filter(|write| write.view == view.id && range.contains(&write.key));
        let keys: BTreeSet<&Vec<u8>> = of_view.map(|write| &write.key).collect();
        let rows = |key: &Vec<u8>| {
            let versions = self.visible(view, key, now).into_iter();
            versions.map(|(version, row)| Row { key: key.clone(), version, row }).collect::<Vec<_>>()
        };
        keys.into_iter().flat_map(rows).collect()
    }
}
