//! Huge pages: with small ones, a look at random rows waits for the page table twice.

use crate::sync::AtomicU64;

/// Bytes of a huge page. Less memory than this in one piece has none.
#[cfg(all(target_os = "linux", not(loom), not(miri)))]
const HUGE_BYTES: usize = 2 << 20;

/// Asks the kernel for huge pages under some words, now and for what is written later. Where it has none they are as before.
pub(crate) fn advise_huge(words: &[AtomicU64]) {
    #[cfg(all(target_os = "linux", not(loom), not(miri)))]
    {
        use rustix::mm::{Advice, madvise};
        let range = words.as_ptr_range();
        let (start, end) = (range.start as usize, range.end as usize);
        let (first, last) = (start.next_multiple_of(HUGE_BYTES), end / HUGE_BYTES * HUGE_BYTES);
        if first < last {
            let bytes = words.as_ptr().wrapping_byte_add(first - start);
            // SAFETY: the range lies within the words. The advice changes neither what they are nor that they may be
            // used, only the size of the pages under them.
            #[allow(unsafe_code, reason = "a batch of rows takes half the time")]
            let _ = unsafe { madvise(bytes.cast_mut().cast(), last - first, Advice::LinuxHugepage) };
        }
    }
    #[cfg(not(all(target_os = "linux", not(loom), not(miri))))]
    let _ = words;
}
