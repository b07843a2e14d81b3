//! The locks and atomics of what is synchronised by hand: as ever, or those of loom, which tries every order of their
//! steps (`make loom`).

#[cfg(not(loom))]
mod types {
    #[cfg(feature = "rocksdb")]
    pub(crate) use std::sync::atomic::{AtomicU32, AtomicU64};

    #[cfg(feature = "rocksdb")]
    pub(crate) use parking_lot::Condvar;
    pub(crate) use parking_lot::Mutex;

    pub(crate) use std::sync::atomic::AtomicI64;
}

#[cfg(loom)]
mod types {
    pub(crate) use loom::sync::atomic::{AtomicI64, AtomicU32, AtomicU64};

    /// loom's lock in the form of `parking_lot`'s, which knows no poison.
    pub(crate) struct Mutex<T>(loom::sync::Mutex<T>);

    pub(crate) struct MutexGuard<'a, T>(Option<loom::sync::MutexGuard<'a, T>>);

    pub(crate) struct Condvar(loom::sync::Condvar);

    impl<T: Default> Default for Mutex<T> {
        fn default() -> Self {
            Mutex::new(T::default())
        }
    }

    impl<T> Mutex<T> {
        pub(crate) fn new(value: T) -> Self {
            Mutex(loom::sync::Mutex::new(value))
        }

        pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
            MutexGuard(Some(self.0.lock().expect("loom ends with the first panic")))
        }
    }

    impl<T> std::ops::Deref for MutexGuard<'_, T> {
        type Target = T;

        fn deref(&self) -> &T {
            self.0.as_ref().expect("it is away only while its thread waits")
        }
    }

    impl<T> std::ops::DerefMut for MutexGuard<'_, T> {
        fn deref_mut(&mut self) -> &mut T {
            self.0.as_mut().expect("it is away only while its thread waits")
        }
    }

    impl Condvar {
        pub(crate) fn new() -> Self {
            Condvar(loom::sync::Condvar::new())
        }

        pub(crate) fn wait<T>(&self, guard: &mut MutexGuard<'_, T>) {
            let lock = guard.0.take().expect("it is away only while its thread waits");
            guard.0 = Some(self.0.wait(lock).expect("loom ends with the first panic"));
        }

        pub(crate) fn notify_all(&self) {
            self.0.notify_all();
        }
    }
}

pub(crate) use self::types::*;
