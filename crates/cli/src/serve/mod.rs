//! `asof serve`: the sidecar.

mod alerts;
mod arguments;
mod feeds;
mod http;
mod lifecycle;
mod logs;
mod reload;
mod served;
mod sizes;
mod storage;
mod streams;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use asofdb::{Durability, Options, Store, SystemClock};
use asofdb_sidecar::{
    AlertOptions, AuditWatch, Bounds, ClockWatch, Descriptors, FreshnessWatch, Limits, Server, Service,
};
use clap::{Args, ValueEnum};
use tracing::{info, warn};

use self::alerts::AlertArguments;
use self::arguments::{AccessArguments, BoundArguments};
use self::feeds::FeedArguments;
use self::http::{Http, HttpArguments};
use self::lifecycle::Signals;
use self::logs::LogArguments;
use self::served::ServedArguments;
pub(crate) use self::sizes::parse_bytes;
use self::storage::{OnStorageError, StorageWatch};
use self::streams::StreamArguments;
use super::context::Context;
use super::error::{Outcome, Result};

/// The name of the file with the history of freshness, in the directory of the store.
const FRESHNESS_FILE: &str = "FRESHNESS";

/// Serve the store to other processes of this host through a Unix socket
///
/// A store is open in one process only: with --connect SOCKET the other commands work through this one. Ends on
/// SIGTERM or SIGINT: what has been asked is answered, nothing new is taken, everything is written to disk. The
/// environment of a service manager is used where there is one: an inherited socket (systemd's LISTEN_FDS) and
/// readiness (NOTIFY_SOCKET). On SIGHUP the files of limits and alerts are read again; one that is refused leaves all as
/// it is.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Serve {
    /// The socket, in a directory that only this user can write to; not needed where a service manager passes one
    #[arg(long, value_name = "PATH")]
    socket: Option<PathBuf>,
    /// Limits in TOML: requests, rows and bytes a second and requests at a time of consumers and views, and the latency
    /// that they are promised; read again on SIGHUP
    #[arg(long, value_name = "FILE")]
    limits: Option<PathBuf>,
    /// When a write is answered: handed to the operating system (survives a crash of the sidecar), or on disk
    #[arg(long, value_enum, value_name = "WHEN", default_value = "os")]
    durability: Durable,
    /// Memory of the store for cached blocks, write buffers and the hot table
    #[arg(long, value_name = "BYTES", value_parser = parse_bytes, default_value = "1GiB")]
    memory_budget: usize,
    /// The part of that for the hot table, which answers reads of the latest values from memory; 0 for none [default: an
    /// eighth]
    #[arg(long, value_name = "BYTES", value_parser = parse_bytes)]
    hot_bytes: Option<usize>,
    /// Lets clients on this machine that ask for it read the memory of the hot table by themselves, without a request;
    /// nothing that the policy restricts lies there then
    #[arg(long)]
    share_memory: bool,
    /// Say at /readyz that requests should be sent here only when the hot table has the rows back that it had before the
    /// start, or this time is over [without a time: 1m]
    #[arg(long, value_name = "TIME", num_args = 0..=1, require_equals = true, default_missing_value = "1m",
          value_parser = humantime::parse_duration)]
    ready_when_warm: Option<Duration>,
    /// Most bytes a second that flushes and compactions write [default: as many as they can]
    #[arg(long, value_name = "BYTES", value_parser = parse_bytes)]
    background_io_max: Option<usize>,
    /// The nice value of the threads that flush and compact
    #[arg(long, value_name = "N", default_value = "5", value_parser = clap::value_parser!(u8).range(0..=19))]
    background_nice: u8,
    /// The answer to a failed write to disk, so that the store is read-only until it is opened again
    #[arg(long, value_enum, value_name = "WHAT", default_value = "readonly")]
    on_storage_error: OnStorageError,
    /// Longest time that requests may go on after SIGTERM before they are cut off
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration, default_value = "10s")]
    drain_timeout: Duration,
    #[command(flatten)]
    feeds: FeedArguments,
    #[command(flatten)]
    streams: StreamArguments,
    #[command(flatten)]
    http: HttpArguments,
    #[command(flatten)]
    access: AccessArguments,
    #[command(flatten)]
    bounds: BoundArguments,
    #[command(flatten)]
    alerts: AlertArguments,
    #[command(flatten)]
    logs: LogArguments,
    #[command(flatten)]
    served: ServedArguments,
}

const EXAMPLES: &str = "\
Examples:
  mkdir -m 700 -p ~/.asof && asof serve --store asof-data --socket ~/.asof/socket
  asof --connect ~/.asof/socket get user_stats_v1 --entity user_id=1001
  asof serve --socket ~/.asof/socket --http 127.0.0.1:6566 --http-socket ~/.asof/http
  curl --unix-socket ~/.asof/http http://localhost/v1/views
  asof serve --socket ~/.asof/socket --alerts ~/.asof/alerts.toml
  kill -HUP $(pidof asof)
  asof serve --socket /run/asof/socket --mode 0660 --allow-gid 2001 --limits limits.toml --log-format json";

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Durable {
    Os,
    Sync,
}

/// The longest time in which the store is closed when all is answered: five seconds may go into its hot rows.
const CLOSE_PATIENCE: Duration = Duration::from_secs(10);

