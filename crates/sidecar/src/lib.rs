//! The sidecar of asofdb: a store that other processes of the host read and write.
//!
//! A [`Service`] is a store with its consumers. Two doors lead to it: [`Server`], the native protocol over a Unix
//! socket (docs/protocol.md), and [`HttpServer`] (feature `http`, docs/http.md).
#![cfg_attr(not(feature = "http"), allow(dead_code, reason = "what only the door for HTTP needs"))]
#![cfg_attr(
    not(all(feature = "alerts", feature = "http")),
    allow(unused_imports, reason = "a room shows the same to all, and not all look where features are left out")
)]

mod access;
mod admission;
#[cfg(feature = "http")]
mod alert_metrics;
#[cfg(feature = "alerts")]
mod alerts;
#[cfg(feature = "http")]
mod answer_metrics;
#[cfg(feature = "http")]
mod audit_watch;
#[cfg(feature = "http")]
mod audits;
mod bounds;
mod budget;
mod clock_watch;
mod consumers;
mod descriptors;
#[cfg(feature = "http")]
mod feed_metrics;
mod feed_watch;
#[cfg(feature = "http")]
mod freshness_history;
#[cfg(feature = "http")]
mod freshness_metrics;
#[cfg(feature = "http")]
mod freshness_record;
#[cfg(feature = "http")]
mod freshness_watch;
mod gauges;
#[cfg(feature = "http")]
mod http;
#[cfg(feature = "http")]
mod kept_file;
#[cfg(feature = "http")]
mod limit_metrics;
mod line;
#[cfg(feature = "http")]
mod metrics;
mod notices;
mod operation;
mod outlet;
mod output;
mod safe_path;
#[cfg(feature = "http")]
mod served_metrics;
mod server;
mod service;
mod settings;
mod slack;
mod socket;
#[cfg(all(feature = "http", feature = "streams"))]
mod stream_metrics;
#[cfg(feature = "streams")]
mod stream_watch;
mod sync;
mod warmth;

pub use self::access::{Access, Peer};
#[cfg(feature = "alerts")]
pub use self::alerts::{AlertOptions, Alerts, JsonPost};
#[cfg(feature = "http")]
pub use self::audit_watch::AuditWatch;
pub use self::bounds::Bounds;
pub use self::clock_watch::ClockWatch;
pub use self::consumers::Limits;
pub use self::descriptors::Descriptors;
pub use self::feed_watch::FeedWatch;
#[cfg(feature = "http")]
pub use self::freshness_watch::FreshnessWatch;
#[cfg(feature = "http")]
pub use self::http::{HttpListeners, HttpOptions, HttpServer, HttpToken};
pub use self::line::BulkBounds;
pub use self::server::Server;
pub use self::service::Service;
pub use self::socket::Socket;
#[cfg(feature = "streams")]
pub use self::stream_watch::StreamWatch;
pub use asofdb_protocol::{AlertReport, AlertTargetReport, AlertsReport, ConsumerReport, LimitsReport, Role};
