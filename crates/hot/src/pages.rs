//! Huge pages: with small ones, a look at random rows waits for the page table twice.

use crate::sync::AtomicU64;

/// Asks the kernel for huge pages under some words, now and for what is written later. Where it has none they are as before.
pub(crate) fn advise_huge(words: &[AtomicU64]) {
    #[cfg(all(target_os = "linux", not(loom), not(miri)))]
    Huge::under(words).advise(libc::MADV_HUGEPAGE);
    #[cfg(not(all(target_os = "linux", not(loom), not(miri))))]
    let _ = words;
}

/// The huge pages that lie wholly under some words.
#[cfg(all(target_os = "linux", not(loom)))]
#[derive(Debug, Clone, Copy)]
pub(crate) struct Huge {
    start: usize,
    bytes: usize,
}

#[cfg(all(target_os = "linux", not(loom)))]
impl Huge {
    /// Bytes of a huge page. Less memory than this in one piece has none.
    const BYTES: usize = 2 << 20;

    pub(crate) fn under(words: &[AtomicU64]) -> Self {
        let range = words.as_ptr_range();
        let start = (range.start as usize).next_multiple_of(Huge::BYTES);
        let end = range.end as usize / Huge::BYTES * Huge::BYTES;
        Huge { start, bytes: end.saturating_sub(start) }
    }

    /// Puts all of it on huge pages at once, also memory that is shared, for which most systems have none otherwise. It
    /// copies what is there, and takes some hundredths of a second for a hundred megabytes. The words must be there still.
    pub(crate) fn collapse(self) {
        self.advise(libc::MADV_COLLAPSE);
    }

    fn advise(self, advice: libc::c_int) {
        if self.bytes == 0 || cfg!(miri) {
            return;
        }
        // SAFETY: the range lies within words that are there. The advice changes neither what they are nor that they may be
        // used, only the size of the pages under them.
        #[allow(unsafe_code, reason = "a batch of rows takes two thirds of the time")]
        let _ = unsafe { libc::madvise(self.start as *mut libc::c_void, self.bytes, advice) };
    }
}
