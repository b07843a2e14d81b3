//! The locks and atomics of the table: as ever, or those of loom, which tries every order of their steps (`make loom`).

#[cfg(not(loom))]
mod types {
    pub(crate) use std::sync::atomic::{AtomicU8, AtomicU64, fence};

    pub(crate) use parking_lot::{Mutex, MutexGuard};

    /// Words of zeros, which take no memory before they are written.
    #[allow(unsafe_code, reason = "zeros of the allocator are left to the kernel until they are written")]
    pub(crate) fn zeroed_words(count: usize) -> Box<[AtomicU64]> {
        let words = Box::<[AtomicU64]>::new_zeroed_slice(count);
        // SAFETY: an `AtomicU64` has the size and the valid values of a `u64`, of which zero is one.
        unsafe { words.assume_init() }
    }

    /// Bytes of zeros, as [`zeroed_words`].
    #[allow(unsafe_code, reason = "as above")]
    pub(crate) fn zeroed_bytes(count: usize) -> Box<[AtomicU8]> {
        let bytes = Box::<[AtomicU8]>::new_zeroed_slice(count);
        // SAFETY: an `AtomicU8` has the size and the valid values of a `u8`, of which zero is one.
        unsafe { bytes.assume_init() }
    }
}

#[cfg(loom)]
mod types {
    pub(crate) use loom::sync::atomic::{AtomicU8, AtomicU64, fence};

    /// loom's lock in the form of `parking_lot`'s, which knows no poison.
    pub(crate) struct Mutex<T>(loom::sync::Mutex<T>);

    pub(crate) type MutexGuard<'a, T> = loom::sync::MutexGuard<'a, T>;

    impl<T> Mutex<T> {
        pub(crate) fn new(value: T) -> Self {
            Mutex(loom::sync::Mutex::new(value))
        }

        pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
            self.0.lock().expect("loom ends with the first panic")
        }

        pub(crate) fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
            self.0.try_lock().ok()
        }
    }

    pub(crate) fn zeroed_words(count: usize) -> Box<[AtomicU64]> {
        (0..count).map(|_| AtomicU64::new(0)).collect()
    }

    pub(crate) fn zeroed_bytes(count: usize) -> Box<[AtomicU8]> {
        (0..count).map(|_| AtomicU8::new(0)).collect()
    }
}

pub(crate) use self::types::*;
