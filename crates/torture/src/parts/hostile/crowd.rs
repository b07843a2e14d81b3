//! A crowd of clients of one kind, in a process of its own: one thread, any number of connections.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::rc::Rc;
use std::str::FromStr;
use std::time::Duration;

use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};
use rustix::fd::OwnedFd;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::guest::{Guest, Turn};
use super::kind::{Door, Kind};
use super::manner::{Manner, Reads, VARIANTS};
use crate::Random;
use crate::stopwatch::Stopwatch;

/// The name of the child.
pub(crate) const CHILD: &str = "crowd";

/// Connections that are made before others are looked after.
const COMING_TOGETHER: usize = 256;

/// The time after which a client that was cut off comes again: from half of it to all of it.
const REST: Duration = Duration::from_millis(200);

/// The time between two bytes of those that drip, and between two looks of those that read slowly.
const TICK: Duration = Duration::from_secs(1);

/// The longest wait for events.
const NAP: Timespec = Timespec { tv_sec: 0, tv_nsec: 20_000_000 };

/// A crowd: who comes, where to, and for how long.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) kind: Kind,
    pub(super) door: Door,
    /// Connections at a time.
    pub(super) count: usize,
    /// The time in which those that were cut off come again.
    pub(super) works: Duration,
    /// The time that those that are left may stay after it, to see whether they are cut off; none leaves at once.
    pub(super) stays: Duration,
    pub(super) seed: u64,
    /// The Unix socket.
    pub(super) socket: PathBuf,
    /// HTTP over TCP, for every other client over HTTP.
    pub(super) address: SocketAddr,
}

impl Plan {
    /// The arguments of the child.
    pub(super) fn arguments(&self) -> Vec<String> {
        let millis = |time: Duration| time.as_millis().to_string();
        vec![
            self.kind.name().to_owned(),
            self.door.name().to_owned(),
            self.count.to_string(),
            millis(self.works),
            millis(self.stays),
            self.seed.to_string(),
            self.socket.display().to_string(),
            self.address.to_string(),
        ]
    }

    fn of_arguments(arguments: &[String]) -> Option<Self> {
        let [kind, door, count, works, stays, seed, socket, address] = arguments else { return None };
        let millis = |text: &str| text.parse().ok().map(Duration::from_millis);
        Some(Plan {
            kind: Kind::of_name(kind)?,
            door: Door::of_name(door)?,
            count: count.parse().ok()?,
            works: millis(works)?,
            stays: millis(stays)?,
            seed: seed.parse().ok()?,
            socket: PathBuf::from(socket),
            address: address.parse().ok()?,
        })
    }
}

/// The outcome of a crowd. As text: the numbers in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Outcome {
    /// Connections that were made.
    pub(super) came: u64,
    /// Connections that the sidecar ended.
    pub(super) cut: u64,
    /// Connections that were still there when all should have been cut off.
    pub(super) left: u64,
    /// The longest time that one of those which were cut off was there, in milliseconds. Those who read nothing count
    /// from when the sidecar took no more of them.
    pub(super) longest_millis: u64,
    /// Bytes that were sent.
    pub(super) sent_bytes: u64,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {} {} {}", self.came, self.cut, self.left, self.longest_millis, self.sent_bytes)
    }
}

impl FromStr for Outcome {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let numbers: Vec<u64> = text.split(' ').map_while(|number| number.parse().ok()).collect();
        let [came, cut, left, longest_millis, sent_bytes] = numbers[..] else { return Err(()) };
        Ok(Outcome { came, cut, left, longest_millis, sent_bytes })
    }
}

/// Runs a crowd; says `working` when all have come once, `staying` when nobody comes again, and the outcome at the end.
///
/// # Panics
/// If the arguments are no plan.
pub(crate) fn run(arguments: &[String]) {
    let plan = Plan::of_arguments(arguments).expect("a plan");
    raise_descriptors();
    let mut crowd = Crowd::new(plan);
    crowd.come();
    println!("working");
    while crowd.since.elapsed() < crowd.plan.works {
        crowd.turn();
        crowd.come();
    }
    println!("staying");
    let staying = Stopwatch::start();
    while crowd.present() > 0 && staying.elapsed() < crowd.plan.stays {
        crowd.turn();
    }
    crowd.outcome.left = crowd.present() as u64;
    println!("{}", crowd.outcome);
}

fn raise_descriptors() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    // A process that may not goes on with what it has: what does not fit comes later.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
}

