//! Putting right what can be put right without losing anything.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::finding::Mend;
use super::look::look;
use super::manifest::{self, CURRENT};
use crate::error::Result;
use crate::rocks::directory::sync_directory;
use crate::rocks::error::from_io;

/// Faults that are put right one after the other: each look finds the first of a file.
const ROUNDS_MAX: usize = 64;

/// Puts right what is wrong by one bit, and a `CURRENT` whose MANIFEST is known. Returns what was done, a line each.
///
/// # Errors
/// `Unavailable` when the files cannot be read or written.
pub(in crate::rocks) fn mend(directory: &Path) -> Result<Vec<String>> {
    let mut done = Vec::new();
    for _ in 0..ROUNDS_MAX {
        let found = look(directory)?;
        let mends: Vec<_> =
            found.damage.into_iter().filter_map(|finding| Some((finding.mend?, finding.what))).collect();
        if mends.is_empty() {
            break;
        }
        for (mend, what) in mends {
            apply(directory, &mend)
                .map_err(|error| from_io(&format!("cannot write the store at {}", directory.display()), error))?;
            done.push(format!("put right: {what}"));
        }
    }
    Ok(done)
}

fn apply(directory: &Path, mend: &Mend) -> io::Result<()> {
    match mend {
        Mend::Flip { path, place, bit } => {
            let file = OpenOptions::new().read(true).write(true).open(path)?;
            let mut byte = [0];
            file.read_exact_at(&mut byte, *place)?;
            file.write_all_at(&[byte[0] ^ (1 << bit.bit)], *place)?;
            file.sync_all()
        }
        Mend::Current(number) => {
            let temporary = directory.join(format!("{CURRENT}.new"));
            fs::write(&temporary, format!("{}\n", manifest::name(*number)))?;
            File::open(&temporary)?.sync_all()?;
            fs::rename(&temporary, directory.join(CURRENT))?;
            sync_directory(directory)
        }
    }
}
