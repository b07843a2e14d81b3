//! Clients that read and write some entities at a time.

use std::ops::Range;
use std::time::Duration;

use asofdb::{Answer, Durability, Prepared, Session, Value};
use asofdb_client::Client;

use super::tally::Did;
use super::values::{ENTITIES, FEATURES, check, rows};
use super::worker::{Failure, Role, Worker};
use crate::Random;

/// Most versions that a writer writes at once when it is behind.
const VERSIONS_TOGETHER: i64 = 10;

/// Most entities of a read.
const READ_ROWS: u64 = 50;

/// The distance back that reads as of a time ask for, in versions: well within the retention.
pub(super) const BACK_MAX: u64 = 50;

/// Writes every version of its entities when its time has come, each until it was acknowledged.
pub(super) fn writer(worker: &Worker, entities: Range<i64>) -> Role {
    let client = worker.client();
    let work = move |worker: &Worker, _: &mut Random| {
        let acknowledged = worker.floor.get(entities.start)?;
        let newest = worker.beginning.newest_version().min(acknowledged + VERSIONS_TOGETHER);
        if newest <= acknowledged {
            return Ok(());
        }
        let [a, b] = rows(worker.beginning, entities.clone(), acknowledged + 1..newest + 1);
        worker.timed(Did::Write, || {
            Ok(client.write_all(&[("soak_a", &a), ("soak_b", &b)], Durability::Os).map(drop)?)
        })?;
        // The first one last: by it the next process knows where to go on.
        Ok(entities.clone().rev().try_for_each(|entity| worker.floor.raise(entity, newest))?)
    };
    Role { name: "writer", pause: Duration::from_millis(20), work: Box::new(work) }
}

/// Reads some entities, and never sees an older version than before, or than was acknowledged.
pub(super) fn reader(worker: &Worker) -> Role {
    let (client, mut seen) = (worker.client(), vec![0; ENTITIES as usize]);
    let request = request(&client);
    let work = move |worker: &Worker, random: &mut Random| {
        let asked = some_entities(random);
        for entity in &asked {
            seen[*entity as usize] = seen[*entity as usize].max(worker.floor.get(*entity)?);
        }
        let answer = worker.timed(Did::Read, || Ok(client.latest(&request, &entity_rows(&request, &asked)?)?))?;
        for (entity, version) in checked(&asked, &answer)? {
            if version < seen[entity as usize] || version > worker.beginning.newest_version() {
                let least = seen[entity as usize];
                return Err(format!("entity {entity}: version {version} after {least} was seen or acknowledged").into());
            }
            seen[entity as usize] = version;
        }
        Ok(())
    };
    Role { name: "reader", pause: Duration::from_millis(5), work: Box::new(work) }
}

/// Reads entities as of a time: exactly the version of that time, once it was acknowledged.
pub(super) fn as_of_reader(worker: &Worker) -> Role {
    let client = worker.client();
    let request = request(&client);
    let work = move |worker: &Worker, random: &mut Random| {
        let asked = some_entities(random);
        let mut acknowledged = i64::MAX;
        for entity in &asked {
            acknowledged = acknowledged.min(worker.floor.get(*entity)?);
        }
        // A writer that is behind has versions that may be reclaimed soon.
        if acknowledged < worker.beginning.newest_version() - BACK_MAX as i64 {
            return Ok(());
        }
        let version = (acknowledged - random.below(BACK_MAX) as i64).max(1);
        let at = worker.beginning.event(version);
        let answer = client.as_of(&request, &entity_rows(&request, &asked)?, at, None)?;
        worker.tally.did(Did::AsOf, Duration::ZERO);
        match checked(&asked, &answer)?.into_iter().find(|(_, found)| *found != version) {
            None => Ok(()),
            Some((entity, found)) => Err(format!("entity {entity} as of version {version}: version {found}").into()),
        }
    };
    Role { name: "as-of reader", pause: Duration::from_millis(10), work: Box::new(work) }
}

/// The request for everything of both views.
pub(super) fn request(session: &impl Session) -> Prepared {
    session.prepare(&FEATURES).expect("the views that were made")
}

/// Some entities, each once.
pub(super) fn some_entities(random: &mut Random) -> Vec<i64> {
    let (first, count) = (random.below(ENTITIES as u64), 1 + random.below(READ_ROWS));
    (first..first + count).map(|entity| (entity % ENTITIES as u64) as i64).collect()
}

pub(super) fn entity_rows(request: &Prepared, asked: &[i64]) -> asofdb::Result<asofdb::EntityRows> {
    let mut entities = request.entity_rows();
    asked.iter().try_for_each(|entity| entities.push(&[Some(Value::Int64(*entity))]))?;
    Ok(entities)
}

/// Checks an answer; the entities with their versions.
pub(super) fn checked(asked: &[i64], answer: &Answer) -> Result<Vec<(i64, i64)>, Failure> {
    let row = |(row, entity): (usize, &i64)| -> Result<(i64, i64), Failure> {
        let values =
            (0..FEATURES.len()).map(|feature| answer.value(row, feature)).collect::<asofdb::Result<Vec<_>>>()?;
        Ok((*entity, check(*entity, &values)?))
    };
    asked.iter().enumerate().map(row).collect()
}

/// Reads everything of a session, which has at least the versions that were acknowledged before.
pub(super) fn check_all(session: &impl Session, acknowledged: &[i64]) -> Result<(), Failure> {
    let request = request(session);
    let asked: Vec<i64> = (0..ENTITIES).collect();
    let answer = session.latest(&request, &entity_rows(&request, &asked)?)?;
    for ((entity, version), least) in checked(&asked, &answer)?.into_iter().zip(acknowledged) {
        if version < *least {
            return Err(format!("entity {entity}: version {version}, and {least} was acknowledged").into());
        }
    }
    Ok(())
}

/// Reads and checks everything in the sidecar's store.
pub(super) fn verify(client: &Client) -> Result<(), Failure> {
    match client.verify()?.problems.first() {
        None => Ok(()),
        Some(problem) => Err(Failure::Wrong(format!("verify: {problem}"))),
    }
}
