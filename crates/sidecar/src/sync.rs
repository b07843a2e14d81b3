//! The lock, the condition and the counter of what is synchronised by hand: as ever, or those of loom, which tries every
//! order of their steps (`make loom`).

#[cfg(not(loom))]
mod types {
    pub(crate) use std::sync::atomic::AtomicU64;

    pub(crate) use parking_lot::{Condvar, Mutex, MutexGuard};
}

#[cfg(loom)]
mod types {
    use std::time::Duration;

    pub(crate) use loom::sync::atomic::AtomicU64;

    /// loom's lock in the form of `parking_lot`'s, which knows no poison.
    #[derive(Debug)]
    pub(crate) struct Mutex<T>(loom::sync::Mutex<T>);

    pub(crate) struct MutexGuard<'a, T>(Option<loom::sync::MutexGuard<'a, T>>);

    #[derive(Debug)]
    pub(crate) struct Condvar(loom::sync::Condvar);

    impl<T: Default> Default for Mutex<T> {
        fn default() -> Self {
            Mutex(loom::sync::Mutex::new(T::default()))
        }
    }

    impl<T> Mutex<T> {
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

        /// Loom knows no time: nobody waits too long.
        pub(crate) fn wait_while_for<T>(
            &self,
            guard: &mut MutexGuard<'_, T>,
            mut waits: impl FnMut(&mut T) -> bool,
            _patience: Duration,
        ) {
            while waits(guard) {
                let lock = guard.0.take().expect("it is away only while its thread waits");
                guard.0 = Some(self.0.wait(lock).expect("loom ends with the first panic"));
            }
        }

        pub(crate) fn notify_all(&self) {
            self.0.notify_all();
        }
    }
}

pub(crate) use self::types::*;
