//! The sidecar among other processes: signals, and what a service manager passes and wants to know.

use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use asofdb::Error;
use asofdb_sidecar::Socket;
use listenfd::ListenFd;
use sd_notify::NotifyState;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;
use signal_hook::iterator::{Handle, Signals as Incoming};
use tracing::warn;

use crate::error::Result;

/// The exit code of a process that a second signal ends at once.
const IMPATIENT: i32 = 130;

/// The signals that end the sidecar, and the one at which it reads its settings again.
pub(super) struct Signals(Incoming);

impl Signals {
    /// Catches SIGTERM and SIGINT from now on, of which a second one ends the process at once, and SIGHUP.
    pub(super) fn catch() -> Result<Self> {
        let failed = |error: std::io::Error| Error::unavailable("cannot catch signals").with_source(error);
        let seen = Arc::new(AtomicBool::new(false));
        for signal in [SIGTERM, SIGINT] {
            // In this order: the first signal finds the flag down, and leaves it up.
            flag::register_conditional_shutdown(signal, IMPATIENT, seen.clone()).map_err(failed)?;
            flag::register(signal, seen.clone()).map_err(failed)?;
        }
        Ok(Signals(Incoming::new([SIGTERM, SIGINT, SIGHUP]).map_err(failed)?))
    }

    /// Returns what ends the sidecar as a signal would.
    pub(super) fn ender(&self) -> Ender {
        Ender(self.0.handle())
    }

    /// Waits for one that ends the sidecar, or for an [`Ender`]; gives its name. At each SIGHUP `reload` is called.
    pub(super) fn wait(mut self, mut reload: impl FnMut()) -> &'static str {
        for signal in self.0.forever() {
            match signal {
                SIGHUP => reload(),
                SIGINT => return "SIGINT",
                _ => return "SIGTERM",
            }
        }
        "a storage error"
    }
}

/// Ends the wait for signals.
pub(super) struct Ender(Handle);

impl Ender {
    pub(super) fn end(&self) {
        self.0.close();
    }
}

/// The socket that a service manager has passed, or a new one.
pub(super) fn socket(path: Option<&Path>, mode: u32) -> Result<Socket> {
    let inherited: Option<UnixListener> = ListenFd::from_env()
        .take_unix_listener(0)
        .map_err(|error| Error::invalid("the socket that was passed is no Unix stream socket").with_source(error))?;
    match (inherited, path) {
        (Some(listener), _) => Ok(Socket::inherited(listener)?),
        (None, Some(path)) => Ok(Socket::bind(path, mode)?),
        (None, None) => Err(Error::invalid("say where to listen (--socket PATH)").into()),
    }
}

/// Tells the service manager, if there is one, that requests are answered.
pub(super) fn notify_ready() {
    notify(NotifyState::Ready);
}

/// Tells it that they are not any more.
pub(super) fn notify_stopping() {
    notify(NotifyState::Stopping);
}

fn notify(state: NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(&[state]) {
        warn!(%error, "cannot tell the service manager");
    }
}
