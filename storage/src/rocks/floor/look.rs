//! A look at a store's files, without RocksDB, that changes none of them: whether all is there that the floor says.
//!
//! It reads `CURRENT`, the MANIFEST, the write-ahead logs that are needed and the floor once each, from the beginning
//! to the end, in blocks, and asks for the sizes of the other files. So it ends in a time that follows from their
//! sizes.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use super::finding::{Findings, Mend};
use super::flip::Bit;
use super::log::{Damage, DamageKind, has_unwritten_sector, is_zeros_from};
use super::manifest::{self, Manifest};
use super::slots::{self, Stated};
use super::statement::Floor;
use super::wal::{self, Wal};
use crate::error::{Error, Result};
use crate::rocks::error::from_io;

/// Compares the files of a store with its floor.
///
/// # Errors
/// `Unavailable` when they cannot be read; `Conflict` for a floor that a newer asofdb wrote. What is wrong with them is
/// in the answer.
pub(in crate::rocks) fn look(directory: &Path) -> Result<Findings> {
    let stated = slots::read(directory)?;
    let mut look = Look { directory, findings: Findings::default(), stated };
    look.findings.notices.append(&mut look.stated.damaged);
    look.findings.has_floor = look.stated.floor.is_some();
    look.findings.turn = look.stated.turn;
    if let Some(number) = look.current()? {
        look.findings.is_store = true;
        let manifest = look.manifest(number)?;
        if look.findings.damage.is_empty() {
            look.files(&manifest)?;
            look.logs(&manifest)?;
        }
    }
    Ok(look.findings)
}

struct Look<'l> {
    directory: &'l Path,
    findings: Findings,
    stated: Stated,
}

