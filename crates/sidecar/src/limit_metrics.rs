//! Counters of what limits and latency objectives are about.

use std::fmt;

use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Unit;

use crate::consumers::{ObjectiveOf, Series};
use crate::settings::{NAMES, Settings};

/// A series with the name of its consumer.
type Of<'s> = (&'s str, &'s Series);

fn labels<'s>((consumer, series): &Of<'s>) -> [(&'s str, &'s str); 3] {
    [("operation", series.operation.as_str()), ("consumer", consumer), ("view", &series.view)]
}

/// Writes bytes by consumer, operation and view, and the reads that missed a latency objective.
///
/// # Errors
/// As writing does.
pub(crate) fn by_series(all: &[Of<'_>], encoder: &mut DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
    type Read = fn(&Series) -> u64;
    let counters: [(&str, &str, Read); 2] = [
        ("answered", "Bytes of answers", Series::answered_bytes),
        ("written", "Bytes of rows that were written", Series::written_bytes),
    ];
    for (name, help, read) in counters {
        let mut family = encoder.encode_descriptor(name, help, Some(&Unit::Bytes), MetricType::Counter)?;
        for one in all.iter().filter(|(_, series)| read(series) > 0) {
            ConstCounter::new(read(one.1)).encode(family.encode_family(&labels(one))?)?;
        }
    }
    objectives(all, encoder)
}

/// Writes the latency objectives of reads in force, and how many reads have missed one.
fn objectives(all: &[Of<'_>], encoder: &mut DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
    let help = "The latency that 99 in 100 reads shall stay within, as the limits say";
    let seconds = Some(&Unit::Seconds);
    let mut family = encoder.encode_descriptor("latency_objective", help, seconds, MetricType::Gauge)?;
    for one in all {
        for (of, latency) in one.1.objectives() {
            let [operation, consumer, view] = labels(one);
            let labels = [operation, consumer, view, ("of", of.as_str())];
            ConstGauge::new(latency.as_secs_f64()).encode(family.encode_family(&labels)?)?;
        }
    }
    let help = "Reads that took longer than the latency objective of their consumer or view";
    let mut family = encoder.encode_descriptor("latency_objective_missed", help, None, MetricType::Counter)?;
    for one in all {
        for of in [ObjectiveOf::Consumer, ObjectiveOf::View] {
            let missed = one.1.missed(of);
            if missed > 0 || one.1.objectives().any(|(other, _)| other == of) {
                let [operation, consumer, view] = labels(one);
                let labels = [operation, consumer, view, ("of", of.as_str())];
                ConstCounter::new(missed).encode(family.encode_family(&labels)?)?;
            }
        }
    }
    Ok(())
}

/// Writes which file of settings was refused when it was last read.
///
/// # Errors
/// As writing does.
pub(crate) fn settings(settings: &Settings, encoder: &mut DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
    let help = "1 when the file of these settings was refused when it was last read, so that the old ones go on";
    let mut family = encoder.encode_descriptor("settings_refused", help, None, MetricType::Gauge)?;
    for name in NAMES {
        let refused = u64::from(settings.refused(name).is_some());
        ConstGauge::new(refused).encode(family.encode_family(&[("settings", name)])?)?;
    }
    Ok(())
}
