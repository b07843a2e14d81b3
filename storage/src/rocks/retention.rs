//! Compaction filters: what retention and drops leave behind is reclaimed.
//!
//! They are garbage collection, never semantics: reads enforce retention themselves, so that when a
//! compaction runs is invisible. They remove only what no read can see, and they are total.

use std::collections::{BTreeSet, HashMap};
use std::ffi::CStr;
use std::sync::Arc;

use rocksdb::CompactionDecision;
use rocksdb::compaction_filter::CompactionFilter;
use rocksdb::compaction_filter_factory::{CompactionFilterContext, CompactionFilterFactory};

use super::present::{Present, Reclaim};
use super::stored;
use crate::key;
use crate::tile::TileKey;
use crate::time::Timestamp;

/// The rules by which one compaction may reclaim, fixed when it starts.
#[derive(Default)]
struct Rules {
    views: HashMap<u32, Rule>,
    dropped: BTreeSet<u32>,
}

#[derive(Clone, Copy)]
struct Rule {
    cutoff: Timestamp,
    keep_newest: bool,
}

impl Rules {
    fn new(present: &Present) -> Self {
        present.reclaim().map(|reclaim| Rules::of(&reclaim)).unwrap_or_default()
    }

    /// Views that keep the newest version of each row wait until no snapshot is open: what is newest for a
    /// snapshot need not be so for the filter, which cannot tell whether a version was written after it.
    fn of(reclaim: &Reclaim) -> Self {
        let catalog = &reclaim.known.catalog;
        let views = catalog.views().filter(|view| !(view.keep_newest && reclaim.is_pinned)).filter_map(|view| {
            let cutoff = view.cutoff(reclaim.at);
            (cutoff > Timestamp::MIN).then_some((view.id, Rule { cutoff, keep_newest: view.keep_newest }))
        });
        Rules { views: views.collect(), dropped: catalog.dropped_views().clone() }
    }
}

/// The filter of `history`. Keys arrive in order: the versions of one row together, newest first.
pub(super) struct HistoryFilter {
    rules: Rules,
    /// The row of the last version seen, and thus whether a newer version of the next one exists.
    row: Vec<u8>,
}

impl HistoryFilter {
    /// A version goes when it is before the cut-off and is not, or need not be kept as, the newest of its row.
    /// Newer ones in files outside this compaction are not known here: such a version stays for another time.
    fn removes(&mut self, history_key: &[u8]) -> bool {
        let Some((view, _, version)) = key::split_version_key(history_key) else { return false };
        if self.rules.dropped.contains(&view) {
            return true;
        }
        let Some(rule) = self.rules.views.get(&view).copied() else { return false };
        let row = key::row_prefix(history_key);
        let has_newer = self.row == row;
        if !has_newer {
            self.row.clear();
            self.row.extend_from_slice(row);
        }
        version.event < rule.cutoff && (has_newer || !rule.keep_newest)
    }
}

impl CompactionFilter for HistoryFilter {
    fn filter(&mut self, _level: u32, key: &[u8], _value: &[u8]) -> CompactionDecision {
        decision(self.removes(key))
    }

    fn name(&self) -> &CStr {
        c"asofdb.history"
    }
}

/// The filter of `latest`.
pub(super) struct LatestFilter {
    rules: Rules,
}

impl LatestFilter {
    fn removes(&self, latest_key: &[u8], value: &[u8]) -> bool {
        let Some((_, _, view)) = key::split_latest_key(latest_key) else { return false };
        if self.rules.dropped.contains(&view) {
            return true;
        }
        let rule = self.rules.views.get(&view).filter(|rule| !rule.keep_newest);
        rule.zip(stored::version(value)).is_some_and(|(rule, version)| version.event < rule.cutoff)
    }
}

impl CompactionFilter for LatestFilter {
    fn filter(&mut self, _level: u32, key: &[u8], value: &[u8]) -> CompactionDecision {
        decision(self.removes(key, value))
    }

    fn name(&self) -> &CStr {
        c"asofdb.latest"
    }
}

/// The filter of `tiles`.
pub(super) struct TileFilter {
    rules: Rules,
}

impl TileFilter {
    /// A tile goes when no window can reach into it, or when one of its views is gone.
    fn removes(&self, tile_key: &[u8]) -> bool {
        let Some(key) = TileKey::decode(tile_key) else { return false };
        let is_gone = [key.events, key.windows].iter().any(|view| self.rules.dropped.contains(view));
        is_gone || self.rules.views.get(&key.events).is_some_and(|rule| key.end() < rule.cutoff)
    }
}

impl CompactionFilter for TileFilter {
    fn filter(&mut self, _level: u32, key: &[u8], _value: &[u8]) -> CompactionDecision {
        decision(self.removes(key))
    }

    fn name(&self) -> &CStr {
        c"asofdb.tiles"
    }
}

fn decision(removes: bool) -> CompactionDecision {
    match removes {
        true => CompactionDecision::Remove,
        false => CompactionDecision::Keep,
    }
}

