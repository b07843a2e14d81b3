//! Couriers: each delivers the notices of one target, one delivery at a time, until they have arrived.

use std::sync::{Arc, Weak};

use tracing::{info, warn};

use super::board::Board;
use super::target::Target;
use crate::service::Service;

/// The courier of one target. A target that hangs holds up its own courier, and nobody else.
#[derive(Debug)]
pub(super) struct Courier {
    /// For the time of a delivery. A courier that waits for an answer does not keep the store open.
    service: Weak<Service>,
    board: Arc<Board>,
    index: usize,
    target: Target,
    from: String,
    is_failing: bool,
}

impl Courier {
    pub(super) fn new(service: Weak<Service>, board: Arc<Board>, index: usize, target: Target, from: String) -> Self {
        Courier { service, board, index, target, from, is_failing: false }
    }

    /// Delivers until the end.
    pub(super) fn run(mut self) {
        while let Some(batch) = self.board.batch(self.index) {
            let delivered = self.target.deliver(&self.from, &batch);
            let now = self.service.upgrade().map(|service| service.store.clock().system);
            match delivered {
                Ok(()) => {
                    if std::mem::take(&mut self.is_failing) {
                        info!(target = self.target.name(), "notices of alerts are delivered again");
                    }
                    self.board.delivered(self.index, &batch, now);
                }
                Err(refusal) => {
                    if !std::mem::replace(&mut self.is_failing, true) {
                        let reason = refusal.reason.as_str();
                        warn!(
                            target = self.target.name(),
                            reason, "notices of alerts are not delivered, and tried again"
                        );
                    }
                    if !self.board.failed(self.index, &refusal.reason, refusal.retry_after, now) {
                        return;
                    }
                }
            }
        }
    }
}
