//! The end of a log after a kill or a power cut.

use std::fs;
use std::path::{Path, PathBuf};

use asofdb_storage::Durability;

use super::Case;
use super::files::{copy, last};
use super::rows::{Rows, commit, define, open, rows_of};
use crate::check::{Checked, check, equal};
use crate::place::in_memory;

pub(super) const CASES: &[Case] = &[
    ("after a kill everything is there", after_a_kill),
    ("a torn tail of writes that were not synced is cut off, and said", a_torn_tail),
    ("a flipped bit of writes that were not synced is no torn write", a_flipped_bit),
    ("a change of the MANIFEST that was never synced is cut off whichever sectors are there, and said", a_torn_change),
    ("a MANIFEST with a sector of zeros that was on disk is damaged", a_lost_sector),
];

/// The files of a store as a killed process leaves them.
struct Killed {
    path: PathBuf,
    /// The rows that were synced, and all of them.
    synced: Rows,
    rows: Rows,
    log: PathBuf,
    /// The length of the log when it was synced, in bytes.
    durable: usize,
}

/// Kills a store after `synced` batches that were synced and `written` that were handed to the operating system.
fn kill(directory: &Path, synced: i64, written: i64) -> Checked<Killed> {
    let live = directory.join("live");
    let store = open(&live)?;
    define(&store)?;
    let mut rows = Rows::new();
    for event in 0..synced {
        commit(&store, &mut rows, 0..20, event, Durability::Sync)?;
    }
    let durable = fs::metadata(last(&live, ".log")?)?.len() as usize;
    let on_disk = rows.clone();
    for event in synced..synced + written {
        commit(&store, &mut rows, 0..20, event, Durability::Os)?;
    }
    let path = directory.join("killed");
    copy(&live, &path)?;
    drop(store);
    let log = last(&path, ".log")?;
    Ok(Killed { path, synced: on_disk, rows, log, durable })
}

fn after_a_kill() -> Checked {
    let directory = in_memory()?;
    let killed = kill(directory.path(), 5, 5)?;
    equal("rows and notices", &rows_of(&killed.path)?, &(killed.rows, Vec::new()))
}

/// A way to tear a log at a place.
type Tear = fn(&mut Vec<u8>, usize);

const TEARS: [(&str, Tear); 4] = [
    ("cut short", |bytes, cut| bytes.truncate(cut)),
    ("zeros to the end", |bytes, cut| bytes[cut..].fill(0)),
    ("a page of zeros", |bytes, cut| {
        let end = bytes.len().min(cut + 150);
        bytes[cut..end].fill(0);
    }),
    ("other bytes", |bytes, cut| {
        let end = bytes.len().min(cut + 150);
        bytes[cut..end].iter_mut().for_each(|byte| *byte = byte.wrapping_mul(31).wrapping_add(7));
    }),
];

fn a_torn_tail() -> Checked {
    let directory = in_memory()?;
    let killed = kill(directory.path(), 3, 4)?;
    let bytes = fs::read(&killed.log)?;
    let (durable, length) = (killed.durable, bytes.len());
    for (name, tear) in TEARS {
        for cut in [durable, durable + 1, durable + 200, length - 300, length - 1] {
            let mut torn = bytes.clone();
            tear(&mut torn, cut);
            let image = directory.path().join("image");
            copy(&killed.path, &image)?;
            fs::write(image.join(killed.log.file_name().unwrap_or_default()), &torn)?;
            open_torn(&killed, &image, &bytes, &torn).map_err(|error| format!("{name} at {cut}: {error}"))?;
        }
    }
    Ok(())
}

fn open_torn(killed: &Killed, image: &Path, bytes: &[u8], torn: &[u8]) -> Checked {
    let (read, notices) = rows_of(image)?;
    let is_there = killed.synced.iter().all(|(key, value)| read.get(key) == Some(value));
    check(is_there, || "synced rows are lost".to_owned())?;
    check(is_prefix(&read, &killed.rows), || "what is left is no prefix in the order of commits".to_owned())?;
    let said = notices.iter().any(|notice| notice.contains("the last writes were never finished"));
    check(said || torn == bytes || torn.len() == killed.durable, || format!("it does not say so: {notices:?}"))
}

fn is_prefix(rows: &Rows, of: &Rows) -> bool {
    let newest = rows.keys().map(|(_, event)| *event).max().unwrap_or(-1);
    let prefix = of.iter().filter(|((_, event), _)| *event <= newest).map(|(key, value)| (*key, *value));
    *rows == prefix.collect()
}

fn a_flipped_bit() -> Checked {
    let directory = in_memory()?;
    let killed = kill(directory.path(), 3, 4)?;
    let mut bytes = fs::read(&killed.log)?;
    for place in (killed.durable..bytes.len()).step_by(37) {
        bytes[place] ^= 4;
        fs::write(&killed.log, &bytes)?;
        let error = open(&killed.path).err().ok_or_else(|| format!("bit 2 of byte {place} is not found"))?;
        let expected = format!("bit 2 of byte {place} is flipped");
        check(error.to_string().contains(&expected), || format!("{expected}: {error:#}"))?;
        bytes[place] ^= 4;
    }
    Ok(())
}

/// Bytes that a disk writes whole or not at all.
const SECTOR_BYTES: usize = 512;

/// A change of 2,000 bytes as the beginning of a write leaves it: its length and type, and content that its checksum is
/// not right for.
fn change() -> Vec<u8> {
    let mut change = vec![0xA5, 0x5A, 0xA5, 0x5A, 0xD0, 0x07, 1];
    change.resize(7 + 2_000, 0x11);
    change
}

fn a_torn_change() -> Checked {
    let directory = in_memory()?;
    let killed = kill(directory.path(), 3, 0)?;
    let manifest = fs::read(last(&killed.path, "MANIFEST")?)?;
    let whole = [manifest.clone(), change()].concat();
    let error = with_manifest(&killed, &whole)?.err().ok_or("other bytes where nothing is missing are opened")?;
    check(error.to_string().contains("is not what was written"), || error.to_string())?;
    for sector in manifest.len() / SECTOR_BYTES..whole.len().div_ceil(SECTOR_BYTES) {
        let mut torn = whole.clone();
        let end = torn.len().min((sector + 1) * SECTOR_BYTES);
        torn[manifest.len().max(sector * SECTOR_BYTES)..end].fill(0);
        let (rows, notices) = with_manifest(&killed, &torn)?.map_err(|error| format!("sector {sector}: {error}"))?;
        equal("rows", &rows, &killed.rows)?;
        let said =
            notices.iter().any(|notice| notice.contains("the last change of the store's files was never finished"));
        check(said, || format!("sector {sector}: it does not say so: {notices:?}"))?;
    }
    Ok(())
}

fn a_lost_sector() -> Checked {
    let directory = in_memory()?;
    let killed = kill(directory.path(), 3, 0)?;
    let mut manifest = fs::read(last(&killed.path, "MANIFEST")?)?;
    let last_sector = (manifest.len() - 1) / SECTOR_BYTES * SECTOR_BYTES;
    manifest[last_sector..].fill(0);
    let error = with_manifest(&killed, &manifest)?.err().ok_or("it is opened")?;
    check(error.to_string().contains("is damaged"), || error.to_string())
}

/// Reads a copy of the store with this MANIFEST; the inner error is its own.
fn with_manifest(killed: &Killed, manifest: &[u8]) -> Checked<Checked<(Rows, Vec<String>)>> {
    let image = killed.path.with_file_name("image");
    copy(&killed.path, &image)?;
    fs::write(last(&image, "MANIFEST")?, manifest)?;
    Ok(rows_of(&image))
}
