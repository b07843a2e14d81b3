//! A clock that jumps under a running sidecar, seen and repaired through its socket.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::Int64Array;
use asofdb::{
    Clock, Definitions, Durability, ErrorKind, ManualClock, Options, Session, Span, Status, Store, Timestamp, Value,
    parse_definitions,
};
use asofdb_client::Client;
use asofdb_sidecar::{Access, Bounds, Limits, Server, Service, Socket};
use tempfile::TempDir;

use super::harness::eventually;
use crate::common::{NOW, batch, int, times};

const DEFINITIONS: &str = r#"
[[entity]]
name = "user"
join_keys = [{ name = "user_id", type = "int64" }]

[[feature_view]]
name = "clicks"
entities = ["user"]
ttl = "1d"
retention = "30d"
keep_newest = false
[[feature_view.feature]]
name = "count"
type = "int64"
"#;

const TEN_YEARS: Span = Span::from_secs(3_650 * 86_400);

/// A sidecar over a store on disk, in this process, so that its clock can be set.
struct Host {
    client: Client,
    store: Store,
    service: Arc<Service>,
    server: Server,
}

impl Host {
    fn open(directory: &Path, clock: Arc<ManualClock>) -> Self {
        let options = Options { memory_budget_bytes: 64 << 20, ..Options::default() };
        let store = Store::open_with(directory.join("store"), options, clock, Durability::Os).unwrap();
        let path = directory.join("socket");
        let service = Arc::new(Service::new(store.clone(), Limits::default()));
        let socket = Socket::bind(&path, 0o600).unwrap();
        let server = Server::start(service.clone(), socket, Access::default(), Bounds::default()).unwrap();
        Host { client: Client::connect(&path).unwrap(), store, service, server }
    }

    /// Ends the sidecar and closes the store, which is open for as long as a thread of the sidecar has it.
    fn close(self) {
        let Host { client, store, service, server } = self;
        drop(client);
        assert!(server.drain(Duration::from_secs(60)));
        assert!(eventually(|| Arc::strong_count(&service) == 1));
        drop((service, store));
    }

    fn write(&self, user: i64, at: Timestamp, count: i64) -> Timestamp {
        let one = |value: i64| Arc::new(Int64Array::from(vec![value])) as arrow::array::ArrayRef;
        let columns = vec![("user_id", one(user)), ("event_timestamp", times([Some(at)])), ("count", one(count))];
        self.client.write("clicks", &batch(columns)).unwrap().created
    }

    fn read(&self, user: i64) -> (Status, Option<Value>) {
        let request = self.client.prepare(&["clicks:count"]).unwrap();
        let mut entities = request.entity_rows();
        entities.push(&[int(user)]).unwrap();
        let answer = self.client.latest(&request, &entities).unwrap();
        (answer.status(0, 0), answer.value(0, 0).unwrap())
    }
}

fn definitions() -> Definitions {
    parse_definitions(DEFINITIONS, "clicks.toml").unwrap()
}

#[test]
fn half_a_second_ten_years_ahead_is_forgotten_by_a_running_sidecar_and_over_a_restart() {
    let (directory, clock) = (TempDir::new().unwrap(), ManualClock::new(NOW));
    let host = Host::open(directory.path(), clock.clone());
    host.store.confirm_clock().unwrap();
    host.client.apply(&definitions(), false).unwrap();
    host.write(1, NOW, 7);
    clock.step(NOW.plus(TEN_YEARS));
    assert_eq!(host.read(1), (Status::Missing, None), "reads follow the clock");
    assert_eq!(host.write(2, NOW, 8), NOW.plus(TEN_YEARS));
    assert_eq!(host.client.clock().unwrap().quarantined(), Some(TEN_YEARS));
    host.client.compact().unwrap();
    clock.advance(Span::from_micros(500_000));
    clock.step(NOW.plus(Span::from_micros(500_000)));
    for user in [1, 2] {
        assert_eq!(host.read(user), (Status::Present, int(6 + user)));
    }
    let status = host.client.clock().unwrap();
    assert_eq!((status.now, status.warning(), status.apart.len()), (clock.now(), None, 1));
    host.close();
    let host = Host::open(directory.path(), clock.clone());
    host.client.compact().unwrap();
    assert_eq!((host.read(1).0, host.read(2).0), (Status::Present, Status::Present));
    assert_eq!(host.client.now().unwrap(), clock.now());
    assert_eq!(host.client.repair_clock().unwrap().restamped, 1);
    assert_eq!(host.client.clock().unwrap().apart, []);
    assert_eq!((host.read(1).0, host.read(2).0), (Status::Present, Status::Present));
}

#[test]
fn a_clock_is_confirmed_and_a_time_repaired_through_the_socket_by_operators() {
    let (directory, clock) = (TempDir::new().unwrap(), ManualClock::new(NOW));
    let host = Host::open(directory.path(), clock.clone());
    host.client.confirm_clock().unwrap();
    host.client.apply(&definitions(), false).unwrap();
    host.write(1, NOW, 7);
    clock.step(NOW.plus(TEN_YEARS));
    let error = host.client.repair_clock().unwrap_err();
    assert_eq!((error.kind(), error.message().contains("3650d")), (ErrorKind::Conflict, true), "{error}");
    host.client.confirm_clock().unwrap();
    assert_eq!(host.client.clock().unwrap().believed, Some(NOW.plus(TEN_YEARS)));
    clock.step(NOW);
    assert_eq!(host.read(1).0, Status::Missing);
    assert_eq!(host.client.clock().unwrap().behind(), Some(TEN_YEARS));
    let repair = host.client.repair_clock().unwrap();
    assert_eq!((repair.back_from, repair.reclaimed), (Some(NOW.plus(TEN_YEARS)), vec!["clicks".to_owned()]));
    assert_eq!(host.read(1), (Status::Present, int(7)));
}

#[test]
fn readers_may_look_at_the_clock_and_not_change_what_is_believed() {
    let (directory, clock) = (TempDir::new().unwrap(), ManualClock::new(NOW));
    let store = Store::in_memory(clock);
    let path = directory.path().join("socket");
    let service = Arc::new(Service::new(store, Limits::default()));
    let access = Access { read_only: true, ..Access::default() };
    let socket = Socket::bind(&path, 0o600).unwrap();
    let _server = Server::start(service, socket, access, Bounds::default()).unwrap();
    let client = Client::connect(&path).unwrap();
    assert_eq!(client.clock().unwrap().believed, None);
    assert_eq!(client.confirm_clock().unwrap_err().kind(), ErrorKind::Denied);
    assert_eq!(client.repair_clock().unwrap_err().kind(), ErrorKind::Denied);
}
