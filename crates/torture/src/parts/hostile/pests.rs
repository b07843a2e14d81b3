//! Some hostile clients beside other work, for as long as it takes.

use std::process::{Child, Stdio};
use std::time::Duration;

use super::crowd::{CHILD, Plan};
use super::kind::{Door, Kind};
use crate::Setting;
use crate::sidecar::Sidecar;

/// Those who come again and again: how many of each.
const CROWDS: [(Kind, Door, usize); 4] = [
    (Kind::Dripping, Door::Native, 3),
    (Kind::NeverReading, Door::Native, 4),
    (Kind::NeverReading, Door::Http, 4),
    (Kind::Half, Door::Native, 2),
];

/// Hostile clients. They end when this is dropped.
pub(in crate::parts) struct Pests(Vec<Child>);

impl Pests {
    /// Sends them to a sidecar whose store has the view `profile`.
    pub(in crate::parts) fn send(setting: &Setting, sidecar: &Sidecar, works: Duration) -> Self {
        let send = |(kind, door, count)| {
            let socket = if door == Door::Native { sidecar.socket() } else { sidecar.http_socket() };
            let (address, seed, stays) = (sidecar.http_address(), setting.seed, Duration::ZERO);
            let plan = Plan { kind, door, count, works, stays, seed, socket, address };
            let mut command = setting.child(CHILD);
            command.args(plan.arguments()).stdin(Stdio::null()).stdout(Stdio::null());
            command.spawn().expect("a crowd")
        };
        Pests(CROWDS.into_iter().map(send).collect())
    }
}

impl Drop for Pests {
    fn drop(&mut self) {
        for child in &mut self.0 {
            // Either fails for a process that is gone, and for no other.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
