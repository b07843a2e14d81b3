//! The ages of the entities of views, within messages.

use asofdb::{EntityAges, Error, FreshnessStatus, Result, ViewAges};

use super::definitions::ObjectiveMessage;
use super::value::{SpanMessage, TimeMessage};
use crate::codec::{Decode, Encode};

/// Asks how fresh views are.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct AgesRequest {
    /// The names of the views; none of them: all that are stored.
    pub views: Vec<String>,
}

/// The freshness of a view over all of its entities.
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub struct ViewAgesMessage {
    view: String,
    now: TimeMessage,
    /// 0 fresh, 1 warn, 2 stale, 3 no data, 4 rebuilding.
    status: u8,
    objective: Option<ObjectiveMessage>,
    newest: Option<TimeMessage>,
    entities: Option<u64>,
    ahead: Option<u64>,
    ages: Option<EntityAgesMessage>,
}

#[derive(Debug, Clone, Copy, PartialEq, Encode, Decode)]
struct EntityAgesMessage {
    p50: SpanMessage,
    p95: SpanMessage,
    max: SpanMessage,
    over_warn: Option<f64>,
    over_stale: Option<f64>,
}

impl From<ViewAges> for ViewAgesMessage {
    fn from(of: ViewAges) -> Self {
        let ViewAges { view, now, status, objective, newest, entities, ahead, ages } = of;
        ViewAgesMessage {
            view,
            now: now.into(),
            status: FreshnessStatus::ALL.iter().position(|one| *one == status).unwrap_or_default() as u8,
            objective: objective.map(ObjectiveMessage::from),
            newest: newest.map(TimeMessage::from),
            entities,
            ahead,
            ages: ages.map(EntityAgesMessage::from),
        }
    }
}

impl TryFrom<ViewAgesMessage> for ViewAges {
    type Error = Error;

    fn try_from(message: ViewAgesMessage) -> Result<Self> {
        let ViewAgesMessage { view, now, status, objective, newest, entities, ahead, ages } = message;
        let known = FreshnessStatus::ALL.get(usize::from(status)).copied();
        let status = known.ok_or_else(|| Error::invalid(format!("a status of freshness is unknown: {status}")))?;
        Ok(ViewAges {
            view,
            now: now.into(),
            status,
            objective: objective.map(Into::into),
            newest: newest.map(Into::into),
            entities,
            ahead,
            ages: ages.map(EntityAges::from),
        })
    }
}

impl From<EntityAges> for EntityAgesMessage {
    fn from(ages: EntityAges) -> Self {
        let EntityAges { p50, p95, max, over_warn, over_stale } = ages;
        EntityAgesMessage { p50: p50.into(), p95: p95.into(), max: max.into(), over_warn, over_stale }
    }
}

impl From<EntityAgesMessage> for EntityAges {
    fn from(message: EntityAgesMessage) -> Self {
        let EntityAgesMessage { p50, p95, max, over_warn, over_stale } = message;
        EntityAges { p50: p50.into(), p95: p95.into(), max: max.into(), over_warn, over_stale }
    }
}

#[cfg(test)]
mod tests {
    use asofdb::{FreshnessObjective, Span, Timestamp};

    use super::*;
    use crate::codec::{decode_message, encoded_message};

    #[test]
    fn what_is_known_of_a_view_comes_back_as_it_was_and_unknown_statuses_are_refused() {
        for status in FreshnessStatus::ALL {
            let at = Timestamp::from_micros(1_717_200_000_000_000);
            let span = Span::from_micros;
            let ages =
                EntityAges { p50: span(1), p95: span(2), max: span(3), over_warn: Some(0.25), over_stale: Some(0.0) };
            let objective = FreshnessObjective { warn: span(4), stale: span(5), stale_share_max: Some(0.01) };
            let known = ViewAges {
                view: "profile".into(),
                now: at,
                status,
                objective: Some(objective),
                newest: Some(at),
                entities: Some(7),
                ahead: Some(0),
                ages: Some(ages),
            };
            let bytes = encoded_message(&ViewAgesMessage::from(known.clone())).unwrap();
            let message: ViewAgesMessage = decode_message(&bytes).unwrap();
            assert_eq!(ViewAges::try_from(message.clone()).unwrap(), known);
            assert!(ViewAges::try_from(ViewAgesMessage { status: 5, ..message }).is_err());
        }
    }
}
