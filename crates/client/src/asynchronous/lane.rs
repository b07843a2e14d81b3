//! A lane for one kind of requests: a connection that is replaced when it breaks.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::Mutex;

use crate::asynchronous::link::Link;
use crate::failure::Failure;
use crate::options::ConnectOptions;

/// A connection, and how to make the next one.
#[derive(Debug)]
pub(super) struct Lane {
    path: PathBuf,
    options: ConnectOptions,
    current: Mutex<Option<Arc<Link>>>,
}

impl Lane {
    pub(super) fn new(path: &Path, options: &ConnectOptions) -> Self {
        Lane { path: path.to_owned(), options: options.clone(), current: Mutex::new(None) }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn options(&self) -> &ConnectOptions {
        &self.options
    }

    /// The connection, a new one where there is none that works.
    pub(super) async fn link(&self) -> Result<Arc<Link>, Failure> {
        let mut current = self.current.lock().await;
        if let Some(link) = current.as_ref().filter(|link| !link.is_broken()) {
            return Ok(link.clone());
        }
        let link = Link::open(&self.path, &self.options).await?;
        *current = Some(link.clone());
        Ok(link)
    }
}
