//! Statistics, wherever the store is.

use asofdb::{ErrorKind, EventsRead, PROFILE_EVENTS_MAX, ProfileSample, Session, Value};

use super::write_visits;

pub fn statistics_are_taken_and_kept_wherever_the_store_is(session: &impl Session) {
    assert_eq!(session.statistics("profile").unwrap().profile, None);
    write_visits(session, &[(1, 5), (2, 7), (3, 9)], 1);
    let taken = session.profile("profile", ProfileSample::All, &mut |_| {}).unwrap();
    assert_eq!(session.statistics("profile").unwrap(), taken);
    let profile = taken.profile.unwrap();
    assert_eq!((profile.entities, profile.of_entities, profile.size.unwrap().versions), (3, Some(3), 3));
    let visits = profile.feature("visits").unwrap();
    let numbers = visits.numbers.as_ref().unwrap();
    assert_eq!((numbers.min, numbers.max, numbers.mean, visits.distinct), (5.0, 9.0, Some(7.0), 3));
    assert_eq!(profile.feature("name").unwrap().counts.null, 3);
    let sample = session.profile("profile", ProfileSample::Entities(2), &mut |_| {}).unwrap().profile.unwrap();
    assert_eq!((sample.entities, sample.of_entities), (2, Some(3)));
    let refused = |view: &str, sample| session.profile(view, sample, &mut |_| {}).unwrap_err().kind();
    assert_eq!(refused("profile", ProfileSample::Entities(0)), ErrorKind::Invalid);
    assert_eq!(refused("profil", ProfileSample::All), ErrorKind::NotFound);
    session.erase(&["profile"], &[("user_id", Value::Int64(3))]).unwrap();
    assert_eq!(session.statistics("profile").unwrap().profile, None);
}

/// Statistics of three clicks of one user.
pub fn statistics_of_events_are_taken_and_kept(session: &impl Session) {
    let taken = session.profile("clicks", ProfileSample::Entities(10), &mut |_| {}).unwrap();
    assert_eq!(session.statistics("clicks").unwrap(), taken);
    let profile = taken.profile.unwrap();
    let events = EventsRead { count: 3, of_entity_max: Some(PROFILE_EVENTS_MAX) };
    assert_eq!((profile.entities, profile.of_entities, profile.events), (1, Some(1), Some(events)));
    let ids = profile.feature("click_id").unwrap();
    assert_eq!((ids.numbers.as_ref().unwrap().max, ids.distinct), (3.0, 3));
}
