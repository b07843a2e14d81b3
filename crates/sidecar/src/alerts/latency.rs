//! The source of alerts about latency objectives.

use asofdb::Result;

use super::rules::LookRules;
use super::sighting::{Finding, Severity, Sighting};
use crate::consumers::{Kept, Moment, OVER, Subject};
use crate::service::Service;

/// The part of reads that may miss an objective, which is about 99 in 100.
const MISSED_MAX: f64 = 0.01;

/// The fewest reads that say something.
const READS_MIN: u64 = 100;

/// Consumers and views of whose reads more missed a latency objective in the last minutes than may.
pub(super) fn latency(service: &Service, rules: &LookRules) -> Result<Vec<Finding>> {
    let kept = service.objectives.look(Moment::now(), service.consumers.kept());
    Ok(kept.into_iter().filter_map(|(subject, kept)| latency_of(&subject, kept, rules.hysteresis)).collect())
}

fn latency_of((of, name): &Subject, kept: Kept, hysteresis: f64) -> Option<Finding> {
    if kept.reads < READS_MIN {
        return None;
    }
    let share = kept.missed as f64 / kept.reads as f64;
    let subject = format!("{} {name}", of.as_str());
    if share <= MISSED_MAX {
        return (share > MISSED_MAX * (1.0 - hysteresis)).then_some(Finding::Near(subject));
    }
    let message = format!(
        "of {} reads of {} {name:?} in the last {} minutes, {:.1} % took longer than {:?}, and 1 % may",
        kept.reads,
        of.as_str(),
        OVER.as_secs() / 60,
        share * 100.0,
        kept.latency
    );
    Some(Finding::Wrong(Sighting { subject, state: "slow", severity: Severity::Warning, message }))
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::consumers::ObjectiveOf;

    #[test]
    fn reads_that_miss_an_objective_are_told_from_a_hundred_reads_and_above_one_percent_on() {
        let subject = (ObjectiveOf::Consumer, "ranker".to_owned());
        let of = |reads, missed| {
            let kept = Kept { latency: Duration::from_micros(1_500), reads, missed };
            latency_of(&subject, kept, 0.2)
        };
        assert_eq!(of(99, 99), None);
        assert_eq!(of(1_000, 8), None);
        assert_eq!(of(1_000, 9), Some(Finding::Near("consumer ranker".to_owned())));
        let Some(Finding::Wrong(sighting)) = of(1_000, 25) else { panic!("it is wrong") };
        assert_eq!((sighting.subject.as_str(), sighting.state), ("consumer ranker", "slow"));
        assert_eq!(
            sighting.message,
            "of 1000 reads of consumer \"ranker\" in the last 5 minutes, 2.5 % took longer than 1.5ms, and 1 % may"
        );
    }
}