/// Makes the filter of each compaction of `history`.
pub(super) struct HistoryFilters(Arc<Present>);

impl HistoryFilters {
    pub(super) fn new(present: Arc<Present>) -> Self {
        HistoryFilters(present)
    }
}

impl CompactionFilterFactory for HistoryFilters {
    type Filter = HistoryFilter;

    fn create(&mut self, _context: CompactionFilterContext) -> HistoryFilter {
        HistoryFilter { rules: Rules::new(&self.0), row: Vec::new() }
    }

    fn name(&self) -> &CStr {
        c"asofdb.history"
    }
}

/// Makes the filter of each compaction of `latest`.
pub(super) struct LatestFilters(Arc<Present>);

impl LatestFilters {
    pub(super) fn new(present: Arc<Present>) -> Self {
        LatestFilters(present)
    }
}

impl CompactionFilterFactory for LatestFilters {
    type Filter = LatestFilter;

    fn create(&mut self, _context: CompactionFilterContext) -> LatestFilter {
        LatestFilter { rules: Rules::new(&self.0) }
    }

    fn name(&self) -> &CStr {
        c"asofdb.latest"
    }
}

/// Makes the filter of each compaction of `tiles`.
pub(super) struct TileFilters(Arc<Present>);

impl TileFilters {
    pub(super) fn new(present: Arc<Present>) -> Self {
        TileFilters(present)
    }
}

impl CompactionFilterFactory for TileFilters {
    type Filter = TileFilter;

    fn create(&mut self, _context: CompactionFilterContext) -> TileFilter {
        TileFilter { rules: Rules::new(&self.0) }
    }

    fn name(&self) -> &CStr {
        c"asofdb.tiles"
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::version::Version;

    fn history_key(view: u32, entity: &[u8], event: i64) -> Vec<u8> {
        let mut bytes = Vec::new();
        let version = Version::new(Timestamp::from_micros(event), Timestamp::EPOCH);
        key::version_key(view, entity, version, &mut bytes);
        bytes
    }

    fn rules(keep_newest: bool) -> Rules {
        let rule = Rule { cutoff: Timestamp::from_micros(100), keep_newest };
        Rules { views: HashMap::from([(1, rule)]), dropped: BTreeSet::from([9]) }
    }

    fn removed(keep_newest: bool, keys: &[Vec<u8>]) -> Vec<bool> {
        let mut filter = HistoryFilter { rules: rules(keep_newest), row: Vec::new() };
        keys.iter().map(|key| filter.removes(key)).collect()
    }

    #[test]
    fn the_newest_version_of_a_row_outlives_its_retention() {
        let keys = [history_key(1, b"a", 99), history_key(1, b"a", 98), history_key(1, b"b", 50)];
        assert_eq!(removed(true, &keys), [false, true, false]);
        assert_eq!(removed(false, &keys), [true, true, true]);
    }

    #[test]
    fn the_cut_off_itself_stays_and_views_without_retention_are_left_alone() {
        let keys = [history_key(1, b"a", 200), history_key(1, b"a", 100), history_key(1, b"a", 99)];
        assert_eq!(removed(true, &keys), [false, false, true]);
        assert_eq!(removed(true, &[history_key(2, b"a", 99), history_key(2, b"a", 1)]), [false, false]);
    }

    #[test]
    fn dropped_views_go_and_unknown_ones_and_short_keys_stay() {
        assert_eq!(removed(true, &[history_key(9, b"a", 999), history_key(7, b"a", 1), vec![1]]), [true, false, false]);
        let filter = LatestFilter { rules: rules(true) };
        let mut key = Vec::new();
        key::latest_key(1, b"a", 9, &mut key);
        assert!(filter.removes(&key, b""));
    }

    #[test]
    fn a_tile_goes_with_its_views_and_when_no_window_can_reach_into_it() {
        let filter = TileFilter { rules: rules(true) };
        let removes = |events, windows, tile| {
            let mut bytes = Vec::new();
            TileKey { events, entity: b"a", windows, level: 0, tile }.encode(&mut bytes);
            filter.removes(&bytes)
        };
        // The tile -1 ends at the time 0, before the cut-off of 100 microseconds.
        assert_eq!([removes(1, 2, -1), removes(1, 2, 0), removes(2, 3, -1)], [true, false, false]);
        assert_eq!([removes(9, 2, 0), removes(2, 9, 0), filter.removes(&[0, 0, 0, 1])], [true, true, false]);
    }

    #[test]
    fn a_latest_row_goes_only_when_its_view_does_not_keep_the_newest() {
        let mut key = Vec::new();
        key::latest_key(1, b"a", 1, &mut key);
        let mut value = Vec::new();
        stored::encode(Version::new(Timestamp::from_micros(99), Timestamp::EPOCH), b"row", &mut value);
        assert!(!LatestFilter { rules: rules(true) }.removes(&key, &value));
        assert!(LatestFilter { rules: rules(false) }.removes(&key, &value));
        assert!(!LatestFilter { rules: rules(false) }.removes(&key, b"short"));
    }
}