impl Serve {
    pub(crate) fn run(&self, context: &Context) -> Result<Outcome> {
        context.local_only("serve")?;
        self.logs.start()?;
        let limits = self.limits.as_ref().map(Limits::read).transpose()?.unwrap_or_default();
        let alerts = self.alerts.read()?;
        // Before anything is open, so that a signal never ends it half way.
        let signals = Signals::catch()?;
        // Before the store is open, which takes its part of the descriptors.
        let descriptors = Descriptors::raise();
        let store = self.served.start(self.open(context)?)?;
        self.serve(context, &store, descriptors, signals, limits, alerts)?;
        served::finish(&store);
        if let Some(reason) = store.read_only() {
            return Err(storage::ended(&reason).into());
        }
        store.flush()?;
        if !store.close(CLOSE_PATIENCE) {
            warn!(patience = ?CLOSE_PATIENCE, "the store was not closed in time: the next start finds its hot rows again");
        }
        info!("stopped");
        Ok(Outcome::Done)
    }

    /// Serves the store until a signal comes, and what was asked is answered.
    fn serve(
        &self,
        context: &Context,
        store: &Store,
        descriptors: Descriptors,
        signals: Signals,
        limits: Limits,
        alerts: Option<AlertOptions>,
    ) -> Result<()> {
        let (bounds, http_connections_max) = self.connections(descriptors)?;
        let socket = lifecycle::socket(self.socket.as_deref(), self.access.mode)?;
        let streams = self.streams.open(store)?;
        let service = self.service(context, store.clone(), limits)?;
        let server = Server::start(service.clone(), socket, self.access.access(), bounds)?;
        let http = self.http.start(&service, &self.access, http_connections_max)?;
        service.warm_up()?;
        let _watch = ClockWatch::start(service.clone())?;
        let history = context.store.join(FRESHNESS_FILE);
        let freshness = http.as_ref().map(|_| FreshnessWatch::start(service.clone(), Some(&history))).transpose()?;
        let _audits = AuditWatch::start(service.clone())?;
        let feeds = self.feeds.start(&service)?;
        let streams = StreamArguments::start(&service, streams)?;
        let mut reload = reload::started(&service, self.limits.as_deref(), &self.alerts, alerts, &context.store)?;
        service.set_ready();
        let _storage = StorageWatch::start(service.clone(), self.on_storage_error, signals.ender())?;
        lifecycle::notify_ready();
        self.tell_ready(context, store, http.as_ref());
        let signal = signals.wait(|| reload.again());
        lifecycle::notify_stopping();
        info!(signal, "stopping: what has been asked is answered, nothing new is taken");
        drop((feeds, streams, freshness));
        self.drain(server, http);
        service.finish_audits();
        Ok(())
    }

    fn service(&self, context: &Context, store: Store, limits: Limits) -> Result<Arc<Service>> {
        let service = Service::new(store, limits).with_bulk(self.bounds.bulk_bounds());
        let service = match self.ready_when_warm {
            Some(patience) => service.ready_when_warm(patience),
            None => service,
        };
        Ok(Arc::new(self.feeds.give(service, &context.lineage)?))
    }

    fn tell_ready(&self, context: &Context, store: &Store, http: Option<&Http>) {
        info!(
            store = %context.store.display(),
            socket = self.socket.as_ref().map(|path| path.display().to_string()),
            http = http.map(Http::addresses),
            views = store.catalog().views().count(),
            "ready"
        );
    }

    /// Closes both doors at the same time, when what was asked is answered or the time for it is over.
    fn drain(&self, server: Server, http: Option<Http>) {
        let finished = std::thread::scope(|scope| {
            let http = scope.spawn(|| http.is_none_or(|http| http.drain(self.drain_timeout)));
            let native = server.drain(self.drain_timeout);
            native & http.join().unwrap_or(false)
        });
        if !finished {
            warn!(drain_timeout = ?self.drain_timeout, "requests were cut off that were not answered in time");
        }
    }

    /// The bounds of the native door, and the most connections of each kind over HTTP, as the descriptors allow.
    fn connections(&self, descriptors: Descriptors) -> Result<(Bounds, usize)> {
        let bounds = self.bounds.bounds();
        let (native, http) = (bounds.connections_max, self.http.connections_max());
        // Over HTTP there is a pool for TCP and one for Unix sockets; an eighth may besides say hello.
        let wanted = native + native / 8 + 2 * http;
        let allowed = descriptors.connections(wanted)?;
        let share = |most: usize| (most * allowed / wanted).max(1).min(most);
        if allowed < wanted {
            warn!(
                connections_max = share(native),
                http_connections_max = share(http),
                "there are too few file descriptors (ulimit -n) for as many connections as configured"
            );
        }
        Ok((Bounds { connections_max: share(native), ..bounds }, share(http)))
    }

    fn open(&self, context: &Context) -> Result<Store> {
        let options = Options {
            memory_budget_bytes: self.memory_budget,
            hot_bytes: self.hot_bytes,
            hot_shared: self.share_memory,
            background_bytes_per_second: self.background_io_max.map(|bytes| bytes as u64),
            background_niceness: self.background_nice,
            shared: context.shared_store,
            ..Options::default()
        };
        let durability = match self.durability {
            Durable::Os => Durability::Os,
            Durable::Sync => Durability::Sync,
        };
        let store = Store::open_with(&context.store, options, Arc::new(SystemClock), durability)?;
        store.notices().iter().for_each(|notice| warn!(notice, "the store was opened"));
        Ok(store)
    }
}
