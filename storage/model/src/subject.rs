//! A backend under test, with the way to open it again.

use std::sync::Arc;

use asofdb_storage::{Backend, Clock, MemoryBackend, Result};

type Open = Box<dyn Fn() -> Result<Box<dyn Backend>> + Send + Sync>;

/// A backend that can be closed and opened again, where it is one that lasts.
pub struct Subject {
    backend: Option<Box<dyn Backend>>,
    open: Option<Open>,
}

impl Subject {
    /// An in-memory store. Opening it again leaves it as it is.
    pub fn in_memory(clock: Arc<dyn Clock>) -> Self {
        Subject { backend: Some(Box::new(MemoryBackend::new(clock))), open: None }
    }

    /// A store on disk, opened by `open`.
    ///
    /// # Errors
    /// Those of `open`.
    pub fn on_disk(open: impl Fn() -> Result<Box<dyn Backend>> + Send + Sync + 'static) -> Result<Self> {
        Ok(Subject { backend: Some(open()?), open: Some(Box::new(open)) })
    }

    /// The backend.
    ///
    /// # Panics
    /// When an earlier [`Subject::reopen`] failed.
    pub fn backend(&self) -> &dyn Backend {
        self.backend.as_deref().expect("the store is open")
    }

    /// Returns whether what is written outlives [`Subject::reopen`].
    pub fn lasts(&self) -> bool {
        self.open.is_some()
    }

    /// Closes the store and opens it again.
    ///
    /// # Errors
    /// Those of opening.
    pub fn reopen(&mut self) -> Result<()> {
        if let Some(open) = &self.open {
            self.backend = None;
            self.backend = Some(open()?);
        }
        Ok(())
    }
}
