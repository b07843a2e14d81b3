//! The content of a tile.
//!
//! | bytes | what |
//! |---|---|
//! | 0 | format, 1 |
//! | 1..17 | print of the partial results ([`crate::windows::tiling`]), `u128` |
//! | 17..21 | the units that it has, one bit each, the oldest first, `u32` |
//! | then | for each unit, the newest first: newest created timestamp, time of its newest event (`i64`; least: none), number of versions (`u32`) |
//! | then | for each partial result: bytes of its section, `u32` |
//! | then | for each partial result its section: of each unit, the newest first, as [`Partial::encode`] writes it |
//!
//! Integers are little-endian.

use asofdb_aggregate::Partial;
use asofdb_storage::{Error, Result};

/// Another one where partial results get other bytes or another meaning, so that tiles of before are passed over.
const FORMAT: u8 = 1;

/// Bytes before the units.
const HEAD_BYTES: usize = 1 + 16 + 4;
/// Bytes of a unit before the sections.
const UNIT_BYTES: usize = 8 + 8 + 4;

/// A unit beside its partial results.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct UnitHead {
    /// The newest created timestamp among its versions. Who knows that one knows all of it.
    pub(super) created: i64,
    /// The newest event that counts.
    pub(super) newest: Option<i64>,
    /// The number of versions, which is what folding it again costs.
    pub(super) versions: u32,
}

/// A unit of a tile.
#[derive(Debug, Clone)]
pub(super) struct TileUnit {
    pub(super) head: UnitHead,
    /// Its partial results, in the order of tiles.
    pub(super) partials: Vec<Partial>,
}

/// Writes a tile of units by their place; the oldest first.
pub(super) fn encode(print: u128, units: &[Option<TileUnit>]) -> Vec<u8> {
    let mut out = vec![FORMAT];
    out.extend_from_slice(&print.to_le_bytes());
    let mask = units.iter().enumerate().map(|(place, unit)| u32::from(unit.is_some()) << place).sum::<u32>();
    out.extend_from_slice(&mask.to_le_bytes());
    let present = || units.iter().rev().flatten();
    for TileUnit { head, .. } in present() {
        out.extend_from_slice(&head.created.to_le_bytes());
        out.extend_from_slice(&head.newest.unwrap_or(i64::MIN).to_le_bytes());
        out.extend_from_slice(&head.versions.to_le_bytes());
    }
    let partials = present().next().map_or(0, |unit| unit.partials.len());
    let (lengths, mut start) = (out.len(), out.len() + partials * 4);
    out.resize(start, 0);
    for partial in 0..partials {
        present().for_each(|unit| unit.partials[partial].encode(&mut out));
        let length = (out.len() - start) as u32;
        out[lengths + partial * 4..][..4].copy_from_slice(&length.to_le_bytes());
        start = out.len();
    }
    out
}

/// The parts of a tile, to be read unit by unit.
#[derive(Debug, Default)]
pub(super) struct TileHead {
    mask: u32,
    /// Positions of all sections.
    starts: Vec<usize>,
    /// Positions in the sections of the partial results that are read.
    sections: Vec<usize>,
}

impl TileHead {
    /// Reads the head of a tile that has `count` partial results, those at `places` to be read in this order; false for a tile of
    /// another print or format.
    ///
    /// # Errors
    /// `Corrupt` when the bytes are no tile.
    pub(super) fn read(&mut self, bytes: &[u8], print: u128, count: usize, places: &[usize]) -> Result<bool> {
        let head = bytes.first_chunk::<HEAD_BYTES>().ok_or_else(corrupt)?;
        if head[0] != FORMAT || head[1..17] != print.to_le_bytes() {
            return Ok(false);
        }
        self.mask = u32_at(bytes, HEAD_BYTES - 4)?;
        let lengths = HEAD_BYTES + self.mask.count_ones() as usize * UNIT_BYTES;
        self.starts.clear();
        let mut start = lengths + count * 4;
        for partial in 0..count {
            self.starts.push(start);
            start += u32_at(bytes, lengths + partial * 4)? as usize;
        }
        if start != bytes.len() {
            return Err(corrupt());
        }
        self.sections.clear();
        self.sections.extend(places.iter().map(|place| self.starts[*place]));
        Ok(true)
    }

    /// Returns whether the tile has the unit at a place.
    pub(super) fn has(&self, place: u32) -> bool {
        self.mask >> place & 1 == 1
    }

    /// The number of units before the one at a place, of those that the tile has: the newer ones.
    pub(super) fn order(&self, place: u32) -> usize {
        (u64::from(self.mask) >> (place + 1)).count_ones() as usize
    }

    /// The unit of a place that the tile has, without its partial results.
    ///
    /// # Errors
    /// `Corrupt` when it is cut short.
    pub(super) fn unit(&self, bytes: &[u8], place: u32) -> Result<UnitHead> {
        let at = HEAD_BYTES + self.order(place) * UNIT_BYTES;
        let [created, newest] = [at, at + 8].map(|at| bytes.get(at..at + 8).and_then(|bytes| bytes.try_into().ok()));
        let created = i64::from_le_bytes(created.ok_or_else(corrupt)?);
        let newest = i64::from_le_bytes(newest.ok_or_else(corrupt)?);
        Ok(UnitHead { created, newest: (newest > i64::MIN).then_some(newest), versions: u32_at(bytes, at + 16)? })
    }