impl Look<'_> {
    fn failed(&self, error: std::io::Error) -> Error {
        from_io(&format!("cannot read the store at {}", self.directory.display()), error)
    }

    /// The number of the MANIFEST that `CURRENT` names, if that can be the right one.
    fn current(&mut self) -> Result<Option<u64>> {
        let wrong = match manifest::current(self.directory) {
            Ok(Some(number)) if number < self.floor().manifest => {
                let floor = manifest::name(self.floor().manifest);
                format!("CURRENT names {}, and the store had come to {floor}", manifest::name(number))
            }
            Ok(Some(number)) if !manifest::path(self.directory, number).exists() => {
                format!("the file {} is missing, which CURRENT names", manifest::name(number))
            }
            Ok(Some(number)) => return Ok(Some(number)),
            Ok(None) => "the file CURRENT is damaged: it does not name a MANIFEST".to_owned(),
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(self.failed(error)),
            Err(_) if !self.stated.is_present => return Ok(None),
            Err(_) => "the file CURRENT is missing".to_owned(),
        };
        self.findings.is_store = true;
        let mend = self.best_manifest()?.map(Mend::Current);
        self.findings.damaged(wrong, mend);
        Ok(None)
    }

    /// The newest MANIFEST that is whole and has all that the floor says.
    fn best_manifest(&self) -> Result<Option<u64>> {
        let entries = fs::read_dir(self.directory).map_err(|error| self.failed(error))?;
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let mut numbers: Vec<_> = names.filter_map(|name| manifest::number(&name)).collect();
        numbers.sort_unstable();
        let floor = self.floor();
        Ok(numbers.into_iter().rev().take_while(|number| *number >= floor.manifest).find(|number| {
            let read = Manifest::read(self.directory, *number, None, None);
            read.is_ok_and(|read| {
                let is_long = *number > floor.manifest || read.walked.whole >= floor.manifest_bytes;
                read.walked.damage.is_none() && read.unreadable.is_none() && read.walked.whole > 0 && is_long
            })
        }))
    }

    fn floor(&self) -> &Floor {
        static NOTHING: Floor = Floor {
            manifest: 0,
            manifest_bytes: 0,
            last_sequence: 0,
            files: std::collections::BTreeMap::new(),
            logs: std::collections::BTreeMap::new(),
        };
        self.stated.floor.as_ref().unwrap_or(&NOTHING)
    }

    fn manifest(&mut self, number: u64) -> Result<Manifest> {
        let stated = Some(self.floor()).filter(|floor| floor.manifest == number);
        let bytes = stated.map(|floor| floor.manifest_bytes);
        let read = Manifest::read(self.directory, number, None, bytes).map_err(|error| self.failed(error))?;
        let is_as_stated = stated.is_none_or(|floor| read.then.as_ref() == Some(&floor.files));
        let (name, whole) = (manifest::name(number), read.walked.whole);
        let known = bytes.unwrap_or(0);
        if let Some(damage) = &read.walked.damage {
            self.damaged_manifest(&read, damage, known)?;
        } else if whole < known {
            let what = format!("the file {name} ends at byte {whole}, and {known} bytes of it were on disk");
            self.findings.damaged(what, None);
        } else if let Some(end) = read.unreadable {
            let what = format!("the file {name} has a record that ends at byte {end} and cannot be understood");
            self.findings.damaged(what, None);
        } else if !is_as_stated {
            let what = format!("the file {name} is not the one that was written: it names other files at byte {known}");
            self.findings.damaged(what, None);
        } else if whole == 0 {
            self.findings.damaged(format!("the file {name} is empty"), None);
        }
        Ok(read)
    }

    fn damaged_manifest(&mut self, read: &Manifest, damage: &Damage, known: u64) -> Result<()> {
        let name = manifest::name(read.number);
        let path = manifest::path(self.directory, read.number);
        if damage.record >= known && self.is_unfinished(&path, damage)? {
            let rest = read.walked.length - damage.record;
            self.findings.notices.push(format!(
                "the last change of the store's files was never finished: {rest} bytes at the end of {name} do not count"
            ));
            return Ok(());
        }
        let what = format!("the file {name} is damaged: {}", describe(damage));
        self.findings.damaged(what, flip(damage).map(|(place, bit)| Mend::Flip { path, place, bit }));
        Ok(())
    }

    /// Returns whether a change of the MANIFEST beyond the floor looks as a power cut leaves one that was never synced:
    /// cut short, or with sectors of zeros. RocksDB passes over a file that ends within a record, or in zeros; what else
    /// it would refuse is cut off before it looks.
    fn is_unfinished(&mut self, path: &Path, damage: &Damage) -> Result<bool> {
        let failed = |error| from_io(&format!("cannot read {}", path.display()), error);
        match damage.kind {
            DamageKind::CutShort => return Ok(self.findings.has_floor),
            DamageKind::Flipped(_) => return Ok(false),
            DamageKind::Zeros if is_zeros_from(path, damage.fragment).map_err(failed)? => return Ok(true),
            DamageKind::Zeros | DamageKind::Garbled => {}
        }
        let is_unwritten = self.findings.has_floor && has_unwritten_sector(path, damage.record).map_err(failed)?;
        if is_unwritten {
            self.findings.cuts.push((path.to_owned(), damage.record));
        }
        Ok(is_unwritten)
    }

    /// Files that RocksDB opens only when they are read, but for their sizes.
    fn files(&mut self, manifest: &Manifest) -> Result<()> {
        for (number, bytes) in manifest.files() {
            let name = format!("{number:06}.sst");
            match fs::metadata(self.directory.join(&name)) {
                Ok(metadata) if metadata.len() == bytes => {}
                Ok(metadata) => {
                    let what = format!("the file {name} has {} bytes, and had {bytes}", metadata.len());
                    self.findings.damaged(what, None);
                }
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    self.findings.damaged(format!("the file {name} of {bytes} bytes is missing"), None);
                }
                Err(error) => return Err(self.failed(error)),
            }
        }
        Ok(())
    }

    fn logs(&mut self, manifest: &Manifest) -> Result<()> {
        let first = manifest.first_log();
        let mut floor = std::mem::take(&mut self.stated.logs);
        floor.logs.retain(|number, _| *number >= first);
        let mut there = wal::logs(self.directory).map_err(|error| self.failed(error))?;
        there.retain(|number, _| *number >= first);
        for (number, known) in floor.logs.iter().filter(|(number, known)| **known > 0 && !there.contains_key(*number)) {
            let what = format!("the file {} is missing, of which {known} bytes were on disk", wal::name(*number));
            self.findings.damaged_log(what, None);
        }
        let mut reached = manifest.last_sequence;
        for number in there.into_keys() {
            let read = Wal::read(self.directory, number).map_err(|error| self.failed(error))?;
            reached = reached.max(read.last_sequence);
            self.log(&read, floor.logs.get(&number).copied().unwrap_or(0), floor.last_sequence)?;
        }
        if reached < floor.last_sequence && self.findings.damage.is_empty() {
            let what = format!("the store ends at sequence number {reached}, and had come to {}", floor.last_sequence);
            self.findings.damaged_log(what, None);
        }
        self.findings.logs = floor;
        Ok(())
    }

    fn log(&mut self, read: &Wal, known: u64, last_sequence: u64) -> Result<()> {
        let (name, path) = (wal::name(read.number), wal::path(self.directory, read.number));
        let whole = read.walked.whole;
        let lost = |last: u64| match last < last_sequence {
            true => format!("; writes up to sequence number {last} can be read, of {last_sequence} that were on disk"),
            false => String::new(),
        };
        match &read.walked.damage {
            Some(damage) if damage.record < known || flip(damage).is_some() => {
                let what = format!("the file {name} is damaged: {}{}", describe(damage), lost(read.last_sequence));
                self.findings.damaged_log(what, flip(damage).map(|(place, bit)| Mend::Flip { path, place, bit }));
            }
            Some(damage) => {
                let rest = read.walked.length - damage.record;
                self.findings.notices.push(format!(
                    "the last writes were never finished, and none of them was acknowledged as on disk: {rest} bytes \
                     at the end of {name} do not count"
                ));
                if damage.kind == DamageKind::Zeros {
                    // Shorter than a header: RocksDB would take a whole one of zeros for a gap to be skipped.
                    self.findings.cuts.push((path, damage.fragment + 3));
                }
            }
            None if whole < known => {
                let what = format!("the file {name} ends at byte {whole}, and {known} bytes of it were on disk");
                self.findings.damaged_log(what + &lost(read.last_sequence), None);
            }
            None => {}
        }
        Ok(())
    }
}

/// The place of the byte with a flipped bit, and the bit, if that is what the damage is.
fn flip(damage: &Damage) -> Option<(u64, Bit)> {
    match damage.kind {
        DamageKind::Flipped(bit) => Some((damage.fragment + bit.byte as u64, bit)),
        _ => None,
    }
}

fn describe(damage: &Damage) -> String {
    let record = damage.record;
    match damage.kind {
        DamageKind::CutShort => format!("it ends within the record at byte {record}"),
        DamageKind::Zeros => format!("it has zeros instead of the record at byte {record}"),
        DamageKind::Garbled => format!("the record at byte {record} is not what was written"),
        DamageKind::Flipped(bit) => {
            let place = damage.fragment + bit.byte as u64;
            format!("bit {} of byte {place} is flipped, in the record at byte {record}", bit.bit)
        }
    }
}
