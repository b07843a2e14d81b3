//! The meters of all requests.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::usage::meter::{Meter, Taken};

/// Meters that are kept at once. With more of them those that nobody holds are read and forgotten.
const METERS_MAX: usize = 4_096;

/// A consumer, its model, the references that it asked for, and the revision of the catalog that says which features these
/// are.
type MeterKey = (String, Option<String>, Vec<String>, u64);

/// The meters of a store, one for each list of references of each consumer.
#[derive(Default)]
pub(super) struct Collector {
    state: Mutex<Collected>,
}

#[derive(Default)]
struct Collected {
    meters: HashMap<MeterKey, Arc<Meter>>,
    /// The counts of meters that were forgotten.
    taken: Vec<(Arc<Meter>, Taken)>,
}

impl Collector {
    /// The meter of a consumer and its model for references; `make` makes it where there is none.
    pub(super) fn meter(
        &self,
        (consumer, model): (&str, Option<&str>),
        references: &[String],
        revision: u64,
        make: impl FnOnce() -> Meter,
    ) -> Arc<Meter> {
        let key = (consumer.to_owned(), model.map(str::to_owned), references.to_vec(), revision);
        if let Some(meter) = self.state.lock().meters.get(&key) {
            return meter.clone();
        }
        let made = Arc::new(make());
        let mut state = self.state.lock();
        if state.meters.len() >= METERS_MAX {
            state.forget();
        }
        state.meters.entry(key).or_insert(made).clone()
    }

    /// Takes what was counted, meter by meter, and forgets the meters that nobody holds.
    pub(super) fn take(&self, mut each: impl FnMut(&Meter, &Taken)) {
        let mut state = self.state.lock();
        state.forget();
        let live = state.meters.values().filter_map(|meter| meter.take().map(|taken| (meter.clone(), taken)));
        let live: Vec<_> = live.collect();
        let taken = std::mem::take(&mut state.taken);
        drop(state);
        for (meter, taken) in taken.iter().chain(&live) {
            each(meter, taken);
        }
    }
}

impl Collected {
    /// Forgets the meters that nobody holds. Whoever holds one may count yet; nobody else can come to one of these.
    fn forget(&mut self) {
        let taken = &mut self.taken;
        self.meters.retain(|_, meter| {
            let is_held = Arc::strong_count(meter) > 1;
            if !is_held && let Some(counts) = meter.take() {
                taken.push((meter.clone(), counts));
            }
            is_held
        });
    }
}