    /// Reads the next unit of each section into `partials`; the sections move on to the one after.
    ///
    /// # Errors
    /// `Corrupt` when it cannot be read.
    pub(super) fn next(&mut self, bytes: &[u8], partials: &mut [Partial]) -> Result<()> {
        for (section, partial) in self.sections.iter_mut().zip(partials) {
            let mut rest = bytes.get(*section..).ok_or_else(corrupt)?;
            partial.decode(&mut rest)?;
            *section = bytes.len() - rest.len();
        }
        Ok(())
    }

    /// Reads all units, each with the partial results that `empty` has.
    ///
    /// # Errors
    /// `Corrupt` when they cannot be read.
    pub(super) fn units(&mut self, bytes: &[u8], units: i64, empty: &[Partial]) -> Result<Vec<Option<TileUnit>>> {
        let mut all: Vec<Option<TileUnit>> = (0..units).map(|_| None).collect();
        for place in (0..units as u32).rev().filter(|place| self.has(*place)).collect::<Vec<_>>() {
            let mut unit = TileUnit { head: self.unit(bytes, place)?, partials: empty.to_vec() };
            self.next(bytes, &mut unit.partials)?;
            all[place as usize] = Some(unit);
        }
        Ok(all)
    }
}

fn u32_at(bytes: &[u8], at: usize) -> Result<u32> {
    let found = bytes.get(at..).and_then(|bytes| bytes.first_chunk().copied());
    found.map(u32::from_le_bytes).ok_or_else(corrupt)
}

#[cold]
fn corrupt() -> Error {
    Error::corrupt("a tile of a window view is damaged")
}

#[cfg(test)]
mod tests {
    use asofdb_storage::tile::UNITS;
    use asofdb_storage::{Aggregate, ErrorKind, ScalarType, ValueType};

    use super::*;

    const PRINT: u128 = 7;

    /// A count and a greatest text, of nothing.
    fn empty() -> Vec<Partial> {
        let text = Some(ValueType::Scalar(ScalarType::String));
        vec![Partial::new(&Aggregate::Count, None).unwrap(), Partial::new(&Aggregate::Max, text).unwrap()]
    }

    /// A tile of the slots of an hour, without its third and its last.
    fn units() -> Vec<Option<TileUnit>> {
        let unit = |place: u32| {
            let mut partials = empty();
            partials[0].fold(None, 0..place as usize, None);
            let head = UnitHead { created: i64::from(place), newest: (place > 0).then_some(9), versions: place };
            TileUnit { head, partials }
        };
        (0..UNITS[0] as u32).map(|place| (place != 2 && place != 11).then(|| unit(place))).collect()
    }

    fn read(bytes: &[u8]) -> Result<Option<Vec<Option<TileUnit>>>> {
        let mut head = TileHead::default();
        match head.read(bytes, PRINT, 2, &[0, 1])? {
            true => head.units(bytes, UNITS[0], &empty()).map(Some),
            false => Ok(None),
        }
    }

    fn counts(units: &[Option<TileUnit>]) -> Vec<Option<(UnitHead, Vec<u8>)>> {
        let count = |unit: &TileUnit| {
            let mut value = Vec::new();
            unit.partials[0].finish(&Aggregate::Count, &mut value);
            (unit.head, value)
        };
        units.iter().map(|unit| unit.as_ref().map(count)).collect()
    }

    #[test]
    fn a_tile_reads_back_and_of_another_definition_it_is_none() {
        let bytes = encode(PRINT, &units());
        assert_eq!(counts(&read(&bytes).unwrap().unwrap()), counts(&units()));
        let mut other = bytes.clone();
        other[1] = 8;
        assert!(read(&other).unwrap().is_none(), "of another print");
        other[0] = 2;
        assert!(read(&other).unwrap().is_none(), "of another format");
        // One section alone, and a unit in the middle.
        let mut head = TileHead::default();
        assert!(head.read(&bytes, PRINT, 2, &[0]).unwrap());
        assert_eq!([0, 2, 10, 11].map(|place| head.has(place)), [true, false, true, false]);
        assert_eq!((head.order(10), head.order(3), head.unit(&bytes, 3).unwrap().versions), (0, 7, 3));
    }

    #[test]
    fn bytes_that_are_no_tile_are_refused_or_read_and_never_more() {
        let bytes = encode(PRINT, &units());
        for len in 0..bytes.len() {
            assert_eq!(read(&bytes[..len]).unwrap_err().kind(), ErrorKind::Corrupt, "{len}");
        }
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut flipped = bytes.clone();
                flipped[at] ^= 1 << bit;
                // Either is right: a checksum below this tells flipped bits.
                if let Err(error) = read(&flipped) {
                    assert_eq!(error.kind(), ErrorKind::Corrupt);
                }
            }
        }
    }
}
