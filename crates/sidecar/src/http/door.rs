//! State that every request of the HTTP door shares: the service, the limits, and the threads for what blocks.

use std::sync::Arc;

use asofdb::ErrorKind;
use axum::http::StatusCode;
use tokio::sync::Semaphore;

use super::failure::Failure;
use super::options::HttpOptions;
use crate::gauges::Refusal;
use crate::service::Service;

/// The HTTP door.
pub(super) struct Door {
    pub(super) service: Arc<Service>,
    pub(super) options: HttpOptions,
    in_flight: Arc<Semaphore>,
    /// Bytes that bodies may still take.
    pub(super) bodies: Arc<Semaphore>,
}

impl Door {
    pub(super) fn new(service: Arc<Service>, options: HttpOptions) -> Self {
        let in_flight = Arc::new(Semaphore::new(options.requests_in_flight_max));
        let bodies = Arc::new(Semaphore::new(options.bodies_bytes_max));
        Door { service, options, in_flight, bodies }
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

    /// Works on a thread that may block. A panic fails this request only.
    pub(super) async fn run<T: Send + 'static>(
        self: Arc<Self>,
        work: impl FnOnce(&Door) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let Ok(permit) = self.in_flight.clone().try_acquire_owned() else {
            self.service.http.refuse(Refusal::InFlight);
            let most = self.options.requests_in_flight_max;
            return Err(Failure::busy(format!("as many requests are in flight as may be; try again: {most}")));
        };
        let door = self.clone();
        let working = tokio::task::spawn_blocking(move || {
            // Held until the work is done, also when the client is no longer there to wait.
            let _permit = permit;
            let _in_flight = InFlight::begin(&door.service);
            work(&door)
        });
        working.await.unwrap_or_else(|_| {
            self.service.http.count_panic();
            tracing::error!("a request panicked");
            let message = "the request failed by a fault of asofdb; the log has more";
            Err(Failure::new(StatusCode::INTERNAL_SERVER_ERROR, ErrorKind::Internal, message))
        })
    }
}

/// Counts a request as in flight while it lives.
struct InFlight<'a>(&'a Service);

impl<'a> InFlight<'a> {
    fn begin(service: &'a Service) -> Self {
        service.http.requests_in_flight.add(1);
        InFlight(service)
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.http.requests_in_flight.subtract(1);
    }
}
