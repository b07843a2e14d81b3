//! Partial results that have seen as much before allocate nothing.
#![allow(unsafe_code, reason = "an allocator that counts can only be written with it")]

mod support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use asofdb_aggregate::Partial;
use support::{Batch, Seed, cases, tree};

thread_local! {
    /// The number of allocations of this thread.
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

/// The system's allocator, counted.
struct Counting;

fn count() {
    ALLOCATIONS.with(|allocations| allocations.set(allocations.get() + 1));
}

// SAFETY: every call is handed to the system's allocator as it came, and what that gives is given back. The counter is
// a constant in thread-local memory without a destructor: counting allocates nothing and cannot panic.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller keeps to the contract of `alloc`, which is that of the system's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the pointer came from `alloc` or `realloc` above, hence from the system's allocator.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, bytes: usize) -> *mut u8 {
        count();
        // SAFETY: as for `dealloc`.
        unsafe { System.realloc(pointer, layout, bytes) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Folds, merges, copies, encodes and decodes.
fn work(batch: &Batch, [whole, part, copy]: &mut [Partial; 3], bytes: &mut Vec<u8>) {
    whole.clear();
    let rows = batch.rows();
    for start in (0..rows).step_by(40) {
        part.clear();
        part.fold(Some(&batch.column(0)), start..(start + 25).min(rows), None);
        part.fold(Some(&batch.column(1)), (start + 25).min(rows)..(start + 40).min(rows), Some(&batch.keep));
        bytes.clear();
        part.encode(bytes);
        part.decode(&mut bytes.as_slice()).unwrap();
        whole.merge(part);
        copy.copy_from(whole);
    }
}

#[test]
fn what_has_seen_as_much_before_allocates_nothing() {
    let seeds: Vec<Seed> = (0..400u64).map(|n| (n as u8, n.wrapping_mul(0x9e37_79b9_7f4a_7c15), 255)).collect();
    for (aggregate, ty) in cases() {
        let events: Vec<_> = tree(ty, &seeds).into_iter().flatten().flatten().collect();
        let batch = Batch::new(ty, &events, true);
        let mut partials = [(); 3].map(|()| Partial::new(&aggregate, Some(ty)).unwrap());
        let mut bytes = Vec::new();
        // Lists of the oldest have two memories in turn.
        for _ in 0..2 {
            work(&batch, &mut partials, &mut bytes);
        }
        let before = ALLOCATIONS.get();
        work(&batch, &mut partials, &mut bytes);
        assert_eq!(ALLOCATIONS.get() - before, 0, "{aggregate} of {ty}");
    }
}
