//! Tables in memory that other processes may read: a sealed file without a name, whose descriptor is passed on.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};

use memmap2::{MmapOptions, MmapRaw};
use rustix::fs::{
    MemfdFlags, Mode, OFlags, SealFlags, fcntl_add_seals, fcntl_get_seals, ftruncate, memfd_create, open,
};

use crate::fork::ForkMark;
use crate::header::{Conditions, Header};
use crate::index::Index;
use crate::keeper::Keeper;
use crate::layout::Layout;
use crate::look::Looked;
use crate::table::Table;
use crate::words::{HEADER_WORDS, Words};

/// Seals of a file whose size nobody changes: reading it cannot fail.
const SIZE_SEALS: SealFlags = SealFlags::SHRINK.union(SealFlags::GROW).union(SealFlags::SEAL);

/// The part of a shared table that is not the table: its file, and the thread by whose death others learn that nobody
/// keeps it.
pub(crate) struct Shared {
    file: File,
    pub(crate) keeper: Keeper,
}

impl Table {
    /// Makes an empty table as [`Table::new`] does, in memory that other processes may be given to read. It ends for them
    /// when it is dropped, or when this process ends, however it does.
    ///
    /// # Errors
    /// Those of the kernel, where it has no such memory (Linux has since 5.1), or no more threads.
    pub fn shared(bytes: usize) -> io::Result<Self> {
        let layout = Layout::of(bytes);
        let file = File::from(memfd_create("asofdb-hot", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?);
        let words = HEADER_WORDS + layout.words();
        ftruncate(&file, (words * size_of::<u64>()) as u64)?;
        let map = MmapOptions::new().map_raw(&file)?;
        // Only what is mapped already can be written from here on.
        fcntl_add_seals(&file, SealFlags::FUTURE_WRITE | SIZE_SEALS)?;
        let words = Words::mapped(map).ok_or(io::ErrorKind::OutOfMemory)?;
        let mut table = Table::over(words, layout);
        Header(table.memory.words.header()).begin(&layout);
        let keeper = Keeper::start(&table.memory.words)?;
        table.shared = Some(Shared { file, keeper });
        Ok(table)
    }

    /// A descriptor of the table's memory for another process, which can read it and no more; `None` for a table of this
    /// process alone.
    ///
    /// # Errors
    /// Those of the kernel, where this process has no room for a descriptor, or no `/proc`.
    pub fn descriptor(&self) -> io::Result<Option<OwnedFd>> {
        use std::os::fd::AsRawFd;
        let Some(Shared { file, .. }) = &self.shared else { return Ok(None) };
        let path = format!("/proc/self/fd/{}", file.as_fd().as_raw_fd());
        Ok(Some(open(path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?))
    }
}

/// A table of another process.
pub struct SharedTable {
    words: Words,
    layout: Layout,
    /// Nobody counts the reads of a child of a fork.
    mark: ForkMark,
}

impl std::fmt::Debug for SharedTable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SharedTable").field("layout", &self.layout).finish_non_exhaustive()
    }
}

impl SharedTable {
    /// Maps what [`Table::descriptor`] gave in another process.
    ///
    /// # Errors
    /// `InvalidData` for a file that is no table of this version, or whose size may change.
    pub fn open(descriptor: OwnedFd) -> io::Result<Self> {
        let refused = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
        let file = File::from(descriptor);
        let seals = fcntl_get_seals(&file).map_err(|_| refused("it is no memory file"))?;
        if !seals.contains(SIZE_SEALS) {
            return Err(refused("it is not sealed: its size could change while it is read"));
        }
        let map: MmapRaw = MmapOptions::new().map_raw_read_only(&file)?;
        let words = Words::mapped(map).ok_or_else(|| refused("it is too short"))?;
        let layout = Header(words.header()).layout(words.rows().len());
        let layout = layout.ok_or_else(|| refused("it is a table of another version"))?;
        Ok(SharedTable { words, layout, mark: ForkMark::new()? })
    }

    /// Bytes of memory that are mapped.
    pub fn bytes(&self) -> usize {
        self.words.bytes()
    }

    /// The conditions that hold now; `None` while its process answers for itself alone, once that has ended, and in the
    /// children of a fork of this one.
    #[inline]
    pub fn conditions(&self) -> Option<Conditions> {
        if self.mark.is_here() { Header(self.words.header()).conditions() } else { None }
    }

    /// Returns whether a process keeps the table. Once none does, none will.
    pub fn is_kept(&self) -> bool {
        Header(self.words.header()).is_kept()
    }

    /// Looks for rows as [`Table::look`] does. What it finds holds if [`SharedTable::is_still`] says so afterwards. Returns
    /// the number that it found.
    pub fn look<'k>(&self, rows: impl Iterator<Item = (u32, &'k [u8])> + Clone, looked: &mut Looked) -> u64 {
        self.index().look(rows, looked, |_| {}, |_, _| {})
    }

    /// Returns whether nothing was written to any of the rows since they were looked for, found or not, and the conditions
    /// of before still hold.
    #[inline]
    pub fn is_still(&self, looked: &Looked, conditions: &Conditions) -> bool {
        // The fence of the rows orders what follows as well.
        self.index().is_still(looked) && Header(self.words.header()).holds(conditions)
    }

    /// [`SharedTable::is_still`] for some of the rows, by their places.
    pub fn are_still(&self, looked: &Looked, rows: impl Iterator<Item = usize>, conditions: &Conditions) -> bool {
        self.index().are_still(rows.map(|row| &looked.rows[row])) && Header(self.words.header()).holds(conditions)
    }

    fn index(&self) -> Index<'_> {
        Index { words: self.words.rows(), layout: &self.layout }
    }
}
