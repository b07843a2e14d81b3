//! State that every request of the HTTP door shares: the service, the limits, and the threads for what blocks.

use std::sync::Arc;
use std::thread;

use asofdb::{Error, Stop};
use asofdb_platform::Searcher;
use tokio::sync::oneshot;

use super::failure::Failure;
use super::options::HttpOptions;
use crate::admission::{Admission, Answer, Caller, DoorName, Request, panicked};
use crate::budget::Budget;
use crate::line::give_way;
use crate::operation::Operation;
use crate::service::Service;

/// The HTTP door.
pub(super) struct Door {
    pub(super) service: Arc<Service>,
    pub(super) options: HttpOptions,
    /// The memory of bodies and answers.
    pub(super) budget: Arc<Budget>,
    pub(super) searcher: Searcher,
}

impl Door {
    pub(super) fn new(service: Arc<Service>, options: HttpOptions) -> Self {
        let held = service.http.large_frame_bytes.clone();
        let budget = Arc::new(Budget::new(options.memory_bytes_max, held));
        Door { service, options, budget, searcher: Searcher::default() }
    }

    /// Refuses answers that would take too much memory.
    pub(super) fn check_answer_size(&self, entities: usize, features: usize) -> Result<(), Failure> {
        let most = self.options.answer_values_max;
        match entities.saturating_mul(features) <= most {
            true => Ok(()),
            false => {
                let message = format!("an answer has at most {most} values; ask for fewer entities at once");
                Err(Failure::invalid(format!("{message}: {entities} entities of {features} features")))
            }
        }
    }

    /// Does the work of a request on a thread that may block, when it has been admitted. Bulk work waits for its turn
    /// in a thread of its own, and takes no place from the others meanwhile.
    pub(super) async fn run<T: Answer + Send + 'static>(
        self: Arc<Self>,
        caller: Caller,
        operation: Operation,
        work: impl FnOnce(&Door, &mut Admission<'_>) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let (service, in_flight_max) = (self.service.clone(), self.options.requests_in_flight_max);
        let waiting = operation.is_bulk().then(|| Waiting { service: service.clone(), stop: service.bulk_stop() });
        let stop = waiting.as_ref().map_or(Stop::NEVER, |waiting| waiting.stop.clone());
        let request = Request { service, door: DoorName::Http, in_flight_max, caller, operation, stop };
        let (done, answer) = oneshot::channel();
        // Nobody waits for the answer when the client has gone.
        if operation.is_bulk() {
            let working = move || {
                give_way();
                let entered = request.enter().map_err(Failure::from);
                let _ = done.send(entered.and_then(|entered| entered.work(|admission| work(&self, admission))));
            };
            thread::Builder::new().name("http-bulk".into()).spawn(working).map_err(no_thread)?;
        } else {
            let entered = request.enter()?;
            tokio::task::spawn_blocking(move || done.send(entered.work(|admission| work(&self, admission))));
        }
        answer.await.unwrap_or_else(|_| Err(panicked().into()))
    }
}

/// A caller that waits for an answer. When it goes, because the client has gone or has waited for as long as it may,
/// the work is told to stop.
struct Waiting {
    service: Arc<Service>,
    stop: Stop,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.service.bulk.abandon(&self.stop);
    }
}

#[cold]
fn no_thread(error: std::io::Error) -> Error {
    Error::unavailable("the sidecar cannot start a thread; try again").with_source(error)
}
