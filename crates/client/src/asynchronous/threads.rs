//! The threads of an asynchronous client's bulk work.

use std::sync::Arc;

use asofdb::{Error, Result};
use tokio::sync::{OnceCell, OwnedSemaphorePermit, Semaphore};
use tokio::task::{JoinError, JoinHandle};

use crate::asynchronous::lane::Lane;
use crate::cancel::Cancel;
use crate::client::Client;

/// Most bulk requests of one client at a time; the others wait for their turn here, where it costs nothing. Each has a
/// thread and a connection, and the sidecar has few places for them (two, unless told otherwise).
const BULK_MAX: usize = 4;

/// A blocking client, and the places of those who work with it.
#[derive(Debug)]
pub(super) struct Threads {
    client: OnceCell<Client>,
    places: Arc<Semaphore>,
}

impl Threads {
    pub(super) fn new() -> Self {
        Threads { client: OnceCell::new(), places: Arc::new(Semaphore::new(BULK_MAX)) }
    }

    /// Starts `work` in a thread when it is its turn. `lane` says where the sidecar is.
    ///
    /// # Errors
    /// `Unavailable` when the sidecar does not answer.
    pub(super) async fn start<T: Send + 'static>(
        &self,
        lane: &Lane,
        work: impl FnOnce(&Client) -> Result<T> + Send + 'static,
    ) -> Result<Running<T>> {
        let place = self.place().await?;
        let cancel = Cancel::default();
        let client = self.client(lane).await?.cancelled_by(&cancel);
        let task = tokio::task::spawn_blocking(move || {
            // Free when the work has ended, which may be after nobody waits for it any more.
            let _place = place;
            work(&client)
        });
        Ok(Running { task, cancel })
    }

    async fn place(&self) -> Result<OwnedSemaphorePermit> {
        let place = self.places.clone().acquire_owned().await;
        place.map_err(|_| Error::internal("the places of bulk work are closed"))
    }

    async fn client(&self, lane: &Lane) -> Result<&Client> {
        let connect = || async {
            let (path, options) = (lane.path().to_owned(), lane.options().clone());
            tokio::task::spawn_blocking(move || Client::connect_with(path, options)).await.unwrap_or_else(ended_early)
        };
        self.client.get_or_try_init(connect).await
    }
}

/// Work in a thread. It ends when this is dropped.
#[derive(Debug)]
pub(super) struct Running<T> {
    task: JoinHandle<Result<T>>,
    cancel: Cancel,
}

impl<T> Running<T> {
    /// Waits for its end, which can be had once.
    ///
    /// # Errors
    /// Those of the work.
    pub(super) async fn end(&mut self) -> Result<T> {
        (&mut self.task).await.unwrap_or_else(ended_early)
    }
}

impl<T> Drop for Running<T> {
    fn drop(&mut self) {
        // Work that has not begun never does.
        self.task.abort();
        self.cancel.cancel();
    }
}

/// A panic of the work is its caller's.
fn ended_early<T>(error: JoinError) -> Result<T> {
    match error.try_into_panic() {
        Ok(panic) => std::panic::resume_unwind(panic),
        Err(_) => Err(Error::unavailable("the runtime is being shut down")),
    }
}
