//! Finding versions in `history` with one iterator, by stepping or seeking, whichever is cheaper.

use rocksdb::DBRawIterator;

use super::error::from_rocks;
use super::scan::key_parts;
use crate::backend::{Found, VisitVersion};
use crate::catalog::FeatureView;
use crate::error::Result;
use crate::key;
use crate::time::Timestamp;
use crate::version::Version;

/// Steps tried before seeking: about as many as a seek costs.
const STEPS_MAX: usize = 10;

/// The number of finds after which stepping is tried again where it did not pay.
const PROBE_EVERY: u32 = 64;

/// Versions learned too late that are stepped over before the iterator seeks past them.
const UNKNOWN_STEPS_MAX: usize = 4;

/// One row to find a version of.
#[derive(Clone, Copy)]
pub(super) struct VersionLookup<'q> {
    pub(super) view: &'q FeatureView,
    pub(super) key: &'q [u8],
    pub(super) at: Timestamp,
    pub(super) known_at: Option<Timestamp>,
    /// The cut-off of the view's retention.
    pub(super) cutoff: Timestamp,
}

/// The place of an iterator, and how it is best moved.
#[derive(Default)]
pub(super) struct Walker {
    /// While `placed`, the iterator stands at the first key that is not before this one.
    sought: Vec<u8>,
    target: Vec<u8>,
    placed: bool,
    pace: Pace,
}

impl Walker {
    /// Forgets where the iterator stands, because it was moved or refreshed.
    pub(super) fn forget(&mut self) {
        self.placed = false;
    }

    /// Moves the iterator to the answer, whose row is then its value.
    pub(super) fn find(&mut self, raw: &mut DBRawIterator<'_>, lookup: &VersionLookup<'_>) -> Result<Option<Version>> {
        self.aim(lookup, Version::new(lookup.at, Timestamp::MAX));
        self.go(raw);
        let found = match lookup.known_at {
            None => self.here(raw)?,
            Some(known_at) => self.known(raw, lookup, known_at)?,
        };
        match found {
            Some(version) if version.event < lookup.cutoff => self.outlives(raw, lookup, version),
            found => Ok(found),
        }
    }

    /// Visits the versions from the one that [`Walker::find`] finds down to events from `from` on, newest first, until
    /// `visit` breaks off.
    pub(super) fn each(
        &mut self,
        raw: &mut DBRawIterator<'_>,
        lookup: &VersionLookup<'_>,
        from: Timestamp,
        visit: &mut VisitVersion<'_>,
    ) -> Result<()> {
        let mut found = self.find(raw, lookup)?;
        while let Some(version) = found.filter(|version| version.event >= from) {
            let Some(row) = raw.value() else { break };
            if visit(Found { version, row })?.is_break() {
                break;
            }
            found = self.older(raw, lookup)?;
        }
        Ok(())
    }

    /// Steps on from a version that was found. An older one is not the newest of its row, so nothing keeps it from
    /// the cut-off.
    fn older(&mut self, raw: &mut DBRawIterator<'_>, lookup: &VersionLookup<'_>) -> Result<Option<Version>> {
        self.placed = false;
        raw.next();
        let found = match lookup.known_at {
            None => self.here(raw)?,
            Some(known_at) => self.known(raw, lookup, known_at)?,
        };
        self.stand(raw);
        Ok(found.filter(|version| version.event >= lookup.cutoff))
    }

    fn aim(&mut self, lookup: &VersionLookup<'_>, version: Version) {
        self.target.clear();
        key::version_key(lookup.view.id, lookup.key, version, &mut self.target);
    }

    /// Moves to the first key that is not before the target.
    fn go(&mut self, raw: &mut DBRawIterator<'_>) {
        if !(self.placed && self.target >= self.sought && self.step(raw)) {
            raw.seek(&self.target);
        }
        std::mem::swap(&mut self.sought, &mut self.target);
        self.placed = true;
    }

    /// Steps forwards as long as that promises to be cheaper than a seek; says whether it got there.
    fn step(&mut self, raw: &mut DBRawIterator<'_>) -> bool {
        let before = |raw: &DBRawIterator<'_>, target: &[u8]| raw.key().is_some_and(|key| key < target);
        if !before(raw, &self.target) {
            return true;
        }
        let steps = self.pace.steps();
        for _ in 0..steps {
            raw.next();
            if !before(raw, &self.target) {
                self.pace.hit();
                return true;
            }
        }
        if steps > 0 {
            self.pace.miss();
        }
        false
    }

    /// The version the iterator stands at, if it is one of the row that was sought.
    fn here(&self, raw: &DBRawIterator<'_>) -> Result<Option<Version>> {
        let Some(found) = raw.key() else {
            return raw.status().map(|()| None).map_err(|error| from_rocks("cannot read history", error));
        };
        let row = key::row_prefix(&self.sought);
        let is_of_row = found.len() == self.sought.len() && found.starts_with(row);
        Ok(if is_of_row { Some(key_parts(found)?.2) } else { None })
    }

    /// Passes over versions that were not known yet.
    fn known(
        &mut self,
        raw: &mut DBRawIterator<'_>,
        lookup: &VersionLookup<'_>,
        known_at: Timestamp,
    ) -> Result<Option<Version>> {
        let mut steps = 0;
        let mut found = self.here(raw)?;
        let Some(_) = found.filter(|version| version.created > known_at) else { return Ok(found) };
        while let Some(version) = found.filter(|version| version.created > known_at) {
            if steps < UNKNOWN_STEPS_MAX {
                raw.next();
                steps += 1;
            } else {
                self.aim(lookup, Version::new(version.event, known_at));
                self.go(raw);
                steps = 0;
            }
            found = self.here(raw)?;
        }
        self.stand(raw);
        Ok(found)
    }

    /// Takes note of where stepping has led.
    fn stand(&mut self, raw: &DBRawIterator<'_>) {
        self.placed = raw.valid();
        if let Some(key) = raw.key() {
            self.sought.clear();
            self.sought.extend_from_slice(key);
        }
    }

    /// A version before the cut-off is seen only as the newest of a row whose view keeps that.
    #[cold]
    fn outlives(
        &mut self,
        raw: &mut DBRawIterator<'_>,
        lookup: &VersionLookup<'_>,
        version: Version,
    ) -> Result<Option<Version>> {
        if !lookup.view.keep_newest {
            return Ok(None);
        }
        self.placed = false;
        self.aim(lookup, Version::new(Timestamp::MAX, Timestamp::MAX));
        self.go(raw);
        // Where it is the newest, the iterator stands at it again.
        Ok(self.here(raw)?.filter(|newest| *newest == version))
    }
}

/// Learns from the last finds whether stepping pays.
#[derive(Default)]
struct Pace {
    score: i8,
    finds: u32,
}

impl Pace {
    /// A miss wastes more than a hit saves.
    const HIT: i8 = 1;
    const MISS: i8 = -2;
    const SCORE_MAX: i8 = 8;

    fn steps(&mut self) -> usize {
        self.finds = self.finds.wrapping_add(1);
        let tries = self.score >= 0 || self.finds.is_multiple_of(PROBE_EVERY);
        if tries { STEPS_MAX } else { 0 }
    }

    fn hit(&mut self) {
        self.learn(Self::HIT);
    }

    fn miss(&mut self) {
        self.learn(Self::MISS);
    }

    fn learn(&mut self, change: i8) {
        self.score = (self.score + change).clamp(-Self::SCORE_MAX, Self::SCORE_MAX);
    }
}