struct Crowd {
    plan: Plan,
    since: Stopwatch,
    epoll: OwnedFd,
    guests: Vec<Guest>,
    events: Vec<epoll::Event>,
    scratch: Vec<u8>,
    ticks: u32,
    random: Random,
    outcome: Outcome,
}

impl Crowd {
    fn new(plan: Plan) -> Self {
        let mut random = Random::new(plan.seed);
        let manner = |variant| Rc::new(Manner::new(plan.kind, plan.door, variant, &mut random));
        let manners: Vec<Rc<Manner>> = (0..VARIANTS).map(manner).collect();
        let guest = |number: usize| {
            let manner = manners[number % manners.len()].clone();
            // Over TCP the kernel does not tell of the end who does not read, nor who says nothing.
            let can_hear = manner.reads == Reads::All && !manner.first.is_empty();
            let over_tcp = plan.door == Door::Http && number % 4 >= 2 && can_hear;
            Guest::new(manner, over_tcp.then_some(plan.address))
        };
        Crowd {
            guests: (0..plan.count).map(guest).collect(),
            epoll: epoll::create(epoll::CreateFlags::CLOEXEC).expect("an epoll"),
            events: Vec::with_capacity(1_024),
            scratch: vec![0; 64 << 10],
            since: Stopwatch::start(),
            ticks: 0,
            random,
            outcome: Outcome::default(),
            plan,
        }
    }

    fn present(&self) -> usize {
        self.guests.iter().filter(|guest| guest.is_present()).count()
    }

    /// Those who have rested come, some at a time.
    fn come(&mut self) {
        let now = self.since.elapsed();
        let mut coming = 0;
        for number in 0..self.guests.len() {
            let guest = &mut self.guests[number];
            if guest.is_present() || guest.rests_until() > now {
                continue;
            }
            match guest.come(&self.plan.socket, &self.epoll, number as u64, now) {
                Ok(()) => self.outcome.came += 1,
                // The door is crowded, or this process has no more descriptors.
                Err(_) => guest.rest_until(now + REST),
            }
            coming += 1;
            if coming == COMING_TOGETHER {
                self.turn();
                coming = 0;
            }
        }
    }

    /// Looks after all for whom there is something to do.
    fn turn(&mut self) {
        let mut events = std::mem::take(&mut self.events);
        events.clear();
        // An interrupted wait finds nothing, and comes again.
        let _ = epoll::wait(&self.epoll, spare_capacity(&mut events), Some(&NAP));
        for event in &events {
            let number = event.data.u64() as usize;
            let turn = self.guests[number].turn(event.flags, &self.epoll, number as u64, &mut self.scratch);
            self.took(number, turn);
        }
        self.events = events;
        let ticks = (self.since.elapsed().as_millis() / TICK.as_millis()) as u32;
        if ticks > self.ticks {
            self.ticks = ticks;
            for number in 0..self.guests.len() {
                let turn = self.guests[number].tick(&mut self.scratch);
                self.took(number, turn);
            }
        }
    }

    fn took(&mut self, number: usize, turn: Turn) {
        let now = self.since.elapsed();
        let guest = &mut self.guests[number];
        match turn {
            Turn::Stays(0) => {}
            Turn::Stays(sent) => {
                self.outcome.sent_bytes += sent as u64;
                guest.was_taken(now);
            }
            Turn::Leaves => guest.go(now),
            Turn::Cut => {
                let stayed = now.saturating_sub(guest.since());
                self.outcome.cut += 1;
                // Over TCP a client may wait long for its connection, by the kernel's time-outs.
                if !guest.is_over_tcp() {
                    self.outcome.longest_millis = self.outcome.longest_millis.max(stayed.as_millis() as u64);
                }
                let rest = REST / 2 + Duration::from_micros(self.random.below(REST.as_micros() as u64 / 2));
                guest.go(now + rest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_and_an_outcome_read_back() {
        let plan = Plan {
            kind: Kind::NeverReading,
            door: Door::Http,
            count: 7,
            works: Duration::from_millis(8),
            stays: Duration::from_secs(9),
            seed: 10,
            socket: PathBuf::from("/a b/c"),
            address: SocketAddr::from(([127, 0, 0, 1], 11)),
        };
        let read = Plan::of_arguments(&plan.arguments()).unwrap();
        assert_eq!(read.arguments(), plan.arguments());
        let outcome = Outcome { came: 1, cut: 2, left: 3, longest_millis: 4, sent_bytes: 5 };
        assert_eq!(outcome.to_string().parse(), Ok(outcome));
    }
}
