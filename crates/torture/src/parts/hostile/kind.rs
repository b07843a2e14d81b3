//! The kinds of clients that a sidecar must outlive.

use std::time::Duration;

use crate::setting::Scale;

/// The way into a sidecar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Door {
    /// The native protocol.
    Native,
    /// HTTP, half of it over TCP.
    Http,
}

impl Door {
    pub(super) const ALL: [Door; 2] = [Door::Native, Door::Http];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Door::Native => "native",
            Door::Http => "http",
        }
    }

    pub(super) fn of_name(name: &str) -> Option<Door> {
        Door::ALL.into_iter().find(|door| door.name() == name)
    }
}

/// A kind of client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Says nothing.
    Silent,
    /// Says hello, or asks once, and then nothing.
    Idle,
    /// Sends a byte of a request every second.
    Dripping,
    /// Sends half a request.
    Half,
    /// Sends what is no request.
    Garbage,
    /// Sends lengths that are not true, or that nobody would have room for.
    Lying,
    /// Asks for much and reads a little of it every second.
    Hoarding,
    /// Asks for much and reads nothing.
    NeverReading,
    /// Asks as fast as it is answered.
    Flooding,
    /// Connects and leaves.
    Leaving,
}

impl Kind {
    pub(super) const ALL: [Kind; 10] = [
        Kind::Silent,
        Kind::Idle,
        Kind::Dripping,
        Kind::Half,
        Kind::Garbage,
        Kind::Lying,
        Kind::Hoarding,
        Kind::NeverReading,
        Kind::Flooding,
        Kind::Leaving,
    ];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Kind::Silent => "silent",
            Kind::Idle => "idle",
            Kind::Dripping => "dripping",
            Kind::Half => "half",
            Kind::Garbage => "garbage",
            Kind::Lying => "lying",
            Kind::Hoarding => "hoarding",
            Kind::NeverReading => "never reading",
            Kind::Flooding => "flooding",
            Kind::Leaving => "leaving",
        }
    }

    pub(super) fn of_name(name: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The stated time within which such a client is cut off; `None` for those that are served, or leave by themselves.
    pub(super) fn cut_within(self, door: Door, times: &TimeOuts) -> Option<Duration> {
        match (self, door) {
            (Kind::Flooding | Kind::Leaving, _) | (Kind::Idle, Door::Native) => None,
            (Kind::Silent, Door::Native) => Some(times.handshake),
            (Kind::Hoarding | Kind::NeverReading, _) | (_, Door::Native) => Some(times.stall),
            // A second is what the request takes before, at most.
            (Kind::Silent | Kind::Idle, Door::Http) => Some(times.http_head + Duration::from_secs(1)),
            (_, Door::Http) => Some(times.http_head.max(times.http_body)),
        }
    }
}

/// The time-outs of the sidecar that is tried.
#[derive(Debug, Clone, Copy)]
pub(super) struct TimeOuts {
    handshake: Duration,
    pub(super) stall: Duration,
    http_head: Duration,
    http_body: Duration,
}

impl TimeOuts {
    /// Those of `asof serve`; in the short form, where nobody waits so long, shorter ones.
    pub(super) const fn of(scale: Scale) -> Self {
        match scale {
            Scale::Short => TimeOuts {
                handshake: Duration::from_millis(500),
                stall: Duration::from_millis(500),
                http_head: Duration::from_millis(1_000),
                http_body: Duration::from_millis(500),
            },
            Scale::Long => TimeOuts {
                handshake: Duration::from_secs(5),
                stall: Duration::from_secs(10),
                http_head: Duration::from_secs(30),
                http_body: Duration::from_secs(20),
            },
        }
    }

    /// The arguments of `asof serve` that set them.
    pub(super) fn arguments(&self) -> Vec<String> {
        let named = [
            ("--handshake-timeout", self.handshake),
            ("--stall-timeout", self.stall),
            ("--http-stall-timeout", self.stall),
            ("--http-header-timeout", self.http_head),
            ("--http-body-timeout", self.http_body),
        ];
        named.into_iter().flat_map(|(name, time)| [name.to_owned(), format!("{}ms", time.as_millis())]).collect()
    }
}
